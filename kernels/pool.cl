/* Maximum and average pooling, channels blocked by 16 or row-major.
 *
 * x and y lie as [image][depth][row][pixel] with PIXEL floats from one pixel to the next: 16 for blocked layouts, where an
 * image is a channel block, and 1 (with LANES 1) for row-major ones, where it is a channel. Taps outside the
 * input do not take part: docs/numerics.md section 6.
 *
 * Dimension 0: 16 / LANES parts of a block (1 for row-major), dimension 1: runs of `run` output pixels
 * (od, oh, ow), dimension 2: images.
 * An image's place: image / blocks * x_batch + image % blocks * x_image.
 *
 * Parameters: AVERAGE (0: maximum), PIXEL, LANES, TP (pixels side by side). count_padding 2: the sum, not divided. */
#include "lanes.h"
#include "share.h"
#include "unroll.h"
#include "window.h"

/* The taps so far. A maximum is clarus_max of them all, taken apart: the largest by comparison, a NaN if there was one,
 * and the bits that all have in common, for the sign of a zero. */
typedef struct window_sum {
    floatv value, nan;
    ints common;
} window_sum;

inline void add_tap(window_sum *sum, floatv v)
{
    if (AVERAGE) {
        sum->value += v;
        return;
    }
    sum->value = v > sum->value ? v : sum->value;
    sum->nan = v == v ? sum->nan : v;
    sum->common &= as_ints(v);
}

inline floatv finish_window(const window_sum *sum, float divisor)
{
    if (AVERAGE)
        return clarus_div(sum->value, (floatv)(divisor));
    const floatv value = sum->value == 0.0f ? as_real(sum->common & ~0x7fffffff) : sum->value;
    return sum->nan == sum->nan ? value : sum->nan;
}

/* TP neighbouring pixels side by side, where all their windows are whole, so that no tap waits for the one before. */
#define CLEAR(i) sum[i] = (window_sum){(floatv)(AVERAGE ? 0.0f : -INFINITY), (floatv)(0.0f), ~as_ints((floatv)(0.0f))};
#define ADD_TAP(i) add_tap(&sum[i], LOADV(tap + i * x_step));
#define FINISH(i) if (i < count) STOREV(finish_window(&sum[i], divisor), ys + i * PIXEL);

CLARUS_KERNEL void pool(__global const float *restrict x, __global float *restrict y, SHARE,
                        __global const int *restrict p)
{
    /* The table: see launch_pool.c, which writes it in this order; three entries each for depth, height, width. */
    const int blocks = p[0], count_padding = p[1];
    const int x_offset = p[2], x_batch = p[3], x_image = p[4], x_depth = p[5], x_row = p[6];
    const int y_offset = p[7], y_batch = p[8], y_image = p[9], y_depth = p[10], y_row = p[11];
    __global const int *kernel_size = p + 12, *stride = p + 15, *dilation = p + 18, *pad = p + 21;
    __global const int *pad_end = p + 24, *in = p + 27, *out = p + 30;
    const int run = p[33];

    FOR_EACH_ITEM(item) {
        const int3 where = share_place(item, share);
        const int lane = where.x * LANES, image = where.z;
        const int first = where.y * run, last = min(first + run, out[0] * out[1] * out[2]);
        __global const float *xs = x + x_offset + image / blocks * x_batch + image % blocks * x_image + lane;

        int oz = first / (out[1] * out[2]), oy = first / out[2] % out[1], ox = first % out[2];
        for (int pixel = first, count; pixel < last; pixel += count) {
            const int iz0 = oz * stride[0] - pad[0], iy0 = oy * stride[1] - pad[1], ix0 = ox * stride[2] - pad[2];
            const int z0 = first_tap(iz0, dilation[0]), z1 = end_tap(iz0, dilation[0], in[0], kernel_size[0]);
            const int y0 = first_tap(iy0, dilation[1]), y1 = end_tap(iy0, dilation[1], in[1], kernel_size[1]);
            const int x0 = first_tap(ix0, dilation[2]), x1 = end_tap(ix0, dilation[2], in[2], kernel_size[2]);
            const int ix_last = ix0 + (TP - 1) * stride[2] + (kernel_size[2] - 1) * dilation[2];
            count = ix0 >= 0 && ix_last < in[2] && ox + TP <= out[2] && pixel + TP <= last ? TP : 1;
            const int x_step = stride[2] * PIXEL, x_tap = dilation[2] * PIXEL;
            window_sum sum[TP];
            UNROLL_PIXELS(CLEAR)
            for (int kz = z0; kz < z1; kz++)
                for (int ky = y0; ky < y1; ky++) {
                    __global const float *tap = xs + (iz0 + kz * dilation[0]) * x_depth +
                                                (iy0 + ky * dilation[1]) * x_row + (ix0 + x0 * dilation[2]) * PIXEL;
                    for (int kx = x0; kx < x1; kx++, tap += x_tap) {
                        if (count == TP) {
                            UNROLL_PIXELS(ADD_TAP)
                        } else {
                            add_tap(&sum[0], LOADV(tap));
                        }
                    }
                }
#if AVERAGE
            long taps = (long)max(z1 - z0, 0) * max(y1 - y0, 0) * max(x1 - x0, 0);
            if (count_padding)
                taps = (long)end_tap(iz0, dilation[0], in[0] + pad_end[0], kernel_size[0]) *
                       end_tap(iy0, dilation[1], in[1] + pad_end[1], kernel_size[1]) *
                       end_tap(ix0, dilation[2], in[2] + pad_end[2], kernel_size[2]);
            const float divisor = count_padding == 2 ? 1.0f : (float)taps;
#else
            const float divisor = 1.0f;
#endif
            __global float *ys = y + y_offset + image / blocks * y_batch + image % blocks * y_image + oz * y_depth +
                                 oy * y_row + ox * PIXEL + lane;
            UNROLL_PIXELS(FINISH)
            ox += count;
            if (ox == out[2]) {
                ox = 0;
                if (++oy == out[1]) {
                    oy = 0;
                    oz++;
                }
            }
        }
    }
}
