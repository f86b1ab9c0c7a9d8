/* Whole networks on one device, through the public interface, against the outputs that others computed.
 *
 *     networks [--device D] */
#include "network_set.h"

#include "../double/double.h"
#include "../test.h"

#include <stdlib.h>

typedef struct fixture {
    const char *data;
    clarus_context *context;
    clarus_device *device;
} fixture;

/* Largest |a - b| - atol - rtol |b|, elements in order, types and shapes aside. */
static double worst_difference(const clarus_tensor *a, const clarus_tensor *b, const network *n)
{
    double worst = clarus_tensor_count(a) == clarus_tensor_count(b) ? -INFINITY : INFINITY;
    for (int64_t k = 0; k < (int64_t)clarus_tensor_count(b) && worst < INFINITY; k++) {
        double x = element_double(clarus_tensor_dtype(a), clarus_tensor_const_data(a), k);
        double y = element_double(clarus_tensor_dtype(b), clarus_tensor_const_data(b), k);
        double over = fabs(x - y) - n->atol - n->rtol * fabs(y);
        worst = isnan(over) ? INFINITY : fmax(worst, over);
    }
    return worst;
}

static clarus_status run(fixture *f, const network *n, const char *path, clarus_tensor **output,
                         clarus_error *error)
{
    clarus_model *model = NULL;
    clarus_session *session = NULL;
    clarus_tensor *input = NULL;
    clarus_status status = clarus_model_load(f->context, path, &model, error);
    if (status == CLARUS_OK)
        status = network_input_create(n, f->data, f->context, model, &input, error);
    if (status == CLARUS_OK)
        status = clarus_session_create(f->context, f->device, model, NULL, &session, error);
    if (status == CLARUS_OK) {
        const clarus_tensor *inputs[] = {input};
        status = clarus_session_run(session, inputs, 1, output, 1, error);
    }
    clarus_session_free(session);
    clarus_tensor_free(input);
    clarus_model_free(model);
    return status;
}

static void test_network(fixture *f, const network *n)
{
    network_scratch scratch;
    char path[4096];
    clarus_tensor *output = NULL, *expected = NULL;
    clarus_error error = {CLARUS_OK, ""};
    if (!network_open(n, f->data, &scratch, path)) {
        CHECK(0, "%s cannot be opened", n->model);
        network_close(&scratch);
        return;
    }
    clarus_status status = run(f, n, path, &output, &error);
    CHECK(status == CLARUS_OK, "%s: %s", n->model, error.message);
    snprintf(path, sizeof path, "%s/%s", f->data, n->expected);
    if (status == CLARUS_OK && clarus_tensor_load(f->context, path, &expected, &error) == CLARUS_OK) {
        double worst = worst_difference(output, expected, n);
        CHECK(worst <= 0, "%s: the worst element is %.3g beyond the tolerance", n->model, worst);
        printf("%-50s worst %.3g\n", n->model, worst);
    }
    CHECK(status != CLARUS_OK || expected, "%s: %s", n->model, error.message);
    clarus_tensor_free(output);
    clarus_tensor_free(expected);
    network_close(&scratch);
}

int main(int argc, char **argv)
{
    fixture f = {.data = getenv("CLARUS_TEST_DATA")};
    const char *all = getenv("CLARUS_TEST_ALL"), *device = argc == 3 ? argv[2] : NULL;
    clarus_error error;
    if (!f.data)
        TEST_SKIP("CLARUS_TEST_DATA is not set");
    if (clarus_context_create(NULL, &f.context, &error) != CLARUS_OK ||
        clarus_device_open(f.context, device, &f.device, &error) != CLARUS_OK)
        TEST_SKIP("%s", error.message);
    for (size_t k = 0; k < network_count; k++)
        if (networks[k].expected && (!(networks[k].flags & NETWORK_SLOW) || all))
            test_network(&f, &networks[k]);
    clarus_device_free(f.device);
    clarus_context_free(f.context);
    return test_result();
}
