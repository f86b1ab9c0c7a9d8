/* Maximum and average pooling (numerics.md section 6). */
#include "oracle_ops.h"

#include "functions.h"

typedef struct pool_job {
    const oracle_task *task;
    const pool_params *pool;
    int64_t pixels; /* of the output */
} pool_job;

/* One output along one axis: the taps inside the input are first <= k < end, at origin + k * dilation; and
 * how many taps are inside the padded input. */
typedef struct pool_taps {
    int64_t origin, first, end, padded;
} pool_taps;

/* How many taps lie below the extent. */
static int64_t taps_below(const window *w, int axis, int64_t origin, int64_t extent)
{
    int64_t taps = origin < extent ? (extent - 1 - origin) / w->dilation[axis] + 1 : 0;
    return taps < w->kernel[axis] ? taps : w->kernel[axis];
}

static pool_taps find_taps(const window *w, int axis, int64_t out)
{
    int64_t origin = out * w->stride[axis] - w->pad_begin[axis], step = w->dilation[axis];
    pool_taps taps = {.origin = origin, .first = origin < 0 ? (step - 1 - origin) / step : 0};
    taps.end = taps_below(w, axis, origin, w->in[axis]);
    taps.padded = taps_below(w, axis, origin, w->in[axis] + w->pad_end[axis]);
    taps.first = taps.first < taps.end ? taps.first : taps.end;
    return taps;
}

static float pool_window(const pool_params *pool, const float *x, const pool_taps taps[SPATIAL])
{
    const window *w = &pool->window;
    float largest = -INFINITY, sum = 0;
    int64_t inside = 0;
    for (int64_t d = taps[0].first; d < taps[0].end; d++)
        for (int64_t h = taps[1].first; h < taps[1].end; h++)
            for (int64_t k = taps[2].first; k < taps[2].end; k++) {
                int64_t at_d = taps[0].origin + d * w->dilation[0],
                        at_h = taps[1].origin + h * w->dilation[1];
                float v = x[(at_d * w->in[1] + at_h) * w->in[2] + taps[2].origin + k * w->dilation[2]];
                largest = clarus_max(largest, v);
                sum = sum + v;
                inside++;
            }
    if (pool->function == POOL_MAX)
        return largest;
    if (pool->function == POOL_SUM)
        return sum;
    int64_t padded = taps[0].padded * taps[1].padded * taps[2].padded;
    return clarus_div(sum, (float)(pool->count_padding ? padded : inside));
}

/* The first of the largest, NaN being the largest: its number within the plane. */
static int64_t pool_place(const pool_params *pool, const float *x, const pool_taps taps[SPATIAL])
{
    const window *w = &pool->window;
    int64_t steps[SPATIAL], place = -1;
    float best = 0;
    pool_index_steps(pool, steps);
    for (int64_t d = taps[0].first; d < taps[0].end; d++)
        for (int64_t h = taps[1].first; h < taps[1].end; h++)
            for (int64_t k = taps[2].first; k < taps[2].end; k++) {
                int64_t at_d = taps[0].origin + d * w->dilation[0],
                        at_h = taps[1].origin + h * w->dilation[1];
                int64_t at_w = taps[2].origin + k * w->dilation[2];
                float v = x[(at_d * w->in[1] + at_h) * w->in[2] + at_w];
                if (place < 0 || v > best || (v != v && best == best)) {
                    best = v;
                    place = at_d * steps[0] + at_h * steps[1] + at_w * steps[2];
                }
            }
    return place;
}

static void pool_planes(void *user, int64_t begin, int64_t end)
{
    const pool_job *job = user;
    const window *w = &job->pool->window;
    for (int64_t plane = begin; plane < end; plane++) {
        const float *x = (const float *)job->task->inputs[0] + plane * w->in[0] * w->in[1] * w->in[2];
        float *y = (float *)job->task->output + plane * job->pixels;
        for (int64_t i = 0; i < job->pixels; i++) {
            pool_taps taps[SPATIAL] = {find_taps(w, 0, i / w->out[2] / w->out[1]),
                                       find_taps(w, 1, i / w->out[2] % w->out[1]),
                                       find_taps(w, 2, i % w->out[2])};
            if (job->pool->function == POOL_INDEX)
                ((int64_t *)job->task->output)[plane * job->pixels + i] =
                    plane * w->in[0] * w->in[1] * w->in[2] + pool_place(job->pool, x, taps);
            else
                y[i] = pool_window(job->pool, x, taps);
        }
    }
}

clarus_status oracle_pool(const oracle_task *task, clarus_error *error)
{
    (void)error;
    const pool_params *pool = &task->op->as.pool;
    pool_job job = {task, pool, pool->window.out[0] * pool->window.out[1] * pool->window.out[2]};
    cpu_parallel(task->threads, pool->batch * pool->channels, pool_planes, &job);
    return CLARUS_OK;
}
