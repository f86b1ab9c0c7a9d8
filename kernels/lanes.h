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

/* LOADV, STOREV: at multiples of LANES floats. LOADU, STOREU: anywhere. */
#if LANES == 1
#define LOADV(p) (*(p))
#define STOREV(v, p) (*(p) = (v))
#define LOADU(p) (*(p))
#define STOREU(v, p) (*(p) = (v))
#else
#define LOADV(p) (*(__global const floatv *)(p))
#define STOREV(v, p) (*(__global floatv *)(p) = (v))
#define LOADU(p) CLARUS_TYPE(vload, LANES, )(0, p)
/* PoCL's vstore writes 16 floats in four pieces. */
typedef struct __attribute__((packed, aligned(4))) { floatv v; } anywhere;
#define STOREU(x, p) (((__global anywhere *)(p))->v = (x))
#endif

/* For loops over a tile's sums when they are complete: unrolled on a CPU they take as long to compile as all the rest, and
 * its sums may as well lie in memory by then. */
#if LANES > 1
#define END_UNROLL(n) 1
#else
#define END_UNROLL(n) n
#endif

/* Stores the first `width` lanes. */
inline void store_lanes(floatv v, __global float *y, int width)
{
    if (width >= LANES) {
        STOREU(v, y);
        return;
    }
    union {
        floatv v;
        float lanes[LANES];
    } all = {v};
    for (int l = 0; l < width; l++)
        y[l] = all.lanes[l];
}
/* A hint for CPU compilers, where every address space is memory; nothing else depends on it. */
#if LANES > 1 && defined(__has_builtin)
#if __has_builtin(__builtin_prefetch)
#define PREFETCH(p) __builtin_prefetch((const void *)(size_t)(p))
#define PREFETCH_FAR(p) __builtin_prefetch((const void *)(size_t)(p), 0, 2) /* into the second cache */
#endif
#endif
#ifndef PREFETCH
#define PREFETCH(p)
#define PREFETCH_FAR(p)
#endif
