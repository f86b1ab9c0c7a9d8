/* Reductions over axes, and what needs a maximum or a sum along one axis. */
#include "double.h"

#include <stdlib.h>
#include <string.h>

/* One line along an axis: elements origin + i * step for 0 <= i < count. */
typedef struct line {
    int64_t origin, step, count;
} line;

/* Line k of a tensor along `axis`. */
static line line_at(const shape *s, size_t axis, int64_t k)
{
    int64_t inner = dims_product(s, axis + 1, s->rank);
    return (line){k / inner * inner * s->dims[axis] + k % inner, inner, s->dims[axis]};
}

static int64_t line_count(const shape *s, size_t axis)
{
    return dims_product(s, 0, axis) * dims_product(s, axis + 1, s->rank);
}

/* ---- Reduce* ---- */

static const char *reduced_axes(const dnode *n, unsigned char *reduced)
{
    int64_t axes[MAX_INTS];
    const dtensor *x = n->in[0];
    int count = ints_from(n, "axes", 1, axes);
    if (count <= 0)
        memset(reduced, count < 0 || !attr_int(n, "noop_with_empty_axes", 0), x->shape.rank);
    if (count < 0 && attr_int(n, "noop_with_empty_axes", 0))
        memset(reduced, 0, x->shape.rank);
    for (int k = 0; k < count; k++) {
        int axis = shape_axis(axes[k], x->shape.rank);
        if (axis < 0)
            return "an axis is out of range";
        reduced[axis] = 1;
    }
    return NULL;
}

/* What a sum becomes of each element, by the operator's name. */
static approx reduce_term(const char *name, approx x)
{
    if (strcmp(name, "ReduceL1") == 0)
        x.v = fabs(x.v);
    if (strcmp(name, "ReduceL2") == 0 || strcmp(name, "ReduceSumSquare") == 0)
        return (approx){x.v * x.v, 2 * fabs(x.v) * x.e + x.e * x.e};
    return x;
}

static approx reduce_end(const char *name, approx sum, int64_t count)
{
    if (strcmp(name, "ReduceL2") == 0)
        return ap_sqrt(sum);
    if (strcmp(name, "ReduceMean") == 0)
        return ap_div(sum, exactly((double)count));
    if (strcmp(name, "ReduceLogSum") == 0)
        return ap_log(sum);
    return sum;
}

static void reduce_integers(const char *name, int64_t x, int first, int64_t *y)
{
    if (strcmp(name, "ReduceMax") == 0)
        *y = first || x > *y ? x : *y;
    else if (strcmp(name, "ReduceMin") == 0)
        *y = first || x < *y ? x : *y;
    else if (strcmp(name, "ReduceProd") == 0)
        *y = (int64_t)((uint64_t)(first ? 1 : *y) * (uint64_t)x);
    else
        *y = (int64_t)((uint64_t)*y + (uint64_t)(strcmp(name, "ReduceSumSquare") == 0     ? x * x
                                                 : strcmp(name, "ReduceL1") == 0 && x < 0 ? -x
                                                                                          : x));
}

typedef struct reduction {
    const char *name;
    const dtensor *x;
    int64_t *to; /* output element of each input element */
    total *totals;
    approx *values; /* maximum, minimum, product */
    int64_t *counts;
} reduction;

static void reduce_floats(const reduction *r, const approx *shift)
{
    int max = strcmp(r->name, "ReduceMax") == 0, min = strcmp(r->name, "ReduceMin") == 0;
    int product = strcmp(r->name, "ReduceProd") == 0;
    for (int64_t k = 0; k < r->x->count; k++) {
        approx x = get(r->x, k), *value = &r->values[r->to[k]];
        int first = r->counts[r->to[k]]++ == 0;
        if (shift)
            total_add(&r->totals[r->to[k]], ap_exp(ap_sub(x, shift[r->to[k]])));
        else if (max || min)
            *value = first ? x : (max ? ap_max : ap_min)(*value, x);
        else if (product)
            *value = first ? x : ap_mul(*value, x);
        else
            total_add(&r->totals[r->to[k]], reduce_term(r->name, x));
    }
}

static void reduce_empty(const char *name, dtensor *y, int64_t k)
{
    double v = strcmp(name, "ReduceMax") == 0                                              ? -INFINITY
               : strcmp(name, "ReduceMin") == 0                                            ? INFINITY
               : strcmp(name, "ReduceProd") == 0                                           ? 1
               : strcmp(name, "ReduceMean") == 0                                           ? NAN
               : strcmp(name, "ReduceLogSum") == 0 || strcmp(name, "ReduceLogSumExp") == 0 ? -INFINITY
                                                                                           : 0;
    if (y->v)
        put(y, k, exactly(v));
    else
        y->i[k] = isfinite(v) ? (int64_t)v : 0;
}

static void reduce_finish(const reduction *r, dtensor *y)
{
    int selects = strcmp(r->name, "ReduceMax") == 0 || strcmp(r->name, "ReduceMin") == 0 ||
                  strcmp(r->name, "ReduceProd") == 0;
    for (int64_t k = 0; k < y->count; k++) {
        if (!r->counts[k])
            reduce_empty(r->name, y, k);
        else
            put(y, k, selects ? r->values[k] : reduce_end(r->name, total_get(&r->totals[k]), r->counts[k]));
    }
}

/* log(sum(exp(x))) as max + log(sum(exp(x - max))). */
static void reduce_log_sum_exp(reduction *r, dtensor *y)
{
    r->name = "ReduceMax";
    reduce_floats(r, NULL);
    memset(r->counts, 0, (size_t)y->count * sizeof *r->counts);
    r->name = "ReduceLogSumExp";
    for (int64_t k = 0; k < y->count; k++)
        if (!isfinite(r->values[k].v))
            r->values[k] = exactly(0);
    reduce_floats(r, r->values);
    for (int64_t k = 0; k < y->count; k++) {
        if (!r->counts[k])
            reduce_empty(r->name, y, k);
        else
            put(y, k, ap_add(r->values[k], ap_log(total_get(&r->totals[k]))));
    }
}

/* The output's shape, and in which of its elements each input element goes. */
static int64_t *reduce_map(const dtensor *x, const unsigned char *reduced, int keep, shape *out)
{
    shape kept = x->shape;
    walk w;
    int64_t *to = need((size_t)x->count, sizeof *to);
    *out = (shape){0, {0}};
    for (size_t d = 0; d < x->shape.rank; d++) {
        if (reduced[d])
            kept.dims[d] = 1;
        if (!reduced[d] || keep)
            out->dims[out->rank++] = kept.dims[d];
    }
    walk_begin(&w, &x->shape);
    walk_operand(&w, &kept);
    for (int64_t k = 0; k < x->count; k++, walk_next(&w))
        to[k] = w.offset[0];
    return to;
}

const char *double_reduce(dnode *n)
{
    unsigned char reduced[CLARUS_MAX_RANK] = {0};
    reduction r = {.name = n->proto->op_type, .x = n->in[0]};
    const char *what = reduced_axes(n, reduced);
    shape out;
    if (what)
        return what;
    r.to = reduce_map(r.x, reduced, attr_int(n, "keepdims", 1) != 0, &out);
    dtensor *y = output_new(n, 0, r.x->dtype, &out, r.x->v != NULL);
    r.counts = need((size_t)y->count, sizeof *r.counts);
    r.totals = need((size_t)y->count, sizeof *r.totals);
    r.values = need((size_t)y->count, sizeof *r.values);
    if (y->v && strcmp(r.name, "ReduceLogSumExp") == 0)
        reduce_log_sum_exp(&r, y);
    else if (y->v) {
        reduce_floats(&r, NULL);
        reduce_finish(&r, y);
    } else {
        for (int64_t k = 0; k < r.x->count; k++)
            reduce_integers(r.name, r.x->i[k], r.counts[r.to[k]]++ == 0, &y->i[r.to[k]]);
        for (int64_t k = 0; k < y->count; k++) {
            if (!r.counts[k])
                reduce_empty(r.name, y, k);
            else if (strcmp(r.name, "ReduceMean") == 0)
                y->i[k] /= r.counts[k];
            y->i[k] = wrap(y->dtype, y->i[k]);
        }
    }
    free(r.to);
    free(r.counts);
    free(r.totals);
    free(r.values);
    return NULL;
}

/* ---- ArgMax, ArgMin ---- */

const char *double_arg(dnode *n)
{
    const dtensor *x = n->in[0];
    int axis = attr_axis(n, 0, x->shape.rank), max = strcmp(n->proto->op_type, "ArgMax") == 0;
    int last = attr_int(n, "select_last_index", 0) != 0;
    if (axis < 0)
        return "the axis is out of range";
    unsigned char reduced[CLARUS_MAX_RANK] = {0};
    shape out;
    reduced[axis] = 1;
    free(reduce_map(x, reduced, attr_int(n, "keepdims", 1) != 0, &out));
    dtensor *y = output_new(n, 0, CLARUS_INT64, &out, 0);
    for (int64_t k = 0; k < y->count; k++) {
        line l = line_at(&x->shape, (size_t)axis, k);
        int64_t best = 0;
        for (int64_t i = 1; i < l.count; i++) {
            double a = get(x, l.origin + i * l.step).v, b = get(x, l.origin + best * l.step).v;
            if ((max ? a > b : a < b) || (last && a == b))
                best = i;
        }
        y->i[k] = best;
        for (int64_t i = 0; y->e && i < l.count; i++) {
            approx a = get(x, l.origin + i * l.step), b = get(x, l.origin + best * l.step);
            if (i != best && a.e + b.e > 0 && fabs(a.v - b.v) <= a.e + b.e)
                y->e[k] = fmax(y->e[k], fabs((double)(i - best)));
        }
    }
    return NULL;
}

/* ---- softmax and its kin ---- */

static approx line_max(const dtensor *x, line l)
{
    approx m = get(x, l.origin);
    for (int64_t i = 1; i < l.count; i++)
        m = ap_max(m, get(x, l.origin + i * l.step));
    return m;
}

static void softmax_line(const dtensor *x, dtensor *y, line l, int logarithm)
{
    total sum = {0};
    approx m = line_max(x, l);
    for (int64_t i = 0; i < l.count; i++)
        total_add(&sum, ap_exp(ap_sub(get(x, l.origin + i * l.step), m)));
    approx s = total_get(&sum), log_s = ap_log(s);
    for (int64_t i = 0; i < l.count; i++) {
        int64_t k = l.origin + i * l.step;
        approx d = ap_sub(get(x, k), m);
        put(y, k, logarithm ? ap_sub(d, log_s) : ap_div(ap_exp(d), s));
    }
}

static void hardmax_line(const dtensor *x, dtensor *y, line l)
{
    int64_t best = 0;
    for (int64_t i = 1; i < l.count; i++)
        if (x->v[l.origin + i * l.step] > x->v[l.origin + best * l.step])
            best = i;
    for (int64_t i = 0; i < l.count; i++)
        put(y, l.origin + i * l.step, exactly(i == best));
}

/* Up to opset 12 the axes from `axis` on are one. */
const char *double_softmax(dnode *n)
{
    const dtensor *x = n->in[0];
    const char *name = n->proto->op_type;
    int axis = attr_axis(n, n->opset < 13 ? 1 : -1, x->shape.rank);
    if (axis < 0)
        return "the axis is out of range";
    int hard = strcmp(name, "Hardmax") == 0;
    shape s = x->shape;
    dtensor *y = output_new(n, 0, x->dtype, &s, !hard);
    if (n->opset < 13)
        s = (shape){2, {dims_product(&s, 0, (size_t)axis), dims_product(&s, (size_t)axis, s.rank)}};
    size_t along = n->opset < 13 ? 1 : (size_t)axis;
    for (int64_t k = 0; k < line_count(&s, along) && s.dims[along]; k++) {
        line l = line_at(&s, along, k);
        if (hard)
            hardmax_line(x, y, l);
        else
            softmax_line(x, y, l, strcmp(name, "LogSoftmax") == 0);
    }
    return NULL;
}

/* Divides by the line's 1- or 2-norm. */
const char *double_lp_normalization(dnode *n)
{
    const dtensor *x = n->in[0];
    int axis = attr_axis(n, -1, x->shape.rank), squares = attr_int(n, "p", 2) == 2;
    if (axis < 0)
        return "the axis is out of range";
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 1);
    for (int64_t k = 0; k < line_count(&x->shape, (size_t)axis); k++) {
        line l = line_at(&x->shape, (size_t)axis, k);
        total sum = {0};
        for (int64_t i = 0; i < l.count; i++)
            total_add(&sum, reduce_term(squares ? "ReduceL2" : "ReduceL1", get(x, l.origin + i * l.step)));
        approx norm = squares ? ap_sqrt(total_get(&sum)) : total_get(&sum);
        for (int64_t i = 0; i < l.count; i++) {
            int64_t at = l.origin + i * l.step;
            put(y, at, norm.v == 0 ? exactly(0) : ap_div(get(x, at), norm));
        }
    }
    return NULL;
}

/* CumSum and CumProd. */
const char *double_cumulate(dnode *n)
{
    const dtensor *x = n->in[0];
    int axis = shape_axis(n->in[1]->i[0], x->shape.rank), product = strcmp(n->proto->op_type, "CumProd") == 0;
    int exclusive = attr_int(n, "exclusive", 0) != 0, reverse = attr_int(n, "reverse", 0) != 0;
    if (axis < 0)
        return "the axis is out of range";
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, x->v != NULL);
    for (int64_t k = 0; k < line_count(&x->shape, (size_t)axis); k++) {
        line l = line_at(&x->shape, (size_t)axis, k);
        approx sum = exactly(product);
        uint64_t integers = (uint64_t)product;
        for (int64_t i = 0; i < l.count; i++) {
            int64_t at = l.origin + (reverse ? l.count - 1 - i : i) * l.step;
            approx before = sum;
            uint64_t integers_before = integers;
            if (x->v)
                sum = (product ? ap_mul : ap_add)(sum, get(x, at));
            else
                integers = product ? integers * (uint64_t)x->i[at] : integers + (uint64_t)x->i[at];
            if (x->v)
                put(y, at, exclusive ? before : sum);
            else
                y->i[at] = wrap(y->dtype, (int64_t)(exclusive ? integers_before : integers));
        }
    }
    return NULL;
}
