/* Stages: several shapes from one session, and shapes that depend on values. */
#include "test.h"

#include "model.h"
#include "onnx_builder.h"
#include "stage.h"

static clarus_context *context;
static clarus_device *device;

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

/* A model, a session made without options, and its last outputs. */
typedef struct run {
    builder b;
    clarus_model *model;
    clarus_session *session;
    clarus_tensor *inputs[4], *outputs[2];
    size_t input_count, output_count;
    clarus_error error;
} run;

static void run_open(run *r)
{
    builder_finish(&r->b);
    r->error = (clarus_error){CLARUS_OK, ""};
    CHECK(clarus_model_parse(context, r->b.bytes, r->b.size, &r->model, &r->error) == CLARUS_OK &&
              clarus_session_create(context, device, r->model, NULL, &r->session, &r->error) == CLARUS_OK,
          "%s", r->error.message);
    r->output_count = r->model ? clarus_model_output_count(r->model) : 0;
}

static void run_release(run *r)
{
    for (size_t i = 0; i < 4; i++) {
        clarus_tensor_free(r->inputs[i]);
        r->inputs[i] = NULL;
    }
    for (size_t i = 0; i < 2; i++) {
        clarus_tensor_free(r->outputs[i]);
        r->outputs[i] = NULL;
    }
    r->input_count = 0;
}

static void run_close(run *r)
{
    run_release(r);
    clarus_session_free(r->session);
    clarus_model_free(r->model);
    builder_free(&r->b);
}

/* Numbers 0, 1, 2, ... */
static void give_floats(run *r, size_t rank, const int64_t *dims)
{
    clarus_tensor *t = NULL;
    CHECK(clarus_tensor_create(context, CLARUS_FLOAT32, rank, dims, &t, &r->error) == CLARUS_OK, "%s",
          r->error.message);
    for (size_t i = 0; t && i < clarus_tensor_count(t); i++)
        ((float *)clarus_tensor_data(t))[i] = (float)i;
    r->inputs[r->input_count++] = t;
}

static void give_int64s(run *r, size_t count, const int64_t *values)
{
    clarus_tensor *t = NULL;
    CHECK(clarus_tensor_create(context, CLARUS_INT64, 1, DIMS((int64_t)count), &t, &r->error) == CLARUS_OK,
          "%s", r->error.message);
    if (t)
        memcpy(clarus_tensor_data(t), values, count * sizeof *values);
    r->inputs[r->input_count++] = t;
}

static clarus_status run_once(run *r)
{
    r->error = (clarus_error){CLARUS_OK, ""};
    if (!r->session)
        return CLARUS_E_ARGUMENT;
    return clarus_session_run(r->session, (const clarus_tensor *const *)r->inputs, r->input_count, r->outputs,
                              r->output_count, &r->error);
}

/* Runs; output 0 has this shape and these numbers. */
static void expect(run *r, size_t rank, const int64_t *dims, const float *values)
{
    clarus_status status = run_once(r);
    const clarus_tensor *y = r->outputs[0];
    CHECK(status == CLARUS_OK, "%s", r->error.message);
    if (status == CLARUS_OK && clarus_tensor_rank(y) == rank &&
        memcmp(clarus_tensor_shape(y), dims, rank * sizeof *dims) == 0) {
        for (size_t i = 0; i < clarus_tensor_count(y); i++)
            CHECK(((const float *)clarus_tensor_const_data(y))[i] == values[i], "element %zu is %g, not %g",
                  i, (double)((const float *)clarus_tensor_const_data(y))[i], (double)values[i]);
    } else {
        CHECK(0, "the output has another shape");
    }
    run_release(r);
}

static void expect_failure(run *r, clarus_status wanted, const char *text)
{
    clarus_status status = run_once(r);
    CHECK(status == wanted && strstr(r->error.message, text), "%s: \"%s\" (wanted \"%s\")",
          clarus_status_name(status), r->error.message, text);
    CHECK(!r->outputs[0], "an output of a run that failed");
    run_release(r);
}

/* ---- Shapes of inputs */

static void test_open_shapes(void)
{
    run r = {0};
    builder_start(&r.b, 13);
    builder_input(&r.b, "x", CLARUS_FLOAT32, 2, DIMS(-1, -1));
    builder_node(&r.b, "Neg", "x", "n");
    builder_node(&r.b, "Transpose", "n", "y");
    builder_output(&r.b, "y");
    run_open(&r);
    CHECK(r.session && !clarus_session_is_planned(r.session) &&
              clarus_session_input(r.session, 0)->shape[0] == 1 &&
              clarus_session_input(r.session, 0)->shape[1] == -1 && clarus_session_macs(r.session) == 0,
          "what is known before the first run");
    for (int i = 0; i < 2; i++) { /* the second time from what is kept */
        give_floats(&r, 2, DIMS(2, 3));
        expect(&r, 2, DIMS(3, 2), (float[]){-0.0f, -3, -1, -4, -2, -5});
        CHECK(clarus_session_output(r.session, 0)->shape[0] == 3, "an output of %lld rows",
              (long long)clarus_session_output(r.session, 0)->shape[0]);
        give_floats(&r, 2, DIMS(1, 2));
        expect(&r, 2, DIMS(2, 1), (float[]){-0.0f, -1});
        CHECK(clarus_session_is_planned(r.session) && clarus_session_output(r.session, 0)->shape[0] == 2 &&
                  clarus_session_input(r.session, 0)->shape[1] == 2,
              "the session describes the last run");
    }
    give_floats(&r, 1, DIMS(2));
    expect_failure(&r, CLARUS_E_SHAPE, "input \"x\": float32 2 was given");
    run_close(&r);
}

/* ---- Values that shapes depend on */

static void test_input_as_shape(void)
{
    run r = {0};
    builder_start(&r.b, 13);
    builder_input(&r.b, "x", CLARUS_FLOAT32, 1, DIMS(6));
    builder_input(&r.b, "s", CLARUS_INT64, 1, DIMS(2));
    builder_node(&r.b, "Reshape", "x s", "m");
    builder_node(&r.b, "Transpose", "m", "y");
    builder_output(&r.b, "y");
    run_open(&r);
    CHECK(r.session && !clarus_session_is_planned(r.session), "a shape is known before its values");
    for (int i = 0; i < 2; i++) {
        give_floats(&r, 1, DIMS(6));
        give_int64s(&r, 2, DIMS(2, 3));
        expect(&r, 2, DIMS(3, 2), (float[]){0, 3, 1, 4, 2, 5});
        give_floats(&r, 1, DIMS(6));
        give_int64s(&r, 2, DIMS(-1, 2));
        expect(&r, 2, DIMS(2, 3), (float[]){0, 2, 4, 1, 3, 5});
        give_floats(&r, 1, DIMS(6));
        give_int64s(&r, 2, DIMS(4, 2));
        expect_failure(&r, CLARUS_E_SHAPE, "(Reshape): 6 cannot become 4x2");
    }
    run_close(&r);
}

/* s is reversed by a stage of its own, and repeats the result of the one before; r is another stage. */
static void test_computed_shapes(void)
{
    run r = {0};
    builder_start(&r.b, 13);
    builder_input(&r.b, "x", CLARUS_FLOAT32, 1, DIMS(6));
    builder_input(&r.b, "s", CLARUS_INT64, 1, DIMS(2));
    builder_input(&r.b, "r", CLARUS_INT64, 1, DIMS(1));
    builder_initializer(&r.b, "back", CLARUS_INT64, 1, DIMS(2), DIMS(1, 0));
    builder_initializer(&r.b, "one", CLARUS_INT64, 1, DIMS(1), DIMS(1));
    builder_node(&r.b, "Gather", "s back", "t");
    builder_node(&r.b, "Reshape", "x t", "m");
    builder_node(&r.b, "Concat", "one r", "repeats");
    builder_int(&r.b, r.b.nodes[2], "axis", 0);
    builder_node(&r.b, "Tile", "m repeats", "y");
    builder_output(&r.b, "y");
    run_open(&r);
    give_floats(&r, 1, DIMS(6));
    give_int64s(&r, 2, DIMS(3, 2));
    give_int64s(&r, 1, DIMS(2));
    expect(&r, 2, DIMS(2, 6), (float[]){0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
    give_floats(&r, 1, DIMS(6));
    give_int64s(&r, 2, DIMS(6, 1));
    give_int64s(&r, 1, DIMS(0));
    expect(&r, 2, DIMS(1, 0), NULL);
    run_close(&r);
}

/* ---- The stages themselves */

static void test_stages(void)
{
    run r = {0};
    builder_start(&r.b, 13);
    builder_input(&r.b, "x", CLARUS_FLOAT32, 2, DIMS(-1, 2));
    builder_input(&r.b, "s", CLARUS_INT64, 1, DIMS(1));
    builder_node(&r.b, "Reshape", "x s", "m");
    builder_node(&r.b, "Relu", "m", "y");
    builder_output(&r.b, "y");
    run_open(&r);
    stage_cache cache = {.context = context, .device = device, .model = r.model, .math = CLARUS_MATH_EXACT};
    shape shapes[2] = {{2, {1, 2}}, {1, {1}}};
    stage *first = NULL, *last = NULL;
    const float x[2 * STAGE_MOST] = {0};
    const int64_t s = -1;
    const void *inputs[] = {x, &s};
    CHECK(stage_first(&cache, shapes, &first, &r.error) == CLARUS_OK && first->yield_count == 1 &&
              !first->graph && !first->plan,
          "the first stage takes an input");
    CHECK(stage_reach(&cache, shapes, inputs, NULL, &last, &r.error) == CLARUS_OK && last->yield_count == 0 &&
              last->known_count == 1 && cache.count == 2,
          "the second is the last");
    uint64_t number = last->number;
    stage_reach(&cache, shapes, inputs, NULL, &last, &r.error);
    CHECK(last->number == number && cache.count == 2, "both are kept");
    for (int64_t rows = 2; rows <= STAGE_MOST; rows++) {
        shapes[0].dims[0] = rows;
        CHECK(stage_reach(&cache, shapes, inputs, NULL, &last, &r.error) == CLARUS_OK &&
                  cache.count <= STAGE_MOST,
              "%zu stages", cache.count);
    }
    shapes[0].dims[0] = 1;
    CHECK(stage_reach(&cache, shapes, inputs, NULL, &last, &r.error) == CLARUS_OK && last->number != number,
          "the stage that was not used for longest made room");
    stage_cache_release(&cache);
    run_close(&r);
}

int main(void)
{
    static const char *const names[] = {"reference", NULL};
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK)
        return 1;
    for (size_t i = 0; i < 2; i++) {
        if (clarus_device_open(context, names[i], &device, &error) != CLARUS_OK)
            return 1;
        test_open_shapes();
        test_input_as_shape();
        test_computed_shapes();
        test_stages();
        clarus_device_free(device);
    }
    clarus_context_free(context);
    return test_result();
}
