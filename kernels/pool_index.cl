/* Where maxima of pooling windows are: the place of the first of the largest taps in x, NaN being the largest.
 *
 * x row-major, [image][depth][row][pixel]; a place is image * (elements of an image) + the position's steps.
 *
 * Dimension 0: output pixels (od, oh, ow), dimension 1: images. */
#include "kernel.h"
#include "window.h"

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
    const int z1 = end_tap(iz0, dilation[0], in[0], kernel_size[0]), y0 = first_tap(iy0, dilation[1]);
    const int y1 = end_tap(iy0, dilation[1], in[1], kernel_size[1]), x0 = first_tap(ix0, dilation[2]);
    const int x1 = end_tap(ix0, dilation[2], in[2], kernel_size[2]);
    for (int kz = first_tap(iz0, dilation[0]); kz < z1; kz++)
        for (int ky = y0; ky < y1; ky++)
            for (int kx = x0; kx < x1; kx++) {
                const int iz = iz0 + kz * dilation[0], iy = iy0 + ky * dilation[1], ix = ix0 + kx * dilation[2];
                const float v = x[image * plane + (iz * in[1] + iy) * in[2] + ix];
                if (place < 0 || v > best || (v != v && best == best)) {
                    best = v;
                    place = iz * step[0] + iy * step[1] + ix * step[2];
                }
            }
    y[image * pixels + pixel] = (long)image * plane + place;
}
