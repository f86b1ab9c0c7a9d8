/* Where maxima of pooling windows are: the place of the first of the largest taps in x, NaN being the largest.
 *
 * x row-major, [image][depth][row][pixel]; a place is image * (elements of an image) + the position's steps.
 *
 * Dimension 0: output pixels (od, oh, ow), dimension 1: images. */
#include "kernel.h"

CLARUS_KERNEL void pool_index(__global const float *restrict x, __global long *restrict y, __global const int *restrict p)
{
    /* The table: see launch_pool.c, which writes it in this order; three entries each for depth, height, width. */
    __global const int *kernel_size = p, *stride = p + 3, *dilation = p + 6, *pad = p + 9, *in = p + 12, *out = p + 15;
    __global const int *step = p + 18;
    const int pixel = get_global_id(0), image = get_global_id(1), plane = in[0] * in[1] * in[2];
    const int pixels = out[0] * out[1] * out[2];
    if (pixel >= pixels || image >= p[21])
        return;
    const int iz0 = pixel / (out[1] * out[2]) * stride[0] - pad[0];
    const int iy0 = pixel / out[2] % out[1] * stride[1] - pad[1], ix0 = pixel % out[2] * stride[2] - pad[2];
    float best = 0.0f;
    int place = -1;
    for (int kz = 0; kz < kernel_size[0]; kz++)
        for (int ky = 0; ky < kernel_size[1]; ky++)
            for (int kx = 0; kx < kernel_size[2]; kx++) {
                const int iz = iz0 + kz * dilation[0], iy = iy0 + ky * dilation[1], ix = ix0 + kx * dilation[2];
                if (iz < 0 || iz >= in[0] || iy < 0 || iy >= in[1] || ix < 0 || ix >= in[2])
                    continue;
                const float v = x[image * plane + (iz * in[1] + iy) * in[2] + ix];
                if (place < 0 || v > best || (v != v && best == best)) {
                    best = v;
                    place = iz * step[0] + iy * step[1] + ix * step[2];
                }
            }
    y[image * pixels + pixel] = (long)image * plane + place;
}
