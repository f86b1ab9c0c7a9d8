#include "convert.h"

#include <math.h>
#include <string.h>

int convert_is_half(clarus_dtype dtype)
{
    return dtype == CLARUS_FLOAT16 || dtype == CLARUS_BFLOAT16;
}

eltwise_function convert_rounding(clarus_dtype dtype)
{
    return dtype == CLARUS_FLOAT16 ? ELTWISE_round_half : ELTWISE_round_bfloat16;
}

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float widen_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 0x3ff;
    if (exponent == 31)
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0)
        return copysignf((float)fraction * 0x1p-24f, float_of_bits(sign));
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

clarus_dtype convert_computed(clarus_dtype dtype)
{
    return convert_is_half(dtype) || dtype == CLARUS_FLOAT64 ? CLARUS_FLOAT32 : dtype;
}

clarus_dtype convert_kept(clarus_dtype dtype)
{
    return convert_is_half(dtype) ? CLARUS_FLOAT32 : dtype;
}

void convert_to_float(clarus_dtype dtype, const void *from, size_t count, float *to)
{
    const uint16_t *halves = from;
    const double *doubles = from;
    for (size_t i = 0; i < count; i++)
        to[i] = dtype == CLARUS_FLOAT64   ? (float)doubles[i]
                : dtype == CLARUS_FLOAT16 ? widen_half(halves[i])
                                          : float_of_bits((uint32_t)halves[i] << 16);
}

/* Shifts the lowest `cut` bits out, rounding to nearest even. */
static uint32_t round_shift(uint32_t bits, uint32_t cut)
{
    return (bits + (1u << (cut - 1)) - 1 + ((bits >> cut) & 1)) >> cut;
}

static uint16_t narrow_half(float x)
{
    uint32_t bits = bits_of_float(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return 0x7e00;
    if (magnitude >= 0x477ff000) /* 65520 */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude >= 0x38800000) /* 2^-14 */
        return (uint16_t)(sign | round_shift(magnitude - (112u << 23), 13));
    return (uint16_t)(sign | (uint32_t)rint((double)fabsf(x) * 0x1p24));
}

static uint16_t narrow_bfloat16(float x)
{
    return isnan(x) ? 0x7fc0 : (uint16_t)round_shift(bits_of_float(x), 16);
}

void convert_from_float(clarus_dtype dtype, const float *from, size_t count, void *to)
{
    uint16_t *halves = to;
    double *doubles = to;
    for (size_t i = 0; i < count; i++)
        if (dtype == CLARUS_FLOAT64)
            doubles[i] = from[i];
        else
            halves[i] = dtype == CLARUS_FLOAT16 ? narrow_half(from[i]) : narrow_bfloat16(from[i]);
}

void convert_round_half(clarus_dtype dtype, const float *from, size_t count, float *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = dtype == CLARUS_FLOAT16 ? widen_half(narrow_half(from[i]))
                                        : float_of_bits((uint32_t)narrow_bfloat16(from[i]) << 16);
}

/* An element on its way: every type fits one of the two exactly. */
typedef struct element {
    int is_real;
    double real;
    int64_t integer; /* of uint64 the same bits */
} element;

static int load_element(clarus_dtype type, const void *data, size_t i, element *e)
{
    e->is_real = type == CLARUS_FLOAT32 || type == CLARUS_FLOAT64;
    switch (type) {
    case CLARUS_FLOAT32:
        e->real = ((const float *)data)[i];
        return 1;
    case CLARUS_FLOAT64:
        e->real = ((const double *)data)[i];
        return 1;
    case CLARUS_BOOL:
        e->integer = ((const uint8_t *)data)[i] != 0;
        return 1;
    case CLARUS_UINT8:
        e->integer = ((const uint8_t *)data)[i];
        return 1;
    case CLARUS_INT8:
        e->integer = ((const int8_t *)data)[i];
        return 1;
    case CLARUS_UINT16:
        e->integer = ((const uint16_t *)data)[i];
        return 1;
    case CLARUS_INT16:
        e->integer = ((const int16_t *)data)[i];
        return 1;
    case CLARUS_UINT32:
        e->integer = ((const uint32_t *)data)[i];
        return 1;
    case CLARUS_INT32:
        e->integer = ((const int32_t *)data)[i];
        return 1;
    case CLARUS_INT64:
    case CLARUS_UINT64:
        e->integer = ((const int64_t *)data)[i];
        return 1;
    default:
        return 0;
    }
}

/* Truncated, clamped to [lowest, highest]; highest + 1 is a power of two, so that both are doubles. */
static int64_t clamp_real(double x, double lowest, double beyond, int64_t first, int64_t last)
{
    return isnan(x) ? 0 : x < lowest ? first : x >= beyond ? last : (int64_t)x;
}

static int64_t real_to_integer(double x, clarus_dtype type)
{
    int bits = 8 * (int)clarus_dtype_size(type);
    int is_unsigned =
        type == CLARUS_UINT8 || type == CLARUS_UINT16 || type == CLARUS_UINT32 || type == CLARUS_UINT64;
    if (type == CLARUS_UINT64)
        return x >= 0x1p63 ? (int64_t)(x >= 0x1p64 ? UINT64_MAX : (uint64_t)x)
                           : clamp_real(x, 0, 0x1p63, 0, INT64_MAX);
    double beyond = ldexp(1, is_unsigned ? bits : bits - 1);
    int64_t last = bits == 64 ? INT64_MAX : (int64_t)beyond - 1, first = is_unsigned ? 0 : -last - 1;
    return clamp_real(x, is_unsigned ? 0 : -beyond, beyond, first, last);
}

static int store_element(clarus_dtype type, void *data, size_t i, const element *e, int from_uint64)
{
    size_t size = clarus_dtype_size(type);
    double real = e->is_real ? e->real : from_uint64 ? (double)(uint64_t)e->integer : (double)e->integer;
    if (type == CLARUS_FLOAT32) { /* an integer is rounded once */
        ((float *)data)[i] = e->is_real    ? (float)e->real
                             : from_uint64 ? (float)(uint64_t)e->integer
                                           : (float)e->integer;
        return 1;
    }
    if (type == CLARUS_FLOAT64) {
        ((double *)data)[i] = real;
        return 1;
    }
    if (type == CLARUS_BOOL) {
        ((uint8_t *)data)[i] = e->is_real ? e->real != 0 : e->integer != 0;
        return 1;
    }
    if (convert_is_half(type) || !size)
        return 0;
    int64_t integer = e->is_real ? real_to_integer(e->real, type) : e->integer;
    memcpy((char *)data + i * size, &integer, size); /* little-endian: the low bytes */
    return 1;
}

int convert_elements(clarus_dtype from_type, const void *from, size_t count, clarus_dtype to_type, void *to)
{
    for (size_t i = 0; i < count; i++) {
        element e = {0, 0, 0};
        if (!load_element(from_type, from, i, &e) ||
            !store_element(to_type, to, i, &e, from_type == CLARUS_UINT64))
            return 0;
    }
    return 1;
}
