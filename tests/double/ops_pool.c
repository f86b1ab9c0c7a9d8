/* Pooling over windows, and over whole planes. */
#include "double.h"

#include <string.h>

typedef struct pooling {
    const dtensor *x;
    size_t axes;
    int64_t in[CLARUS_MAX_RANK], out[CLARUS_MAX_RANK], kernel[CLARUS_MAX_RANK], stride[CLARUS_MAX_RANK];
    int64_t dilation[CLARUS_MAX_RANK], begin[CLARUS_MAX_RANK], end[CLARUS_MAX_RANK];
    int count_padding;
} pooling;

/* Windows along one axis. With ceil_mode the last may hang over, but begins inside the input or its padding
 * before. */
static void axis_windows(const dnode *n, pooling *p, size_t a)
{
    int upper = attr_is(n, "auto_pad", "SAME_UPPER", ""), lower = attr_is(n, "auto_pad", "SAME_LOWER", "");
    int64_t reach = (p->kernel[a] - 1) * p->dilation[a] + 1, stride = p->stride[a];
    if (upper || lower) {
        p->out[a] = (p->in[a] + stride - 1) / stride;
        int64_t total = (p->out[a] - 1) * stride + reach - p->in[a];
        total = total > 0 ? total : 0;
        p->begin[a] = upper ? total / 2 : total - total / 2;
        p->end[a] = total - p->begin[a];
        return;
    }
    int64_t room = p->in[a] + p->begin[a] + p->end[a] - reach;
    p->out[a] = room / stride + 1;
    if (attr_int(n, "ceil_mode", 0) && room % stride && p->out[a] * stride < p->in[a] + p->begin[a])
        p->out[a]++;
}

static const char *pooling_read(const dnode *n, pooling *p)
{
    int64_t pads[MAX_INTS], strides[MAX_INTS], dilations[MAX_INTS], kernel[MAX_INTS];
    int has_pads = attr_ints(n, "pads", pads), has_strides = attr_ints(n, "strides", strides);
    int has_dilations = attr_ints(n, "dilations", dilations);
    p->x = n->in[0];
    p->axes = p->x->shape.rank - 2;
    p->count_padding = attr_int(n, "count_include_pad", 0) != 0;
    if (p->x->shape.rank < 3 || attr_ints(n, "kernel_shape", kernel) != (int)p->axes)
        return "kernel_shape does not fit the input";
    for (size_t a = 0; a < p->axes; a++) {
        p->in[a] = p->x->shape.dims[2 + a];
        p->kernel[a] = kernel[a];
        p->stride[a] = has_strides > 0 ? strides[a] : 1;
        p->dilation[a] = has_dilations > 0 ? dilations[a] : 1;
        p->begin[a] = has_pads > 0 ? pads[a] : 0;
        p->end[a] = has_pads > 0 ? pads[p->axes + a] : 0;
        axis_windows(n, p, a);
    }
    return NULL;
}

/* Calls tap for every kernel position of output `at`: index of the element in the plane, or -1 in the
 * padding; positions beyond the padding are left out. */
typedef void (*tap_fn)(void *user, int64_t index);
static void window_taps(const pooling *p, int64_t at, tap_fn tap, void *user)
{
    int64_t o[CLARUS_MAX_RANK], taps = 1;
    for (size_t a = p->axes; a-- > 0; at /= p->out[a])
        o[a] = at % p->out[a];
    for (size_t a = 0; a < p->axes; a++)
        taps *= p->kernel[a];
    for (int64_t t = 0; t < taps; t++) {
        int64_t rest = t, index = 0, step = 1, inside = 1, counted = 1;
        for (size_t a = p->axes; a-- > 0; rest /= p->kernel[a]) {
            int64_t i = o[a] * p->stride[a] + rest % p->kernel[a] * p->dilation[a] - p->begin[a];
            inside = inside && i >= 0 && i < p->in[a];
            counted = counted && i < p->in[a] + p->end[a];
            index += i * step;
            step *= p->in[a];
        }
        if (counted)
            tap(user, inside ? index : -1);
    }
}

typedef struct gathered {
    const dtensor *x;
    int64_t origin, best, padding;
    approx value;
    total total;
    double p; /* LpPool */
} gathered;

static void tap_max(void *user, int64_t index)
{
    gathered *g = user;
    if (index < 0)
        return;
    int64_t k = g->origin + index;
    if (g->x->i) {
        g->value.e = fmax(g->value.e, get(g->x, k).e);
        if (g->best < 0 || g->x->i[k] > g->x->i[g->best])
            g->best = k;
        return;
    }
    approx x = get(g->x, k);
    if (g->best < 0 || x.v > g->value.v || (isnan(x.v) && !isnan(g->value.v))) {
        g->best = k;
        g->value.v = x.v;
    }
    g->value.e = fmax(g->value.e, x.e);
}

static void tap_sum(void *user, int64_t index)
{
    gathered *g = user;
    if (index < 0)
        g->padding++;
    else
        total_add(&g->total, get(g->x, g->origin + index));
}

static void tap_power(void *user, int64_t index)
{
    gathered *g = user;
    if (index < 0)
        return;
    approx x = get(g->x, g->origin + index);
    x.v = fabs(x.v);
    total_add(&g->total, ap_pow(x, exactly(g->p)));
}

/* Index as the Indices output counts: over the whole input, columns first with storage_order 1. */
static int64_t stored_index(const pooling *p, int64_t k, int64_t plane, int64_t order)
{
    if (!order)
        return k;
    int64_t rest = k % plane, index = 0, at[CLARUS_MAX_RANK];
    for (size_t a = p->axes; a-- > 0; rest /= p->in[a])
        at[a] = rest % p->in[a];
    for (size_t a = p->axes; a-- > 0;)
        index = index * p->in[a] + at[a];
    return k - k % plane + index;
}

static const char *pool(dnode *n, tap_fn tap, int exact)
{
    pooling p;
    const char *what = pooling_read(n, &p);
    if (what)
        return what;
    shape out = p.x->shape;
    memcpy(out.dims + 2, p.out, p.axes * sizeof *p.out);
    dtensor *y = output_new(n, 0, p.x->dtype, &out, !exact);
    dtensor *indices = wants(n, 1) ? output_new(n, 1, CLARUS_INT64, &out, 0) : NULL;
    int64_t pixels = dims_product(&out, 2, out.rank), plane = dims_product(&p.x->shape, 2, out.rank);
    for (int64_t k = 0; k < y->count; k++) {
        gathered g = {.x = p.x, .origin = k / pixels * plane, .best = -1, .p = (double)attr_int(n, "p", 2)};
        window_taps(&p, k % pixels, tap, &g);
        if (tap == tap_max && g.best < 0)
            return "a window without elements";
        if (y->i) {
            y->i[k] = p.x->i[g.best];
            if (y->e)
                y->e[k] = g.value.e;
        } else if (tap == tap_max)
            put(y, k, g.value);
        else if (tap == tap_sum)
            put(y, k,
                ap_div(total_get(&g.total),
                       exactly((double)(g.total.n + (p.count_padding ? g.padding : 0)))));
        else
            put(y, k, ap_pow(total_get(&g.total), exactly(1 / g.p)));
        if (indices) {
            indices->i[k] = stored_index(&p, g.best, plane, attr_int(n, "storage_order", 0));
            if (indices->e)
                indices->e[k] = g.value.e > 0 ? INFINITY : 0;
        }
    }
    return NULL;
}

const char *double_max_pool(dnode *n)
{
    return pool(n, tap_max, 1);
}

const char *double_average_pool(dnode *n)
{
    return n->in[0]->v ? pool(n, tap_sum, 0) : "integers";
}

const char *double_lp_pool(dnode *n)
{
    return n->in[0]->v ? pool(n, tap_power, 0) : "integers";
}

/* GlobalAveragePool, GlobalMaxPool and GlobalLpPool: one value for each channel. */
const char *double_global_pool(dnode *n)
{
    const dtensor *x = n->in[0];
    int max = strcmp(n->proto->op_type, "GlobalMaxPool") == 0;
    int average = strcmp(n->proto->op_type, "GlobalAveragePool") == 0;
    shape out = x->shape;
    if (out.rank < 3 || !x->v)
        return "no spatial axis, or integers";
    int64_t plane = dims_product(&x->shape, 2, x->shape.rank);
    for (size_t d = 2; d < out.rank; d++)
        out.dims[d] = 1;
    dtensor *y = output_new(n, 0, x->dtype, &out, !max);
    for (int64_t k = 0; k < y->count; k++) {
        gathered g = {.x = x, .origin = k * plane, .best = -1, .p = (double)attr_int(n, "p", 2)};
        for (int64_t i = 0; i < plane; i++)
            (max ? tap_max : average ? tap_sum : tap_power)(&g, i);
        put(y, k,
            max       ? g.value
            : average ? ap_div(total_get(&g.total), exactly((double)plane))
                      : ap_pow(total_get(&g.total), exactly(1 / g.p)));
    }
    return NULL;
}

/* Zeros, and the elements at the places that MaxPool took them from. */
const char *double_max_unpool(dnode *n)
{
    const dtensor *x = n->in[0], *places = n->in[1], *wanted = input(n, 2);
    int64_t kernel[MAX_INTS], strides[MAX_INTS], pads[MAX_INTS] = {0};
    shape pooled = x->shape, out;
    int has_strides = attr_ints(n, "strides", strides);
    if (attr_ints(n, "kernel_shape", kernel) != (int)pooled.rank - 2)
        return "kernel_shape does not fit the input";
    attr_ints(n, "pads", pads);
    for (size_t a = 0, axes = pooled.rank - 2; a < axes; a++)
        pooled.dims[2 + a] = (pooled.dims[2 + a] - 1) * (has_strides > 0 ? strides[a] : 1) + kernel[a] -
                             pads[a] - pads[axes + a];
    out = pooled;
    for (size_t d = 0; wanted && d < out.rank; d++)
        out.dims[d] = wanted->i[d];
    dtensor *y = output_new(n, 0, x->dtype, &out, 0);
    for (int64_t k = 0; k < x->count; k++) {
        int64_t rest = places->i[k], to = 0, step = 1, inside = rest >= 0;
        for (size_t d = out.rank; d-- > 0; rest /= pooled.dims[d]) {
            int64_t at = rest % pooled.dims[d];
            inside = inside && at < out.dims[d];
            to += at * step;
            step *= out.dims[d];
        }
        if (inside)
            element_move(y, to, x, k);
    }
    return NULL;
}
