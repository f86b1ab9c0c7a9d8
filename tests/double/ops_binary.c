/* Operators of two and more operands, element by element, with NumPy's broadcasting. */
#include "double.h"

#include <string.h>

typedef struct binary {
    const char *name;
    approx (*floats)(approx x, approx y);                  /* NULL: integers only */
    int64_t (*ints)(clarus_dtype t, int64_t x, int64_t y); /* NULL: floats only */
    int exact;                                             /* floats: no rounding of its own */
} binary;

static int64_t i_add(clarus_dtype t, int64_t x, int64_t y)
{
    return wrap(t, (int64_t)((uint64_t)x + (uint64_t)y));
}
static int64_t i_sub(clarus_dtype t, int64_t x, int64_t y)
{
    return wrap(t, (int64_t)((uint64_t)x - (uint64_t)y));
}
static int64_t i_mul(clarus_dtype t, int64_t x, int64_t y)
{
    return wrap(t, (int64_t)((uint64_t)x * (uint64_t)y));
}
static int64_t i_div(clarus_dtype t, int64_t x, int64_t y)
{
    if (y == 0)
        return 0;
    if (t == CLARUS_UINT64)
        return (int64_t)((uint64_t)x / (uint64_t)y);
    return y == -1 ? i_sub(t, 0, x) : x / y;
}
static int64_t i_less(clarus_dtype t, int64_t x, int64_t y)
{
    return t == CLARUS_UINT64 ? (uint64_t)x < (uint64_t)y : x < y;
}
static int64_t i_min(clarus_dtype t, int64_t x, int64_t y)
{
    return i_less(t, x, y) ? x : y;
}
static int64_t i_max(clarus_dtype t, int64_t x, int64_t y)
{
    return i_less(t, x, y) ? y : x;
}
/* Squaring and multiplying; a negative power of an integer is that of its reciprocal, truncated. */
static int64_t i_pow(clarus_dtype t, int64_t x, int64_t y)
{
    int64_t result = 1;
    if (y < 0)
        return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
    for (; y; y >>= 1, x = i_mul(CLARUS_INT64, x, x))
        if (y & 1)
            result = i_mul(CLARUS_INT64, result, x);
    return wrap(t, result);
}
static int64_t i_and(clarus_dtype t, int64_t x, int64_t y)
{
    return wrap(t, x & y);
}
static int64_t i_or(clarus_dtype t, int64_t x, int64_t y)
{
    return wrap(t, x | y);
}
static int64_t i_xor(clarus_dtype t, int64_t x, int64_t y)
{
    return wrap(t, x ^ y);
}
static int64_t i_prelu(clarus_dtype t, int64_t x, int64_t slope)
{
    return x < 0 ? i_mul(t, x, slope) : x;
}
static approx f_prelu(approx x, approx slope)
{
    approx scaled = ap_mul(x, slope);
    approx y = x.v < 0 ? scaled : x;
    if (x.e > 0)
        y.e = fmax(x.e, scaled.e);
    return y;
}

static const binary arithmetic[] = {
    {"Add", ap_add, i_add, 0},    {"And", NULL, i_and, 0},        {"BitwiseAnd", NULL, i_and, 0},
    {"BitwiseOr", NULL, i_or, 0}, {"BitwiseXor", NULL, i_xor, 0}, {"Div", ap_div, i_div, 0},
    {"Max", ap_max, i_max, 1},    {"Mean", ap_add, NULL, 0},      {"Min", ap_min, i_min, 1},
    {"Mul", ap_mul, i_mul, 0},    {"Or", NULL, i_or, 0},          {"PRelu", f_prelu, i_prelu, 0},
    {"Pow", ap_pow, i_pow, 0},    {"Sub", ap_sub, i_sub, 0},      {"Sum", ap_add, NULL, 0},
    {"Xor", NULL, i_xor, 0},
};

static const binary *find(const char *name)
{
    for (size_t r = 0; r < sizeof arithmetic / sizeof *arithmetic; r++)
        if (strcmp(arithmetic[r].name, name) == 0)
            return &arithmetic[r];
    return NULL;
}

/* Where opset 6 and lower broadcast, the second operand's axes begin at `axis`. */
static shape aligned(const dnode *n, const dtensor *x, const dtensor *y)
{
    shape s = y->shape;
    int64_t axis = attr_int(n, "axis", -1);
    if (n->opset >= 7 || !attr_int(n, "broadcast", 0) || axis < 0)
        return s;
    for (; s.rank + (size_t)axis < x->shape.rank; s.rank++)
        s.dims[s.rank] = 1;
    return s;
}

static const char *apply(dnode *n, const binary *row, const dtensor *x, const dtensor *y, dtensor **out)
{
    shape s, second = aligned(n, x, y);
    walk w;
    if (!shape_broadcast(&x->shape, &second, &s))
        return "the shapes do not broadcast";
    if (x->v ? !row->floats : !row->ints)
        return "the operator does not have this type";
    dtensor *z = *out = dtensor_new(x->dtype, &s, x->e || y->e || (x->v && !row->exact));
    walk_begin(&w, &s);
    walk_operand(&w, &x->shape);
    walk_operand(&w, &second);
    for (int64_t k = 0; k < z->count; k++, walk_next(&w)) {
        approx a = get(x, w.offset[0]), b = get(y, w.offset[1]);
        if (z->v)
            put(z, k, row->floats(a, b));
        else {
            /* an integer raised to a float power is computed as floats */
            z->i[k] = y->v ? wrap(z->dtype, (int64_t)pow(a.v, b.v))
                           : row->ints(z->dtype, x->i[w.offset[0]], y->i[w.offset[1]]);
            if (z->e)
                z->e[k] = a.e > 0 || b.e > 0 ? INFINITY : 0;
        }
    }
    return NULL;
}

/* The operator over its operands, left to right. */
const char *double_arithmetic(dnode *n)
{
    const binary *row = find(n->proto->op_type);
    const char *what = NULL;
    dtensor *result = dtensor_copy(n->in[0]);
    for (size_t k = 1; k < n->in_count && !what; k++) {
        dtensor *next = NULL;
        what = apply(n, row, result, n->in[k], &next);
        dtensor_free(result);
        result = next;
    }
    n->out[0] = result;
    if (what || strcmp(row->name, "Mean") != 0)
        return what;
    dtensor *mean = dtensor_new(result->dtype, &result->shape, 1);
    for (int64_t k = 0; k < result->count; k++)
        put(mean, k, ap_div(get(result, k), exactly((double)n->in_count)));
    dtensor_free(result);
    n->out[0] = mean;
    return NULL;
}

/* Sign of x - y for integers and floats; 2 when they are unordered. */
static int order(const dtensor *x, int64_t i, const dtensor *y, int64_t j)
{
    if (x->v) {
        double a = x->v[i], b = y->v[j];
        return isnan(a) || isnan(b) ? 2 : (a > b) - (a < b);
    }
    if (x->dtype == CLARUS_UINT64) {
        uint64_t a = (uint64_t)x->i[i], b = (uint64_t)y->i[j];
        return (a > b) - (a < b);
    }
    return (x->i[i] > y->i[j]) - (x->i[i] < y->i[j]);
}

static int holds(const char *name, int order)
{
    if (order == 2)
        return 0;
    if (strcmp(name, "Equal") == 0)
        return order == 0;
    if (strncmp(name, "Less", 4) == 0)
        return order < 0 || (order == 0 && name[4]);
    return order > 0 || (order == 0 && name[7]); /* Greater, GreaterOrEqual */
}

const char *double_compare(dnode *n)
{
    const dtensor *x = n->in[0], *y = n->in[1];
    shape s, second = aligned(n, x, y);
    walk w;
    if (!shape_broadcast(&x->shape, &second, &s))
        return "the shapes do not broadcast";
    dtensor *z = output_new(n, 0, CLARUS_BOOL, &s, 0);
    walk_begin(&w, &s);
    walk_operand(&w, &x->shape);
    walk_operand(&w, &second);
    for (int64_t k = 0; k < z->count; k++, walk_next(&w)) {
        z->i[k] = holds(n->proto->op_type, order(x, w.offset[0], y, w.offset[1]));
        if (z->e) {
            approx a = get(x, w.offset[0]), b = get(y, w.offset[1]);
            z->e[k] = a.e + b.e > 0 && fabs(a.v - b.v) <= a.e + b.e;
        }
    }
    return NULL;
}

const char *double_where(dnode *n)
{
    const dtensor *c = n->in[0], *x = n->in[1], *y = n->in[2];
    shape s;
    walk w;
    if (!shape_broadcast(&x->shape, &y->shape, &s) || !shape_broadcast(&c->shape, &s, &s))
        return "the shapes do not broadcast";
    dtensor *z = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    walk_operand(&w, &c->shape);
    walk_operand(&w, &x->shape);
    walk_operand(&w, &y->shape);
    for (int64_t k = 0; k < z->count; k++, walk_next(&w)) {
        int first = c->i[w.offset[0]] != 0;
        element_move(z, k, first ? x : y, first ? w.offset[1] : w.offset[2]);
        if (c->e && c->e[w.offset[0]] > 0) /* either may be taken */
            z->e[k] += fabs(get(x, w.offset[1]).v - get(y, w.offset[2]).v) + get(x, w.offset[1]).e +
                       get(y, w.offset[2]).e;
    }
    return NULL;
}

/* The remainder takes the divisor's sign, or with fmod the dividend's. */
const char *double_mod(dnode *n)
{
    const dtensor *x = n->in[0], *y = n->in[1];
    int truncated = attr_int(n, "fmod", 0) != 0;
    shape s;
    walk w;
    if (!shape_broadcast(&x->shape, &y->shape, &s))
        return "the shapes do not broadcast";
    dtensor *z = output_new(n, 0, x->dtype, &s, x->v != NULL);
    walk_begin(&w, &s);
    walk_operand(&w, &x->shape);
    walk_operand(&w, &y->shape);
    for (int64_t k = 0; k < z->count; k++, walk_next(&w)) {
        if (x->v) {
            double a = x->v[w.offset[0]], b = y->v[w.offset[1]], r = fmod(a, b);
            r = !truncated && r != 0 && (r < 0) != (b < 0) ? r + b : r;
            put(z, k, rounded(r, 0));
        } else if (x->dtype == CLARUS_UINT64)
            z->i[k] = (int64_t)((uint64_t)x->i[w.offset[0]] % (uint64_t)y->i[w.offset[1]]);
        else {
            int64_t a = x->i[w.offset[0]], b = y->i[w.offset[1]], r = b == -1 ? 0 : a % b;
            z->i[k] = !truncated && r && (r < 0) != (b < 0) ? r + b : r;
        }
    }
    return NULL;
}

const char *double_bit_shift(dnode *n)
{
    const dtensor *x = n->in[0], *y = n->in[1];
    int left = attr_is(n, "direction", "LEFT", "");
    shape s;
    walk w;
    if (!shape_broadcast(&x->shape, &y->shape, &s))
        return "the shapes do not broadcast";
    dtensor *z = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    walk_operand(&w, &x->shape);
    walk_operand(&w, &y->shape);
    for (int64_t k = 0; k < z->count; k++, walk_next(&w)) {
        uint64_t a = (uint64_t)x->i[w.offset[0]], by = (uint64_t)y->i[w.offset[1]];
        z->i[k] = by > 63 ? 0 : wrap(z->dtype, (int64_t)(left ? a << by : a >> by));
    }
    return NULL;
}
