#include "exec_queues.h"

#include <pthread.h>

static pthread_mutex_t cores_in_use = PTHREAD_MUTEX_INITIALIZER;

clarus_status exec_queues_create(clarus_device *device, const plan *plan, exec_queues *queues,
                                 clarus_error *error)
{
    *queues = (exec_queues){0};
    clarus_status status = device_create_queue(device, device->id, &queues->main, error);
    if (plan->counters == SIZE_MAX)
        return status;
    for (size_t i = 0; i < device->core_count && status == CLARUS_OK; i++)
        status = device_create_queue(device, device->cores[i], &queues->core[i], error);
    queues->core_count = device->core_count;
    return status;
}

static void release(cl_event *event)
{
    if (*event)
        clReleaseEvent(*event);
    *event = NULL;
}

static void forget_events(exec_queues *queues)
{
    release(&queues->fork);
    for (size_t i = 0; i < DEVICE_CORES; i++)
        release(&queues->last[i]);
}

void exec_queues_release(exec_queues *queues)
{
    for (size_t i = 0; i < DEVICE_CORES; i++)
        opencl_release_queue(queues->core[i]);
    opencl_release_queue(queues->main);
    forget_events(queues);
}

static void take_way(exec_queues *queues, int way)
{
    queues->uses_cores = way == 0 && queues->core_count > 0;
    if (queues->uses_cores)
        pthread_mutex_lock(&cores_in_use);
}

void exec_queues_begin_timing(exec_queues *queues)
{
    take_way(queues, queues->faster.way);
}

void exec_queues_end_timing(exec_queues *queues)
{
    if (queues->uses_cores)
        pthread_mutex_unlock(&cores_in_use);
    queues->uses_cores = 0;
}

void exec_queues_begin(exec_queues *queues)
{
    take_way(queues, faster_way_next(&queues->faster));
    queues->started_ms = clock_ms();
}

void exec_queues_end(exec_queues *queues)
{
    if (queues->core_count)
        faster_way_took(&queues->faster, !queues->uses_cores, clock_ms() - queues->started_ms);
    exec_queues_end_timing(queues);
}

/* ---- From one kind of queue to the other -------------------------------------------------------- */

static cl_int fork_to_cores(exec_queues *queues)
{
    if (queues->on_cores)
        return CL_SUCCESS;
    cl_int code = clEnqueueMarkerWithWaitList(queues->main, 0, NULL, &queues->fork);
    queues->on_cores = !code;
    return code ? code : clFlush(queues->main);
}

cl_int exec_queues_join(exec_queues *queues)
{
    if (!queues->on_cores)
        return CL_SUCCESS;
    cl_int code = CL_SUCCESS;
    for (size_t i = 0; i < queues->core_count && !code; i++)
        code = clFlush(queues->core[i]);
    if (!code)
        code = clEnqueueBarrierWithWaitList(queues->main, (cl_uint)queues->core_count, queues->last, NULL);
    queues->on_cores = code != CL_SUCCESS;
    return code;
}

/* ---- Launches ------------------------------------------------------------------------------------- */

static cl_int launch_on_core(exec_queues *queues, size_t core, const launch *launch, cl_kernel kernel)
{
    static const size_t one[3] = {1, 1, 1};
    cl_event event;
    cl_int code = clEnqueueNDRangeKernel(queues->core[core], kernel, 3, NULL, one, launch->local,
                                         queues->fork ? 1 : 0, queues->fork ? &queues->fork : NULL, &event);
    if (code)
        return code;
    release(&queues->last[core]);
    queues->last[core] = event;
    return CL_SUCCESS;
}

static cl_int launch_on_cores(exec_queues *queues, const launch *launch, cl_kernel kernel, int who)
{
    cl_int code = fork_to_cores(queues);
    for (size_t i = 0; i < queues->core_count && !code; i++) {
        const cl_int2 at = {{(cl_int)i, (cl_int)queues->arrivals}};
        code = clSetKernelArg(kernel, (cl_uint)who, sizeof at, &at);
        if (!code)
            code = launch_on_core(queues, i, launch, kernel);
    }
    release(&queues->fork);
    queues->arrivals += (uint32_t)queues->core_count;
    return code;
}

static cl_int launch_on_main(exec_queues *queues, const launch *launch, cl_kernel kernel, int who)
{
    static const cl_int2 by_place = {{-1, 0}};
    cl_int code = exec_queues_join(queues);
    if (!code && who >= 0)
        code = clSetKernelArg(kernel, (cl_uint)who, sizeof by_place, &by_place);
    return code ? code
                : clEnqueueNDRangeKernel(queues->main, kernel, 3, NULL, launch->global, launch->local, 0,
                                         NULL, NULL);
}

cl_int exec_queues_launch(exec_queues *queues, const launch *launch, cl_kernel kernel, int who)
{
    return (who >= 0 && queues->uses_cores && queues->core_count ? launch_on_cores : launch_on_main)(
        queues, launch, kernel, who);
}

/* ---- The end of a run ----------------------------------------------------------------------------- */

cl_int exec_queues_finish(exec_queues *queues, cl_mem counters)
{
    cl_int code = exec_queues_join(queues);
    queues->given_up = 0;
    if (!code && queues->uses_cores && queues->core_count)
        code = clEnqueueReadBuffer(queues->main, counters, CL_FALSE, SHARE_GIVEN_UP * sizeof(cl_int),
                                   sizeof(cl_int), &queues->given_up, 0, NULL, NULL);
    return code ? code : clFinish(queues->main);
}

void exec_queues_abandon(exec_queues *queues, cl_mem counters, size_t bytes)
{
    static const cl_int zero = 0;
    for (size_t i = 0; i < queues->core_count; i++)
        opencl_drain(queues->core[i]);
    opencl_drain(queues->main);
    forget_events(queues);
    if (queues->core_count &&
        !clEnqueueFillBuffer(queues->main, counters, &zero, sizeof zero, 0, bytes, 0, NULL, NULL))
        clFinish(queues->main);
    queues->on_cores = 0;
    queues->core_count = 0;
}
