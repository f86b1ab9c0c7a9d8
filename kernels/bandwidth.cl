/* Memory traffic, for measuring: for each of `count` elements k of a work-item, a vector each,
 *   to[k] = sum over j < taps of from[k * element + j * tap]
 * all of it `rounds` times. The first k is the work-item's number times `item`, the next one `step` further.
 * The buffers may be the same for all that a compiler knows, so every round reads and writes.
 *
 * Parameter: COPY, 1 where taps is 1. Four sums go side by side, since one would wait for its additions. */
#include "functions.h"

#define SUMS 4

inline real gather_taps(__global const real *from, int taps, int tap)
{
#if COPY
    return from[0];
#else
    real sums[SUMS] = {(real)0.0f, (real)0.0f, (real)0.0f, (real)0.0f};
    int j = 0;
    for (; j + SUMS <= taps; j += SUMS)
#pragma unroll
        for (int s = 0; s < SUMS; s++)
            sums[s] = sums[s] + from[(size_t)(j + s) * tap];
    for (; j < taps; j++)
        sums[0] = sums[0] + from[(size_t)j * tap];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
#endif
}

CLARUS_KERNEL void bandwidth(__global const real *from, __global real *to, int rounds, int count, int taps,
                             int item, int step, int element, int tap)
{
    int first = (int)get_global_id(0) * item;
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < count; i++) {
            int k = first + i * step;
            to[k] = gather_taps(from + (size_t)k * element, taps, tap);
        }
}
