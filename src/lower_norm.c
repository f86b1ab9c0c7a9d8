/* Normalisations, as chains of reductions and element-wise operations (numerics.md section 6). */
#include "lower_ops.h"

#include <math.h>
#include <string.h>

/* A parameter of C values in the shape [C, 1, 1, ...] that broadcasts over [N, C, spatial...]. */
static size_t per_channel(lowering *l, size_t i, const shape *x)
{
    char text[SHAPE_TEXT];
    size_t p = lower_input(l, i);
    shape s = lower_shape(l, p), wide = {.rank = x->rank - 1};
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    if (s.rank != 1 || s.dims[0] != x->dims[1]) {
        lower_error(l, CLARUS_E_SHAPE, "parameter \"%s\" of shape %s for %lld channels",
                    l->node->input_names[i], shape_text(&s, text), (long long)x->dims[1]);
        return LOWER_NONE;
    }
    for (size_t k = 0; k < wide.rank; k++)
        wide.dims[k] = k ? 1 : x->dims[1];
    return lower_view(l, p, &wide);
}

static int check_channels(lowering *l, const shape *x)
{
    char text[SHAPE_TEXT];
    if (l->status == CLARUS_OK && x->rank < 2)
        lower_error(l, CLARUS_E_SHAPE, "input %s has no channels", shape_text(x, text));
    return l->status == CLARUS_OK;
}

/* scale / sqrt(var + epsilon) and offset - mean * that, in binary64 from constants. */
static void fold_statistics(lowering *l, const shape *x, const float *const p[4], float epsilon,
                            size_t factor[2])
{
    int64_t channels = x->dims[1];
    shape wide = {.rank = x->rank - 1, .dims = {channels}};
    float *s = lower_memory(l, channels, sizeof *s), *t = lower_memory(l, channels, sizeof *t);
    if (!s || !t)
        return;
    for (size_t k = 1; k < wide.rank; k++)
        wide.dims[k] = 1;
    for (int64_t c = 0; c < channels; c++) {
        double scale = (double)p[0][c] / sqrt((double)p[3][c] + (double)epsilon);
        double shift = (double)p[2][c] * scale;
        s[c] = (float)scale;
        t[c] = (float)((double)p[1][c] - shift);
    }
    factor[0] = lower_constant(l, CLARUS_FLOAT32, &wide, s);
    factor[1] = lower_constant(l, CLARUS_FLOAT32, &wide, t);
}

/* The same in float32 from values that are not constant. */
static void compute_statistics(lowering *l, const size_t p[4], float epsilon, size_t factor[2])
{
    size_t deviation =
        lower_unary(l, ELTWISE_sqrt, lower_binary(l, ELTWISE_add, p[3], lower_scalar(l, epsilon)), 0, 0);
    factor[0] = lower_binary(l, ELTWISE_div, p[0], deviation);
    factor[1] = lower_binary(l, ELTWISE_sub, p[1], lower_binary(l, ELTWISE_mul, p[2], factor[0]));
}

/* x * s + t; a note keeps the parameters for folding into a convolution. */
void lower_batch_norm(lowering *l)
{
    size_t x = lower_input(l, 0), parameters[4], factor[2] = {LOWER_NONE, LOWER_NONE};
    const float *data[4];
    shape in = lower_shape(l, x);
    float epsilon = lower_float(l, "epsilon", 1e-5f);
    int constant = 1;
    if (lower_int(l, "training_mode", 0))
        lower_error(l, CLARUS_E_UNSUPPORTED, "training mode");
    if (!lower_int(l, "spatial", 1))
        lower_error(l, CLARUS_E_UNSUPPORTED, "statistics per element (spatial = 0)");
    if (!check_channels(l, &in))
        return;
    for (size_t i = 0; i < 4; i++) {
        parameters[i] = per_channel(l, 1 + i, &in);
        data[i] = lower_data(l, parameters[i]);
        constant = constant && data[i] && lower_dtype(l, parameters[i]) == CLARUS_FLOAT32;
    }
    if (constant)
        fold_statistics(l, &in, data, epsilon, factor);
    else
        compute_statistics(l, parameters, epsilon, factor);
    size_t y = lower_mul_add(l, x, factor[0], factor[1]);
    lower_note *note = constant ? lower_add_note(l, NOTE_BATCH_NORM, y) : NULL;
    if (note) {
        note->scale = data[0];
        note->offset = data[1];
        note->mean = data[2];
        note->var = data[3];
        note->epsilon = epsilon;
    }
    lower_bind(l, 0, y);
}

typedef struct normalized {
    size_t value, mean, reciprocal; /* (x - mean) * reciprocal */
} normalized;

/* Mean 0 and variance 1 over the marked axes, as LayerNormalization is specified. */
static normalized normalize(lowering *l, size_t x, const unsigned char *axes, float epsilon)
{
    shape in = lower_shape(l, x);
    int64_t count = 1;
    for (size_t i = 0; i < in.rank; i++)
        count *= axes[i] ? in.dims[i] : 1;
    normalized n = {.mean = lower_reduce_axes(l, REDUCE_MEAN, x, axes)};
    size_t d = lower_binary(l, ELTWISE_sub, x, n.mean);
    size_t v = lower_reduce_axes(l, REDUCE_SUM_SQUARE, d, axes);
    v = lower_binary(l, ELTWISE_div, v, lower_scalar(l, (float)count));
    v = lower_binary(l, ELTWISE_add, v, lower_scalar(l, epsilon));
    n.reciprocal = lower_unary(l, ELTWISE_reciprocal, lower_unary(l, ELTWISE_sqrt, v, 0, 0), 0, 0);
    n.value = lower_binary(l, ELTWISE_mul, d, n.reciprocal);
    return n;
}

void lower_instance_norm(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    if (!check_channels(l, &in))
        return;
    memset(axes + 2, 1, in.rank - 2);
    size_t n = normalize(l, x, axes, lower_float(l, "epsilon", 1e-5f)).value;
    lower_bind(l, 0, lower_mul_add(l, n, per_channel(l, 1, &in), per_channel(l, 2, &in)));
}

/* Groups of neighbouring channels; scale and bias per group up to opset 20, per channel since 21. */
void lower_group_norm(lowering *l)
{
    unsigned char axes[3] = {0, 0, 1};
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x), grouped = {.rank = 3};
    int64_t groups = lower_int(l, "num_groups", 0), count = lower_count(l, x);
    if (!check_channels(l, &in))
        return;
    if (groups < 1 || in.dims[1] % groups || count == 0) {
        lower_error(l, CLARUS_E_SHAPE, "%lld channels in %lld groups", (long long)in.dims[1],
                    (long long)groups);
        return;
    }
    grouped.dims[0] = in.dims[0];
    grouped.dims[1] = groups;
    grouped.dims[2] = count / in.dims[0] / groups;
    size_t n = normalize(l, lower_view(l, x, &grouped), axes, lower_float(l, "epsilon", 1e-5f)).value;
    if (l->node->opset < 21) {
        n = lower_mul_add(l, n, per_channel(l, 1, &grouped), per_channel(l, 2, &grouped));
        lower_bind(l, 0, lower_view(l, n, &in));
        return;
    }
    n = lower_view(l, n, &in);
    lower_bind(l, 0, lower_mul_add(l, n, per_channel(l, 1, &in), per_channel(l, 2, &in)));
}

/* If parameter i is given and has the shape of the normalised axes, from `axis` on. */
static int covers_axes(lowering *l, size_t i, const shape *x, size_t axis)
{
    shape s = lower_shape(l, lower_input(l, i));
    size_t rank = x->rank - axis;
    return s.rank == rank && memcmp(s.dims, x->dims + axis, rank * sizeof *s.dims) == 0;
}

/* Normalised, scaled and shifted in one operation; LOWER_NONE if the parameters are broadcast. */
static size_t layer_norm(lowering *l, size_t x, size_t axis, float epsilon)
{
    shape in = lower_shape(l, x);
    int has_bias = lower_has_input(l, 2);
    int64_t count = 1;
    for (size_t i = axis; i < in.rank; i++)
        count *= in.dims[i];
    if (!covers_axes(l, 1, &in, axis) || (has_bias && !covers_axes(l, 2, &in, axis)))
        return LOWER_NONE;
    size_t inputs[3] = {x, lower_input(l, 1), has_bias ? lower_input(l, 2) : LOWER_NONE};
    lowered_op op = {.kind = OP_LAYER_NORM, .inputs = inputs, .input_count = has_bias ? 3 : 2};
    op.as.layer_norm = (layer_norm_params){count, epsilon};
    return lower_emit(l, &op, CLARUS_FLOAT32, &in);
}

/* Over the axes from `axis` on. Mean and reciprocal deviation are further outputs. */
void lower_layer_norm(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    size_t axis = lower_axis(l, lower_int(l, "axis", -1), in.rank);
    float epsilon = lower_float(l, "epsilon", 1e-5f);
    if (l->status != CLARUS_OK)
        return;
    size_t y = layer_norm(l, x, axis, epsilon);
    if (y != LOWER_NONE && l->node->output_count == 1) {
        lower_bind(l, 0, y);
        return;
    }
    memset(axes + axis, 1, in.rank - axis);
    normalized n = normalize(l, x, axes, epsilon);
    if (y == LOWER_NONE) {
        y = lower_binary(l, ELTWISE_mul, n.value, lower_input(l, 1));
        if (lower_has_input(l, 2))
            y = lower_binary(l, ELTWISE_add, y, lower_input(l, 2));
    }
    lower_bind(l, 0, y);
    lower_bind(l, 1, n.mean);
    lower_bind(l, 2, n.reciprocal);
}

/* x / sqrt(mean of squares + epsilon), then the scale. */
void lower_rms_norm(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    size_t axis = lower_axis(l, lower_int(l, "axis", -1), in.rank);
    int64_t count = 1;
    if (l->status != CLARUS_OK)
        return;
    memset(axes + axis, 1, in.rank - axis);
    for (size_t i = axis; i < in.rank; i++)
        count *= in.dims[i];
    size_t v = lower_reduce_axes(l, REDUCE_SUM_SQUARE, x, axes);
    v = lower_binary(l, ELTWISE_div, v, lower_scalar(l, (float)count));
    v = lower_binary(l, ELTWISE_add, v, lower_scalar(l, lower_float(l, "epsilon", 1e-5f)));
    v = lower_unary(l, ELTWISE_reciprocal, lower_unary(l, ELTWISE_sqrt, v, 0, 0), 0, 0);
    lower_bind(l, 0, lower_binary(l, ELTWISE_mul, lower_binary(l, ELTWISE_mul, x, v), lower_input(l, 1)));
}

/* The average of squares over `size` neighbouring channels: a pooling along the channel axis. */
static size_t average_over_channels(lowering *l, size_t q, int64_t size)
{
    shape in = lower_shape(l, q), plane = {.rank = 4, .dims = {in.dims[0], 1, in.dims[1], 1}};
    for (size_t i = 2; i < in.rank; i++)
        plane.dims[3] *= in.dims[i];
    size_t x = lower_view(l, q, &plane);
    lowered_op op = {.kind = OP_POOL, .inputs = &x, .input_count = 1};
    op.as.pool = (pool_params){POOL_AVERAGE,
                               1,
                               0,
                               in.dims[0],
                               1,
                               {.kernel = {1, size, 1},
                                .stride = {1, 1, 1},
                                .dilation = {1, 1, 1},
                                .pad_begin = {0, (size - 1) / 2, 0},
                                .pad_end = {0, size / 2, 0},
                                .in = {1, plane.dims[2], plane.dims[3]},
                                .out = {1, plane.dims[2], plane.dims[3]}}};
    return lower_view(l, lower_emit(l, &op, CLARUS_FLOAT32, &plane), &in);
}

void lower_lrn(lowering *l)
{
    enum { MOST = 1 << 20 };
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    int64_t size = lower_int(l, "size", 0);
    if (size < 1 || size > MOST)
        lower_error(l, CLARUS_E_FORMAT, "size is %lld", (long long)size);
    if (!check_channels(l, &in))
        return;
    size_t q = average_over_channels(l, lower_binary(l, ELTWISE_mul, x, x), size);
    size_t p = lower_mul_add(l, lower_scalar(l, lower_float(l, "alpha", 1e-4f)), q,
                             lower_scalar(l, lower_float(l, "bias", 1)));
    p = lower_binary(l, ELTWISE_pow, p, lower_scalar(l, lower_float(l, "beta", 0.75f)));
    lower_bind(l, 0, lower_binary(l, ELTWISE_div, x, p));
}

/* x over its norm along one axis; zeros where that is 0. */
void lower_lp_norm(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    size_t axis = lower_axis(l, lower_int(l, "axis", -1), lower_shape(l, x).rank);
    int64_t p = lower_int(l, "p", 2);
    if (p != 1 && p != 2)
        lower_error(l, CLARUS_E_UNSUPPORTED, "a norm of order %lld", (long long)p);
    axes[axis] = 1;
    size_t norm = lower_reduce_axes(l, p == 1 ? REDUCE_L1 : REDUCE_SUM_SQUARE, x, axes),
           zero = lower_scalar(l, 0);
    if (p == 2)
        norm = lower_unary(l, ELTWISE_sqrt, norm, 0, 0);
    size_t compared[] = {norm, zero};
    size_t choice[] = {lower_typed(l, TYPED_equal, compared, CLARUS_BOOL), zero,
                       lower_binary(l, ELTWISE_div, x, norm)};
    lower_bind(l, 0, lower_typed(l, TYPED_where, choice, CLARUS_FLOAT32));
}

/* (x - mean) / (standard deviation + 1e-9) over the axes, by default all but the channels. */
void lower_mean_variance_norm(lowering *l)
{
    static const int64_t otherwise[] = {0, 2, 3};
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0), count, rank = lower_shape(l, x).rank;
    const int64_t *given = lower_ints(l, "axes", &count);
    if (!given) {
        given = otherwise;
        count = 3;
    }
    for (size_t i = 0; i < count && l->status == CLARUS_OK; i++)
        axes[lower_axis(l, given[i], rank)] = 1;
    size_t d = lower_binary(l, ELTWISE_sub, x, lower_reduce_axes(l, REDUCE_MEAN, x, axes));
    size_t variance = lower_reduce_axes(l, REDUCE_MEAN, lower_binary(l, ELTWISE_mul, d, d), axes);
    size_t deviation = lower_unary(l, ELTWISE_sqrt, variance, 0, 0);
    lower_bind(
        l, 0,
        lower_binary(l, ELTWISE_div, d, lower_binary(l, ELTWISE_add, deviation, lower_scalar(l, 1e-9f))));
}
