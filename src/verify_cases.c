#include "verify_cases.h"
#include "layer.h"

#include <string.h>

/* ---- making graphs ----------------------------------------------------------------------------- */

/* SplitMix64: Steele, Lea, Flood 2014; without its last step. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
}

void verify_random(float *data, int64_t count, uint32_t seed)
{
    uint64_t state = (uint64_t)seed << 32;
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)(int32_t)(random_next(&state) >> 40) * 0x1p-23f - 1.0f;
}

void verify_fill(clarus_dtype dtype, void *data, int64_t count, uint32_t seed)
{
    uint64_t state = (uint64_t)seed << 32;
    size_t size = clarus_dtype_size(dtype);
    if (dtype == CLARUS_FLOAT32) {
        verify_random(data, count, seed);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        uint64_t value = random_next(&state) >> (64 - 8 * size);
        value = dtype == CLARUS_BOOL ? value & 1 : value;
        memcpy((char *)data + (size_t)i * size, &value, size);
    }
}

void verify_retype(lowered_graph *graph, size_t number, clarus_dtype dtype)
{
    graph->values[number].dtype = graph->values[number].declared = dtype;
}

clarus_status verify_constant(lowered_graph *graph, const shape *shape, uint32_t seed, size_t *number,
                              clarus_error *error)
{
    int64_t count = 0;
    shape_count(shape, &count);
    float *data = lowered_alloc(graph, (size_t)count, sizeof *data);
    if (!data)
        return error_memory(error, "constant");
    verify_random(data, count, seed);
    return lowered_add_value(graph, VALUE_CONSTANT, CLARUS_FLOAT32, shape, data, "constant", number, error);
}

/* ---- convolution ------------------------------------------------------------------------------- */

enum { BIAS = 1, RESIDUAL = 2 };

typedef struct conv_case {
    int64_t batch, in, out, height, width, kernel_h, kernel_w, stride, dilation, groups;
    int64_t top, left, bottom, right;
    int flags;
    eltwise_function function; /* ELTWISE_identity: none */
    conv_algorithm algorithm;
} conv_case;

static int64_t out_extent(int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t stride,
                          int64_t dilation)
{
    return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

static window conv_window(const conv_case *c)
{
    window w = {.kernel = {1, c->kernel_h, c->kernel_w},
                .stride = {1, c->stride, c->stride},
                .dilation = {1, c->dilation, c->dilation},
                .pad_begin = {0, c->top, c->left},
                .pad_end = {0, c->bottom, c->right},
                .in = {1, c->height, c->width}};
    w.out[0] = 1;
    w.out[1] = out_extent(c->height, c->top, c->bottom, c->kernel_h, c->stride, c->dilation);
    w.out[2] = out_extent(c->width, c->left, c->right, c->kernel_w, c->stride, c->dilation);
    return w;
}

static clarus_status build_conv(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const conv_case *c = parameters;
    window w = conv_window(c);
    shape x = {4, {c->batch, c->in, c->height, c->width}}, y = {4, {c->batch, c->out, w.out[1], w.out[2]}};
    shape weights = {4, {c->out, c->in / c->groups, c->kernel_h, c->kernel_w}}, bias = {1, {c->out}};
    size_t in[4], count = 2;
    clarus_status status;
    if ((status = layer_add_input(graph, &x, &in[0], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &weights, 1, &in[1], error)) != CLARUS_OK ||
        ((c->flags & BIAS) &&
         (status = verify_constant(graph, &bias, 2, &in[count++], error)) != CLARUS_OK) ||
        ((c->flags & RESIDUAL) && (status = layer_add_input(graph, &y, &in[count++], error)) != CLARUS_OK))
        return status;
    lowered_op *op;
    if ((status = layer_add_op(graph, OP_CONV, in, count, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.conv = (conv_params){c->algorithm, c->batch, c->groups, c->in, c->out, w};
    op->epilogue = (op_epilogue){!!(c->flags & BIAS),
                                 !!(c->flags & RESIDUAL),
                                 c->function != ELTWISE_identity,
                                 c->function,
                                 -0.25f,
                                 0.5f};
    return CLARUS_OK;
}

/* ---- pooling ----------------------------------------------------------------------------------- */

typedef struct pool_case {
    conv_case window; /* out, groups and flags are not used */
    pool_function function;
    int count_padding;
} pool_case;

static clarus_status build_pool(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const pool_case *p = parameters;
    const conv_case *c = &p->window;
    window w = conv_window(c);
    shape x = {4, {c->batch, c->in, c->height, c->width}}, y = {4, {c->batch, c->in, w.out[1], w.out[2]}};
    /* A convolution in front, so that the value is blocked as it is in networks. */
    shape middle = x, weights = {4, {c->in, 1, 1, 1}};
    size_t in[2], value;
    clarus_status status;
    lowered_op *op;
    if ((status = layer_add_input(graph, &x, &in[0], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &weights, 1, &in[1], error)) != CLARUS_OK ||
        (status = lowered_add_value(graph, VALUE_TEMPORARY, CLARUS_FLOAT32, &middle, NULL, "middle", &value,
                                    error)) != CLARUS_OK ||
        (status = lowered_add_op(graph, OP_CONV, in, 2, value, "conv", &op, error)) != CLARUS_OK)
        return status;
    op->as.conv = (conv_params){CONV_DIRECT,
                                c->batch,
                                c->in,
                                c->in,
                                c->in,
                                {.kernel = {1, 1, 1},
                                 .stride = {1, 1, 1},
                                 .dilation = {1, 1, 1},
                                 .in = {1, c->height, c->width},
                                 .out = {1, c->height, c->width}}};
    if ((status = layer_add_op(graph, OP_POOL, &value, 1, &y, &op, error)) != CLARUS_OK)
        return status;
    if (p->function == POOL_INDEX)
        verify_retype(graph, op->output, CLARUS_INT64);
    op->as.pool = (pool_params){p->function, p->count_padding, 0, c->batch, c->in, w};
    return CLARUS_OK;
}

/* ---- matrix product ---------------------------------------------------------------------------- */

typedef struct matmul_case {
    int64_t batch, m, n, k;
    int trans_a, trans_b, constant_b, flags;
    eltwise_function function;
} matmul_case;

static clarus_status build_matmul(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const matmul_case *c = parameters;
    shape a = {3, {c->batch, c->trans_a ? c->k : c->m, c->trans_a ? c->m : c->k}};
    shape b = {3, {c->batch, c->trans_b ? c->n : c->k, c->trans_b ? c->k : c->n}};
    shape one = {2, {b.dims[1], b.dims[2]}}, y = {3, {c->batch, c->m, c->n}}, bias = {1, {c->n}};
    size_t in[4], count = 2;
    clarus_status status;
    if ((status = layer_add_input(graph, &a, &in[0], error)) != CLARUS_OK ||
        (status = c->constant_b ? verify_constant(graph, &one, 1, &in[1], error)
                                : layer_add_input(graph, &b, &in[1], error)) != CLARUS_OK ||
        ((c->flags & BIAS) &&
         (status = verify_constant(graph, &bias, 2, &in[count++], error)) != CLARUS_OK) ||
        ((c->flags & RESIDUAL) && (status = layer_add_input(graph, &y, &in[count++], error)) != CLARUS_OK))
        return status;
    lowered_op *op;
    if ((status = layer_add_op(graph, OP_MATMUL, in, count, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.matmul = (matmul_params){.m = c->m,
                                    .n = c->n,
                                    .k = c->k,
                                    .trans_a = c->trans_a,
                                    .trans_b = c->trans_b,
                                    .batch_rank = 1,
                                    .batch_dims = {c->batch},
                                    .a_strides = {1},
                                    .b_strides = {c->constant_b ? 0 : 1}};
    op->epilogue = (op_epilogue){!!(c->flags & BIAS),
                                 !!(c->flags & RESIDUAL),
                                 c->function != ELTWISE_identity,
                                 c->function,
                                 -0.25f,
                                 0.5f};
    return CLARUS_OK;
}

/* ---- the table --------------------------------------------------------------------------------- */

#define CONV(text, ...)                                                                                      \
    {                                                                                                        \
        "conv", text, build_conv, &(const conv_case)                                                         \
        {                                                                                                    \
            __VA_ARGS__, CONV_DIRECT                                                                         \
        }                                                                                                    \
    }
#define WINOGRAD(text, batch, groups, in, out, height, width, top, left, bottom, right, flags, function)     \
    {                                                                                                        \
        "winograd", text, build_conv, &(const conv_case)                                                     \
        {                                                                                                    \
            batch, in, out, height, width, 3, 3, 1, 1, groups, top, left, bottom, right, flags, function,    \
                CONV_WINOGRAD                                                                                \
        }                                                                                                    \
    }
#define POOL(text, ...)                                                                                      \
    {                                                                                                        \
        "pool", text, build_pool, &(const pool_case)                                                         \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define MATMUL(text, ...)                                                                                    \
    {                                                                                                        \
        "matmul", text, build_matmul, &(const matmul_case)                                                   \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

static const verify_case cases[] = {
    /*    batch in out height width kernel stride dilation groups top left bottom right */
    CONV("1x1, 16 to 32, 7x7", 1, 16, 32, 7, 7, 1, 1, 1, 1, 1, 0, 0, 0, 0, BIAS, ELTWISE_relu),
    CONV("1x1, 1040 to 40, two and a bit segments", 1, 1040, 40, 5, 5, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
         ELTWISE_identity),
    CONV("3x3, 64 to 64, 14x14, padded", 1, 64, 64, 14, 14, 3, 3, 1, 1, 1, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    CONV("3x3, 64 to 64, 15x13, no bias", 1, 64, 64, 15, 13, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, ELTWISE_identity),
    CONV("3x3, residual", 1, 32, 48, 9, 29, 3, 3, 1, 1, 1, 1, 1, 1, 1, BIAS | RESIDUAL, ELTWISE_relu),
    CONV("1x1, residual, clip, batch 3", 3, 24, 72, 6, 10, 1, 1, 1, 1, 1, 0, 0, 0, 0, BIAS | RESIDUAL,
         ELTWISE_clip),
    CONV("1x1, 600 to 80, batch 2, residual", 2, 600, 80, 14, 14, 1, 1, 1, 1, 1, 0, 0, 0, 0, BIAS | RESIDUAL,
         ELTWISE_identity),
    CONV("3x3, stride 2, uneven padding", 1, 48, 96, 15, 16, 3, 3, 2, 1, 1, 0, 0, 1, 1, BIAS, ELTWISE_relu),
    CONV("3x3, dilation 2", 1, 32, 32, 17, 17, 3, 3, 1, 2, 1, 2, 2, 2, 2, BIAS, ELTWISE_identity),
    CONV("3x3, stride 3, dilation 2, batch 2", 2, 20, 36, 19, 23, 3, 3, 3, 2, 1, 1, 2, 3, 0, BIAS,
         ELTWISE_identity),
    CONV("7x7, stride 2, 3 channels", 2, 3, 64, 33, 31, 7, 7, 2, 1, 1, 3, 3, 3, 3, BIAS, ELTWISE_relu),
    CONV("5x1, 17 to 19", 1, 17, 19, 12, 9, 5, 1, 1, 1, 1, 2, 0, 2, 0, BIAS, ELTWISE_hard_swish),
    CONV("16x16, stride 16, 3 channels", 1, 3, 48, 64, 64, 16, 16, 16, 1, 1, 0, 0, 0, 0, BIAS,
         ELTWISE_identity),
    CONV("1x1 picture, 32 to 100", 4, 32, 100, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, BIAS, ELTWISE_sigmoid),
    CONV("1x1 picture, 33 to 17, one picture", 1, 33, 17, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, BIAS,
         ELTWISE_relu),
    CONV("1x1 picture, 33 to 17", 4, 33, 17, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, BIAS, ELTWISE_silu),
    CONV("3x3, 2 groups of 32", 2, 64, 96, 14, 14, 3, 3, 1, 1, 2, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    CONV("3x3, 4 groups of 12", 1, 48, 40, 10, 11, 3, 3, 1, 1, 4, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    CONV("1x1, 3 groups, 8 to 6", 2, 24, 18, 7, 7, 1, 1, 2, 1, 3, 0, 0, 0, 0, 0, ELTWISE_identity),
    CONV("1x1, 4 groups of 34, residual, batch 2", 2, 136, 136, 9, 7, 1, 1, 1, 1, 4, 0, 0, 0, 0,
         BIAS | RESIDUAL, ELTWISE_relu),
    CONV("3x3, 3 groups, 24 to 40, stride 2", 2, 72, 120, 11, 10, 3, 3, 2, 1, 3, 1, 1, 1, 1, BIAS,
         ELTWISE_clip),
    CONV("5x3, 5 groups, 20 to 4", 1, 100, 20, 8, 9, 5, 3, 1, 1, 5, 2, 1, 2, 1, BIAS, ELTWISE_identity),
    CONV("1x1, 2 groups, 530 to 16, two segments", 1, 1060, 32, 5, 6, 1, 1, 1, 1, 2, 0, 0, 0, 0, 0,
         ELTWISE_identity),
    CONV("3x3, 6 groups, 16 to 10, more padding than picture", 1, 96, 60, 2, 3, 3, 3, 1, 1, 6, 3, 3, 3, 3,
         BIAS, ELTWISE_relu),
    CONV("depthwise 3x3, 40 channels", 2, 40, 40, 14, 14, 3, 3, 1, 1, 40, 1, 1, 1, 1, BIAS, ELTWISE_clip),
    CONV("depthwise 3x3, stride 2, 16x15", 1, 32, 32, 16, 15, 3, 3, 2, 1, 32, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    CONV("depthwise 5x5, residual, 3x3 picture", 1, 33, 33, 3, 3, 5, 5, 1, 1, 33, 2, 2, 2, 2, RESIDUAL,
         ELTWISE_identity),
    CONV("depthwise 5x5, stride 2, 29x28", 2, 20, 20, 29, 28, 5, 5, 2, 1, 20, 2, 2, 2, 1, BIAS, ELTWISE_relu),
    CONV("depthwise 3x3, dilation 2", 1, 24, 24, 17, 30, 3, 3, 1, 2, 24, 2, 2, 2, 2, BIAS, ELTWISE_clip),
    CONV("3x3, groups of 2, 40 channels", 1, 40, 40, 9, 15, 3, 3, 1, 1, 20, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    CONV("3x3, groups of 4, stride 2, batch 2", 2, 48, 48, 15, 29, 3, 3, 2, 1, 12, 1, 1, 1, 1,
         BIAS | RESIDUAL, ELTWISE_relu),
    CONV("1x3, groups of 8, dilation 2", 1, 24, 24, 7, 16, 1, 3, 1, 2, 3, 0, 2, 0, 2, 0, ELTWISE_identity),
    CONV("depthwise 7x7, residual", 1, 40, 40, 14, 14, 7, 7, 1, 1, 40, 3, 3, 3, 3, BIAS | RESIDUAL,
         ELTWISE_identity),
    CONV("depthwise, 3 outputs a channel", 1, 10, 30, 8, 8, 3, 3, 1, 1, 10, 1, 1, 1, 1, BIAS,
         ELTWISE_identity),
    CONV("more padding than picture", 1, 16, 16, 2, 2, 3, 3, 1, 1, 1, 5, 4, 3, 6, BIAS, ELTWISE_identity),
    WINOGRAD("one tile, 1 to 1", 1, 1, 1, 1, 4, 4, 1, 1, 1, 1, 0, ELTWISE_identity),
    WINOGRAD("one output, 3 to 5", 1, 1, 3, 5, 3, 3, 0, 0, 0, 0, BIAS, ELTWISE_identity),
    WINOGRAD("8x8, 16 to 16", 1, 1, 16, 16, 8, 8, 1, 1, 1, 1, 0, ELTWISE_identity),
    WINOGRAD("14x14, 64 to 64", 1, 1, 64, 64, 14, 14, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    WINOGRAD("13x7, 70 to 33", 1, 1, 70, 33, 13, 7, 1, 1, 1, 1, BIAS, ELTWISE_clip),
    WINOGRAD("9x29, 17 to 40, batch 3, residual", 3, 1, 17, 40, 9, 29, 1, 1, 1, 1, BIAS | RESIDUAL,
             ELTWISE_relu),
    WINOGRAD("6x5, 33 to 48, residual without bias, batch 2", 2, 1, 33, 48, 6, 5, 1, 1, 1, 1, RESIDUAL,
             ELTWISE_identity),
    WINOGRAD("11x10, 8 to 24, uneven padding", 1, 1, 8, 24, 11, 10, 0, 2, 1, 0, BIAS, ELTWISE_silu),
    WINOGRAD("2x2, 16 to 16, more padding than picture", 1, 1, 16, 16, 2, 2, 5, 4, 3, 6, BIAS,
             ELTWISE_identity),
    WINOGRAD("7x7, 530 to 20, two segments, batch 3", 3, 1, 530, 20, 7, 7, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    WINOGRAD("12x9, 260 to 200, weights beyond a core's cache, batch 2", 2, 1, 260, 200, 12, 9, 1, 1, 1, 1,
             BIAS, ELTWISE_relu),
    WINOGRAD("3 groups of 16, 14x14, batch 2, residual", 2, 3, 48, 48, 14, 14, 1, 1, 1, 1, BIAS | RESIDUAL,
             ELTWISE_relu),
    WINOGRAD("2 groups, 32 to 48, 9x17", 1, 2, 64, 96, 9, 17, 1, 1, 1, 1, BIAS, ELTWISE_identity),
    WINOGRAD("2 groups, 528 to 16, two segments", 1, 2, 1056, 32, 8, 8, 1, 1, 1, 1, 0, ELTWISE_relu),
    WINOGRAD("32x32, 16 to 16", 1, 1, 16, 16, 32, 32, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    WINOGRAD("56x56, 48 to 192", 1, 1, 48, 192, 56, 56, 1, 1, 1, 1, BIAS, ELTWISE_relu),
    CONV("112x112, 32 to 16", 1, 32, 16, 112, 112, 1, 1, 1, 1, 1, 0, 0, 0, 0, BIAS, ELTWISE_identity),
    POOL("maximum 3x3, stride 2",
         {2, 40, 0, 15, 15, 3, 3, 2, 1, 1, 1, 1, 1, 1, 0, ELTWISE_identity, CONV_DIRECT}, POOL_MAX, 0),
    POOL("maximum 2x2, uneven", {1, 7, 0, 9, 8, 2, 2, 2, 1, 1, 0, 0, 1, 1, 0, ELTWISE_identity, CONV_DIRECT},
         POOL_MAX, 0),
    POOL("average 3x3, padding not counted",
         {1, 32, 0, 8, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, ELTWISE_identity, CONV_DIRECT}, POOL_AVERAGE, 0),
    POOL("average 2x3, padding counted",
         {2, 20, 0, 8, 9, 2, 3, 2, 1, 1, 0, 1, 1, 1, 0, ELTWISE_identity, CONV_DIRECT}, POOL_AVERAGE, 1),
    POOL("sum 3x2, blocked", {1, 20, 0, 8, 9, 3, 2, 2, 1, 1, 1, 0, 1, 1, 0, ELTWISE_identity, CONV_DIRECT},
         POOL_SUM, 0),
    POOL("maximum 3x2, dilation 2, stride 2",
         {1, 20, 0, 9, 8, 3, 2, 2, 2, 1, 2, 0, 1, 1, 0, ELTWISE_identity, CONV_DIRECT}, POOL_MAX, 0),
    POOL("average 3x3, dilation 3, padding counted",
         {1, 20, 0, 8, 9, 3, 3, 1, 3, 1, 2, 3, 1, 2, 0, ELTWISE_identity, CONV_DIRECT}, POOL_AVERAGE, 1),
    POOL("average 2x3, dilation 2, padding not counted",
         {1, 3, 0, 8, 9, 2, 3, 1, 2, 1, 1, 2, 1, 1, 0, ELTWISE_identity, CONV_DIRECT}, POOL_AVERAGE, 0),
    POOL("average of a window much larger than the input, padding counted",
         {1, 20, 0, 8, 9, 1 << 20, 1 << 20, 1, 1, 1, 1 << 19, 1 << 19, (1 << 19) - 1, (1 << 19) - 1, 0,
          ELTWISE_identity, CONV_DIRECT},
         POOL_AVERAGE, 1),
    POOL("place of the maximum 3x3",
         {2, 3, 0, 8, 9, 3, 3, 2, 1, 1, 1, 1, 1, 1, 0, ELTWISE_identity, CONV_DIRECT}, POOL_INDEX, 0),
    POOL("place of the maximum 2x3, dilation 2",
         {1, 5, 0, 8, 9, 2, 3, 1, 2, 1, 0, 1, 0, 1, 0, ELTWISE_identity, CONV_DIRECT}, POOL_INDEX, 0),
    /*      batch m n k */
    MATMUL("several tiles of rows, columns and segments", 2, 100, 150, 1100, 0, 0, 1, BIAS | RESIDUAL,
           ELTWISE_relu),
    MATMUL("1x1000, 2048 deep, constant", 1, 1, 1000, 2048, 0, 1, 1, BIAS, ELTWISE_identity),
    MATMUL("8x37, 515 deep, constant", 1, 8, 37, 515, 0, 0, 1, BIAS | RESIDUAL, ELTWISE_relu),
    MATMUL("batches of 13x17, 29 deep", 3, 13, 17, 29, 0, 0, 0, 0, ELTWISE_identity),
    MATMUL("batches, second transposed", 3, 13, 50, 64, 0, 1, 0, 0, ELTWISE_identity),
    MATMUL("batches, first transposed", 2, 50, 3, 1030, 1, 0, 0, 0, ELTWISE_identity),
    MATMUL("1x1x1", 1, 1, 1, 1, 0, 0, 0, 0, ELTWISE_identity),
};

enum { CASES = sizeof cases / sizeof *cases };

static size_t own_count(void)
{
    return CASES;
}

static verify_case own_get(size_t i)
{
    return cases[i];
}

/* All cases, in the order of these tables. */
static const struct {
    size_t (*count)(void);
    verify_case (*get)(size_t i);
} tables[] = {
    {own_count, own_get},
    {verify_generic_count, verify_generic_get},
    {verify_index_count, verify_index_get},
    {verify_sample_count, verify_sample_get},
    {verify_typed_count, verify_typed_get},
};
enum { TABLES = sizeof tables / sizeof *tables };

size_t verify_case_count(void)
{
    size_t count = 0;
    for (size_t t = 0; t < TABLES; t++)
        count += tables[t].count();
    return count;
}

verify_case verify_case_get(size_t i)
{
    size_t t = 0;
    while (i >= tables[t].count())
        i -= tables[t++].count();
    return tables[t].get(i);
}
