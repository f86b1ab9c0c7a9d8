/* Sums of products: convolution and matrix product. Beside each sum runs the sum of magnitudes, for the
 * bound, and, where the operands have errors of their own, the sum of what those contribute. */
#include "double.h"

#include "cpu.h"

#include <stdlib.h>
#include <string.h>

/* A window of up to three spatial axes, depth, height, width; missing leading axes have extent 1. */
typedef struct spatial {
    int64_t in[3], out[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
} spatial;

/* sum += x * w over a row, with its bound: magnitude += |x w|, error += ex |w| + ew (|x| + ex). */
typedef struct lanes {
    double *sum, *magnitude, *error;
} lanes;

static void row_multiply(const lanes *to, int64_t count, const double *x, const double *ex, int64_t step,
                         double w, double ew)
{
    double aw = fabs(w);
    if (step == 1) {
        for (int64_t k = 0; k < count; k++) {
            double p = x[k] * w;
            to->sum[k] += p;
            to->magnitude[k] += fabs(p);
        }
    } else
        for (int64_t k = 0; k < count; k++) {
            double p = x[k * step] * w;
            to->sum[k] += p;
            to->magnitude[k] += fabs(p);
        }
    if (to->error)
        for (int64_t k = 0; k < count; k++) {
            double e = ex ? ex[k * step] : 0;
            to->error[k] += e * aw + ew * (fabs(x[k * step]) + e);
        }
}

static void lanes_new(lanes *l, int64_t count, int inexact)
{
    l->sum = need((size_t)count, sizeof *l->sum);
    l->magnitude = need((size_t)count, sizeof *l->magnitude);
    l->error = inexact ? need((size_t)count, sizeof *l->error) : NULL;
}

static void lanes_free(lanes *l)
{
    free(l->sum);
    free(l->magnitude);
    free(l->error);
}

static approx lanes_get(const lanes *l, int64_t k, int64_t products)
{
    double e = l->error ? l->error[k] : 0;
    return (approx){l->sum[k], e + sum_error(products) * (l->magnitude[k] + e)};
}

static void lanes_clear(const lanes *l, int64_t count)
{
    size_t size = (size_t)count * sizeof(double);
    memset(l->sum, 0, size);
    memset(l->magnitude, 0, size);
    if (l->error)
        memset(l->error, 0, size);
}

/* ---- convolution ---- */

typedef struct conv {
    const dtensor *x, *w, *bias;
    dtensor *y;
    spatial s;
    int64_t groups, in_channels, out_channels;
    double *winograd; /* bounds on the rounding errors of Winograd's algorithm, or NULL where it cannot be */
} conv;

static int64_t plane(const int64_t *extent)
{
    return extent[0] * extent[1] * extent[2];
}

/* Output columns whose tap at kernel column kx lies inside the input row. */
static void columns(const spatial *s, int64_t kx, int64_t *from, int64_t *to)
{
    int64_t shift = kx * s->dilation[2] - s->begin[2]; /* input column = ox * stride + shift */
    *from = shift < 0 ? (-shift + s->stride[2] - 1) / s->stride[2] : 0;
    *to = s->in[2] - shift > 0 ? (s->in[2] - shift + s->stride[2] - 1) / s->stride[2] : 0;
    *to = *to < s->out[2] ? *to : s->out[2];
}

/* One kernel position of one input channel onto a whole output plane. */
static void conv_tap(const conv *c, const lanes *to, const int64_t k[3], int64_t x_at, double w, double ew)
{
    const spatial *s = &c->s;
    int64_t from, end;
    columns(s, k[2], &from, &end);
    if (from >= end)
        return;
    for (int64_t oz = 0; oz < s->out[0]; oz++) {
        int64_t z = oz * s->stride[0] + k[0] * s->dilation[0] - s->begin[0];
        if (z < 0 || z >= s->in[0])
            continue;
        for (int64_t oy = 0; oy < s->out[1]; oy++) {
            int64_t y = oy * s->stride[1] + k[1] * s->dilation[1] - s->begin[1];
            if (y < 0 || y >= s->in[1])
                continue;
            int64_t at = (oz * s->out[1] + oy) * s->out[2] + from;
            int64_t x = x_at + (z * s->in[1] + y) * s->in[2] + from * s->stride[2] + k[2] * s->dilation[2] -
                        s->begin[2];
            lanes row = {to->sum + at, to->magnitude + at, to->error ? to->error + at : NULL};
            row_multiply(&row, end - from, c->x->v + x, c->x->e ? c->x->e + x : NULL, s->stride[2], w, ew);
        }
    }
}

static void conv_plane(const conv *c, const lanes *to, int64_t image, int64_t channel)
{
    const spatial *s = &c->s;
    int64_t per_group = c->in_channels / c->groups, taps = plane(s->kernel),
            group = channel / (c->out_channels / c->groups);
    for (int64_t ic = 0; ic < per_group; ic++) {
        int64_t x_at = (image * c->in_channels + group * per_group + ic) * plane(s->in);
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t k[3] = {tap / (s->kernel[1] * s->kernel[2]), tap / s->kernel[2] % s->kernel[1],
                            tap % s->kernel[2]};
            approx w = get(c->w, (channel * per_group + ic) * taps + tap);
            conv_tap(c, to, k, x_at, w.v, w.e);
        }
    }
}

static void conv_range(void *user, int64_t begin, int64_t end)
{
    const conv *c = user;
    int64_t pixels = plane(c->s.out), products = c->in_channels / c->groups * plane(c->s.kernel);
    lanes l;
    lanes_new(&l, pixels, c->x->e || c->w->e);
    for (int64_t k = begin; k < end; k++) {
        lanes_clear(&l, pixels);
        conv_plane(c, &l, k / c->out_channels, k % c->out_channels);
        for (int64_t p = 0; p < pixels; p++) {
            approx sum = lanes_get(&l, p, products);
            if (c->winograd)
                sum.e = fmax(sum.e, (l.error ? l.error[p] : 0) + c->winograd[k * pixels + p]);
            if (c->bias)
                sum = ap_add(sum, get(c->bias, k % c->out_channels));
            put(c->y, k * pixels + p, sum);
        }
    }
    lanes_free(&l);
}

/* Which of those it is depends on more than this; the bound is the larger of both. */
static int may_be_winograd(const conv *c)
{
    int may = c->x->shape.rank == 4;
    for (int d = 1; d < 3; d++)
        may = may && c->s.kernel[d] == 3 && c->s.stride[d] == 1 && c->s.dilation[d] == 1;
    return may;
}

static int spatial_read(const dnode *n, spatial *s, const shape *x, const shape *w)
{
    int64_t pads[MAX_INTS], strides[MAX_INTS], dilations[MAX_INTS];
    size_t axes = x->rank - 2;
    int has_pads = attr_ints(n, "pads", pads), has_strides = attr_ints(n, "strides", strides);
    int has_dilations = attr_ints(n, "dilations", dilations);
    int upper = attr_is(n, "auto_pad", "SAME_UPPER", ""), lower = attr_is(n, "auto_pad", "SAME_LOWER", "");
    if (x->rank < 3 || axes > 3)
        return 0;
    for (size_t d = 0; d < 3; d++)
        s->in[d] = s->out[d] = s->kernel[d] = s->stride[d] = s->dilation[d] = 1, s->begin[d] = s->end[d] = 0;
    for (size_t a = 0; a < axes; a++) {
        size_t d = 3 - axes + a;
        s->in[d] = x->dims[2 + a];
        s->kernel[d] = w->dims[2 + a];
        s->stride[d] = has_strides > 0 ? strides[a] : 1;
        s->dilation[d] = has_dilations > 0 ? dilations[a] : 1;
        int64_t reach = (s->kernel[d] - 1) * s->dilation[d] + 1;
        if (upper || lower) {
            int64_t out = (s->in[d] + s->stride[d] - 1) / s->stride[d];
            int64_t total = (out - 1) * s->stride[d] + reach - s->in[d];
            total = total > 0 ? total : 0;
            s->begin[d] = upper ? total / 2 : total - total / 2;
            s->end[d] = total - s->begin[d];
        } else if (has_pads > 0) {
            s->begin[d] = pads[a];
            s->end[d] = pads[axes + a];
        }
        s->out[d] = (s->in[d] + s->begin[d] + s->end[d] - reach) / s->stride[d] + 1;
    }
    return 1;
}

const char *double_conv(dnode *n)
{
    conv c = {.x = n->in[0], .w = n->in[1], .bias = input(n, 2)};
    shape out = {.rank = c.x->shape.rank};
    if (!spatial_read(n, &c.s, &c.x->shape, &c.w->shape))
        return "more than three spatial axes, or none";
    c.groups = attr_int(n, "group", 1);
    c.in_channels = c.x->shape.dims[1];
    c.out_channels = c.w->shape.dims[0];
    out.dims[0] = c.x->shape.dims[0];
    out.dims[1] = c.out_channels;
    for (size_t a = 2; a < out.rank; a++)
        out.dims[a] = c.s.out[5 - out.rank + a - 2];
    c.y = output_new(n, 0, c.x->dtype, &out, 1);
    if (may_be_winograd(&c))
        c.winograd = winograd_errors(c.x, c.w, c.s.in + 1, c.s.out + 1, c.s.begin + 1, n->threads);
    cpu_parallel(n->threads, out.dims[0] * c.out_channels, conv_range, &c);
    free(c.winograd);
    return NULL;
}

/* ---- transposed convolution: every input element is spread over the outputs ---- */

static void transpose_plane(const conv *c, dtensor *magnitude, int64_t image, int64_t ic)
{
    const spatial *s = &c->s;
    int64_t per_group = c->out_channels / c->groups, group = ic / (c->in_channels / c->groups);
    int64_t taps = plane(s->kernel), in_plane = plane(s->in), out_plane = plane(s->out);
    for (int64_t p = 0; p < in_plane; p++) {
        int64_t at[3] = {p / (s->in[1] * s->in[2]), p / s->in[2] % s->in[1], p % s->in[2]};
        approx x = get(c->x, (image * c->in_channels + ic) * in_plane + p);
        for (int64_t t = 0; t < taps; t++) {
            int64_t k[3] = {t / (s->kernel[1] * s->kernel[2]), t / s->kernel[2] % s->kernel[1],
                            t % s->kernel[2]};
            int64_t o[3], inside = 1;
            for (int d = 0; d < 3; d++) {
                o[d] = at[d] * s->stride[d] + k[d] * s->dilation[d] - s->begin[d];
                inside = inside && o[d] >= 0 && o[d] < s->out[d];
            }
            for (int64_t oc = 0; inside && oc < per_group; oc++) {
                approx w = get(c->w, (ic * per_group + oc) * taps + t);
                int64_t y = (image * c->out_channels + group * per_group + oc) * out_plane +
                            (o[0] * s->out[1] + o[1]) * s->out[2] + o[2];
                c->y->v[y] += x.v * w.v;
                c->y->e[y] += fabs(x.v) * w.e + fabs(w.v) * x.e + x.e * w.e;
                magnitude->v[y] += fabs(x.v * w.v);
            }
        }
    }
}

static int transpose_extents(const dnode *n, spatial *s, size_t axes)
{
    int64_t extra[MAX_INTS] = {0}, want[MAX_INTS];
    int wanted = attr_ints(n, "output_shape", want);
    int upper = attr_is(n, "auto_pad", "SAME_UPPER", ""), lower = attr_is(n, "auto_pad", "SAME_LOWER", "");
    attr_ints(n, "output_padding", extra);
    for (size_t a = 0; a < axes; a++) {
        size_t d = 3 - axes + a;
        int64_t whole = s->stride[d] * (s->in[d] - 1) + extra[a] + (s->kernel[d] - 1) * s->dilation[d] + 1;
        if (wanted > 0 || upper || lower) {
            int64_t total = whole - (wanted > 0 ? want[(size_t)wanted - axes + a] : s->in[d] * s->stride[d]);
            int64_t half = total >= 0 ? total / 2 : -((1 - total) / 2); /* rounded down */
            s->begin[d] = upper ? half : total - half;
            s->end[d] = total - s->begin[d];
        }
        s->out[d] = whole - s->begin[d] - s->end[d];
        if (s->out[d] < 1)
            return 0;
    }
    return 1;
}

const char *double_conv_transpose(dnode *n)
{
    conv c = {.x = n->in[0], .w = n->in[1], .bias = input(n, 2)};
    int64_t pads[MAX_INTS] = {0};
    shape out = {.rank = c.x->shape.rank};
    if (!spatial_read(n, &c.s, &c.x->shape, &c.w->shape))
        return "more than three spatial axes, or none";
    for (size_t a = 0, axes = out.rank - 2; a < axes && attr_ints(n, "pads", pads) > 0; a++)
        c.s.begin[3 - axes + a] = pads[a], c.s.end[3 - axes + a] = pads[axes + a];
    if (!transpose_extents(n, &c.s, out.rank - 2))
        return "the output is empty";
    c.groups = attr_int(n, "group", 1);
    c.in_channels = c.x->shape.dims[1];
    c.out_channels = c.w->shape.dims[1] * c.groups;
    out.dims[0] = c.x->shape.dims[0];
    out.dims[1] = c.out_channels;
    for (size_t a = 2; a < out.rank; a++)
        out.dims[a] = c.s.out[5 - out.rank + a - 2];
    c.y = output_new(n, 0, c.x->dtype, &out, 1);
    dtensor *magnitude = dtensor_new(CLARUS_FLOAT32, &out, 0);
    for (int64_t k = 0; k < out.dims[0] * c.in_channels; k++)
        transpose_plane(&c, magnitude, k / c.in_channels, k % c.in_channels);
    int64_t products = c.in_channels / c.groups * plane(c.s.kernel), pixels = plane(c.s.out);
    for (int64_t k = 0; k < c.y->count; k++) {
        approx y = get(c.y, k);
        y.e += sum_error(products) * (magnitude->v[k] + y.e);
        put(c.y, k, c.bias ? ap_add(y, get(c.bias, k / pixels % c.out_channels)) : y);
    }
    dtensor_free(magnitude);
    return NULL;
}

/* ---- matrix product ---- */

/* y[m, n] = sum_k a[m, k] b[k, n], matrices of a batch at element offsets a_at, b_at. */
typedef struct product {
    const dtensor *a, *b;
    dtensor *y;
    int64_t m, n, k;
    int64_t a_row, a_column, b_row, b_column; /* strides in elements */
    const int64_t *a_at, *b_at;               /* one per matrix of the batch */
} product;

/* Rows of b are contiguous: whole rows of y at a time. */
static void product_row(const product *p, const lanes *l, int64_t matrix, int64_t row)
{
    for (int64_t k = 0; k < p->k; k++) {
        approx a = get(p->a, p->a_at[matrix] + row * p->a_row + k * p->a_column);
        int64_t b = p->b_at[matrix] + k * p->b_row;
        row_multiply(l, p->n, p->b->v + b, p->b->e ? p->b->e + b : NULL, p->b_column, a.v, a.e);
    }
}

/* Columns of b are contiguous: one sum at a time, in four parts so that it runs at speed. */
static void product_columns(const product *p, const lanes *l, int64_t matrix, int64_t row)
{
    const double *a = p->a->v + p->a_at[matrix] + row * p->a_row;
    const double *ea = p->a->e ? p->a->e + (a - p->a->v) : NULL;
    for (int64_t n = 0; n < p->n; n++) {
        const double *b = p->b->v + p->b_at[matrix] + n * p->b_column;
        const double *eb = p->b->e ? p->b->e + (b - p->b->v) : NULL;
        double sum[4] = {0}, magnitude[4] = {0};
        for (int64_t k = 0; k < p->k; k++) {
            double t = a[k] * b[k];
            sum[k & 3] += t;
            magnitude[k & 3] += fabs(t);
        }
        l->sum[n] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        l->magnitude[n] = (magnitude[0] + magnitude[1]) + (magnitude[2] + magnitude[3]);
        for (int64_t k = 0; l->error && k < p->k; k++) {
            double ek = ea ? ea[k] : 0, fk = eb ? eb[k] : 0;
            l->error[n] += ek * fabs(b[k]) + fk * (fabs(a[k]) + ek);
        }
    }
}

static void product_range(void *user, int64_t begin, int64_t end)
{
    const product *p = user;
    lanes l;
    lanes_new(&l, p->n, p->a->e || p->b->e);
    for (int64_t r = begin; r < end; r++) {
        lanes_clear(&l, p->n);
        if (p->b_row == 1 && p->a_column == 1)
            product_columns(p, &l, r / p->m, r % p->m);
        else
            product_row(p, &l, r / p->m, r % p->m);
        for (int64_t n = 0; n < p->n; n++)
            put(p->y, r * p->n + n, lanes_get(&l, n, p->k));
    }
    lanes_free(&l);
}

/* Offset of each matrix of the broadcast batch. */
static int64_t *matrix_offsets(const shape *batch, const shape *operand, int64_t matrix)
{
    int64_t count;
    walk w;
    shape_count(batch, &count);
    int64_t *offsets = need((size_t)count, sizeof *offsets);
    walk_begin(&w, batch);
    walk_operand(&w, operand);
    for (int64_t k = 0; k < count; k++, walk_next(&w))
        offsets[k] = w.offset[0] * matrix;
    return offsets;
}

static void integer_product(const product *p, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t n = 0; n < p->n; n++) {
            uint64_t sum = 0;
            for (int64_t k = 0; k < p->k; k++)
                sum += (uint64_t)p->a->i[p->a_at[r / p->m] + r % p->m * p->a_row + k * p->a_column] *
                       (uint64_t)p->b->i[p->b_at[r / p->m] + k * p->b_row + n * p->b_column];
            p->y->i[r * p->n + n] = wrap(p->y->dtype, (int64_t)sum);
        }
}

const char *double_matmul(dnode *n)
{
    product p = {.a = n->in[0], .b = n->in[1]};
    shape a = p.a->shape, b = p.b->shape, batch, out;
    int a_vector = a.rank == 1, b_vector = b.rank == 1;
    if (!a.rank || !b.rank)
        return "an operand is a scalar";
    if (a_vector)
        a = (shape){2, {1, a.dims[0]}};
    if (b_vector)
        b = (shape){2, {b.dims[0], 1}};
    p.m = a.dims[a.rank - 2], p.k = a.dims[a.rank - 1], p.n = b.dims[b.rank - 1];
    if (b.dims[b.rank - 2] != p.k)
        return "the inner dimensions differ";
    a.rank -= 2, b.rank -= 2; /* the batch axes are left */
    if (!shape_broadcast(&a, &b, &batch))
        return "the batch axes do not broadcast";
    out = batch;
    if (!a_vector)
        out.dims[out.rank++] = p.m;
    if (!b_vector)
        out.dims[out.rank++] = p.n;
    p.a_row = p.k, p.a_column = 1, p.b_row = p.n, p.b_column = 1;
    int64_t *a_at = matrix_offsets(&batch, &a, p.m * p.k), *b_at = matrix_offsets(&batch, &b, p.k * p.n);
    p.a_at = a_at, p.b_at = b_at;
    p.y = output_new(n, 0, p.a->dtype, &out, p.a->v != NULL);
    if (p.y->count && p.a->v)
        cpu_parallel(n->threads, p.y->count / p.n, product_range, &p);
    else if (p.y->count)
        integer_product(&p, p.y->count / p.n);
    free(a_at);
    free(b_at);
    return NULL;
}

const char *double_gemm(dnode *n)
{
    product p = {.a = n->in[0], .b = n->in[1]};
    const dtensor *c = input(n, 2);
    int trans_a = attr_int(n, "transA", 0) != 0, trans_b = attr_int(n, "transB", 0) != 0;
    double alpha = attr_float(n, "alpha", 1), beta = attr_float(n, "beta", 1);
    int64_t zero = 0;
    if (p.a->shape.rank != 2 || p.b->shape.rank != 2)
        return "an operand is not a matrix";
    if (!p.a->v)
        return "integers";
    p.m = p.a->shape.dims[trans_a], p.k = p.a->shape.dims[!trans_a], p.n = p.b->shape.dims[!trans_b];
    p.a_row = trans_a ? 1 : p.k, p.a_column = trans_a ? p.m : 1;
    p.b_row = trans_b ? 1 : p.n, p.b_column = trans_b ? p.k : 1;
    p.a_at = p.b_at = &zero;
    shape out = {2, {p.m, p.n}};
    p.y = output_new(n, 0, p.a->dtype, &out, 1);
    cpu_parallel(n->threads, p.m, product_range, &p);
    walk w;
    walk_begin(&w, &out);
    if (c)
        walk_operand(&w, &c->shape);
    for (int64_t k = 0; k < p.y->count; k++, walk_next(&w)) {
        approx y = get(p.y, k);
        y = alpha == 1 ? y : ap_mul(exactly(alpha), y);
        if (c && beta != 0) {
            approx t = get(c, w.offset[0]);
            y = ap_add(y, beta == 1 ? t : ap_mul(exactly(beta), t));
        }
        put(p.y, k, y);
    }
    return NULL;
}
