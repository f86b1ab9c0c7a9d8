/* Cases of clarus_verify for everything that is not a sum of products. */
#include "layer.h"
#include "verify_cases.h"

#include <math.h>
#include <string.h>

/* ---- values ------------------------------------------------------------------------------------ */

/* Values of many magnitudes and both signs, with infinities, NaN and, if wanted, zeros among them; no results
 * in the subnormal range come of them. */
static clarus_status add_wide(lowered_graph *graph, const shape *shape, uint32_t seed, int zeros,
                              size_t *number, clarus_error *error)
{
    static const float special[] = {1.0f, -1.0f, INFINITY, -INFINITY, NAN, 0.5f, 3.0f, -2.5f, 0.0f, -0.0f};
    enum { SPECIAL = sizeof special / sizeof *special };
    int64_t count = 0, kinds = zeros ? SPECIAL : SPECIAL - 2;
    shape_count(shape, &count);
    float *data = lowered_alloc(graph, (size_t)count, sizeof *data);
    if (!data)
        return error_memory(error, "constant");
    verify_random(data, count, seed);
    for (int64_t i = 0; i < count; i++)
        data[i] = i % 7 == 3 ? special[(i / 7 + (int64_t)seed * (i / 7 / kinds)) % kinds]
                             : (data[i] + 0x1p-20f) * (float)(1 << (i % 5)) / (float)(1 << (i % 3 * 4));
    return lowered_add_value(graph, VALUE_CONSTANT, CLARUS_FLOAT32, shape, data, "wide", number, error);
}

/* An input of four axes that lies in channel blocks, since a convolution has computed it. */
static clarus_status add_blocked(lowered_graph *graph, const shape *x, size_t *number, clarus_error *error)
{
    shape weights = {4, {x->dims[1], 1, 1, 1}};
    size_t in[2];
    clarus_status status;
    lowered_op *op;
    if ((status = layer_add_input(graph, x, &in[0], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &weights, 1, &in[1], error)) != CLARUS_OK ||
        (status = layer_add_op(graph, OP_CONV, in, 2, x, &op, error)) != CLARUS_OK)
        return status;
    const int64_t *d = x->dims;
    op->as.conv = (conv_params){CONV_DIRECT,
                                d[0],
                                d[1],
                                d[1],
                                d[1],
                                .window = {.kernel = {1, 1, 1},
                                           .stride = {1, 1, 1},
                                           .dilation = {1, 1, 1},
                                           .in = {1, d[2], d[3]},
                                           .out = {1, d[2], d[3]}}};
    *number = op->output;
    return CLARUS_OK;
}

/* ---- element-wise ------------------------------------------------------------------------------ */

typedef struct eltwise_case {
    eltwise_function function, then; /* then: the epilogue's, identity if none */
    int blocked;                     /* the operands of the output's shape are */
    shape out, operands[3];          /* rank 0 with no dims: a single value */
} eltwise_case;

/* Zeros in one operand only where there are three: llvmpipe's fma(-x, 0, 0) is -0. */
static clarus_status build_eltwise(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const eltwise_case *c = parameters;
    size_t in[3], count = (size_t)eltwise_arity(c->function);
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < count && status == CLARUS_OK; i++)
        status = c->blocked && shape_equal(&c->operands[i], &c->out)
                     ? add_blocked(graph, &c->operands[i], &in[i], error)
                     : add_wide(graph, &c->operands[i], (uint32_t)i + 3, i == 0 || count < 3, &in[i], error);
    lowered_op *op;
    if (status != CLARUS_OK ||
        (status = layer_add_op(graph, OP_ELTWISE, in, count, &c->out, &op, error)) != CLARUS_OK)
        return status;
    op->as.eltwise = (eltwise_params){c->function, 0.25f, 0.5f};
    op->epilogue = (op_epilogue){0, 0, c->then != ELTWISE_identity, c->then, -0.25f, 0.5f};
    return CLARUS_OK;
}

/* One function on 1,237 values. */
static clarus_status build_function(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    shape s = {1, {1237}};
    eltwise_case c = {*(const eltwise_function *)parameters, ELTWISE_identity, 0, s, {s, s, s}};
    return build_eltwise(graph, &c, error);
}

/* ---- reductions and softmax -------------------------------------------------------------------- */

typedef struct reduce_case {
    reduce_function function;
    int blocked;
    shape x;
    unsigned char reduced[CLARUS_MAX_RANK];
} reduce_case;

static clarus_status build_reduce(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const reduce_case *c = parameters;
    size_t in;
    clarus_status status =
        c->blocked ? add_blocked(graph, &c->x, &in, error) : layer_add_input(graph, &c->x, &in, error);
    shape y = c->x;
    for (size_t k = 0; k < y.rank; k++)
        if (c->reduced[k])
            y.dims[k] = 1;
    lowered_op *op;
    if (status != CLARUS_OK || (status = layer_add_op(graph, OP_REDUCE, &in, 1, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.reduce.function = c->function;
    memcpy(op->as.reduce.reduced, c->reduced, sizeof c->reduced);
    return CLARUS_OK;
}

typedef struct softmax_case {
    shape x;
    int axis, log;
} softmax_case;

static clarus_status build_softmax(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const softmax_case *c = parameters;
    size_t in;
    clarus_status status = layer_add_input(graph, &c->x, &in, error);
    lowered_op *op;
    if (status != CLARUS_OK ||
        (status = layer_add_op(graph, OP_SOFTMAX, &in, 1, &c->x, &op, error)) != CLARUS_OK)
        return status;
    op->as.softmax = (softmax_params){c->axis, c->log};
    return CLARUS_OK;
}

typedef struct layer_norm_case {
    shape x;
    int64_t count;
    int has_bias;
} layer_norm_case;

static clarus_status build_layer_norm(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const layer_norm_case *c = parameters;
    shape row = {1, {c->count}};
    size_t in[3];
    lowered_op *op;
    clarus_status status;
    if ((status = layer_add_input(graph, &c->x, &in[0], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &row, 1, &in[1], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &row, 2, &in[2], error)) != CLARUS_OK ||
        (status = layer_add_op(graph, OP_LAYER_NORM, in, c->has_bias ? 3 : 2, &c->x, &op, error)) !=
            CLARUS_OK)
        return status;
    op->as.layer_norm = (layer_norm_params){c->count, 1e-5f};
    return CLARUS_OK;
}

/* ---- movement ---------------------------------------------------------------------------------- */

enum { PARTS = 3 };

typedef struct move_case {
    clarus_dtype dtype;
    int blocked, covers;
    int concat_axis; /* -1: none */
    shape y, x[PARTS];
    size_t parts;
    move_part part[PARTS];
} move_case;

static clarus_status build_move(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const move_case *c = parameters;
    size_t in[PARTS];
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < c->parts && status == CLARUS_OK; i++) {
        status = c->blocked ? add_blocked(graph, &c->x[i], &in[i], error)
                            : layer_add_input(graph, &c->x[i], &in[i], error);
        if (status == CLARUS_OK)
            verify_retype(graph, in[i], c->dtype);
    }
    lowered_op *op;
    if (status != CLARUS_OK ||
        (status = layer_add_op(graph, OP_MOVE, in, c->parts, &c->y, &op, error)) != CLARUS_OK)
        return status;
    move_part *parts = lowered_alloc(graph, c->parts, sizeof *parts);
    if (!parts)
        return error_memory(error, "parts");
    memcpy(parts, c->part, c->parts * sizeof *parts);
    op->as.move = (move_params){parts, c->covers, 0x1122334440490fdb, c->concat_axis};
    verify_retype(graph, op->output, c->dtype);
    return CLARUS_OK;
}

/* A 3x3 convolution of each channel of x, which is [N, C, H, W]. */
static clarus_status add_depthwise(lowered_graph *graph, size_t x, const shape *s, clarus_error *error)
{
    shape weights = {4, {s->dims[1], 1, 3, 3}};
    size_t in[2] = {x};
    lowered_op *op;
    clarus_status status = verify_constant(graph, &weights, 2, &in[1], error);
    if (status != CLARUS_OK || (status = layer_add_op(graph, OP_CONV, in, 2, s, &op, error)) != CLARUS_OK)
        return status;
    const int64_t *d = s->dims;
    op->as.conv = (conv_params){CONV_DIRECT,
                                d[0],
                                d[1],
                                d[1],
                                d[1],
                                .window = {.kernel = {1, 3, 3},
                                           .stride = {1, 1, 1},
                                           .dilation = {1, 1, 1},
                                           .pad_begin = {0, 1, 1},
                                           .pad_end = {0, 1, 1},
                                           .in = {1, d[2], d[3]},
                                           .out = {1, d[2], d[3]}}};
    return CLARUS_OK;
}

/* A movement from one value, or a concatenation of several along the second axis. */
static clarus_status add_move(lowered_graph *graph, const size_t *in, const move_part *parts, size_t count,
                              const shape *y, size_t *number, clarus_error *error)
{
    move_part *kept = lowered_alloc(graph, count, sizeof *kept);
    lowered_op *op;
    if (!kept)
        return error_memory(error, "parts");
    clarus_status status = layer_add_op(graph, OP_MOVE, in, count, y, &op, error);
    if (status != CLARUS_OK)
        return status;
    memcpy(kept, parts, count * sizeof *kept);
    op->as.move = (move_params){kept, 1, 0, count > 1 ? 1 : -1};
    *number = op->output;
    return CLARUS_OK;
}

enum { CHANNEL_PARTS = 20 };

/* Parts of so many channels are concatenated, shuffled as that many groups, and of the result `count`
 * channels from `first` on convolved. */
typedef struct channels_case {
    int64_t batch, parts, channels[CHANNEL_PARTS], rows, columns, groups, first, count;
} channels_case;

static clarus_status concat_channels(lowered_graph *graph, const channels_case *c, const shape *whole,
                                     size_t *number, clarus_error *error)
{
    size_t in[CHANNEL_PARTS];
    move_part parts[CHANNEL_PARTS];
    int64_t plane = c->rows * c->columns, image = whole->dims[1] * plane, at = 0;
    for (int64_t i = 0; i < c->parts; i++) {
        int64_t channels = c->channels[i] ? c->channels[i] : c->channels[0];
        shape s = {4, {c->batch, channels, c->rows, c->columns}};
        clarus_status status = add_blocked(graph, &s, &in[i], error);
        if (status != CLARUS_OK)
            return status;
        parts[i] = (move_part){2, {c->batch, channels * plane}, 0, {channels * plane, 1}, at, {image, 1}};
        at += channels * plane;
    }
    return add_move(graph, in, parts, (size_t)c->parts, whole, number, error);
}

static clarus_status build_channels(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const channels_case *c = parameters;
    int64_t channels = 0, groups = c->groups, plane = c->rows * c->columns;
    for (int64_t i = 0; i < c->parts; i++)
        channels += c->channels[i] ? c->channels[i] : c->channels[0];
    int64_t each = channels / groups, image = channels * plane;
    shape whole = {4, {c->batch, channels, c->rows, c->columns}}, some = whole,
          grouped = {5, {c->batch, groups, each, c->rows, c->columns}},
          turned = {5, {c->batch, each, groups, c->rows, c->columns}};
    move_part turn = {4, {c->batch, each, groups, plane},  0, {image, plane, each * plane, 1},
                      0, {image, groups * plane, plane, 1}};
    move_part cut = {2, {c->batch, c->count * plane}, c->first * plane, {image, 1}, 0, {c->count * plane, 1}};
    size_t x;
    lowered_op *op;
    some.dims[1] = c->count;
    clarus_status status = concat_channels(graph, c, &whole, &x, error);
    if (status != CLARUS_OK ||
        (status = layer_add_op(graph, OP_VIEW, &x, 1, &grouped, &op, error)) != CLARUS_OK)
        return status;
    x = op->output;
    if ((status = add_move(graph, &x, &turn, 1, &turned, &x, error)) != CLARUS_OK ||
        (status = layer_add_op(graph, OP_VIEW, &x, 1, &whole, &op, error)) != CLARUS_OK)
        return status;
    x = op->output;
    if ((status = add_move(graph, &x, &cut, 1, &some, &x, error)) != CLARUS_OK)
        return status;
    return add_depthwise(graph, x, &some, error);
}

/* Through blocks and back: a convolution, its output seen in another shape, and a convolution again. */
static clarus_status build_reorder(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const shape *s = parameters;
    size_t blocked, view;
    shape flat = {3, {s->dims[0], s->dims[1] * s->dims[2], s->dims[3]}};
    clarus_status status;
    lowered_op *op;
    if ((status = add_blocked(graph, s, &blocked, error)) != CLARUS_OK ||
        (status = layer_add_op(graph, OP_VIEW, &blocked, 1, &flat, &op, error)) != CLARUS_OK)
        return status;
    view = op->output;
    if ((status = layer_add_op(graph, OP_VIEW, &view, 1, s, &op, error)) != CLARUS_OK)
        return status;
    return add_depthwise(graph, op->output, s, error);
}

/* ---- the table --------------------------------------------------------------------------------- */

#define ELTWISE_CASE(text, ...)                                                                              \
    {                                                                                                        \
        "eltwise", text, build_eltwise, &(const eltwise_case)                                                \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define REDUCE_CASE(text, ...)                                                                               \
    {                                                                                                        \
        "reduce", text, build_reduce, &(const reduce_case)                                                   \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define SOFTMAX_CASE(text, ...)                                                                              \
    {                                                                                                        \
        "softmax", text, build_softmax, &(const softmax_case)                                                \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define LAYER_NORM_CASE(text, ...)                                                                           \
    {                                                                                                        \
        "layer_norm", text, build_layer_norm, &(const layer_norm_case)                                       \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define MOVE_CASE(text, ...)                                                                                 \
    {                                                                                                        \
        "move", text, build_move, &(const move_case)                                                         \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define CHANNELS_CASE(text, ...)                                                                             \
    {                                                                                                        \
        "channels", text, build_channels, &(const channels_case)                                             \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define REORDER_CASE(text, ...)                                                                              \
    {                                                                                                        \
        "reorder", text, build_reorder, &(const shape)                                                       \
        {                                                                                                    \
            4,                                                                                               \
            {                                                                                                \
                __VA_ARGS__                                                                                  \
            }                                                                                                \
        }                                                                                                    \
    }
static const verify_case cases[] = {
    ELTWISE_CASE("scalar on the right", ELTWISE_add, ELTWISE_identity, 0, S(2, 3, 50),
                 {S(2, 3, 50), S(0, 0)}),
    ELTWISE_CASE("scalar on the left", ELTWISE_sub, ELTWISE_relu, 0, S(2, 3, 50), {S(1, 1), S(2, 3, 50)}),
    ELTWISE_CASE("row and column", ELTWISE_mul, ELTWISE_identity, 0, S(2, 33, 70), {S(2, 33, 1), S(1, 70)}),
    ELTWISE_CASE("three operands, each broadcast", ELTWISE_mul_add, ELTWISE_clip, 0, S(4, 2, 3, 5, 7),
                 {S(4, 2, 1, 5, 1), S(3, 3, 1, 7), S(4, 2, 3, 1, 1)}),
    ELTWISE_CASE("six axes", ELTWISE_add, ELTWISE_identity, 0, S(6, 2, 3, 2, 3, 2, 3),
                 {S(6, 2, 1, 2, 1, 2, 1), S(6, 1, 3, 1, 3, 1, 3)}),
    ELTWISE_CASE("a row longer than a piece", ELTWISE_add, ELTWISE_identity, 0, S(2, 3, 9001),
                 {S(2, 3, 9001), S(2, 3, 1)}),
    ELTWISE_CASE("blocked, of equal shape", ELTWISE_add, ELTWISE_relu, 1, S(4, 2, 40, 7, 9),
                 {S(4, 2, 40, 7, 9), S(4, 2, 40, 7, 9)}),
    ELTWISE_CASE("blocked, per channel", ELTWISE_prelu, ELTWISE_identity, 1, S(4, 2, 37, 5, 6),
                 {S(4, 2, 37, 5, 6), S(3, 37, 1, 1)}),
    ELTWISE_CASE("blocked, per image and channel", ELTWISE_mul, ELTWISE_identity, 1, S(4, 3, 20, 4, 4),
                 {S(4, 3, 20, 1, 1), S(4, 3, 20, 4, 4)}),
    ELTWISE_CASE("blocked, scale, shift and function", ELTWISE_mul_add, ELTWISE_hard_sigmoid, 1,
                 S(4, 1, 24, 9, 5), {S(4, 1, 24, 9, 5), S(3, 24, 1, 1), S(3, 24, 1, 1)}),
    ELTWISE_CASE("blocked, 20 channels of each image", ELTWISE_mul, ELTWISE_relu, 1, S(4, 3, 20, 7, 7),
                 {S(4, 3, 20, 7, 7), S(4, 3, 20, 1, 1)}),
    ELTWISE_CASE("blocked, scale of each channel, shift of each image", ELTWISE_mul_add, ELTWISE_identity, 1,
                 S(4, 2, 33, 5, 7), {S(4, 2, 33, 5, 7), S(4, 1, 33, 1, 1), S(4, 2, 33, 1, 1)}),
    ELTWISE_CASE("short rows, one value each", ELTWISE_sub, ELTWISE_identity, 0, S(3, 4, 300, 7),
                 {S(3, 4, 300, 7), S(3, 4, 300, 1)}),
    ELTWISE_CASE("short rows, a row for all", ELTWISE_mul, ELTWISE_identity, 0, S(3, 2, 300, 13),
                 {S(3, 2, 300, 13), S(1, 13)}),
    ELTWISE_CASE("blocked, scalar", ELTWISE_mul, ELTWISE_identity, 1, S(4, 1, 16, 3, 3),
                 {S(4, 1, 16, 3, 3), S(0, 0)}),
    REDUCE_CASE("global average, blocked", REDUCE_MEAN, 1, S(4, 2, 40, 7, 7), {0, 0, 1, 1}),
    REDUCE_CASE("global average of 81x80, blocked, two runs", REDUCE_MEAN, 1, S(4, 1, 17, 81, 80),
                {0, 0, 1, 1}),
    REDUCE_CASE("global maximum, blocked", REDUCE_MAX, 1, S(4, 3, 16, 5, 3), {0, 0, 1, 1}),
    REDUCE_CASE("mean of 197 rows of 768", REDUCE_MEAN, 0, S(3, 1, 197, 768), {0, 0, 1}),
    REDUCE_CASE("squares of rows of 33", REDUCE_SUM_SQUARE, 0, S(2, 5, 33), {0, 1}),
    REDUCE_CASE("magnitudes of rows of 7", REDUCE_L1, 0, S(2, 100, 7), {0, 1}),
    REDUCE_CASE("product of rows of 40", REDUCE_PROD, 0, S(2, 9, 40), {0, 1}),
    REDUCE_CASE("minimum of rows of 4097", REDUCE_MIN, 0, S(2, 3, 4097), {0, 1}),
    REDUCE_CASE("sum of everything, 3 runs", REDUCE_SUM, 0, S(3, 3, 50, 61), {1, 1, 1}),
    REDUCE_CASE("over channels", REDUCE_SUM, 0, S(4, 2, 37, 5, 11), {0, 1}),
    REDUCE_CASE("over the first axis, 5000 long", REDUCE_MEAN, 0, S(2, 5000, 19), {1}),
    REDUCE_CASE("over axes 1 and 3", REDUCE_SUM_SQUARE, 0, S(4, 3, 5, 4, 6), {0, 1, 0, 1}),
    REDUCE_CASE("over axes 0 and 2", REDUCE_MAX, 0, S(3, 3, 5, 4), {1, 0, 1}),
    SOFTMAX_CASE("3 rows of 1000", S(2, 3, 1000), 1, 0),
    SOFTMAX_CASE("rows of 197", S(3, 2, 50, 197), 2, 0),
    SOFTMAX_CASE("rows of 1", S(2, 5, 1), 1, 0),
    SOFTMAX_CASE("a row of 9001", S(1, 9001), 0, 0),
    SOFTMAX_CASE("over channels", S(4, 2, 21, 5, 7), 1, 0),
    SOFTMAX_CASE("over the first axis, 5000 long", S(2, 5000, 3), 0, 0),
    SOFTMAX_CASE("logarithm, rows of 10", S(2, 17, 10), 1, 1),
    SOFTMAX_CASE("logarithm, over channels", S(3, 2, 33, 20), 1, 1),
    LAYER_NORM_CASE("197 rows of 768", S(3, 1, 197, 768), 768, 1),
    LAYER_NORM_CASE("rows of 33, without bias", S(3, 2, 9, 33), 33, 0),
    LAYER_NORM_CASE("rows of 5003, two axes", S(3, 3, 5003, 1), 5003, 1),
    LAYER_NORM_CASE("rows of 1", S(2, 7, 1), 1, 1),
    MOVE_CASE("transposition", CLARUS_FLOAT32, 0, 1, -1, S(2, 50, 37), {S(2, 37, 50)}, 1,
              {{2, {50, 37}, 0, {1, 50}, 0, {37, 1}}}),
    MOVE_CASE("axes 0213", CLARUS_FLOAT32, 0, 1, -1, S(4, 2, 3, 19, 20), {S(4, 2, 19, 3, 20)}, 1,
              {{4, {2, 3, 19, 20}, 0, {1140, 20, 60, 1}, 0, {1140, 380, 20, 1}}}),
    MOVE_CASE("concatenation", CLARUS_FLOAT32, 0, 1, 1, S(2, 3, 12), {S(2, 3, 5), S(2, 3, 1), S(2, 3, 6)}, 3,
              {{2, {3, 5}, 0, {5, 1}, 0, {12, 1}},
               {2, {3, 1}, 0, {1, 1}, 5, {12, 1}},
               {2, {3, 6}, 0, {6, 1}, 6, {12, 1}}}),
    MOVE_CASE("concatenation of channels, blocked", CLARUS_FLOAT32, 1, 1, 1, S(4, 2, 56, 5, 6),
              {S(4, 2, 32, 5, 6), S(4, 2, 24, 5, 6)}, 2,
              {{2, {2, 960}, 0, {960, 1}, 0, {1680, 1}}, {2, {2, 720}, 0, {720, 1}, 960, {1680, 1}}}),
    MOVE_CASE("concatenation of channels, not whole blocks", CLARUS_FLOAT32, 1, 1, 1, S(4, 2, 34, 5, 6),
              {S(4, 2, 10, 5, 6), S(4, 2, 24, 5, 6)}, 2,
              {{2, {2, 300}, 0, {300, 1}, 0, {1020, 1}}, {2, {2, 720}, 0, {720, 1}, 300, {1020, 1}}}),
    MOVE_CASE("padding with a value", CLARUS_FLOAT32, 0, 0, -1, S(2, 9, 30), {S(2, 5, 20)}, 1,
              {{2, {5, 20}, 0, {20, 1}, 2 * 30 + 4, {30, 1}}}),
    MOVE_CASE("reversed, every third", CLARUS_FLOAT32, 0, 1, -1, S(1, 40), {S(1, 120)}, 1,
              {{1, {40}, 119, {-3}, 0, {1}}}),
    MOVE_CASE("repetition", CLARUS_FLOAT32, 0, 1, -1, S(3, 4, 6, 50), {S(2, 6, 1)}, 1,
              {{3, {4, 6, 50}, 0, {0, 1, 0}, 0, {300, 50, 1}}}),
    MOVE_CASE("transposition of int8", CLARUS_INT8, 0, 1, -1, S(2, 50, 37), {S(2, 37, 50)}, 1,
              {{2, {50, 37}, 0, {1, 50}, 0, {37, 1}}}),
    MOVE_CASE("padding of int16 with a value", CLARUS_INT16, 0, 0, -1, S(2, 9, 30), {S(2, 5, 20)}, 1,
              {{2, {5, 20}, 0, {20, 1}, 2 * 30 + 4, {30, 1}}}),
    MOVE_CASE("padding of uint64 with a value", CLARUS_UINT64, 0, 0, -1, S(2, 9, 30), {S(2, 5, 20)}, 1,
              {{2, {5, 20}, 0, {20, 1}, 2 * 30 + 4, {30, 1}}}),
    CHANNELS_CASE("10 with 24, from the third on", 2, 2, {10, 24}, 5, 6, 1, 2, 32),
    CHANNELS_CASE("58 with 58, first half of the shuffle", 2, 2, {58, 58}, 7, 7, 2, 0, 58),
    CHANNELS_CASE("58 with 58, second half of the shuffle", 2, 2, {58, 58}, 7, 7, 2, 58, 58),
    CHANNELS_CASE("40 with 40, 80, in 5 groups", 1, 3, {40, 40, 80}, 9, 31, 5, 0, 160),
    CHANNELS_CASE("16 with 17, in 3 groups", 3, 2, {16, 17}, 3, 70, 3, 1, 31),
    CHANNELS_CASE("24 with 44, in 4 groups", 2, 2, {24, 44}, 5, 5, 4, 6, 61),
    CHANNELS_CASE("72 with 24, in 8 groups", 2, 2, {72, 24}, 5, 5, 8, 0, 96),
    CHANNELS_CASE("whole blocks, the second", 2, 2, {32, 48}, 5, 6, 1, 16, 16),
    CHANNELS_CASE("whole blocks, shuffled", 1, 2, {32, 32}, 6, 6, 2, 0, 64),
    CHANNELS_CASE("ten times 12", 2, 10, {12}, 4, 5, 1, 0, 120),
    CHANNELS_CASE("twelve times 3, more than one launch can take", 2, 12, {3}, 4, 5, 1, 0, 36),
    CHANNELS_CASE("twenty times 1, more than one block can have", 2, 20, {1}, 4, 5, 2, 3, 17),
    REORDER_CASE("37 channels of 14x14", 2, 37, 14, 14),
    REORDER_CASE("16 channels of 1x1", 3, 16, 1, 1),
    REORDER_CASE("20 channels of 2x2", 3, 20, 2, 2),
    REORDER_CASE("32 channels of 3x35", 1, 32, 3, 35),
};

/* Every function of eltwise.def comes after the table. */
static const eltwise_function functions[] = {
#define ELTWISE(name, arity, expression) ELTWISE_##name,
#include "eltwise.def"
#undef ELTWISE
};

enum { CASES = sizeof cases / sizeof *cases, FUNCTIONS = sizeof functions / sizeof *functions };

size_t verify_generic_count(void)
{
    return CASES + FUNCTIONS;
}

verify_case verify_generic_get(size_t i)
{
    if (i < CASES)
        return cases[i];
    const eltwise_function *function = &functions[i - CASES];
    return (verify_case){"eltwise", eltwise_name(*function), build_function, function};
}
