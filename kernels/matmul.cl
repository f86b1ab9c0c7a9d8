/* Matrix product, row-major, with batches.
 *
 *   y[batch, m, n] = f(bias[n] + sum over k of a[batch, m, k] * b[batch, k, n])
 *
 * k ascending in segments (docs/numerics.md section 4). a is read at m * a_row + k. b is read as rows of TC * 16 neighbouring n
 * at tile * b_tile + k * b_step: packed constants [tile][k][TC * 16], or any matrix whose n are neighbours. Reads may run past a row's end into the buffer's slack; nothing is written there.
 *
 * A tile is TP rows x TC vectors of LANES columns, held in registers as conv2d.cl's are. An item of work (conv_item.h) is a run
 * of tiles of one plane, one below the other; a plane is a tile of columns of one batch. offsets: three ints per batch,
 * where its matrices begin. bias has columns values and slack.
 *
 * Parameters: TP, TC, LANES, FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"
#include "conv_item.h"
#include "register_tile.h"

/* Steps for row i and vector t of the tile. The tile behind the last row stays there. */
#define LOCATE(i) at_a[i] = min(row + i, rows - 1) * a_row;
#define LOAD_COLUMNS(i, t) weight[t] = LOADU(bs + t * 16);
#define ADD_PRODUCTS(i) { \
        const floatv value = (floatv)(as[at_a[i]]); \
        UNROLL_BLOCKS(ADD_PRODUCT, i) }
/* The end of a segment, for one row: on to the sums so far; after the last segment the epilogue. The + 0 of numerics.md is in
 * the bias, which is never -0. */
#define WITHIN(t) if (n0 + t * 16 < columns)
#define ADD_EARLIER(i, t) WITHIN(t) s[t] = LOADU(out + t * 16) + s[t];
#define LOAD_BIAS(i, t) WITHIN(t) offset[t] = LOADU(bias + n0 + t * 16) + 0.0f;
#define ADD_BIAS(i, t) WITHIN(t) s[t] += offset[t];
#define ADD_RESIDUAL(i, t) WITHIN(t) s[t] += LOADU(residual + (out - y) + t * 16);
#define APPLY_FUNCTION(i, t) s[t] = epilogue_function(s[t], (floatv)(fa), (floatv)(fb));
#define STORE(i, t) WITHIN(t) store_lanes(s[t], out + t * 16, columns - n0 - t * 16);

CLARUS_KERNEL void matmul(__global const float *restrict a, __global const float *restrict b,
                          __global const float *restrict bias, __global const float *residual,
                          __global float *y, SHARE, __global const int *restrict p,
                          __global const int *restrict offsets, float fa, float fb)
{
    /* The table: see launch_matmul.c, which writes it in this order. */
    const int rows = p[0], columns = p[1], depth = p[2], segment = p[3], tiles = p[4];
    const int a_row = p[5], b_tile = p[6], b_step = p[7], has_residual = p[8];

    FOR_EACH_ITEM(item) {
        const conv_item at = conv_item_at(item, share);
        const int tile = at.plane % tiles, batch = at.plane / tiles;
        const int n0 = tile * (TC * 16) + at.lane, end_row = min(at.end_tile * TP, rows);
        __global const float *plane_a = a + offsets[batch * 3];
        __global const float *plane_b = b + offsets[batch * 3 + 1] + (long)tile * b_tile + at.lane;
        __global float *plane_y = y + offsets[batch * 3 + 2] + n0;

        /* Segments outside, tiles inside: a segment of b stays in cache for the whole run, while the next one is fetched,
         * spread evenly over the run. In between, the sums so far wait in y. */
        const int run = at.end_tile - at.first_tile, ahead_step = (TC * 16 + run - 1) / run;
        for (int first = 0; first < depth; first += segment) {
            const int last = min(first + segment, depth);
            __global const float *ahead = plane_b + (long)last * b_step;
            for (int row = at.first_tile * TP; row < end_row; row += TP) {
                int at_a[TP];
                UNROLL_PIXELS(LOCATE)
                __global const float *as = plane_a + first, *bs = plane_b + (long)first * b_step;
                floatv sum[TP][TC];
                UNROLL_PIXELS(CLEAR)
#pragma unroll 4
                for (int k = first; k < last; k++) {
                    floatv weight[TC];
                    UNROLL_BLOCKS(LOAD_COLUMNS, 0)
                    PREFETCH_FAR(ahead);
                    ahead += ahead_step;
                    bs += b_step;
                    UNROLL_PIXELS(ADD_PRODUCTS)
                    as++;
                }

                floatv kept[TP][TC], offset[TC];
                UNROLL_PIXELS(KEEP)
                UNROLL_BLOCKS(LOAD_BIAS, 0)
                __global float *out = plane_y + row * columns;
#pragma unroll END_UNROLL(TP)
                for (int i = 0; i < min(TP, rows - row); i++, out += columns) {
                    floatv s[TC];
                    UNROLL_BLOCKS(TAKE, i)
                    if (first > 0) {
                        UNROLL_BLOCKS(ADD_EARLIER, i)
                    }
                    if (last == depth) {
                        UNROLL_BLOCKS(ADD_BIAS, i)
                        if (has_residual) {
                            UNROLL_BLOCKS(ADD_RESIDUAL, i)
                        }
                        UNROLL_BLOCKS(APPLY_FUNCTION, i)
                    }
                    UNROLL_BLOCKS(STORE, i)
                }
            }
        }
    }
}
