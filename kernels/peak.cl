/* As many fused multiply-adds as a device can do: ACCUMULATORS independent chains of CLARUS_LANES wide ones in each
 * work-item, enough of them to cover the latency of an fma, few enough to stay in registers. Operands come
 * from memory and the sums go there, so that no compiler can do without them.
 * out[i] = sum over accumulators a of (a + rounds * UNROLL * x * y). */
#include "functions.h"

#define UNROLL 4

CLARUS_KERNEL void peak(__global const real *operands, __global real *out, int rounds)
{
    real x = operands[0], y = operands[1], sums[ACCUMULATORS];
#pragma unroll
    for (int a = 0; a < ACCUMULATORS; a++)
        sums[a] = (real)(float)a;
    for (int r = 0; r < rounds; r++)
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
#pragma unroll
            for (int a = 0; a < ACCUMULATORS; a++)
                sums[a] = fma(x, y, sums[a]);
    real sum = sums[0];
#pragma unroll
    for (int a = 1; a < ACCUMULATORS; a++)
        sum = sum + sums[a];
    out[get_global_id(0)] = sum;
}
