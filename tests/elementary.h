/* The elementary functions of one argument, with the C library's in double precision beside them. */
#ifndef CLARUS_ELEMENTARY_H
#define CLARUS_ELEMENTARY_H

#include "functions.h"

#include <math.h>

static double reference_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* ELEMENTARY_FUNCTION(name, function, reference) for each. */
#define ELEMENTARY_FUNCTIONS                                                                                 \
    ELEMENTARY_FUNCTION(exp, clarus_exp, exp)                                                                \
    ELEMENTARY_FUNCTION(log, clarus_log, log)                                                                \
    ELEMENTARY_FUNCTION(tanh, clarus_tanh, tanh)                                                             \
    ELEMENTARY_FUNCTION(erf, clarus_erf, erf)                                                                \
    ELEMENTARY_FUNCTION(sigmoid, clarus_sigmoid, reference_sigmoid)                                          \
    ELEMENTARY_FUNCTION(sin, clarus_sin, sin)                                                                \
    ELEMENTARY_FUNCTION(cos, clarus_cos, cos)                                                                \
    ELEMENTARY_FUNCTION(tan, clarus_tan, tan)                                                                \
    ELEMENTARY_FUNCTION(asin, clarus_asin, asin)                                                             \
    ELEMENTARY_FUNCTION(acos, clarus_acos, acos)                                                             \
    ELEMENTARY_FUNCTION(atan, clarus_atan, atan)                                                             \
    ELEMENTARY_FUNCTION(sinh, clarus_sinh, sinh)                                                             \
    ELEMENTARY_FUNCTION(cosh, clarus_cosh, cosh)                                                             \
    ELEMENTARY_FUNCTION(asinh, clarus_asinh, asinh)                                                          \
    ELEMENTARY_FUNCTION(acosh, clarus_acosh, acosh)                                                          \
    ELEMENTARY_FUNCTION(atanh, clarus_atanh, atanh)                                                          \
    ELEMENTARY_FUNCTION(sqrt, clarus_soft_sqrt, sqrt)

#endif
