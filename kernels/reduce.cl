/* Reductions: sum, mean, maximum, minimum, product, sum of squares, sum of magnitudes.
 *
 *   reduce_along:  y[o] = the reduction of n elements that lie side by side
 *   reduce_across: y[outer, i] = the reduction of n elements at any distances; outputs i lie side by side, LANES of them in
 *                  a vector, output i at i / 16 * block + i % 16 (block is 16 in row-major values)
 *
 * reduce_along: dimension 0 is a group of outputs. reduce_across: dimension 0 is a piece of the outputs side by side,
 * dimension 1 the other outputs, flattened. A mean divides by n.
 *
 * Parameters: LANES, REDUCTION (reduction.h), MEAN. */
#include "lanes.h"
#include "share.h"
#include "reduction.h"
#include "strided.h"

inline real finish(real t, int n)
{
    return MEAN ? clarus_div(t, (real)((float)n)) : t;
}

CLARUS_KERNEL void reduce_along(__global const float *restrict x, __global float *restrict y, SHARE,
                                __global const int *restrict p)
{
    /* The table: see launch_generic.c, which writes it in this order. */
    const int n = p[0], outputs = p[1], group = p[2], offset = p[3], rank = p[4];
    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int first = where.x * group, last = outputs - first < group ? outputs : first + group;
        for (int o = first; o < last; o++) {
            __global const float *from = x + offset + strided_at(p + 5, rank, 1, 0, o);
            const real t = finish(reduce_row(REDUCTION, from, n, (real)(0.0f)), n);
            y[o] = FIRST_LANE(t);
        }
    }
}

/* The lanes of a run that is complete, joined to the runs before it; clear for the next one. */
inline void end_run(real *lane, real *total, int runs)
{
    const real result = join_across(REDUCTION, lane);
    *total = runs == 0 ? result : join_pair(REDUCTION, *total, result);
    for (int j = 0; j < RUN_LANES; j++)
        lane[j] = neutral_of(REDUCTION);
}

/* One vector of outputs; the elements are rows of `length` at distance `step`, row r at strided_at(axes, ..., r). */
inline real reduce_columns(__global const float *x, int rows, int length, int step, __global const int *axes, int rank)
{
    real total = neutral_of(REDUCTION), lane[RUN_LANES];
    for (int j = 0; j < RUN_LANES; j++)
        lane[j] = neutral_of(REDUCTION);
    int i = 0, runs = 0; /* elements in this run, runs before it */
    for (int row = 0; row < rows; row++) {
        __global const float *from = x + strided_at(axes, rank, 1, 0, row);
        for (int k = 0; k < length;) {
            if (i == RUN) {
                end_run(lane, &total, runs++);
                i = 0;
            }
            const int last = length - k < RUN - i ? length : k + RUN - i;
            for (; k < last; k++, i++, from += step)
                lane[i & (RUN_LANES - 1)] = accumulate(REDUCTION, lane[i & (RUN_LANES - 1)], LOADU(from));
        }
    }
    end_run(lane, &total, runs);
    return total;
}

CLARUS_KERNEL void reduce_across(__global const float *restrict x, __global float *restrict y, SHARE,
                                 __global const int *restrict p)
{
    /* The table: see launch_generic.c. The kept axes, then the reduced ones but the innermost. */
    const int side = p[0], piece = p[1], block = p[2], offset = p[3], kept = p[4];
    const int rows = p[5], length = p[6], step = p[7], reduced = p[8], others = p[9];
    __global const int *axes = p + 10;
    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int begin = where.x * piece, end = side - begin < piece ? side : begin + piece;
        const int outer = where.y;
        if (outer >= others)
            continue;
        __global const float *from = x + offset + strided_at(axes, kept, 1, 0, outer);
        for (int i = begin; i < end; i += LANES) {
            const real t = reduce_columns(from + i / 16 * block + i % 16, rows, length, step, axes + kept * 2, reduced);
            store_lanes(finish(t, rows * length), y + outer * side + i, end - i);
        }
    }
}
