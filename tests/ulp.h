/* Distance of a float from an exact value in units of the last place. */
#ifndef CLARUS_ULP_H
#define CLARUS_ULP_H

#include <float.h>
#include <math.h>

/* In units of the spacing of floats at `exact` (of the smallest subnormal below the normal range).
 * 0 if both are NaN or the same infinity; infinity if only one of them is. */
static inline double ulp_error(float value, double exact)
{
    if (isnan(value) || isnan(exact))
        return isnan(value) && isnan(exact) ? 0 : INFINITY;
    float rounded = (float)exact;
    if (isinf(value) || isinf(rounded))
        return value == rounded ? 0 : INFINITY;
    if (value == 0 && exact == 0)
        return !signbit(value) == !signbit(exact) ? 0 : INFINITY;
    int exponent;
    frexp(exact, &exponent);
    if (exponent < FLT_MIN_EXP)
        exponent = FLT_MIN_EXP;
    return fabs((double)value - exact) / ldexp(1, exponent - FLT_MANT_DIG);
}

#endif
