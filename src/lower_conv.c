/* Convolution and pooling: attributes to a window over three spatial axes. */
#include "lower_ops.h"
#include "winograd.h"

#include <stdio.h>
#include <string.h>

/* "5x5" */
static char *extents_text(const int64_t *extents, size_t count, char *text)
{
    shape s = {.rank = count};
    memcpy(s.dims, extents, count * sizeof *extents);
    return shape_text(&s, text);
}

void lower_extents(lowering *l, const char *name, size_t axes, int64_t otherwise, int64_t *values)
{
    enum { MOST = 1 << 30 };
    size_t count;
    const int64_t *given = lower_ints(l, name, &count);
    if (given && count != axes)
        lower_error(l, CLARUS_E_FORMAT, "%s has %zu numbers for %zu spatial axes", name, count, axes);
    for (size_t i = 0; i < axes; i++) {
        values[i] = given && count == axes ? given[i] : otherwise;
        if (values[i] < 1 || values[i] > MOST)
            lower_error(l, CLARUS_E_FORMAT, "%s: %lld", name, (long long)values[i]);
    }
}

void lower_pads(lowering *l, size_t axes, int64_t *begin, int64_t *end)
{
    enum { MOST = 1 << 30 };
    size_t count;
    const int64_t *pads = lower_ints(l, "pads", &count);
    if (pads && count != 2 * axes)
        lower_error(l, CLARUS_E_FORMAT, "pads has %zu numbers for %zu spatial axes", count, axes);
    for (size_t i = 0; i < axes && pads && count == 2 * axes; i++) {
        begin[i] = pads[i];
        end[i] = pads[axes + i];
        if (begin[i] < 0 || end[i] < 0 || begin[i] > MOST || end[i] > MOST)
            lower_error(l, CLARUS_E_UNSUPPORTED, "pads %lld and %lld", (long long)begin[i],
                        (long long)end[i]);
    }
}

/* auto_pad SAME: as many outputs as input / stride rounded up, the odd pad behind (UPPER) or before (LOWER).
 */
static void pad_same(window *w, size_t axis, int lower)
{
    w->out[axis] = (w->in[axis] + w->stride[axis] - 1) / w->stride[axis];
    int64_t reach = (w->kernel[axis] - 1) * w->dilation[axis] + 1;
    int64_t total = (w->out[axis] - 1) * w->stride[axis] + reach - w->in[axis];
    total = total < 0 ? 0 : total;
    w->pad_begin[axis] = (total + lower) / 2;
    w->pad_end[axis] = total - w->pad_begin[axis];
}

/* Outputs along an axis; with ceil_mode a last window that hangs over the end counts if it starts before the
 * end of the input and the padding before it. */
static void count_outputs(window *w, size_t axis, int ceil_mode)
{
    int64_t reach = (w->kernel[axis] - 1) * w->dilation[axis] + 1;
    int64_t room = w->in[axis] + w->pad_begin[axis] + w->pad_end[axis] - reach;
    int64_t stride = w->stride[axis];
    if (room < 0) {
        w->out[axis] = 0;
        return;
    }
    w->out[axis] = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (ceil_mode && (w->out[axis] - 1) * stride >= w->in[axis] + w->pad_begin[axis])
        w->out[axis]--;
}

static void resolve_padding(lowering *l, window *w, size_t first, int ceil_mode)
{
    const char *mode = lower_string(l, "auto_pad", "NOTSET");
    int upper = strcmp(mode, "SAME_UPPER") == 0, lower = strcmp(mode, "SAME_LOWER") == 0;
    if (!upper && !lower && strcmp(mode, "NOTSET") != 0 && strcmp(mode, "VALID") != 0)
        lower_error(l, CLARUS_E_FORMAT, "auto_pad \"%.40s\"", mode);
    if (strcmp(mode, "NOTSET") == 0)
        lower_pads(l, SPATIAL - first, w->pad_begin + first, w->pad_end + first);
    for (size_t i = first; i < SPATIAL && l->status == CLARUS_OK; i++) {
        if (upper || lower)
            pad_same(w, i, lower);
        else
            count_outputs(w, i, ceil_mode);
    }
}

void lower_window(lowering *l, const shape *x, const int64_t *kernel, window *w)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT], c[SHAPE_TEXT];
    if (x->rank < 3 || x->rank > 2 + SPATIAL)
        lower_error(l, CLARUS_E_UNSUPPORTED, "input %s: 1 to 3 spatial axes are supported", shape_text(x, a));
    if (l->status != CLARUS_OK)
        return;
    size_t axes = x->rank - 2, first = SPATIAL - axes;
    memset(w, 0, sizeof *w);
    for (size_t i = 0; i < SPATIAL; i++)
        w->kernel[i] = w->stride[i] = w->dilation[i] = w->in[i] = w->out[i] = 1;
    memcpy(w->in + first, x->dims + 2, axes * sizeof *w->in);
    lower_extents(l, "strides", axes, 1, w->stride + first);
    lower_extents(l, "dilations", axes, 1, w->dilation + first);
    if (kernel)
        memcpy(w->kernel + first, kernel, axes * sizeof *w->kernel);
    else
        lower_extents(l, "kernel_shape", axes, 0, w->kernel + first);
    if (l->status != CLARUS_OK)
        return;
    resolve_padding(l, w, first, lower_int(l, "ceil_mode", 0) != 0);
    for (size_t i = first; i < SPATIAL; i++)
        if (w->out[i] < 1)
            lower_error(l, CLARUS_E_SHAPE, "kernel %s with dilation %s is larger than the padded input %s",
                        extents_text(w->kernel + first, axes, a), extents_text(w->dilation + first, axes, b),
                        shape_text(x, c));
}

static shape window_shape(const shape *x, int64_t channels, const window *w)
{
    shape out = {.rank = x->rank, .dims = {x->dims[0], channels}};
    memcpy(out.dims + 2, w->out + SPATIAL - (x->rank - 2), (x->rank - 2) * sizeof *out.dims);
    return out;
}

void lower_check_conv(lowering *l, const shape *x, const shape *w, int64_t groups)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    if (x->rank < 3 || x->rank != w->rank)
        lower_error(l, CLARUS_E_SHAPE, "input %s with weights %s", shape_text(x, a), shape_text(w, b));
    else if (groups < 1 || x->dims[1] % groups || w->dims[0] % groups || w->dims[1] != x->dims[1] / groups ||
             w->dims[0] < 1 || w->dims[1] < 1)
        lower_error(l, CLARUS_E_SHAPE, "input %s with weights %s in %lld groups", shape_text(x, a),
                    shape_text(w, b), (long long)groups);
    for (size_t i = 2; i < w->rank && l->status == CLARUS_OK; i++)
        if (w->dims[i] < 1 || w->dims[i] > INT32_MAX)
            lower_error(l, CLARUS_E_SHAPE, "weights %s", shape_text(w, b));
}

static size_t emit_conv(lowering *l, size_t x, size_t weights, size_t bias, int64_t groups, const window *w,
                        int may_choose)
{
    shape in = lower_shape(l, x), kernels = lower_shape(l, weights);
    if (in.rank == 4 && groups > 1 && in.dims[1] == groups && kernels.dims[0] > groups) {
        /* Several outputs a channel: as many channels, each with an output of its own. */
        x = lower_repeat(l, x, 1, kernels.dims[0] / groups);
        in = lower_shape(l, x);
        groups = in.dims[1];
    }
    size_t inputs[] = {x, weights, bias};
    lowered_op op = {.kind = OP_CONV, .inputs = inputs, .input_count = bias == LOWER_NONE ? 2 : 3};
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    op.epilogue.has_bias = bias != LOWER_NONE;
    op.as.conv = (conv_params){.batch = in.dims[0],
                               .groups = groups,
                               .in_channels = in.dims[1],
                               .out_channels = kernels.dims[0],
                               .window = *w};
    if (may_choose && in.rank == 4 && lower_is_constant(l, weights) &&
        (bias == LOWER_NONE || lower_is_constant(l, bias)))
        op.as.conv.algorithm = winograd_choose(&op.as.conv);
    shape out = window_shape(&in, kernels.dims[0], w);
    return lower_emit(l, &op, CLARUS_FLOAT32, &out);
}

size_t lower_convolve(lowering *l, size_t x, size_t weights, size_t bias, int64_t groups, const window *w)
{
    return emit_conv(l, x, weights, bias, groups, w, 1);
}

size_t lower_convolve_directly(lowering *l, size_t x, size_t weights, size_t bias, int64_t groups,
                               const window *w)
{
    return emit_conv(l, x, weights, bias, groups, w, 0);
}

size_t lower_bias(lowering *l, int64_t channels)
{
    char text[SHAPE_TEXT];
    size_t bias = lower_has_input(l, 2) ? lower_input(l, 2) : LOWER_NONE;
    shape s = lower_shape(l, bias);
    if (bias != LOWER_NONE && (s.rank != 1 || s.dims[0] != channels))
        lower_error(l, CLARUS_E_SHAPE, "bias %s for %lld output channels", shape_text(&s, text),
                    (long long)channels);
    return bias;
}

void lower_conv(lowering *l)
{
    size_t x = lower_input(l, 0), weights = lower_input(l, 1);
    shape in = lower_shape(l, x), w = lower_shape(l, weights);
    int64_t groups = lower_int(l, "group", 1);
    window window;
    lower_check_conv(l, &in, &w, groups);
    lower_check_finite(l, weights, 1);
    lower_window(l, &in, w.dims + 2, &window);
    size_t bias = lower_bias(l, w.dims[0]);
    if (l->status == CLARUS_OK)
        lower_bind(l, 0, lower_convolve(l, x, weights, bias, groups, &window));
}

/* 1 if the window at `start` has a tap inside the input. */
static int has_tap(const window *w, size_t axis, int64_t start)
{
    int64_t skipped = start < 0 ? (-start + w->dilation[axis] - 1) / w->dilation[axis] : 0;
    return skipped < w->kernel[axis] && start + skipped * w->dilation[axis] < w->in[axis];
}

/* A window that lies in the padding alone has no maximum and no average. Only those that start before the
 * input can, and the last. */
static void check_windows(lowering *l, const window *w)
{
    for (size_t i = 0; i < SPATIAL; i++) {
        int64_t start = -w->pad_begin[i], last = start + (w->out[i] - 1) * w->stride[i];
        int inside = has_tap(w, i, last);
        for (; start < 0 && start <= last && inside; start += w->stride[i])
            inside = has_tap(w, i, start);
        if (!inside)
            lower_error(l, CLARUS_E_UNSUPPORTED, "a window of %lld at stride %lld lies in the padding alone",
                        (long long)w->kernel[i], (long long)w->stride[i]);
    }
}

static size_t emit_pool(lowering *l, size_t x, const pool_params *pool, clarus_dtype dtype)
{
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    shape in = lower_shape(l, x), out = window_shape(&in, in.dims[1], &pool->window);
    lowered_op op = {.kind = OP_POOL, .inputs = &x, .input_count = 1, .as.pool = *pool};
    op.as.pool.batch = in.dims[0];
    op.as.pool.channels = in.dims[1];
    return lower_emit(l, &op, dtype, &out);
}

void lower_pool(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    clarus_dtype dtype = lower_dtype(l, x);
    pool_params pool = {.function = (pool_function)l->row->parameter};
    pool.count_padding = pool.function == POOL_AVERAGE && lower_int(l, "count_include_pad", 0);
    lower_window(l, &in, NULL, &pool.window);
    if (l->status == CLARUS_OK)
        check_windows(l, &pool.window);
    if (l->status != CLARUS_OK)
        return;
    if (clarus_dtype_size(dtype) == 1) /* float32 holds every value */
        x = lower_convert(l, x, CLARUS_FLOAT32);
    lower_bind(l, 0, lower_convert(l, emit_pool(l, x, &pool, CLARUS_FLOAT32), dtype));
    if (l->node->output_count > 1 && l->node->outputs[1] != GRAPH_NONE) {
        pool.function = POOL_INDEX;
        pool.column_major = lower_int(l, "storage_order", 0) != 0;
        lower_bind(l, 1, emit_pool(l, x, &pool, CLARUS_INT64));
    }
}

/* |x|^p; of the sums the p-th root. */
static size_t powers(lowering *l, size_t x, float p)
{
    if (p == 2)
        return lower_binary(l, ELTWISE_mul, x, x);
    x = lower_unary(l, ELTWISE_abs, x, 0, 0);
    return p == 1 ? x : lower_binary(l, ELTWISE_pow, x, lower_scalar(l, p));
}

static size_t roots(lowering *l, size_t x, float p)
{
    if (p == 1)
        return x;
    return p == 2 ? lower_unary(l, ELTWISE_sqrt, x, 0, 0)
                  : lower_binary(l, ELTWISE_pow, x, lower_scalar(l, 1 / p));
}

/* p is a number of either kind, by opset. */
static float read_power(lowering *l)
{
    float p = l->node->opset < 2 ? lower_float(l, "p", 2) : (float)lower_int(l, "p", 2);
    if (!(p > 0))
        lower_error(l, CLARUS_E_FORMAT, "p: %g", (double)p);
    return p;
}

void lower_lp_pool(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    float p = read_power(l);
    pool_params pool = {.function = POOL_SUM};
    lower_window(l, &in, NULL, &pool.window);
    if (l->status == CLARUS_OK)
        lower_bind(l, 0, roots(l, emit_pool(l, powers(l, x, p), &pool, CLARUS_FLOAT32), p));
}

static void spatial_axes(lowering *l, const shape *in, unsigned char *axes)
{
    char text[SHAPE_TEXT];
    if (in->rank < 3)
        lower_error(l, CLARUS_E_SHAPE, "input %s has no spatial axes", shape_text(in, text));
    for (size_t i = 2; i < in->rank; i++)
        axes[i] = 1;
}

void lower_global_lp_pool(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    float p = read_power(l);
    spatial_axes(l, &in, axes);
    lower_bind(l, 0, roots(l, lower_reduce_axes(l, REDUCE_SUM, powers(l, x, p), axes), p));
}

/* The mean or the maximum over the spatial axes. */
void lower_global_pool(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    spatial_axes(l, &in, axes);
    lower_bind(l, 0, lower_reduce_axes(l, (reduce_function)l->row->parameter, x, axes));
}
