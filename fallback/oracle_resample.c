/* Resampling along one axis (numerics.md section 6). */
#include "oracle_ops.h"

#include <math.h>

typedef struct resample_job {
    const float *x, *weights;
    const int32_t *indices;
    float *y;
    int64_t in, out, taps, inner;
} resample_job;

/* A row is one position along the axis, with the elements of the axes behind it. */
static void resample_rows(void *user, int64_t begin, int64_t end)
{
    const resample_job *job = user;
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % job->out;
        const float *x = job->x + row / job->out * job->in * job->inner;
        for (int64_t k = 0; k < job->inner; k++) {
            float sum = 0;
            for (int64_t t = i * job->taps; t < (i + 1) * job->taps; t++)
                if (job->weights[t] != 0)
                    sum = fmaf(x[job->indices[t] * job->inner + k], job->weights[t], sum);
            job->y[row * job->inner + k] = sum;
        }
    }
}

clarus_status oracle_resample(const oracle_task *task, clarus_error *error)
{
    (void)error;
    const shape *x = &task_input(task, 0)->shape, *table = &task_input(task, 1)->shape;
    size_t axis = (size_t)task->op->as.resample.axis;
    resample_job job = {.x = task->inputs[0],
                        .indices = task->inputs[1],
                        .weights = task->inputs[2],
                        .y = task->output,
                        .in = x->dims[axis],
                        .out = table->dims[0],
                        .taps = table->dims[1],
                        .inner = 1};
    int64_t outer = 1;
    for (size_t i = 0; i < axis; i++)
        outer *= x->dims[i];
    for (size_t i = axis + 1; i < x->rank; i++)
        job.inner *= x->dims[i];
    cpu_parallel(task->threads, outer * job.out, resample_rows, &job);
    return CLARUS_OK;
}
