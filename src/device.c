/* One device: its context, its sub-device where threads are limited, its programs, its self-test. */
#include "device.h"

#include "program.h"

#include <stdio.h>

/* ---- One device ---- */

clarus_device *device_retain(clarus_device *device)
{
    atomic_fetch_add_explicit(&device->references, 1, memory_order_relaxed);
    return device;
}

void clarus_device_free(clarus_device *device)
{
    if (!device || atomic_fetch_sub_explicit(&device->references, 1, memory_order_acq_rel) != 1)
        return;
    program_table_free(device->programs);
    if (device->cl)
        clReleaseContext(device->cl);
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

clarus_status device_create_queue(clarus_device *device, int profiling, cl_command_queue *queue,
                                  clarus_error *error)
{
    cl_int code;
    *queue = clCreateCommandQueue(device->cl, device->id, profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    return *queue ? CLARUS_OK : opencl_error(error, "clCreateCommandQueue", code);
}

/* A CPU device with more compute units than threads: a part of it. Where the driver refuses, the whole. */
static void limit_threads(clarus_device *device)
{
    int threads = device->context->threads;
    if (device->info.type != CLARUS_DEVICE_CPU || threads >= device->info.compute_units)
        return;
    cl_device_partition_property by_counts[] = {CL_DEVICE_PARTITION_BY_COUNTS, threads,
                                                CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part = NULL;
    cl_uint parts = 0;
    if (clCreateSubDevices(device->id, by_counts, 1, &part, &parts) || !part)
        return;
    device->id = device->sub_device = part;
    device->info.compute_units = threads;
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
    cl_device_fp_config fp = 0;
    clGetDeviceInfo(device->id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof fp, &fp, NULL);
    device->correct_divide = (fp & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    cl_int code;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform, 0};
    device->cl = clCreateContext(properties, 1, &device->id, NULL, NULL, &code);
    if (!device->cl)
        return opencl_error(error, "clCreateContext", code);
    return program_table_create(device, &device->programs, error);
}

clarus_status device_examine(clarus_context *context, const device_identity *identity, int index,
                             clarus_device **device, clarus_device_status *status, clarus_error *error)
{
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
    clarus_status result = device_is_reference(d) ? CLARUS_OK : start_opencl(d, error);
    if (result != CLARUS_OK) {
        clarus_device_free(d);
        return result;
    }
    *status = d->info.status = CLARUS_DEVICE_OK;
    *device = d;
    return CLARUS_OK;
}
