/* Resize and Upsample as their text says: each output element is a sum over a box of neighbours, whose
 * weights are products of one weight per axis. */
#include "double.h"

#include <stdlib.h>
#include <string.h>

typedef struct line {
    int64_t in, out;
    double scale, begin, end;
    int64_t taps, *index; /* of one output position */
    double *weight;
    int outside;
} line;

typedef struct resizing {
    const dnode *n;
    const dtensor *x;
    line lines[CLARUS_MAX_RANK];
    int legacy, nearest, cubic, antialias, exclude;
    double a;
} resizing;

static int coordinates(const resizing *r, const char *mode)
{
    return r->legacy ? strcmp(mode, "asymmetric") == 0
                     : attr_is(r->n, "coordinate_transformation_mode", mode, "half_pixel");
}

static double origin(const resizing *r, const line *l, int64_t i)
{
    double width = l->scale * (double)l->in, half = ((double)i + 0.5) / l->scale - 0.5;
    if (coordinates(r, "asymmetric"))
        return (double)i / l->scale;
    if (coordinates(r, "align_corners"))
        return width == 1 ? 0 : (double)i * (double)(l->in - 1) / (width - 1);
    if (coordinates(r, "pytorch_half_pixel"))
        return l->out == 1 ? -0.5 : half;
    if (coordinates(r, "half_pixel_symmetric"))
        return (double)l->in / 2 * (1 - (double)l->out / width) + half;
    if (coordinates(r, "tf_crop_and_resize"))
        return (width == 1 ? (l->end - l->begin) * (double)(l->in - 1) / 2
                           : (double)i * (l->end - l->begin) * (double)(l->in - 1) / (width - 1)) +
               l->begin * (double)(l->in - 1);
    return half;
}

/* Rounding as the attribute says; positions within a float's rounding of a tie count as it. */
static double nearest(const resizing *r, double x)
{
    x = (double)(float)x;
    if (r->legacy || attr_is(r->n, "nearest_mode", "floor", "round_prefer_floor"))
        return floor(x);
    if (attr_is(r->n, "nearest_mode", "ceil", "round_prefer_floor"))
        return ceil(x);
    double below = floor(x), part = x - below;
    int up =
        attr_is(r->n, "nearest_mode", "round_prefer_ceil", "round_prefer_floor") ? part >= 0.5 : part > 0.5;
    return below + up;
}

static double kernel(const resizing *r, double t)
{
    double a = r->a;
    t = fabs(t);
    if (!r->cubic)
        return fmax(0, 1 - t);
    if (t <= 1)
        return (a + 2) * t * t * t - (a + 3) * t * t + 1;
    return t < 2 ? a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a : 0;
}

/* The neighbours and weights of output position i. */
static void neighbours(const resizing *r, line *l, int64_t i)
{
    double x = origin(r, l, i), stretch = r->antialias && l->scale < 1 ? 1 / l->scale : 1, sum = 0;
    double reach = (r->cubic ? 2 : 1) * stretch;
    l->outside = coordinates(r, "tf_crop_and_resize") && ((float)x < 0 || (float)x > (float)(l->in - 1));
    l->taps = 0;
    if (r->nearest) {
        l->index[l->taps] = (int64_t)nearest(r, x);
        l->weight[l->taps++] = 1;
    }
    for (int64_t k = (int64_t)floor(x - reach); !r->nearest && k <= (int64_t)ceil(x + reach); k++) {
        double w = kernel(r, ((double)k - x) / stretch);
        w = r->exclude && (k < 0 || k >= l->in) ? 0 : w;
        l->index[l->taps] = k;
        l->weight[l->taps++] = w;
        sum += w;
    }
    for (int64_t t = 0; t < l->taps; t++) {
        l->index[t] = l->index[t] < 0 ? 0 : l->index[t] >= l->in ? l->in - 1 : l->index[t];
        l->weight[t] /= r->nearest || sum == 0 ? 1 : sum;
    }
}

/* Adds the box's elements from axis d on; `at` is the element reached so far. */
static void add_box(const resizing *r, size_t d, int64_t at, double weight, total *t)
{
    if (d == r->x->shape.rank) {
        approx x = get(r->x, at);
        total_add(t, (approx){weight * x.v, fabs(weight) * x.e});
        return;
    }
    const line *l = &r->lines[d];
    for (int64_t k = 0; k < l->taps; k++)
        if (l->weight[k] != 0)
            add_box(r, d + 1, at * l->in + l->index[k], weight * l->weight[k], t);
}

static void compute(dnode *n, resizing *r, const shape *out)
{
    double fill = attr_float(n, "extrapolation_value", 0);
    dtensor *y = output_new(n, 0, r->x->dtype, out, !r->nearest);
    for (int64_t k = 0; k < y->count; k++) {
        int64_t rest = k, outside = 0, at = 0, taps = 0;
        for (size_t d = out->rank; d-- > 0; rest /= out->dims[d]) {
            neighbours(r, &r->lines[d], rest % out->dims[d]);
            outside = outside || r->lines[d].outside;
            taps += r->lines[d].taps + 1;
        }
        if (r->nearest && !outside) {
            for (size_t d = 0; d < out->rank; d++)
                at = at * r->lines[d].in + r->lines[d].index[0];
            element_move(y, k, r->x, at);
            continue;
        }
        total t = {0};
        if (!outside)
            add_box(r, 0, 0, 1, &t);
        put(y, k, outside ? exactly(fill) : (approx){t.v, t.e + sum_error(taps) * 2 * (t.magnitude + t.e)});
    }
}

/* Scales or sizes of the named axes. */
static const char *extents(dnode *n, resizing *r, const int64_t *axes, int count)
{
    const dtensor *sizes = r->legacy ? NULL : input(n, 3), *scales = input(n, r->legacy ? 1 : 2);
    const Onnx__Attribute *attribute = attr_find(n, "scales");
    int larger = attr_is(n, "keep_aspect_ratio_policy", "not_smaller", "stretch");
    int smaller = attr_is(n, "keep_aspect_ratio_policy", "not_larger", "stretch");
    double common = larger ? 0 : INFINITY;
    if (sizes && sizes->count == 0)
        sizes = NULL;
    for (int i = 0; i < count; i++) {
        line *l = &r->lines[axes[i]];
        if (sizes) {
            l->out = sizes->i[i];
            l->scale = (double)l->out / (double)l->in;
            common = larger ? fmax(common, l->scale) : fmin(common, l->scale);
        } else {
            if (!scales && (!attribute || attribute->n_floats != (size_t)count))
                return "no scales";
            l->scale = scales ? scales->v[i] : (double)attribute->floats[i];
            l->out = (int64_t)floorf((float)l->scale * (float)l->in);
        }
    }
    for (int i = 0; i < count && sizes && (larger || smaller); i++) {
        line *l = &r->lines[axes[i]];
        l->scale = common;
        l->out = (int64_t)floor(common * (double)l->in + 0.5);
    }
    return NULL;
}

const char *double_resize(dnode *n)
{
    resizing r = {.n = n, .x = n->in[0], .legacy = n->opset < 11};
    int64_t axes[MAX_INTS];
    shape out = r.x->shape;
    int count = r.legacy ? -1 : attr_ints(n, "axes", axes);
    const dtensor *region = r.legacy ? NULL : input(n, 1);
    r.nearest = attr_is(n, "mode", "nearest", "nearest");
    r.cubic = attr_is(n, "mode", "cubic", "nearest");
    r.a = attr_float(n, "cubic_coeff_a", -0.75);
    r.antialias = attr_int(n, "antialias", 0) != 0;
    r.exclude = attr_int(n, "exclude_outside", 0) != 0;
    for (int d = 0; d < (int)out.rank; d++) {
        r.lines[d] = (line){.in = out.dims[d], .out = out.dims[d], .scale = 1, .end = 1};
        if (count < 0)
            axes[d] = d;
    }
    count = count < 0 ? (int)out.rank : count;
    for (int i = 0; i < count; i++) {
        axes[i] += axes[i] < 0 ? (int64_t)out.rank : 0;
        if (region && region->count == 2 * count) {
            r.lines[axes[i]].begin = region->v[i];
            r.lines[axes[i]].end = region->v[count + i];
        }
    }
    const char *wrong = extents(n, &r, axes, count);
    for (size_t d = 0; d < out.rank; d++) {
        line *l = &r.lines[d];
        size_t most = 8 + (size_t)(l->scale > 0 && l->scale < 1 ? 4 / l->scale : 4);
        out.dims[d] = l->out;
        l->index = need(most, sizeof *l->index);
        l->weight = need(most, sizeof *l->weight);
    }
    if (!wrong)
        compute(n, &r, &out);
    for (size_t d = 0; d < out.rank; d++) {
        free(r.lines[d].index);
        free(r.lines[d].weight);
    }
    return wrong;
}
