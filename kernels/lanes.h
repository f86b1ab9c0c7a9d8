/* Vectors of channel lanes.
 *
 * LANES channels lie side by side in one work-item's vectors (real of functions.h): 16 on CPUs, where one work-item
 * computes a whole channel block, 1 on GPUs, where 16 neighbouring work-items do. Arithmetic is the same: lanes
 * are different outputs. */
#ifndef LANES
#define LANES 16
#endif
#define CLARUS_LANES LANES
#include "functions.h"

typedef real floatv;

#if LANES == 1
#define LOADV(p) (*(p))
#define STOREV(v, p) (*(p) = (v))
#else
#define LOADV(p) (*(__global const floatv *)(p))
#define STOREV(v, p) (*(__global floatv *)(p) = (v))
#endif
