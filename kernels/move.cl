/* Moving elements between strided views, and filling.
 *
 *   move: to[j] = from[j] for all positions j; strides may be zero or negative in `from`
 *   fill: to[i] = value, of which `low` and `high` are the bits
 *
 * As in eltwise.cl, a work-item walks a piece of a row (dimension 0) in a group of rows (dimension 1); dimension 2 is the
 * remaining axes, flattened. Runs that are contiguous in both views go as vectors of LANES.
 *
 * Parameters: LANES; ELEMENT, the unsigned integer of an element's size. */
#include "kernel.h"
#include "share.h"
#include "strided.h"

CLARUS_KERNEL void move(__global ELEMENT *to, __global const ELEMENT *from, SHARE,
                        __global const int *restrict p)
{
    /* The table: see launch_generic.c, which writes it in this order. Two views: to, from. */
    const int length = p[0], rows = p[1], piece = p[2], group = p[3], rank = p[4];
    const int to_step = p[7], from_step = p[8], to_row = p[9], from_row = p[10];
    __global const int *axes = p + 11;

    FOR_EACH_ITEM(item) {
        const row_piece at = share_rows(item, share, length, rows, piece, group);
        const int to_place = p[5] + strided_at(axes, rank, 2, 0, at.outer);
        const int from_place = p[6] + strided_at(axes, rank, 2, 1, at.outer);
        for (int row = at.first; row < at.last; row++) {
            __global ELEMENT *y = to + to_place + row * to_row;
            __global const ELEMENT *x = from + from_place + row * from_row;
            int i = at.begin;
#if LANES > 1
            if (to_step == 1 && from_step == 1)
                for (; i + LANES <= at.end; i += LANES)
                    CLARUS_TYPE(vstore, LANES, )(CLARUS_TYPE(vload, LANES, )(0, x + i), 0, y + i);
#endif
#pragma clang loop vectorize(disable) unroll(disable) /* half of the time to compile */
            for (; i < at.end; i++)
                y[i * to_step] = x[i * from_step];
        }
    }
}

CLARUS_KERNEL void fill(__global ELEMENT *to, SHARE, uint low, uint high, int count, int piece)
{
    const ELEMENT value = (ELEMENT)((ulong)high << 32 | low);
    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int begin = where.x * piece;
        const int end = count - begin < piece ? count : begin + piece;
        for (int i = begin; i < end; i++)
            to[i] = value;
    }
}
