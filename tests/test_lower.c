/* Lowering: what each operator means in its opsets, shapes and refusals, folding of constants, and the
 * passes.
 *
 * Small models are run by the oracle with inputs that count 1, 2, 3, ... (minus an offset where a test says
 * so). */
#include "test.h"

#include "../fallback/oracle.h"
#include "model.h"
#include "onnx_builder.h"

#include <math.h>

enum { MOST = 4096 };

static clarus_context *context;
static float first_value = 1;

/* One run of a model. */
typedef struct run {
    clarus_model *model;
    lowered_graph *graph;
    float out[4][MOST];
    clarus_error error;
} run;

static void fill_inputs(const lowered_graph *graph, float inputs[4][MOST])
{
    for (size_t i = 0; i < graph->input_count; i++) {
        int64_t count = 0;
        shape_count(&graph->values[graph->inputs[i]].shape, &count);
        for (int64_t k = 0; k < count; k++)
            inputs[i][k] = first_value + (float)k;
    }
}

static clarus_status run_model(builder *b, const clarus_session_options *options, run *r)
{
    static float inputs[4][MOST];
    shape shapes[4];
    memset(r, 0, sizeof *r);
    builder_finish(b);
    clarus_status status = clarus_model_parse(context, b->bytes, b->size, &r->model, &r->error);
    if (status == CLARUS_OK)
        status = model_bind(r->model, options, shapes, NULL, &r->error);
    if (status == CLARUS_OK)
        status = model_lower(r->model, shapes, &r->graph, &r->error);
    if (status == CLARUS_OK) {
        const void *in[4] = {inputs[0], inputs[1], inputs[2], inputs[3]};
        void *out[4] = {r->out[0], r->out[1], r->out[2], r->out[3]};
        fill_inputs(r->graph, inputs);
        status = oracle_run(r->graph, 1, in, out, NULL, &r->error);
    }
    return status;
}

static void run_free(run *r)
{
    lowered_free(r->graph);
    clarus_model_free(r->model);
}

/* The first output has this shape and these values. The builder is freed. */
static void expect(builder *b, int line, const char *wanted, const float *values)
{
    static run r;
    char text[SHAPE_TEXT];
    clarus_status status = run_model(b, NULL, &r);
    CHECK(status == CLARUS_OK, "line %d: %s", line, r.error.message);
    if (status == CLARUS_OK) {
        const shape *s = &r.graph->values[r.graph->outputs[0]].shape;
        int64_t count = 0;
        CHECK(!strcmp(shape_text(s, text), wanted), "line %d: shape %s, not %s", line, text, wanted);
        shape_count(s, &count);
        for (int64_t i = 0; i < count && !strcmp(text, wanted); i++)
            CHECK(r.out[0][i] == values[i], "line %d, element %lld: %g, not %g", line, (long long)i,
                  (double)r.out[0][i], (double)values[i]);
    }
    run_free(&r);
    builder_free(b);
}

#define EXPECT(builder, shape, ...) expect(builder, __LINE__, shape, (const float[]){__VA_ARGS__})

static void refuse(builder *b, int line, clarus_status expected, const char *text)
{
    static run r;
    clarus_status status = run_model(b, NULL, &r);
    CHECK(status == expected && strstr(r.error.message, text), "line %d: %s: \"%s\" (wanted \"%s\")", line,
          clarus_status_name(status), r.error.message, text);
    run_free(&r);
    builder_free(b);
}

#define REFUSE(builder, status, text) refuse(builder, __LINE__, status, text)

/* A model of one node: x of this shape, further inputs to be added as initializers, output y. */
static Onnx__Node *one_node(builder *b, int64_t opset, const char *op, const char *inputs, size_t rank,
                            const int64_t *dims)
{
    builder_start(b, opset);
    builder_input(b, "x", CLARUS_FLOAT32, rank, dims);
    builder_output(b, "y");
    return builder_node(b, op, inputs, "y");
}

static void floats(builder *b, const char *name, size_t rank, const int64_t *dims, const float *values)
{
    builder_initializer(b, name, CLARUS_FLOAT32, rank, dims, values);
}

static void longs(builder *b, const char *name, size_t count, const int64_t *values)
{
    builder_initializer(b, name, CLARUS_INT64, 1, (int64_t[]){(int64_t)count}, values);
}

#define DIMS(...)                                                                                            \
    (const int64_t[])                                                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define FLOATS(...)                                                                                          \
    (const float[])                                                                                          \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

/* ---- Windows */

static Onnx__Node *conv_line(builder *b, const float *w)
{
    Onnx__Node *node = one_node(b, 11, "Conv", "x w", 3, DIMS(1, 1, 4));
    floats(b, "w", 3, DIMS(1, 1, 2), w);
    return node;
}

static void test_conv(void)
{
    builder b;
    conv_line(&b, FLOATS(10, 1));
    EXPECT(&b, "1x1x3", 12, 23, 34);
    builder_string(&b, conv_line(&b, FLOATS(10, 1)), "auto_pad", "SAME_UPPER");
    EXPECT(&b, "1x1x4", 12, 23, 34, 40);
    builder_string(&b, conv_line(&b, FLOATS(10, 1)), "auto_pad", "SAME_LOWER");
    EXPECT(&b, "1x1x4", 1, 12, 23, 34);
    Onnx__Node *node = conv_line(&b, FLOATS(10, 1));
    builder_ints(&b, node, "strides", 1, DIMS(2));
    builder_ints(&b, node, "pads", 2, DIMS(1, 2));
    EXPECT(&b, "1x1x3", 1, 23, 40);
    builder_ints(&b, conv_line(&b, FLOATS(10, 1)), "dilations", 1, DIMS(3));
    EXPECT(&b, "1x1x1", 14);
    node = one_node(&b, 11, "Conv", "x w b", 4, DIMS(1, 2, 1, 2));
    builder_int(&b, node, "group", 2);
    floats(&b, "w", 4, DIMS(2, 1, 1, 1), FLOATS(1, 10));
    floats(&b, "b", 1, DIMS(2), FLOATS(100, 200));
    EXPECT(&b, "1x2x1x2", 101, 102, 230, 240);
    builder_ints(&b, conv_line(&b, FLOATS(1, 1)), "dilations", 1, DIMS(4));
    REFUSE(&b, CLARUS_E_SHAPE,
           "node \"Conv_0\" (Conv): kernel 2 with dilation 4 is larger than the padded input 1x1x4");
    conv_line(&b, FLOATS(1, INFINITY));
    REFUSE(&b, CLARUS_E_UNSUPPORTED, "weight \"w\" is not finite at element 1");
    builder_int(&b, conv_line(&b, FLOATS(1, 1)), "group", 3);
    REFUSE(&b, CLARUS_E_SHAPE, "input 1x1x4 with weights 1x1x2 in 3 groups");
    builder_ints(&b, conv_line(&b, FLOATS(1, 1)), "strides", 1, DIMS(INT64_MAX));
    REFUSE(&b, CLARUS_E_FORMAT, "strides: 9223372036854775807");
    builder_ints(&b, conv_line(&b, FLOATS(1, 1)), "pads", 2, DIMS(INT64_MAX, 1));
    REFUSE(&b, CLARUS_E_UNSUPPORTED, "pads 9223372036854775807 and 1");
    builder_float(&b, conv_line(&b, FLOATS(1, 1)), "strides", 2);
    REFUSE(&b, CLARUS_E_FORMAT, "attribute \"strides\" has a wrong type");
}

static Onnx__Node *pool_line(builder *b, const char *op, int64_t kernel, int64_t stride)
{
    Onnx__Node *node = one_node(b, 19, op, "x", 3, DIMS(1, 1, 5));
    builder_ints(b, node, "kernel_shape", 1, DIMS(kernel));
    builder_ints(b, node, "strides", 1, DIMS(stride));
    return node;
}

static void test_pool(void)
{
    builder b;
    pool_line(&b, "MaxPool", 2, 2);
    EXPECT(&b, "1x1x2", 2, 4);
    builder_int(&b, pool_line(&b, "MaxPool", 2, 2), "ceil_mode", 1);
    EXPECT(&b, "1x1x3", 2, 4, 5);
    builder_ints(&b, pool_line(&b, "MaxPool", 2, 1), "dilations", 1, DIMS(3));
    EXPECT(&b, "1x1x2", 4, 5);
    builder_ints(&b, pool_line(&b, "AveragePool", 2, 2), "pads", 2, DIMS(1, 0));
    EXPECT(&b, "1x1x3", 1, 2.5f, 4.5f);
    Onnx__Node *node = pool_line(&b, "AveragePool", 2, 2);
    builder_ints(&b, node, "pads", 2, DIMS(1, 0));
    builder_int(&b, node, "count_include_pad", 1);
    EXPECT(&b, "1x1x3", 0.5f, 2.5f, 4.5f);
    node = pool_line(&b, "AveragePool", 4,
                     3); /* the last window has two taps, and none beyond the padding counts */
    builder_int(&b, node, "ceil_mode", 1);
    builder_int(&b, node, "count_include_pad", 1);
    EXPECT(&b, "1x1x2", 2.5f, 4.5f);
    builder_ints(&b, pool_line(&b, "MaxPool", 2, 1), "pads", 2, DIMS(2, 0));
    REFUSE(&b, CLARUS_E_UNSUPPORTED, "lies in the padding alone");
    one_node(&b, 11, "GlobalAveragePool", "x", 4, DIMS(1, 2, 1, 2));
    EXPECT(&b, "1x2x1x1", 1.5f, 3.5f);
    one_node(&b, 11, "GlobalMaxPool", "x", 3, DIMS(1, 2, 3));
    EXPECT(&b, "1x2x1", 3, 6);
}

/* ---- Matrices */

static void test_matmul(void)
{
    builder b;
    one_node(&b, 13, "MatMul", "x w", 2, DIMS(1, 2));
    floats(&b, "w", 2, DIMS(2, 3), FLOATS(1, 2, 3, 10, 20, 30));
    EXPECT(&b, "1x3", 21, 42, 63);
    one_node(&b, 13, "MatMul", "x w", 3, DIMS(2, 1, 2)); /* a row for each of the batch */
    floats(&b, "w", 1, DIMS(2), FLOATS(1, 10));
    EXPECT(&b, "2x1", 21, 43);
    one_node(&b, 13, "MatMul", "w x", 3, DIMS(2, 2, 1)); /* the left factor is shared */
    floats(&b, "w", 2, DIMS(1, 2), FLOATS(1, 10));
    EXPECT(&b, "2x1x1", 21, 43);
    one_node(&b, 13, "MatMul", "x w", 1, DIMS(2));
    floats(&b, "w", 1, DIMS(2), FLOATS(1, 10));
    EXPECT(&b, "scalar", 21);
    one_node(&b, 13, "MatMul", "x w", 2, DIMS(2, 2));
    floats(&b, "w", 2, DIMS(3, 1), FLOATS(1, 2, 3));
    REFUSE(&b, CLARUS_E_SHAPE, "matrices 2x2 and 3x1 do not fit");
    Onnx__Node *node = one_node(&b, 13, "Gemm", "x w c", 2, DIMS(2, 1));
    builder_int(&b, node, "transA", 1);
    builder_int(&b, node, "transB", 1);
    builder_float(&b, node, "alpha", 2);
    builder_float(&b, node, "beta", 3);
    floats(&b, "w", 2, DIMS(2, 2), FLOATS(1, 2, 3, 4));
    floats(&b, "c", 1, DIMS(1), FLOATS(10));
    EXPECT(&b, "1x2", 40, 52);
    one_node(&b, 13, "Gemm", "x w c", 2, DIMS(1, 1));
    floats(&b, "w", 2, DIMS(1, 2), FLOATS(1, 2));
    floats(&b, "c", 2, DIMS(2, 2), FLOATS(1, 2, 3, 4));
    REFUSE(&b, CLARUS_E_SHAPE, "third operand does not fit the product 1x2");
}

/* ---- Element-wise operators */

static void test_eltwise(void)
{
    builder b;
    first_value = -2;
    one_node(&b, 13, "Relu", "x", 1, DIMS(4));
    EXPECT(&b, "4", 0, 0, 0, 1);
    builder_float(&b, one_node(&b, 6, "LeakyRelu", "x", 1, DIMS(4)), "alpha", 0.5f);
    EXPECT(&b, "4", -1, -0.5f, 0, 1);
    Onnx__Node *node = one_node(&b, 6, "Clip", "x", 1, DIMS(4));
    builder_float(&b, node, "min", -1);
    builder_float(&b, node, "max", 0.5f);
    EXPECT(&b, "4", -1, -1, 0, 0.5f);
    one_node(&b, 11, "Clip", "x - high", 1, DIMS(4));
    floats(&b, "high", 0, NULL, FLOATS(-1));
    EXPECT(&b, "4", -2, -1, -1, -1);
    one_node(&b, 13, "PRelu", "x slope", 2, DIMS(2, 2));
    floats(&b, "slope", 2, DIMS(2, 1), FLOATS(10, 20));
    EXPECT(&b, "2x2", -20, -10, 0, 1);
    builder_float(&b, one_node(&b, 13, "ThresholdedRelu", "x", 1, DIMS(5)), "alpha", 1);
    EXPECT(&b, "5", 0, 0, 0, 0, 2);
    one_node(&b, 13, "Sign", "x", 1, DIMS(5));
    EXPECT(&b, "5", -1, -1, 0, 1, 1);
    one_node(&b, 13, "Softsign", "x", 1, DIMS(4));
    EXPECT(&b, "4", -2.0f / 3, -0.5f, 0, 0.5f);
    one_node(&b, 13, "HardSwish", "x", 1, DIMS(1));
    REFUSE(&b, CLARUS_E_UNSUPPORTED, "not supported in this opset");
    first_value = 1;
    one_node(&b, 13, "Sub", "x y0", 2, DIMS(1, 2));
    floats(&b, "y0", 2, DIMS(2, 1), FLOATS(1, 2));
    EXPECT(&b, "2x2", 0, 1, -1, 0);
    one_node(&b, 13, "Sub", "x y0", 1, DIMS(3));
    floats(&b, "y0", 1, DIMS(2), FLOATS(1, 2));
    REFUSE(&b, CLARUS_E_SHAPE, "shapes 3 and 2 do not fit each other");
    node = one_node(&b, 6, "Add", "x y0", 3, DIMS(1, 2, 2)); /* y lies along the axis named */
    builder_int(&b, node, "broadcast", 1);
    builder_int(&b, node, "axis", 1);
    floats(&b, "y0", 1, DIMS(2), FLOATS(10, 20));
    EXPECT(&b, "1x2x2", 11, 12, 23, 24);
    one_node(&b, 13, "Mean", "x y0 x", 1, DIMS(2));
    floats(&b, "y0", 1, DIMS(2), FLOATS(4, 5));
    EXPECT(&b, "2", 2, 3);
    one_node(&b, 13, "Pow", "x two", 1, DIMS(2)); /* an exponent of another type */
    builder_initializer(&b, "two", CLARUS_INT64, 0, NULL, &(int64_t){2});
    EXPECT(&b, "2", 1, 4);
}

/* ---- Reductions */

static void test_reduce(void)
{
    builder b;
    builder_ints(&b, one_node(&b, 11, "ReduceSum", "x", 2, DIMS(2, 2)), "axes", 1, DIMS(-1));
    EXPECT(&b, "2x1", 3, 7);
    Onnx__Node *node = one_node(&b, 13, "ReduceSum", "x axes", 2, DIMS(2, 2));
    builder_int(&b, node, "keepdims", 0);
    longs(&b, "axes", 1, DIMS(0));
    EXPECT(&b, "2", 4, 6);
    one_node(&b, 18, "ReduceMean", "x", 2, DIMS(2, 2));
    EXPECT(&b, "1x1", 2.5f);
    builder_int(&b, one_node(&b, 18, "ReduceMax", "x", 2, DIMS(1, 2)), "noop_with_empty_axes", 1);
    EXPECT(&b, "1x2", 1, 2);
    builder_int(&b, one_node(&b, 18, "ReduceSumSquare", "x", 2, DIMS(1, 2)), "noop_with_empty_axes", 1);
    EXPECT(&b, "1x2", 1, 4);
    builder_int(&b, one_node(&b, 18, "ReduceL2", "x", 2, DIMS(1, 2)), "noop_with_empty_axes", 1);
    EXPECT(&b, "1x2", 1, 2);
    builder_int(&b, one_node(&b, 18, "ReduceLogSum", "x", 2, DIMS(1, 1)), "noop_with_empty_axes", 1);
    EXPECT(&b, "1x1", 0);
    one_node(&b, 11, "ReduceL2", "x", 1, DIMS(2));
    EXPECT(&b, "1", sqrtf(5));
    builder_ints(&b, one_node(&b, 11, "ReduceProd", "x", 2, DIMS(2, 2)), "axes", 1, DIMS(2));
    REFUSE(&b, CLARUS_E_SHAPE, "axis 2 of a value of 2 dimensions");
    /* Up to opset 12 all axes from the given one on are one distribution. */
    one_node(&b, 12, "Softmax", "x", 3, DIMS(1, 2, 2));
    static run r;
    CHECK(run_model(&b, NULL, &r) == CLARUS_OK, "%s", r.error.message);
    float sum = r.out[0][0] + r.out[0][1] + r.out[0][2] + r.out[0][3];
    CHECK(fabsf(sum - 1) < 1e-6f, "opset 12: the whole sums to %g", (double)sum);
    run_free(&r);
    b.opset.version = 13;
    CHECK(run_model(&b, NULL, &r) == CLARUS_OK, "%s", r.error.message);
    CHECK(fabsf(r.out[0][0] + r.out[0][1] - 1) < 1e-6f, "opset 13: the last axis");
    run_free(&r);
    builder_free(&b);
}

/* ---- Shapes and moves */

static void reshape_to(builder *b, const int64_t *wanted, size_t count)
{
    one_node(b, 14, "Reshape", "x s", 3, DIMS(1, 2, 3));
    longs(b, "s", count, wanted);
}

static void test_shapes(void)
{
    builder b;
    reshape_to(&b, DIMS(0, -1), 2);
    EXPECT(&b, "1x6", 1, 2, 3, 4, 5, 6);
    reshape_to(&b, DIMS(3, 2), 2);
    EXPECT(&b, "3x2", 1, 2, 3, 4, 5, 6);
    reshape_to(&b, DIMS(4, -1), 2);
    REFUSE(&b, CLARUS_E_SHAPE, "1x2x3 cannot become 4x1");
    reshape_to(&b, DIMS(-1, -1), 2);
    REFUSE(&b, CLARUS_E_SHAPE, "with -1 on axis 1");
    reshape_to(&b, DIMS(INT64_MAX, INT64_MAX), 2);
    REFUSE(&b, CLARUS_E_SHAPE, "is too large");
    builder_int(&b, one_node(&b, 13, "Flatten", "x", 3, DIMS(1, 2, 2)), "axis", -1);
    EXPECT(&b, "2x2", 1, 2, 3, 4);
    builder_ints(&b, one_node(&b, 11, "Squeeze", "x", 3, DIMS(1, 2, 1)), "axes", 1, DIMS(0));
    EXPECT(&b, "2x1", 1, 2);
    one_node(&b, 13, "Squeeze", "x", 3, DIMS(1, 2, 1));
    EXPECT(&b, "2", 1, 2);
    one_node(&b, 13, "Unsqueeze", "x axes", 1, DIMS(2));
    longs(&b, "axes", 2, DIMS(0, -1));
    EXPECT(&b, "1x2x1", 1, 2);
    builder_ints(&b, one_node(&b, 13, "Transpose", "x", 3, DIMS(1, 2, 3)), "perm", 3, DIMS(2, 0, 1));
    EXPECT(&b, "3x1x2", 1, 4, 2, 5, 3, 6);
    builder_ints(&b, one_node(&b, 13, "Transpose", "x", 2, DIMS(2, 2)), "perm", 2, DIMS(1, 1));
    REFUSE(&b, CLARUS_E_SHAPE, "names axis 1 twice");
}

static void slice_line(builder *b, const int64_t *s) /* start, end, step */
{
    one_node(b, 13, "Slice", "x start end axis step", 1, DIMS(5));
    longs(b, "start", 1, s);
    longs(b, "end", 1, s + 1);
    longs(b, "axis", 1, DIMS(-1));
    longs(b, "step", 1, s + 2);
}

static void test_slices(void)
{
    builder b;
    slice_line(&b, DIMS(1, 4, 2));
    EXPECT(&b, "2", 2, 4);
    slice_line(&b, DIMS(-1, INT64_MIN, -2));
    EXPECT(&b, "3", 5, 3, 1);
    slice_line(&b, DIMS(-100, 100, 1));
    EXPECT(&b, "5", 1, 2, 3, 4, 5);
    slice_line(&b, DIMS(4, 0, INT64_MIN));
    EXPECT(&b, "1", 5);
    slice_line(&b, DIMS(0, 1, 0));
    REFUSE(&b, CLARUS_E_SHAPE, "step 0 on axis 0");
    Onnx__Node *node = one_node(&b, 9, "Slice", "x", 2, DIMS(2, 2));
    builder_ints(&b, node, "starts", 1, DIMS(1));
    builder_ints(&b, node, "ends", 1, DIMS(2));
    EXPECT(&b, "1x2", 3, 4);
    node = one_node(&b, 18, "Split", "x", 1, DIMS(5)); /* 2, 2, 1; the last part is the output looked at */
    node->n_output = builder_names(&b, "p q y", &node->output);
    builder_int(&b, node, "num_outputs", 3);
    EXPECT(&b, "1", 5);
    node = one_node(&b, 11, "Split", "x", 1, DIMS(5));
    node->n_output = builder_names(&b, "p y", &node->output);
    builder_ints(&b, node, "split", 2, DIMS(3, 3));
    REFUSE(&b, CLARUS_E_SHAPE, "part 1 has 3 of an extent of 5");
    builder_int(&b, one_node(&b, 13, "Concat", "x w x", 2, DIMS(1, 1)), "axis", 1);
    floats(&b, "w", 2, DIMS(1, 2), FLOATS(8, 9));
    EXPECT(&b, "1x4", 1, 8, 9, 1);
    builder_int(&b, one_node(&b, 13, "Concat", "x w", 2, DIMS(1, 1)), "axis", 1);
    floats(&b, "w", 2, DIMS(2, 1), FLOATS(8, 9));
    REFUSE(&b, CLARUS_E_SHAPE, "1x1 and 2x1 do not fit along axis 1");
}

static void gather_from(builder *b, size_t rank, const int64_t *dims, const int64_t *indices)
{
    builder_int(b, one_node(b, 13, "Gather", "x i", 2, DIMS(2, 3)), "axis", 1);
    builder_initializer(b, "i", CLARUS_INT64, rank, dims, indices);
}

static void pad_line(builder *b, const char *mode, const int64_t *pads)
{
    builder_string(b, one_node(b, 13, "Pad", "x pads value", 1, DIMS(3)), "mode", mode);
    longs(b, "pads", 2, pads);
    floats(b, "value", 0, NULL, FLOATS(9));
}

static void test_moves(void)
{
    builder b;
    gather_from(&b, 0, NULL, DIMS(-1));
    EXPECT(&b, "2", 3, 6);
    gather_from(&b, 1, DIMS(2), DIMS(2, 0));
    EXPECT(&b, "2x2", 3, 1, 6, 4);
    gather_from(&b, 1, DIMS(3), DIMS(2, 0, 0));
    EXPECT(&b, "2x3", 3, 1, 1, 6, 4, 4);
    gather_from(&b, 1, DIMS(1), DIMS(3));
    REFUSE(&b, CLARUS_E_SHAPE, "index 3, element 0 of its indices, is outside an axis of 3");
    pad_line(&b, "constant", DIMS(1, 2));
    EXPECT(&b, "6", 9, 1, 2, 3, 9, 9);
    pad_line(&b, "constant", DIMS(-1, 1));
    EXPECT(&b, "3", 2, 3, 9);
    pad_line(&b, "reflect", DIMS(2, 1));
    EXPECT(&b, "6", 3, 2, 1, 2, 3, 2);
    pad_line(&b, "edge", DIMS(1, 1));
    EXPECT(&b, "5", 1, 1, 2, 3, 3);
    pad_line(&b, "wrap", DIMS(1, 1));
    EXPECT(&b, "5", 3, 1, 2, 3, 1);
    one_node(&b, 13, "Expand", "x s", 2, DIMS(2, 1));
    longs(&b, "s", 3, DIMS(2, 1, 2));
    EXPECT(&b, "2x2x2", 1, 1, 2, 2, 1, 1, 2, 2);
    one_node(&b, 13, "Tile", "x r", 2, DIMS(1, 2));
    longs(&b, "r", 2, DIMS(2, 2));
    EXPECT(&b, "2x4", 1, 2, 1, 2, 1, 2, 1, 2);
    builder_int(&b, one_node(&b, 13, "DepthToSpace", "x", 4, DIMS(1, 4, 1, 2)), "blocksize", 2);
    EXPECT(&b, "1x1x2x4", 1, 3, 2, 4, 5, 7, 6, 8);
    builder_int(&b, one_node(&b, 13, "SpaceToDepth", "x", 4, DIMS(1, 1, 2, 4)), "blocksize", 2);
    EXPECT(&b, "1x4x1x2", 1, 3, 2, 4, 5, 7, 6, 8);
}

/* x of 3x3, counting from 1. */
static void triangle(builder *b, int64_t upper, int64_t k)
{
    Onnx__Node *node = one_node(b, 14, "Trilu", "x k", 2, DIMS(3, 3));
    builder_int(b, node, "upper", upper);
    longs(b, "k", 1, &k);
}

static void crop_pad(builder *b, const int64_t *extent, int64_t axis)
{
    Onnx__Node *node = one_node(b, 18, "CenterCropPad", "x s", 2, DIMS(1, 5));
    builder_ints(b, node, "axes", 1, &axis);
    longs(b, "s", 1, extent);
}

static void test_parts(void)
{
    builder b;
    triangle(&b, 1, 0);
    EXPECT(&b, "3x3", 1, 2, 3, 0, 5, 6, 0, 0, 9);
    triangle(&b, 0, -1);
    EXPECT(&b, "3x3", 0, 0, 0, 4, 0, 0, 7, 8, 0);
    triangle(&b, 1, INT64_MAX);
    EXPECT(&b, "3x3", 0, 0, 0, 0, 0, 0, 0, 0, 0);
    one_node(&b, 14, "Trilu", "x", 1, DIMS(3));
    REFUSE(&b, CLARUS_E_SHAPE, "a value of 1 dimensions is no matrix");
    crop_pad(&b, DIMS(2), 1);
    EXPECT(&b, "1x2", 2, 3);
    crop_pad(&b, DIMS(8), -1);
    EXPECT(&b, "1x8", 0, 1, 2, 3, 4, 5, 0, 0);
    crop_pad(&b, DIMS(0), 1);
    EXPECT(&b, "1x0", 0);
    crop_pad(&b, DIMS(-1), 1);
    REFUSE(&b, CLARUS_E_SHAPE, "extent -1");
    Onnx__Node *eye = one_node(&b, 9, "EyeLike", "x", 2, DIMS(2, 3));
    builder_int(&b, eye, "k", 1);
    EXPECT(&b, "2x3", 0, 1, 0, 0, 0, 1);
    builder_int(&b, one_node(&b, 9, "EyeLike", "x", 2, DIMS(2, 3)), "k", INT64_MIN);
    EXPECT(&b, "2x3", 0, 0, 0, 0, 0, 0);
    one_node(&b, 10, "ReverseSequence", "x n", 2, DIMS(3, 2)); /* time is axis 0 */
    longs(&b, "n", 2, DIMS(2, 3));
    EXPECT(&b, "3x2", 3, 6, 1, 4, 5, 2);
    Onnx__Node *rows = one_node(&b, 10, "ReverseSequence", "x n", 3, DIMS(2, 2, 2));
    builder_int(&b, rows, "batch_axis", 0);
    builder_int(&b, rows, "time_axis", 1);
    longs(&b, "n", 2, DIMS(2, 1));
    EXPECT(&b, "2x2x2", 3, 4, 1, 2, 5, 6, 7, 8);
    one_node(&b, 10, "ReverseSequence", "x n", 2, DIMS(3, 2));
    longs(&b, "n", 2, DIMS(4, 0));
    REFUSE(&b, CLARUS_E_SHAPE, "a length of 4 in sequences of 3");
    pad_line(&b, "constant", DIMS(-4, 3));
    EXPECT(&b, "2", 9, 9);
    pad_line(&b, "constant", DIMS(-3, -1));
    REFUSE(&b, CLARUS_E_SHAPE, "the padded value is negative or too large");
}

static void range(builder *b, clarus_dtype dtype, const void *start, const void *limit, const void *delta)
{
    builder_start(b, 13);
    builder_initializer(b, "a", dtype, 0, NULL, start);
    builder_initializer(b, "b", dtype, 0, NULL, limit);
    builder_initializer(b, "c", dtype, 0, NULL, delta);
    builder_node(b, "Range", "a b c", "r");
    builder_int(b, builder_node(b, "Cast", "r", "y"), "to", CLARUS_FLOAT32);
    builder_output(b, "y");
}

static void test_ranges(void)
{
    builder b;
    range(&b, CLARUS_FLOAT32, FLOATS(1), FLOATS(2), FLOATS(0.3f));
    EXPECT(&b, "4", 1, 1 + 0.3f, 1 + 2 * 0.3f, 1 + 3 * 0.3f);
    range(&b, CLARUS_INT64, DIMS(10), DIMS(-5), DIMS(-6));
    EXPECT(&b, "3", 10, 4, -2);
    range(&b, CLARUS_INT64, DIMS(INT64_MIN), DIMS(INT64_MAX), DIMS(INT64_MAX));
    EXPECT(&b, "3", -0x1p63f, -1, 0x1p63f);
    range(&b, CLARUS_INT64, DIMS(1), DIMS(1), DIMS(1));
    EXPECT(&b, "0", 0);
    range(&b, CLARUS_INT64, DIMS(0), DIMS(INT64_MAX), DIMS(1));
    REFUSE(&b, CLARUS_E_LIMIT, "a range from 0 to 9.22337e+18 by 1");
    range(&b, CLARUS_INT64, DIMS(0), DIMS(3), DIMS(0));
    REFUSE(&b, CLARUS_E_LIMIT, "by 0");
}

static Onnx__Node *resize_line(builder *b, const char *mode, int64_t extent, const float *scale)
{
    Onnx__Node *node = one_node(b, 19, "Resize", "x - scales", 1, &extent);
    builder_string(b, node, "mode", mode);
    floats(b, "scales", 1, DIMS(1), scale);
    return node;
}

static void test_resize(void)
{
    builder b;
    resize_line(&b, "linear", 2, FLOATS(2));
    EXPECT(&b, "4", 1, 1.25f, 1.75f, 2);
    builder_int(&b, resize_line(&b, "linear", 4, FLOATS(0.5f)), "antialias", 1);
    EXPECT(&b, "2", 1.625f, 3.375f); /* (1 + 1) / 8 + 3 / 8 (1 + 2) ... */
    builder_string(&b, resize_line(&b, "nearest", 2, FLOATS(2)), "coordinate_transformation_mode",
                   "asymmetric");
    EXPECT(&b, "4", 1, 1, 2, 2); /* 0.5 goes down, 1.5 too */
    builder_string(&b, resize_line(&b, "nearest", 3, FLOATS(0.333333343f)), "coordinate_transformation_mode",
                   "asymmetric");
    EXPECT(&b, "1", 1); /* 3 times a third is one element */
    resize_line(&b, "cubic", 3, FLOATS(1));
    EXPECT(&b, "3", 1, 2, 3);
    Onnx__Node *crop = one_node(&b, 13, "Resize", "x roi - sizes", 1, DIMS(3));
    builder_string(&b, crop, "mode", "linear");
    builder_string(&b, crop, "coordinate_transformation_mode", "tf_crop_and_resize");
    builder_float(&b, crop, "extrapolation_value", 9);
    floats(&b, "roi", 1, DIMS(2), FLOATS(-0.5f, 1));
    longs(&b, "sizes", 1, DIMS(4));
    EXPECT(&b, "4", 9, 1, 2, 3);
    one_node(&b, 9, "Upsample", "x scales", 1, DIMS(2));
    floats(&b, "scales", 1, DIMS(1), FLOATS(1.5f));
    EXPECT(&b, "3", 1, 1, 2);
    builder_int(&b, resize_line(&b, "linear", 2, FLOATS(1e-30f)), "antialias", 1);
    EXPECT(&b, "0", 0); /* no elements */
    resize_line(&b, "linear", 2, FLOATS(-1));
    REFUSE(&b, CLARUS_E_SHAPE, "scale -1 of an extent of 2");
    resize_line(&b, "lanczos", 2, FLOATS(2));
    REFUSE(&b, CLARUS_E_FORMAT, "mode \"lanczos\"");
    one_node(&b, 19, "Resize", "x - - sizes", 1, DIMS(2));
    longs(&b, "sizes", 2, DIMS(1, 4));
    REFUSE(&b, CLARUS_E_SHAPE, "2 sizes for 1 axes");
}

static Onnx__Node *transposed_line(builder *b, int64_t stride)
{
    Onnx__Node *node = one_node(b, 11, "ConvTranspose", "x w", 3, DIMS(1, 1, 3));
    floats(b, "w", 3, DIMS(1, 1, 2), FLOATS(10, 1));
    builder_ints(b, node, "strides", 1, &stride);
    return node;
}

static void test_transposed(void)
{
    builder b;
    transposed_line(&b, 2);
    EXPECT(&b, "1x1x6", 10, 1, 20, 2, 30, 3);
    transposed_line(&b, 1);
    EXPECT(&b, "1x1x4", 10, 21, 32, 3);
    builder_ints(&b, transposed_line(&b, 2), "pads", 2, DIMS(2, 0));
    EXPECT(&b, "1x1x4", 20, 2, 30, 3);
    builder_ints(&b, transposed_line(&b, 3), "output_shape", 1, DIMS(9)); /* one more than there is */
    EXPECT(&b, "1x1x9", 10, 1, 0, 20, 2, 0, 30, 3, 0);
    builder_ints(&b, transposed_line(&b, 1), "pads", 2, DIMS(2, 2));
    REFUSE(&b, CLARUS_E_SHAPE, "pads 2 and 2 leave no output");
    builder_string(&b, transposed_line(&b, INT64_MIN), "auto_pad", "SAME_UPPER");
    REFUSE(&b, CLARUS_E_FORMAT, "strides: -9223372036854775808");
    builder_int(&b, transposed_line(&b, 1), "group", 2);
    REFUSE(&b, CLARUS_E_SHAPE, "input 1x1x3 with weights 1x1x2 in 2 groups");
}

/* A column of equal weights. */
static void integer_line(builder *b, int64_t channels, int8_t weight)
{
    int8_t *data = builder_alloc(b, (size_t)channels);
    memset(data, weight, (size_t)channels);
    builder_initializer(b, "w", CLARUS_INT8, 2, DIMS(channels, 1), data);
}

/* The float32 operations of kind MATMUL that a product of bytes is made of. */
static size_t count_products(int64_t channels, int8_t weight)
{
    static run r;
    builder b;
    size_t count = 0;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 2, DIMS(1, channels));
    integer_line(&b, channels, weight);
    builder_int(&b, builder_node(&b, "Cast", "x", "q"), "to", CLARUS_UINT8);
    builder_node(&b, "MatMulInteger", "q w", "sum");
    builder_int(&b, builder_node(&b, "Cast", "sum", "y"), "to", CLARUS_FLOAT32);
    builder_output(&b, "y");
    CHECK(run_model(&b, NULL, &r) == CLARUS_OK, "%s", r.error.message);
    int64_t wanted = 0; /* the input counts from 1, and bytes end at 255 */
    for (int64_t i = 1; i <= channels; i++)
        wanted += weight * (i < 255 ? i : 255);
    CHECK(r.out[0][0] == (float)wanted, "%g, not %lld", (double)r.out[0][0], (long long)wanted);
    for (size_t i = 0; r.graph && i < r.graph->op_count; i++)
        count += r.graph->ops[i].kind == OP_MATMUL;
    run_free(&r);
    builder_free(&b);
    return count;
}

static Onnx__Node *unpool_line(builder *b, const int64_t *places)
{
    Onnx__Node *node = one_node(b, 11, "MaxUnpool", "x places", 3, DIMS(1, 1, 2));
    builder_initializer(b, "places", CLARUS_INT64, 3, DIMS(1, 1, 2), places);
    builder_ints(b, node, "kernel_shape", 1, DIMS(2));
    builder_ints(b, node, "strides", 1, DIMS(2));
    return node;
}

static void test_unpool(void)
{
    builder b;
    unpool_line(&b, DIMS(3, 0));
    EXPECT(&b, "1x1x4", 2, 0, 0, 1);
    unpool_line(&b, DIMS(3, 4));
    REFUSE(&b, CLARUS_E_SHAPE, "4");
    builder_ints(&b, unpool_line(&b, DIMS(3, 0)), "pads", 2, DIMS(2, 2));
    REFUSE(&b, CLARUS_E_SHAPE, "outside an axis of 0 elements");
}

/* Blocks of 2 that overlap by one in a line of 3, after one element of padding; rows are positions in a
 * block. */
static void start_columns(builder *b, int64_t rows)
{
    builder_ints(b, one_node(b, 18, "Col2Im", "x image block", 3, DIMS(1, rows, 3)), "pads", 2, DIMS(1, 0));
    longs(b, "image", 1, DIMS(3));
    longs(b, "block", 1, DIMS(2));
}

static void test_col2im(void)
{
    builder b;
    start_columns(&b, 2);
    EXPECT(&b, "1x1x3", 6, 8, 6);
    start_columns(&b, 4);
    EXPECT(&b, "1x2x3", 6, 8, 6, 18, 20, 12);
    start_columns(&b, 3);
    REFUSE(&b, CLARUS_E_SHAPE, "columns of 3 by 3 for 3 blocks of 2");
    start_columns(&b, 1);
    REFUSE(&b, CLARUS_E_SHAPE, "a block of 2");
}

/* Det of `matrix`, which the input, counting from 1, becomes by an addition. */
static void start_det(builder *b, int64_t n, const float *matrix)
{
    float offsets[16];
    for (int64_t i = 0; i < n * n; i++)
        offsets[i] = matrix[i] - (float)(i + 1);
    builder_start(b, 22);
    builder_input(b, "x", CLARUS_FLOAT32, 3, DIMS(1, n, n));
    floats(b, "offsets", 3, DIMS(1, n, n), offsets);
    builder_node(b, "Add", "x offsets", "m");
    builder_node(b, "Det", "m", "y");
    builder_output(b, "y");
}

static void test_det(void)
{
    builder b;
    start_det(&b, 1, FLOATS(-7));
    EXPECT(&b, "1", -7);
    start_det(&b, 3, FLOATS(2, 0, 1, 1, 3, 2, 1, 1, 4));
    EXPECT(&b, "1", 18);
    start_det(&b, 4, FLOATS(0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0)); /* an odd permutation */
    EXPECT(&b, "1", -1);
    one_node(&b, 11, "Det", "x", 2, DIMS(2, 3));
    REFUSE(&b, CLARUS_E_SHAPE, "2x3 is not square");
    one_node(&b, 11, "Det", "x", 2, DIMS(9, 9));
    REFUSE(&b, CLARUS_E_UNSUPPORTED, "9x9");
}

static void test_quantised(void)
{
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 1, DIMS(4));
    floats(&b, "scale", 0, NULL, FLOATS(2));
    builder_initializer(&b, "zero", CLARUS_INT8, 0, NULL, (const int8_t[]){126});
    builder_node(&b, "QuantizeLinear", "x scale zero", "q");
    builder_int(&b, builder_node(&b, "Cast", "q", "y"), "to", CLARUS_FLOAT32);
    builder_output(&b, "y");
    EXPECT(&b, "4", 126, 127, 127, 127); /* 0.5 is rounded to even, 1.5 and 2 are beyond the largest */
    CHECK(count_products(250, 1) == 1, "a product that float32 holds is one");
    CHECK(count_products(1000, 127) == 2, "a product that float32 cannot hold is cut");
}

/* ---- Constants */

/* Reshape to what exporters write for x.view(x.size(0), -1): nothing of it is left but a view. */
static void test_shape_arithmetic(void)
{
    static run r;
    builder b;
    builder_start(&b, 9);
    builder_input(&b, "x", CLARUS_FLOAT32, 3, DIMS(-1, 2, 2));
    builder_initializer(&b, "zero", CLARUS_INT64, 0, NULL, DIMS(0));
    longs(&b, "rest", 1, DIMS(-1));
    builder_node(&b, "Shape", "x", "shape");
    builder_node(&b, "Gather", "shape zero", "batch");
    builder_ints(&b, builder_node(&b, "Unsqueeze", "batch", "row"), "axes", 1, DIMS(0));
    builder_int(&b, builder_node(&b, "Concat", "row rest", "wanted"), "axis", 0);
    builder_node(&b, "Reshape", "x wanted", "y");
    builder_output(&b, "y");
    clarus_session_options options;
    clarus_session_options_init(&options);
    options.batch = 3;
    CHECK(run_model(&b, &options, &r) == CLARUS_OK, "%s", r.error.message);
    char text[SHAPE_TEXT];
    if (r.graph)
        CHECK(r.graph->op_count == 1 && r.graph->ops[0].kind == OP_VIEW && r.graph->value_count == 2 &&
                  !strcmp(shape_text(&r.graph->values[r.graph->outputs[0]].shape, text), "3x4"),
              "%zu operations, %s", r.graph->op_count, text);
    run_free(&r);
    builder_free(&b);
}

static void test_constants(void)
{
    builder b;
    one_node(&b, 13, "Add", "x c", 1, DIMS(2));
    longs(&b, "shape", 1, DIMS(2));
    builder_tensor_attribute(&b, builder_node(&b, "ConstantOfShape", "shape", "c"), "value",
                             builder_tensor(&b, CLARUS_FLOAT32, 1, DIMS(1), FLOATS(7)));
    EXPECT(&b, "2", 8, 9);
    one_node(&b, 13, "Add", "x c", 1, DIMS(2)); /* (2 > 1 ? 5 : 6) / 2, in integers, as float */
    longs(&b, "two", 1, DIMS(2));
    longs(&b, "one", 1, DIMS(1));
    longs(&b, "five", 1, DIMS(5));
    longs(&b, "six", 1, DIMS(6));
    builder_node(&b, "Greater", "two one", "more");
    builder_node(&b, "Where", "more five six", "chosen");
    builder_node(&b, "Div", "chosen two", "half");
    builder_int(&b, builder_node(&b, "Cast", "half", "c"), "to", CLARUS_FLOAT32);
    EXPECT(&b, "2", 3, 4);
    one_node(&b, 13, "Add", "x c", 1, DIMS(3));
    builder_initializer(&b, "start", CLARUS_FLOAT32, 0, NULL, FLOATS(5));
    builder_initializer(&b, "end", CLARUS_FLOAT32, 0, NULL, FLOATS(-1));
    builder_initializer(&b, "step", CLARUS_FLOAT32, 0, NULL, FLOATS(-2));
    builder_node(&b, "Range", "start end step", "c");
    EXPECT(&b, "3", 6, 5, 4);
    one_node(&b, 13, "Relu", "z", 1, DIMS(1)); /* an output that no input reaches */
    floats(&b, "z", 1, DIMS(2), FLOATS(-1, 4));
    EXPECT(&b, "2", 0, 4);
    one_node(&b, 13, "Identity", "x", 1, DIMS(2)); /* an output that is an input */
    EXPECT(&b, "2", 1, 2);
    one_node(&b, 13, "Add", "x c", 1, DIMS(2));
    longs(&b, "shape", 2, DIMS(1 << 20, 1 << 20));
    builder_node(&b, "ConstantOfShape", "shape", "c");
    REFUSE(&b, CLARUS_E_LIMIT, "exceed the limit");
    one_node(&b, 13, "Add", "x c", 1, DIMS(2));
    longs(&b, "shape", 2, DIMS(INT64_C(1) << 40, INT64_C(1) << 40));
    builder_node(&b, "ConstantOfShape", "shape", "c");
    REFUSE(&b, CLARUS_E_SHAPE, "the shape 1099511627776x1099511627776 is not possible");
}

/* x of 1, 2, 3, 4, 5, ... in integers, reduced, and back in floats. */
static void start_integers(builder *b, const char *op, size_t rank, const int64_t *dims)
{
    builder_start(b, 13);
    builder_input(b, "x", CLARUS_FLOAT32, rank, dims);
    builder_int(b, builder_node(b, "Cast", "x", "i"), "to", CLARUS_INT32);
    Onnx__Node *node = builder_node(b, op, "i", "r");
    if (strcmp(op, "ReduceSum") != 0) /* opset 13 has its axes as an input */
        builder_ints(b, node, "axes", 1, DIMS(1));
    builder_int(b, builder_node(b, "Cast", "r", "y"), "to", CLARUS_FLOAT32);
    builder_output(b, "y");
}

static void test_integer_reductions(void)
{
    builder b;
    start_integers(&b, "ReduceSum", 2, DIMS(2, 5));
    EXPECT(&b, "1x1", 55);
    start_integers(&b, "ReduceMax", 2, DIMS(2, 5));
    EXPECT(&b, "2x1", 5, 10);
    start_integers(&b, "ReduceMin", 2, DIMS(2, 1));
    EXPECT(&b, "2x1", 1, 2);
    start_integers(&b, "ReduceProd", 3, DIMS(1, 3, 2));
    EXPECT(&b, "1x1x2", 15, 48);
    start_integers(&b, "ReduceSumSquare", 2, DIMS(1, 3));
    EXPECT(&b, "1x1", 14);
    start_integers(&b, "ReduceProd", 2, DIMS(2, 0));
    EXPECT(&b, "2x1", 1, 1);
    start_integers(&b, "ReduceMean", 2, DIMS(1, 4));
    EXPECT(&b, "1x1", 2);
    start_integers(&b, "ReduceL1", 2, DIMS(1, 3));
    EXPECT(&b, "1x1", 6);
    start_integers(&b, "ReduceL2", 2, DIMS(1, 4)); /* the root of 30 */
    EXPECT(&b, "1x1", 5);
    start_integers(&b, "ReduceLogSum", 2, DIMS(1, 7)); /* the logarithm of 28 */
    EXPECT(&b, "1x1", 3);
    start_integers(&b, "ReduceLogSumExp", 2, DIMS(1, 6)); /* 6.46 */
    EXPECT(&b, "1x1", 6);
}

/* Values of a half-precision model are rounded after each node. */
static void test_half(void)
{
    static const uint16_t one = 0x3c00;
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT16, 1, DIMS(1));
    builder_initializer(&b, "w", CLARUS_FLOAT16, 1, DIMS(1), &one);
    builder_node(&b, "Add", "x w", "s");
    builder_node(&b, "Sub", "s w", "y");
    builder_output(&b, "y");
    first_value = 0x1p-11f; /* 1 + 2^-11 is half way between two halves, and becomes 1 */
    static run r;
    CHECK(run_model(&b, NULL, &r) == CLARUS_OK && r.out[0][0] == 0, "%s, %g", r.error.message,
          (double)r.out[0][0]);
    if (r.graph)
        CHECK(r.graph->values[r.graph->outputs[0]].declared == CLARUS_FLOAT16 &&
                  r.graph->values[r.graph->inputs[0]].declared == CLARUS_FLOAT16,
              "the model's types are lost");
    run_free(&r);
    builder_free(&b);
    first_value = 1;
}

/* ---- Passes */

/* Runs the model as it is, and with `kept` as a second output, which keeps it from being fused away. Both
 * give the same bits; they have `count` and `count_apart` operations. Leaves the first run in *r. */
static void compare_fused(builder *b, const char *kept, size_t count, size_t count_apart, run *r)
{
    static run apart;
    CHECK(run_model(b, NULL, r) == CLARUS_OK, "%s", r->error.message);
    builder_output(b, kept);
    CHECK(run_model(b, NULL, &apart) == CLARUS_OK, "%s", apart.error.message);
    if (r->graph && apart.graph) {
        CHECK(r->graph->op_count == count, "%zu operations, not %zu", r->graph->op_count, count);
        CHECK(apart.graph->op_count == count_apart, "%zu operations, not %zu", apart.graph->op_count,
              count_apart);
        CHECK(memcmp(r->out[0], apart.out[0], sizeof r->out[0]) == 0, "the bits differ");
    }
    run_free(&apart);
}

static void start_conv(builder *b)
{
    builder_start(b, 13);
    builder_input(b, "x", CLARUS_FLOAT32, 4, DIMS(1, 2, 3, 3));
    floats(b, "w", 4, DIMS(2, 2, 1, 1), FLOATS(0.1f, -0.3f, 0.7f, -0.9f));
    builder_node(b, "Conv", "x w", "c");
    builder_output(b, "y");
}

static void test_epilogues(void)
{
    static run r;
    builder b;
    start_conv(&b);
    builder_node(&b, "Add", "x c", "s");
    builder_node(&b, "Relu", "s", "y");
    compare_fused(&b, "c", 1, 2, &r);
    if (r.graph)
        CHECK(r.graph->ops[0].epilogue.has_residual && r.graph->ops[0].epilogue.has_function, "epilogue");
    run_free(&r);
    builder_free(&b);

    start_conv(&b); /* bias, found on the left */
    floats(&b, "bias", 3, DIMS(2, 1, 1), FLOATS(0.3f, 5));
    builder_node(&b, "Add", "bias c", "y");
    compare_fused(&b, "c", 1, 2, &r);
    run_free(&r);
    builder_free(&b);

    start_conv(&b); /* two convolutions: the later takes the other */
    builder_node(&b, "Conv", "x w", "d");
    builder_node(&b, "Add", "c d", "y");
    compare_fused(&b, "d", 2, 2, &r);
    if (r.graph)
        CHECK(!r.graph->ops[0].epilogue.has_residual && r.graph->ops[1].epilogue.has_residual, "residual");
    run_free(&r);
    builder_free(&b);

    start_conv(&b);
    builder_node(&b, "Sigmoid", "c", "g");
    builder_node(&b, "Mul", "g c", "y");
    compare_fused(&b, "g", 1, 3, &r);
    if (r.graph)
        CHECK(r.graph->ops[0].epilogue.function == ELTWISE_silu, "silu");
    run_free(&r);
    builder_free(&b);
}

/* A product's bias, residual and function behind a transpose of axes of extent 1 and a reshape, and a view
 * that splits the rows, which keeps them apart. */
static void test_views(void)
{
    static run r;
    builder b;
    for (int split = 0; split < 2; split++) {
        builder_start(&b, 13);
        builder_input(&b, "x", CLARUS_FLOAT32, 3, DIMS(2, 1, 3));
        builder_input(&b, "r", CLARUS_FLOAT32, split ? 4 : 3, split ? DIMS(1, 2, 2, 2) : DIMS(1, 2, 4));
        floats(&b, "w", 2, DIMS(3, 4), FLOATS(1, -0.5f, 0.25f, 3, 0.1f, 0.2f, -0.3f, 7, -1, 0.5f, 0.75f, -2));
        floats(&b, "bias", 1, DIMS(4), FLOATS(0.5f, -3, 2, 0.125f));
        longs(&b, "shape", 4, DIMS(1, 2, 2, 2));
        builder_node(&b, "MatMul", "x w", "m");
        builder_ints(&b, builder_node(&b, "Transpose", "m", "t"), "perm", 3, DIMS(1, 0, 2));
        builder_node(&b, "Add", "t bias", "a");
        builder_node(&b, split ? "Reshape" : "Identity", split ? "a shape" : "a", "v");
        builder_node(&b, "Add", "r v", "s");
        builder_node(&b, "Relu", "s", "y");
        builder_output(&b, "y");
        compare_fused(&b, "m", split ? 3 : 1, split ? 5 : 4, &r);
        run_free(&r);
        builder_free(&b);
    }
}

/* 1 + erf(c / 1.5) as "t", after a convolution. */
static void start_gelu(builder *b)
{
    start_conv(b);
    floats(b, "a", 0, DIMS(1), FLOATS(1.5f));
    floats(b, "one", 1, DIMS(1), FLOATS(1));
    floats(b, "half", 0, DIMS(1), FLOATS(0.5f));
    builder_node(b, "Div", "c a", "d");
    builder_node(b, "Erf", "d", "e");
    builder_node(b, "Add", "one e", "t");
}

static void test_gelu(void)
{
    static const char *const inner[][2] = {{"t c", "m half"}, {"c t", "half m"}, {"t half", "c m"}};
    static run r;
    builder b;
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        start_gelu(&b);
        builder_node(&b, "Mul", inner[i][0], "m");
        builder_node(&b, "Mul", inner[i][1], "y");
        compare_fused(&b, "t", 1, 5, &r);
        if (r.graph)
            CHECK(r.graph->ops[0].epilogue.function == ELTWISE_gelu, "gelu %zu", i);
        run_free(&r);
        builder_free(&b);
    }

    start_gelu(&b); /* another factor, and another sum */
    floats(&b, "third", 0, DIMS(1), FLOATS(0.3f));
    builder_node(&b, "Mul", "t c", "m");
    builder_node(&b, "Mul", "m third", "y");
    compare_fused(&b, "t", 5, 5, &r);
    run_free(&r);
    builder_free(&b);
    start_gelu(&b);
    builder_node(&b, "Add", "half e", "u");
    builder_node(&b, "Mul", "u c", "m");
    builder_node(&b, "Mul", "m half", "y");
    compare_fused(&b, "u", 5, 5, &r);
    run_free(&r);
    builder_free(&b);
}

static void test_batch_norm(void)
{
    static run r;
    builder b;
    static const float scale[2] = {1.1f, -0.7f}, offset[2] = {0.2f, 3}, mean[2] = {0.5f, -1},
                       var[2] = {2, 0.3f};
    static const float w[4] = {0.1f, -0.3f, 0.7f, -0.9f};
    for (int shared = 0; shared < 2; shared++) {
        start_conv(&b);
        floats(&b, "scale", 1, DIMS(2), scale);
        floats(&b, "offset", 1, DIMS(2), offset);
        floats(&b, "mean", 1, DIMS(2), mean);
        floats(&b, "var", 1, DIMS(2), var);
        builder_node(&b, "BatchNormalization", "c scale offset mean var", "n");
        builder_node(&b, "Relu", "n", "y");
        if (shared) /* then it stays an operation of its own */
            builder_output(&b, "c");
        CHECK(run_model(&b, NULL, &r) == CLARUS_OK, "%s", r.error.message);
        const lowered_op *op = r.graph ? &r.graph->ops[0] : NULL;
        if (op && !shared) {
            CHECK(r.graph->op_count == 1 && op->epilogue.has_bias && op->epilogue.has_function, "not folded");
            const float *new_w = r.graph->values[op->inputs[1]].data,
                        *new_b = r.graph->values[op->inputs[2]].data;
            for (int c = 0; c < 2; c++) {
                double s = (double)scale[c] / sqrt((double)var[c] + (double)1e-5f);
                volatile double shift = (0 - (double)mean[c]) * s;
                CHECK(new_b[c] == (float)(shift + (double)offset[c]), "bias %d", c);
                CHECK(new_w[2 * c + 1] == (float)((double)w[2 * c + 1] * s), "weight %d", c);
            }
        } else if (op) {
            CHECK(r.graph->op_count == 2 && r.graph->ops[1].as.eltwise.function == ELTWISE_mul_add, "folded");
        }
        run_free(&r);
        builder_free(&b);
    }
}

/* A model that pads x by one and gives it to this operator. */
static Onnx__Node *start_padded(builder *b, const char *op, const char *inputs)
{
    builder_start(b, 13);
    builder_input(b, "x", CLARUS_FLOAT32, 4, DIMS(1, 1, 3, 3));
    longs(b, "pads", 8, DIMS(0, 0, 1, 1, 0, 0, 1, 1));
    builder_node(b, "Pad", "x pads", "p");
    builder_output(b, "y");
    return builder_node(b, op, inputs, "y");
}

static void test_padding(void)
{
    static run r;
    builder b;
    start_padded(&b, "Conv", "p w");
    floats(&b, "w", 4, DIMS(1, 1, 2, 2), FLOATS(0.1f, 0.2f, 0.3f, 0.4f));
    compare_fused(&b, "p", 1, 2, &r);
    run_free(&r);
    builder_free(&b);

    builder_ints(&b, start_padded(&b, "AveragePool", "p"), "kernel_shape", 2, DIMS(2, 2));
    compare_fused(&b, "p", 1, 2, &r);
    run_free(&r);
    builder_free(&b);

    first_value = -100; /* zeros around negative values are the largest: padding of a maximum is no zero */
    builder_ints(&b, start_padded(&b, "MaxPool", "p"), "kernel_shape", 2, DIMS(2, 2));
    CHECK(run_model(&b, NULL, &r) == CLARUS_OK, "%s", r.error.message);
    CHECK(r.out[0][0] == 0, "%g", (double)r.out[0][0]);
    run_free(&r);
    builder_free(&b);
    first_value = 1;
}

/* ---- Input shapes */

static clarus_status bind(const clarus_model *model, const clarus_session_options *options, shape *shapes,
                          clarus_error *error)
{
    *error = (clarus_error){CLARUS_OK, ""};
    return model_bind(model, options, shapes, NULL, error);
}

/* Who asks for another batch than a model fixes is told where. */
static void test_fixed_batch(void)
{
    builder b;
    clarus_model *model;
    clarus_error error;
    clarus_session_options options;
    shape shapes[1];
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 3, DIMS(2, 3, 4));
    longs(&b, "other", 3, DIMS(-1, 2, 3));
    longs(&b, "wanted", 2, DIMS(2, 12));
    builder_node(&b, "Reshape", "x other", "turned");
    builder_node(&b, "Reshape", "turned wanted", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &model, &error) == CLARUS_OK, "%s", error.message);
    clarus_session_options_init(&options);
    for (options.batch = 0; options.batch <= 2; options.batch++)
        CHECK(bind(model, &options, shapes, &error) == CLARUS_OK && shapes[0].dims[0] == 2, "%s",
              error.message);
    options.batch = 8;
    CHECK(bind(model, &options, shapes, &error) == CLARUS_E_ARGUMENT &&
              strstr(error.message,
                     "batch 8: input \"x\" fixes it at 2, and so does node \"Reshape_1\" (Reshape)"),
          "%s", error.message);
    clarus_model_free(model);
    builder_free(&b);
}

static void test_binding(void)
{
    builder b;
    clarus_model *model;
    clarus_error error;
    clarus_session_options options;
    shape shapes[1];
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 3, DIMS(-1, 3, -1));
    builder_output(&b, "y");
    builder_node(&b, "Relu", "x", "y");
    builder_finish(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &model, &error) == CLARUS_OK, "%s", error.message);
    clarus_session_options_init(&options);
    CHECK(bind(model, &options, shapes, &error) == CLARUS_E_SHAPE &&
              strstr(error.message, "dimension 2 (d2) is open"),
          "%s", error.message);
    clarus_shape given = {"x", 3, {4, 3, 5}};
    options.shapes = &given;
    options.shape_count = 1;
    CHECK(bind(model, &options, shapes, &error) == CLARUS_OK && shapes[0].dims[0] == 4 &&
              shapes[0].dims[2] == 5,
          "%s", error.message);
    options.batch = 2;
    CHECK(bind(model, &options, shapes, &error) == CLARUS_E_SHAPE, "%s", error.message);
    options.batch = 0;
    given.dims[1] = 4;
    CHECK(bind(model, &options, shapes, &error) == CLARUS_E_SHAPE &&
              strstr(error.message, "dimension 1 is 3 in the model, 4 is given"),
          "%s", error.message);
    given.name = "z";
    CHECK(bind(model, &options, shapes, &error) == CLARUS_E_SHAPE && strstr(error.message, "\"z\""), "%s",
          error.message);
    clarus_model_free(model);
    builder_free(&b);
}

int main(void)
{
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK)
        return 1;
    test_conv();
    test_pool();
    test_matmul();
    test_eltwise();
    test_reduce();
    test_shapes();
    test_slices();
    test_moves();
    test_parts();
    test_ranges();
    test_resize();
    test_transposed();
    test_quantised();
    test_unpool();
    test_col2im();
    test_det();
    test_shape_arithmetic();
    test_constants();
    test_integer_reductions();
    test_half();
    test_epilogues();
    test_gelu();
    test_views();
    test_batch_norm();
    test_padding();
    test_binding();
    test_fixed_batch();
    clarus_context_free(context);
    return test_result();
}
