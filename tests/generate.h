/* Values that tests make themselves, and the weights of the data folder's nets/arch: the same everywhere. */
#ifndef CLARUS_TEST_GENERATE_H
#define CLARUS_TEST_GENERATE_H

#include <stddef.h>
#include <stdint.h>

/* Element i is uniform with this mean and deviation, from SplitMix64 of seed * 2^32 + i as
 * nets/arch/README.md writes it. */
void generate(uint64_t seed, size_t count, double mean, double deviation, float *out);

#endif
