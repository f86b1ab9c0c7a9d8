/* Models that are wrong: all of a collection of odd ones, and real ones cut off. Each gives an error that
 * names something, or runs; none takes more memory than its file can justify, or more than a minute. Data is
 * found through CLARUS_TEST_DATA. */
#include "test.h"

#include "clarus.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, SECONDS = 60 };

/* Counts bytes, and gives no more than `limit` of them. */
typedef struct meter {
    size_t used, limit;
    int exceeded;
} meter;

typedef struct block {
    size_t size;
    max_align_t data[];
} block;

static void *meter_allocate(void *user, size_t size)
{
    meter *m = user;
    m->exceeded |= m->used + size > m->limit;
    block *b = m->used + size > m->limit ? NULL : malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    m->used += size;
    return b->data;
}

static void meter_release(void *user, void *memory)
{
    block *b = (block *)(void *)((char *)memory - offsetof(block, data));
    ((meter *)user)->used -= b->size;
    free(b);
}

static meter memory;
static clarus_context *context;
static clarus_device *device;
static size_t loaded, ran, refused;

/* A small model may have large values, but not without end. */
static size_t justified(size_t file_bytes)
{
    return 64 * file_bytes + ((size_t)64 << 20);
}

static void check_refusal(const char *name, clarus_status status, const clarus_error *error)
{
    CHECK(status != CLARUS_E_INTERNAL && status != CLARUS_E_MEMORY && error->message[0] &&
              !strchr(error->message, '\n'),
          "%s: %s: \"%s\"", name, clarus_status_name(status), error->message);
    refused++;
}

/* Inputs of zeros, with 1 in the place of open dimensions. */
static clarus_status make_inputs(const clarus_model *model, clarus_tensor **inputs, size_t count,
                                 clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < count && status == CLARUS_OK; i++) {
        clarus_value_info info = *clarus_model_input(model, i);
        for (size_t k = 0; k < info.rank; k++)
            info.shape[k] = info.shape[k] < 0 ? 1 : info.shape[k];
        status = clarus_tensor_create(context, info.dtype, info.rank, info.shape, &inputs[i], error);
        if (status == CLARUS_OK)
            memset(clarus_tensor_data(inputs[i]), 0, clarus_tensor_size_bytes(inputs[i]));
    }
    return status;
}

static void try_model(const char *name, const clarus_model *model)
{
    size_t in = clarus_model_input_count(model), out = clarus_model_output_count(model);
    clarus_tensor **inputs = calloc(in + 1, sizeof *inputs), **outputs = calloc(out + 1, sizeof *outputs);
    clarus_session *session = NULL;
    clarus_error error = {CLARUS_OK, ""};
    clarus_status status = clarus_session_create(context, device, model, NULL, &session, &error);
    if (status == CLARUS_OK)
        status = make_inputs(model, inputs, in, &error);
    if (status == CLARUS_OK)
        status = clarus_session_run(session, (const clarus_tensor *const *)inputs, in, outputs, out, &error);
    if (status != CLARUS_OK)
        check_refusal(name, status, &error);
    else
        ran++;
    for (size_t i = 0; i < in; i++)
        clarus_tensor_free(inputs[i]);
    for (size_t i = 0; i < out; i++)
        clarus_tensor_free(outputs[i]);
    free(inputs);
    free(outputs);
    clarus_session_free(session);
}

/* What a model may take is counted from its beginning. */
static void start(size_t file_bytes)
{
    memory.limit = memory.used + justified(file_bytes);
    memory.exceeded = 0;
    alarm(SECONDS);
}

static void finish(const char *name, clarus_model *model, clarus_status status, const clarus_error *error)
{
    if (status == CLARUS_OK) {
        loaded++;
        try_model(name, model);
    } else {
        check_refusal(name, status, error);
    }
    clarus_model_free(model);
    alarm(0);
    CHECK(!memory.exceeded, "%s: more than %zu bytes", name, memory.limit);
}

static void try_file(const char *path)
{
    struct stat info;
    clarus_model *model = NULL;
    clarus_error error = {CLARUS_OK, ""};
    start(stat(path, &info) == 0 ? (size_t)info.st_size : 0);
    clarus_status status = clarus_model_load(context, path, &model, &error);
    finish(path, model, status, &error);
}

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

/* Calls visit with every .onnx file below a folder. */
static void each_file(const char *folder, void (*visit)(const char *path))
{
    char path[PATH_SIZE];
    DIR *open = opendir(folder);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        struct stat info;
        int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || length >= (int)sizeof path || stat(path, &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode))
            each_file(path, visit);
        else if (ends_with(path, ".onnx"))
            visit(path);
    }
    if (open)
        closedir(open);
}

static void try_bytes(const char *path, const unsigned char *bytes, size_t size)
{
    char name[PATH_SIZE + 64];
    clarus_model *model = NULL;
    clarus_error error = {CLARUS_OK, ""};
    snprintf(name, sizeof name, "%s, first %zu bytes", path, size);
    start(size);
    clarus_status status = clarus_model_parse(context, bytes, size, &model, &error);
    finish(name, model, status, &error);
}

/* Cut at every multiple of 1 KiB. */
static void truncate_file(const char *path)
{
    enum { STEP = 1024 };
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &info) != 0) {
        CHECK(0, "%s cannot be read", path);
        return;
    }
    size_t size = (size_t)info.st_size;
    unsigned char *bytes = malloc(size + 1);
    CHECK(bytes && fread(bytes, 1, size, file) == size, "%s cannot be read", path);
    fclose(file);
    for (size_t cut = 0; cut < size && bytes; cut += STEP)
        try_bytes(path, bytes, cut);
    free(bytes);
}

int main(void)
{
    const char *data = getenv("CLARUS_TEST_DATA");
    char folder[PATH_SIZE / 2];
    clarus_context_options options;
    clarus_error error;
    const clarus_allocator allocator = {meter_allocate, meter_release, &memory};
    if (!data)
        TEST_SKIP("CLARUS_TEST_DATA is not set");
    memory.limit = SIZE_MAX;
    clarus_context_options_init(&options);
    options.allocator = &allocator;
    options.threads = 1; /* the meter counts without a lock */
    if (clarus_context_create(&options, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, "reference", &device, &error) != CLARUS_OK)
        return 1;
    snprintf(folder, sizeof folder, "%s/bad-onnx", data);
    each_file(folder, try_file);
    CHECK(ran > 20 && refused > 20, "%zu of the odd models ran, %zu were refused", ran, refused);
    printf("odd models: %zu ran, %zu were refused\n", ran, refused);
    ran = refused = loaded = 0;
    snprintf(folder, sizeof folder, "%s/nets", data);
    each_file(folder, truncate_file);
    CHECK(refused > 100, "%zu cut files were refused", refused);
    printf("cut files: %zu refused, %zu read as models, %zu ran\n", refused, loaded, ran);
    clarus_device_free(device);
    clarus_context_free(context);
    CHECK(memory.used == 0, "%zu bytes are lost", memory.used);
    return test_result();
}
