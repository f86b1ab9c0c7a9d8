/* clarus_device_peak: chains of fused multiply-adds in registers. */
#include "cpu.h"
#include "rounds.h"

#include <stdio.h>

enum {
    UNROLL = 4,             /* of kernels/peak.cl */
    MOST_ACCUMULATORS = 12, /* more do not fit where registers are few, and cover no more latency */
    GROUPS_PER_UNIT = 16    /* so that units that run ahead find more to do */
};

static clarus_status measure(clarus_device *device, double *gflops, clarus_error *error)
{
    const device_params *params = device->params;
    int accumulators =
        params->tile_registers < MOST_ACCUMULATORS ? params->tile_registers : MOST_ACCUMULATORS;
    char defines[64];
    double ms = 0;
    size_t width = (size_t)params->lanes * sizeof(cl_float);
    rounds rounds = {.device = device, .local = (size_t)params->group_size};
    rounds.global = rounds.local * (size_t)device->info.compute_units * GROUPS_PER_UNIT;
    snprintf(defines, sizeof defines, "-DCLARUS_LANES=%d -DACCUMULATORS=%d", params->lanes, accumulators);
    clarus_status status =
        rounds_open(&rounds, KERNEL_peak, defines, width * 2, width * rounds.global, error);
    if (status == CLARUS_OK)
        status = rounds_measure(&rounds, &ms, error);
    if (status == CLARUS_OK)
        *gflops = 2.0 * UNROLL * accumulators * params->lanes * (double)rounds.global / ms * 1e-6;
    rounds_close(&rounds);
    return status;
}

clarus_status clarus_device_peak(clarus_device *device, double *gflops, clarus_error *error)
{
    if (!device || !gflops)
        return error_set(error, CLARUS_E_ARGUMENT, "peak: %s is NULL", device ? "gflops" : "device");
    *gflops = 0;
    if (device_is_reference(device))
        return error_set(error, CLARUS_E_UNSUPPORTED, "peak: the reference device has no OpenCL to measure");
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status = measure(device, gflops, error);
    cpu_float_env_leave(&env);
    return status;
}
