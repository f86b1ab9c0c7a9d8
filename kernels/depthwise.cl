/* Depthwise convolution: every channel is a group of its own, one output per channel, channels blocked by 16; or G channels
 * are a group with G outputs, which lie in one block.
 *
 *   y[n, o, oy, ox] = f(bias[o] + sum over ky, kx, j < G of x[n, o / G * G + j, oy*SY + ky*DY, ox*SX + kx*DX] * w[o, j, ky, kx])
 *
 * Layouts as in conv2d.cl; w [block][ky][kx][j][16]. A tile is TP pixels of a row and LANES channels. An item of work (share.h) is
 * a run of `run` tiles (row * tiles_x + column) of one plane (n * blocks + block).
 *
 * Parameters: TP, SX, G (1, 2, 4, 8), KW (with G 1, 3, 5 or 7: the kernel's width, not dilated; 0: any), LANES (16, 8 or 1),
 * FUNCTION (epilogue.h). */
#include "lanes.h"
#include "epilogue.h"
#include "conv_item.h"
#include "unroll.h"

/* The steps of the kernel for pixel i of the tile. A row of a known width is written out for all its positions, so that
 * an input that several pixels need is loaded once. */
#define CLEAR(i) sum[i] = (floatv)(0.0f);
#if KW
#define TC KW /* UNROLL_BLOCKS goes over a row's positions */
#define LOAD_WEIGHT(i, k) weight[k] = LOADV(ws + k * 16);
#define ADD_PRODUCT(i, k) sum[i] = fma(LOADV(row + (i * SX + k) * 16), weight[k], sum[i]);
#define ADD_PRODUCTS(i) { UNROLL_BLOCKS(ADD_PRODUCT, i) }
#define ADD_ROW { \
        floatv weight[KW]; \
        UNROLL_BLOCKS(LOAD_WEIGHT, 0) \
        UNROLL_PIXELS(ADD_PRODUCTS) \
        ws += KW * 16; }
#else
#define TC G /* UNROLL_BLOCKS goes over a group's channels */
#define LOAD_WEIGHT(i, j) weight[j] = LOADV(ws + j * 16);
#define ADD_PRODUCT(i, j) sum[i] = fma(CHANNEL(j), weight[j], sum[i]);
#define ADD_PRODUCTS(i) { \
        __global const float *at_x = in + i * (SX * 16); \
        LOAD_CHANNELS \
        UNROLL_BLOCKS(ADD_PRODUCT, i) }
#define ADD_ROW \
        for (int kx = 0; kx < kernel_w; kx++) { \
            __global const float *in = row + kx * x_kernel_column; \
            floatv weight[G]; \
            UNROLL_BLOCKS(LOAD_WEIGHT, 0) \
            UNROLL_PIXELS(ADD_PRODUCTS) \
            ws += G * 16; \
        }
#endif
/* Channel j of each lane's own group, at_x being where the first one is. */
#if LANES == 1
#define LOAD_CHANNELS
#define CHANNEL(j) at_x[j]
#elif G == 1
#define LOAD_CHANNELS
#define CHANNEL(j) LOADV(at_x)
#else
#define LOAD_CHANNELS const floatv channels = LOADV(at_x);
#define CHANNEL(j) channels.CLARUS_TYPE(OF_, G, _##j)
#if LANES == 8
#define OF_2_0 s00224466
#define OF_2_1 s11335577
#define OF_4_0 s00004444
#define OF_4_1 s11115555
#define OF_4_2 s22226666
#define OF_4_3 s33337777
#define OF_8_0 s00000000
#define OF_8_1 s11111111
#define OF_8_2 s22222222
#define OF_8_3 s33333333
#define OF_8_4 s44444444
#define OF_8_5 s55555555
#define OF_8_6 s66666666
#define OF_8_7 s77777777
#else
#define OF_2_0 s0022446688aaccee
#define OF_2_1 s1133557799bbddff
#define OF_4_0 s000044448888cccc
#define OF_4_1 s111155559999dddd
#define OF_4_2 s22226666aaaaeeee
#define OF_4_3 s33337777bbbbffff
#define OF_8_0 s0000000088888888
#define OF_8_1 s1111111199999999
#define OF_8_2 s22222222aaaaaaaa
#define OF_8_3 s33333333bbbbbbbb
#define OF_8_4 s44444444cccccccc
#define OF_8_5 s55555555dddddddd
#define OF_8_6 s66666666eeeeeeee
#define OF_8_7 s77777777ffffffff
#endif
#endif
#define ADD_BIAS(i) sum[i] += offset; /* never -0: the + 0 of numerics.md is in it */
#define WITHIN(i) if (ox0 + i < out_w)
#define ADD_RESIDUAL(i) WITHIN(i) sum[i] += LOADV(res + i * 16);
#define STORE(i) WITHIN(i) STOREV(epilogue_function(sum[i], (floatv)(a), (floatv)(b)), out + i * 16);

CLARUS_KERNEL void depthwise(__global const float *restrict x, __global const float *restrict w,
                             __global const float *restrict bias, __global const float *residual,
                             __global float *y, SHARE, __global const int *restrict p, float a, float b)
{
    /* The table: see launch_conv.c, which writes it in this order. */
    const int tiles_x = p[0], out_w = p[1], blocks = p[2];
    const int kernel_h = p[3], kernel_w = p[4];
    const int x_offset = p[5], x_image = p[6], x_block = p[7], x_row = p[8];
    const int x_kernel_row = p[9], x_kernel_column = p[10];
    const int y_offset = p[11], y_image = p[12], y_block = p[13], y_row = p[14];
    const int r_offset = p[15], r_image = p[16], r_block = p[17], r_row = p[18], has_residual = p[19];

    FOR_EACH_ITEM(item) {
        const conv_item at = conv_item_at(item, share);
        const int lane = at.lane, block = at.plane % blocks, n = at.plane / blocks;
        for (int tile = at.first_tile; tile < at.end_tile; tile++) {
            const int oy = tile / tiles_x, ox0 = tile % tiles_x * TP;
            __global const float *xs =
                x + x_offset + n * x_image + block * x_block + oy * x_row + ox0 * (SX * 16) + lane / G * G;
            __global const float *ws = w + block * kernel_h * kernel_w * (G * 16) + lane;

            floatv sum[TP];
            UNROLL_PIXELS(CLEAR)
            for (int ky = 0; ky < kernel_h; ky++) {
                __global const float *row = xs + ky * x_kernel_row;
                ADD_ROW
            }

            const floatv offset = LOADV(bias + block * 16 + lane) + 0.0f;
            __global float *out = y + y_offset + n * y_image + block * y_block + oy * y_row + ox0 * 16 + lane;
            __global const float *res =
                residual + r_offset + n * r_image + block * r_block + oy * r_row + ox0 * 16 + lane;
            UNROLL_PIXELS(ADD_BIAS)
            if (has_residual) {
                UNROLL_PIXELS(ADD_RESIDUAL)
            }
            UNROLL_PIXELS(STORE)
        }
    }
}
