#include "finite.h"

#include <string.h>

enum { BLOCK = 1024 };

/* Without a branch, so that it is a loop of vectors: an exponent of all ones carries into the sign. */
static int is_finite_block(const float *data)
{
    uint32_t found = 0, bits[BLOCK];
    memcpy(bits, data, sizeof bits);
    for (int k = 0; k < BLOCK; k++)
        found |= (bits[k] & 0x7F800000) + 0x00800000;
    return found >> 31 == 0;
}

int64_t finite_count(const float *data, int64_t count)
{
    int64_t k = 0;
    while (count - k >= BLOCK && is_finite_block(data + k))
        k += BLOCK;
    while (k < count && data[k] - data[k] == 0)
        k++;
    return k;
}
