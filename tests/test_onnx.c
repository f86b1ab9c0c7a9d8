/* Reading ONNX: every form of data, every check of the graph, external data, damage, limits and lost memory.
 */
#include "convert.h"
#include "failing_allocator.h"
#include "model.h"
#include "onnx.h"
#include "onnx_builder.h"
#include "tensor.h"

#include <sys/stat.h>
#include <unistd.h>

static clarus_context *context;

/* y = Relu(Conv(x, w)), x [N, 1, 4, 4], w [2, 1, 3, 3]. */
static void build_conv(builder *b)
{
    static const float w[18] = {1, 2, 3, 4, 5, 6, 7, 8, 9, -1, 0, 1, 0, 2, 0, 1, 0, -1};
    builder_start(b, 13);
    builder_input(b, "x", CLARUS_FLOAT32, 4, (int64_t[]){-1, 1, 4, 4});
    builder_initializer(b, "w", CLARUS_FLOAT32, 4, (int64_t[]){2, 1, 3, 3}, w);
    builder_node(b, "Conv", "x w", "c");
    builder_node(b, "Relu", "c", "y");
    builder_output(b, "y");
}

static clarus_status parse(builder *b, clarus_model **model, clarus_error *error)
{
    *error = (clarus_error){CLARUS_OK, ""};
    builder_finish(b);
    return clarus_model_parse(context, b->bytes, b->size, model, error);
}

/* The model is refused with this status, and the message has this text in it. */
static void expect_refusal(builder *b, clarus_status expected, const char *text)
{
    clarus_model *model;
    clarus_error error;
    clarus_status status = parse(b, &model, &error);
    CHECK(status == expected && strstr(error.message, text), "%s: \"%s\" (wanted %s, \"%s\")",
          clarus_status_name(status), error.message, clarus_status_name(expected), text);
    CHECK(strncmp(error.message, "model: ", 7) == 0, "%s", error.message);
    clarus_model_free(model);
    builder_free(b);
}

static void test_getters(void)
{
    builder b;
    clarus_model *model;
    clarus_error error;
    size_t count = 0;
    build_conv(&b);
    builder_input(&b, "w", CLARUS_FLOAT32, 4, (int64_t[]){2, 1, 3, 3});
    CHECK(parse(&b, &model, &error) == CLARUS_OK, "%s", error.message);
    if (model) {
        const clarus_value_info *x = clarus_model_input(model, 0);
        CHECK(clarus_model_input_count(model) == 1, "an initializer counts as an input");
        CHECK(x->rank == 4 && x->shape[0] == -1 && x->shape[3] == 4 && !strcmp(x->symbol[0], "d0"), "input");
        CHECK(!strcmp(x->symbol[1], "") && x->dtype == CLARUS_FLOAT32, "input");
        CHECK(clarus_model_output_count(model) == 1 && !strcmp(clarus_model_output(model, 0)->name, "y"),
              "output");
        CHECK(!clarus_model_input(model, 1) && !clarus_model_output(model, 1), "out of range");
        CHECK(clarus_model_operator_count(model) == 2, "operators");
        CHECK(!strcmp(clarus_model_operator(model, 1, &count), "Relu") && count == 1, "operators are sorted");
        CHECK(clarus_model_parameters(model) == 18, "parameters");
        CHECK(clarus_model_opset(model) == 13, "opset");
        CHECK(model_batch_is_open(model) && clarus_model_unsupported_count(model) == 0, "model");
    }
    clarus_model_free(model);
    builder_free(&b);
}

/* ---- Tensors */

/* Packs one tensor and reads it back. */
static clarus_status reread(Onnx__Tensor *t, clarus_tensor **tensor, clarus_error *error)
{
    size_t size = onnx__tensor__get_packed_size(t);
    uint8_t *bytes = malloc(size + 1);
    onnx__tensor__pack(t, bytes);
    *error = (clarus_error){CLARUS_OK, ""};
    clarus_status status = onnx_read_tensor(context, bytes, size, tensor, error);
    free(bytes);
    return status;
}

static void test_typed_data(void)
{
    static float floats[3] = {1.5f, -2, 1e30f};
    static double doubles[3] = {1.5, -2, 1e300};
    static int64_t longs[3] = {1, -2, INT64_MAX};
    static uint64_t unsigneds[3] = {1, 2, UINT32_MAX};
    static int32_t ints[3] = {1, 127, 0x3c00};
    static const clarus_dtype types[] = {CLARUS_FLOAT32, CLARUS_UINT8,   CLARUS_INT8,   CLARUS_UINT16,
                                         CLARUS_INT16,   CLARUS_INT32,   CLARUS_INT64,  CLARUS_BOOL,
                                         CLARUS_FLOAT16, CLARUS_FLOAT64, CLARUS_UINT32, CLARUS_UINT64,
                                         CLARUS_BFLOAT16};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        builder b;
        clarus_tensor *tensor;
        clarus_error error;
        builder_start(&b, 13);
        Onnx__Tensor *t = builder_tensor(&b, types[i], 1, (int64_t[]){3}, NULL);
        const void *expected = ints;
        size_t size = clarus_dtype_size(types[i]), stride = sizeof *ints;
        if (types[i] == CLARUS_FLOAT32)
            t->float_data = floats, t->n_float_data = 3, expected = floats, stride = 4;
        else if (types[i] == CLARUS_FLOAT64)
            t->double_data = doubles, t->n_double_data = 3, expected = doubles, stride = 8;
        else if (types[i] == CLARUS_INT64)
            t->int64_data = longs, t->n_int64_data = 3, expected = longs, stride = 8;
        else if (types[i] == CLARUS_UINT32 || types[i] == CLARUS_UINT64)
            t->uint64_data = unsigneds, t->n_uint64_data = 3, expected = unsigneds, stride = 8;
        else
            t->int32_data = ints, t->n_int32_data = 3;
        CHECK(reread(t, &tensor, &error) == CLARUS_OK, "%s: %s", clarus_dtype_name(types[i]), error.message);
        for (size_t k = 0; k < 3 && tensor; k++)
            CHECK(!memcmp((char *)tensor->data + k * size, (const char *)expected + k * stride, size),
                  "%s, element %zu", clarus_dtype_name(types[i]), k);
        clarus_tensor_free(tensor);
        builder_free(&b);
    }
}

static void expect_tensor_refusal(builder *b, Onnx__Tensor *t, clarus_status expected, const char *text)
{
    clarus_tensor *tensor;
    clarus_error error;
    clarus_status status = reread(t, &tensor, &error);
    CHECK(status == expected && strstr(error.message, text), "%s: \"%s\" (wanted \"%s\")",
          clarus_status_name(status), error.message, text);
    clarus_tensor_free(tensor);
    builder_free(b);
}

static void test_wrong_tensors(void)
{
    static const float data[6] = {0};
    static int32_t ints[2] = {0};
    builder b;
    builder_start(&b, 13);
    Onnx__Tensor *t = builder_tensor(&b, CLARUS_FLOAT32, 2, (int64_t[]){2, 3}, data);
    t->dims[1] = 4;
    expect_tensor_refusal(&b, t, CLARUS_E_FORMAT, "24 bytes of data, the shape 2x4 of float32 needs 32");
    builder_start(&b, 13);
    t = builder_tensor(&b, CLARUS_FLOAT32, 1, (int64_t[]){1}, data);
    t->dims[0] = -1;
    expect_tensor_refusal(&b, t, CLARUS_E_FORMAT, "the shape -1 is not possible");
    builder_start(&b, 13);
    t = builder_tensor(&b, CLARUS_FLOAT32, 3, (int64_t[]){1, 1, 1}, data);
    t->dims[0] = t->dims[1] = t->dims[2] = INT64_C(1) << 31;
    expect_tensor_refusal(&b, t, CLARUS_E_FORMAT, "is not possible");
    builder_start(&b, 13);
    t = builder_tensor(&b, CLARUS_FLOAT32, 1, (int64_t[]){1}, data);
    t->dims[0] = INT64_C(1) << 40;
    expect_tensor_refusal(&b, t, CLARUS_E_LIMIT, "exceeds the limit");
    builder_start(&b, 13);
    t = builder_tensor(&b, CLARUS_FLOAT32, 9, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, data);
    expect_tensor_refusal(&b, t, CLARUS_E_UNSUPPORTED, "9 dimensions");
    builder_start(&b, 13);
    t = builder_tensor(&b, CLARUS_INT8, 1, (int64_t[]){3}, NULL);
    t->int32_data = ints;
    t->n_int32_data = 2;
    expect_tensor_refusal(&b, t, CLARUS_E_FORMAT, "2 elements, the shape 3 needs 3");
    builder_start(&b, 13);
    t = builder_tensor(&b, CLARUS_FLOAT32, 1, (int64_t[]){1}, data);
    t->data_type = 8; /* strings */
    expect_tensor_refusal(&b, t, CLARUS_E_UNSUPPORTED, "type 8");
}

/* Every half is widened and narrowed back; floats round to the nearest half, ties to even. */
static void test_halves(void)
{
    static const struct {
        float wide;
        uint16_t half, brain;
    } cases[] = {{1, 0x3c00, 0x3f80},     {65504, 0x7bff, 0x4780},        {65519.996f, 0x7bff, 0x4780},
                 {65520, 0x7c00, 0x4780}, {0x1p-24f, 1, 0x3380},          {0x1p-25f, 0, 0x3300},
                 {0x1.8p-24f, 2, 0x33c0}, {1 + 0x1p-11f, 0x3c00, 0x3f80}, {1 + 0x1.8p-10f, 0x3c02, 0x3f80},
                 {-0.0f, 0x8000, 0x8000}, {0x1.ff8p-15f, 0x3ff, 0x3880},  {0x1.ffcp-15f, 0x400, 0x3880}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t half, brain;
        convert_from_float(CLARUS_FLOAT16, &cases[i].wide, 1, &half);
        convert_from_float(CLARUS_BFLOAT16, &cases[i].wide, 1, &brain);
        CHECK(half == cases[i].half, "%a: %04x, not %04x", (double)cases[i].wide, half, cases[i].half);
        CHECK(brain == cases[i].brain, "%a: %04x, not %04x", (double)cases[i].wide, brain, cases[i].brain);
    }
    int wrong = 0;
    for (uint32_t i = 0; i < 0x10000; i++) {
        uint16_t half = (uint16_t)i, back;
        float wide;
        convert_to_float(CLARUS_FLOAT16, &half, 1, &wide);
        convert_from_float(CLARUS_FLOAT16, &wide, 1, &back);
        wrong += wide == wide && back != half;
    }
    CHECK(wrong == 0, "%d halves changed", wrong);
}

/* ---- The graph */

static void test_wrong_graphs(void)
{
    builder b;
    build_conv(&b);
    b.model.n_opset_import = 0;
    expect_refusal(&b, CLARUS_E_FORMAT, "which opset");
    build_conv(&b);
    b.graph.n_output = 0;
    expect_refusal(&b, CLARUS_E_FORMAT, "no outputs");
    build_conv(&b);
    b.model.graph = NULL;
    expect_refusal(&b, CLARUS_E_FORMAT, "no graph");
    build_conv(&b);
    b.nodes[1]->output[0] = builder_text(&b, "c");
    expect_refusal(&b, CLARUS_E_FORMAT, "\"c\" is defined twice");
    build_conv(&b);
    b.nodes[0]->input[1] = builder_text(&b, "weights");
    expect_refusal(&b, CLARUS_E_FORMAT, "node \"Conv_0\" (Conv): input \"weights\" is not defined anywhere");
    build_conv(&b);
    builder_output(&b, "z");
    expect_refusal(&b, CLARUS_E_FORMAT, "graph output \"z\" is not defined");
    build_conv(&b);
    b.nodes[0]->input[0] = builder_text(&b, "y");
    expect_refusal(&b, CLARUS_E_FORMAT, "cycle");
}

/* Types that cannot be used are listed, beside nodes that cannot run. */
static void expect_listed(builder *b, const char *text)
{
    clarus_model *model;
    clarus_error error;
    CHECK(parse(b, &model, &error) == CLARUS_OK, "%s", error.message);
    if (model)
        CHECK(clarus_model_unsupported_count(model) == 2 &&
                  !strcmp(clarus_model_unsupported(model, 0), text) &&
                  strstr(clarus_model_unsupported(model, 1), "(LSTM), opset 13: recurrent layers"),
              "%s", clarus_model_unsupported(model, 0));
    clarus_model_free(model);
    builder_free(b);
}

static void test_unusable_inputs(void)
{
    builder b;
    build_conv(&b);
    b.nodes[0]->op_type = builder_text(&b, "LSTM");
    b.inputs[0]->type->tensor_type->shape = NULL;
    expect_listed(&b, "input \"x\": its number of dimensions is not known");
    build_conv(&b);
    b.nodes[0]->op_type = builder_text(&b, "LSTM");
    b.inputs[0]->type->tensor_type->elem_type = 8;
    expect_listed(&b, "input \"x\": strings are not supported");
    build_conv(&b);
    b.nodes[0]->op_type = builder_text(&b, "LSTM");
    b.inputs[0]->type->tensor_type = NULL;
    expect_listed(&b, "input \"x\": it is not a tensor");
}

static void test_sorting(void)
{
    builder b;
    clarus_model *model;
    clarus_error error;
    lowered_graph *graph = NULL;
    shape shapes[1];
    build_conv(&b);
    Onnx__Node *first = b.nodes[0];
    b.nodes[0] = b.nodes[1];
    b.nodes[1] = first;
    CHECK(parse(&b, &model, &error) == CLARUS_OK, "%s", error.message);
    if (model && model_bind(model, NULL, shapes, NULL, &error) == CLARUS_OK)
        CHECK(model_lower(model, shapes, &graph, &error) == CLARUS_OK, "%s", error.message);
    CHECK(graph && graph->op_count == 1 && graph->ops[0].epilogue.has_function, "conv and relu become one");
    lowered_free(graph);
    clarus_model_free(model);
    builder_free(&b);
}

/* Needed nodes only, all at once, by node, operator and opset. */
static void test_unsupported(void)
{
    builder b;
    clarus_model *model;
    clarus_error error;
    lowered_graph *graph;
    shape shapes[1] = {{4, {1, 1, 4, 4}}};
    build_conv(&b);
    builder_node(&b, "Frob", "x", "f")->name = builder_text(&b, "frob");
    builder_node(&b, "Gelu", "f", "g");
    builder_node(&b, "Nonsense", "x", "unused");
    builder_node(&b, "Softmax", "g", "p i");
    builder_output(&b, "i");
    CHECK(parse(&b, &model, &error) == CLARUS_OK, "%s", error.message);
    if (model) {
        static const char *const lines[] = {
            "node \"frob\" (Frob), opset 13: the operator is not supported",
            "node \"Gelu_3\" (Gelu), opset 13: the operator is not supported in this opset",
            "node \"Softmax_5\" (Softmax), opset 13: its output 1, \"i\", is not supported"};
        CHECK(clarus_model_unsupported_count(model) == 3, "%zu lines", clarus_model_unsupported_count(model));
        for (size_t i = 0; i < 3 && clarus_model_unsupported_count(model) == 3; i++)
            CHECK(!strcmp(clarus_model_unsupported(model, i), lines[i]), "%s",
                  clarus_model_unsupported(model, i));
        clarus_status status = model_lower(model, shapes, &graph, &error);
        CHECK(status == CLARUS_E_UNSUPPORTED && strstr(error.message, "frob") &&
                  strstr(error.message, "Softmax_5"),
              "%s", error.message);
    }
    clarus_model_free(model);
    builder_free(&b);
}

/* ---- External data */

static char folder[] = "/tmp/clarus-onnx-XXXXXX";

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size)
        abort();
    fclose(file);
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (unlink(path) != 0)
        rmdir(path);
}

/* The convolution's weights come from `location`. Loads the model from the folder. */
static clarus_status load_external(const char *location, const char *offset, clarus_model **model,
                                   clarus_error *error)
{
    builder b;
    char path[128];
    const char *keys[] = {"location", "offset", "length"}, *values[] = {location, offset, "72"};
    Onnx__StringStringEntry entries[3], *list[3];
    build_conv(&b);
    for (int i = 0; i < 3; i++) {
        onnx__string_string_entry__init(&entries[i]);
        entries[i].key = builder_text(&b, keys[i]);
        entries[i].value = builder_text(&b, values[i]);
        list[i] = &entries[i];
    }
    b.tensors[0]->has_raw_data = 0;
    b.tensors[0]->has_data_location = 1;
    b.tensors[0]->data_location = 1;
    b.tensors[0]->external_data = list;
    b.tensors[0]->n_external_data = 3;
    builder_finish(&b);
    write_file("model.onnx", b.bytes, b.size);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    *error = (clarus_error){CLARUS_OK, ""};
    clarus_status status = clarus_model_load(context, path, model, error);
    builder_free(&b);
    return status;
}

static void expect_external(const char *location, const char *offset, clarus_status expected,
                            const char *text)
{
    clarus_model *model;
    clarus_error error;
    clarus_status status = load_external(location, offset, &model, &error);
    CHECK(status == expected && strstr(error.message, text), "\"%s\": %s: \"%s\"", location,
          clarus_status_name(status), error.message);
    CHECK(status == CLARUS_OK || strstr(error.message, "model.onnx: "), "%s", error.message);
    clarus_model_free(model);
}

static void test_external_data(void)
{
    char path[128];
    float weights[24] = {0};
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "%s/inner", folder);
    mkdir(path, 0700);
    write_file("weights.bin", weights, sizeof weights);
    write_file("inner/weights.bin", weights, sizeof weights);
    snprintf(path, sizeof path, "%s/link.bin", folder);
    CHECK(symlink("weights.bin", path) == 0, "symlink");
    snprintf(path, sizeof path, "%s/outside", folder);
    CHECK(symlink("/tmp", path) == 0, "symlink");
    expect_external("weights.bin", "24", CLARUS_OK, "");
    expect_external("inner/weights.bin", "0", CLARUS_OK, "");
    expect_external("weights.bin", "28", CLARUS_E_FORMAT, "has 96 bytes, 72 at 28 are wanted");
    expect_external("weights.bin", "-1", CLARUS_E_FORMAT, "offset \"-1\"");
    expect_external("weights.bin", "18446744073709551615", CLARUS_E_FORMAT, "external data");
    expect_external("../weights.bin", "0", CLARUS_E_FORMAT, "not a path inside the model's folder");
    expect_external("inner/../weights.bin", "0", CLARUS_E_FORMAT, "not a path inside");
    expect_external("/etc/passwd", "0", CLARUS_E_FORMAT, "not a path inside");
    expect_external("", "0", CLARUS_E_FORMAT, "not a path inside");
    expect_external("link.bin", "0", CLARUS_E_IO, "symbolic links");
    expect_external("outside/x", "0", CLARUS_E_IO, "outside/x");
    expect_external("missing.bin", "0", CLARUS_E_IO, "No such file");
    expect_external("inner", "0", CLARUS_E_FORMAT, "is not a file");
    static const char *const made[] = {"inner/weights.bin", "inner",   "weights.bin",
                                       "link.bin",          "outside", "model.onnx"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        remove_file(made[i]);
    rmdir(folder);
}

/* ---- Damage, limits, memory */

/* Reads, binds and lowers; the status of the first that fails. */
static clarus_status use_bytes(clarus_context *with, const void *bytes, size_t size, clarus_error *error)
{
    clarus_model *model = NULL;
    lowered_graph *graph = NULL;
    shape shapes[4];
    *error = (clarus_error){CLARUS_OK, ""};
    clarus_status status = clarus_model_parse(with, bytes, size, &model, error);
    if (status == CLARUS_OK && clarus_model_input_count(model) > 4)
        status = error_set(error, CLARUS_E_LIMIT, "too many inputs for this test");
    if (status == CLARUS_OK)
        status = model_bind(model, NULL, shapes, NULL, error);
    if (status == CLARUS_OK)
        status = model_lower(model, shapes, &graph, error);
    lowered_free(graph);
    clarus_model_free(model);
    return status;
}

/* Cut at every length and with every byte changed in three ways, a model is refused with a message or used.
 */
static void test_damage(void)
{
    builder b;
    clarus_error error;
    build_conv(&b);
    builder_finish(&b);
    for (size_t size = 0; size < b.size; size++) {
        void *cut = malloc(size + !size); /* exactly as long, so that a sanitizer sees a byte too many */
        memcpy(cut, b.bytes, size);
        clarus_status status = use_bytes(context, cut, size, &error);
        CHECK(status == CLARUS_OK || *error.message, "%zu bytes", size);
        free(cut);
    }
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < 3 * b.size; i++) {
        unsigned char *bytes = b.bytes;
        bytes[i / 3] ^= flips[i % 3];
        clarus_status status = use_bytes(context, bytes, b.size, &error);
        CHECK(status == CLARUS_OK || *error.message, "byte %zu", i / 3);
        bytes[i / 3] ^= flips[i % 3];
    }
    CHECK(use_bytes(context, b.bytes, b.size, &error) == CLARUS_OK, "%s", error.message);
    builder_free(&b);
}

static void test_limits(void)
{
    enum { FIELDS = 5 << 20 };
    builder b;
    clarus_context *small;
    clarus_context_options options;
    clarus_error error;
    unsigned char *bytes = malloc(2 * FIELDS);
    for (size_t i = 0; i < FIELDS; i++) {
        bytes[2 * i] = 0x3a; /* an empty graph, again and again */
        bytes[2 * i + 1] = 0;
    }
    CHECK(use_bytes(context, bytes, 2 * FIELDS, &error) == CLARUS_E_LIMIT, "%s", error.message);
    free(bytes);
    clarus_context_options_init(&options);
    options.max_model_bytes = 100;
    CHECK(clarus_context_create(&options, &small, &error) == CLARUS_OK, "%s", error.message);
    build_conv(&b);
    builder_finish(&b);
    CHECK(use_bytes(small, b.bytes, b.size, &error) == CLARUS_E_LIMIT, "%s", error.message);
    clarus_context_free(small);
    builder_free(&b);
}

static clarus_status use_model(const void *user, clarus_error *error)
{
    const builder *b = user;
    clarus_context_options options;
    clarus_context *with;
    clarus_context_options_init(&options);
    options.allocator = &failing;
    options.threads = 1;
    clarus_status status = clarus_context_create(&options, &with, error);
    if (status != CLARUS_OK)
        return status;
    with->arena_block_bytes = 1;
    status = use_bytes(with, b->bytes, b->size, error);
    clarus_context_free(with);
    return status;
}

static void test_lost_memory(void)
{
    builder b;
    build_conv(&b);
    builder_finish(&b);
    sweep_allocations("model", use_model, &b);
    builder_free(&b);
}

int main(void)
{
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK)
        return 1;
    test_getters();
    test_typed_data();
    test_wrong_tensors();
    test_halves();
    test_wrong_graphs();
    test_unusable_inputs();
    test_sorting();
    test_unsupported();
    test_external_data();
    test_damage();
    test_limits();
    test_lost_memory();
    clarus_context_free(context);
    return test_result();
}
