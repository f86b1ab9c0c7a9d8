#include "rounds.h"

#include "samples.h"

#include <float.h>

enum { SAMPLES = 35, SAMPLE_MS = 3 };

/* Filled, since memory that was never written may all be one page. */
static clarus_status create_buffer(rounds *rounds, cl_uint argument, size_t bytes, cl_mem *buffer,
                                   clarus_error *error)
{
    const cl_uint zero = 0;
    cl_int code;
    *buffer = clCreateBuffer(rounds->device->cl, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (!*buffer)
        return opencl_error(error, "clCreateBuffer", code);
    code = clEnqueueFillBuffer(rounds->queue, *buffer, &zero, sizeof zero, 0, bytes, 0, NULL, NULL);
    if (code)
        return opencl_error(error, "clEnqueueFillBuffer", code);
    code = clSetKernelArg(rounds->kernel, argument, sizeof *buffer, buffer);
    return code ? opencl_error(error, "clSetKernelArg", code) : CLARUS_OK;
}

clarus_status rounds_open(rounds *rounds, kernel_id kernel, const char *defines, size_t from_bytes,
                          size_t to_bytes, clarus_error *error)
{
    clarus_status status = device_kernel(rounds->device, kernel, defines, &rounds->kernel, error);
    if (status == CLARUS_OK)
        status = device_create_queue(rounds->device, rounds->device->id, &rounds->queue, error);
    if (status == CLARUS_OK)
        status = create_buffer(rounds, 0, from_bytes, &rounds->from, error);
    if (status == CLARUS_OK)
        status = create_buffer(rounds, 1, to_bytes, &rounds->to, error);
    return status;
}

void rounds_close(rounds *rounds)
{
    opencl_release_queue(rounds->queue);
    if (rounds->to)
        clReleaseMemObject(rounds->to);
    if (rounds->from)
        clReleaseMemObject(rounds->from);
    if (rounds->kernel)
        clReleaseKernel(rounds->kernel);
}

static clarus_status sample(const rounds *r, cl_int count, double *ms, clarus_error *error)
{
    cl_int code = clSetKernelArg(r->kernel, 2, sizeof count, &count);
    if (code)
        return opencl_error(error, "clSetKernelArg", code);
    double begin = clock_ms();
    code = clEnqueueNDRangeKernel(r->queue, r->kernel, 1, NULL, &r->global, &r->local, 0, NULL, NULL);
    if (code)
        return opencl_error(error, "clEnqueueNDRangeKernel", code);
    code = clFinish(r->queue);
    *ms = clock_ms() - begin;
    return code ? opencl_error(error, "clFinish", code) : CLARUS_OK;
}

/* The first launch compiles; then rounds grow until the fastest of three launches takes long enough. */
static clarus_status find_count(const rounds *r, cl_int *count, clarus_error *error)
{
    double ms = 0, fastest = 0;
    clarus_status status = sample(r, 1, &ms, error);
    for (*count = 1; status == CLARUS_OK; *count *= 2) {
        fastest = DBL_MAX;
        for (int i = 0; i < 3 && status == CLARUS_OK; i++) {
            status = sample(r, *count, &ms, error);
            fastest = ms < fastest ? ms : fastest;
        }
        if (fastest >= SAMPLE_MS || *count > INT32_MAX / 4)
            break;
    }
    return status;
}

clarus_status rounds_measure(const rounds *rounds, double *ms, clarus_error *error)
{
    double sorted[SAMPLES];
    cl_int count;
    clarus_status status = find_count(rounds, &count, error);
    for (int i = 0; i < SAMPLES && status == CLARUS_OK; i++) {
        double one = 0;
        if ((status = sample(rounds, count, &one, error)) == CLARUS_OK)
            insert_sorted(sorted, i, one);
    }
    if (status == CLARUS_OK) {
        *ms = sorted[SAMPLES / 2] / count;
        device_store_programs(rounds->device);
    }
    return status;
}
