/* The elementary functions of one argument, with the C library's in double precision beside them. */
#ifndef CLARUS_ELEMENTARY_H
#define CLARUS_ELEMENTARY_H

#include "functions.h"

#include <math.h>

static double reference_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static const struct {
    const char *name;
    float (*function)(float);
    double (*reference)(double);
} elementary[] = {{"exp", clarus_exp, exp},
                  {"log", clarus_log, log},
                  {"tanh", clarus_tanh, tanh},
                  {"erf", clarus_erf, erf},
                  {"sigmoid", clarus_sigmoid, reference_sigmoid},
                  {"sin", clarus_sin, sin},
                  {"cos", clarus_cos, cos},
                  {"tan", clarus_tan, tan},
                  {"asin", clarus_asin, asin},
                  {"acos", clarus_acos, acos},
                  {"atan", clarus_atan, atan},
                  {"sinh", clarus_sinh, sinh},
                  {"cosh", clarus_cosh, cosh},
                  {"asinh", clarus_asinh, asinh},
                  {"acosh", clarus_acosh, acosh},
                  {"atanh", clarus_atanh, atanh}};
enum { ELEMENTARY = sizeof elementary / sizeof *elementary };

#endif
