/* Element-wise operators, and those that are short chains of them. */
#include "lower_ops.h"

#include <math.h>
#include <string.h>

void lower_unary_node(lowering *l)
{
    lower_bind(l, 0, lower_unary(l, (eltwise_function)l->row->parameter, lower_input(l, 0), 0, 0));
}

void lower_binary_node(lowering *l)
{
    lower_bind(l, 0,
               lower_binary(l, (eltwise_function)l->row->parameter, lower_input(l, 0), lower_input(l, 1)));
}

/* With broadcast = 1, axis says where y's axes lie in x's; absent, they are x's last. */
void lower_binary_legacy(lowering *l)
{
    size_t x = lower_input(l, 0), y = lower_input(l, 1);
    shape sx = lower_shape(l, x), sy = lower_shape(l, y);
    if (lower_int(l, "broadcast", 0) && node_attribute(l->node, "axis")) {
        size_t axis = lower_axis(l, lower_int(l, "axis", 0), sx.rank);
        if (axis + sy.rank > sx.rank)
            lower_error(l, CLARUS_E_SHAPE, "axis %zu leaves no room for %zu axes of %zu", axis, sy.rank,
                        sx.rank);
        for (size_t i = axis + sy.rank; i < sx.rank && l->status == CLARUS_OK; i++)
            sy.dims[sy.rank++] = 1;
        y = lower_view(l, y, &sy);
    }
    lower_bind(l, 0, lower_binary(l, (eltwise_function)l->row->parameter, x, y));
}

static size_t fold_inputs(lowering *l, eltwise_function function)
{
    size_t y = lower_input(l, 0);
    for (size_t i = 1; i < l->node->input_count; i++)
        y = lower_binary(l, function, y, lower_input(l, i));
    return y;
}

void lower_variadic(lowering *l)
{
    lower_bind(l, 0, fold_inputs(l, (eltwise_function)l->row->parameter));
}

void lower_mean(lowering *l)
{
    size_t sum = fold_inputs(l, ELTWISE_add);
    lower_bind(l, 0, lower_binary(l, ELTWISE_div, sum, lower_scalar(l, (float)l->node->input_count)));
}

/* A bound from an input if it is constant; *varies is set if it is not. */
static float clip_bound(lowering *l, size_t i, float otherwise, int *varies)
{
    if (!lower_has_input(l, i))
        return otherwise;
    size_t x = lower_input(l, i);
    const float *data = lower_data(l, x);
    if (lower_count(l, x) != 1)
        lower_error(l, CLARUS_E_SHAPE, "a bound is not a single value");
    else if (!data || lower_dtype(l, x) != CLARUS_FLOAT32)
        *varies = 1;
    return l->status == CLARUS_OK && !*varies ? *data : otherwise;
}

/* Bounds are attributes up to opset 10, inputs since. Bounds that are not constant become a maximum and a
 * minimum. */
void lower_clip(lowering *l)
{
    int varies = 0;
    size_t x = lower_input(l, 0);
    float low = -INFINITY, high = INFINITY;
    if (l->node->opset < 11) {
        low = lower_float(l, "min", low);
        high = lower_float(l, "max", high);
    } else {
        low = clip_bound(l, 1, low, &varies);
        high = clip_bound(l, 2, high, &varies);
    }
    if (!varies && lower_dtype(l, x) == CLARUS_FLOAT32) {
        lower_bind(l, 0, lower_unary(l, ELTWISE_clip, x, low, high));
        return;
    }
    if (lower_has_input(l, 1))
        x = lower_binary(l, ELTWISE_max, x, lower_input(l, 1));
    if (lower_has_input(l, 2))
        x = lower_binary(l, ELTWISE_min, x, lower_input(l, 2));
    lower_bind(l, 0, x);
}

void lower_alpha(lowering *l)
{
    eltwise_function function = (eltwise_function)l->row->parameter;
    float alpha = lower_float(l, "alpha", function == ELTWISE_leaky_relu ? 0.01f : 1);
    lower_bind(l, 0, lower_unary(l, function, lower_input(l, 0), alpha, 0));
}

/* gamma * (x < 0 ? alpha (e^x - 1) : x) */
void lower_selu(lowering *l)
{
    size_t y = lower_unary(l, ELTWISE_elu, lower_input(l, 0), lower_float(l, "alpha", 0x1.ac5afap+0f), 0);
    lower_bind(l, 0,
               lower_binary(l, ELTWISE_mul, y, lower_scalar(l, lower_float(l, "gamma", 0x1.0cfabep+0f))));
}

/* max(x, 0) + min(alpha (e^(x / alpha) - 1), 0) */
void lower_celu(lowering *l)
{
    float alpha = lower_float(l, "alpha", 1);
    size_t x = lower_input(l, 0), zero = lower_scalar(l, 0);
    size_t scaled = lower_binary(l, ELTWISE_div, x, lower_scalar(l, alpha));
    size_t below = lower_binary(l, ELTWISE_min, lower_unary(l, ELTWISE_elu, scaled, alpha, 0), zero);
    lower_bind(l, 0, lower_binary(l, ELTWISE_add, lower_binary(l, ELTWISE_max, x, zero), below));
}

/* x tanh(softplus(x)) */
void lower_mish(lowering *l)
{
    size_t x = lower_input(l, 0), t = lower_unary(l, ELTWISE_softplus, x, 0, 0);
    lower_bind(l, 0, lower_binary(l, ELTWISE_mul, x, lower_unary(l, ELTWISE_tanh, t, 0, 0)));
}

/* x / (1 + |x|) */
void lower_softsign(lowering *l)
{
    size_t x = lower_input(l, 0), t = lower_unary(l, ELTWISE_abs, x, 0, 0);
    lower_bind(l, 0, lower_binary(l, ELTWISE_div, x, lower_binary(l, ELTWISE_add, t, lower_scalar(l, 1))));
}

void lower_hard(lowering *l)
{
    eltwise_function function = (eltwise_function)l->row->parameter;
    float a = function == ELTWISE_hard_swish ? 1.0f / 6.0f : lower_float(l, "alpha", 0.2f);
    float b = function == ELTWISE_hard_swish ? 0.5f : lower_float(l, "beta", 0.5f);
    lower_bind(l, 0, lower_unary(l, function, lower_input(l, 0), a, b));
}

/* 0.5 x (1 + erf(x / sqrt(2))), or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
void lower_gelu(lowering *l)
{
    const char *approximate = lower_string(l, "approximate", "none");
    size_t x = lower_input(l, 0), t;
    if (strcmp(approximate, "tanh") == 0) {
        size_t cube = lower_binary(l, ELTWISE_mul, lower_binary(l, ELTWISE_mul, x, x), x);
        t = lower_mul_add(l, cube, lower_scalar(l, 0.044715f), x);
        t = lower_unary(l, ELTWISE_tanh, lower_binary(l, ELTWISE_mul, t, lower_scalar(l, 0x1.988454p-1f)), 0,
                        0);
    } else {
        t = lower_binary(l, ELTWISE_div, x, lower_scalar(l, 0x1.6a09e6p+0f));
        t = lower_unary(l, ELTWISE_erf, t, 0, 0);
    }
    if (strcmp(approximate, "tanh") != 0 && strcmp(approximate, "none") != 0)
        lower_error(l, CLARUS_E_FORMAT, "approximate \"%.40s\"", approximate);
    t = lower_binary(l, ELTWISE_mul, x, lower_binary(l, ELTWISE_add, t, lower_scalar(l, 1)));
    lower_bind(l, 0, lower_binary(l, ELTWISE_mul, t, lower_scalar(l, 0.5f)));
}

/* x sigmoid(alpha x) */
static size_t swish(lowering *l, size_t x)
{
    float alpha = lower_float(l, "alpha", 1);
    size_t t = alpha == 1 ? x : lower_binary(l, ELTWISE_mul, x, lower_scalar(l, alpha));
    return lower_binary(l, ELTWISE_mul, x, lower_unary(l, ELTWISE_sigmoid, t, 0, 0));
}

void lower_swish(lowering *l)
{
    lower_bind(l, 0, swish(l, lower_input(l, 0)));
}

void lower_swiglu(lowering *l)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    size_t x = lower_input(l, 0), gated = lower_input(l, 1);
    shape left = lower_shape(l, x), right = lower_shape(l, gated);
    if (!shape_equal(&left, &right))
        lower_error(l, CLARUS_E_SHAPE, "operands of %s and %s", shape_text(&left, a), shape_text(&right, b));
    lower_bind(l, 0, lower_binary(l, ELTWISE_mul, swish(l, x), gated));
}

void lower_shrink(lowering *l)
{
    float bias = lower_float(l, "bias", 0), lambd = lower_float(l, "lambd", 0.5f);
    lower_bind(l, 0, lower_unary(l, ELTWISE_shrink, lower_input(l, 0), bias, lambd));
}

/* Opset 6 takes a slope per channel; since 7 it broadcasts as any operand. */
void lower_prelu(lowering *l)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    size_t x = lower_input(l, 0), y = lower_binary(l, ELTWISE_prelu, x, lower_input(l, 1));
    shape in = lower_shape(l, x), out = lower_shape(l, y);
    if (l->status == CLARUS_OK && !shape_equal(&in, &out))
        lower_error(l, CLARUS_E_SHAPE, "slopes widen the input %s to %s", shape_text(&in, a),
                    shape_text(&out, b));
    lower_bind(l, 0, y);
}
