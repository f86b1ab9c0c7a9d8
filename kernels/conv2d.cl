/* Direct convolution, channels blocked by 16.
 *
 *   y[n, o, oy, ox] = f(bias[o] + sum over blocks, ky, kx, c of x[n, c, oy*SY + ky*DY, ox*SX + kx*DX] * w[o, c, ky, kx])
 *
 * in the order and segments of docs/numerics.md section 4. x carries its padding as a halo of zeros.
 *
 * Layouts: x [N][blocks][rows][pixels][16] (XPIXEL 16), or planes [N][C][rows][pixels] (XPIXEL 1) for the first
 * layer's few channels; y and residual [N][blocks][rows][pixels][16]; w [group][tile of outputs][block][ky][kx][c][TC * 16].
 *
 * One work-item computes TR rows x TP pixels x TC blocks of LANES channels, held in registers; 16 / LANES
 * work-items (dimension 0) share a block. Dimension 1 counts runs of `run` tiles (tile = row tile * tiles_x + column
 * tile), computed one after the other by one work-item. Dimension 2 counts (n * groups + group) * output tiles + output tile.
 *
 * Parameters: TP, TR, TC (tile), SX (stride of columns), XPIXEL, LANES, FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"

CLARUS_KERNEL void conv2d(__global const float *restrict x, __global const float *restrict w,
                          __global const float *restrict bias, __global const float *residual,
                          __global float *y, __global const int *restrict p, float a, float b)
{
    /* The table: see launch_conv.c, which writes it in this order. */
    const int tiles_x = p[0], out_w = p[1], out_h = p[2], tiles_o = p[3], groups = p[4];
    const int channels = p[5], segment = p[6], kernel_h = p[7], kernel_w = p[8];
    const int x_offset = p[9], x_image = p[10], x_group = p[11], x_block = p[12], x_channel = p[13];
    const int x_row = p[14], x_kernel_row = p[15], x_kernel_column = p[16];
    const int y_offset = p[17], y_image = p[18], y_block = p[19], y_row = p[20];
    const int r_offset = p[21], r_image = p[22], r_block = p[23], r_row = p[24];
    const int group_blocks = p[25], has_residual = p[26], function = p[27], run = p[28], tiles = p[29];

    const int lane = get_global_id(0) * LANES;
    const int plane = get_global_id(2);
    const int tile_o = plane % tiles_o, group = plane / tiles_o % groups, n = plane / tiles_o / groups;
    const int block0 = tile_o * TC, first_tile = (int)get_global_id(1) * run;
    __global const float *tile_weights =
        w + (long)(group * tiles_o + tile_o) * channels * kernel_h * kernel_w * (TC * 16) + lane;

    /* Segments outside, tiles inside: a segment's weights stay in cache for the whole run. In between, the sums so far wait
     * in y. */
    for (int first = 0; first < channels; first += segment) {
        const int last = min(first + segment, channels);
        for (int tile = first_tile; tile < min(first_tile + run, tiles); tile++) {
            const int oy0 = tile / tiles_x * TR, ox0 = tile % tiles_x * TP;
            __global const float *ws = tile_weights + (long)first * kernel_h * kernel_w * (TC * 16);
            __global const float *xs[TR];
#pragma unroll
            for (int r = 0; r < TR; r++)
                xs[r] = x + x_offset + n * x_image + group * x_group + min(oy0 + r, out_h - 1) * x_row +
                        ox0 * (SX * XPIXEL);

            floatv sum[TR * TP][TC];
#pragma unroll
            for (int i = 0; i < TR * TP; i++)
#pragma unroll
                for (int t = 0; t < TC; t++)
                    sum[i][t] = (floatv)(0.0f);
            for (int c0 = first; c0 < last; c0 += 16) {
                const int width = min(16, last - c0);
                for (int ky = 0; ky < kernel_h; ky++) {
                    for (int kx = 0; kx < kernel_w; kx++) {
                        const int at = (c0 >> 4) * x_block + ky * x_kernel_row + kx * x_kernel_column;
                        __global const float *in[TR];
#pragma unroll
                        for (int r = 0; r < TR; r++)
                            in[r] = xs[r] + at;
#pragma unroll
                        for (int i = 0; i < TR * TP; i++)
                            PREFETCH(in[i / TP] + i % TP * (SX * XPIXEL) + x_block);
#pragma unroll 1
                        for (int c = 0; c < width; c++) {
                            floatv weight[TC];
#pragma unroll
                            for (int t = 0; t < TC; t++)
                                weight[t] = LOADV(ws + t * 16);
                            ws += TC * 16;
#pragma unroll
                            for (int i = 0; i < TR * TP; i++) {
                                const floatv v = (floatv)(in[i / TP][i % TP * (SX * XPIXEL)]);
#pragma unroll
                                for (int t = 0; t < TC; t++)
                                    sum[i][t] = fma(v, weight[t], sum[i][t]);
                            }
#pragma unroll
                            for (int r = 0; r < TR; r++)
                                in[r] += x_channel;
                        }
                    }
                }
            }

#pragma unroll
            for (int t = 0; t < TC; t++) {
                if (block0 + t >= group_blocks)
                    break;
                const int block = group * group_blocks + block0 + t;
                const floatv offset = LOADV(bias + block * 16 + lane) + 0.0f;
#pragma unroll
                for (int i = 0; i < TR * TP; i++) {
                    const int oy = oy0 + i / TP, ox = ox0 + i % TP;
                    if (oy < out_h && ox < out_w) {
                        __global float *out = y + y_offset + n * y_image + block * y_block + oy * y_row + ox * 16 + lane;
                        floatv v = sum[i][t] + 0.0f;
                        if (first > 0)
                            v = LOADV(out) + v;
                        if (last == channels) {
                            v += offset;
                            if (has_residual)
                                v += LOADV(residual + r_offset + n * r_image + block * r_block + oy * r_row + ox * 16 +
                                           lane);
                            v = epilogue_function(v, function, (floatv)(a), (floatv)(b));
                        }
                        STOREV(v, out);
                    }
                }
            }
        }
    }
}
