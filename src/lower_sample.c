/* Operators that read between elements, at positions that come as data: their positions are made in units of
 * elements by element-wise operations, one plane [points] per axis, and sampled there. */
#include "lower_ops.h"

#include "sampling.h"

#include <string.h>

/* The place of a word in a list that ends with NULL; an error if it is not there. */
static int choose(lowering *l, const char *attribute, const char *value, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    lower_error(l, CLARUS_E_FORMAT, "%s \"%.40s\"", attribute, value);
    return 0;
}

static size_t constant_row(lowering *l, const float *values, size_t count, const shape *shape)
{
    float *data = lower_memory(l, (int64_t)count, sizeof *data);
    if (!data)
        return LOWER_NONE;
    memcpy(data, values, count * sizeof *data);
    return lower_constant(l, CLARUS_FLOAT32, shape, data);
}

/* x [batch, channels, in...] at points [batch, axes, points]. */
static size_t emit_sample(lowering *l, size_t x, size_t points, sample_params p, const shape *out)
{
    size_t inputs[] = {x, points};
    shape in = lower_shape(l, x), where = lower_shape(l, points);
    lowered_op op = {.kind = OP_SAMPLE, .inputs = inputs, .input_count = 2};
    p.batch = in.dims[0];
    p.channels = in.dims[1];
    p.axes = where.dims[1];
    p.points = where.dims[2];
    for (size_t i = 0; i < SPATIAL; i++)
        p.in[i] = i + in.rank < SPATIAL + 2 ? 1 : in.dims[i + in.rank - SPATIAL];
    op.as.sample = p;
    return lower_emit(l, &op, CLARUS_FLOAT32, out);
}

/* ---- GridSample */

/* grid [N, points..., axes], the last axis' coordinate first, to [N, axes, points] in the order of the axes.
 */
static size_t grid_planes(lowering *l, size_t grid, int64_t points, int64_t axes)
{
    int64_t n = lower_shape(l, grid).dims[0];
    shape out = {.rank = 3, .dims = {n, axes, points}};
    move_part part = {.rank = 3,
                      .dims = {n, axes, points},
                      .from_offset = axes - 1,
                      .from_strides = {points * axes, -1, axes}};
    shape_strides(&out, part.to_strides);
    return lower_move(l, grid, &part, &out);
}

/* From -1 .. 1 to elements: aligned, the ends are the centres of the outer elements, else their edges. */
static size_t denormalise(lowering *l, size_t points, const shape *in, size_t axes, int aligned)
{
    float scale[SPATIAL], offset[SPATIAL];
    shape column = {.rank = 2, .dims = {(int64_t)axes, 1}};
    for (size_t i = 0; i < axes; i++) {
        offset[i] = (float)(in->dims[2 + i] - 1) / 2;
        scale[i] = aligned ? offset[i] : (float)in->dims[2 + i] / 2;
    }
    return lower_mul_add(l, points, constant_row(l, scale, axes, &column),
                         constant_row(l, offset, axes, &column));
}

void lower_grid_sample(lowering *l)
{
    static const char *const old_modes[] = {"nearest", "bilinear", "bicubic", NULL};
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    int old = l->node->opset < 20;
    size_t x = lower_input(l, 0), grid = lower_input(l, 1);
    shape in = lower_shape(l, x), g = lower_shape(l, grid), out = in;
    sample_params p = {
        .function =
            choose(l, "mode", lower_string(l, "mode", old ? "bilinear" : "linear"), old ? old_modes : modes),
        .padding = choose(l, "padding_mode", lower_string(l, "padding_mode", "zeros"), paddings),
        .aligned = lower_int(l, "align_corners", 0) != 0};
    size_t axes = in.rank - 2;
    int64_t points = 1;
    if (in.rank < 3 || axes > SPATIAL || g.rank != in.rank || g.dims[g.rank - 1] != (int64_t)axes ||
        g.dims[0] != in.dims[0] || lower_count(l, x) == 0)
        lower_error(l, CLARUS_E_SHAPE, "%s sampled at %s", shape_text(&in, a), shape_text(&g, b));
    if (l->status != CLARUS_OK)
        return;
    for (size_t i = 0; i < axes; i++)
        points *= out.dims[2 + i] = g.dims[1 + i];
    size_t planes = denormalise(l, grid_planes(l, grid, points, (int64_t)axes), &in, axes, p.aligned);
    lower_bind(l, 0, emit_sample(l, x, planes, p, &out));
}

/* ---- AffineGrid: [points, axes + 1] of normalised positions and 1, times the matrix transposed */

static float normalised(int64_t i, int64_t extent, int aligned)
{
    if (aligned)
        return extent > 1 ? (float)(2.0 * (double)i / (double)(extent - 1) - 1) : 0;
    return (float)((2.0 * (double)i + 1) / (double)extent - 1);
}

static size_t regular_grid(lowering *l, const int64_t *extents, size_t axes, int64_t points, int aligned)
{
    shape base = {.rank = 2, .dims = {points, (int64_t)axes + 1}};
    float *data = lower_memory(l, points * (int64_t)(axes + 1), sizeof *data);
    for (int64_t i = 0; i < points && data; i++) {
        int64_t rest = i;
        float *row = data + i * (int64_t)(axes + 1);
        row[axes] = 1;
        for (size_t a = axes; a-- > 0; rest /= extents[a])
            row[axes - 1 - a] = normalised(rest % extents[a], extents[a], aligned);
    }
    return lower_constant(l, CLARUS_FLOAT32, &base, data);
}

void lower_affine_grid(lowering *l)
{
    static const size_t turned[] = {0, 2, 1};
    char text[SHAPE_TEXT];
    size_t theta = lower_input(l, 0);
    shape s = lower_shape(l, theta);
    int64_t size[CLARUS_MAX_RANK], points = 1;
    size_t count = lower_int_input(l, 1, size, CLARUS_MAX_RANK), axes = count - 2;
    if (l->status == CLARUS_OK && (count < 4 || count > 5 || s.rank != 3 || s.dims[0] != size[0] ||
                                   s.dims[1] != (int64_t)axes || s.dims[2] != (int64_t)axes + 1))
        lower_error(l, CLARUS_E_SHAPE, "matrices %s for a size of %zu axes", shape_text(&s, text), count);
    if (l->status != CLARUS_OK)
        return;
    shape out = {.rank = count, .dims = {size[0]}};
    for (size_t i = 0; i < axes; i++) {
        out.dims[1 + i] = size[2 + i];
        if (size[2 + i] < 1 || size[2 + i] > INT32_MAX / points)
            lower_error(l, CLARUS_E_SHAPE, "an extent of %lld", (long long)size[2 + i]);
        else
            points *= size[2 + i];
    }
    out.dims[count - 1] = (int64_t)axes;
    size_t grid = regular_grid(l, size + 2, axes, points, lower_int(l, "align_corners", 0) != 0);
    lower_bind(l, 0, lower_view(l, lower_product(l, grid, lower_transpose(l, theta, turned)), &out));
}

/* ---- RoiAlign */

void lower_roi_align(lowering *l)
{
    static const char *const modes[] = {"avg", "max", NULL};
    static const char *const coordinates[] = {"output_half_pixel", "half_pixel", NULL};
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    size_t inputs[] = {lower_input(l, 0), lower_input(l, 2), lower_input(l, 1)};
    shape x = lower_shape(l, inputs[0]), batch = lower_shape(l, inputs[1]), rois = lower_shape(l, inputs[2]);
    lowered_op op = {.kind = OP_ROI_ALIGN, .inputs = inputs, .input_count = 3};
    roi_align_params *p = &op.as.roi_align;
    const char *mode = l->node->opset < 16 ? "output_half_pixel" : "half_pixel";
    clarus_dtype index = lower_dtype(l, inputs[1]);
    *p = (roi_align_params){.maximum = choose(l, "mode", lower_string(l, "mode", "avg"), modes),
                            .offset =
                                choose(l, "coordinate_transformation_mode",
                                       lower_string(l, "coordinate_transformation_mode", mode), coordinates)
                                    ? 0.5f
                                    : 0,
                            .scale = lower_float(l, "spatial_scale", 1),
                            .samples = lower_int(l, "sampling_ratio", 0),
                            .out_rows = lower_int(l, "output_height", 1),
                            .out_columns = lower_int(l, "output_width", 1)};
    if (x.rank != 4 || rois.rank != 2 || rois.dims[1] != 4 || batch.rank != 1 ||
        batch.dims[0] != rois.dims[0] || lower_count(l, inputs[0]) == 0 ||
        (index != CLARUS_INT64 && index != CLARUS_INT32))
        lower_error(l, CLARUS_E_SHAPE, "regions %s of %s", shape_text(&rois, a), shape_text(&x, b));
    if (p->samples < 0 || p->samples > SAMPLE_MOST || p->out_rows < 1 || p->out_rows > INT16_MAX ||
        p->out_columns < 1 || p->out_columns > INT16_MAX)
        lower_error(l, CLARUS_E_FORMAT, "%lldx%lld outputs of %lld samples", (long long)p->out_rows,
                    (long long)p->out_columns, (long long)p->samples);
    if (l->status != CLARUS_OK)
        return;
    p->batch = x.dims[0];
    p->channels = x.dims[1];
    p->rows = x.dims[2];
    p->columns = x.dims[3];
    p->regions = rois.dims[0];
    shape out = {.rank = 4, .dims = {p->regions, p->channels, p->out_rows, p->out_columns}};
    lower_bind(l, 0, lower_emit(l, &op, CLARUS_FLOAT32, &out));
}

/* ---- DeformConv: each kernel position sampled into a channel of its own, then a 1x1 convolution */

/* Where the kernel positions are without offsets: [1, 1, positions, 2, outputs]. */
static size_t kernel_positions(lowering *l, const window *w, int64_t positions, int64_t outputs)
{
    shape base = {.rank = 4, .dims = {1, positions, 2, outputs}};
    float *data = lower_memory(l, positions * 2 * outputs, sizeof *data);
    for (int64_t i = 0; i < positions * 2 * outputs && data; i++) {
        int64_t output = i % outputs, axis = 1 + i / outputs % 2, position = i / outputs / 2;
        int64_t at = axis == 1 ? output / w->out[2] : output % w->out[2];
        int64_t k = axis == 1 ? position / w->kernel[2] : position % w->kernel[2];
        data[i] = (float)(at * w->stride[axis] - w->pad_begin[axis] + k * w->dilation[axis]);
    }
    return lower_constant(l, CLARUS_FLOAT32, &base, data);
}

/* x [N, C, H, W] to [N, C * positions, out...]. */
static size_t deformed_columns(lowering *l, size_t x, const window *w, int64_t groups)
{
    static const size_t axes[] = {0, 2, 1, 3};
    shape in = lower_shape(l, x);
    int64_t positions = w->kernel[1] * w->kernel[2], outputs = w->out[1] * w->out[2];
    int64_t n = in.dims[0] * groups, channels = in.dims[1] / groups;
    shape offsets = {.rank = 4, .dims = {n, positions, 2, outputs}};
    shape points = {.rank = 3, .dims = {n, 2, positions * outputs}};
    shape planes = {.rank = 4, .dims = {n, channels, in.dims[2], in.dims[3]}};
    shape samples = {.rank = 4, .dims = {n, channels, positions, outputs}};
    shape masks = {.rank = 4, .dims = {n, 1, positions, outputs}};
    shape columns = {.rank = 4, .dims = {in.dims[0], in.dims[1] * positions, w->out[1], w->out[2]}};
    size_t where = lower_binary(l, ELTWISE_add, lower_view(l, lower_input(l, 2), &offsets),
                                kernel_positions(l, w, positions, outputs));
    where = lower_view(l, lower_transpose(l, where, axes), &points);
    sample_params p = {.function = SAMPLE_LINEAR, .padding = SAMPLE_ZEROS, .aligned = 1};
    size_t y = emit_sample(l, lower_view(l, x, &planes), where, p, &samples);
    if (lower_has_input(l, 4))
        y = lower_binary(l, ELTWISE_mul, y, lower_view(l, lower_input(l, 4), &masks));
    return lower_view(l, y, &columns);
}

static void check_deform(lowering *l, const shape *x, const shape *weights, const window *w, int64_t groups,
                         int64_t offset_groups)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    int64_t pixels = x->dims[0] * offset_groups * w->kernel[1] * w->kernel[2] * w->out[1] * w->out[2];
    shape bias = lower_shape(l, lower_has_input(l, 3) ? lower_input(l, 3) : LOWER_NONE);
    if (lower_has_input(l, 3) && (bias.rank != 1 || bias.dims[0] != weights->dims[0]))
        lower_error(l, CLARUS_E_SHAPE, "bias %s for %lld output channels", shape_text(&bias, a),
                    (long long)weights->dims[0]);
    if (groups < 1 || offset_groups < 1 || x->dims[1] % groups || x->dims[1] % offset_groups ||
        weights->dims[1] != x->dims[1] / groups || weights->dims[0] % groups ||
        lower_count(l, lower_input(l, 0)) == 0)
        lower_error(l, CLARUS_E_SHAPE, "input %s with weights %s in %lld groups, %lld for offsets",
                    shape_text(x, a), shape_text(weights, b), (long long)groups, (long long)offset_groups);
    else if (lower_count(l, lower_input(l, 2)) != 2 * pixels ||
             (lower_has_input(l, 4) && lower_count(l, lower_input(l, 4)) != pixels))
        lower_error(l, CLARUS_E_SHAPE, "%lld offsets for %lld positions",
                    (long long)lower_count(l, lower_input(l, 2)), (long long)pixels);
}

void lower_deform_conv(lowering *l)
{
    size_t x = lower_input(l, 0), weights = lower_input(l, 1);
    shape in = lower_shape(l, x), s = lower_shape(l, weights);
    int64_t groups = lower_int(l, "group", 1), offset_groups = lower_int(l, "offset_group", 1);
    window w;
    if (in.rank != 4 || s.rank != 4)
        lower_error(l, CLARUS_E_UNSUPPORTED, "an input of %zu axes; only pictures are supported", in.rank);
    lower_window(l, &in, s.dims + 2, &w);
    if (l->status == CLARUS_OK)
        check_deform(l, &in, &s, &w, groups, offset_groups);
    lower_check_finite(l, weights, 1);
    if (l->status != CLARUS_OK)
        return;
    size_t bias = lower_has_input(l, 3) ? lower_input(l, 3) : LOWER_NONE;
    shape flat = {.rank = 4, .dims = {s.dims[0], s.dims[1] * s.dims[2] * s.dims[3], 1, 1}};
    window one = {.kernel = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}};
    memcpy(one.in, w.out, sizeof one.in);
    memcpy(one.out, w.out, sizeof one.out);
    lower_bind(l, 0,
               lower_convolve(l, deformed_columns(l, x, &w, offset_groups), lower_view(l, weights, &flat),
                              bias, groups, &one));
}
