/* An element-wise function of one to three operands with broadcasting, then an epilogue function.
 *
 *   out[j] = f(x[j], y[j], z[j]) for all positions j of a strided view of the output
 *
 * Broadcast axes have stride 0. The two innermost axes, rows of elements, are walked by a work-item: dimension 0 is a
 * piece of a row, dimension 1 a group of rows, dimension 2 the remaining axes, flattened. With LANES 1 neighbouring work-items
 * have neighbouring elements; otherwise a work-item has a long piece.
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

/* The elements p[0], p[stride], ... of `width` lanes; what the others hold does not matter. */
inline real load_lanes(__global const float *p, int stride, int width)
{
#if LANES > 1
    if (stride != 1) {
        if (stride == 0)
            return (real)(p[0]);
        float lanes[LANES];
        for (int l = 0; l < LANES; l++)
            lanes[l] = p[(l < width ? l : 0) * stride];
        return LOADU(lanes);
    }
#endif
    return LOADU(p);
}

inline void store_strided(real v, __global float *p, int stride, int width)
{
    if (stride == 1) {
        store_lanes(v, p, width);
        return;
    }
    float lanes[LANES];
    STOREU(v, lanes);
    for (int l = 0; l < LANES && l < width; l++)
        p[l * stride] = lanes[l];
}

CLARUS_KERNEL void eltwise(__global float *out, __global const float *x, __global const float *y,
                           __global const float *z, SHARE, __global const int *restrict p, float a, float b,
                           float fa, float fb)
{
    /* The table: see launch_generic.c, which writes it in this order. Four views: out, x, y, z. */
    const int length = p[0], rows = p[1], piece = p[2], group = p[3], rank = p[4];
    __global const int *offset = p + 5, *step = p + 9, *row_step = p + 13, *axes = p + 17;

    FOR_EACH_ITEM(item) {
        const row_piece at = share_rows(item, share, length, rows, piece, group);
        __global float *to = out + offset[0] + strided_at(axes, rank, 4, 0, at.outer);
        __global const float *xs = x + offset[1] + strided_at(axes, rank, 4, 1, at.outer);
        __global const float *ys = y + offset[2] + strided_at(axes, rank, 4, 2, at.outer);
        __global const float *zs = z + offset[3] + strided_at(axes, rank, 4, 3, at.outer);
        for (int row = at.first; row < at.last; row++)
            for (int i = at.begin; i < at.end; i += LANES) {
                const int width = at.end - i;
                const real vx = load_lanes(xs + row * row_step[1] + i * step[1], step[1], width);
                const real vy = load_lanes(ys + row * row_step[2] + i * step[2], step[2], width);
                const real vz = load_lanes(zs + row * row_step[3] + i * step[3], step[3], width);
                const real v = operation(vx, vy, vz, (real)(a), (real)(b));
                store_strided(epilogue_function(v, (real)(fa), (real)(fb)),
                              to + row * row_step[0] + i * step[0], step[0], width);
            }
    }
}
