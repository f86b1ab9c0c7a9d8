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
 * Parameters: AVERAGE (0: maximum), PIXEL, LANES. count_padding 2: the sum, not divided. */
#include "lanes.h"

CLARUS_KERNEL void pool(__global const float *restrict x, __global float *restrict y,
                        __global const int *restrict p)
{
    /* The table: see launch_pool.c, which writes it in this order; three entries each for depth, height, width. */
    const int blocks = p[0], count_padding = p[1];
    const int x_offset = p[2], x_batch = p[3], x_image = p[4], x_depth = p[5], x_row = p[6];
    const int y_offset = p[7], y_batch = p[8], y_image = p[9], y_depth = p[10], y_row = p[11];
    __global const int *kernel_size = p + 12, *stride = p + 15, *dilation = p + 18, *pad = p + 21;
    __global const int *pad_end = p + 24, *in = p + 27, *out = p + 30;
    const int run = p[33];

    const int lane = get_global_id(0) * LANES, image = get_global_id(2);
    const int first = (int)get_global_id(1) * run, last = min(first + run, out[0] * out[1] * out[2]);
    __global const float *xs = x + x_offset + image / blocks * x_batch + image % blocks * x_image + lane;

    for (int pixel = first; pixel < last; pixel++) {
        const int oz = pixel / (out[1] * out[2]), oy = pixel / out[2] % out[1], ox = pixel % out[2];
        const int iz0 = oz * stride[0] - pad[0], iy0 = oy * stride[1] - pad[1], ix0 = ox * stride[2] - pad[2];
        floatv value = (floatv)(AVERAGE ? 0.0f : -INFINITY);
        int count = 0;
        for (int kz = 0; kz < kernel_size[0]; kz++) {
            const int iz = iz0 + kz * dilation[0];
            for (int ky = 0; ky < kernel_size[1]; ky++) {
                const int iy = iy0 + ky * dilation[1];
                for (int kx = 0; kx < kernel_size[2]; kx++) {
                    const int ix = ix0 + kx * dilation[2];
                    const int inside = iz >= 0 && iz < in[0] && iy >= 0 && iy < in[1] && ix >= 0 && ix < in[2];
                    if (inside) {
                        const floatv v = LOADV(xs + iz * x_depth + iy * x_row + ix * PIXEL);
                        value = AVERAGE ? value + v : clarus_max(value, v);
                    }
                    if (AVERAGE)
                        count += count_padding ? iz < in[0] + pad_end[0] && iy < in[1] + pad_end[1] && ix < in[2] + pad_end[2]
                                               : inside;
                }
            }
        }
#if AVERAGE
        if (count_padding < 2)
            value = clarus_div(value, (floatv)((float)count));
#endif
        STOREV(value, y + y_offset + image / blocks * y_batch + image % blocks * y_image + oz * y_depth + oy * y_row +
                          ox * PIXEL + lane);
    }
}
