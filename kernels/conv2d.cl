/* Direct convolution, channels blocked by 16.
 *
 *   y[n, o, oy, ox] = f(bias[o] + sum over blocks, ky, kx, c of x[n, c, oy*SY + ky*DY, ox*SX + kx*DX] * w[o, c, ky, kx])
 *
 * in the order and segments of docs/numerics.md section 4. x carries its padding as a halo of zeros.
 *
 * Layouts: x [N][blocks][rows][pixels][16] (XPIXEL 16), or planes [N][C][rows][pixels] (XPIXEL 1) for the first layer's
 * few channels; y and residual [N][blocks][rows][pixels][16]; w [group][tile of outputs][block][ky][kx][c][TC * 16].
 *
 * A tile is TP pixels x TC blocks of LANES channels, held in registers. The outputs of all images are one list of pixels,
 * each of which has its own place in x, so that a tile may reach over the ends of rows and images. With FLAT the pixels that
 * a list needs of x simply follow each other: a list for each image, kernel 1x1, no halo, no strides. An item of work
 * (conv_item.h) is a run of tiles of one plane, one after the other; the planes are groups, output tiles and lists.
 * Either the planes of a run follow each other, or the runs of a plane: conv_tile.c chooses for the caches.
 *
 * Parameters: TP, TC (tile), XPIXEL, FLAT, LANES, FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"
#include "conv_item.h"
#include "register_tile.h"

/* Steps of the kernel for pixel i and block t of the tile. First, where the pixel lies; the tile behind the list's last
 * pixel stays there, or with FLAT reads on into the buffer's slack. */
#if FLAT
#define AT_X(i) (i * 16)
#define LOCATE(i)
#else
#define AT_X(i) at_x[i]
#define LOCATE(i) { \
        at_x[i] = x_place; \
        if (i + 1 < count) { \
            x_place += x_pixel; \
            if (++ox == out_w) { \
                ox = 0; \
                x_place += x_next_row; \
                if (++oy == out_h) { \
                    oy = 0; \
                    x_place += x_next_image; \
                } \
            } \
        } }
#endif
/* Hints for the next input pay in kernels 1x1, which read a pixel once for all outputs of a tile. */
#define PREFETCH_NEXT(i) { PREFETCH(in + AT_X(i) + next); }
#define ADD_PRODUCTS(i) { \
        const floatv value = (floatv)(in[AT_X(i)]); \
        UNROLL_BLOCKS(ADD_PRODUCT, i) }
/* One input channel: its weights by all pixels. */
#define ADD_CHANNEL { \
        floatv weight[TC]; \
        UNROLL_BLOCKS(LOAD_WEIGHT, 0) \
        PREFETCH_FAR(ahead); \
        ahead += ahead_step; \
        ws += TC * 16; \
        UNROLL_PIXELS(ADD_PRODUCTS) \
        in += x_channel; }
/* The end of a segment, for one pixel of the tile: on to the sums so far; after the last segment the epilogue. The + 0 of
 * numerics.md is in the bias, which is never -0. A loop over the pixels (END_UNROLL). */
#define WITHIN(t) if (t < blocks)
#define ADD_EARLIER(i, t) WITHIN(t) s[t] = LOADV(out + t * y_block + y_place) + s[t];
#define LOAD_BIAS(i, t) offset[t] = LOADV(bias + min(block + t, last_block) * 16 + lane) + 0.0f;
#define ADD_BIAS(i, t) s[t] += offset[t];
#define ADD_RESIDUAL(i, t) WITHIN(t) s[t] += LOADV(res + t * r_block + r_place);
#define APPLY_FUNCTION(i, t) s[t] = epilogue_function(s[t], (floatv)(a), (floatv)(b));
#define STORE(i, t) WITHIN(t) STOREV(s[t], out + t * y_block + y_place);

CLARUS_KERNEL void conv2d(__global const float *restrict x, __global const float *restrict w,
                          __global const float *restrict bias, __global const float *residual,
                          __global float *y, SHARE, __global const int *restrict p, float a, float b)
{
    /* The table: see launch_conv.c, which writes it in this order. */
    const int out_w = p[0], out_h = p[1], pixels = p[2], tiles_o = p[3];
    const int channels = p[4], segment = p[5], kernel_h = p[6], kernel_w = p[7];
    const int x_offset = p[8], x_image = p[9], x_group = p[10], x_block = p[11];
    const int x_channel = XPIXEL == 16 ? 1 : p[12], x_row = p[13], x_pixel = p[14];
    const int x_kernel_row = p[15], x_kernel_column = p[16], group_blocks = p[17];
    const int lists = p[18];
    const int y_offset = p[19], y_image = p[20], y_block = p[21], y_row = p[22];
    const int r_offset = p[23], r_image = p[24], r_block = p[25], r_row = p[26], has_residual = p[27];

    /* From behind the end of a row to the next one, and of an image. */
    const int x_next_row = x_row - out_w * x_pixel, x_next_image = x_image - out_h * x_row;
    const int y_next_row = y_row - out_w * 16, y_next_image = y_image - out_h * y_row;
    const int r_next_row = r_row - out_w * 16, r_next_image = r_image - out_h * r_row;

    FOR_EACH_ITEM(item) {
        const conv_item at = conv_item_at(item, share);
        const int lane = at.lane, list = at.plane % lists, tile_o = at.plane / lists;
        const int group = tile_o / tiles_o, block0 = tile_o % tiles_o * TC;
        const int block = group * group_blocks + block0, last_block = group * group_blocks + group_blocks - 1;
        const int blocks = group_blocks - block0;
        const int taps = kernel_h * kernel_w;
        const int first_pixel = at.first_tile * TP, end_pixel = min(at.end_tile * TP, pixels);
        __global const float *plane_weights =
            w + (long)tile_o * channels * kernel_h * kernel_w * (TC * 16) + lane;
        __global const float *plane_x = x + x_offset + list * x_image + group * x_group;
        __global float *out = y + y_offset + list * y_image + block * y_block + lane;
        __global const float *res = residual + r_offset + list * r_image + block * r_block + lane;

        /* Segments outside, tiles inside: a segment's weights stay in cache for the whole run, while the next
         * segment's (or next plane's) are fetched, spread evenly over the run. In between, the sums so far wait
         * in y. */
        const int run = at.end_tile - at.first_tile, ahead_step = (TC * 16 + run - 1) / run;
        for (int first = 0; first < channels; first += segment) {
            const int last = min(first + segment, channels);
            __global const float *ahead = plane_weights + (long)last * kernel_h * kernel_w * (TC * 16);
            int ox = first_pixel % out_w, oy = first_pixel / out_w % out_h, n = first_pixel / out_w / out_h;
            int x_place = n * x_image + oy * x_row + ox * x_pixel, end_x = ox, end_y = oy;
            int y_place = n * y_image + oy * y_row + ox * 16, r_place = n * r_image + oy * r_row + ox * 16;
            for (int pixel = first_pixel; pixel < end_pixel; pixel += TP) {
                const int count = pixels - pixel;
                int at_x[TP];
                UNROLL_PIXELS(LOCATE)
                __global const float *tile_x = FLAT ? plane_x + pixel * 16 : plane_x;
                __global const float *ws = plane_weights + (long)first * kernel_h * kernel_w * (TC * 16);

                floatv sum[TP][TC];
                UNROLL_PIXELS(CLEAR)
                for (int c0 = first; c0 < last; c0 += 16) {
                    const int width = min(16, last - c0);
                    /* To what is needed next: this tile's next block, or the first one of the tile behind it. */
                    const int next = c0 + 16 < last ? x_block : TP * x_pixel - ((c0 - first) >> 4) * x_block;
                    for (int ky = 0; ky < kernel_h; ky++) {
                        for (int kx = 0; kx < kernel_w; kx++) {
                            __global const float *in =
                                tile_x + (c0 >> 4) * x_block + ky * x_kernel_row + kx * x_kernel_column;
                            if (taps == 1) {
                                UNROLL_PIXELS(PREFETCH_NEXT)
                            }
                            if (XPIXEL == 16 && width == 16) {
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

                floatv kept[TP][TC], offset[TC];
                UNROLL_PIXELS(KEEP)
                UNROLL_BLOCKS(LOAD_BIAS, 0)
#pragma unroll END_UNROLL(TP)
                for (int i = 0; i < min(TP, count); i++) {
                    floatv s[TC];
                    UNROLL_BLOCKS(TAKE, i)
                    if (first > 0) {
                        UNROLL_BLOCKS(ADD_EARLIER, i)
                    }
                    if (last == channels) {
                        UNROLL_BLOCKS(ADD_BIAS, i)
                        if (has_residual) {
                            UNROLL_BLOCKS(ADD_RESIDUAL, i)
                        }
                        UNROLL_BLOCKS(APPLY_FUNCTION, i)
                    }
                    UNROLL_BLOCKS(STORE, i)
                    y_place += 16;
                    r_place += 16;
                    if (++end_x == out_w) {
                        end_x = 0;
                        y_place += y_next_row;
                        r_place += r_next_row;
                        if (++end_y == out_h) {
                            end_y = 0;
                            y_place += y_next_image;
                            r_place += r_next_image;
                        }
                    }
                }
            }
        }
    }
}
