/* Resampling along one axis: a sparse matrix product.
 *
 *   y[outer, i, inner] = sum over taps t of weights[i, t] * x[outer, indices[i, t], inner]
 *
 * from +0 by fma, t ascending; taps of weight 0 are left out (docs/numerics.md section 6).
 *
 * Dimension 0: pieces of `piece` elements of inner, dimension 1: groups of `group` positions i, dimension 2: outer.
 *
 * Parameters: LANES. */
#include "lanes.h"
#include "share.h"

CLARUS_KERNEL void resample(__global const float *restrict x, __global const int *restrict indices,
                            __global const float *restrict weights, __global float *restrict y, SHARE, int in,
                            int out, int taps, int inner, int piece, int group)
{
    FOR_EACH_ITEM(item) {
        const row_piece at = share_rows(item, share, inner, out, piece, group);
        __global const float *from = x + at.outer * in * inner;
        __global float *to = y + at.outer * out * inner;
        for (int i = at.first; i < at.last; i++)
            for (int k = at.begin; k < at.end; k += LANES) {
                floatv sum = (floatv)(0.0f);
                for (int t = i * taps; t < (i + 1) * taps; t++)
                    if (weights[t] != 0.0f)
                        sum = fma(LOADU(from + indices[t] * inner + k), (floatv)(weights[t]), sum);
                store_lanes(sum, to + i * inner + k, at.end - k);
            }
    }
}
