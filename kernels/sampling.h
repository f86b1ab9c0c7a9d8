/* Where an operation that reads between elements reads, along one axis, and with which weights (docs/numerics.md
 * section 6). Compiles as OpenCL C and as C11, and is part of the specification as functions.h is. */
#ifndef CLARUS_SAMPLING_H
#define CLARUS_SAMPLING_H

#include "functions.h"

#ifndef __OPENCL_VERSION__
#define rint rintf
#endif

enum { SAMPLE_NEAREST, SAMPLE_LINEAR, SAMPLE_CUBIC };  /* 1, 2, 4 taps */
enum { SAMPLE_ZEROS, SAMPLE_BORDER, SAMPLE_REFLECTION }; /* beyond the input */

/* Taps along an axis; index -1: none, nor where the weight is 0. */
typedef struct sample_axis {
    int count;
    int index[4];
    float weight[4];
} sample_axis;

/* p reflected at low and high until it is between them. */
static inline float sample_reflect(float p, float low, float high)
{
    const float range = high - low, beyond = p < low ? low - p : p > high ? p - high : 0.0f;
    if (beyond == 0.0f)
        return p;
    if (range == 0.0f)
        return low;
    const float turns = floor(clarus_div(beyond, range)), rest = beyond - turns * range;
    const int odd = turns - 2.0f * floor(turns * 0.5f) != 0.0f;
    return clarus_clip((p < low) != odd ? low + rest : high - rest, low, high);
}

static inline int sample_index(int i, int padding, int extent, float low, float high)
{
    if (padding == SAMPLE_ZEROS)
        return i >= 0 && i < extent ? i : -1;
    if (padding == SAMPLE_REFLECTION)
        i = (int)sample_reflect((float)i, low, high);
    return i < 0 ? 0 : i >= extent ? extent - 1 : i;
}

/* The four weights of cubic convolution with a = -3/4, at t behind the second tap. */
static inline void sample_cubic(float t, float *weight)
{
    const float a = -0.75f, before = t + 1.0f, rest = 1.0f - t, behind = 2.0f - t;
    weight[0] = fma(fma(fma(a, before, -5.0f * a), before, 8.0f * a), before, -4.0f * a);
    weight[1] = fma(fma(a + 2.0f, t, -(a + 3.0f)) * t, t, 1.0f);
    weight[2] = fma(fma(a + 2.0f, rest, -(a + 3.0f)) * rest, rest, 1.0f);
    weight[3] = fma(fma(fma(a, behind, -5.0f * a), behind, 8.0f * a), behind, -4.0f * a);
}

/* The taps at position p, in elements, of an axis. The input ends at the centres of its outer elements (aligned) or half
 * an element beyond. A position that is not a number, or further away than 2^30, is far outside. */
static inline sample_axis sample_at(float p, int function, int padding, int aligned, int extent)
{
    const float last = (float)(extent - 1), low = aligned ? 0.0f : -0.5f, high = aligned ? last : last + 0.5f;
    sample_axis taps = {1 << function, {0}, {0.0f}};
    p = p >= -0x1p30f ? (p > 0x1p30f ? 0x1p30f : p) : -0x1p30f;
    if (function == SAMPLE_NEAREST)
        p = rint(p);
    if (padding == SAMPLE_BORDER && (p < low || p > high))
        p = clarus_clip(p, 0.0f, last);
    if (padding == SAMPLE_REFLECTION)
        p = sample_reflect(p, low, high);
    const float whole = floor(p), t = p - whole;
    if (function == SAMPLE_NEAREST) {
        taps.weight[0] = 1.0f;
    } else if (function == SAMPLE_LINEAR) {
        taps.weight[0] = 1.0f - t;
        taps.weight[1] = t;
    } else {
        sample_cubic(t, taps.weight);
    }
    for (int k = 0; k < taps.count; k++)
        taps.index[k] = taps.weight[k] == 0.0f ? -1
                                               : sample_index((int)whole + k - (function == SAMPLE_CUBIC), padding,
                                                              extent, low, high);
    return taps;
}

/* The part of a region along an axis that one output has: from start on, `size` long, in `count` samples. */
typedef struct sample_bin {
    float start, size;
    int count;
} sample_bin;

enum { SAMPLE_MOST = 1024 }; /* samples along an axis */

/* Output i of `outputs` of a region of interest. samples 0: one for each element of an output's part. */
static inline sample_bin sample_region(float begin, float end, float scale, float offset, int outputs, int samples,
                                       int i)
{
    const float first = begin * scale - offset, extent = end * scale - offset - first;
    const float length = offset == 0.0f && !(extent >= 1.0f) ? 1.0f : extent;
    sample_bin bin;
    bin.size = clarus_div(length, (float)outputs);
    bin.start = first + (float)i * bin.size;
    const float wanted = samples > 0 ? (float)samples : -floor(-bin.size);
    bin.count = wanted > 0.0f ? (int)clarus_clip(wanted, 0.0f, (float)SAMPLE_MOST) : 0;
    return bin;
}

/* The two taps at sample k of a part; none more than an element outside the input. */
static inline sample_axis sample_bin_at(sample_bin bin, int k, int extent)
{
    const float last = (float)(extent - 1);
    const float p = bin.start + clarus_div(((float)k + 0.5f) * bin.size, (float)bin.count);
    sample_axis taps = sample_at(clarus_clip(p, 0.0f, last), SAMPLE_LINEAR, SAMPLE_BORDER, 1, extent);
    if (!(p >= -1.0f && p <= (float)extent))
        taps.count = 0;
    return taps;
}

#endif
