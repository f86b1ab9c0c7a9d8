/* Tensors of the second oracle, and the arithmetic of values with error bounds. */
#include "double.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *need(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) {
        fprintf(stderr, "out of memory: %zu x %zu bytes\n", count, size);
        exit(1);
    }
    return memory;
}

int dtype_is_float(clarus_dtype dtype)
{
    return dtype == CLARUS_FLOAT32 || dtype == CLARUS_FLOAT16 || dtype == CLARUS_FLOAT64 ||
           dtype == CLARUS_BFLOAT16;
}

dtensor *dtensor_new(clarus_dtype dtype, const shape *shape, int inexact)
{
    dtensor *t = need(1, sizeof *t);
    t->dtype = dtype;
    t->shape = *shape;
    if (!shape_count(shape, &t->count)) {
        fprintf(stderr, "a shape of the second oracle overflows\n");
        exit(1);
    }
    if (dtype_is_float(dtype))
        t->v = need((size_t)t->count, sizeof *t->v);
    else
        t->i = need((size_t)t->count, sizeof *t->i);
    if (inexact)
        t->e = need((size_t)t->count, sizeof *t->e);
    return t;
}

void dtensor_free(dtensor *t)
{
    if (!t)
        return;
    free(t->v);
    free(t->i);
    free(t->e);
    free(t);
}

dtensor *dtensor_copy(const dtensor *t)
{
    dtensor *copy = dtensor_new(t->dtype, &t->shape, t->e != NULL);
    for (int64_t k = 0; k < t->count; k++)
        element_move(copy, k, t, k);
    return copy;
}

void element_move(dtensor *to, int64_t to_k, const dtensor *from, int64_t k)
{
    if (from->v)
        to->v[to_k] = from->v[k];
    else
        to->i[to_k] = from->i[k];
    if (to->e)
        to->e[to_k] = from->e ? from->e[k] : 0;
}

/* binary16 to double, exactly. */
static double half_value(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    double magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                       : exponent == 0 ? ldexp(mantissa, -24)
                                       : ldexp(1024 + mantissa, exponent - 25);
    return h >> 15 ? -magnitude : magnitude;
}

double element_double(clarus_dtype dtype, const void *data, int64_t k)
{
    uint32_t bits;
    float f;
    switch (dtype) {
    case CLARUS_FLOAT32:
        return ((const float *)data)[k];
    case CLARUS_FLOAT64:
        return ((const double *)data)[k];
    case CLARUS_FLOAT16:
        return half_value(((const uint16_t *)data)[k]);
    case CLARUS_BFLOAT16:
        bits = (uint32_t)((const uint16_t *)data)[k] << 16;
        memcpy(&f, &bits, sizeof f);
        return f;
    default:
        return (double)element_int(dtype, data, k);
    }
}

int64_t element_int(clarus_dtype dtype, const void *data, int64_t k)
{
    switch (dtype) {
    case CLARUS_BOOL:
        return ((const uint8_t *)data)[k] != 0;
    case CLARUS_UINT8:
        return ((const uint8_t *)data)[k];
    case CLARUS_INT8:
        return ((const int8_t *)data)[k];
    case CLARUS_UINT16:
        return ((const uint16_t *)data)[k];
    case CLARUS_INT16:
        return ((const int16_t *)data)[k];
    case CLARUS_UINT32:
        return ((const uint32_t *)data)[k];
    case CLARUS_INT32:
        return ((const int32_t *)data)[k];
    default:
        return ((const int64_t *)data)[k];
    }
}

dtensor *dtensor_from(clarus_dtype dtype, const shape *shape, const void *data)
{
    dtensor *t = dtensor_new(dtype, shape, 0);
    for (int64_t k = 0; k < t->count; k++) {
        if (t->v)
            t->v[k] = element_double(dtype, data, k);
        else
            t->i[k] = element_int(dtype, data, k);
    }
    return t;
}

int64_t wrap(clarus_dtype dtype, int64_t x)
{
    switch (dtype) {
    case CLARUS_BOOL:
        return x != 0;
    case CLARUS_UINT8:
        return (uint8_t)x;
    case CLARUS_INT8:
        return (int8_t)x;
    case CLARUS_UINT16:
        return (uint16_t)x;
    case CLARUS_INT16:
        return (int16_t)x;
    case CLARUS_UINT32:
        return (uint32_t)x;
    case CLARUS_INT32:
        return (int32_t)x;
    default:
        return x;
    }
}

void walk_begin(walk *w, const shape *over)
{
    memset(w, 0, sizeof *w);
    w->shape = *over;
}

void walk_operand(walk *w, const shape *operand)
{
    int64_t strides[CLARUS_MAX_RANK], *mine = w->strides[w->operands++];
    size_t lead = w->shape.rank - operand->rank;
    shape_strides(operand, strides);
    for (size_t i = 0; i < operand->rank; i++)
        mine[lead + i] = operand->dims[i] == 1 ? 0 : strides[i];
}

void walk_next(walk *w)
{
    for (size_t d = w->shape.rank; d-- > 0;) {
        int64_t back = ++w->at[d] == w->shape.dims[d] ? w->shape.dims[d] : 0;
        for (int k = 0; k < w->operands; k++)
            w->offset[k] += w->strides[k][d] * (1 - back);
        if (!back)
            return;
        w->at[d] = 0;
    }
}

approx ap_div(approx x, approx y)
{
    double q = x.v / y.v, least = fabs(y.v) - y.e;
    if (x.e == 0 && y.e == 0)
        return rounded(q, 0);
    return rounded(q, least > 0 ? (x.e + fabs(q) * y.e) / least : INFINITY);
}

/* f rises or falls: its error is how far it moves within the argument's, and `ulps` u of its own: 4 for 2
 * ULP. */
static approx monotone(double (*f)(double), approx x, double ulps)
{
    double v = f(x.v), spread = 0;
    if (x.e > 0) {
        double high = fabs(f(x.v + x.e) - v), low = fabs(f(x.v - x.e) - v);
        spread = isnan(high) || isnan(low) ? INFINITY : fmax(high, low);
    }
    return (approx){v, spread + ulps * UNIT * fabs(v)};
}

approx ap_sqrt(approx x)
{
    return monotone(sqrt, x, 2);
}

approx ap_exp(approx x)
{
    return monotone(exp, x, 4);
}

approx ap_log(approx x)
{
    return monotone(log, x, 4);
}

approx ap_pow(approx x, approx y)
{
    double v = pow(x.v, y.v), spread = 0;
    if (x.e > 0 || y.e > 0) {
        double least = fabs(x.v) - x.e;
        spread = least > 0 ? fabs(v) * expm1((fabs(y.v) + y.e) * x.e / least + fabs(log(fabs(x.v))) * y.e)
                           : INFINITY;
        if (y.e == 0 && x.v >= 0 && y.v > 0) /* rises, also from 0 */
            spread = fmax(pow(x.v + x.e, y.v) - v, v - pow(fmax(x.v - x.e, 0), y.v));
    }
    return (approx){v, spread + 4 * UNIT * fabs(v)};
}

approx ap_max(approx x, approx y)
{
    return (approx){isnan(x.v) || isnan(y.v) ? NAN : fmax(x.v, y.v), fmax(x.e, y.e)};
}

approx ap_min(approx x, approx y)
{
    return (approx){isnan(x.v) || isnan(y.v) ? NAN : fmin(x.v, y.v), fmax(x.e, y.e)};
}
