#include "generate.h"

#include <math.h>

/* The first output of the SplitMix64 generator with this state. */
static uint64_t split_mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

void generate(uint64_t seed, size_t count, double mean, double deviation, float *out)
{
    double scale = deviation * sqrt(3.0);
    for (size_t i = 0; i < count; i++) {
        double u = (double)(split_mix((seed << 32) + i) >> 40) / 0x1p24;
        out[i] = (float)(mean + scale * (2 * u - 1));
    }
}
