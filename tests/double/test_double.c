/* The lowering against the second oracle: every value that the model's nodes and the lowered graph have in
 * common, under its derived bound. Operator tests of the data folder in scope, whole networks, and the golden
 * models.
 *
 * Outputs of whole networks must also agree with an unanchored run in double to 1e-3 of their standard
 * deviation: errors that each layer's bound lets pass must not add up. */
#include "double.h"

#include "../generate.h"
#include "../golden/model_text.h"
#include "../networks/network_set.h"
#include "../test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

typedef struct counts {
    size_t agreed, nodes, compared;
    double worst, worst_norm;
} counts;

static int verbose;

static void judge(const char *name, int status, const double_report *report, const char *message, counts *c)
{
    CHECK(status == DOUBLE_OK, "%s: %s", name, message);
    if (status != DOUBLE_OK)
        return;
    c->agreed++;
    c->nodes += report->nodes;
    c->compared += report->compared;
    c->worst = fmax(c->worst, report->worst);
    c->worst_norm = fmax(c->worst_norm, report->worst_norm);
    CHECK(report->compared > 0 || report->nodes == 0, "%s: nothing was compared", name);
    if (verbose)
        printf("%-56s %zu of %zu values, worst %.3f of the bound (%s), norm %.4f (%s), end to end %.2e\n",
               name, report->compared, report->nodes, report->worst, report->worst_name, report->worst_norm,
               report->worst_norm_name, report->end_to_end);
}

static void report_counts(const char *what, const counts *c)
{
    printf("%s: %zu agree; %zu of %zu values compared; worst element at %.3f of its bound, worst norm %.4f\n",
           what, c->agreed, c->compared, c->nodes, c->worst, c->worst_norm);
}

/* ---- operator tests ---- */

static void test_operator(clarus_context *context, const char *data, const char *name, counts *c)
{
    char folder[PATH_SIZE - 64], path[PATH_SIZE], message[DOUBLE_MESSAGE];
    clarus_tensor *inputs[DOUBLE_INPUTS] = {NULL};
    double_report report = {0};
    size_t count = 0;
    int status = DOUBLE_OK;
    snprintf(folder, sizeof folder, "%s/conformance/node/%s", data, name);
    for (; count < DOUBLE_INPUTS; count++) {
        clarus_error error;
        snprintf(path, sizeof path, "%s/test_data_set_0/input_%zu.pb", folder, count);
        if (access(path, R_OK) != 0)
            break;
        if (clarus_tensor_load(context, path, &inputs[count], &error) != CLARUS_OK) {
            snprintf(message, sizeof message, "%s", error.message);
            status = DOUBLE_UNSUPPORTED;
            break;
        }
    }
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    if (status == DOUBLE_OK)
        status = double_check(context, path, inputs, count, 0, &report, message);
    judge(name, status, &report, message, c);
    for (size_t k = 0; k < count; k++)
        clarus_tensor_free(inputs[k]);
}

static void test_operators(clarus_context *context, const char *data)
{
    char path[PATH_SIZE], name[256];
    counts c = {0};
    snprintf(path, sizeof path, "%s/conformance/IN_SCOPE.txt", data);
    FILE *scope = fopen(path, "r");
    CHECK(scope, "%s cannot be read", path);
    while (scope && fgets(name, sizeof name, scope)) {
        name[strcspn(name, "\r\n")] = 0;
        if (name[0])
            test_operator(context, data, name, &c);
    }
    if (scope)
        fclose(scope);
    report_counts("operator tests", &c);
}

/* ---- networks ---- */

static void test_network(clarus_context *context, const char *data, const network *n, counts *c)
{
    network_scratch scratch;
    char path[PATH_SIZE], message[DOUBLE_MESSAGE] = "";
    clarus_model *model = NULL;
    clarus_tensor *input = NULL;
    clarus_error error = {CLARUS_OK, "it cannot be opened"};
    double_report report = {0};
    int opened = network_open(n, data, &scratch, path);
    CHECK(opened && clarus_model_load(context, path, &model, &error) == CLARUS_OK &&
              network_input_create(n, data, context, model, &input, &error) == CLARUS_OK,
          "%s: %s", n->model, error.message);
    clarus_model_free(model);
    if (input) {
        judge(n->model, double_check(context, path, &input, 1, 1, &report, message), &report, message, c);
        CHECK(report.unbounded == 0, "%s: %zu elements without a bound", n->model, report.unbounded);
        /* values of half precision are rounded after each operation, which the double run does not do */
        double most = clarus_tensor_dtype(input) == CLARUS_FLOAT16 ? 0.1 : 1e-4;
        CHECK(report.end_to_end <= most, "%s: outputs differ by %.3g of their root mean square", n->model,
              report.end_to_end);
    }
    clarus_tensor_free(input);
    network_close(&scratch);
}

static void test_networks(clarus_context *context, const char *data)
{
    counts c = {0};
    int skipped = NETWORK_INTEGER | (getenv("CLARUS_TEST_ALL") ? 0 : NETWORK_SLOW | NETWORK_LARGE);
    for (size_t k = 0; k < network_count; k++)
        if (!(networks[k].flags & skipped))
            test_network(context, data, &networks[k], &c);
    report_counts("networks", &c);
}

/* ---- the golden models, which need no data folder ---- */

static int write_model(const char *text, char path[64])
{
    size_t size = 0, written = 0;
    void *bytes = model_text_pack(text, &size);
    strcpy(path, "golden-XXXXXX");
    int file = mkstemp(path);
    if (bytes && file >= 0)
        written = (size_t)write(file, bytes, size);
    if (file >= 0)
        close(file);
    free(bytes);
    return bytes && written == size;
}

static void test_golden(clarus_context *context, const char *name, const char *text, counts *c)
{
    char path[64], message[DOUBLE_MESSAGE] = "";
    clarus_model *model = NULL;
    clarus_tensor *inputs[4] = {NULL};
    double_report report = {0};
    clarus_error error = {CLARUS_OK, ""};
    size_t count = 0;
    CHECK(write_model(text, path) && clarus_model_load(context, path, &model, &error) == CLARUS_OK, "%s: %s",
          name, error.message);
    for (; model && count < clarus_model_input_count(model) && count < 4; count++) {
        const clarus_value_info *info = clarus_model_input(model, count);
        if (clarus_tensor_create(context, CLARUS_FLOAT32, info->rank, info->shape, &inputs[count], &error) !=
            CLARUS_OK)
            break;
        generate(77 + count, clarus_tensor_count(inputs[count]), 0, 1, clarus_tensor_data(inputs[count]));
    }
    if (model) {
        int status = double_check(context, path, inputs, count, 1, &report, message);
        judge(name, status, &report, message, c);
        CHECK(report.end_to_end <= 1e-4, "%s: outputs differ by %.3g of their root mean square", name,
              report.end_to_end);
    }
    for (size_t k = 0; k < count; k++)
        clarus_tensor_free(inputs[k]);
    clarus_model_free(model);
    unlink(path);
}

static void test_goldens(clarus_context *context)
{
    static const struct {
        const char *name, *text;
    } cases[] = {
#define GOLDEN(name, text) {name, text},
#include "../golden/cases.def"
#undef GOLDEN
    };
    counts c = {0};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        test_golden(context, cases[k].name, cases[k].text, &c);
    report_counts("golden models", &c);
}

int main(void)
{
    const char *data = getenv("CLARUS_TEST_DATA");
    clarus_context *context = NULL;
    clarus_error error;
    verbose = getenv("CLARUS_TEST_VERBOSE") != NULL;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    test_goldens(context);
    if (data) {
        test_operators(context, data);
        test_networks(context, data);
    } else
        printf("operator tests and networks were skipped: CLARUS_TEST_DATA is not set\n");
    clarus_context_free(context);
    return test_result();
}
