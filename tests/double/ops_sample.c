/* Operators that read between elements, at positions that come as data.
 *
 * A position p with bound e stands for the interval p - e .. p + e. Its taps are the elements that any
 * position of it would take, each with the weight that the interpolating function gives it at p, and as the
 * weight's bound e times the function's steepest slope: interpolation is continuous, so that is all that a
 * wrong position can do. Nearest is not: where the interval has two nearest elements, either may be taken. */
#include "double.h"

#include <stdlib.h>
#include <string.h>

typedef enum function { NEAREST, LINEAR, CUBIC } function;
typedef enum padding { ZEROS, BORDER, REFLECTION } padding;

enum { MOST_TAPS = 6, MOST_AXES = 3 };

typedef struct taps {
    int count, unbounded;
    int64_t index[MOST_TAPS];
    approx weight[MOST_TAPS];
} taps;

/* How an axis is read. */
typedef struct reading {
    function function;
    padding padding;
    int aligned; /* the input ends at the centres of its outer elements */
    int64_t extent;
} reading;

/* Weight of an element at distance t; cubic with a = -3/4. */
static double weight_at(function f, double t)
{
    const double a = -0.75;
    t = fabs(t);
    if (f == LINEAR)
        return fmax(0, 1 - t);
    if (t < 1)
        return (a + 2) * t * t * t - (a + 3) * t * t + 1;
    return t < 2 ? a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a : 0;
}

/* p turned back at the ends until it is between them. */
static double reflected(double p, double low, double high)
{
    double range = high - low;
    if (range == 0 || (p >= low && p <= high))
        return range == 0 ? low : p;
    double beyond = fmod(fabs(p - low), 2 * range);
    return beyond <= range ? low + beyond : low + 2 * range - beyond;
}

/* The element that stands for index i; -1 for none. */
static int64_t padded(const reading *r, int64_t i)
{
    if (i >= 0 && i < r->extent)
        return i;
    if (r->padding == ZEROS)
        return -1;
    if (r->padding == REFLECTION)
        i = (int64_t)reflected((double)i, r->aligned ? 0 : -0.5, (double)r->extent - (r->aligned ? 1 : 0.5));
    return i < 0 ? 0 : i >= r->extent ? r->extent - 1 : i;
}

/* What the ends make of a position: reflecting takes some operations on numbers as large as it. */
static approx brought_inside(const reading *r, approx p)
{
    double low = r->aligned ? 0 : -0.5, high = (double)r->extent - (r->aligned ? 1 : 0.5);
    if (p.v >= low && p.v <= high)
        return p;
    if (r->padding == BORDER)
        p.v = fmin(fmax(p.v, 0), (double)r->extent - 1);
    if (r->padding == REFLECTION)
        p = (approx){reflected(p.v, low, high), p.e + 8 * UNIT * (fabs(p.v) + high)};
    return p;
}

static taps nearest_taps(const reading *r, approx p)
{
    taps t = {.unbounded = p.e >= 0.5};
    double first = rint(p.v - p.e), last = rint(p.v + p.e);
    int several = first != last;
    for (double i = first; i <= last && !t.unbounded; i++) {
        t.index[t.count] = padded(r, (int64_t)brought_inside(r, exactly(i)).v);
        t.weight[t.count++] = (approx){i == rint(p.v), several};
    }
    return t;
}

static taps taps_at(const reading *r, approx p)
{
    /* slopes of the function, and what float32 loses in it: no number in it is above 12 */
    double slope = r->function == CUBIC ? 1.35 : 1, lost = r->function == CUBIC ? 64 * UNIT : UNIT;
    if (r->function == NEAREST)
        return nearest_taps(r, p);
    p = brought_inside(r, p);
    taps t = {.unbounded = p.e >= 0.5};
    int64_t reach = r->function == CUBIC ? 2 : 1;
    /* far outside there is nothing, wherever exactly */
    if (r->padding == ZEROS && (p.v + p.e < -2 || p.v - p.e > (double)r->extent + 1))
        return (taps){0};
    if (t.unbounded || isnan(p.v))
        return (taps){.unbounded = !isnan(p.v)};
    for (int64_t i = (int64_t)floor(p.v - p.e) - reach + 1; i <= (int64_t)floor(p.v + p.e) + reach; i++) {
        double w = weight_at(r->function, (double)i - p.v);
        t.index[t.count] = padded(r, i);
        t.weight[t.count++] = (approx){w, slope * p.e + lost};
    }
    return t;
}

/* The weighted sum of a plane's elements that the taps of `axes` axes name. */
static void add_taps(const dtensor *x, int64_t at, const taps *t, const reading *r, size_t axes,
                     approx weight, total *sum)
{
    if (axes == 0) {
        total_add(sum, ap_mul(get(x, at), weight));
        return;
    }
    for (int k = 0; k < t->count; k++)
        if (t->index[k] >= 0)
            add_taps(x, at * r->extent + t->index[k], t + 1, r + 1, axes - 1, ap_mul(weight, t->weight[k]),
                     sum);
}

static approx sample(const dtensor *x, int64_t plane, const reading *r, const approx *at, size_t axes)
{
    taps t[MOST_AXES];
    total sum = {0};
    for (size_t a = 0; a < axes; a++) {
        t[a] = taps_at(&r[a], at[a]);
        if (t[a].unbounded)
            return (approx){0, INFINITY};
    }
    add_taps(x, plane, t, r, axes, exactly(1), &sum);
    return total_get(&sum);
}

/* ---- GridSample ---- */

/* From -1 .. 1 to elements. */
static approx denormalised(approx g, const reading *r)
{
    double middle = (double)(r->extent - 1) / 2, half = r->aligned ? middle : (double)r->extent / 2;
    return rounded(g.v * half + middle, g.e * half);
}

const char *double_grid_sample(dnode *n)
{
    const dtensor *x = n->in[0], *grid = n->in[1];
    size_t axes = x->shape.rank - 2;
    reading r[MOST_AXES];
    shape out = x->shape;
    if (x->shape.rank < 3 || axes > MOST_AXES || grid->shape.rank != x->shape.rank || !x->v)
        return "the grid does not fit the input";
    for (size_t a = 0; a < axes; a++) {
        int cubic = attr_is(n, "mode", "cubic", "") || attr_is(n, "mode", "bicubic", "");
        int border = attr_is(n, "padding_mode", "border", ""),
            reflection = attr_is(n, "padding_mode", "reflection", "");
        r[a] = (reading){attr_is(n, "mode", "nearest", "") ? NEAREST
                         : cubic                           ? CUBIC
                                                           : LINEAR,
                         border       ? BORDER
                         : reflection ? REFLECTION
                                      : ZEROS,
                         attr_int(n, "align_corners", 0) != 0, x->shape.dims[2 + a]};
        out.dims[2 + a] = grid->shape.dims[1 + a];
    }
    int64_t channels = out.dims[1], points = dims_product(&out, 2, out.rank);
    dtensor *y = output_new(n, 0, x->dtype, &out, 1);
    for (int64_t k = 0; k < y->count; k++) {
        approx at[MOST_AXES];
        int64_t plane = k / points, point = plane / channels * points + k % points;
        for (size_t a = 0; a < axes; a++)
            at[a] = denormalised(get(grid, point * (int64_t)axes + (int64_t)(axes - 1 - a)), &r[a]);
        put(y, k, sample(x, plane, r, at, axes));
    }
    return NULL;
}

/* ---- AffineGrid ---- */

const char *double_affine_grid(dnode *n)
{
    const dtensor *theta = n->in[0], *size = n->in[1];
    int64_t axes = size->count - 2;
    int aligned = attr_int(n, "align_corners", 0) != 0;
    shape out = {(size_t)size->count, {size->i[0]}};
    if (axes < 2 || axes > MOST_AXES)
        return "neither two nor three axes";
    for (int64_t a = 0; a < axes; a++)
        out.dims[1 + a] = size->i[2 + a];
    out.dims[1 + axes] = axes;
    dtensor *y = output_new(n, 0, theta->dtype, &out, 1);
    for (int64_t k = 0; k < y->count; k++) {
        int64_t rest = k / axes, row = k % axes;
        total sum = {0};
        int64_t matrix = rest / dims_product(&out, 1, out.rank - 1);
        for (int64_t a = axes; a-- > 0; rest /= out.dims[1 + a]) {
            double i = (double)(rest % out.dims[1 + a]), extent = (double)out.dims[1 + a];
            double at = !aligned ? (2 * i + 1) / extent - 1 : extent > 1 ? 2 * i / (extent - 1) - 1 : 0;
            total_add(&sum,
                      ap_mul(get(theta, (matrix * axes + row) * (axes + 1) + axes - 1 - a), rounded(at, 0)));
        }
        total_add(&sum, get(theta, (matrix * axes + row) * (axes + 1) + axes));
        put(y, k, total_get(&sum));
    }
    return NULL;
}

/* ---- DeformConv: a convolution whose taps are where the offsets say ---- */

typedef struct deform {
    const dtensor *x, *w, *offset, *mask;
    reading r[2];
    int64_t kernel[2], stride[2], dilation[2], begin[2], out[2];
    int64_t offset_groups, positions;
} deform;

/* The input at kernel position `tap` of output (i, j), channel c. */
static approx deformed_tap(const deform *d, int64_t image, int64_t c, int64_t tap, const int64_t at[2])
{
    int64_t channels = d->x->shape.dims[1], pixels = d->out[0] * d->out[1], pixel = at[0] * d->out[1] + at[1];
    int64_t group = c / (channels / d->offset_groups);
    int64_t place = (image * d->offset_groups + group) * d->positions + tap;
    int64_t k[2] = {tap / d->kernel[1], tap % d->kernel[1]};
    approx where[2];
    for (int a = 0; a < 2; a++) {
        int64_t base = at[a] * d->stride[a] + k[a] * d->dilation[a] - d->begin[a];
        where[a] = ap_add(exactly((double)base), get(d->offset, (2 * place + a) * pixels + pixel));
    }
    approx v = sample(d->x, image * channels + c, d->r, where, 2);
    return d->mask ? ap_mul(v, get(d->mask, place * pixels + pixel)) : v;
}

static const char *deform_read(const dnode *n, deform *d)
{
    int64_t strides[MAX_INTS] = {1, 1}, dilations[MAX_INTS] = {1, 1}, pads[MAX_INTS] = {0};
    *d = (deform){.x = n->in[0], .w = n->in[1], .offset = n->in[2], .mask = input(n, 4)};
    if (d->x->shape.rank != 4)
        return "not a picture";
    attr_ints(n, "strides", strides);
    attr_ints(n, "dilations", dilations);
    attr_ints(n, "pads", pads);
    d->offset_groups = attr_int(n, "offset_group", 1);
    for (int a = 0; a < 2; a++) {
        d->r[a] = (reading){LINEAR, ZEROS, 1, d->x->shape.dims[2 + a]};
        d->kernel[a] = d->w->shape.dims[2 + a];
        d->stride[a] = strides[a];
        d->dilation[a] = dilations[a];
        d->begin[a] = pads[a];
        d->out[a] =
            (d->r[a].extent + pads[a] + pads[2 + a] - (d->kernel[a] - 1) * dilations[a] - 1) / strides[a] + 1;
    }
    d->positions = d->kernel[0] * d->kernel[1];
    return NULL;
}

const char *double_deform_conv(dnode *n)
{
    deform d;
    const char *what = deform_read(n, &d);
    if (what)
        return what;
    int64_t groups = attr_int(n, "group", 1), outputs = d.w->shape.dims[0], inputs = d.w->shape.dims[1];
    int64_t pixels = d.out[0] * d.out[1];
    shape s = {4, {d.x->shape.dims[0], outputs, d.out[0], d.out[1]}};
    dtensor *y = output_new(n, 0, d.x->dtype, &s, 1);
    for (int64_t k = 0; k < y->count; k++) {
        int64_t oc = k / pixels % outputs, image = k / pixels / outputs,
                first = oc / (outputs / groups) * inputs;
        const int64_t at[2] = {k % pixels / d.out[1], k % d.out[1]};
        total sum = {0};
        for (int64_t c = 0; c < inputs; c++)
            for (int64_t tap = 0; tap < d.positions; tap++)
                total_add(&sum, ap_mul(deformed_tap(&d, image, first + c, tap, at),
                                       get(d.w, (oc * inputs + c) * d.positions + tap)));
        approx v = total_get(&sum);
        put(y, k, input(n, 3) ? ap_add(v, get(n->in[3], oc)) : v);
    }
    return NULL;
}

/* ---- RoiAlign ---- */

typedef struct part {
    approx start, size; /* of one output's part of the region, along an axis */
    int64_t count;      /* of samples in it; -1: rounding errors may change it */
} part;

static part region_part(const dnode *n, approx begin, approx end, int64_t outputs, int64_t i)
{
    approx scale = exactly(attr_float(n, "spatial_scale", 1));
    int half = attr_is(n, "coordinate_transformation_mode", "half_pixel",
                       n->opset < 16 ? "output_half_pixel" : "half_pixel");
    approx offset = exactly(half ? 0.5 : 0), first = ap_sub(ap_mul(begin, scale), offset);
    approx length = ap_sub(ap_sub(ap_mul(end, scale), offset), first);
    if (!half)
        length.v = fmax(length.v, 1);
    part p = {.size = ap_div(length, exactly((double)outputs)), .count = attr_int(n, "sampling_ratio", 0)};
    p.start = ap_add(first, ap_mul(exactly((double)i), p.size));
    if (p.count == 0)
        p.count = ceil(p.size.v - p.size.e) == ceil(p.size.v + p.size.e) ? (int64_t)ceil(p.size.v) : -1;
    return p;
}

/* Sample k of a part. Nothing is read further than an element outside; *edge: it may or may not be that far.
 */
static taps part_taps(const part *p, int64_t k, int64_t extent, int *edge)
{
    const reading r = {LINEAR, BORDER, 1, extent};
    approx along = ap_mul(exactly((double)k + 0.5), p->size);
    approx at = ap_add(p->start, ap_div(along, exactly((double)p->count)));
    int inside = at.v >= -1 && at.v <= (double)extent;
    *edge = *edge || fabs(at.v + 1) <= at.e || fabs(at.v - (double)extent) <= at.e;
    return inside ? taps_at(&r, at) : (taps){0};
}

/* The largest of the taps' own products. */
static approx largest_tap(const dtensor *x, int64_t plane, const taps *t, const reading *r)
{
    approx best = exactly(t[0].count && t[1].count ? -INFINITY : 0);
    for (int i = 0; i < t[0].count; i++)
        for (int j = 0; j < t[1].count; j++) {
            approx w = ap_mul(t[0].weight[i], t[1].weight[j]);
            int64_t at = (plane * r[0].extent + t[0].index[i]) * r[1].extent + t[1].index[j];
            best = ap_max(best, ap_mul(w, get(x, at)));
        }
    return best;
}

static approx region_value(const dnode *n, const dtensor *x, int64_t plane, const part *h, const part *w)
{
    const reading r[2] = {{LINEAR, BORDER, 1, x->shape.dims[2]}, {LINEAR, BORDER, 1, x->shape.dims[3]}};
    int maximum = attr_is(n, "mode", "max", "avg"), edge = 0;
    approx best = exactly(-INFINITY);
    total sum = {0};
    if (h->count < 0 || w->count < 0)
        return (approx){0, INFINITY};
    for (int64_t i = 0; i < h->count; i++)
        for (int64_t j = 0; j < w->count; j++) {
            const taps t[2] = {part_taps(h, i, r[0].extent, &edge), part_taps(w, j, r[1].extent, &edge)};
            total one = {0};
            if (maximum)
                best = ap_max(best, largest_tap(x, plane, t, r));
            else
                add_taps(x, plane, t, r, 2, exactly(1), &one);
            total_add(&sum, total_get(&one));
        }
    int64_t count = h->count * w->count;
    approx mean = ap_div(total_get(&sum), exactly((double)(count > 0 ? count : 1)));
    approx value = !maximum ? mean : count > 0 ? best : exactly(0);
    return edge ? (approx){value.v, INFINITY} : value;
}

const char *double_roi_align(dnode *n)
{
    const dtensor *x = n->in[0], *regions = n->in[1], *images = n->in[2];
    shape s = {4,
               {regions->shape.dims[0], x->shape.dims[1], attr_int(n, "output_height", 1),
                attr_int(n, "output_width", 1)}};
    dtensor *y = output_new(n, 0, x->dtype, &s, 1);
    for (int64_t k = 0; k < y->count; k++) {
        int64_t column = k % s.dims[3], row = k / s.dims[3] % s.dims[2], region = k / s.dims[3] / s.dims[2];
        int64_t c = region % s.dims[1];
        region /= s.dims[1];
        part h = region_part(n, get(regions, 4 * region + 1), get(regions, 4 * region + 3), s.dims[2], row);
        part w = region_part(n, get(regions, 4 * region), get(regions, 4 * region + 2), s.dims[3], column);
        put(y, k, region_value(n, x, images->i[region] * s.dims[1] + c, &h, &w));
    }
    return NULL;
}
