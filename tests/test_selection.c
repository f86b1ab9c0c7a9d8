/* Operators whose output's shape depends on data: NonZero, Compress, NonMaxSuppression, with values that only
 * the run brings. On the reference. */
#include "test.h"

#include "onnx_builder.h"

#include <math.h>
#include <stdio.h>

static clarus_context *context;
static clarus_device *device;

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

enum { MOST = 6 };

typedef struct given {
    clarus_dtype dtype;
    size_t rank;
    const int64_t *dims;
    const void *data;
} given;

/* Runs the node on the given inputs; the result is NULL on failure. */
static clarus_tensor *run(builder *b, const given *inputs, size_t count, clarus_error *error)
{
    clarus_model *model = NULL;
    clarus_session *session = NULL;
    clarus_tensor *in[MOST] = {NULL}, *out = NULL;
    *error = (clarus_error){CLARUS_OK, ""};
    builder_finish(b);
    clarus_status status = clarus_model_parse(context, b->bytes, b->size, &model, error);
    if (status == CLARUS_OK)
        status = clarus_session_create(context, device, model, NULL, &session, error);
    for (size_t i = 0; i < count && status == CLARUS_OK; i++) {
        status =
            clarus_tensor_create(context, inputs[i].dtype, inputs[i].rank, inputs[i].dims, &in[i], error);
        if (status == CLARUS_OK)
            memcpy(clarus_tensor_data(in[i]), inputs[i].data, clarus_tensor_size_bytes(in[i]));
    }
    if (status == CLARUS_OK)
        clarus_session_run(session, (const clarus_tensor *const *)in, count, &out, 1, error);
    for (size_t i = 0; i < MOST; i++)
        clarus_tensor_free(in[i]);
    clarus_session_free(session);
    clarus_model_free(model);
    return out;
}

static void start_node(builder *b, const char *op, const char *names, const given *inputs, size_t count)
{
    builder_start(b, 13);
    for (size_t i = 0; i < count; i++)
        builder_input(b, (const char[]){(char)('a' + (int)i), '\0'}, inputs[i].dtype, inputs[i].rank,
                      inputs[i].dims);
    builder_node(b, op, names, "y");
    builder_output(b, "y");
}

static void expect_int64s(builder *b, const given *inputs, size_t count, int64_t rows, int64_t columns,
                          const int64_t *values)
{
    clarus_error error;
    clarus_tensor *y = run(b, inputs, count, &error);
    CHECK(y, "%s", error.message);
    if (y) {
        const int64_t *dims = clarus_tensor_shape(y), *data = clarus_tensor_const_data(y);
        CHECK(clarus_tensor_rank(y) == 2 && dims[0] == rows && dims[1] == columns, "%lldx%lld",
              (long long)dims[0], (long long)dims[1]);
        for (int64_t i = 0; i < rows * columns && dims[0] == rows && dims[1] == columns; i++)
            CHECK(data[i] == values[i], "element %lld is %lld, not %lld", (long long)i, (long long)data[i],
                  (long long)values[i]);
    }
    clarus_tensor_free(y);
    builder_free(b);
}

static void test_nonzero(void)
{
    builder b;
    const float x[] = {0, -0.0f, NAN, 0, 1, 0};
    given in = {CLARUS_FLOAT32, 2, DIMS(2, 3), x};
    start_node(&b, "NonZero", "a", &in, 1);
    expect_int64s(&b, &in, 1, 2, 2, DIMS(0, 1, 2, 1));
    in = (given){CLARUS_BOOL, 1, DIMS(3), "\0\0"};
    start_node(&b, "NonZero", "a", &in, 1);
    expect_int64s(&b, &in, 1, 1, 0, NULL);
    in = (given){CLARUS_INT64, 1, DIMS(2), DIMS(0, INT64_MIN)};
    start_node(&b, "NonZero", "a", &in, 1);
    expect_int64s(&b, &in, 1, 1, 1, DIMS(1));
}

static void expect_compressed(int64_t axis, const char *condition, int64_t length, const char *wanted,
                              const char *message)
{
    builder b;
    clarus_error error;
    given in[] = {{CLARUS_UINT8, 2, DIMS(2, 3), "abcdef"}, {CLARUS_BOOL, 1, &length, condition}};
    start_node(&b, "Compress", "a b", in, 2);
    if (axis != INT64_MAX)
        builder_int(&b, b.nodes[0], "axis", axis);
    clarus_tensor *y = run(&b, in, 2, &error);
    if (message)
        CHECK(!y && strstr(error.message, message), "%s", error.message);
    else
        CHECK(y && clarus_tensor_count(y) == strlen(wanted) &&
                  memcmp(clarus_tensor_const_data(y), wanted, strlen(wanted)) == 0,
              "axis %lld, %s: %s", (long long)axis, wanted, error.message);
    clarus_tensor_free(y);
    builder_free(&b);
}

static void test_compress(void)
{
    expect_compressed(1, "\0\1\1", 3, "bcef", NULL);
    expect_compressed(-1, "\1", 1, "ad", NULL);
    expect_compressed(0, "\0\1", 2, "def", NULL);
    expect_compressed(INT64_MAX, "\1\0\0\0\1", 5, "ae", NULL);
    expect_compressed(0, "\0\0", 2, "", NULL);
    expect_compressed(0, "\1\1\1", 3, NULL, "(Compress): 3 conditions for 2 elements");
}

/* Two boxes that share 8/12, one apart from them, one turned round. */
static void test_suppression(void)
{
    static const float boxes[] = {0, 0, 1, 10, 0, 2, 1, 12, 5, 5, 6, 6, 6, 6, 5, 5};
    static const float scores[] = {0.5f, 0.75f, 0.25f, 0.25f, NAN, 0.5f, 0.5f, 0.125f};
    static const float half = 0.5f, most_of = 0.7f, some = 0.25f;
    given in[] = {{CLARUS_FLOAT32, 3, DIMS(1, 4, 4), boxes},
                  {CLARUS_FLOAT32, 3, DIMS(1, 2, 4), scores},
                  {CLARUS_INT64, 1, DIMS(1), DIMS(3)},
                  {CLARUS_FLOAT32, 1, DIMS(1), &half},
                  {CLARUS_FLOAT32, 1, DIMS(1), &some}};
    builder b;
    start_node(&b, "NonMaxSuppression", "a b c d", in, 4);
    expect_int64s(&b, in, 4, 4, 3, DIMS(0, 0, 1, 0, 0, 2, 0, 1, 1, 0, 1, 2));
    in[3].data = &most_of;
    start_node(&b, "NonMaxSuppression", "a b c d", in, 4);
    expect_int64s(&b, in, 4, 5, 3, DIMS(0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0, 1, 2));
    start_node(&b, "NonMaxSuppression", "a b c d e", in, 5);
    expect_int64s(&b, in, 5, 4, 3, DIMS(0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1, 2));
    in[2].data = DIMS(1);
    start_node(&b, "NonMaxSuppression", "a b c d e", in, 5);
    expect_int64s(&b, in, 5, 2, 3, DIMS(0, 0, 1, 0, 1, 1));
    start_node(&b, "NonMaxSuppression", "a b", in, 2);
    expect_int64s(&b, in, 2, 0, 3, NULL);
    start_node(&b, "NonMaxSuppression", "b b", in, 2);
    clarus_error error;
    CHECK(!run(&b, in, 2, &error) && strstr(error.message, "boxes of 1x2x4 with scores of 1x2x4"), "%s",
          error.message);
    builder_free(&b);
}

/* The same boxes by centre and extent. */
static void test_centered_boxes(void)
{
    static const float boxes[] = {0.5f, 5, 1, 10, 0.5f, 7, 1, 10};
    static const float scores[] = {0.5f, 0.75f}, half = 0.5f;
    given in[] = {{CLARUS_FLOAT32, 3, DIMS(1, 2, 4), boxes},
                  {CLARUS_FLOAT32, 3, DIMS(1, 1, 2), scores},
                  {CLARUS_INT64, 1, DIMS(1), DIMS(9)},
                  {CLARUS_FLOAT32, 1, DIMS(1), &half}};
    builder b;
    start_node(&b, "NonMaxSuppression", "a b c d", in, 4);
    builder_int(&b, b.nodes[0], "center_point_box", 1);
    expect_int64s(&b, in, 4, 1, 3, DIMS(0, 0, 1));
}

int main(void)
{
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, "reference", &device, &error) != CLARUS_OK)
        return 1;
    test_nonzero();
    test_compress();
    test_suppression();
    test_centered_boxes();
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
