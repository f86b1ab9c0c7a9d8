/* Winograd's convolution F(4x4, 3x3): what comes before and after its products (docs/numerics.md section 5).
 *
 *   winograd_input:   v[i][j] = the transform of the 6x6 inputs of a tile of 4x4 outputs, rows first
 *   (products:        m[i][j] = sum over c of v[i][j][c] * u[i][j][o, c], conv2d.cl with 36 groups of kernel 1x1)
 *   winograd_output:  y[4][4] = f(bias + residual + the transform of m, rows first)
 *
 * Layouts: v, m [6 * i + j][blocks][images * tiles][16]; x and y as their strides say: channel blocks by 16 with a halo
 * that whole tiles stay in (x), or row-major, where LANES is 1. One work-item computes a run of tiles and LANES
 * channels; dimension 0: the 16 / LANES parts of a block, dimension 1: runs of `run` tiles of an image (tile row * tiles_x +
 * tile column), dimension 2: n * blocks + block.
 *
 * Parameters: LANES, FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"
#include "winograd.h"

#define READ(i, j) LOADV(in + i * x_row + j * x_pixel)
#define WRITE(i, j, value) STOREV(value, out + (6 * i + j) * v_position);

CLARUS_KERNEL void winograd_input(__global const float *restrict x, __global float *restrict v,
                                  __global const int *restrict p)
{
    /* The table: see launch_winograd.c, which writes it in this order. */
    const int tiles_x = p[0], tiles = p[1], run = p[2], blocks = p[3], images = p[4];
    const int x_offset = p[5], x_image = p[6], x_block = p[7], x_channel = p[8], x_row = p[9], x_pixel = p[10];
    const int last_channel = p[11];

    const int lane = get_global_id(0) * LANES;
    const int block = (int)get_global_id(2) % blocks, n = (int)get_global_id(2) / blocks;
    const int first_tile = (int)get_global_id(1) * run;
    const int v_position = blocks * images * tiles * 16;
    __global const float *xs =
        x + x_offset + n * x_image + block * x_block + (min(block * 16 + lane, last_channel) - block * 16) * x_channel;
    __global float *vs = v + (block * images + n) * tiles * 16 + lane;

    for (int tile = first_tile; tile < min(first_tile + run, tiles); tile++) {
        __global const float *in = xs + tile / tiles_x * 4 * x_row + tile % tiles_x * 4 * x_pixel;
        __global float *out = vs + tile * 16;
        floatv t[6][6];
        UNROLL_SPAN(INPUT_ROW)
        UNROLL_SPAN(INPUT_COLUMN)
    }
}

#define PRODUCT(i, j) LOADV(in + (6 * i + j) * m_position)
#define END(i, j, value) if (oy + i < out_h && ox + j < out_w) { \
        floatv s = value + offset; \
        if (has_residual) \
            s += LOADV(res + i * r_row + j * r_pixel); \
        STOREV(epilogue_function(s, (floatv)(a), (floatv)(b)), out + i * y_row + j * y_pixel); }

CLARUS_KERNEL void winograd_output(__global const float *restrict m, __global const float *restrict bias,
                                   __global const float *residual, __global float *y, __global const int *restrict p,
                                   float a, float b)
{
    /* The table: see launch_winograd.c, which writes it in this order. */
    const int tiles_x = p[0], tiles = p[1], run = p[2], blocks = p[3], images = p[4];
    const int y_offset = p[5], y_image = p[6], y_block = p[7], y_channel = p[8], y_row = p[9], y_pixel = p[10];
    const int last_channel = p[11], out_h = p[12], out_w = p[13];
    const int r_offset = p[14], r_image = p[15], r_block = p[16], r_channel = p[17], r_row = p[18], r_pixel = p[19];
    const int has_residual = p[20];

    const int lane = get_global_id(0) * LANES;
    const int block = (int)get_global_id(2) % blocks, n = (int)get_global_id(2) / blocks;
    const int first_tile = (int)get_global_id(1) * run;
    const int m_position = blocks * images * tiles * 16;
    if (block * 16 + lane > last_channel)
        return;
    __global const float *ms = m + (block * images + n) * tiles * 16 + lane;
    const floatv offset = LOADV(bias + block * 16 + lane) + 0.0f;

    for (int tile = first_tile; tile < min(first_tile + run, tiles); tile++) {
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
