/* Samples between elements, at positions that come as data (numerics.md section 6). */
#include "oracle_ops.h"

#include "fault.h"
#include "sampling.h"

/* A plane [in[0], in[1], in[2]] and the taps along its axes. */
static float weighted_sum(const float *x, const int64_t *in, const sample_axis taps[SPATIAL])
{
    float sum = 0;
    for (int d = 0; d < taps[0].count; d++)
        for (int h = 0; h < taps[1].count; h++)
            for (int w = 0; w < taps[2].count; w++) {
                int64_t i = taps[0].index[d], j = taps[1].index[h], k = taps[2].index[w];
                if (i >= 0 && j >= 0 && k >= 0)
                    sum = fmaf(x[(i * in[1] + j) * in[2] + k],
                               taps[0].weight[d] * taps[1].weight[h] * taps[2].weight[w], sum);
            }
    return sum;
}

static const sample_axis all = {1, {0}, {1.0f}};

/* ---- At points */

static void sample_planes(void *user, int64_t begin, int64_t end)
{
    const oracle_task *task = user;
    const sample_params *p = &task->op->as.sample;
    for (int64_t plane = begin; plane < end; plane++) {
        const float *x = (const float *)task->inputs[0] + plane * p->in[0] * p->in[1] * p->in[2];
        const float *points = (const float *)task->inputs[1] + plane / p->channels * p->axes * p->points;
        for (int64_t i = 0; i < p->points; i++) {
            sample_axis taps[SPATIAL] = {all, all, all};
            for (int64_t a = 0; a < p->axes; a++)
                taps[SPATIAL - p->axes + a] = sample_at(points[a * p->points + i], p->function, p->padding,
                                                        p->aligned, (int)p->in[SPATIAL - p->axes + a]);
            ((float *)task->output)[plane * p->points + i] = weighted_sum(x, p->in, taps);
        }
    }
}

clarus_status oracle_sample(const oracle_task *task, clarus_error *error)
{
    (void)error;
    const sample_params *p = &task->op->as.sample;
    cpu_parallel(task->threads, p->batch * p->channels, sample_planes, (void *)task);
    return CLARUS_OK;
}

/* ---- Of regions */

static float largest_product(const float *x, const int64_t *in, const sample_axis taps[SPATIAL])
{
    float largest = taps[1].count && taps[2].count ? -INFINITY : 0;
    for (int h = 0; h < taps[1].count; h++)
        for (int w = 0; w < taps[2].count; w++) {
            int64_t j = taps[1].index[h], k = taps[2].index[w];
            float product = j >= 0 && k >= 0 ? taps[1].weight[h] * taps[2].weight[w] * x[j * in[2] + k] : 0;
            largest = clarus_max(largest, product);
        }
    return largest;
}

static float region_value(const roi_align_params *p, const float *x, sample_bin h, sample_bin w)
{
    const int64_t in[] = {1, p->rows, p->columns};
    float value = 0;
    for (int a = 0; a < h.count; a++)
        for (int b = 0; b < w.count; b++) {
            const sample_axis taps[SPATIAL] = {all, sample_bin_at(h, a, (int)p->rows),
                                               sample_bin_at(w, b, (int)p->columns)};
            const float v = p->maximum ? largest_product(x, in, taps) : weighted_sum(x, in, taps);
            value = !p->maximum ? value + v : a + b == 0 ? v : clarus_max(value, v);
        }
    const int count = h.count * w.count;
    return p->maximum ? value : clarus_div(value, (float)(count > 0 ? count : 1));
}

static void align_planes(void *user, int64_t begin, int64_t end)
{
    const oracle_task *task = user;
    const roi_align_params *p = &task->op->as.roi_align;
    const int64_t rows = p->out_rows, columns = p->out_columns;
    for (int64_t plane = begin; plane < end; plane++) {
        int64_t r = plane / p->channels, c = plane % p->channels;
        const float *region = (const float *)task->inputs[2] + r * 4;
        const float *x =
            (const float *)task->inputs[0] + (task_index(task, r) * p->channels + c) * p->rows * p->columns;
        for (int64_t i = 0; i < rows * columns; i++)
            ((float *)task->output)[plane * rows * columns + i] =
                region_value(p, x,
                             sample_region(region[1], region[3], p->scale, p->offset, (int)rows,
                                           (int)p->samples, (int)(i / columns)),
                             sample_region(region[0], region[2], p->scale, p->offset, (int)columns,
                                           (int)p->samples, (int)(i % columns)));
    }
}

clarus_status oracle_roi_align(const oracle_task *task, clarus_error *error)
{
    const roi_align_params *p = &task->op->as.roi_align;
    for (int64_t r = 0; r < p->regions; r++)
        if (task_index(task, r) < 0 || task_index(task, r) >= p->batch)
            return fault_set(task->op, r, task_index(task, r), error);
    cpu_parallel(task->threads, p->regions * p->channels, align_planes, (void *)task);
    return CLARUS_OK;
}
