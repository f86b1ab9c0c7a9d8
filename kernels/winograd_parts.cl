/* Winograd's convolution F(4x4, 3x3): what comes before and after its products (docs/numerics.md section 5).
 *
 *   winograd_input:   v[i][j] = the transform of the 6x6 inputs of a tile of 4x4 outputs, rows first
 *   (products:        m[i][j] = sum over c of v[i][j][c] * u[i][j][o, c], conv2d.cl with 36 groups of kernel 1x1)
 *   winograd_output:  y[4][4] = f(bias + residual + the transform of m, rows first)
 *
 * Layouts: v, m [6 * i + j][blocks][images * tiles][16]; x and y as their strides say: channel blocks by 16 with a halo
 * that whole tiles stay in (x), or row-major, where LANES is 1. An item (conv_item.h) is a run of tiles of an image (tile row *
 * tiles_x + tile column) of the plane n * blocks + block.
 *
 * Parameters: LANES, FUNCTION (epilogue.h). */
#include "lanes.h"
#include "conv_item.h"
#include "epilogue.h"
#include "winograd.h"

#define READ(i, j) LOADV(in + i * x_row + j * x_pixel)
#define WRITE(i, j, value) STOREV(value, out + (6 * i + j) * v_position);

CLARUS_KERNEL void winograd_input(__global const float *restrict x, __global float *restrict v, SHARE,
                                  __global const int *restrict p)
{
    /* The table: see launch_winograd.c, which writes it in this order. */
    const int tiles_x = p[0], tiles = p[1], blocks = p[2], images = p[3];
    const int x_offset = p[4], x_image = p[5], x_block = p[6], x_channel = p[7], x_row = p[8], x_pixel = p[9];
    const int last_channel = p[10];

    FOR_EACH_ITEM(item) {
        const conv_item at = conv_item_at(item, share);
        const int lane = at.lane, block = at.plane % blocks, n = at.plane / blocks;
        const int v_position = blocks * images * tiles * 16;
        __global const float *xs =
            x + x_offset + n * x_image + block * x_block + (min(block * 16 + lane, last_channel) - block * 16) * x_channel;
        __global float *vs = v + (block * images + n) * tiles * 16 + lane;

        for (int tile = at.first_tile; tile < at.end_tile; tile++) {
            __global const float *in = xs + tile / tiles_x * 4 * x_row + tile % tiles_x * 4 * x_pixel;
            __global float *out = vs + tile * 16;
            floatv t[6][6];
            UNROLL_SPAN(INPUT_ROW)
            UNROLL_SPAN(INPUT_COLUMN)
        }
    }
}

#define PRODUCT(i, j) LOADV(in + (6 * i + j) * m_position)
#define END(i, j, value) if (oy + i < out_h && ox + j < out_w) { \
        floatv s = value + offset; \
        if (has_residual) \
            s += LOADV(res + i * r_row + j * r_pixel); \
        STOREV(epilogue_function(s, (floatv)(a), (floatv)(b)), out + i * y_row + j * y_pixel); }

CLARUS_KERNEL void winograd_output(__global const float *restrict m, __global const float *restrict bias,
                                   __global const float *residual, __global float *y, SHARE,
                                   __global const int *restrict p, float a, float b)
{
    /* The table: see launch_winograd.c, which writes it in this order. */
    const int tiles_x = p[0], tiles = p[1], blocks = p[2], images = p[3];
    const int y_offset = p[4], y_image = p[5], y_block = p[6], y_channel = p[7], y_row = p[8], y_pixel = p[9];
    const int last_channel = p[10], out_h = p[11], out_w = p[12];
    const int r_offset = p[13], r_image = p[14], r_block = p[15], r_channel = p[16], r_row = p[17], r_pixel = p[18];
    const int has_residual = p[19];

    FOR_EACH_ITEM(item) {
        const conv_item at = conv_item_at(item, share);
        const int lane = at.lane, block = at.plane % blocks, n = at.plane / blocks;
        const int m_position = blocks * images * tiles * 16;
        if (block * 16 + lane > last_channel)
            continue;
        __global const float *ms = m + (block * images + n) * tiles * 16 + lane;
        const floatv offset = LOADV(bias + block * 16 + lane) + 0.0f;

        for (int tile = at.first_tile; tile < at.end_tile; tile++) {
            const int oy = tile / tiles_x * 4, ox = tile % tiles_x * 4;
            __global const float *in = ms + tile * 16;
            __global float *out = y + y_offset + n * y_image + block * y_block + lane * y_channel + oy * y_row + ox * y_pixel;
            __global const float *res =
                residual + r_offset + n * r_image + block * r_block + lane * r_channel + oy * r_row + ox * r_pixel;
            floatv t[6][4];
            UNROLL_SPAN(OUTPUT_ROW)
            UNROLL_TILE(OUTPUT_COLUMN)
        }
    }
}
