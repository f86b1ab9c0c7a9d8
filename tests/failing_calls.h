/* OpenCL calls of which one fails. The loader finds a driver's functions through the table to which each of
 * the driver's objects points; ours are put in front of PoCL's there. They count the calls, let one fail, and
 * count the objects that the library made and has not released. */
#ifndef CLARUS_FAILING_CALLS_H
#define CLARUS_FAILING_CALLS_H

#include "opencl.h"
#include "test.h"

#include <CL/cl_icd.h>

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

static cl_icd_dispatch driver;                   /* PoCL's own functions */
static atomic_long until_failed_call = LONG_MAX; /* calls that succeed before the one that fails */
static atomic_long live_objects;
static const char *volatile failed_call = "none";

static inline int fails(const char *name)
{
    if (atomic_fetch_sub(&until_failed_call, 1) != 0)
        return 0;
    failed_call = name;
    return 1;
}

#define RETURNS_CODE(name, parameters, arguments)                                                            \
    static cl_int CL_API_CALL failing_##name parameters                                                      \
    {                                                                                                        \
        return fails(#name) ? CL_OUT_OF_RESOURCES : driver.name arguments;                                   \
    }
#define RETURNS_OBJECT(type, name, parameters, arguments)                                                    \
    static type CL_API_CALL failing_##name parameters                                                        \
    {                                                                                                        \
        type object = NULL;                                                                                  \
        if (fails(#name))                                                                                    \
            *code = CL_OUT_OF_HOST_MEMORY;                                                                   \
        else                                                                                                 \
            object = driver.name arguments;                                                                  \
        live_objects += object != NULL;                                                                      \
        return object;                                                                                       \
    }
#define RELEASES(name, type)                                                                                 \
    static cl_int CL_API_CALL failing_##name(type object)                                                    \
    {                                                                                                        \
        live_objects--;                                                                                      \
        return driver.name(object);                                                                          \
    }
#include "failing_calls.def"
#undef RETURNS_CODE
#undef RETURNS_OBJECT
#undef RELEASES

/* The one call that makes an object and returns a code. */
static cl_int CL_API_CALL failing_clCreateSubDevices(cl_device_id device,
                                                     const cl_device_partition_property *properties,
                                                     cl_uint room, cl_device_id *out, cl_uint *count)
{
    if (fails("clCreateSubDevices"))
        return CL_OUT_OF_RESOURCES;
    cl_uint made = 0;
    cl_int code = driver.clCreateSubDevices(device, properties, room, out, &made);
    live_objects += !code && out ? (long)made : 0;
    if (count)
        *count = made;
    return code;
}

/* The one that returns memory. */
static void *CL_API_CALL failing_clEnqueueMapBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking,
                                                    cl_map_flags flags, size_t offset, size_t size,
                                                    cl_uint count, const cl_event *waits, cl_event *event,
                                                    cl_int *code)
{
    if (!fails("clEnqueueMapBuffer"))
        return driver.clEnqueueMapBuffer(queue, memory, blocking, flags, offset, size, count, waits, event,
                                         code);
    *code = CL_MAP_FAILURE;
    return NULL;
}

/* 0 if there is no PoCL. */
static inline int failing_calls_install(void)
{
    cl_platform_id platforms[16];
    cl_uint count = 0;
    char name[64] = "";
    if (clGetPlatformIDs(16, platforms, &count))
        return 0;
    for (cl_uint i = 0; i < count && i < 16; i++) {
        if (clGetPlatformInfo(platforms[i], CL_PLATFORM_NAME, sizeof name, name, NULL) ||
            strcmp(name, "Portable Computing Language") != 0)
            continue;
        cl_icd_dispatch *table = *(cl_icd_dispatch **)(void *)platforms[i];
        driver = *table;
#define RETURNS_CODE(name, parameters, arguments) table->name = failing_##name;
#define RETURNS_OBJECT(type, name, parameters, arguments) table->name = failing_##name;
#define RELEASES(name, type) table->name = failing_##name;
#include "failing_calls.def"
#undef RETURNS_CODE
#undef RETURNS_OBJECT
#undef RELEASES
        table->clCreateSubDevices = failing_clCreateSubDevices;
        table->clEnqueueMapBuffer = failing_clEnqueueMapBuffer;
        return 1;
    }
    return 0;
}

/* Repeats act with its first, second, ... call failing, until it ends before that, or `most` times. What is
 * lost is an error in one line or nothing but speed, in which case act checks its result. Nothing leaks. */
static inline void sweep_calls(const char *name, long most,
                               clarus_status (*act)(const void *user, clarus_error *error), const void *user)
{
    long failures = 0;
    for (long n = 0, left = -1; left < 0 && n < most; n++) {
        clarus_error error = {0};
        long live = live_objects;
        until_failed_call = n;
        clarus_status status = act(user, &error);
        left = until_failed_call;
        until_failed_call = LONG_MAX;
        failures += status != CLARUS_OK;
        CHECK(live_objects == live, "%s, call %ld, %s: %ld objects leaked", name, n, failed_call,
              live_objects - live);
        CHECK(status == CLARUS_OK ||
                  (error.status == status && *error.message && !strchr(error.message, '\n')),
              "%s, call %ld, %s: %s: %s", name, n, failed_call, clarus_status_name(status), error.message);
        CHECK(left < 0 || status == CLARUS_OK, "%s: %s without a failure", name, error.message);
    }
    CHECK(failures > 0, "%s: no failures", name);
}

#endif
