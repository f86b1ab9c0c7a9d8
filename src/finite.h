/* Weights have to be finite (numerics.md section 4). */
#ifndef CLARUS_FINITE_H
#define CLARUS_FINITE_H

#include <stdint.h>

/* The first element that is an infinity or a NaN; count if there is none. */
int64_t finite_count(const float *data, int64_t count);

#endif
