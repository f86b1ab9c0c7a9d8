/* A plan on its device: buffers, kernels, one queue. One thread at a time. */
#ifndef CLARUS_EXEC_H
#define CLARUS_EXEC_H

#include "device.h"
#include "plan.h"

typedef struct exec exec;

/* Allocates the buffers, packs the constants (with `threads` threads) and builds the kernels. device and plan
 * must outlive the exec. guarded: fills memory with a pattern first and lets exec_check_guards find stray
 * writes. */
clarus_status exec_create(clarus_device *device, const plan *plan, int threads, int guarded, exec **out,
                          clarus_error *error);
/* inputs and outputs: row-major host arrays in the graph's order. */
clarus_status exec_run(exec *exec, const void *const *inputs, void *const *outputs, clarus_error *error);
/* The same with buffers of the device's, for layers that chain on it. */
clarus_status exec_run_buffers(exec *exec, const cl_mem *inputs, const cl_mem *outputs, clarus_error *error);
/* Only the launches, each timed by itself: the median of some samples of some milliseconds, as the peak of
 * clarus_device_peak is. ms has room for plan->launch_count. The inputs are those of the last run. */
clarus_status exec_profile(exec *exec, double *ms, clarus_error *error);
/* CLARUS_E_MISMATCH if a launch wrote before or behind its buffer, or into a halo. */
clarus_status exec_check_guards(exec *exec, clarus_error *error);
void exec_free(exec *exec);

#endif
