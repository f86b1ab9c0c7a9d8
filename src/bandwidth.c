/* clarus_device_bandwidth: every element that is written is the sum of so many that are read, over and over.
 * On CPUs each core has one contiguous part of both buffers, which stays in its caches if it fits there; on
 * other devices neighbouring work-items have neighbouring elements. */
#include "cpu.h"
#include "rounds.h"

#include <stdio.h>

enum { GROUPS_PER_UNIT = 16 }; /* where work-items are many */

static const uint64_t most_bytes = UINT64_C(256) << 20; /* no cache is as large */

/* Vectors written, a multiple of the work-items, and vectors read for each. */
typedef struct traffic {
    int64_t items, written, taps;
} traffic;

static traffic find_traffic(uint64_t read_bytes, uint64_t written_bytes, size_t width, size_t items)
{
    uint64_t read = (read_bytes < most_bytes ? read_bytes : most_bytes) / width;
    uint64_t written = (written_bytes < most_bytes ? written_bytes : most_bytes) / width;
    traffic t = {.items = (int64_t)items};
    t.written = (int64_t)((written + items - 1) / items * items);
    t.written = t.written ? t.written : t.items;
    t.taps = ((int64_t)read + t.written / 2) / t.written;
    t.taps = t.taps ? t.taps : 1;
    return t;
}

static clarus_status set_traffic(const rounds *rounds, const traffic *t, int is_cpu, clarus_error *error)
{
    int64_t each = t->written / t->items;
    const cl_int arguments[] = {
        (cl_int)each,
        (cl_int)t->taps,
        is_cpu ? (cl_int)each : 1,       /* from one work-item's first element to the next one's */
        is_cpu ? 1 : (cl_int)t->items,   /* from an element to the work-item's next */
        is_cpu ? (cl_int)t->taps : 1,    /* from the first tap of an element to that of the next */
        is_cpu ? 1 : (cl_int)t->written, /* from tap to tap */
    };
    cl_int code = CL_SUCCESS;
    for (cl_uint i = 0; i < sizeof arguments / sizeof *arguments && !code; i++)
        code = clSetKernelArg(rounds->kernel, ROUNDS_ARGUMENTS + i, sizeof *arguments, &arguments[i]);
    return code ? opencl_error(error, "clSetKernelArg", code) : CLARUS_OK;
}

static clarus_status measure(clarus_device *device, uint64_t read_bytes, uint64_t written_bytes,
                             double *gbytes_per_s, clarus_error *error)
{
    const device_params *params = device->params;
    int is_cpu = device->info.type == CLARUS_DEVICE_CPU;
    char defines[64];
    double ms = 0;
    size_t width = (size_t)params->lanes * sizeof(cl_float), units = (size_t)device->info.compute_units;
    rounds rounds = {.device = device, .local = (size_t)params->group_size};
    rounds.global = rounds.local * units * (is_cpu ? 1 : GROUPS_PER_UNIT);
    traffic t = find_traffic(read_bytes, written_bytes, width, rounds.global);
    snprintf(defines, sizeof defines, "-DCLARUS_LANES=%d -DCOPY=%d", params->lanes, t.taps == 1);
    clarus_status status =
        rounds_open(&rounds, KERNEL_bandwidth, defines, (size_t)(t.written * t.taps) * width,
                    (size_t)t.written * width, error);
    if (status == CLARUS_OK)
        status = set_traffic(&rounds, &t, is_cpu, error);
    if (status == CLARUS_OK)
        status = rounds_measure(&rounds, &ms, error);
    if (status == CLARUS_OK)
        *gbytes_per_s = (double)(t.written * (t.taps + 1)) * (double)width / ms * 1e-6;
    rounds_close(&rounds);
    return status;
}

clarus_status clarus_device_bandwidth(clarus_device *device, uint64_t read_bytes, uint64_t written_bytes,
                                      double *gbytes_per_s, clarus_error *error)
{
    if (!device || !gbytes_per_s)
        return error_set(error, CLARUS_E_ARGUMENT, "bandwidth: %s is NULL",
                         device ? "gbytes_per_s" : "device");
    *gbytes_per_s = 0;
    if (device_is_reference(device))
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "bandwidth: the reference device has no OpenCL to measure");
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status = measure(device, read_bytes, written_bytes, gbytes_per_s, error);
    cpu_float_env_leave(&env);
    return status;
}
