/* Operators of one operand, element by element. A float function is one row of the table. */
#include "double.h"

#include <string.h>

/* How an argument's error reaches the result. */
typedef enum slope {
    MONOTONE, /* as far as the function moves within it */
    LIPSCHITZ /* times the row's constant */
} slope;

typedef struct unary {
    const char *name;
    double (*f)(double x, double a, double b);
    const char *a_name;
    double a;
    const char *b_name;
    double b;
    slope slope;
    double lipschitz;
    /* Own rounding errors: ulps * u * (|y| + along_x * |x| + constant). The last two are for functions that
     * are written with a difference, such as exp(x) - 1. */
    double ulps, along_x, constant;
} unary;

static double f_relu(double x, double a, double b)
{
    (void)a, (void)b;
    return x < 0 ? 0 : x;
}
static double f_leaky(double x, double a, double b)
{
    (void)b;
    return x < 0 ? a * x : x;
}
static double f_elu(double x, double a, double b)
{
    (void)b;
    return x < 0 ? a * expm1(x) : x;
}
static double f_selu(double x, double a, double g)
{
    return g * (x > 0 ? x : a * expm1(x));
}
static double f_celu(double x, double a, double b)
{
    (void)b;
    return x < 0 ? a * expm1(x / a) : x;
}
static double f_thresholded(double x, double a, double b)
{
    (void)b;
    return isnan(x) || x > a ? x : 0;
}
static double f_hard_sigmoid(double x, double a, double b)
{
    double y = a * x + b;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}
static double f_hard_swish(double x, double a, double b)
{
    return x * f_hard_sigmoid(x, a, b);
}
static double f_sigmoid(double x, double a, double b)
{
    (void)a, (void)b;
    return 1 / (1 + exp(-x));
}
static double f_swish(double x, double a, double b)
{
    return x * f_sigmoid(a * x, 0, b);
}
static double f_softplus(double x, double a, double b)
{
    (void)a, (void)b;
    return x > 40 ? x : log1p(exp(x));
}
static double f_softsign(double x, double a, double b)
{
    (void)a, (void)b;
    return x / (1 + fabs(x));
}
static double f_mish(double x, double a, double b)
{
    return x * tanh(f_softplus(x, a, b));
}
static double f_gelu(double x, double a, double b)
{
    (void)a, (void)b;
    return 0.5 * x * (1 + erf(x * M_SQRT1_2));
}
static double f_gelu_tanh(double x, double a, double b)
{
    (void)a, (void)b;
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
static double f_shrink(double x, double bias, double lambd)
{
    return x < -lambd ? x + bias : x > lambd ? x - bias : isnan(x) ? x : 0;
}
static double f_sign(double x, double a, double b)
{
    (void)a, (void)b;
    return isnan(x) ? x : (double)((x > 0) - (x < 0));
}
static double f_neg(double x, double a, double b)
{
    (void)a, (void)b;
    return -x;
}
static double f_reciprocal(double x, double a, double b)
{
    (void)a, (void)b;
    return 1 / x;
}
#define LIBM(name)                                                                                           \
    static double f_##name(double x, double a, double b)                                                     \
    {                                                                                                        \
        (void)a, (void)b;                                                                                    \
        return name(x);                                                                                      \
    }
LIBM(tanh)
LIBM(erf)
LIBM(exp)
LIBM(log)
LIBM(sqrt)
LIBM(fabs)
LIBM(floor)
LIBM(ceil)
LIBM(rint)
LIBM(sin)
LIBM(cos)
LIBM(tan)
LIBM(asin)
LIBM(acos)
LIBM(atan)
LIBM(sinh)
LIBM(cosh)
LIBM(asinh)
LIBM(acosh)
LIBM(atanh)

/* Elementary functions are within 2 ULP (docs/numerics.md section 7), each of them at most 2 u |y|. */
enum { ELEMENTARY = 4 };

static const unary table[] = {
    {"Abs", f_fabs, NULL, 0, NULL, 0, LIPSCHITZ, 1, 0, 0, 0},
    {"Acos", f_acos, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Acosh", f_acosh, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Asin", f_asin, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Asinh", f_asinh, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Atan", f_atan, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Atanh", f_atanh, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Ceil", f_ceil, NULL, 0, NULL, 0, MONOTONE, 0, 0, 0, 0},
    {"Celu", f_celu, "alpha", 1, NULL, 0, MONOTONE, 0, 8, 0, 1},
    {"Cos", f_cos, NULL, 0, NULL, 0, LIPSCHITZ, 1, ELEMENTARY, 0, 0},
    {"Cosh", f_cosh, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Elu", f_elu, "alpha", 1, NULL, 0, MONOTONE, 0, 8, 0, 1},
    {"Erf", f_erf, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Exp", f_exp, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Floor", f_floor, NULL, 0, NULL, 0, MONOTONE, 0, 0, 0, 0},
    {"HardSigmoid", f_hard_sigmoid, "alpha", 0.2f, "beta", 0.5, MONOTONE, 0, 4, 0, 1},
    {"HardSwish", f_hard_swish, NULL, 1.0 / 6, NULL, 0.5, LIPSCHITZ, 1.5, 4, 1, 0},
    {"LeakyRelu", f_leaky, "alpha", 0.01f, NULL, 0, MONOTONE, 0, 2, 0, 0},
    {"Log", f_log, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Mish", f_mish, NULL, 0, NULL, 0, LIPSCHITZ, 1.1, 16, 1, 0},
    {"Neg", f_neg, NULL, 0, NULL, 0, LIPSCHITZ, 1, 0, 0, 0},
    {"Reciprocal", f_reciprocal, NULL, 0, NULL, 0, MONOTONE, 0, 2, 0, 0},
    {"Relu", f_relu, NULL, 0, NULL, 0, MONOTONE, 0, 0, 0, 0},
    {"Round", f_rint, NULL, 0, NULL, 0, MONOTONE, 0, 0, 0, 0},
    {"Selu", f_selu, "alpha", 1.67326319217681884765625, "gamma", 1.05070102214813232421875, MONOTONE, 0, 8,
     0, 2},
    {"Shrink", f_shrink, "bias", 0, "lambd", 0.5, MONOTONE, 0, 2, 0, 0},
    {"Sigmoid", f_sigmoid, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Sign", f_sign, NULL, 0, NULL, 0, MONOTONE, 0, 0, 0, 0},
    {"Sin", f_sin, NULL, 0, NULL, 0, LIPSCHITZ, 1, ELEMENTARY, 0, 0},
    {"Sinh", f_sinh, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Softplus", f_softplus, NULL, 0, NULL, 0, MONOTONE, 0, 8, 0, 1},
    {"Softsign", f_softsign, NULL, 0, NULL, 0, MONOTONE, 0, 4, 0, 0},
    {"Sqrt", f_sqrt, NULL, 0, NULL, 0, MONOTONE, 0, 2, 0, 0},
    {"Swish", f_swish, "alpha", 1, NULL, 0, LIPSCHITZ, 1.1, 16, 0, 0},
    {"Tan", f_tan, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"Tanh", f_tanh, NULL, 0, NULL, 0, MONOTONE, 0, ELEMENTARY, 0, 0},
    {"ThresholdedRelu", f_thresholded, "alpha", 1, NULL, 0, MONOTONE, 0, 0, 0, 0},
};

static const unary gelu_erf = {"Gelu", f_gelu, NULL, 0, NULL, 0, LIPSCHITZ, 1.2, 16, 1, 0};
static const unary gelu_tanh = {"Gelu", f_gelu_tanh, NULL, 0, NULL, 0, LIPSCHITZ, 1.2, 16, 1, 0};

static const unary *find_row(const char *name)
{
    for (size_t r = 0; r < sizeof table / sizeof *table; r++)
        if (strcmp(table[r].name, name) == 0)
            return &table[r];
    return NULL;
}

static approx unary_apply(const unary *row, approx x, double a, double b)
{
    double v = row->f(x.v, a, b), spread = 0;
    if (x.e > 0 && row->slope == LIPSCHITZ)
        spread = row->lipschitz * x.e;
    else if (x.e > 0) {
        double high = fabs(row->f(x.v + x.e, a, b) - v), low = fabs(row->f(x.v - x.e, a, b) - v);
        spread = isnan(high) || isnan(low) ? INFINITY : fmax(high, low);
    }
    if (row->ulps > 0 && isfinite(v)) {
        double scale = fabs(v) + row->constant + (row->along_x > 0 ? row->along_x * fabs(x.v) : 0);
        spread += row->ulps * UNIT * scale;
    }
    return (approx){v, spread};
}

static int64_t int_apply(const char *name, int64_t x, int *known)
{
    *known = 1;
    if (strcmp(name, "Abs") == 0)
        return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    if (strcmp(name, "Neg") == 0)
        return (int64_t)(0 - (uint64_t)x);
    if (strcmp(name, "Relu") == 0)
        return x < 0 ? 0 : x;
    if (strcmp(name, "Sign") == 0)
        return (x > 0) - (x < 0);
    *known = 0;
    return 0;
}

static const char *unary_ints(dnode *n)
{
    const dtensor *x = n->in[0];
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 0);
    int known = 1;
    for (int64_t k = 0; k < x->count && known; k++) {
        if (x->dtype == CLARUS_UINT64)
            y->i[k] = strcmp(n->proto->op_type, "Sign") == 0 ? x->i[k] != 0 : x->i[k];
        else
            y->i[k] = wrap(x->dtype, int_apply(n->proto->op_type, x->i[k], &known));
    }
    return known ? NULL : "the operator has no integer form";
}

static const char *unary_floats(dnode *n, const unary *row)
{
    const dtensor *x = n->in[0];
    double a = row->a_name ? attr_float(n, row->a_name, row->a) : row->a;
    double b = row->b_name ? attr_float(n, row->b_name, row->b) : row->b;
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, row->ulps > 0);
    for (int64_t k = 0; k < x->count; k++)
        put(y, k, unary_apply(row, get(x, k), a, b));
    return NULL;
}

const char *double_unary(dnode *n)
{
    if (!input(n, 0))
        return "it has no input";
    if (!n->in[0]->v)
        return unary_ints(n);
    const unary *row = find_row(n->proto->op_type);
    return row ? unary_floats(n, row) : "the operator has no float form";
}

const char *double_gelu(dnode *n)
{
    return unary_floats(n, attr_is(n, "approximate", "tanh", "none") ? &gelu_tanh : &gelu_erf);
}

/* Swish of the first operand, times the second. */
const char *double_swiglu(dnode *n)
{
    const unary *swish = find_row("Swish");
    const dtensor *x = n->in[0], *gated = n->in[1];
    double alpha = attr_float(n, "alpha", 1);
    if (!shape_equal(&x->shape, &gated->shape))
        return "the shapes differ";
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 1);
    for (int64_t k = 0; k < x->count; k++)
        put(y, k, ap_mul(unary_apply(swish, get(x, k), alpha, 0), get(gated, k)));
    return NULL;
}

const char *double_identity(dnode *n)
{
    n->out[0] = dtensor_copy(n->in[0]);
    return NULL;
}

const char *double_dropout(dnode *n)
{
    const dtensor *training = input(n, 2);
    if (training && training->count && training->i && training->i[0])
        return "training mode";
    n->out[0] = dtensor_copy(n->in[0]);
    if (wants(n, 1)) {
        n->out[1] = dtensor_new(CLARUS_BOOL, &n->in[0]->shape, 0);
        for (int64_t k = 0; k < n->in[0]->count; k++)
            n->out[1]->i[k] = 1;
    }
    return NULL;
}

/* x < low ? low : x, then > high ? high; bounds come from attributes or inputs. */
const char *double_clip(dnode *n)
{
    const dtensor *x = n->in[0], *low = input(n, 1), *high = input(n, 2);
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 0);
    for (int64_t k = 0; k < x->count; k++) {
        if (x->v) {
            approx a = low ? get(low, 0) : exactly(attr_float(n, "min", -INFINITY));
            approx b = high ? get(high, 0) : exactly(attr_float(n, "max", INFINITY));
            approx t = get(x, k);
            t = (approx){t.v < a.v ? a.v : t.v, fmax(t.e, a.e)};
            put(y, k, (approx){t.v > b.v ? b.v : t.v, fmax(t.e, b.e)});
        } else {
            int64_t t = x->i[k];
            t = low && t < low->i[0] ? low->i[0] : t;
            y->i[k] = high && t > high->i[0] ? high->i[0] : t;
        }
    }
    return NULL;
}

/* How far rounding errors may move trunc(x). */
static double truncation_error(approx x)
{
    double v = trunc(x.v);
    return x.e > 0 ? fmax(trunc(x.v + x.e) - v, v - trunc(x.v - x.e)) : 0;
}

static int64_t to_int(clarus_dtype dtype, double x)
{
    if (dtype == CLARUS_UINT64)
        return x >= 0x1p63 && x < 0x1p64 ? (int64_t)(uint64_t)x : x > -0x1p63 && x < 0x1p63 ? (int64_t)x : 0;
    return x >= -0x1p63 && x < 0x1p63 ? wrap(dtype, (int64_t)x) : 0;
}

/* A float type's own precision is added when the value leaves the operator (graph.c). */
static const char *cast_to(dnode *n, clarus_dtype to)
{
    const dtensor *x = n->in[0];
    if (!clarus_dtype_size(to))
        return "a type that tensors do not have";
    int narrows = dtype_is_float(to) && x->dtype != to;
    dtensor *y = output_new(n, 0, to, &x->shape, narrows);
    for (int64_t k = 0; k < x->count; k++) {
        approx value = get(x, k);
        if (!x->v && x->dtype == CLARUS_UINT64)
            value.v = (double)(uint64_t)x->i[k];
        if (y->v)
            put(y, k, value);
        else if (x->i) {
            y->i[k] = wrap(to, x->i[k]);
            if (y->e)
                y->e[k] = value.e > 0 ? INFINITY : 0;
        } else {
            y->i[k] = to == CLARUS_BOOL ? value.v != 0 : to_int(to, value.v);
            if (y->e)
                y->e[k] =
                    to == CLARUS_BOOL ? value.e > 0 && fabs(value.v) <= value.e : truncation_error(value);
        }
    }
    return NULL;
}

const char *double_cast(dnode *n)
{
    return cast_to(n, (clarus_dtype)attr_int(n, "to", 1));
}

const char *double_cast_like(dnode *n)
{
    return cast_to(n, n->in[1]->dtype);
}

const char *double_is_special(dnode *n)
{
    int nan = strcmp(n->proto->op_type, "IsNaN") == 0;
    int64_t positive = attr_int(n, "detect_positive", 1), negative = attr_int(n, "detect_negative", 1);
    dtensor *y = output_new(n, 0, CLARUS_BOOL, &n->in[0]->shape, 0);
    for (int64_t k = 0; k < y->count; k++) {
        double x = n->in[0]->v[k];
        y->i[k] = nan ? isnan(x) : isinf(x) && (x > 0 ? positive : negative);
    }
    return NULL;
}

const char *double_not(dnode *n)
{
    int bits = strcmp(n->proto->op_type, "BitwiseNot") == 0;
    dtensor *y = output_new(n, 0, n->in[0]->dtype, &n->in[0]->shape, 0);
    for (int64_t k = 0; k < y->count; k++) {
        y->i[k] = bits ? wrap(y->dtype, ~n->in[0]->i[k]) : !n->in[0]->i[k];
        if (y->e)
            y->e[k] = n->in[0]->e[k];
    }
    return NULL;
}
