/* Each OpenCL call on the way made to fail once, in turn, on PoCL: opening a device, making a session,
 * running it, layers on buffers, measuring. A clean error, nothing leaked, and what goes on has the right
 * bits. */
#include "failing_calls.h"
#include "generate.h"
#include "golden/model_text.h"

static const char *const texts[] = {
#define GOLDEN(name, text) text,
#include "golden/cases.def"
#undef GOLDEN
};
/* The networks are the last of the texts. Measuring repeats its calls. */
enum { TEXTS = sizeof texts / sizeof *texts, NETWORKS = 3, ROWS = 3, IN = 40, OUT = 24, MEASURED_CALLS = 20 };

typedef struct network {
    clarus_model *model;
    clarus_tensor *input;
    clarus_digest digest;
    clarus_session *session; /* the one that test_reuse keeps */
} network;

static clarus_context *context;
static clarus_device *device;

static clarus_status run_session(const network *n, clarus_session *session, clarus_error *error)
{
    const clarus_tensor *inputs[] = {n->input};
    clarus_tensor *output = NULL;
    clarus_digest digest;
    clarus_status status = clarus_session_run(session, inputs, 1, &output, 1, error);
    if (status != CLARUS_OK)
        return status;
    const clarus_tensor *outputs[] = {output};
    status = clarus_tensors_digest(outputs, 1, 0, 1, &digest, error);
    CHECK(status == CLARUS_OK && strcmp(digest.hex, n->digest.hex) == 0, "%s, not %s", digest.hex,
          n->digest.hex);
    clarus_tensor_free(output);
    return status;
}

static clarus_status make_session(const network *n, clarus_device *on, clarus_session **session,
                                  clarus_error *error)
{
    clarus_session_options options;
    clarus_session_options_init(&options);
    options.math = CLARUS_MATH_EXACT;
    return clarus_session_create(context, on, n->model, &options, session, error);
}

static clarus_status make_and_run(const void *user, clarus_error *error)
{
    const network *n = user;
    clarus_session *session = NULL;
    clarus_status status = make_session(n, device, &session, error);
    if (status == CLARUS_OK)
        status = run_session(n, session, error);
    clarus_session_free(session);
    return status;
}

/* A session whose run failed can be used again. */
static clarus_status run_again(const void *user, clarus_error *error)
{
    const network *n = user;
    clarus_status status = run_session(n, n->session, error);
    if (status == CLARUS_OK)
        return CLARUS_OK;
    clarus_error second = {0};
    CHECK(run_session(n, n->session, &second) == CLARUS_OK, "after \"%s\": %s", error->message,
          second.message);
    return status;
}

static clarus_status profile(const void *user, clarus_error *error)
{
    const network *n = user;
    const clarus_tensor *inputs[] = {n->input};
    const clarus_layer_time *layers;
    size_t count;
    return clarus_session_profile(n->session, inputs, 1, &layers, &count, error);
}

/* The reference says what the bits are. */
static void network_make(network *n, const char *text, clarus_device *reference)
{
    clarus_error error = {0};
    clarus_session *session = NULL;
    clarus_tensor *output = NULL;
    size_t size = 0;
    void *bytes = model_text_pack(text, &size);
    clarus_status status = clarus_model_parse(context, bytes, size, &n->model, &error);
    free(bytes);
    if (status == CLARUS_OK) {
        const clarus_value_info *info = clarus_model_input(n->model, 0);
        status = clarus_tensor_create(context, CLARUS_FLOAT32, info->rank, info->shape, &n->input, &error);
    }
    if (status == CLARUS_OK) {
        generate(1, clarus_tensor_count(n->input), 0, 1, clarus_tensor_data(n->input));
        status = make_session(n, reference, &session, &error);
    }
    const clarus_tensor *inputs[] = {n->input};
    if (status == CLARUS_OK)
        status = clarus_session_run(session, inputs, 1, &output, 1, &error);
    const clarus_tensor *outputs[] = {output};
    if (status == CLARUS_OK)
        status = clarus_tensors_digest(outputs, 1, 0, 1, &n->digest, &error);
    if (status == CLARUS_OK)
        status = make_session(n, device, &n->session, &error);
    CHECK(status == CLARUS_OK, "%s", error.message);
    clarus_tensor_free(output);
    clarus_session_free(session);
}

static void network_free(network *n)
{
    clarus_session_free(n->session);
    clarus_tensor_free(n->input);
    clarus_model_free(n->model);
}

static void test_network(const char *text, clarus_device *reference)
{
    network n = {0};
    clarus_error error = {0};
    network_make(&n, text, reference);
    if (n.session && run_session(&n, n.session, &error) == CLARUS_OK) {
        sweep_calls("session", LONG_MAX, make_and_run, &n);
        sweep_calls("run", LONG_MAX, run_again, &n);
        sweep_calls("profile", MEASURED_CALLS, profile, &n);
    }
    network_free(&n);
}

/* rows x weights, small integers, so that every sum is exact. */
static clarus_status run_dense(const void *user, clarus_error *error)
{
    (void)user;
    float input[ROWS * IN], weights[OUT * IN], output[ROWS * OUT];
    clarus_buffer *from = NULL, *to = NULL;
    clarus_dense *dense = NULL;
    for (int i = 0; i < ROWS * IN; i++)
        input[i] = (float)(i % 7);
    for (int i = 0; i < OUT * IN; i++)
        weights[i] = (float)(i % 5);
    clarus_status status = clarus_buffer_create(context, device, ROWS * IN, &from, error);
    if (status == CLARUS_OK)
        status = clarus_buffer_create(context, device, ROWS * OUT, &to, error);
    if (status == CLARUS_OK)
        status = clarus_dense_create(context, device, ROWS, IN, OUT, weights, NULL, CLARUS_ACTIVATION_NONE,
                                     &dense, error);
    if (status == CLARUS_OK)
        status = clarus_buffer_write(from, input, ROWS * IN, error);
    if (status == CLARUS_OK)
        status = clarus_dense_run_buffers(dense, from, to, error);
    if (status == CLARUS_OK)
        status = clarus_buffer_read(to, output, ROWS * OUT, error);
    for (int i = 0; status == CLARUS_OK && i < ROWS * OUT; i++) {
        float sum = 0;
        for (int k = 0; k < IN; k++)
            sum += input[i / OUT * IN + k] * weights[i % OUT * IN + k];
        CHECK(output[i] == sum, "element %d is %g, not %g", i, (double)output[i], (double)sum);
    }
    clarus_dense_free(dense);
    clarus_buffer_free(from);
    clarus_buffer_free(to);
    return status;
}

static clarus_status open_device(const void *user, clarus_error *error)
{
    clarus_device *opened = NULL;
    clarus_status status = clarus_device_open(context, user, &opened, error);
    CHECK((status == CLARUS_OK) == (opened != NULL), "%s", clarus_status_name(status));
    clarus_device_free(opened);
    return status;
}

static clarus_status measure_peak(const void *user, clarus_error *error)
{
    (void)user;
    double gflops = 0;
    clarus_status status = clarus_device_peak(device, &gflops, error);
    CHECK(status != CLARUS_OK || gflops > 0, "%g GFLOP/s", gflops);
    return status;
}

static clarus_status measure_bandwidth(const void *user, clarus_error *error)
{
    (void)user;
    double gbytes_per_s = 0;
    clarus_status status = clarus_device_bandwidth(device, 4096, 1024, &gbytes_per_s, error);
    CHECK(status != CLARUS_OK || gbytes_per_s > 0, "%g GB/s", gbytes_per_s);
    return status;
}

int main(void)
{
    clarus_device *reference = NULL;
    clarus_error error = {0};
    clarus_context_options options;
    clarus_context_options_init(&options);
    if (!failing_calls_install())
        TEST_SKIP("PoCL is not there");
    if (clarus_context_create(&options, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, "pocl", &device, &error) != CLARUS_OK ||
        clarus_device_open(context, "reference", &reference, &error) != CLARUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    sweep_calls("device", LONG_MAX, open_device, "pocl");
    for (size_t k = TEXTS - NETWORKS; k < TEXTS; k++)
        test_network(texts[k], reference);
    CHECK(run_dense(NULL, &error) == CLARUS_OK, "%s", error.message);
    sweep_calls("dense", LONG_MAX, run_dense, NULL);
    CHECK(measure_peak(NULL, &error) == CLARUS_OK, "%s", error.message);
    sweep_calls("peak", MEASURED_CALLS, measure_peak, NULL);
    CHECK(measure_bandwidth(NULL, &error) == CLARUS_OK, "%s", error.message);
    sweep_calls("bandwidth", MEASURED_CALLS, measure_bandwidth, NULL);
    clarus_device_free(reference);
    clarus_device_free(device);
    clarus_context_free(context);
    CHECK(live_objects == 0, "%ld objects are left", (long)live_objects);
    return test_result();
}
