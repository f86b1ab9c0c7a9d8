/* The probe of docs/numerics.md section 9: what a device makes of the primitives, and a convolution.
 * CLARUS_LANES: width of the vectors, as in other kernels. */
#include "functions.h"

/* One work-item per vector of x, y and z; result k of all vectors at out + k * vectors, in the order of
 * probe_operation (src/probe.c). */
CLARUS_KERNEL void probe_arithmetic(__global const real *xs, __global const real *ys, __global const real *zs,
                                    __global real *out, int vectors)
{
    int i = (int)get_global_id(0);
    real x = xs[i], y = ys[i], z = zs[i];
    out[i] = fma(x, y, z);
    out[i + vectors] = x * y + z;
    out[i + vectors * 2] = z - x * y;
    out[i + vectors * 3] = x + y;
    out[i + vectors * 4] = x * y;
    out[i + vectors * 5] = clarus_div(x, y);
    out[i + vectors * 6] = clarus_sqrt(x);
    out[i + vectors * 7] = x < y ? (real)1.0f : (real)0.0f;
    out[i + vectors * 8] = floor(x);
    out[i + vectors * 9] = convert_real(as_ints(x));
}

/* y[oc][ox] = relu(bias[oc] + sum over ic, kx of x[ic][ox + kx] * w[ic][kx][oc]), summed as section 4 has it:
 * blocks of 16 channels, kernel columns, channels; segments of `segment` channels. A work-item keeps a tile
 * of TILE pixels in registers; global sizes are outputs / CLARUS_LANES and width / TILE. */
#define TAPS 3
#define TILE 4

CLARUS_KERNEL void probe_convolution(__global const float *x, __global const real *w, __global const real *bias,
                                     __global real *y, int channels, int width, int segment)
{
    int oc = (int)get_global_id(0), outputs = (int)get_global_size(0);
    int ox = (int)get_global_id(1) * TILE;
    real total[TILE], sum[TILE];
    for (int begin = 0; begin < channels; begin += segment) {
        int end = begin + segment < channels ? begin + segment : channels;
#pragma unroll
        for (int t = 0; t < TILE; t++)
            sum[t] = (real)0.0f;
        for (int block = begin; block < end; block += 16)
            for (int kx = 0; kx < TAPS; kx++)
                for (int ic = block; ic < block + 16 && ic < end; ic++)
#pragma unroll
                    for (int t = 0; t < TILE; t++)
                        sum[t] = fma((real)x[ic * (width + TAPS - 1) + ox + t + kx],
                                     w[(ic * TAPS + kx) * outputs + oc], sum[t]);
#pragma unroll
        for (int t = 0; t < TILE; t++)
            total[t] = begin ? total[t] + (sum[t] + 0.0f) : sum[t] + 0.0f;
    }
#pragma unroll
    for (int t = 0; t < TILE; t++) {
        real s = total[t] + (bias[oc] + 0.0f);
        y[(ox + t) * outputs + oc] = s < 0.0f ? (real)0.0f : s;
    }
}
