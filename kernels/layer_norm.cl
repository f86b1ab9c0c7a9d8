/* Layer normalisation of rows of n elements that lie side by side.
 *
 *   d_i = x_i - mean of x;  r = 1 / sqrt(sum of d_i^2 / n + epsilon);  y_i = (d_i * r) * scale_i + bias_i
 *
 * Both sums in the order of reduction.h; scale and bias have n elements. An item is a group of rows.
 *
 * Parameters: LANES. */
#include "lanes.h"
#include "share.h"
#include "reduction.h"

CLARUS_KERNEL void layer_norm(__global const float *restrict x, __global const float *restrict scale,
                              __global const float *restrict bias, __global float *restrict y, SHARE, int n, int rows,
                              int group, float epsilon)
{
    const real count = (real)((float)n);
    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int first = where.x * group, last = rows - first < group ? rows : first + group;
        for (int row = first; row < last; row++) {
            __global const float *from = x + row * n;
            __global float *to = y + row * n;
            const real sum = reduce_row(REDUCTION_SUM, from, n, (real)(0.0f));
            const real mean = (real)(FIRST_LANE(clarus_div(sum, count)));
            const real squares = reduce_row(REDUCTION_SUM_SQUARE, from, n, mean);
            const real variance = (real)(FIRST_LANE(clarus_div(squares, count)));
            const real r = clarus_div((real)(1.0f), clarus_sqrt(variance + (real)(epsilon)));
            for (int i = 0; i < n; i += LANES)
                store_lanes((LOADU(from + i) - mean) * r * LOADU(scale + i) + LOADU(bias + i), to + i, n - i);
        }
    }
}
