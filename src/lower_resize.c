/* Resize and Upsample: one pass per axis whose positions are not the input's own.
 *
 * Position i of an output axis is at x_i of the input's (by the coordinate mode, in binary64). Interpolation
 * is a table of indices and weights per position, hence a RESAMPLE; nearest takes one element, hence a
 * GATHER. With tf_crop_and_resize positions outside the input take a value instead: as x_i is monotonic they
 * are a margin before and behind, hence a padding. */
#include "lower_ops.h"

#include <math.h>
#include <string.h>

typedef struct resize_axis {
    int64_t in, out;
    double scale;
    double begin, end; /* of the region, in units of the input's extent */
} resize_axis;

/* ---- Positions */

static double position_half_pixel(const resize_axis *a, double i)
{
    return (i + 0.5) / a->scale - 0.5;
}

static double position_half_pixel_symmetric(const resize_axis *a, double i)
{
    double adjustment = (double)a->out / (a->scale * (double)a->in);
    return (double)a->in / 2 * (1 - adjustment) + position_half_pixel(a, i);
}

static double position_pytorch(const resize_axis *a, double i)
{
    return a->out == 1 ? -0.5 : position_half_pixel(a, i);
}

static double position_align_corners(const resize_axis *a, double i)
{
    double extent = a->scale * (double)a->in;
    return extent == 1 ? 0 : i * (double)(a->in - 1) / (extent - 1);
}

static double position_asymmetric(const resize_axis *a, double i)
{
    return i / a->scale;
}

static double position_tf_nearest(const resize_axis *a, double i)
{
    return (i + 0.5) / a->scale;
}

static double position_crop(const resize_axis *a, double i)
{
    double extent = a->scale * (double)a->in, last = (double)(a->in - 1), part = a->end - a->begin;
    return a->begin * last + (extent == 1 ? part * last / 2 : i * part * last / (extent - 1));
}

typedef double (*position_fn)(const resize_axis *axis, double i);

static const struct {
    const char *name;
    position_fn position;
} coordinate_modes[] = {
    {"half_pixel", position_half_pixel},      {"half_pixel_symmetric", position_half_pixel_symmetric},
    {"pytorch_half_pixel", position_pytorch}, {"align_corners", position_align_corners},
    {"asymmetric", position_asymmetric},      {"tf_half_pixel_for_nn", position_tf_nearest},
    {"tf_crop_and_resize", position_crop},
};

/* ---- Rounding to the nearest element */

static double round_prefer_floor(double x)
{
    return ceil(x - 0.5);
}

static double round_prefer_ceil(double x)
{
    return floor(x + 0.5);
}

typedef double (*rounding_fn)(double x);

static const struct {
    const char *name;
    rounding_fn round;
} nearest_modes[] = {
    {"round_prefer_floor", round_prefer_floor},
    {"round_prefer_ceil", round_prefer_ceil},
    {"floor", floor},
    {"ceil", ceil},
};

/* ---- Interpolating functions of the distance */

typedef struct resize resize;
typedef double (*filter_fn)(const resize *r, double distance);

struct resize {
    position_fn position;
    rounding_fn round; /* NULL: interpolated by filter */
    filter_fn filter;
    double reach; /* of the filter */
    double cubic; /* its coefficient a */
    int antialias, exclude_outside;
    float extrapolation;
    resize_axis axes[CLARUS_MAX_RANK];
};

static double filter_linear(const resize *r, double t)
{
    (void)r;
    return t < 1 ? 1 - t : 0;
}

/* Keys' cubic convolution. */
static double filter_cubic(const resize *r, double t)
{
    double a = r->cubic;
    if (t <= 1)
        return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* ---- One axis */

static int64_t clamp_index(double x, int64_t extent)
{
    return x < 0 ? 0 : x > (double)(extent - 1) ? extent - 1 : (int64_t)x;
}

/* Elements from floor(x) - half + 1 to floor(x) + half; those outside repeat the border's. */
static void fill_taps(const resize *r, const resize_axis *a, double x, int64_t half, int32_t *indices,
                      float *weights)
{
    double shrink = r->antialias && a->scale < 1 ? a->scale : 1, sum = 0,
           first = floor(x) - (double)(half - 1);
    for (int pass = 0; pass < 2; pass++)
        for (int64_t t = 0; t < 2 * half; t++) {
            double at = first + (double)t, w = r->filter(r, fabs(at - x) * shrink);
            if (r->exclude_outside && (at < 0 || at > (double)(a->in - 1)))
                w = 0;
            if (pass == 0)
                sum += w;
            weights[t] = (float)(sum != 0 ? w / sum : w);
            indices[t] = (int32_t)clamp_index(at, a->in);
        }
}

static size_t interpolate(lowering *l, const resize *r, size_t x, size_t axis, int64_t first, int64_t count)
{
    const resize_axis *a = &r->axes[axis];
    double shrink = r->antialias && a->scale < 1 ? a->scale : 1;
    int64_t half = count ? (int64_t)ceil(r->reach / shrink) : 1; /* a scale that leaves nothing may be tiny */
    shape table = {.rank = 2, .dims = {count, 2 * half}}, out = lower_shape(l, x);
    int32_t *indices = lower_memory(l, count * 2 * half, sizeof *indices);
    float *weights = lower_memory(l, count * 2 * half, sizeof *weights);
    for (int64_t i = 0; i < count && weights; i++)
        fill_taps(r, a, r->position(a, (double)(first + i)), half, indices + 2 * half * i,
                  weights + 2 * half * i);
    size_t inputs[] = {x, lower_constant(l, CLARUS_INT32, &table, indices),
                       lower_constant(l, CLARUS_FLOAT32, &table, weights)};
    lowered_op op = {.kind = OP_RESAMPLE, .inputs = inputs, .input_count = 3};
    op.as.resample.axis = (int)axis;
    out.dims[axis] = count;
    return lower_emit(l, &op, lower_dtype(l, x), &out);
}

static size_t take_nearest(lowering *l, const resize *r, size_t x, size_t axis, int64_t first, int64_t count)
{
    const resize_axis *a = &r->axes[axis];
    shape table = {.rank = 1, .dims = {count}};
    int32_t *indices = lower_memory(l, count, sizeof *indices);
    for (int64_t i = 0; i < count && indices; i++)
        indices[i] =
            (int32_t)clamp_index(r->round((double)(float)r->position(a, (double)(first + i))), a->in);
    return lower_take(l, x, lower_constant(l, CLARUS_INT32, &table, indices), axis);
}

static int is_inside(const resize *r, const resize_axis *a, int64_t i)
{
    float x = (float)r->position(a, (double)i);
    return r->position != position_crop || (x >= 0 && x <= (float)(a->in - 1));
}

static int is_unchanged(const resize *r, const resize_axis *a)
{
    int same = a->in == a->out;
    for (int64_t i = 0; i < a->out && same; i++)
        same = r->position(a, (double)i) == (double)i;
    return same;
}

/* The axis resized, but for the margins outside the input: first and behind. */
static size_t resize_along(lowering *l, const resize *r, size_t x, size_t axis, int64_t *before,
                           int64_t *behind)
{
    const resize_axis *a = &r->axes[axis];
    int64_t first = 0, end = a->out;
    while (first < end && !is_inside(r, a, first))
        first++;
    while (first < end && !is_inside(r, a, end - 1))
        end--;
    *before = first;
    *behind = a->out - end;
    if (is_unchanged(r, a))
        return x;
    return r->round ? take_nearest(l, r, x, axis, first, end - first)
                    : interpolate(l, r, x, axis, first, end - first);
}

static void resize_axes(lowering *l, const resize *r, size_t x)
{
    char text[SHAPE_TEXT];
    shape in = lower_shape(l, x);
    int64_t before[CLARUS_MAX_RANK] = {0}, behind[CLARUS_MAX_RANK] = {0}, margins = 0;
    for (size_t i = 0; i < in.rank && l->status == CLARUS_OK; i++) {
        if (r->axes[i].in == 0 && r->axes[i].out > 0)
            lower_error(l, CLARUS_E_SHAPE, "%s has no element to resize on axis %zu", shape_text(&in, text),
                        i);
        if (l->status == CLARUS_OK)
            x = resize_along(l, r, x, i, &before[i], &behind[i]);
        margins += before[i] + behind[i];
    }
    uint32_t fill;
    memcpy(&fill, &r->extrapolation, sizeof fill);
    lower_bind(l, 0, margins ? lower_pad_constant(l, x, before, behind, fill) : x);
}

/* ---- The node's attributes and inputs */

static void set_scale(lowering *l, resize_axis *a, float scale)
{
    float extent = floorf(scale * (float)a->in);
    if (!(scale > 0) || !(extent < 0x1p31f)) {
        lower_error(l, CLARUS_E_SHAPE, "scale %g of an extent of %lld", (double)scale, (long long)a->in);
        return;
    }
    a->scale = (double)scale;
    a->out = (int64_t)extent;
}

/* keep_aspect_ratio_policy: all named axes by the smallest (or largest) of their scales. */
static void keep_aspect(lowering *l, resize *r, const size_t *axes, size_t count)
{
    const char *policy = lower_string(l, "keep_aspect_ratio_policy", "stretch");
    int larger = strcmp(policy, "not_smaller") == 0;
    if (strcmp(policy, "stretch") == 0 || count == 0)
        return;
    if (!larger && strcmp(policy, "not_larger") != 0)
        lower_error(l, CLARUS_E_FORMAT, "keep_aspect_ratio_policy \"%.40s\"", policy);
    double scale = r->axes[axes[0]].scale;
    for (size_t i = 1; i < count; i++) {
        double other = r->axes[axes[i]].scale;
        scale = (larger ? other > scale : other < scale) ? other : scale;
    }
    for (size_t i = 0; i < count; i++) {
        resize_axis *a = &r->axes[axes[i]];
        double extent = floor(scale * (double)a->in + 0.5);
        if (extent >= 0x1p31)
            lower_error(l, CLARUS_E_SHAPE, "scale %g of an extent of %lld", scale, (long long)a->in);
        else
            *a = (resize_axis){a->in, (int64_t)extent, scale, a->begin, a->end};
    }
}

static void read_sizes(lowering *l, resize *r, const size_t *axes, size_t count)
{
    int64_t sizes[CLARUS_MAX_RANK];
    size_t given = lower_int_input(l, 3, sizes, CLARUS_MAX_RANK);
    if (l->status == CLARUS_OK && given != count)
        lower_error(l, CLARUS_E_SHAPE, "%zu sizes for %zu axes", given, count);
    for (size_t i = 0; i < count && l->status == CLARUS_OK; i++) {
        resize_axis *a = &r->axes[axes[i]];
        if (sizes[i] < 0 || sizes[i] > INT32_MAX || (a->in == 0 && sizes[i] > 0))
            lower_error(l, CLARUS_E_SHAPE, "size %lld from an extent of %lld", (long long)sizes[i],
                        (long long)a->in);
        a->out = sizes[i];
        a->scale = a->in > 0 ? (double)sizes[i] / (double)a->in : 1;
    }
    if (l->status == CLARUS_OK)
        keep_aspect(l, r, axes, count);
}

static void read_scales(lowering *l, resize *r, size_t input, const size_t *axes, size_t count)
{
    float scales[CLARUS_MAX_RANK];
    size_t given = lower_float_input(l, input, scales, CLARUS_MAX_RANK);
    if (l->status == CLARUS_OK && given != count)
        lower_error(l, CLARUS_E_SHAPE, "%zu scales for %zu axes", given, count);
    for (size_t i = 0; i < count && l->status == CLARUS_OK; i++)
        set_scale(l, &r->axes[axes[i]], scales[i]);
}

static void read_region(lowering *l, resize *r, const size_t *axes, size_t count)
{
    float region[2 * CLARUS_MAX_RANK];
    if (r->position != position_crop)
        return;
    size_t given = lower_float_input(l, 1, region, 2 * CLARUS_MAX_RANK);
    if (l->status == CLARUS_OK && given != 2 * count)
        lower_error(l, CLARUS_E_SHAPE, "%zu numbers of a region for %zu axes", given, count);
    for (size_t i = 0; i < count && l->status == CLARUS_OK; i++) {
        r->axes[axes[i]].begin = (double)region[i];
        r->axes[axes[i]].end = (double)region[count + i];
        if (!isfinite(region[i]) || !isfinite(region[count + i]))
            lower_error(l, CLARUS_E_SHAPE, "a region from %g to %g", (double)region[i],
                        (double)region[count + i]);
    }
}

static void read_mode(lowering *l, resize *r, const char *coordinates, const char *nearest)
{
    const char *mode = lower_string(l, "mode", "nearest");
    for (size_t i = 0; i < sizeof coordinate_modes / sizeof *coordinate_modes; i++)
        if (strcmp(coordinates, coordinate_modes[i].name) == 0)
            r->position = coordinate_modes[i].position;
    if (strcmp(mode, "nearest") == 0) {
        for (size_t i = 0; i < sizeof nearest_modes / sizeof *nearest_modes; i++)
            if (strcmp(nearest, nearest_modes[i].name) == 0)
                r->round = nearest_modes[i].round;
    } else if (strcmp(mode, "linear") == 0 || strcmp(mode, "bilinear") == 0) {
        r->filter = filter_linear;
        r->reach = 1;
    } else if (strcmp(mode, "cubic") == 0) {
        r->filter = filter_cubic;
        r->reach = 2;
    }
    if (!r->position || (!r->round && !r->filter))
        lower_error(l, CLARUS_E_FORMAT, "mode \"%.40s\" with coordinates \"%.40s\" and rounding \"%.40s\"",
                    mode, coordinates, nearest);
}

static void start_axes(resize *r, const shape *in)
{
    for (size_t i = 0; i < in->rank; i++)
        r->axes[i] = (resize_axis){in->dims[i], in->dims[i], 1, 0, 1};
}

/* The axes that sizes, scales and region are given for. */
static size_t read_axes(lowering *l, size_t rank, size_t *axes)
{
    size_t count = 0;
    const int64_t *given = lower_ints(l, "axes", &count);
    unsigned char seen[CLARUS_MAX_RANK] = {0};
    count = given ? count : rank;
    if (count > rank)
        lower_error(l, CLARUS_E_SHAPE, "%zu axes of a value of %zu dimensions", count, rank);
    for (size_t i = 0; i < count && l->status == CLARUS_OK; i++) {
        axes[i] = lower_axis(l, given ? given[i] : (int64_t)i, rank);
        if (l->status == CLARUS_OK && seen[axes[i]]++)
            lower_error(l, CLARUS_E_SHAPE, "axis %zu is named twice", axes[i]);
    }
    return l->status == CLARUS_OK ? count : 0;
}

void lower_resize(lowering *l)
{
    resize r = {.cubic = (double)lower_float(l, "cubic_coeff_a", -0.75f),
                .antialias = lower_int(l, "antialias", 0) != 0,
                .exclude_outside = lower_int(l, "exclude_outside", 0) != 0,
                .extrapolation = lower_float(l, "extrapolation_value", 0)};
    size_t x = lower_input(l, 0), axes[CLARUS_MAX_RANK];
    shape in = lower_shape(l, x);
    size_t count = read_axes(l, in.rank, axes);
    int by_sizes = lower_has_input(l, 3) && lower_count(l, lower_input(l, 3)) > 0;
    start_axes(&r, &in);
    read_mode(l, &r, lower_string(l, "coordinate_transformation_mode", "half_pixel"),
              lower_string(l, "nearest_mode", "round_prefer_floor"));
    if (by_sizes)
        read_sizes(l, &r, axes, count);
    else
        read_scales(l, &r, 2, axes, count);
    read_region(l, &r, axes, count);
    if (l->status == CLARUS_OK)
        resize_axes(l, &r, x);
}

/* Before opset 11, as Upsample and as Resize: i / scale, rounded down. Up to opset 8 scales are an attribute.
 */
void lower_upsample(lowering *l)
{
    resize r = {.cubic = 0};
    size_t x = lower_input(l, 0), axes[CLARUS_MAX_RANK], count = 0;
    shape in = lower_shape(l, x);
    start_axes(&r, &in);
    read_mode(l, &r, "asymmetric", "floor");
    for (size_t i = 0; i < in.rank; i++)
        axes[i] = i;
    if (l->node->opset >= 9) {
        read_scales(l, &r, 1, axes, in.rank);
    } else {
        const float *scales = lower_floats(l, "scales", &count);
        if (count != in.rank)
            lower_error(l, CLARUS_E_SHAPE, "%zu scales for %zu axes", count, in.rank);
        for (size_t i = 0; i < in.rank && l->status == CLARUS_OK; i++)
            set_scale(l, &r.axes[i], scales[i]);
    }
    if (l->status == CLARUS_OK)
        resize_axes(l, &r, x);
}
