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
 * work-items (dimension 0) share a block. One of the dimensions 1 and 2 counts runs of `run` tiles (tile = row tile *
 * tiles_x + column tile), computed one after the other by one work-item; the other, planes_dimension, counts planes: output
 * tiles, images and groups, with the steps tile_step and image_step. What dimension 1 counts comes one after the other on a
 * CPU; launch_conv.c chooses the order for the caches.
 *
 * Parameters: TP, TR, TC (tile), SX (stride of columns), XPIXEL, LANES, FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"
#include "unroll.h"

enum { PIXELS = TR * TP };

/* The steps of the kernel for pixel i and block t of the tile; row and column of pixel i. */
#define ROW(i) ((i) / TP)
#define COLUMN(i) ((i) % TP)
#define CLEAR_SUM(i, t) if (t < TC) sum[i][t] = (floatv)(0.0f);
#define CLEAR(i) if (i < PIXELS) { UNROLL_BLOCKS(CLEAR_SUM, i) }
#define LOAD_WEIGHT(i, t) if (t < TC) weight[t] = LOADV(ws + t * 16);
#define ADD_PRODUCT(i, t) if (t < TC) sum[i][t] = fma(v, weight[t], sum[i][t]);
#define ADD_PRODUCTS(i) if (i < PIXELS) { \
        const floatv v = (floatv)(in[ROW(i)][COLUMN(i) * (SX * XPIXEL)]); \
        UNROLL_BLOCKS(ADD_PRODUCT, i) }
#define PREFETCH_NEXT(i) if (i < PIXELS) { PREFETCH(in[ROW(i)] + COLUMN(i) * (SX * XPIXEL) + x_block); }
/* One input channel: its weights by all pixels. */
#define ADD_CHANNEL { \
        floatv weight[TC]; \
        UNROLL_BLOCKS(LOAD_WEIGHT, 0) \
        PREFETCH_FAR(ahead); \
        ahead += ahead_step; \
        ws += TC * 16; \
        UNROLL_PIXELS(ADD_PRODUCTS) \
        for (int r = 0; r < TR; r++) \
            in[r] += x_channel; }
#define AT(row_pitch, i) ((oy0 + ROW(i)) * (row_pitch) + COLUMN(i) * 16)
/* The end of a segment: on to the sums so far, and after the last segment the epilogue. */
#define END_SUM(i, t) if (t < TC) if (block0 + t < group_blocks) { \
        floatv v = sum[i][t] + 0.0f; \
        if (first > 0) \
            v = LOADV(out + t * y_block + AT(y_row, i)) + v; \
        if (last == channels) { \
            v += offset[t]; \
            if (has_residual) \
                v += LOADV(res + t * r_block + AT(r_row, i)); \
            v = epilogue_function(v, function, (floatv)(a), (floatv)(b)); \
        } \
        STOREV(v, out + t * y_block + AT(y_row, i)); }
#define END(i) if (i < PIXELS) if (oy0 + ROW(i) < out_h && ox0 + COLUMN(i) < out_w) { UNROLL_BLOCKS(END_SUM, i) }
#define LOAD_BIAS(i, t) if (t < TC) offset[t] = LOADV(bias + min(block + t, last_block) * 16 + lane) + 0.0f;

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
    const int planes_dimension = p[30], images = p[31], tile_step = p[32], image_step = p[33];

    const int lane = get_global_id(0) * LANES;
    const int plane = get_global_id(planes_dimension);
    const int tile_o = plane / tile_step % tiles_o, n = plane / image_step % images;
    const int group = plane / (tile_step * tiles_o) % groups;
    const int block0 = tile_o * TC, first_tile = (int)get_global_id(3 - planes_dimension) * run;
    const int block = group * group_blocks + block0, last_block = group * group_blocks + group_blocks - 1;
    __global const float *tile_weights =
        w + (long)(group * tiles_o + tile_o) * channels * kernel_h * kernel_w * (TC * 16) + lane;

    /* Segments outside, tiles inside: a segment's weights stay in cache for the whole run, while the next segment's (or next
     * plane's) are fetched, spread evenly over the run. In between, the sums so far wait in y. */
    const int ahead_step = (TC * 16 + run - 1) / run;
    for (int first = 0; first < channels; first += segment) {
        const int last = min(first + segment, channels);
        __global const float *ahead = tile_weights + (long)last * kernel_h * kernel_w * (TC * 16);
        for (int tile = first_tile; tile < min(first_tile + run, tiles); tile++) {
            const int oy0 = tile / tiles_x * TR, ox0 = tile % tiles_x * TP;
            __global const float *ws = tile_weights + (long)first * kernel_h * kernel_w * (TC * 16);
            __global const float *xs[TR];
            for (int r = 0; r < TR; r++)
                xs[r] = x + x_offset + n * x_image + group * x_group + min(oy0 + r, out_h - 1) * x_row +
                        ox0 * (SX * XPIXEL);

            floatv sum[PIXELS][TC];
            UNROLL_PIXELS(CLEAR)
            for (int c0 = first; c0 < last; c0 += 16) {
                const int width = min(16, last - c0);
                for (int ky = 0; ky < kernel_h; ky++) {
                    for (int kx = 0; kx < kernel_w; kx++) {
                        const int at = (c0 >> 4) * x_block + ky * x_kernel_row + kx * x_kernel_column;
                        __global const float *in[TR];
                        for (int r = 0; r < TR; r++)
                            in[r] = xs[r] + at;
                        UNROLL_PIXELS(PREFETCH_NEXT)
                        if (width == 16) {
#pragma unroll 4
                            for (int c = 0; c < 16; c++)
                                ADD_CHANNEL
                        } else {
#pragma unroll 1
                            for (int c = 0; c < width; c++)
                                ADD_CHANNEL
                        }
                    }
                }
            }
            __global float *out = y + y_offset + n * y_image + block * y_block + ox0 * 16 + lane;
            __global const float *res = residual + r_offset + n * r_image + block * r_block + ox0 * 16 + lane;
            floatv offset[TC];
            UNROLL_BLOCKS(LOAD_BIAS, 0)
            UNROLL_PIXELS(END)
        }
    }
}
