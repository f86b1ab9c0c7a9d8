/* Weights that stay in their file: the same results as from memory, on both executors; files that change, end
 * or hold what they must not; the outline of damaged files. */
#include "onnx_builder.h"
#include "test.h"

#include "data_file.h"
#include "onnx.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static clarus_context *context;
static char folder[] = "/tmp/clarus-data-file-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}

static void add_weights(builder *b, const char *name, size_t rank, const int64_t *dims)
{
    static uint32_t state = 1;
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    float *data = builder_alloc(b, count * sizeof *data);
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = (float)(state >> 8) / (1 << 24) - 0.25f;
    }
    builder_initializer(b, name, CLARUS_FLOAT32, rank, dims, data);
}

/* A sum of each form: by Winograd's algorithm, with a batch normalisation folded in, with a kernel of 1x1, of
 * two groups, depthwise, and by matrices as they are and transposed. */
static void build_network(builder *b)
{
    builder_start(b, 13);
    builder_input(b, "x", CLARUS_FLOAT32, 4, (int64_t[]){1, 64, 16, 16});
    add_weights(b, "w1", 4, (int64_t[]){72, 64, 3, 3});
    add_weights(b, "w2", 4, (int64_t[]){72, 72, 1, 1});
    add_weights(b, "w3", 4, (int64_t[]){96, 72, 1, 1});
    add_weights(b, "w4", 4, (int64_t[]){512, 48, 1, 1});
    add_weights(b, "w5", 4, (int64_t[]){512, 1, 3, 3});
    add_weights(b, "w6", 2, (int64_t[]){70, 512});
    add_weights(b, "w7", 2, (int64_t[]){70, 100});
    static const char *const parameters[] = {"scale", "offset", "mean", "variance"};
    for (size_t i = 0; i < 4; i++) {
        float values[72];
        for (size_t k = 0; k < 72; k++)
            values[k] = (float)(1 + (k + i) % 7);
        builder_initializer(b, parameters[i], CLARUS_FLOAT32, 1, (int64_t[]){72}, values);
    }
    builder_ints(b, builder_node(b, "Conv", "x w1", "c1"), "pads", 4, (int64_t[]){1, 1, 1, 1});
    builder_node(b, "Conv", "c1 w2", "c2");
    builder_node(b, "BatchNormalization", "c2 scale offset mean variance", "n2");
    builder_node(b, "Conv", "n2 w3", "c3");
    builder_int(b, builder_node(b, "Conv", "c3 w4", "c4"), "group", 2);
    builder_int(b, builder_node(b, "Conv", "c4 w5", "c5"), "group", 512);
    builder_node(b, "GlobalAveragePool", "c5", "p");
    builder_node(b, "Flatten", "p", "f");
    builder_int(b, builder_node(b, "Gemm", "f w6", "g"), "transB", 1);
    builder_node(b, "MatMul", "g w7", "y");
    builder_output(b, "y");
}

static clarus_status run(const char *device_name, const clarus_model *model, float *y, clarus_error *error)
{
    clarus_device *device = NULL;
    clarus_session *session = NULL;
    clarus_tensor *in = NULL, *out = NULL;
    clarus_status status = clarus_device_open(context, device_name, &device, error);
    if (status == CLARUS_OK)
        status = clarus_session_create(context, device, model, NULL, &session, error);
    if (status == CLARUS_OK)
        status = clarus_tensor_create(context, CLARUS_FLOAT32, 4, (int64_t[]){1, 64, 16, 16}, &in, error);
    for (size_t i = 0; status == CLARUS_OK && i < clarus_tensor_count(in); i++)
        ((float *)clarus_tensor_data(in))[i] = (float)(i % 17) / 16;
    if (status == CLARUS_OK)
        status = clarus_session_run(session, (const clarus_tensor *const *)&in, 1, &out, 1, error);
    if (status == CLARUS_OK)
        memcpy(y, clarus_tensor_const_data(out), 100 * sizeof *y);
    clarus_tensor_free(in);
    clarus_tensor_free(out);
    clarus_session_free(session);
    clarus_device_free(device);
    return status;
}

/* ThreadSanitizer's runs ask for the reference: PoCL is not built for them. */
static const char *const devices[] = {"reference", "pocl"};

static size_t device_count(void)
{
    const char *asked = getenv("CLARUS_DEVICE");
    return asked && strcmp(asked, "reference") == 0 ? 1 : 2;
}

static clarus_model *load(void)
{
    clarus_model *model = NULL;
    clarus_error error = {CLARUS_OK, ""};
    CHECK(clarus_model_load(context, path_of("model.onnx"), &model, &error) == CLARUS_OK, "%s",
          error.message);
    return model;
}

static void expect_results(const float *expected, const char *what)
{
    clarus_model *model = load();
    for (size_t d = 0; model && d < device_count(); d++) {
        float y[100];
        clarus_error error = {CLARUS_OK, ""};
        CHECK(run(devices[d], model, y, &error) == CLARUS_OK, "%s: %s", devices[d], error.message);
        CHECK(memcmp(y, expected, sizeof y) == 0, "%s, %s: other results than from memory", what, devices[d]);
    }
    clarus_model_free(model);
}

static void move_data_out(builder *b)
{
    size_t offset = 5; /* not aligned for anything */
    FILE *file = fopen(path_of("weights.bin"), "wb");
    if (!file || fwrite("12345", 1, offset, file) != offset)
        abort();
    for (size_t i = 0; i < b->graph.n_initializer; i++) {
        Onnx__Tensor *t = b->tensors[i];
        Onnx__StringStringEntry **list = builder_alloc(b, 2 * sizeof *list);
        char number[24];
        snprintf(number, sizeof number, "%zu", offset);
        for (int k = 0; k < 2; k++) {
            list[k] = builder_alloc(b, sizeof **list);
            onnx__string_string_entry__init(list[k]);
            list[k]->key = builder_text(b, k ? "offset" : "location");
            list[k]->value = builder_text(b, k ? number : "weights.bin");
        }
        if (fwrite(t->raw_data.data, 1, t->raw_data.len, file) != t->raw_data.len)
            abort();
        offset += t->raw_data.len;
        t->has_raw_data = 0;
        t->has_data_location = 1;
        t->data_location = 1;
        t->external_data = list;
        t->n_external_data = 2;
    }
    fclose(file);
}

static void test_results(void)
{
    builder b;
    clarus_model *model = NULL;
    clarus_error error = {CLARUS_OK, ""};
    float expected[100] = {0};
    build_network(&b);
    builder_finish(&b);
    write_file("model.onnx", b.bytes, b.size);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &model, &error) == CLARUS_OK &&
              run("reference", model, expected, &error) == CLARUS_OK,
          "%s", error.message);
    clarus_model_free(model);
    expect_results(expected, "one file");
    builder_free(&b);
}

static void test_external(void)
{
    builder b;
    clarus_model *model = NULL;
    clarus_error error = {CLARUS_OK, ""};
    float expected[100] = {0};
    build_network(&b);
    builder_finish(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &model, &error) == CLARUS_OK &&
              run("reference", model, expected, &error) == CLARUS_OK,
          "%s", error.message);
    clarus_model_free(model);
    move_data_out(&b);
    builder_finish(&b);
    write_file("model.onnx", b.bytes, b.size);
    expect_results(expected, "external data");
    builder_free(&b);
}

/* Runs a model whose file was changed after it was loaded. */
static void expect_failure(const char *what, int (*change)(const char *path), clarus_status expected,
                           const char *text)
{
    builder b;
    build_network(&b);
    builder_finish(&b);
    write_file("model.onnx", b.bytes, b.size);
    clarus_model *model = load();
    CHECK(change(path_of("model.onnx")) == 0, "%s", what);
    for (size_t d = 0; model && d < device_count(); d++) {
        float y[100];
        clarus_error error = {CLARUS_OK, ""};
        clarus_status status = run(devices[d], model, y, &error);
        CHECK(status == expected && strstr(error.message, text), "%s, %s: %s: %s", what, devices[d],
              clarus_status_name(status), error.message);
    }
    clarus_model_free(model);
    builder_free(&b);
}

static int cut_short(const char *path)
{
    return truncate(path, 100000);
}

static int touch(const char *path)
{
    return utimensat(AT_FDCWD, path, (struct timespec[]){{1, 0}, {1, 0}}, 0);
}

static int replace(const char *path)
{
    unlink(path);
    write_file("model.onnx", "other", 5);
    return 0;
}

static int leave(const char *path)
{
    return unlink(path);
}

static void test_not_finite(void)
{
    static const char *const names[] = {"w1", "w2", "w4", "w6", "w7"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        builder b;
        char text[64];
        build_network(&b);
        for (size_t t = 0; t < b.graph.n_initializer; t++)
            if (strcmp(b.tensors[t]->name, names[i]) == 0)
                memcpy(b.tensors[t]->raw_data.data + 4 * 4321, &(float){NAN}, sizeof(float));
        builder_finish(&b);
        write_file("model.onnx", b.bytes, b.size);
        snprintf(text, sizeof text, "weight \"%s\" is not finite at element 4321", names[i]);
        clarus_model *model = load();
        for (size_t d = 0; model && d < device_count(); d++) {
            float y[100];
            clarus_error error = {CLARUS_OK, ""};
            clarus_status status = run(devices[d], model, y, &error);
            CHECK(status == CLARUS_E_UNSUPPORTED && strstr(error.message, text), "%s: %s: %s", devices[d],
                  clarus_status_name(status), error.message);
        }
        clarus_model_free(model);
        builder_free(&b);
    }
}

/* A damaged file is refused, or taken, as its bytes in memory are. */
static void expect_like_memory(const void *bytes, size_t size, const char *what, size_t at)
{
    clarus_model *of_file = NULL, *of_memory = NULL;
    clarus_error a = {CLARUS_OK, ""}, b = {CLARUS_OK, ""};
    write_file("model.onnx", bytes, size);
    clarus_status file = clarus_model_load(context, path_of("model.onnx"), &of_file, &a);
    clarus_status memory = clarus_model_parse(context, bytes, size, &of_memory, &b);
    const char *left = strstr(a.message, ": "), *right = strstr(b.message, ": ");
    CHECK(file == memory && (file == CLARUS_OK || (left && right && strcmp(left, right) == 0)),
          "%s at %zu: %s, from memory %s", what, at, a.message, b.message);
    clarus_model_free(of_file);
    clarus_model_free(of_memory);
}

static void test_damage(void)
{
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 2, (int64_t[]){1, 64});
    add_weights(&b, "w", 2, (int64_t[]){64, 65});
    builder_node(&b, "MatMul", "x w", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    unsigned char *bytes = b.bytes;
    size_t data = 64 * 65 * 4, step = 97;
    for (size_t size = 0; size <= b.size; size += size < b.size - data || size > b.size - 100 ? 1 : step)
        expect_like_memory(bytes, size, "cut", size);
    for (size_t at = 0; at < b.size; at += at < 100 || at >= b.size - 100 ? 1 : step)
        for (int bit = 0; bit < 8; bit += 3) {
            bytes[at] ^= (unsigned char)(1 << bit);
            expect_like_memory(bytes, b.size, "flip", at);
            bytes[at] ^= (unsigned char)(1 << bit);
        }
    builder_free(&b);
}

/* A file cannot send us elsewhere by having the outline's own fields. */
static void test_own_fields(void)
{
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 2, (int64_t[]){1, 64});
    add_weights(&b, "w", 2, (int64_t[]){64, 64});
    b.tensors[0]->has_raw_data = 0;
    b.tensors[0]->has_file_offset = b.tensors[0]->has_file_bytes = 1;
    b.tensors[0]->file_bytes = 64 * 64 * 4;
    builder_node(&b, "MatMul", "x w", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    clarus_model *model = NULL;
    clarus_error error = {CLARUS_OK, ""};
    write_file("model.onnx", b.bytes, b.size);
    clarus_status status = clarus_model_load(context, path_of("model.onnx"), &model, &error);
    CHECK(status == CLARUS_E_FORMAT && strstr(error.message, "0 elements"), "%s", error.message);
    clarus_model_free(model);
    builder_free(&b);
}

/* What the outline is for: it is small, whatever the weights are. */
static void test_outline(void)
{
    builder b;
    data_file *file = NULL;
    size_t size = 0;
    clarus_error error = {CLARUS_OK, ""};
    build_network(&b);
    builder_finish(&b);
    write_file("model.onnx", b.bytes, b.size);
    int descriptor = open(path_of("model.onnx"), O_RDONLY);
    CHECK(data_file_create(context, descriptor, "model.onnx", &file, &error) == CLARUS_OK, "%s",
          error.message);
    void *bytes = onnx_outline(file, &size);
    CHECK(bytes && size < 4096 && b.size > 500000, "%zu of %zu bytes", size, b.size);
    memory_free(context, bytes);
    data_file_free(file);
    builder_free(&b);
}

int main(void)
{
    if (!mkdtemp(folder) || clarus_context_create(NULL, &context, NULL) != CLARUS_OK)
        abort();
    test_results();
    test_external();
    expect_failure("cut short", cut_short, CLARUS_E_IO, "has changed since the model was loaded");
    expect_failure("written to", touch, CLARUS_E_IO, "has changed since the model was loaded");
    expect_failure("replaced", replace, CLARUS_OK, "");
    expect_failure("unlinked", leave, CLARUS_OK, "");
    test_not_finite();
    test_damage();
    test_own_fields();
    test_outline();
    unlink(path_of("model.onnx"));
    unlink(path_of("weights.bin"));
    rmdir(folder);
    clarus_context_free(context);
    return test_result();
}
