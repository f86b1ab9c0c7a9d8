/* Direct convolution of any kind, row-major: one, two or three dimensions, any groups.
 *
 * The kernel for shapes that conv2d.cl and depthwise.cl do not take, and for CLARUS_PLAN=plain. x [N, C, D, H, W],
 * w [O, C / groups, KD, KH, KW], y and residual [N, O, OD, OH, OW]. One work-item computes one output.
 * Dimension 0: pixels (od, oh, ow), dimension 1: output channels, dimension 2: n.
 *
 * Parameters: FUNCTION (epilogue.h); LANES is 1. */
#include "lanes.h"
#include "epilogue.h"

__kernel void conv_any(__global const float *restrict x, __global const float *restrict w,
                       __global const float *restrict bias, __global const float *residual,
                       __global float *y, __global const int *restrict p, float a, float b)
{
    /* The table: see launch_conv.c, which writes it in this order; three entries each for depth, height, width. */
    const int in_channels = p[0], out_channels = p[1], group_in = p[2], group_out = p[3];
    const int segment = p[4], has_residual = p[5];
    __global const int *kernel_size = p + 6, *stride = p + 9, *dilation = p + 12, *pad = p + 15;
    __global const int *in = p + 18, *out = p + 21;

    const int pixel = get_global_id(0), o = get_global_id(1), n = get_global_id(2);
    const int pixels = out[0] * out[1] * out[2];
    if (pixel >= pixels)
        return;
    const int iz0 = pixel / (out[1] * out[2]) * stride[0] - pad[0];
    const int iy0 = pixel / out[2] % out[1] * stride[1] - pad[1];
    const int ix0 = pixel % out[2] * stride[2] - pad[2];
    const int taps = kernel_size[0] * kernel_size[1] * kernel_size[2], plane = in[0] * in[1] * in[2];
    __global const float *xs = x + (n * in_channels + o / group_out * group_in) * plane;
    __global const float *ws = w + o * group_in * taps;

    float total = 0.0f;
    for (int first = 0; first < group_in; first += segment) {
        float sum = 0.0f;
        const int last = min(first + segment, group_in);
        for (int c0 = first; c0 < last; c0 += 16)
            for (int tap = 0; tap < taps; tap++) {
                const int iz = iz0 + tap / (kernel_size[1] * kernel_size[2]) * dilation[0];
                const int iy = iy0 + tap / kernel_size[2] % kernel_size[1] * dilation[1];
                const int ix = ix0 + tap % kernel_size[2] * dilation[2];
                if (iz < 0 || iz >= in[0] || iy < 0 || iy >= in[1] || ix < 0 || ix >= in[2])
                    continue;
                const int at = (iz * in[1] + iy) * in[2] + ix;
                for (int c = c0; c < min(c0 + 16, last); c++)
                    sum = fma(xs[c * plane + at], ws[c * taps + tap], sum);
            }
        sum += 0.0f;
        total = first == 0 ? sum : total + sum;
    }
    const int at = (n * out_channels + o) * pixels + pixel;
    float v = total + (bias[o] + 0.0f);
    if (has_residual)
        v += residual[at];
    y[at] = epilogue_function(v, (floatv)(a), (floatv)(b));
}
