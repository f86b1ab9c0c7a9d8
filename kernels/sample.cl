/* Samples between elements, at positions that come as data.
 *
 *   sample:    y[n, c, p] = sum over taps of (w_d * w_h) * w_w * x[n, c, d, h, w], the taps at points[n, axis, p]
 *   roi_align: y[r, c, i, j] = mean or maximum over the samples of part (i, j) of regions[r] of x[batch[r], c]
 *
 * from +0 by fma, taps in row-major order; sampling.h has positions and weights.
 *
 * sample: dimension 0: pieces of points, dimension 1: groups of channels, dimension 2: n.
 * roi_align: dimension 0: (i, j), dimension 1: groups of channels, dimension 2: regions r. A batch number out of range is
 * a fault.
 *
 * Parameters: INDEX, the type of the batch numbers (int or long). */
#include "kernel.h"
#include "fault.h"
#include "sampling.h"

inline float weighted_sum(__global const float *x, int rows, int columns, const sample_axis *d, const sample_axis *h,
                          const sample_axis *w)
{
    float sum = 0.0f;
    for (int a = 0; a < d->count; a++)
        for (int b = 0; b < h->count; b++)
            for (int c = 0; c < w->count; c++)
                if (d->index[a] >= 0 && h->index[b] >= 0 && w->index[c] >= 0)
                    sum = fma(x[(d->index[a] * rows + h->index[b]) * columns + w->index[c]],
                              d->weight[a] * h->weight[b] * w->weight[c], sum);
    return sum;
}

/* An axis that is not there. */
inline sample_axis sample_all(void)
{
    sample_axis taps;
    taps.count = 1;
    taps.index[0] = 0;
    taps.weight[0] = 1.0f;
    return taps;
}

CLARUS_KERNEL void sample(__global const float *restrict x, __global const float *restrict points,
                          __global float *restrict y, __global const int *restrict p)
{
    /* The table: see launch_sample.c, which writes it in this order. */
    const int axes = p[0], function = p[1], padding = p[2], aligned = p[3], channels = p[4], count = p[5];
    const int piece = p[6], group = p[7], depth = p[8], rows = p[9], columns = p[10];
    const int begin = (int)get_global_id(0) * piece, first = (int)get_global_id(1) * group, n = get_global_id(2);
    if (begin >= count || first >= channels)
        return;
    const int end = count - begin < piece ? count : begin + piece;
    const int last = channels - first < group ? channels : first + group;
    const int plane = depth * rows * columns;
    for (int i = begin; i < end; i++) {
        __global const float *point = points + n * axes * count + i;
        const sample_axis d = axes > 2 ? sample_at(point[0], function, padding, aligned, depth) : sample_all();
        const sample_axis h =
            axes > 1 ? sample_at(point[(axes - 2) * count], function, padding, aligned, rows) : sample_all();
        const sample_axis w = sample_at(point[(axes - 1) * count], function, padding, aligned, columns);
        for (int c = first; c < last; c++)
            y[(n * channels + c) * count + i] =
                weighted_sum(x + (n * channels + c) * plane, rows, columns, &d, &h, &w);
    }
}

/* The largest of the taps' products. */
inline float largest_product(__global const float *x, int columns, const sample_axis *h, const sample_axis *w)
{
    float largest = h->count && w->count ? -INFINITY : 0.0f;
    for (int b = 0; b < h->count; b++)
        for (int c = 0; c < w->count; c++)
            largest = clarus_max(largest, h->index[b] >= 0 && w->index[c] >= 0
                                              ? h->weight[b] * w->weight[c] * x[h->index[b] * columns + w->index[c]]
                                              : 0.0f);
    return largest;
}

CLARUS_KERNEL void roi_align(__global const float *restrict x, __global const INDEX *restrict batch,
                             __global const float *restrict regions, __global float *restrict y,
                             __global const int *restrict p, float scale, float offset,
                             volatile __global int *faults, int op)
{
    const int maximum = p[0], samples = p[1], images = p[2], channels = p[3], rows = p[4], columns = p[5];
    const int out_rows = p[6], out_columns = p[7], group = p[8];
    const int i = (int)get_global_id(0) / out_columns, j = (int)get_global_id(0) % out_columns, r = get_global_id(2);
    const int first = (int)get_global_id(1) * group, last = channels - first < group ? channels : first + group;
    if (i >= out_rows || first >= channels)
        return;
    if (batch[r] < 0 || batch[r] >= images) {
        fault_at(faults + op, r);
        return;
    }
    __global const float *region = regions + r * 4;
    const sample_bin h = sample_region(region[1], region[3], scale, offset, out_rows, samples, i);
    const sample_bin w = sample_region(region[0], region[2], scale, offset, out_columns, samples, j);
    const sample_axis d = sample_all();
    for (int c = first; c < last; c++) {
        __global const float *plane = x + ((int)batch[r] * channels + c) * rows * columns;
        float value = 0.0f;
        for (int a = 0; a < h.count; a++)
            for (int b = 0; b < w.count; b++) {
                const sample_axis row = sample_bin_at(h, a, rows), column = sample_bin_at(w, b, columns);
                const float v = maximum ? largest_product(plane, columns, &row, &column)
                                        : weighted_sum(plane, rows, columns, &d, &row, &column);
                value = !maximum ? value + v : a + b == 0 ? v : clarus_max(value, v);
            }
        const int count = h.count * w.count;
        y[((r * channels + c) * out_rows + i) * out_columns + j] =
            maximum ? value : clarus_div(value, (float)(count > 0 ? count : 1));
    }
}
