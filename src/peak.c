/* clarus_device_peak: samples of a few milliseconds, and the median of their rates, since a shared machine's
 * speed may change from one to the next. */
#include "cpu.h"
#include "device.h"
#include "samples.h"

#include <float.h>
#include <stdio.h>

enum {
    SAMPLES = 35,
    SAMPLE_MS = 3,
    UNROLL = 4,             /* of kernels/peak.cl */
    MOST_ACCUMULATORS = 12, /* more do not fit where registers are few, and cover no more latency */
    GROUPS_PER_UNIT = 16    /* so that units that run ahead find more to do */
};

typedef struct peak_run {
    clarus_device *device;
    cl_kernel kernel;
    cl_command_queue queue;
    cl_mem operands, out;
    size_t global, local;
    int lanes, accumulators;
} peak_run;

static void peak_release(peak_run *run)
{
    opencl_release_queue(run->queue);
    if (run->out)
        clReleaseMemObject(run->out);
    if (run->operands)
        clReleaseMemObject(run->operands);
    if (run->kernel)
        clReleaseKernel(run->kernel);
}

static clarus_status peak_prepare(peak_run *run, clarus_error *error)
{
    float operands[32];
    char defines[64];
    cl_int code;
    size_t width = (size_t)run->lanes * sizeof *operands;
    snprintf(defines, sizeof defines, "-DCLARUS_LANES=%d -DACCUMULATORS=%d", run->lanes, run->accumulators);
    clarus_status status = device_kernel(run->device, KERNEL_peak, defines, &run->kernel, error);
    if (status == CLARUS_OK)
        status = device_create_queue(run->device, 0, &run->queue, error);
    if (status != CLARUS_OK)
        return status;
    for (int i = 0; i < run->lanes * 2; i++)
        operands[i] = 0x1p-12f;
    run->operands =
        clCreateBuffer(run->device->cl, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, width * 2, operands, &code);
    if (!run->operands)
        return opencl_error(error, "clCreateBuffer", code);
    run->out = clCreateBuffer(run->device->cl, CL_MEM_WRITE_ONLY, width * run->global, NULL, &code);
    if (!run->out)
        return opencl_error(error, "clCreateBuffer", code);
    if ((code = clSetKernelArg(run->kernel, 0, sizeof(cl_mem), &run->operands)) ||
        (code = clSetKernelArg(run->kernel, 1, sizeof(cl_mem), &run->out)))
        return opencl_error(error, "clSetKernelArg", code);
    return CLARUS_OK;
}

static clarus_status peak_sample(const peak_run *run, cl_int rounds, double *ms, clarus_error *error)
{
    cl_int code = clSetKernelArg(run->kernel, 2, sizeof rounds, &rounds);
    if (code)
        return opencl_error(error, "clSetKernelArg", code);
    double begin = clock_ms();
    code = clEnqueueNDRangeKernel(run->queue, run->kernel, 1, NULL, &run->global, &run->local, 0, NULL, NULL);
    if (code)
        return opencl_error(error, "clEnqueueNDRangeKernel", code);
    code = clFinish(run->queue);
    *ms = clock_ms() - begin;
    return code ? opencl_error(error, "clFinish", code) : CLARUS_OK;
}

/* The first launch compiles; then rounds grow until the fastest of three launches takes long enough. */
static clarus_status find_rounds(const peak_run *run, cl_int *rounds, clarus_error *error)
{
    double ms = 0, fastest = 0;
    clarus_status status = peak_sample(run, 1, &ms, error);
    for (*rounds = 1024; status == CLARUS_OK; *rounds *= 2) {
        fastest = DBL_MAX;
        for (int i = 0; i < 3 && status == CLARUS_OK; i++) {
            status = peak_sample(run, *rounds, &ms, error);
            fastest = ms < fastest ? ms : fastest;
        }
        if (fastest >= SAMPLE_MS || *rounds > INT32_MAX / 4)
            break;
    }
    return status;
}

static clarus_status peak_measure(const peak_run *run, double *gflops, clarus_error *error)
{
    double sorted[SAMPLES];
    cl_int rounds;
    clarus_status status = find_rounds(run, &rounds, error);
    for (int i = 0; i < SAMPLES && status == CLARUS_OK; i++) {
        double ms = 0;
        if ((status = peak_sample(run, rounds, &ms, error)) == CLARUS_OK)
            insert_sorted(sorted, i, ms);
    }
    if (status == CLARUS_OK) {
        double flops = 2.0 * rounds * UNROLL * run->accumulators * run->lanes * (double)run->global;
        *gflops = flops / sorted[SAMPLES / 2] * 1e-6;
    }
    return status;
}

clarus_status clarus_device_peak(clarus_device *device, double *gflops, clarus_error *error)
{
    if (!device || !gflops)
        return error_set(error, CLARUS_E_ARGUMENT, "peak: %s is NULL", device ? "gflops" : "device");
    *gflops = 0;
    if (device_is_reference(device))
        return error_set(error, CLARUS_E_UNSUPPORTED, "peak: the reference device has no OpenCL to measure");
    const device_params *params = device->params;
    peak_run run = {.device = device,
                    .lanes = params->lanes,
                    .accumulators = params->tile_registers < MOST_ACCUMULATORS ? params->tile_registers
                                                                               : MOST_ACCUMULATORS,
                    .local = (size_t)params->group_size};
    run.global = run.local * (size_t)device->info.compute_units * GROUPS_PER_UNIT;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status = peak_prepare(&run, error);
    if (status == CLARUS_OK)
        status = peak_measure(&run, gflops, error);
    if (status == CLARUS_OK)
        device_store_programs(device);
    peak_release(&run);
    cpu_float_env_leave(&env);
    return status;
}
