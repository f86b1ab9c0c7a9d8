/* Indices that come with the inputs: one that is out of range ends the run with an error that names the node,
 * the index and its place, the first of several, on every device alike; and the session runs on.
 *
 *     fault [DEVICE] */
#include "onnx_builder.h"
#include "test.h"

typedef struct fault_case {
    const char *op, *inputs;
    size_t data_rank, index_rank, update_rank; /* 0: no updates */
    int64_t data[3], index[3], update[3];
    int64_t good[6], bad[6];
    const char *message;
} fault_case;

static const fault_case cases[] = {
    {"Gather", "x i", 2, 1, 0, {5, 2}, {3}, {0}, {4, 0, -5}, {4, 5, -6}, "index 5, element 1 of its indices"},
    {"Gather", "x i", 1, 1, 0, {5}, {3}, {0}, {4, 0, -5}, {4, 0, -6}, "index -6, element 2 of its indices"},
    {"Gather",
     "x i",
     1,
     1,
     0,
     {5},
     {2},
     {0},
     {4, 0},
     {INT64_MAX, INT64_MIN},
     "index 9223372036854775807, element 0"},
    {"GatherElements",
     "x i",
     2,
     2,
     0,
     {5, 2},
     {3, 2},
     {0},
     {4, 0, -5, 1, 2, 3},
     {4, 0, 5, 1, 2, 3},
     "index 5, element 2"},
    {"GatherND",
     "x i",
     2,
     2,
     0,
     {5, 2},
     {3, 2},
     {0},
     {4, 0, -5, 1, 2, 1},
     {4, 0, 0, 2, 5, 0},
     "index 2, element 3"},
    {"ScatterElements",
     "x i u",
     2,
     2,
     2,
     {5, 2},
     {3, 2},
     {3, 2},
     {4, 0, -5, 1, 2, 3},
     {4, 0, 1, -6, 2, 9},
     "index -6, element 3"},
    {"ScatterND", "x i u", 2, 2, 2, {2, 5}, {3, 1}, {3, 5}, {1, 0, -2}, {1, 2, -3}, "index 2, element 1"},
};
enum { CASES = sizeof cases / sizeof *cases };

static clarus_context *context;
static clarus_device *device;

static clarus_tensor *make_tensor(clarus_dtype dtype, size_t rank, const int64_t *dims, const int64_t *values)
{
    clarus_tensor *t = NULL;
    CHECK(clarus_tensor_create(context, dtype, rank, dims, &t, NULL) == CLARUS_OK, "no tensor");
    for (size_t k = 0; values && t && k < clarus_tensor_count(t); k++)
        ((int64_t *)clarus_tensor_data(t))[k] = values[k];
    return t;
}

static clarus_status run(clarus_session *session, const fault_case *c, const int64_t *indices,
                         clarus_error *error)
{
    clarus_tensor *inputs[] = {make_tensor(CLARUS_FLOAT32, c->data_rank, c->data, NULL),
                               make_tensor(CLARUS_INT64, c->index_rank, c->index, indices),
                               make_tensor(CLARUS_FLOAT32, c->update_rank, c->update, NULL)};
    clarus_tensor *output = NULL;
    clarus_status status = clarus_session_run(session, (const clarus_tensor *const *)inputs,
                                              c->update_rank ? 3 : 2, &output, 1, error);
    clarus_tensor_free(inputs[0]);
    clarus_tensor_free(inputs[1]);
    clarus_tensor_free(inputs[2]);
    clarus_tensor_free(output);
    return status;
}

static void test_case(const fault_case *c)
{
    builder b;
    clarus_model *model = NULL;
    clarus_session *session = NULL;
    clarus_error error = {CLARUS_OK, ""};
    builder_start(&b, 18);
    builder_input(&b, "x", CLARUS_FLOAT32, c->data_rank, c->data);
    builder_input(&b, "i", CLARUS_INT64, c->index_rank, c->index);
    if (c->update_rank)
        builder_input(&b, "u", CLARUS_FLOAT32, c->update_rank, c->update);
    builder_node(&b, c->op, c->inputs, "y")->name = builder_text(&b, "picks");
    builder_output(&b, "y");
    builder_finish(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &model, &error) == CLARUS_OK &&
              clarus_session_create(context, device, model, NULL, &session, &error) == CLARUS_OK,
          "%s: %s", c->op, error.message);
    if (session) {
        CHECK(run(session, c, c->good, &error) == CLARUS_OK, "%s: %s", c->op, error.message);
        CHECK(run(session, c, c->bad, &error) == CLARUS_E_SHAPE, "%s", c->op);
        CHECK(strstr(error.message, "node \"picks\"") && strstr(error.message, c->message), "%s: %s", c->op,
              error.message);
        CHECK(run(session, c, c->good, &error) == CLARUS_OK, "%s, afterwards: %s", c->op, error.message);
    }
    clarus_session_free(session);
    clarus_model_free(model);
    builder_free(&b);
}

int main(int argc, char **argv)
{
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, argc == 2 ? argv[1] : "reference", &device, &error) != CLARUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    for (size_t k = 0; k < CASES; k++)
        test_case(&cases[k]);
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
