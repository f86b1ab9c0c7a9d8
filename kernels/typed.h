/* Integers for typed.def: one definition for the kernel (OpenCL C 1.2) and the oracle (C11).
 *
 * A value of any integer type is a word of 64 bits, extended by the type's sign, so that one expression serves all types;
 * storing the low bytes wraps it. A type is its width in bits, 1 for bool, and whether it has a sign. */
#ifndef CLARUS_TYPED_H
#define CLARUS_TYPED_H

#ifdef __OPENCL_VERSION__
typedef long word;
typedef ulong uword;
#else
#include <stdint.h>
typedef int64_t word;
typedef uint64_t uword;
#endif

static inline uword typed_highest(int bits, int is_signed)
{
    return ~(uword)0 >> (64 - bits + is_signed);
}

static inline uword typed_lowest(int bits, int is_signed)
{
    return is_signed ? ~typed_highest(bits, is_signed) : 0;
}

/* From the low bytes, the rest 0. Any byte but 0 is true. */
static inline uword typed_word(uword stored, int bits, int is_signed)
{
    uword sign = is_signed ? (uword)1 << (bits - 1) : 0;
    return bits == 1 ? (uword)(stored != 0) : (stored ^ sign) - sign;
}

/* What is stored of a result. */
static inline uword typed_wrap(uword x, int bits)
{
    return bits == 1 ? x & 1 : x;
}

static inline int typed_less(uword x, uword y, int is_signed)
{
    return is_signed ? (word)x < (word)y : x < y;
}

/* x^y by squaring; of a negative y, 1 / x^-y truncated, and 0 where x is 0. */
static inline uword typed_power(uword x, uword y, int is_signed)
{
    uword odd = y & 1, result = 1;
    if (is_signed && (word)y < 0)
        return x == 1 || (x == ~(uword)0 && !odd) ? 1 : x == ~(uword)0 ? x : 0;
    for (; y; y >>= 1, x *= x)
        result = y & 1 ? result * x : result;
    return result;
}

/* 1 where x / y and x % y have no value in the type. */
static inline int typed_indivisible(uword x, uword y, int bits, int is_signed)
{
    return y == 0 || (is_signed && y == ~(uword)0 && x == typed_lowest(bits, is_signed));
}

static inline uword typed_quotient(uword x, uword y, int is_signed)
{
    return is_signed ? (uword)((word)x / (word)y) : x / y;
}

static inline uword typed_remainder(uword x, uword y, int is_signed)
{
    return is_signed ? (uword)((word)x % (word)y) : x % y;
}

static inline uword typed_modulus(uword x, uword y, int is_signed)
{
    uword r = typed_remainder(x, y, is_signed);
    return is_signed && r != 0 && (word)(r ^ y) < 0 ? r + y : r;
}

/* Truncated; what does not fit becomes the nearest that does, a NaN 0. The highest number rounds up to the first float
 * beyond the type, or is one itself. */
static inline uword typed_from_float(float x, int bits, int is_signed)
{
    uword lowest = typed_lowest(bits, is_signed), highest = typed_highest(bits, is_signed);
    if (bits == 1)
        return x != 0.0f;
    return !(x == x)               ? 0
           : x >= (float)highest   ? highest
           : is_signed             ? (x <= (float)(word)lowest ? lowest : (uword)(word)x)
           : x <= 0.0f             ? 0
                                   : (uword)x;
}

/* Rounded to nearest even. */
static inline float typed_to_float(uword x, int is_signed)
{
#ifdef __OPENCL_VERSION__
    return is_signed ? convert_float_rte((word)x) : convert_float_rte(x);
#else
    return is_signed ? (float)(word)x : (float)x;
#endif
}

#endif
