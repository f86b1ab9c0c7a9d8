/* An element-wise function of one to three operands with broadcasting, then an epilogue function.
 *
 *   out[j] = f(x[j], y[j], z[j]) for all positions j of a strided view of the output
 *
 * Broadcast axes have stride 0; along the innermost axis a stride is 0 or 1. The two innermost axes, rows of elements, are
 * walked by a work-item: dimension 0 is a piece of a row, dimension 1 a group of rows, dimension 2 the remaining axes,
 * flattened. With LANES 1 neighbouring work-items have neighbouring elements; otherwise a work-item has a long piece.
 *
 * Parameters: LANES, OPERATION (an OPERATION_ number), FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"
#include "share.h"
#include "strided.h"

enum {
#define ELTWISE(name, arity, expression) OPERATION_##name,
#include "eltwise.def"
#undef ELTWISE
};

inline real operation(real x, real y, real z, real a, real b)
{
    switch (OPERATION) {
#define ELTWISE(name, arity, expression)                                                                      \
    case OPERATION_##name:                                                                                     \
        return expression;
#include "eltwise.def"
#undef ELTWISE
    }
    return x;
}

/* Rows as long as a channel block are short. */
enum { LONGEST_SHORT = 16 };

#define ONE_A_ROW(k) (step[k] == 0 && row_step[k] != 0)

/* Of view k: where an item begins, and how far it is to the next vector of a line, to the next line. */
#define PLACE(k) (offset[k] + strided_at(axes, rank, 4, k, at.outer) + at.first * row_step[k] + at.begin * step[k])
#define NEXT(k) (across ? row_step[k] : LANES * step[k])
#define NEXT_LINE(k) (across ? LANES * step[k] : row_step[k])

CLARUS_KERNEL void eltwise(__global float *out, __global const float *x, __global const float *y,
                           __global const float *z, SHARE, __global const int *restrict p, float a, float b,
                           float fa, float fb)
{
    /* The table: see launch_generic.c, which writes it in this order. Four views: out, x, y, z. */
    const int length = p[0], rows = p[1], piece = p[2], group = p[3], rank = p[4];
    __global const int *offset = p + 5, *step = p + 9, *row_step = p + 13, *axes = p + 17;

    /* Vectors form lines: along the rows or, where these are short and no operand has one element for each,
     * across them. */
    const int across = length <= LONGEST_SHORT && !ONE_A_ROW(1) && !ONE_A_ROW(2) && !ONE_A_ROW(3);
    const int next[4] = {NEXT(0), NEXT(1), NEXT(2), NEXT(3)};
    const int next_line[4] = {NEXT_LINE(0), NEXT_LINE(1), NEXT_LINE(2), NEXT_LINE(3)};
    const ints single_x = (ints)(step[1] - 1), single_y = (ints)(step[2] - 1), single_z = (ints)(step[3] - 1);

    FOR_EACH_ITEM(item) {
        const row_piece at = share_rows(item, share, length, rows, piece, group);
        const int vectors = (at.end - at.begin + LANES - 1) / LANES, rows_here = at.last - at.first;
        if (rows_here <= 0)
            continue;
        const int lines = across ? vectors : rows_here, count = across ? rows_here : vectors;
        __global float *out_line = out + PLACE(0);
        __global const float *x_line = x + PLACE(1), *y_line = y + PLACE(2), *z_line = z + PLACE(3);
        for (int line = 0; line < lines; line++) {
            __global float *to = out_line + line * next_line[0];
            __global const float *xs = x_line + line * next_line[1], *ys = y_line + line * next_line[2];
            __global const float *zs = z_line + line * next_line[3];
            const real x0 = (real)(*xs), y0 = (real)(*ys), z0 = (real)(*zs);
            int width = at.end - at.begin - (across ? line * LANES : 0);
            for (int i = 0; i < count; i++) {
                const real vx = single_x < 0 ? x0 : LOADU(xs), vy = single_y < 0 ? y0 : LOADU(ys);
                const real vz = single_z < 0 ? z0 : LOADU(zs);
                const real v = operation(vx, vy, vz, (real)(a), (real)(b));
                store_lanes(epilogue_function(v, (real)(fa), (real)(fb)), to, width);
                to += next[0];
                xs += next[1];
                ys += next[2];
                zs += next[3];
                width -= across ? 0 : LANES;
            }
        }
    }
}
