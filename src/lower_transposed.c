/* ConvTranspose: the convolution whose input has stride - 1 zeros between its elements, with the kernel
 * mirrored and the roles of its channels exchanged. The zeros change no sums (numerics.md section 4). */
#include "lower_ops.h"

#include <string.h>

/* Weights [C, M / groups, kernel...] to [M, C / groups, kernel mirrored]. */
static size_t mirror_weights(lowering *l, size_t weights, int64_t groups)
{
    shape in = lower_shape(l, weights), out = in;
    int64_t from[CLARUS_MAX_RANK], to[CLARUS_MAX_RANK], own = in.dims[0] / groups, made = in.dims[1];
    out.dims[0] = made * groups;
    out.dims[1] = own;
    shape_strides(&in, from);
    shape_strides(&out, to);
    move_part part = {.rank = in.rank + 1,
                      .dims = {groups, made, own},
                      .from_strides = {own * from[0], from[1], from[0]},
                      .to_strides = {made * to[0], to[0], to[1]}};
    for (size_t i = 2; i < in.rank; i++) {
        part.dims[i + 1] = in.dims[i];
        part.from_offset += (in.dims[i] - 1) * from[i];
        part.from_strides[i + 1] = -from[i];
        part.to_strides[i + 1] = to[i];
    }
    return lower_move(l, weights, &part, &out);
}

/* x with stride - 1 zeros between its elements. */
static size_t insert_zeros(lowering *l, size_t x, const int64_t *strides)
{
    shape in = lower_shape(l, x), out = in;
    int64_t count;
    lowered_op op = {.kind = OP_MOVE, .inputs = &x, .input_count = 1};
    move_part *part = lower_memory(l, 1, sizeof *part);
    for (size_t i = 2; i < in.rank; i++)
        out.dims[i] = (in.dims[i] - 1) * strides[i - 2] + 1;
    if (!shape_count(&out, &count))
        lower_error(l, CLARUS_E_SHAPE, "the input with its zeros is too large");
    if (l->status != CLARUS_OK || shape_equal(&in, &out))
        return x;
    *part = (move_part){.rank = in.rank};
    memcpy(part->dims, in.dims, sizeof in.dims);
    shape_strides(&in, part->from_strides);
    shape_strides(&out, part->to_strides);
    for (size_t i = 2; i < in.rank; i++)
        part->to_strides[i] *= strides[i - 2];
    op.as.move = (move_params){.parts = part, .concat_axis = -1};
    return lower_emit(l, &op, lower_dtype(l, x), &out);
}

typedef struct transposed {
    size_t axes;
    int64_t stride[SPATIAL], dilation[SPATIAL], kernel[SPATIAL];
    int64_t begin[SPATIAL], end[SPATIAL], extra[SPATIAL], wanted[SPATIAL]; /* wanted 0: by the padding */
} transposed;

static void read_extra(lowering *l, const char *name, size_t axes, int64_t *values)
{
    size_t count;
    const int64_t *given = lower_ints(l, name, &count);
    if (given && count < axes)
        lower_error(l, CLARUS_E_FORMAT, "%s has %zu numbers for %zu spatial axes", name, count, axes);
    for (size_t i = 0; i < axes && given && l->status == CLARUS_OK; i++) {
        values[i] = given[count - axes + i];
        if (values[i] < 0 || values[i] > INT32_MAX)
            lower_error(l, CLARUS_E_FORMAT, "%s: %lld", name, (long long)values[i]);
    }
}

/* The padding that an extent of the output asks for; the odd one behind (UPPER) or before. */
static void pad_for_outputs(transposed *t, const shape *in, int upper)
{
    for (size_t i = 0; i < t->axes; i++) {
        int64_t whole =
            t->stride[i] * (in->dims[2 + i] - 1) + t->extra[i] + (t->kernel[i] - 1) * t->dilation[i] + 1;
        if (t->wanted[i] == 0)
            continue;
        int64_t total = whole - t->wanted[i], half = total >= 0 ? total / 2 : -((1 - total) / 2);
        t->begin[i] = upper ? half : total - half;
        t->end[i] = total - t->begin[i];
    }
}

static void read_transposed(lowering *l, const shape *in, const shape *weights, transposed *t)
{
    const char *mode = lower_string(l, "auto_pad", "NOTSET");
    int upper = strcmp(mode, "SAME_UPPER") == 0, same = upper || strcmp(mode, "SAME_LOWER") == 0;
    t->axes = in->rank - 2;
    lower_extents(l, "strides", t->axes, 1, t->stride);
    lower_extents(l, "dilations", t->axes, 1, t->dilation);
    memcpy(t->kernel, weights->dims + 2, t->axes * sizeof *t->kernel);
    read_extra(l, "output_padding", t->axes, t->extra);
    read_extra(l, "output_shape", t->axes, t->wanted);
    if (!same && strcmp(mode, "NOTSET") != 0 && strcmp(mode, "VALID") != 0)
        lower_error(l, CLARUS_E_FORMAT, "auto_pad \"%.40s\"", mode);
    if (strcmp(mode, "NOTSET") == 0)
        lower_pads(l, t->axes, t->begin, t->end);
    if (l->status != CLARUS_OK)
        return;
    for (size_t i = 0; i < t->axes && same; i++)
        t->wanted[i] = t->wanted[i] ? t->wanted[i] : in->dims[2 + i] * t->stride[i];
    pad_for_outputs(t, in, upper);
}

/* Padding of the convolution, which is what the kernel reaches beyond the input less the node's; what is less
 * than none is cut from x. */
static size_t convolve_transposed(lowering *l, const transposed *t, size_t x, size_t weights, size_t bias,
                                  int64_t groups)
{
    int64_t cut_begin[CLARUS_MAX_RANK] = {0}, cut_end[CLARUS_MAX_RANK] = {0}, cuts = 0;
    window w = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0}, {0}, {1, 1, 1}, {1, 1, 1}};
    for (size_t i = 0; i < t->axes; i++) {
        size_t axis = SPATIAL - t->axes + i;
        int64_t reach = (t->kernel[i] - 1) * t->dilation[i];
        int64_t begin = reach - t->begin[i], end = reach - t->end[i] + t->extra[i];
        cut_begin[2 + i] = begin < 0 ? begin : 0;
        cut_end[2 + i] = end < 0 ? end : 0;
        cuts += cut_begin[2 + i] + cut_end[2 + i];
        w.kernel[axis] = t->kernel[i];
        w.dilation[axis] = t->dilation[i];
        w.pad_begin[axis] = begin < 0 ? 0 : begin;
        w.pad_end[axis] = end < 0 ? 0 : end;
    }
    x = insert_zeros(l, x, t->stride);
    x = cuts ? lower_pad_constant(l, x, cut_begin, cut_end, 0) : x;
    shape in = lower_shape(l, x);
    for (size_t i = 0; i < t->axes; i++) {
        size_t axis = SPATIAL - t->axes + i;
        w.in[axis] = in.dims[2 + i];
        w.out[axis] =
            w.in[axis] + w.pad_begin[axis] + w.pad_end[axis] - (w.kernel[axis] - 1) * w.dilation[axis];
        if (w.out[axis] < 1)
            lower_error(l, CLARUS_E_SHAPE, "pads %lld and %lld leave no output", (long long)t->begin[i],
                        (long long)t->end[i]);
    }
    return l->status == CLARUS_OK ? lower_convolve(l, x, mirror_weights(l, weights, groups), bias, groups, &w)
                                  : LOWER_NONE;
}

void lower_conv_transpose(lowering *l)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    size_t x = lower_input(l, 0), weights = lower_input(l, 1);
    shape in = lower_shape(l, x), w = lower_shape(l, weights);
    int64_t groups = lower_int(l, "group", 1);
    transposed t = {.axes = 0};
    if (in.rank < 3 || in.rank > 2 + SPATIAL || in.rank != w.rank || groups < 1 || in.dims[1] % groups ||
        w.dims[0] != in.dims[1] || lower_count(l, x) == 0 || lower_count(l, weights) == 0 ||
        w.dims[1] > INT32_MAX / groups)
        lower_error(l, CLARUS_E_SHAPE, "input %s with weights %s in %lld groups", shape_text(&in, a),
                    shape_text(&w, b), (long long)groups);
    lower_check_finite(l, weights, 1);
    if (l->status != CLARUS_OK)
        return;
    read_transposed(l, &in, &w, &t);
    size_t bias = lower_bias(l, w.dims[1] * groups);
    if (l->status == CLARUS_OK)
        lower_bind(l, 0, convolve_transposed(l, &t, x, weights, bias, groups));
}
