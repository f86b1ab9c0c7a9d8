/* int8 networks against the integer specification: what each node makes of the integers that it is given,
 * evaluated in double, must be what the float32 run has, at every element of every node. Only where the
 * scaled value lies within its derived bound of the middle between two integers, either may stand.
 *
 * A run keeps no integers between quantised operators (lower_quantised.c). So a copy of the model that gives
 * out every value is compared, and the outputs that both have must be of the same bits. */
#include "double.h"

#include "../generate.h"
#include "../golden/model_text.h"
#include "../networks/network_set.h"
#include "../test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

/* A new file `path`, "integers-XXXXXX" or the like; 0 if it cannot be written. */
static int write_file(const void *bytes, size_t size, char *path)
{
    int file = mkstemp(path);
    int written = file >= 0 && write(file, bytes, size) == (ssize_t)size;
    if (file >= 0)
        close(file);
    return written;
}

static Onnx__Model *read_model(const char *path)
{
    FILE *file = fopen(path, "rb");
    static uint8_t bytes[1 << 23];
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    return size < sizeof bytes ? onnx__model__unpack(NULL, size, bytes) : NULL;
}

/* Makes every value that a node computes an output, behind the model's own. */
static int write_talkative(const char *path, char *copy)
{
    Onnx__Model *model = read_model(path);
    if (!model || !model->graph)
        return 0;
    Onnx__Graph *g = model->graph;
    size_t own = g->n_output, most = own;
    for (size_t k = 0; k < g->n_node; k++)
        most += g->node[k]->n_output;
    Onnx__ValueInfo *infos = need(most, sizeof *infos), **outputs = need(most, sizeof *outputs),
                    **kept = g->output;
    memcpy(outputs, g->output, own * sizeof *outputs);
    for (size_t k = 0; k < g->n_node; k++)
        for (size_t i = 0; i < g->node[k]->n_output; i++) {
            int known = 0;
            for (size_t o = 0; o < own; o++)
                known = known || strcmp(kept[o]->name, g->node[k]->output[i]) == 0;
            if (known)
                continue;
            onnx__value_info__init(&infos[g->n_output]);
            infos[g->n_output].name = g->node[k]->output[i];
            outputs[g->n_output] = &infos[g->n_output];
            g->n_output++;
        }
    g->output = outputs;
    size_t size = onnx__model__get_packed_size(model);
    uint8_t *bytes = need(size, 1);
    onnx__model__pack(model, bytes);
    int written = write_file(bytes, size, copy);
    g->output = kept;
    g->n_output = own;
    onnx__model__free_unpacked(model, NULL);
    free(bytes);
    free(infos);
    free(outputs);
    return written;
}

/* Digest of the first `count` outputs on the reference; their number if it is 0. */
static clarus_status run(clarus_context *context, const char *path, clarus_tensor *input, size_t *count,
                         clarus_digest *digest, clarus_error *error)
{
    clarus_model *model = NULL;
    clarus_device *device = NULL;
    clarus_session *session = NULL;
    const clarus_tensor *inputs[] = {input};
    clarus_tensor **outputs = NULL;
    size_t all = 0;
    clarus_status status = clarus_model_load(context, path, &model, error);
    if (status == CLARUS_OK)
        status = clarus_device_open(context, "reference", &device, error);
    if (status == CLARUS_OK)
        status = clarus_session_create(context, device, model, NULL, &session, error);
    if (status == CLARUS_OK) {
        all = clarus_model_output_count(model);
        *count = *count ? *count : all;
        outputs = need(all, sizeof *outputs);
        status = clarus_session_run(session, inputs, 1, outputs, all, error);
    }
    if (status == CLARUS_OK)
        status = clarus_tensors_digest((const clarus_tensor *const *)outputs, *count, 0, 1, digest, error);
    for (size_t k = 0; k < all; k++)
        clarus_tensor_free(outputs[k]);
    free(outputs);
    clarus_session_free(session);
    clarus_device_free(device);
    clarus_model_free(model);
    return status;
}

static void test_model(clarus_context *context, const char *name, const char *path, clarus_tensor *input)
{
    char copy[] = "integers-XXXXXX", message[DOUBLE_MESSAGE] = "";
    clarus_digest plain = {{0}}, talkative = {{0}};
    clarus_error error = {CLARUS_OK, ""};
    double_report report = {0};
    size_t count = 0;
    CHECK(write_talkative(path, copy), "%s: a copy cannot be written", name);
    int status = double_check(context, copy, &input, 1, 0, &report, message);
    CHECK(status == DOUBLE_OK, "%s: %s", name, message);
    CHECK(report.compared == report.nodes && report.integers > 0, "%s: %zu of %zu values compared", name,
          report.compared, report.nodes);
    CHECK(report.unbounded == 0, "%s: %zu elements without a bound", name, report.unbounded);
    printf("%s: %zu values, %zu integers, of which %zu may be either of two and %zu differ\n", name,
           report.compared, report.integers, report.uncertain, report.moved);
    CHECK(run(context, path, input, &count, &plain, &error) == CLARUS_OK &&
              run(context, copy, input, &count, &talkative, &error) == CLARUS_OK,
          "%s: %s", name, error.message);
    CHECK(memcmp(&plain, &talkative, sizeof plain) == 0, "%s: other bits where every value is given out",
          name);
    unlink(copy);
}

/* ---- the networks of the data folder ---- */

static void test_network(clarus_context *context, const char *data, const network *n)
{
    char path[PATH_SIZE];
    network_scratch scratch;
    clarus_model *model = NULL;
    clarus_tensor *input = NULL;
    clarus_error error = {CLARUS_OK, "it cannot be opened"};
    CHECK(network_open(n, data, &scratch, path) &&
              clarus_model_load(context, path, &model, &error) == CLARUS_OK &&
              network_input_create(n, data, context, model, &input, &error) == CLARUS_OK,
          "%s: %s", n->model, error.message);
    if (input)
        test_model(context, n->model, path, input);
    clarus_tensor_free(input);
    clarus_model_free(model);
    network_close(&scratch);
}

/* ---- and a network of our own ---- */

static const char *own_text(void)
{
    static const struct {
        const char *name, *text;
    } cases[] = {
#define GOLDEN(name, text) {name, text},
#include "../golden/cases.def"
#undef GOLDEN
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        if (strcmp(cases[k].name, "network: integers") == 0)
            return cases[k].text;
    return "";
}

static void test_own(clarus_context *context)
{
    char path[] = "integers-XXXXXX";
    size_t size = 0;
    void *bytes = model_text_pack(own_text(), &size);
    const int64_t dims[] = {2, 3, 24, 20};
    clarus_tensor *input = NULL;
    clarus_error error = {CLARUS_OK, ""};
    CHECK(bytes && write_file(bytes, size, path), "the model cannot be written");
    CHECK(clarus_tensor_create(context, CLARUS_FLOAT32, 4, dims, &input, &error) == CLARUS_OK, "%s",
          error.message);
    if (input) {
        generate(77, clarus_tensor_count(input), 0, 1, clarus_tensor_data(input));
        test_model(context, "own network", path, input);
    }
    clarus_tensor_free(input);
    free(bytes);
    unlink(path);
}

int main(void)
{
    const char *data = getenv("CLARUS_TEST_DATA");
    clarus_context *context = NULL;
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    test_own(context);
    for (size_t k = 0; data && k < network_count; k++)
        if (networks[k].flags & NETWORK_INTEGER)
            test_network(context, data, &networks[k]);
    if (!data)
        printf("networks were skipped: CLARUS_TEST_DATA is not set\n");
    clarus_context_free(context);
    return test_result();
}
