/* Winograd's convolution F(4x4, 3x3) of a run of tiles, from input to output, in one work-item (docs/numerics.md
 * section 5). winograd_parts.cl does the same in three launches.
 *
 * Layouts: x and y channel blocks by 16, x with a halo that whole tiles stay in; w [group][tile of outputs][36][c][TC * 16]. In local
 * memory, which a CPU's core keeps in its own cache: v [part][36][block][TP][16], the transformed inputs of the run, whose
 * parts are TP tiles each, and m [36][part][TP][TC][16], the sums of TC blocks of outputs.
 *
 * An item of work (share.h) is `parts` * TP tiles, counted through all images, and a piece of a group's tiles of outputs; the
 * pieces of a run follow each other. The weights of a position serve all parts before the next position's come.
 *
 * Parameters: TP, TC (tile of sums), LANES (16), FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"
#include "register_tile.h"
#include "share.h"
#include "winograd.h"

#define LOADL(p) (*(__local const floatv *)(p))
#define STOREL(v, p) (*(__local floatv *)(p) = (v))

/* Input to v. */
#define READ(i, j) LOADV(in + i * x_row + j * 16)
#define WRITE(i, j, value) STOREL(value, to + (6 * i + j) * v_position);

/* v to m: the steps of conv2d.cl. */
#define PREFETCH_WEIGHT(i, t) { PREFETCH_FAR(ws + AHEAD + t * 16); }
#define ADD_PRODUCTS(i) { \
        const floatv value = (floatv)(from[i * 16]); \
        UNROLL_BLOCKS(ADD_PRODUCT, i) }
#define ADD_CHANNEL { \
        floatv weight[TC]; \
        UNROLL_BLOCKS(LOAD_WEIGHT, 0) \
        UNROLL_BLOCKS(PREFETCH_WEIGHT, 0) \
        ws += TC * 16; \
        UNROLL_PIXELS(ADD_PRODUCTS) \
        from++; }
#define END_SUM(i, t) STOREL(sum[i][t] + 0.0f, to + (i * TC + t) * 16);
#define END_SUMS(i) { UNROLL_BLOCKS(END_SUM, i) }
enum { AHEAD = 4096 };

/* m to output. */
#define PRODUCT(i, j) LOADL(from + (6 * i + j) * m_position)
#define END(i, j, value) if (oy + i < out_h && ox + j < out_w) { \
        floatv s = value + offset; \
        if (has_residual) \
            s += LOADV(res + i * r_row + j * 16); \
        STOREV(epilogue_function(s, (floatv)(a), (floatv)(b)), out + i * y_row + j * 16); }

CLARUS_KERNEL void winograd(__global const float *restrict x, __global const float *restrict w,
                            __global const float *restrict bias, __global const float *residual, __global float *y,
                            SHARE, __global const int *restrict p, float a, float b, __local float *restrict v)
{
    /* The table: see launch_winograd.c, which writes it in this order. */
    const int tiles_x = p[0], image_tiles = p[1], tiles = p[2], parts = p[3];
    const int groups = p[4], channels = p[5], in_blocks = p[6], out_blocks = p[7], piece = p[8]; /* of a group */
    const int x_offset = p[9], x_image = p[10], x_block = p[11], x_row = p[12];
    const int y_offset = p[13], y_image = p[14], y_block = p[15], y_row = p[16];
    const int r_offset = p[17], r_image = p[18], r_block = p[19], r_row = p[20];
    const int out_h = p[21], out_w = p[22], has_residual = p[23];

    const int tiles_o = (out_blocks + TC - 1) / TC, pieces = (tiles_o + piece - 1) / piece;
    const int v_position = in_blocks * TP * 16, m_position = parts * TP * TC * 16;
    __local float *m = v + parts * 36 * v_position;

    FOR_EACH_ITEM(item) {
        const int first = item / pieces / groups * parts * TP, last = min(first + parts * TP, tiles);
        const int first_output = item % pieces * piece, group = item / pieces % groups;

        for (int tile = first; tile < last; tile++) {
            const int n = tile / image_tiles, at = tile % image_tiles, part = (tile - first) / TP, i = (tile - first) % TP;
            for (int block = 0; block < in_blocks; block++) {
                __global const float *in = x + x_offset + n * x_image + (group * in_blocks + block) * x_block +
                                           at / tiles_x * 4 * x_row + at % tiles_x * (4 * 16);
                __local float *to = v + part * 36 * v_position + (block * TP + i) * 16;
                floatv t[6][6];
                UNROLL_SPAN(INPUT_ROW)
                UNROLL_SPAN(INPUT_COLUMN)
            }
        }

        for (int tile_o = first_output; tile_o < min(first_output + piece, tiles_o); tile_o++) {
            for (int position = 0; position < 36; position++) {
                for (int part = 0; part < parts; part++) {
                    __global const float *ws = w + (long)((group * tiles_o + tile_o) * 36 + position) * channels * (TC * 16);
                    __local float *to = m + position * m_position + part * (TP * TC * 16);
                    floatv sum[TP][TC];
                    UNROLL_PIXELS(CLEAR)
                    for (int c0 = 0; c0 < channels; c0 += 16) {
                        __local const float *from = v + (part * 36 + position) * v_position + c0 * TP;
                        const int width = min(16, channels - c0);
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
                    UNROLL_PIXELS(END_SUMS)
                }
            }
            for (int block = tile_o * TC; block < min(tile_o * TC + TC, out_blocks); block++) {
                const int y_plane = group * out_blocks + block;
                const floatv offset = LOADV(bias + y_plane * 16) + 0.0f;
                for (int tile = first; tile < last; tile++) {
                    const int n = tile / image_tiles, at = tile % image_tiles;
                    const int oy = at / tiles_x * 4, ox = at % tiles_x * 4;
                    __local const float *from = m + ((tile - first) * TC + block - tile_o * TC) * 16;
                    __global float *out = y + y_offset + n * y_image + y_plane * y_block + oy * y_row + ox * 16;
                    __global const float *res = residual + r_offset + n * r_image + y_plane * r_block + oy * r_row + ox * 16;
                    floatv t[6][4];
                    UNROLL_SPAN(OUTPUT_ROW)
                    UNROLL_TILE(OUTPUT_COLUMN)
                }
            }
        }
    }
}
