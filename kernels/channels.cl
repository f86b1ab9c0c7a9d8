/* Channels of blocked values brought together in another blocked value.
 *
 * A block of y is put together from pieces: lanes l of it, those whose bits are set in `lanes`, are
 * x[at + (l >> shift)] of each pixel, x one of up to eight values. A piece of shift 0 is a run of channels; shift 1 to 3:
 * every second to eighth channel of y is from a run, as it is after one to three shuffles. A block's first piece has all
 * bits set; later ones go on top. Lanes beyond the channels of y get anything.
 *
 * Dimension 0: 16 / LANES parts of a block, dimension 1: runs of `run` pixels of a row, dimension 2: images and channel
 * blocks of y. Sources are read where they lie beyond a block, too: behind them is slack, and what would be before the
 * buffer is read lane by lane.
 *
 * Parameters: LANES, 16 or 1. */
#include "lanes.h"
#include "share.h"

#if LANES > 1
/* The first `pixels` of which the whole vector is in the buffer only in part: `at` is negative. */
inline int copy_lanes(__global const float *x, int at, int shift, int lanes, __global float *y, int pixels)
{
    int i = 0;
    for (; i < pixels && at + i * 16 < 0; i++)
        for (int l = 0; l < 16; l++)
            if (lanes >> l & 1)
                y[i * 16 + l] = x[at + i * 16 + (l >> shift)];
    return i;
}

#define EACH_PIXEL(spread) \
    for (; i < pixels; i++) { \
        const float16 v = LOADU(x + i * 16); \
        STOREV(chosen ? spread : LOADV(y + i * 16), y + i * 16); \
    }

inline void copy_piece(__global const float *x, int at, int shift, int lanes, __global float *y, int pixels)
{
    const int16 number = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const int16 chosen = ((int16)(lanes) >> number & 1) != 0;
    int i = copy_lanes(x, at, shift, lanes, y, pixels);
    x += at;
    switch (shift) {
    case 0: EACH_PIXEL(v); break;
    case 1: EACH_PIXEL(v.s0011223344556677); break;
    case 2: EACH_PIXEL(v.s0000111122223333); break;
    default: EACH_PIXEL(v.s0000000011111111);
    }
}
#else
inline void copy_piece(__global const float *x, int at, int shift, int lanes, __global float *y, int pixels)
{
    const int l = get_global_id(0);
    if (lanes >> l & 1)
        for (int i = 0; i < pixels; i++)
            y[i * 16] = x[at + i * 16 + (l >> shift)];
}
#endif

CLARUS_KERNEL void channels(__global const float *x0, __global const float *x1, __global const float *x2,
                            __global const float *x3, __global const float *x4, __global const float *x5,
                            __global const float *x6, __global const float *x7, __global float *y, SHARE,
                            __global const int *restrict p)
{
    /* The table: see launch_channels.c, which writes it in this order. */
    const int blocks = p[0], width = p[1], run = p[2], runs = p[3];
    const int y_offset = p[4], y_image = p[5], y_plane = p[6], y_row = p[7];
    __global const int *pitches = p + 8;           /* of each source: from image to image, from row to row */
    __global const int *first = p + 24;            /* of each block and one more: the number of its first piece */
    __global const int *pieces = first + blocks + 1; /* source, place in it, shift, lanes */
    __global const float *sources[8] = {x0, x1, x2, x3, x4, x5, x6, x7};

    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int image = where.z / blocks, block = where.z % blocks;
        const int row = where.y / runs, begin = where.y % runs * run;
        const int pixels = width - begin < run ? width - begin : run;
        __global float *to = y + y_offset + image * y_image + block * y_plane + row * y_row + begin * 16;
        for (int i = first[block]; i < first[block + 1]; i++) {
            __global const int *piece = pieces + i * 4, *pitch = pitches + piece[0] * 2;
            const int at = piece[1] + image * pitch[0] + row * pitch[1] + begin * 16;
            copy_piece(sources[piece[0]], at, piece[2], piece[3], to + where.x * LANES % 16, pixels);
        }
    }
}
