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

/* e^d for d <= 0, and for what is NaN. */
inline real exponential(real d)
{
    const real e = clarus_exp_falling(d);
    return d == d ? e : d;
}

/* The maximum, in the first lane. A logarithm shows the sign of its zero; of NaN the exponentials' sum makes NaN
 * everywhere. */
inline real largest(__global const float *x, int n)
{
    if (LOG)
        return reduce_row(REDUCTION_MAX, x, n, (real)(0.0f));
    real m = -CLARUS_INF;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        const real v = LOADU(x + i);
        m = v > m ? v : m;
    }
    if (i < n) {
        const real v = LOADU(x + i), more = v > m ? v : m;
        m = LANE_NUMBERS < (ints)(n - i) ? more : m;
    }
    return join_lanes(REDUCTION_MAX, m);
}

/* Writes the exponentials of a row; their sum is in the first lane. */
inline real exponentials(__global const float *x, __global float *y, int n, int room, real m)
{
    real total = (real)(0.0f);
    for (int first = 0; first < n; first += RUN) {
        const int end = n - first < RUN ? n : first + RUN;
        real sum[RUN_VECTORS];
        for (int v = 0; v < RUN_VECTORS; v++)
            sum[v] = (real)(0.0f);
        for (int i = first; i < end; i += RUN_LANES)
            for (int v = 0; v < RUN_VECTORS && i + v * LANES < end; v++) {
                const int at = i + v * LANES;
                const real e = exponential(LOADU(x + at) - m), next = sum[v] + e;
                store_lanes(e, y + at, room - at);
                sum[v] = end - at >= LANES ? next : LANE_NUMBERS < (ints)(end - at) ? next : sum[v];
            }
        const real result = join_along(REDUCTION_SUM, sum);
        total = first == 0 ? result : total + result;
    }
    return total;
}

/* room: elements from the row's first on that may be written, since those behind the row are written later. */
inline void softmax_row(__global const float *x, __global float *y, int n, int room)
{
    const real m = (real)(FIRST_LANE(largest(x, n)));
    const real s = (real)(FIRST_LANE(exponentials(x, y, n, room, m)));
    const real log_s = LOG ? clarus_log(s) : s;
    for (int i = 0; i < n; i += LANES)
        store_lanes(LOG ? LOADU(x + i) - m - log_s : clarus_div(LOADU(y + i), s), y + i, room - i);
}

CLARUS_KERNEL void softmax_along(__global const float *restrict x, __global float *y, SHARE, int n, int rows,
                                 int group)
{
    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int first = where.x * group, last = rows - first < group ? rows : first + group;
        for (int row = first; row < last; row++)
            softmax_row(x + row * n, y + row * n, n, (last - row) * n);
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
            const real e = exponential(LOADU(x + i * side) - m);
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
