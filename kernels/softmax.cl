/* Softmax and log-softmax over n elements.
 *
 *   m = max of x_i;  e_i = exp(x_i - m);  s = sum of e_i;  y_i = e_i / s, or (x_i - m) - log(s)
 *
 * The maximum and the sum in the order of reduction.h; y holds the e_i in between. softmax_along: rows of n elements side
 * by side, dimension 0 is a group of rows. softmax_across: elements at distance `side`, LANES rows in a vector; dimension 0 is a
 * piece of the rows side by side, dimension 1 the rest.
 *
 * Parameters: LANES, LOG. */
#include "lanes.h"
#include "share.h"
#include "reduction.h"

inline void softmax_row(__global const float *x, __global float *y, int n)
{
    const real m = (real)(FIRST_LANE(reduce_row(REDUCTION_MAX, x, n)));
    for (int i = 0; i < n; i += LANES)
        store_lanes(clarus_exp(LOADU(x + i) - m), y + i, n - i);
    const real s = (real)(FIRST_LANE(reduce_row(REDUCTION_SUM, y, n)));
    const real log_s = LOG ? clarus_log(s) : s;
    for (int i = 0; i < n; i += LANES)
        store_lanes(LOG ? LOADU(x + i) - m - log_s : clarus_div(LOADU(y + i), s), y + i, n - i);
}

CLARUS_KERNEL void softmax_along(__global const float *restrict x, __global float *y, SHARE, int n, int rows,
                                 int group)
{
    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int first = where.x * group, last = rows - first < group ? rows : first + group;
        for (int row = first; row < last; row++)
            softmax_row(x + row * n, y + row * n, n);
    }
}

/* LANES rows, of which `width` are there. */
inline void softmax_columns(__global const float *x, __global float *y, int n, int side, int width)
{
    real m = -CLARUS_INF;
    for (int i = 0; i < n; i++)
        m = clarus_max(m, LOADU(x + i * side));
    real s = (real)(0.0f);
    for (int first = 0; first < n; first += RUN) {
        const int end = n - first < RUN ? n : first + RUN;
        real lane[RUN_LANES];
        for (int j = 0; j < RUN_LANES; j++)
            lane[j] = (real)(0.0f);
        for (int i = first; i < end; i++) {
            const real e = clarus_exp(LOADU(x + i * side) - m);
            store_lanes(e, y + i * side, width);
            lane[i % RUN_LANES] += e;
        }
        const real result = join_across(REDUCTION_SUM, lane);
        s = first == 0 ? result : s + result;
    }
    const real log_s = LOG ? clarus_log(s) : s;
    for (int i = 0; i < n; i++)
        store_lanes(LOG ? LOADU(x + i * side) - m - log_s : clarus_div(LOADU(y + i * side), s), y + i * side, width);
}

CLARUS_KERNEL void softmax_across(__global const float *restrict x, __global float *y, SHARE, int n, int outer,
                                  int side, int piece)
{
    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int begin = where.x * piece, end = side - begin < piece ? side : begin + piece;
        const int place = where.y * n * side;
        if (where.y >= outer)
            continue;
        for (int i = begin; i < end; i += LANES)
            softmax_columns(x + place + i, y + place + i, n, side, end - i);
    }
}
