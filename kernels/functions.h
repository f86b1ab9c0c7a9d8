/* Elementary functions of docs/numerics.md section 7: one definition for the kernels (OpenCL C 1.2) and
 * the oracle (C11). Part of the specification: the sequence of primitives written here is the result.
 *
 * Everything is written for a `real`, its comparisons for one ?: each, so that it vectorises: a float, or
 * with CLARUS_LANES 4, 8 or 16 (OpenCL only) a vector, with `ints` of the same width. Both branches of every
 * ?: are computed, so no operand of an integer operation may overflow in either.
 *
 * Polynomials: minimax fits of the relative error of the whole function, coefficients rounded to float from
 * the lowest order up, the higher ones fitted again after each. */
#ifndef CLARUS_FUNCTIONS_H
#define CLARUS_FUNCTIONS_H

#ifdef __OPENCL_VERSION__
#include "kernel.h"

#if defined(CLARUS_LANES) && CLARUS_LANES > 1
typedef CLARUS_TYPE(float, CLARUS_LANES, ) real;
typedef CLARUS_TYPE(int, CLARUS_LANES, ) ints;
#define as_real CLARUS_TYPE(as_float, CLARUS_LANES, )
#define as_ints CLARUS_TYPE(as_int, CLARUS_LANES, )
#define convert_real CLARUS_TYPE(convert_float, CLARUS_LANES, _rte)
#define convert_ints CLARUS_TYPE(convert_int, CLARUS_LANES, _rte)
#else
typedef float real;
typedef int ints;
#define as_real as_float
#define as_ints as_int
#define convert_real convert_float_rte
#define convert_ints convert_int_rte
#endif

#else
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef float real;
typedef int32_t ints;
#define fma fmaf
#define floor floorf
#define rint rintf

static inline ints as_ints(real x)
{
    ints i;
    memcpy(&i, &x, sizeof i);
    return i;
}

static inline real as_real(ints i)
{
    real x;
    memcpy(&x, &i, sizeof x);
    return x;
}

static inline real convert_real(ints i)
{
    return (real)i;
}

static inline ints convert_ints(real x)
{
    return (ints)x;
}
#endif

#define CLARUS_INF as_real((ints)0x7f800000)
#define CLARUS_NAN as_real((ints)0x7fc00000)
#define CLARUS_MIN_NORMAL 0x1p-126f
/* Added to a number below 2^22 in magnitude it rounds it to an integer, which is then in the low bits. */
#define CLARUS_ROUND 0x1.8p23f

static inline real clarus_abs(real x)
{
    return as_real(as_ints(x) & 0x7fffffff);
}

/* y, which is not negative, with the sign of x. (Masking y's sign as well lets LLVM 14 merge the three masks
 * and a following ?: into one wrong AVX-512 instruction.) */
static inline real clarus_signed(real x, real y)
{
    return as_real(as_ints(y) | (as_ints(x) & ~0x7fffffff));
}

/* A NaN wins; -0 is less than +0. */
static inline real clarus_min(real x, real y)
{
    real equal = as_real(as_ints(x) | as_ints(y));
    return x < y ? x : y < x ? y : x == y ? equal : x + y;
}

static inline real clarus_max(real x, real y)
{
    real equal = as_real(as_ints(x) & as_ints(y));
    return x > y ? x : y > x ? y : x == y ? equal : x + y;
}

static inline real clarus_clip(real x, real lowest, real highest)
{
    real t = x < lowest ? lowest : x;
    return t > highest ? highest : t;
}

/* ---- Division and square root from integers ---- */

/* x, or 1 unless x is positive and finite. */
static inline real clarus_positive(real x)
{
    real t = x > 0.0f ? x : (real)1.0f;
    return t < CLARUS_INF ? t : (real)1.0f;
}

/* A finite x > 0 as significand * 2^(exponent - 150), 2^23 <= significand < 2^24. */
static inline ints clarus_significand(real x, ints *exponent)
{
    real n = x < CLARUS_MIN_NORMAL ? x * 0x1p24f : x;
    ints subnormal = x < CLARUS_MIN_NORMAL ? (ints)24 : (ints)0;
    *exponent = (as_ints(n) >> 23) - subnormal;
    return (as_ints(n) & 0x7fffff) | 0x800000;
}

/* Correctly rounded x / y: long division to 27 bits, the last of which also stands for all that
 * follow, rounded once to the bits that the result has. */
static inline real clarus_soft_div(real x, real y)
{
    real ax = clarus_abs(x), ay = clarus_abs(y);
    ints ex, ey;
    ints rest = clarus_significand(clarus_positive(ax), &ex);
    ints divisor = clarus_significand(clarus_positive(ay), &ey);
    ints exponent = ex - ey + 127;
    exponent = rest < divisor ? exponent - 1 : exponent;
    rest = rest < divisor ? rest * 2 : rest;
    ints quotient = (ints)0; /* 2^26 <= quotient < 2^27 at the end */
    for (int i = 0; i < 27; i++) {
        quotient = rest >= divisor ? quotient * 2 + 1 : quotient * 2;
        rest = rest >= divisor ? (rest - divisor) * 2 : rest * 2;
    }
    quotient = rest > 0 ? quotient | 1 : quotient;

    ints shift = exponent > 0 ? (ints)3 : 4 - exponent; /* a subnormal result has fewer bits */
    shift = shift > 30 ? (ints)30 : shift;
    ints kept = quotient >> shift, cut = quotient - (kept << shift), middle = (ints)1 << (shift - 1);
    cut = cut + (kept & 1); /* a tie goes to even */
    kept = cut > middle ? kept + 1 : kept;
    ints field = exponent > 254 ? (ints)254 : exponent;
    field = field > 0 ? field - 1 : (ints)0;
    real q = exponent > 254 ? CLARUS_INF : as_real(field * 0x800000 + kept);

    q = ax == 0.0f ? (real)0.0f : q;
    q = ax == CLARUS_INF ? ax : q;
    q = ay == 0.0f ? (ax == 0.0f ? CLARUS_NAN : CLARUS_INF) : q;
    q = ay == CLARUS_INF ? (ax == CLARUS_INF ? CLARUS_NAN : (real)0.0f) : q;
    q = clarus_signed(as_real(as_ints(x) ^ as_ints(y)), q);
    q = x == x ? q : x;
    return y == y ? q : y;
}

/* Correctly rounded square root: 25 binary digits, two of the radicand for each; a tie is not possible. */
static inline real clarus_soft_sqrt(real x)
{
    ints exponent;
    ints radicand = clarus_significand(clarus_positive(x), &exponent) * 2; /* 26 bits with the next line */
    radicand = (exponent & 1) == 0 ? radicand * 2 : radicand;
    ints root = (ints)0, rest = (ints)0;
    for (int i = 24; i > -26; i -= 2) {
        rest = rest * 4 + (i >= 0 ? (radicand >> (i & 31)) & 3 : (ints)0);
        ints trial = root * 4 + 1;
        root = rest >= trial ? root * 2 + 1 : root * 2;
        rest = rest >= trial ? rest - trial : rest;
    }
    ints kept = (root >> 1) + (root & 1);
    real y = as_real((((exponent + 127) >> 1) - 1) * 0x800000 + kept);
    y = x == 0.0f ? x : y;
    y = x == CLARUS_INF ? x : y;
    return x >= 0.0f ? y : CLARUS_NAN;
}

static inline real clarus_div(real x, real y)
{
#ifdef CLARUS_SOFT_DIVIDE
    return clarus_soft_div(x, y);
#else
    return x / y;
#endif
}

static inline real clarus_sqrt(real x)
{
#ifdef CLARUS_SOFT_DIVIDE
    return clarus_soft_sqrt(x);
#elif defined(__OPENCL_VERSION__)
    return sqrt(x);
#else
    return sqrtf(x);
#endif
}

/* ---- Exponential and logarithm ---- */

/* x * 2^k for 0.5 <= x <= 2, -252 <= k <= 254: in two steps, since 2^k alone may be out of range. */
static inline real clarus_scale(real x, ints k)
{
    ints part = k >> 1;
    return x * as_real((part + 127) * 0x800000) * as_real((k - part + 127) * 0x800000);
}

/* e^t as a number from 0.7 to 1.5 times 2^*k, for -105 <= t <= 90: t = k ln 2 + r; e^r = 1 + r + r^2 p(r),
 * |r| <= ln 2 / 2. What r and 1 + r lose in rounding is added at the end. */
static inline real clarus_exp_split(real t, ints *k)
{
    real n = fma(t, (real)0x1.715476p0f, (real)CLARUS_ROUND);
    *k = as_ints(n) - as_ints((real)CLARUS_ROUND);
    n = n - CLARUS_ROUND;
    real exact = fma(n, (real)-0x1.62e4p-1f, t);
    real r = fma(n, (real)-0x1.7f7d1cp-20f, exact), r_low = fma(n, (real)-0x1.7f7d1cp-20f, exact - r);
    real p = fma(r, (real)0x1.6a3d7p-10f, (real)0x1.1239ep-7f);
    p = fma(r, p, (real)0x1.5558cp-5f);
    p = fma(r, p, (real)0x1.555492p-3f);
    p = fma(r, p, (real)0x1.fffffcp-2f);
    real s = 1.0f + r, s_low = 1.0f - s + r;
    return s + (fma(r * r, p, s_low) + r_low);
}

/* 2^power e^x */
static inline real clarus_exp_times(real x, ints power)
{
    real t = x > -105.0f ? x : (real)-105.0f; /* NaN: replaced at the end */
    ints k;
    real y = clarus_exp_split(t < 90.0f ? t : (real)90.0f, &k);
    y = clarus_scale(y, k + power);
    return x == x ? y : CLARUS_NAN;
}

/* The same as clarus_exp for x <= 0, for less; of a NaN 0. k is -152 or more, so that 64 more leave a normal number. */
static inline real clarus_exp_falling(real x)
{
    ints k;
    real y = clarus_exp_split(x > -105.0f ? x : (real)-105.0f, &k);
    return as_real(as_ints(y) + (k + 64) * 0x800000) * 0x1p-64f;
}

static inline real clarus_exp(real x)
{
    return clarus_exp_times(x, (ints)0);
}

/* A finite x > 0 as m * 2^*k with sqrt(1/2) <= m < sqrt(2). */
static inline real clarus_split(real x, ints *k)
{
    ints exponent;
    ints i = clarus_significand(x, &exponent) - 0x800000 + 0x3f800000; /* 1 <= as_real(i) < 2 */
    *k = i < 0x3fb504f3 ? exponent - 127 : exponent - 126;
    return as_real(i < 0x3fb504f3 ? i : i - 0x800000);
}

/* ln(2^power x): x = m 2^k, f = m - 1: k ln 2 + (f + f^2 (f p(f) - 1/2)). */
static inline real clarus_log_times(real x, ints power)
{
    ints k;
    real f = clarus_split(clarus_positive(x), &k) - 1.0f;
    real n = convert_real(k + power);
    real p = fma(f, (real)-0x1.38f9ccp-4f, (real)0x1.0589ap-3f);
    p = fma(f, p, (real)-0x1.0d8e3p-3f);
    p = fma(f, p, (real)0x1.22d482p-3f);
    p = fma(f, p, (real)-0x1.5470e2p-3f);
    p = fma(f, p, (real)0x1.99a03ap-3f);
    p = fma(f, p, (real)-0x1.00022cp-2f);
    p = fma(f, p, (real)0x1.555554p-2f);
    real low = f * f * fma(f, p, (real)-0.5f);
    real y = fma(n, (real)0x1.62e4p-1f, f + fma(n, (real)0x1.7f7d1cp-20f, low));
    y = x == CLARUS_INF ? x : y;
    return x > 0.0f ? y : x == 0.0f ? -CLARUS_INF : CLARUS_NAN;
}

static inline real clarus_log(real x)
{
    return clarus_log_times(x, (ints)0);
}

/* log2 of a finite x > 0 as high + *low, good to about 2^-33 of its value. With s = (m - 1) / (m + 1):
 * ln m = 2 s (1 + s^2 / 3 + s^4 p(s^2)); all but the last term carry their rounding errors along. */
static inline real clarus_log2_pair(real x, real *low)
{
    ints k;
    real m = clarus_split(x, &k), n = convert_real(k);
    real f = m - 1.0f, d = m + 1.0f, d_low = m - (d - 1.0f);
    real s = clarus_div(f, d), s_low = clarus_div(fma(-s, d, f) - s * d_low, d);
    real z = s * s, z_low = fma(s, s, -z) + 2.0f * s * s_low;
    real p = fma(z, (real)0x1.828d4p-4f, (real)0x1.c7679p-4f);
    p = fma(z, p, (real)0x1.249194p-3f);
    p = z * z * fma(z, p, (real)0x1.99999ap-3f);
    real third = z * 0x1.555556p-2f;
    real third_low = fma(z, (real)0x1.555556p-2f, -third) + (z_low * 0x1.555556p-2f - z * 0x1.555556p-27f);
    real v = third + p, v_low = third - v + p + third_low;
    real q = 2.0f * s * v, q_low = fma(2.0f * s, v, -q) + 2.0f * (s * v_low + s_low * v);
    real h = 2.0f * s + q, h_low = 2.0f * s - h + q + (q_low + 2.0f * s_low);
    real b = h * 0x1.715476p0f;
    real b_low = fma(h, (real)0x1.715476p0f, -b) + (h * 0x1.4ae0cp-26f + h_low * 0x1.715476p0f);
    real t = n + b;
    *low = n - t + b + b_low;
    return t;
}

/* |x|^y for finite x != 0 and finite y: 2^(y log2 |x|) = 2^n (1 + r p(r)). */
static inline real clarus_pow_magnitude(real x, real y)
{
    real low, high = clarus_log2_pair(x, &low);
    real e = y * high, e_low = fma(y, high, -e) + y * low;
    e_low = clarus_abs(e) < 200.0f ? e_low : (real)0.0f;
    e = clarus_clip(e, (real)-200.0f, (real)200.0f);
    real n = e + CLARUS_ROUND;
    ints k = as_ints(n) - as_ints((real)CLARUS_ROUND);
    real r = e - (n - CLARUS_ROUND) + e_low;
    real p = fma(r, (real)0x1.e443e8p-17f, (real)0x1.440efap-13f);
    p = fma(r, p, (real)0x1.5da2c4p-10f);
    p = fma(r, p, (real)0x1.3b2a5cp-7f);
    p = fma(r, p, (real)0x1.c6b07p-5f);
    p = fma(r, p, (real)0x1.ebfbep-3f);
    p = fma(r, p, (real)0x1.62e43p-1f);
    return clarus_scale(fma(r, p, (real)1.0f), k);
}

/* Special cases as in C11 Annex F. */
static inline real clarus_pow(real x, real y)
{
    real ax = clarus_abs(x), ay = clarus_abs(y);
    real sy = ay < CLARUS_INF ? y : (real)1.0f;
    real p = clarus_pow_magnitude(clarus_positive(ax), sy);
    /* 0 and infinity as base, then as exponent */
    p = ax == 0.0f ? (y < 0.0f ? CLARUS_INF : (real)0.0f) : p;
    p = ax == CLARUS_INF ? (y < 0.0f ? (real)0.0f : CLARUS_INF) : p;
    real grows = y > 0.0f ? ax : (real)1.0f, shrinks = y > 0.0f ? (real)1.0f : ax;
    real limit = grows > shrinks ? CLARUS_INF : grows < shrinks ? (real)0.0f : (real)1.0f;
    p = ay == CLARUS_INF ? limit : p;
    /* a negative base: odd integers are below 2^24; other numbers than integers have no result */
    ints odd = convert_ints(floor(ay < 0x1p24f ? ay : (real)0.0f)) & 1;
    odd = floor(ay) == ay ? odd : (ints)0;
    p = odd == 1 ? clarus_signed(x, p) : p;
    real finite_x = ax < CLARUS_INF ? x : (real)0.0f, finite_y = ay < CLARUS_INF ? y : (real)0.0f;
    p = floor(finite_y) == finite_y ? p : finite_x < 0.0f ? CLARUS_NAN : p;
    p = x == x ? p : x;
    p = y == y ? p : y;
    p = x == 1.0f ? (real)1.0f : p;
    return y == 0.0f ? (real)1.0f : p;
}

/* ---- Remainder ---- */

/* ax - n ay, exactly, for the largest n with n ay <= ax; 0 < ay <= ax, both finite: binary long division, of which
 * only the rest is kept. The exponents differ by 276 at most. */
static inline real clarus_remainder(real ax, real ay)
{
    ints ex, ey;
    ints rest = clarus_significand(ax, &ex), divisor = clarus_significand(ay, &ey), steps = ex - ey;
    for (int i = 0; i <= 276; i++) {
        rest = i <= steps ? (rest >= divisor ? rest - divisor : rest) : rest;
        rest = i < steps ? rest * 2 : rest;
    }
    return clarus_scale(convert_real(rest), ey - 150);
}

/* With the sign of x, as C's fmod. */
static inline real clarus_fmod(real x, real y)
{
    real ax = clarus_abs(x), ay = clarus_abs(y);
    real bounded = clarus_positive(ax), divisor = clarus_positive(ay);
    real r = clarus_remainder(bounded < divisor ? divisor : bounded, divisor);
    r = clarus_signed(x, r);
    r = ax < ay ? x : r;
    r = ax < CLARUS_INF ? r : CLARUS_NAN; /* a NaN too */
    r = ay > 0.0f ? r : CLARUS_NAN;
    return y == y ? r : CLARUS_NAN;
}

/* With the sign of y. */
static inline real clarus_mod(real x, real y)
{
    real r = clarus_fmod(x, y), zero = clarus_signed(y, (real)0.0f);
    real other = as_real(as_ints(r) ^ as_ints(y)); /* negative where the signs differ */
    real moved = clarus_signed(other, (real)1.0f) < 0.0f ? r + y : r;
    return r == 0.0f ? zero : moved;
}

/* ---- Functions of a sigmoid's kind ---- */

/* With e = e^-|x|, which never overflows, and q = e / (1 + e): 1 - q, or e - e q for x < 0. Of a NaN 1, so that
 * a product with x is NaN. A zero is +0 even where a device's fma adds +0 to -0 otherwise. */
static inline real clarus_gate(real x)
{
    real e = clarus_exp_falling(-clarus_abs(x));
    real q = clarus_div(e, e + 1.0f);
    real first = x < 0.0f ? e : (real)1.0f;
    return first > 0.0f ? fma(-first, q, first) : (real)0.0f;
}

static inline real clarus_sigmoid(real x)
{
    real y = clarus_gate(x);
    return x == x ? y : x;
}

/* |x| < 0.64: x + x^3 p(x^2); else 1 - 2 / (e^2x + 1). */
static inline real clarus_tanh(real x)
{
    real ax = clarus_abs(x), z = ax * ax;
    real p = fma(z, (real)0x1.1595f2p-9f, (real)-0x1.0b3a64p-7f);
    p = fma(z, p, (real)0x1.63718ep-6f);
    p = fma(z, p, (real)-0x1.b9edcp-5f);
    p = fma(z, p, (real)0x1.11106ep-3f);
    p = fma(z, p, (real)-0x1.555554p-2f);
    real near = fma(ax * z, p, ax);
    real bounded = ax < 10.0f ? ax : (real)10.0f;
    real far = 1.0f - clarus_div((real)2.0f, clarus_exp(2.0f * bounded) + 1.0f);
    real y = clarus_signed(x, ax < 0.64f ? near : far);
    y = x == 0.0f ? x : y;
    return x == x ? y : CLARUS_NAN;
}

/* |x| < 1: x + x p(x^2); else 1 - e^-q(|x| - 2), where q is fitted to -log(1 - erf). */
static inline real clarus_erf(real x)
{
    real ax = clarus_abs(x), z = ax * ax;
    real p = fma(z, (real)0x1.4771fcp-14f, (real)-0x1.a3515ep-11f);
    p = fma(z, p, (real)0x1.53f224p-8f);
    p = fma(z, p, (real)-0x1.b7f71ap-6f);
    p = fma(z, p, (real)0x1.ce2ce6p-4f);
    p = fma(z, p, (real)-0x1.81273ep-2f);
    p = fma(z, p, (real)0x1.06eba8p-3f);
    real near = fma(ax, p, ax);
    real u = (ax < 3.95f ? ax : (real)3.95f) - 2.0f;
    real q = fma(u, (real)0x1.0b311p-16f, (real)-0x1.3c16fcp-13f);
    q = fma(u, q, (real)0x1.7da402p-11f);
    q = fma(u, q, (real)-0x1.d233a4p-9f);
    q = fma(u, q, (real)0x1.0df2e8p-6f);
    q = fma(u, q, (real)0x1.d8f60ap-1f);
    q = fma(u, q, (real)0x1.1ac322p+2f);
    q = fma(u, q, (real)0x1.575b32p+2f);
    real far = 1.0f - clarus_exp(-q);
    real y = clarus_signed(x, ax < 1.0f ? near : far);
    return x == x ? y : CLARUS_NAN;
}

/* ---- Hyperbolic functions and their inverses ---- */

/* |x| < 1: x + x^3 p(x^2); else (e^x - e^-x) / 2. */
static inline real clarus_sinh(real x)
{
    real ax = clarus_abs(x), z = ax * ax;
    real p = fma(z, (real)0x1.7a15b6p-19f, (real)0x1.9ffe92p-13f);
    p = fma(z, p, (real)0x1.111134p-7f);
    p = fma(z, p, (real)0x1.555556p-3f);
    real near = fma(ax * z, p, ax);
    real half_e = clarus_exp_times(ax, (ints)-1);
    real y = clarus_signed(x, ax < 1.0f ? near : half_e - clarus_div((real)0.25f, half_e));
    return x == x ? y : CLARUS_NAN;
}

static inline real clarus_cosh(real x)
{
    real half_e = clarus_exp_times(clarus_abs(x), (ints)-1);
    return half_e + clarus_div((real)0.25f, half_e);
}

/* ln(h + low) for a low that is small beside h > 0. */
static inline real clarus_log_pair(real h, real low)
{
    return clarus_log(h) + clarus_div(low, h);
}

/* ln(x + sqrt(x^2 + 1)) with what the square, the root and the sum lose; ln(2 x) for large x, x for small. */
static inline real clarus_asinh(real x)
{
    real ax = clarus_abs(x), bounded = ax < 0x1p13f ? ax : (real)0x1p13f;
    real square = bounded * bounded, square_low = fma(bounded, bounded, -square);
    real t = square + 1.0f, t_low = (square > 1.0f ? square - t + 1.0f : 1.0f - t + square) + square_low;
    real root = clarus_sqrt(t), root_low = clarus_div(fma(-root, root, t) + t_low, 2.0f * root);
    real h = root + bounded;
    real y = clarus_log_pair(h, root - h + bounded + root_low);
    y = ax < 0x1p-12f ? ax : y;
    y = clarus_signed(x, ax >= 0x1p13f ? clarus_log_times(ax, (ints)1) : clarus_abs(y));
    return x == x ? y : CLARUS_NAN;
}

/* The same with x^2 - 1. */
static inline real clarus_acosh(real x)
{
    real bounded = clarus_clip(x, (real)1.0f, (real)0x1p13f);
    real square = bounded * bounded, square_low = fma(bounded, bounded, -square);
    real t = square - 1.0f, t_low = square - t - 1.0f + square_low;
    real root = clarus_sqrt(t), divisor = root > 0.0f ? 2.0f * root : (real)1.0f;
    real root_low = clarus_div(fma(-root, root, t) + t_low, divisor);
    real h = bounded + root;
    real y = clarus_log_pair(h, bounded - h + root + root_low);
    y = x >= 0x1p13f ? clarus_log_times(x, (ints)1) : y;
    return x >= 1.0f ? y : CLARUS_NAN;
}

/* |x| < 1/2: x + x^3 p(x^2); else ln((1 + x) / (1 - x)) / 2. */
static inline real clarus_atanh(real x)
{
    real ax = clarus_abs(x), z = ax * ax;
    real p = fma(z, (real)0x1.68549p-3f, (real)0x1.91c468p-6f);
    p = fma(z, p, (real)0x1.a52dd0p-4f);
    p = fma(z, p, (real)0x1.c1373cp-4f);
    p = fma(z, p, (real)0x1.24c232p-3f);
    p = fma(z, p, (real)0x1.99982cp-3f);
    p = fma(z, p, (real)0x1.555558p-2f);
    real near = fma(ax * z, p, ax);
    real bounded = ax < 1.0f ? ax : (real)0.5f;
    real n = 1.0f + bounded, n_low = bounded - (n - 1.0f), d = 1.0f - bounded;
    real q = clarus_div(n, d);
    real far = 0.5f * clarus_log_pair(q, clarus_div(fma(-q, d, n) + n_low, d));
    far = ax < 1.0f ? far : ax == 1.0f ? CLARUS_INF : CLARUS_NAN;
    real y = clarus_signed(x, ax < 0.5f ? near : far);
    return ax <= 1.0f ? y : CLARUS_NAN;
}

/* ---- Trigonometric functions ---- */

/* pi / 2 in two floats. */
#define CLARUS_HALF_PI 0x1.921fb6p0f
#define CLARUS_HALF_PI_LOW -0x1.777a5cp-25f

/* Bits of 2 / pi, 12 a number, behind 36 zeros. */
#ifdef __OPENCL_VERSION__
__constant
#else
static const
#endif
    int clarus_two_over_pi[] = {0,     0,     0,     0xa2f, 0x983, 0x6e4, 0xe44, 0x152, 0x9fc, 0x275, 0x7d1,
                                0xf53, 0x4dd, 0xc0d, 0xb62, 0x959, 0x93c, 0x439, 0x041, 0xfe5, 0x163};

/* ax = q pi / 2 + r + *low with |r| <= pi / 4, for a finite ax; *quadrant is q mod 4. From 1/2 on the product of ax's 24
 * bits with the 96 bits of 2 / pi that give bits 2^1 to 2^-94 of the result; higher ones are multiples of 4. */
static inline real clarus_reduce(real ax, real *low, ints *quadrant)
{
    ints e = as_ints(ax < 0.5f ? (real)0.5f : ax), m = (e & 0x7fffff) | 0x800000;
    ints at = (e >> 23) - 116, skip = at / 12, cut = at - skip * 12;
    ints w[21], p[8], carry = (ints)0, high = m >> 12, rest = m & 0xfff;
    for (int k = 0; k < 21; k++)
        w[k] = (ints)clarus_two_over_pi[k];
    for (int step = 8; step > 0; step /= 2) /* drops `skip` numbers */
        for (int k = 0; k + step < 21; k++)
            w[k] = (skip & step) > 0 ? w[k + step] : w[k];
    for (int k = 0; k < 9; k++) /* w[8]: only its upper bits are wanted */
        w[k] = k < 8 ? ((w[k] << cut) | (w[k + 1] >> (12 - cut))) & 0xfff : (ints)0;
    for (int k = 7; k >= 0; k--) {
        carry = carry + w[k] * rest + w[k + 1] * high;
        p[k] = carry & 0xfff;
        carry = carry >> 12;
    }
    ints up = (p[0] >> 9) & 1, flip = -up; /* to the nearest quadrant: 1 - fraction, its bits turned over */
    ints f0 = ((p[0] ^ flip) & 0x3ff) * 4096 + ((p[1] ^ flip) & 0xfff);
    ints f1 = ((p[2] ^ flip) & 0xfff) * 4096 + ((p[3] ^ flip) & 0xfff);
    ints f2 = ((p[4] ^ flip) & 0xfff) * 4096 + ((p[5] ^ flip) & 0xfff);
    real first = convert_real(f0) * 0x1p-22f, second = convert_real(f1) * 0x1p-46f;
    real h = first + second, h_low = first - h + second + convert_real(f2) * 0x1p-70f;
    real r = h * CLARUS_HALF_PI;
    real r_low = fma(h, (real)CLARUS_HALF_PI, -r) + fma(h, (real)CLARUS_HALF_PI_LOW, h_low * CLARUS_HALF_PI);
    *quadrant = ax < 0.5f ? (ints)0 : ((p[0] >> 10) + up) & 3;
    *low = ax < 0.5f ? (real)0.0f : up == 1 ? -r_low : r_low;
    return ax < 0.5f ? ax : up == 1 ? -r : r;
}

/* |r| <= pi / 4: r + r^3 p(r^2), and 1 - r^2 / 2 + r^4 p(r^2). */
static inline real clarus_sin_near(real r, real low)
{
    real z = r * r;
    real p = fma(z, (real)0x1.6cd19ep-19f, (real)-0x1.a00f7ep-13f);
    p = fma(z, p, (real)0x1.111108p-7f);
    p = fma(z, p, (real)-0x1.555556p-3f);
    return r + fma(r * z, p, fma(-0.5f * z, low, low));
}

static inline real clarus_cos_near(real r, real low)
{
    real z = r * r, z_low = fma(r, r, -z);
    real p = fma(z, (real)0x1.99eb34p-16f, (real)-0x1.6c0c32p-10f);
    p = fma(z, p, (real)0x1.55554ap-5f);
    real h = 0.5f * z, w = 1.0f - h;
    return w + (1.0f - w - h + fma(z * z, p, fma(-r, low, -0.5f * z_low)));
}

/* The sine of |x| + `turn` right angles, with a minus if `negative`. */
static inline real clarus_sin_turned(real x, int turn, ints negative)
{
    ints q;
    real ax = clarus_abs(x), low, r = clarus_reduce(ax < CLARUS_INF ? ax : (real)0.0f, &low, &q);
    q = q + turn;
    real y = (q & 1) == 1 ? clarus_cos_near(r, low) : clarus_sin_near(r, low);
    y = ((q >> 1) & 1) == negative ? y : -y;
    return ax < CLARUS_INF ? y : CLARUS_NAN;
}

static inline real clarus_sin(real x)
{
    return clarus_sin_turned(x, 0, (as_ints(x) >> 31) & 1);
}

static inline real clarus_cos(real x)
{
    return clarus_sin_turned(x, 1, (ints)0);
}

/* r + r^3 p(r^2), and -1 / that in odd quadrants, with what the sum and the division lose. */
static inline real clarus_tan(real x)
{
    ints q;
    real ax = clarus_abs(x), low, r = clarus_reduce(ax < CLARUS_INF ? ax : (real)0.0f, &low, &q), z = r * r;
    real p = fma(z, (real)0x1.1ee5p-8f, (real)0x1.6c0286p-14f);
    p = fma(z, p, (real)0x1.632324p-7f);
    p = fma(z, p, (real)0x1.5cacap-6f);
    p = fma(z, p, (real)0x1.badc2ep-5f);
    p = fma(z, p, (real)0x1.110d8cp-3f);
    p = fma(z, p, (real)0x1.55556p-2f);
    real more = fma(r * z, p, fma(z, low, low)), t = r + more, t_low = r - t + more;
    real divisor = t == 0.0f ? (real)1.0f : t, cotangent = clarus_div((real)-1.0f, divisor);
    cotangent = fma(cotangent, fma(cotangent, divisor, (real)1.0f) + cotangent * t_low, cotangent);
    real y = (q & 1) == 1 ? cotangent : t;
    y = x < 0.0f ? -y : y;
    y = x == 0.0f ? x : y;
    return ax < CLARUS_INF ? y : CLARUS_NAN;
}

/* asin x = x + x^3 p(x^2) for |x| <= 1/2: p. */
static inline real clarus_asin_poly(real z)
{
    real p = fma(z, (real)0x1.3355cp-5f, (real)0x1.d91fa6p-7f);
    p = fma(z, p, (real)0x1.0491a2p-5f);
    p = fma(z, p, (real)0x1.6caed2p-5f);
    p = fma(z, p, (real)0x1.33387cp-4f);
    return fma(z, p, (real)0x1.55554cp-3f);
}

/* asin sqrt((1 - ax) / 2) for 1/2 <= ax <= 1, of which the first part is exact. */
static inline real clarus_asin_far(real ax, real *low)
{
    real z = 0.5f * (1.0f - clarus_clip(ax, (real)0.5f, (real)1.0f)), s = clarus_sqrt(z);
    real divisor = s > 0.0f ? 2.0f * s : (real)1.0f;
    *low = fma(s * z, clarus_asin_poly(z), clarus_div(fma(-s, s, z), divisor));
    return s;
}

/* From 1/2 on pi / 2 - 2 asin sqrt((1 - x) / 2). */
static inline real clarus_asin(real x)
{
    real ax = clarus_abs(x), z = ax * ax, near = fma(ax * z, clarus_asin_poly(z), ax);
    real low, s = 2.0f * clarus_asin_far(ax, &low), d = CLARUS_HALF_PI - s;
    real far = d + (CLARUS_HALF_PI - d - s + (CLARUS_HALF_PI_LOW - 2.0f * low));
    real y = clarus_signed(x, ax < 0.5f ? near : far);
    return ax <= 1.0f ? y : CLARUS_NAN;
}

/* pi / 2 - asin x; from 1/2 on 2 asin sqrt((1 - x) / 2), down from -1/2 pi minus that of -x. */
static inline real clarus_acos(real x)
{
    real ax = clarus_abs(x), z = ax * ax, c = CLARUS_HALF_PI - x;
    real near = c + (CLARUS_HALF_PI - c - x + (CLARUS_HALF_PI_LOW - x * z * clarus_asin_poly(z)));
    real low, s = 2.0f * clarus_asin_far(ax, &low), d = 2.0f * CLARUS_HALF_PI - s;
    real obtuse = d + (2.0f * CLARUS_HALF_PI - d - s + (2.0f * CLARUS_HALF_PI_LOW - 2.0f * low));
    real y = ax < 0.5f ? near : x < 0.0f ? obtuse : s + 2.0f * low;
    return ax <= 1.0f ? y : CLARUS_NAN;
}

/* u + u^3 p(u^2) for u = x below tan(pi / 8); pi / 4 + that of (x - 1) / (x + 1); pi / 2 + that of -1 / x above
 * tan(3 pi / 8). */
static inline real clarus_atan(real x)
{
    real ax = clarus_abs(x);
    real n = ax < 0x1.a8279ap-2f ? ax : ax < 0x1.3504f4p1f ? ax - 1.0f : (real)-1.0f;
    real d = ax < 0x1.a8279ap-2f ? (real)1.0f : ax < 0x1.3504f4p1f ? ax + 1.0f : ax;
    real d_low = ax < 0x1.a8279ap-2f ? (real)0.0f : ax < 0x1.3504f4p1f ? ax - (d - 1.0f) : (real)0.0f;
    real base = ax < 0x1.a8279ap-2f ? (real)0.0f : ax < 0x1.3504f4p1f ? (real)0.5f : (real)1.0f;
    real u = clarus_div(n, d), z = u * u;
    real exact = ax < CLARUS_INF ? fma(-u, d, n) - u * d_low : (real)0.0f;
    real p = fma(z, (real)0x1.84748ap-5f, (real)-0x1.5b259ap-4f);
    p = fma(z, p, (real)0x1.c4623p-4f);
    p = fma(z, p, (real)-0x1.247ec8p-3f);
    p = fma(z, p, (real)0x1.999918p-3f);
    p = fma(z, p, (real)-0x1.555554p-2f);
    real low = fma(u * z, p, fma(base, (real)CLARUS_HALF_PI_LOW, clarus_div(exact, d)));
    real sum = base * CLARUS_HALF_PI + u, sum_low = base * CLARUS_HALF_PI - sum + u;
    real y = clarus_signed(x, clarus_abs(sum + (sum_low + low)));
    return x == x ? y : CLARUS_NAN;
}

/* ---- Half precision: float values that the narrower type has ---- */

/* To nearest even: below 2^-14 an addition leaves multiples of 2^-24, above 13 bits are cut off. */
static inline real clarus_round_half(real x)
{
    real ax = clarus_abs(x), bounded = ax < 65520.0f ? ax : CLARUS_INF;
    real subnormal = (bounded + 0.5f) - 0.5f;
    ints bits = as_ints(bounded);
    real normal = as_real((bits + 0xfff + ((bits >> 13) & 1)) & ~0x1fff);
    real y = clarus_signed(x, bounded < 0x1p-14f ? subnormal : normal);
    return x == x ? y : x;
}

static inline real clarus_round_bfloat16(real x)
{
    real ax = clarus_abs(x);
    ints bits = as_ints(ax < CLARUS_INF ? ax : CLARUS_INF);
    real y = clarus_signed(x, as_real((bits + 0x7fff + ((bits >> 16) & 1)) & ~0xffff));
    return x == x ? y : x;
}

#endif
