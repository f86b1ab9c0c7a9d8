/* Sessions through the public interface: what they take and give. On the reference. */
#include "onnx_builder.h"
#include "test.h"

#include <string.h>

static clarus_context *context;
static clarus_device *device;

/* y = x - w in half precision, w = 1. */
static clarus_session *open_half(clarus_dtype dtype, clarus_model **model)
{
    static const uint16_t float16_one = 0x3c00, bfloat16_one = 0x3f80;
    const int64_t dims[] = {3}, one[] = {1};
    clarus_session *session = NULL;
    clarus_error error = {CLARUS_OK, ""};
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "x", dtype, 1, dims);
    builder_initializer(&b, "w", dtype, 1, one, dtype == CLARUS_FLOAT16 ? &float16_one : &bfloat16_one);
    builder_node(&b, "Sub", "x w", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, model, &error) == CLARUS_OK &&
              clarus_session_create(context, device, *model, NULL, &session, &error) == CLARUS_OK,
          "%s", error.message);
    builder_free(&b);
    return session;
}

/* Runs with three elements; the output's are compared with `expected`. */
static void run_half(clarus_session *session, clarus_dtype given, const void *data,
                     const uint16_t expected[3])
{
    const int64_t dims[] = {3};
    clarus_tensor *x = NULL, *y = NULL;
    clarus_error error = {CLARUS_OK, ""};
    CHECK(clarus_tensor_create(context, given, 1, dims, &x, &error) == CLARUS_OK, "%s", error.message);
    memcpy(clarus_tensor_data(x), data, clarus_tensor_size_bytes(x));
    const clarus_tensor *inputs[] = {x};
    clarus_status status = clarus_session_run(session, inputs, 1, &y, 1, &error);
    CHECK(status == CLARUS_OK, "%s", error.message);
    if (status == CLARUS_OK) {
        const uint16_t *got = clarus_tensor_const_data(y);
        CHECK(clarus_tensor_dtype(y) == clarus_session_output(session, 0)->dtype, "type %d",
              (int)clarus_tensor_dtype(y));
        CHECK(memcmp(got, expected, 3 * sizeof *got) == 0, "%04x %04x %04x", got[0], got[1], got[2]);
    }
    clarus_tensor_free(x);
    clarus_tensor_free(y);
}

/* A session has the model's types; float32 is rounded to the nearest half on its way in: 1 + 2^-11 is half
 * way between two, and 1 the even one. */
static void test_half(void)
{
    static const struct {
        clarus_dtype dtype;
        uint16_t x[3], y[3];
        float rounded;
    } cases[] = {{CLARUS_FLOAT16, {0x3c00, 0xc000, 0x0000}, {0x0000, 0xc200, 0xbc00}, 0x1.002p0f},
                 {CLARUS_BFLOAT16, {0x3f80, 0xc000, 0x0000}, {0x0000, 0xc040, 0xbf80}, 0x1.01p0f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clarus_model *model = NULL;
        clarus_session *session = open_half(cases[i].dtype, &model);
        if (session) {
            const float wide[] = {cases[i].rounded, -2, 0};
            CHECK(clarus_session_input(session, 0)->dtype == cases[i].dtype &&
                      clarus_session_output(session, 0)->dtype == cases[i].dtype,
                  "the model's types are lost");
            run_half(session, cases[i].dtype, cases[i].x, cases[i].y);
            run_half(session, CLARUS_FLOAT32, wide, cases[i].y);
        }
        clarus_session_free(session);
        clarus_model_free(model);
    }
}

static void test_wrong_type(void)
{
    const int64_t dims[] = {3};
    clarus_model *model = NULL;
    clarus_session *session = open_half(CLARUS_FLOAT16, &model);
    clarus_tensor *x = NULL, *y = NULL;
    clarus_error error = {CLARUS_OK, ""};
    CHECK(session && clarus_tensor_create(context, CLARUS_BFLOAT16, 1, dims, &x, &error) == CLARUS_OK, "%s",
          error.message);
    if (session && x) {
        const clarus_tensor *inputs[] = {x};
        CHECK(clarus_session_run(session, inputs, 1, &y, 1, &error) == CLARUS_E_SHAPE &&
                  strcmp(error.message, "input \"x\": bfloat16 3 was given, the model expects float16 3") ==
                      0,
              "%s", error.message);
    }
    clarus_tensor_free(x);
    clarus_session_free(session);
    clarus_model_free(model);
}

/* w = 1 + 2^-30, which float32 does not have: what is computed sees 1, a constant that is only moved or
 * converted keeps it. c = 2^24 + 1 as float64, then as int64. */
static void build_float64(builder *b)
{
    static const double w = 1 + 0x1p-30, c = 0x1000001;
    const int64_t dims[] = {2}, one[] = {1};
    builder_start(b, 13);
    builder_input(b, "x", CLARUS_FLOAT64, 1, dims);
    builder_initializer(b, "w", CLARUS_FLOAT64, 1, one, &w);
    builder_initializer(b, "c", CLARUS_FLOAT64, 1, one, &c);
    builder_node(b, "Sub", "x w", "difference");
    builder_int(b, builder_node(b, "Concat", "x w", "joined"), "axis", 0);
    builder_int(b, builder_node(b, "Concat", "w w", "kept"), "axis", 0);
    builder_int(b, builder_node(b, "Cast", "c", "whole"), "to", CLARUS_INT64);
    for (const char *const *name = (const char *const[]){"difference", "joined", "kept", "whole", NULL};
         *name; name++)
        builder_output(b, *name);
    builder_finish(b);
}

static void expect_float64(clarus_session *session, clarus_dtype given, const void *data)
{
    static const double difference[] = {0, -3}, joined[] = {1, -2, 1}, kept[] = {1 + 0x1p-30, 1 + 0x1p-30};
    static const int64_t whole[] = {0x1000001};
    const void *expected[] = {difference, joined, kept, whole};
    const int64_t dims[] = {2};
    clarus_tensor *x = NULL, *y[4] = {NULL};
    clarus_error error = {CLARUS_OK, ""};
    CHECK(clarus_tensor_create(context, given, 1, dims, &x, &error) == CLARUS_OK, "%s", error.message);
    memcpy(clarus_tensor_data(x), data, clarus_tensor_size_bytes(x));
    clarus_status status = clarus_session_run(session, (const clarus_tensor *const[]){x}, 1, y, 4, &error);
    CHECK(status == CLARUS_OK, "%s", error.message);
    for (size_t i = 0; i < 4 && status == CLARUS_OK; i++) {
        CHECK(clarus_tensor_dtype(y[i]) == (i < 3 ? CLARUS_FLOAT64 : CLARUS_INT64), "output %zu is %s", i,
              clarus_dtype_name(clarus_tensor_dtype(y[i])));
        CHECK(memcmp(clarus_tensor_const_data(y[i]), expected[i], clarus_tensor_size_bytes(y[i])) == 0,
              "output %zu begins with %.17g", i, *(const double *)clarus_tensor_const_data(y[i]));
        clarus_tensor_free(y[i]);
    }
    clarus_tensor_free(x);
}

/* float64 is rounded to float32 on its way in, and stays float64 outside. */
static void test_float64(void)
{
    static const double given[] = {1 + 0x1p-30, -2};
    static const float narrow[] = {1, -2};
    clarus_model *model = NULL;
    clarus_session *session = NULL;
    clarus_error error = {CLARUS_OK, ""};
    builder b;
    build_float64(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &model, &error) == CLARUS_OK &&
              clarus_session_create(context, device, model, NULL, &session, &error) == CLARUS_OK,
          "%s", error.message);
    if (session) {
        CHECK(clarus_session_narrows_float64(session), "what is carried as float32 is not told");
        expect_float64(session, CLARUS_FLOAT64, given);
        expect_float64(session, CLARUS_FLOAT32, narrow);
    }
    clarus_session_free(session);
    clarus_model_free(model);
    builder_free(&b);
}

/* A constant in float64 that is only converted is nothing to tell of. */
static void test_float64_constant(void)
{
    static const double two = 2;
    const int64_t one[] = {1};
    clarus_model *model = NULL;
    clarus_session *session = NULL;
    clarus_error error = {CLARUS_OK, ""};
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 1, one);
    builder_initializer(&b, "w", CLARUS_FLOAT64, 1, one, &two);
    builder_int(&b, builder_node(&b, "Cast", "w", "c"), "to", CLARUS_FLOAT32);
    builder_node(&b, "Mul", "x c", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &model, &error) == CLARUS_OK &&
              clarus_session_create(context, device, model, NULL, &session, &error) == CLARUS_OK,
          "%s", error.message);
    CHECK(session && !clarus_session_narrows_float64(session), "no value is computed in float64");
    clarus_session_free(session);
    clarus_model_free(model);
    builder_free(&b);
}

int main(void)
{
    clarus_error error = {CLARUS_OK, ""};
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, "reference", &device, &error) != CLARUS_OK) {
        CHECK(0, "%s", error.message);
        return test_result();
    }
    test_half();
    test_wrong_type();
    test_float64();
    test_float64_constant();
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
