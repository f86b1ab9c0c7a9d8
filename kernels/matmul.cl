/* Matrix product, row-major, with batches.
 *
 *   y[batch, m, n] = f(bias[n] + sum over k of a[batch, m, k] * b[batch, k, n])
 *
 * k ascending in segments (docs/numerics.md section 4). a is read at m * a_row + k * a_step. b is read as rows of TC * 16
 * neighbouring n at tile * b_tile + k * b_step: packed constants [tile][k][TC * 16], or any matrix whose n are
 * neighbours. Reads may run past a row's end into the buffer's slack; nothing is written there.
 *
 * One work-item computes TM rows x TC vectors of LANES; 16 / LANES work-items (dimension 0) share 16 columns. Dimension 1:
 * row tile; dimension 2: batch * tiles of columns + tile. offsets: three ints per batch, where its matrices begin.
 *
 * Parameters: TM, TC, LANES, FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"
#include "share.h"

CLARUS_KERNEL void matmul(__global const float *restrict a, __global const float *restrict b,
                          __global const float *restrict bias, __global const float *residual,
                          __global float *y, SHARE, __global const int *restrict p,
                          __global const int *restrict offsets, float fa, float fb)
{
    /* The table: see launch_matmul.c, which writes it in this order. */
    const int rows = p[0], columns = p[1], depth = p[2], segment = p[3], tiles = p[4];
    const int a_row = p[5], a_step = p[6], b_tile = p[7], b_step = p[8];
    const int has_residual = p[9];

    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int lane = where.x * LANES, m0 = where.y * TM;
        if (m0 >= rows)
            continue;
        const int tile = where.z % tiles, batch = where.z / tiles;
        __global const float *as[TM];
#pragma unroll
        for (int i = 0; i < TM; i++)
            as[i] = a + offsets[batch * 3] + min(m0 + i, rows - 1) * a_row;
        __global const float *bs = b + offsets[batch * 3 + 1] + (long)tile * b_tile + lane;

        floatv total[TM][TC];
        for (int first = 0; first < depth; first += segment) {
            floatv sum[TM][TC];
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int t = 0; t < TC; t++)
                    sum[i][t] = (floatv)(0.0f);
            const int last = min(first + segment, depth);
#pragma unroll 1
            for (int k = first; k < last; k++) {
                floatv column[TC];
#pragma unroll
                for (int t = 0; t < TC; t++)
                    column[t] = LOADU(bs + t * 16);
                bs += b_step;
#pragma unroll
                for (int i = 0; i < TM; i++) {
                    const floatv v = (floatv)(as[i][k * a_step]);
#pragma unroll
                    for (int t = 0; t < TC; t++)
                        sum[i][t] = fma(v, column[t], sum[i][t]);
                }
            }
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int t = 0; t < TC; t++) {
                    const floatv s = sum[i][t] + 0.0f;
                    total[i][t] = first == 0 ? s : total[i][t] + s;
                }
        }

        const int n0 = tile * (TC * 16) + lane;
#pragma unroll END_UNROLL(TM)
        for (int i = 0; i < TM; i++) {
            if (m0 + i >= rows)
                break;
            const int row = offsets[batch * 3 + 2] + (m0 + i) * columns;
#pragma unroll END_UNROLL(TC)
            for (int t = 0; t < TC; t++) {
                const int n = n0 + t * 16;
                if (n >= columns)
                    break;
                floatv v = total[i][t] + (LOADU(bias + n) + 0.0f);
                if (has_residual)
                    v += LOADU(residual + row + n);
                store_lanes(epilogue_function(v, (floatv)(fa), (floatv)(fb)), y + row + n, columns - n);
            }
        }
    }
}
