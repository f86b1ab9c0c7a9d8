/* Quantised operators: an integer q stands for (q - zero) * scale.
 *
 * Sums of products of q - zero are exact in double, as they are in whatever computes them in integers. What
 * float32 rounds is the scale that a sum is multiplied by, and the product. The result is rounded to even: it
 * must be equal, except where the scaled value's bound reaches past the middle between two integers; there
 * its e says how many steps it may be off. */
#include "double.h"

#include <string.h>

/* ---- scales and zero points ---- */

/* What belongs to elements of a tensor: one number, one per position of an axis, or one per block of them. */
typedef struct parameter {
    const dtensor *t; /* NULL: 0 */
    const shape *whole;
    size_t axis;
    int64_t block;
} parameter;

static approx parameter_at(const parameter *p, int64_t k)
{
    if (!p->t)
        return exactly(0);
    if (p->t->count == 1)
        return get(p->t, 0);
    int64_t extent = p->whole->dims[p->axis], inner = dims_product(p->whole, p->axis + 1, p->whole->rank);
    int64_t place = k / inner % extent;
    if (!p->block)
        return get(p->t, place);
    int64_t blocks = p->t->shape.dims[p->axis];
    return get(p->t, (k / inner / extent * blocks + place / p->block) * inner + k % inner);
}

static const char *parameter_fits(const parameter *p)
{
    if (!p->t || p->t->count == 1)
        return NULL;
    if (p->axis >= p->whole->rank)
        return "the axis is out of range";
    int64_t extent = p->whole->dims[p->axis];
    int64_t whole = dims_product(p->whole, 0, p->whole->rank);
    int64_t count = p->block ? whole / extent * ((extent + p->block - 1) / p->block) : extent;
    return p->t->count == count ? NULL : "scales or zero points do not fit their axis";
}

/* Input k, which belongs to input 0 as the attributes say. */
static parameter parameter_input(const dnode *n, size_t k)
{
    const shape *whole = &n->in[0]->shape;
    return (parameter){input(n, k), whole, (size_t)attr_axis(n, 1, whole->rank),
                       attr_int(n, "block_size", 0)};
}

/* ---- to integers and back ---- */

static clarus_dtype zero_type(const dtensor *zero)
{
    return zero ? zero->dtype : CLARUS_UINT8;
}

static double saturated(clarus_dtype dtype, double x)
{
    int is_signed = dtype == CLARUS_INT8 || dtype == CLARUS_INT16;
    double whole = dtype == CLARUS_INT8 || dtype == CLARUS_UINT8 ? 256 : 65536;
    double low = is_signed ? -whole / 2 : 0;
    return fmin(fmax(x, low), low + whole - 1);
}

/* x rounded, shifted by the zero point and saturated, with what the bounds of both make of it. What becomes
 * of a NaN is not specified. */
static void put_quantised(dtensor *y, int64_t k, approx x, approx zero)
{
    double q = isnan(x.v) ? 0 : saturated(y->dtype, rint(x.v) + zero.v);
    double high = saturated(y->dtype, rint(x.v + x.e) + zero.v + zero.e);
    double low = saturated(y->dtype, rint(x.v - x.e) + zero.v - zero.e);
    y->i[k] = (int64_t)q;
    y->e[k] = isnan(x.v) ? INFINITY : fmax(high - q, q - low);
}

const char *double_quantize(dnode *n)
{
    const dtensor *x = n->in[0];
    parameter scale = parameter_input(n, 1), zero = parameter_input(n, 2);
    clarus_dtype wanted = (clarus_dtype)attr_int(n, "output_dtype", CLARUS_UINT8);
    const char *what = parameter_fits(&scale);
    if (what || (what = parameter_fits(&zero)) != NULL)
        return what;
    dtensor *y = output_new(n, 0, zero.t ? zero.t->dtype : wanted, &x->shape, 1);
    for (int64_t k = 0; k < y->count; k++)
        put_quantised(y, k, ap_div(get(x, k), parameter_at(&scale, k)), parameter_at(&zero, k));
    return NULL;
}

static approx dequantised(approx q, approx zero, approx scale)
{
    return ap_mul(ap_sub(rounded(q.v, q.e), zero), scale);
}

const char *double_dequantize(dnode *n)
{
    const dtensor *q = n->in[0];
    parameter scale = parameter_input(n, 1), zero = parameter_input(n, 2);
    const char *what = parameter_fits(&scale);
    if (what || (what = parameter_fits(&zero)) != NULL)
        return what;
    clarus_dtype dtype = (clarus_dtype)attr_int(n, "output_dtype", scale.t->dtype);
    dtensor *y = output_new(n, 0, dtype, &q->shape, 1);
    for (int64_t k = 0; k < y->count; k++)
        put(y, k, dequantised(get(q, k), parameter_at(&zero, k), parameter_at(&scale, k)));
    return NULL;
}

/* Scale and zero point from the range of the values, which is widened to have 0 in it. */
const char *double_dynamic_quantize(dnode *n)
{
    const dtensor *x = n->in[0];
    approx low = exactly(0), high = exactly(0);
    shape scalar = {.rank = 0};
    for (int64_t k = 0; k < x->count; k++) {
        low = ap_min(low, get(x, k));
        high = ap_max(high, get(x, k));
    }
    approx scale = ap_div(ap_sub(high, low), exactly(255));
    dtensor *y = output_new(n, 0, CLARUS_UINT8, &x->shape, 1);
    put(output_new(n, 1, CLARUS_FLOAT32, &scalar, 1), 0, scale);
    dtensor *zero = output_new(n, 2, CLARUS_UINT8, &scalar, 1);
    put_quantised(zero, 0, ap_div(ap_sub(exactly(0), low), scale), exactly(0));
    for (int64_t k = 0; k < y->count; k++)
        put_quantised(y, k, ap_div(get(x, k), scale), get(zero, 0));
    return NULL;
}

/* ---- sums of products ---- */

/* q - zero, which double holds. */
static dtensor *centred(const dtensor *q, const parameter *zero)
{
    dtensor *x = dtensor_new(CLARUS_FLOAT32, &q->shape, 0);
    for (int64_t k = 0; k < q->count; k++)
        x->v[k] = (double)q->i[k] - parameter_at(zero, k).v;
    return x;
}

/* The float operator `op`, a convolution or matrix product, of centred inputs x and w: its values are exact,
 * its bounds mean nothing. Zero points belong to rows of x and to axis w_axis of w. */
static const char *exact_sums(const dnode *n, double_op op, size_t x, size_t x_zero, size_t w, size_t w_zero,
                              int is_product, dtensor **sums)
{
    const shape *a = &n->in[x]->shape, *b = &n->in[w]->shape;
    parameter za = {input(n, x_zero), a, a->rank > 1 ? a->rank - 2 : 0, 0};
    parameter zb = {input(n, w_zero), b, is_product ? b->rank - 1 : 0, 0};
    const char *what = parameter_fits(&za);
    if (what || (what = parameter_fits(&zb)) != NULL)
        return what;
    dtensor *factors[] = {centred(n->in[x], &za), centred(n->in[w], &zb)}, *out[] = {NULL};
    dnode inner = *n;
    inner.in = (const dtensor **)factors;
    inner.in_count = 2;
    inner.out = out;
    inner.out_count = 1;
    what = op(&inner);
    dtensor_free(factors[0]);
    dtensor_free(factors[1]);
    *sums = out[0];
    return what;
}

static const char *integer_sums(dnode *n, double_op op, int is_product)
{
    dtensor *sums = NULL;
    const char *what = exact_sums(n, op, 0, 2, 1, 3, is_product, &sums);
    if (!what) {
        dtensor *y = output_new(n, 0, CLARUS_INT32, &sums->shape, 0);
        for (int64_t k = 0; k < y->count; k++)
            y->i[k] = wrap(CLARUS_INT32, (int64_t)sums->v[k]);
    }
    dtensor_free(sums);
    return what;
}

const char *double_conv_integer(dnode *n)
{
    return integer_sums(n, double_conv, 0);
}

const char *double_matmul_integer(dnode *n)
{
    return integer_sums(n, double_matmul, 1);
}

/* x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias; (sum + bias) * (x_scale * w_scale /
 * y_scale). */
static const char *scaled_sums(dnode *n, double_op op, int is_product)
{
    dtensor *sums = NULL;
    const char *what = exact_sums(n, op, 0, 2, 3, 5, is_product, &sums);
    if (what)
        return what;
    const shape *s = &sums->shape;
    size_t row = s->rank > 1 ? s->rank - 2 : 0, channel = is_product ? s->rank - 1 : 1;
    parameter x_scale = {n->in[1], s, row, 0}, w_scale = {n->in[4], s, channel, 0};
    parameter y_scale = {n->in[6], s, row, 0}, bias = {input(n, 8), s, channel, 0};
    const parameter *all[] = {&x_scale, &w_scale, &y_scale, &bias};
    for (size_t i = 0; i < 4 && !what; i++)
        what = parameter_fits(all[i]);
    dtensor *y = what ? NULL : output_new(n, 0, zero_type(input(n, 7)), s, 1);
    for (int64_t k = 0; y && k < y->count; k++) {
        approx sum = rounded(sums->v[k] + parameter_at(&bias, k).v, 0);
        approx scale =
            ap_div(ap_mul(parameter_at(&x_scale, k), parameter_at(&w_scale, k)), parameter_at(&y_scale, k));
        put_quantised(y, k, ap_mul(sum, scale), input(n, 7) ? get(n->in[7], 0) : exactly(0));
    }
    dtensor_free(sums);
    return what;
}

const char *double_qlinear_conv(dnode *n)
{
    return scaled_sums(n, double_conv, 0);
}

const char *double_qlinear_matmul(dnode *n)
{
    return scaled_sums(n, double_matmul, 1);
}

/* ---- com.microsoft ---- */

static approx number(const dnode *n, size_t k)
{
    return input(n, k) ? get(n->in[k], 0) : exactly(0);
}

/* QLinearAdd and QLinearMul: a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero. */
const char *double_qlinear_binary(dnode *n)
{
    const dtensor *a = n->in[0], *b = n->in[3];
    int adds = strcmp(n->proto->op_type, "QLinearAdd") == 0;
    shape s;
    walk w;
    if (!shape_broadcast(&a->shape, &b->shape, &s))
        return "the shapes do not broadcast";
    dtensor *y = output_new(n, 0, zero_type(input(n, 7)), &s, 1);
    walk_begin(&w, &s);
    walk_operand(&w, &a->shape);
    walk_operand(&w, &b->shape);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w)) {
        approx p = dequantised(get(a, w.offset[0]), number(n, 2), number(n, 1));
        approx q = dequantised(get(b, w.offset[1]), number(n, 5), number(n, 4));
        put_quantised(y, k, ap_div(adds ? ap_add(p, q) : ap_mul(p, q), number(n, 6)), number(n, 7));
    }
    return NULL;
}

/* x, x_scale, x_zero, y_scale, y_zero: the mean of each plane. */
const char *double_qlinear_global_pool(dnode *n)
{
    const dtensor *x = n->in[0];
    shape s = x->shape;
    int64_t plane = dims_product(&s, 2, s.rank);
    if (s.rank < 3 || attr_int(n, "channels_last", 0))
        return "channels are last, or there is no plane";
    for (size_t d = 2; d < s.rank; d++)
        s.dims[d] = 1;
    dtensor *y = output_new(n, 0, zero_type(input(n, 4)), &s, 1);
    approx scale = ap_div(number(n, 1), ap_mul(number(n, 3), exactly((double)plane)));
    for (int64_t k = 0; k < y->count; k++) {
        double sum = 0;
        for (int64_t i = 0; i < plane; i++)
            sum += (double)x->i[k * plane + i] - number(n, 2).v;
        put_quantised(y, k, ap_mul(rounded(sum, 0), scale), number(n, 4));
    }
    return NULL;
}
