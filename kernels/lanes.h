/* Vectors of channel lanes.
 *
 * LANES channels lie side by side in one work-item's vectors (floatv): 16 on CPUs, where one work-item computes
 * a whole channel block, 1 on GPUs, where 16 neighbouring work-items do. Arithmetic is the same: lanes
 * are different outputs. */
#include "kernel.h"

#ifndef LANES
#define LANES 16
#endif

#if LANES == 1
typedef float floatv;
typedef int intv;
#define LOADV(p) (*(p))
#define STOREV(v, p) (*(p) = (v))
#elif LANES == 4
typedef float4 floatv;
typedef int4 intv;
#define LOADV(p) vload4(0, p)
#define STOREV(v, p) vstore4(v, 0, p)
#elif LANES == 8
typedef float8 floatv;
typedef int8 intv;
#define LOADV(p) vload8(0, p)
#define STOREV(v, p) vstore8(v, 0, p)
#else
typedef float16 floatv;
typedef int16 intv;
#define LOADV(p) (*(__global const float16 *)(p))
#define STOREV(v, p) (*(__global float16 *)(p) = (v))
#endif
