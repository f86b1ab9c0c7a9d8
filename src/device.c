/* One device: its context, its sub-device where threads are limited, its programs, its self-test. */
#include "device.h"

#include "cpu.h"
#include "probe.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- One device ---- */

clarus_device *device_retain(clarus_device *device)
{
    atomic_fetch_add_explicit(&device->references, 1, memory_order_relaxed);
    return device;
}

static void store_late(clarus_device *device)
{
    cpu_float_env env;
    cpu_float_env_enter(&env);
    program_table_store(device->programs);
    cpu_float_env_leave(&env);
}

void clarus_device_free(clarus_device *device)
{
    if (!device || atomic_fetch_sub_explicit(&device->references, 1, memory_order_acq_rel) != 1)
        return;
    if (device->programs && device->params->binaries == BINARIES_LATE)
        store_late(device);
    program_table_free(device->programs);
    if (device->cl)
        clReleaseContext(device->cl);
    for (size_t i = 0; i < device->core_count; i++)
        clReleaseDevice(device->cores[i]);
    if (device->sub_device)
        clReleaseDevice(device->sub_device);
    clarus_context *context = device->context;
    memory_free(context, device);
    clarus_context_free(context);
}

int device_is_reference(const clarus_device *device)
{
    return device->info.type == CLARUS_DEVICE_REFERENCE;
}

const clarus_device_info *clarus_device_get_info(const clarus_device *device)
{
    return &device->info;
}

clarus_status device_create_queue(clarus_device *device, cl_device_id part, cl_command_queue *queue,
                                  clarus_error *error)
{
    cl_int code;
    *queue = clCreateCommandQueue(device->cl, part, 0, &code);
    return *queue ? CLARUS_OK : opencl_error(error, "clCreateCommandQueue", code);
}

/* Asked first, because a driver that cannot do it may lack the function altogether. */
static int has_parts_by_counts(cl_device_id id)
{
    cl_device_partition_property kinds[16] = {0};
    size_t size = 0;
    if (clGetDeviceInfo(id, CL_DEVICE_PARTITION_PROPERTIES, sizeof kinds, kinds, &size))
        return 0;
    for (size_t i = 0; i < size / sizeof *kinds; i++)
        if (kinds[i] == CL_DEVICE_PARTITION_BY_COUNTS)
            return 1;
    return 0;
}

/* Parts of the whole device with `units` compute units each. 0 if the driver refuses. */
static int divide(const clarus_device *device, int units, size_t count, cl_device_id *parts)
{
    cl_device_partition_property by_counts[DEVICE_CORES + 3] = {CL_DEVICE_PARTITION_BY_COUNTS};
    for (size_t i = 0; i < count; i++)
        by_counts[1 + i] = units;
    by_counts[1 + count] = CL_DEVICE_PARTITION_BY_COUNTS_LIST_END;
    cl_uint made = 0;
    return has_parts_by_counts(device->identity.id) &&
           !clCreateSubDevices(device->identity.id, by_counts, (cl_uint)count, parts, &made) && made == count;
}

/* A CPU device with more compute units than threads: a part of it. Where the driver refuses, the whole. */
static void limit_threads(clarus_device *device)
{
    int threads = device->context->threads;
    if (device->info.type != CLARUS_DEVICE_CPU || threads >= device->info.compute_units ||
        !divide(device, threads, 1, &device->sub_device))
        return;
    device->id = device->sub_device;
    device->info.compute_units = device->identity.compute_units = threads;
}

/* Cores that wait for each other must all run: never more than the context's threads. */
static void find_cores(clarus_device *device)
{
    size_t count = (size_t)device->info.compute_units;
    if (count > 1 && count <= (size_t)device->params->core_queues && count <= DEVICE_CORES &&
        count <= (size_t)device->context->threads && divide(device, 1, count, device->cores))
        device->core_count = count;
}

/* What no kernel can do without. */
static clarus_status check_abilities(const clarus_device *device, clarus_error *error)
{
    cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_FALSE;
    int major = 0, minor = 0;
    clGetDeviceInfo(device->id, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL);
    clGetDeviceInfo(device->id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL);
    clGetDeviceInfo(device->id, CL_DEVICE_ENDIAN_LITTLE, sizeof little, &little, NULL);
    if (sscanf(device->identity.version, "OpenCL %d.%d", &major, &minor) != 2 || major * 10 + minor < 12)
        return error_set(error, CLARUS_E_DEVICE, "its version is \"%s\", OpenCL 1.2 is needed",
                         device->identity.version);
    if (!available)
        return error_set(error, CLARUS_E_DEVICE, "it says that it is not available");
    if (!compiler)
        return error_set(error, CLARUS_E_DEVICE, "its driver has no compiler");
    if (!little)
        return error_set(error, CLARUS_E_DEVICE, "it is big-endian");
    return CLARUS_OK;
}

static clarus_status start_opencl(clarus_device *device, clarus_error *error)
{
    clarus_status status = check_abilities(device, error);
    if (status != CLARUS_OK)
        return status;
    limit_threads(device);
    find_cores(device);
    cl_device_fp_config fp = 0;
    clGetDeviceInfo(device->id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof fp, &fp, NULL);
    device->correct_divide = (fp & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    cl_int code;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform, 0};
    cl_device_id ids[1 + DEVICE_CORES] = {device->id};
    memcpy(ids + 1, device->cores, sizeof device->cores);
    device->cl = clCreateContext(properties, 1 + (cl_uint)device->core_count, ids, NULL, NULL, &code);
    if (!device->cl)
        return opencl_error(error, "clCreateContext", code);
    return program_table_create(device, &device->programs, error);
}

/* ---- Its self-test ---- */

static clarus_status replace_division(clarus_device *device, clarus_error *error)
{
    program_table_free(device->programs); /* its programs divide in the other way */
    device->programs = NULL;
    device->correct_divide = 0;
    return program_table_create(device, &device->programs, error);
}

/* A device that calls its division correctly rounded may be wrong: then the software form takes its place. */
static clarus_status run_probe(clarus_device *device, probe_report *report, clarus_error *error)
{
    *report = (probe_report){0};
    clarus_status status = probe_arithmetic(device, report, error);
    if (status == CLARUS_OK && report->failed[PROBE_DIVISION] && device->correct_divide) {
        if ((status = replace_division(device, error)) != CLARUS_OK)
            return status;
        *report = (probe_report){0};
        status = probe_arithmetic(device, report, error);
    }
    if (status == CLARUS_OK)
        status = probe_kernel_self_test(device, report, error);
    if (status == CLARUS_OK)
        device_store_programs(device);
    return status;
}

/* CLARUS_ALLOW_FAILED=subnormal admits a device that fails in nothing else; its name says so. */
static int is_admitted(clarus_device *device, const probe_report *report)
{
    const char *allowed = getenv("CLARUS_ALLOW_FAILED");
    int failures = 0;
    for (int i = 0; i < PROBE_PROPERTIES; i++)
        failures += report->failed[i];
    if (!failures)
        return 1;
    if (failures > 1 || !report->failed[PROBE_SUBNORMAL] || !allowed || strcmp(allowed, "subnormal") != 0)
        return 0;
    device->identity.admitted = 1;
    char *name = device->identity.name;
    static const char note[] = " (subnormal failed)";
    size_t room = sizeof device->identity.name - sizeof note, length = strlen(name);
    memcpy(name + (length < room ? length : room), note, sizeof note);
    return 1;
}

/* Names every property that failed and shows the first failure of each. */
static clarus_status self_test_error(const probe_report *report, clarus_error *error)
{
    char text[sizeof error->message] = "";
    for (int i = 0; i < PROBE_PROPERTIES; i++)
        if (report->failed[i]) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s%s: %s", used ? "; " : "",
                     probe_property_name((probe_property)i), report->detail[i]);
        }
    return error_set(error, CLARUS_E_DEVICE, "self-test: %s", text);
}

static clarus_status self_test(clarus_device *device, clarus_error *error)
{
    probe_report report;
    clarus_status status = run_probe(device, &report, error);
    if (status != CLARUS_OK)
        return status;
    if (is_admitted(device, &report)) {
        device->info.status = CLARUS_DEVICE_OK;
        return CLARUS_OK;
    }
    device->info.status = CLARUS_DEVICE_FAILED;
    return self_test_error(&report, error);
}

clarus_status device_examine(clarus_context *context, const device_identity *identity, int index,
                             clarus_device **device, clarus_device_status *status, clarus_error *error)
{
    *device = NULL;
    *status = CLARUS_DEVICE_UNUSABLE;
    clarus_device *d = memory_calloc(context, 1, sizeof *d);
    if (!d)
        return error_memory(error, "device");
    atomic_init(&d->references, 1);
    d->context = context_retain(context);
    d->identity = *identity;
    d->params = &d->identity.params;
    d->platform = identity->platform;
    d->id = identity->id;
    device_identity_info(&d->identity, &d->info);
    d->info.index = index;
    d->info.status = CLARUS_DEVICE_UNUSABLE;
    clarus_status result = CLARUS_OK;
    if (device_is_reference(d)) {
        d->info.status = CLARUS_DEVICE_OK;
    } else if ((result = start_opencl(d, error)) == CLARUS_OK) {
        result = self_test(d, error);
    }
    *status = d->info.status;
    if (result != CLARUS_OK) {
        clarus_device_free(d);
        return result;
    }
    *device = d;
    return CLARUS_OK;
}
