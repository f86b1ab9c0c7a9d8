/* Each allocation of reading, lowering, planning and running a network made to fail once, in turn, and of
 * opening a device: CLARUS_E_MEMORY or the right bits, nothing leaked. The networks are the golden ones.
 *
 *     network_alloc [DEVICE] */
#include "context.h"
#include "failing_allocator.h"
#include "generate.h"
#include "golden/model_text.h"

typedef struct network_case {
    const char *name, *text;
    void *bytes;
    size_t size;
    clarus_digest digest;
} network_case;

static network_case cases[] = {
#define GOLDEN(name, text) {name, text, NULL, 0, {""}},
#include "golden/cases.def"
#undef GOLDEN
};
enum { CASES = sizeof cases / sizeof *cases, MOST_INPUTS = 4 };

static clarus_context *context;
static clarus_device *device;
static const char *wanted;

static clarus_status make_inputs(const clarus_model *model, clarus_tensor **inputs, clarus_error *error)
{
    for (size_t k = 0; k < clarus_model_input_count(model); k++) {
        const clarus_value_info *info = clarus_model_input(model, k);
        clarus_status status =
            clarus_tensor_create(context, CLARUS_FLOAT32, info->rank, info->shape, &inputs[k], error);
        if (status != CLARUS_OK)
            return status;
        generate(k, clarus_tensor_count(inputs[k]), 0, 1, clarus_tensor_data(inputs[k]));
    }
    return CLARUS_OK;
}

static clarus_status run_model(const clarus_model *model, clarus_digest *digest, clarus_error *error)
{
    clarus_tensor *inputs[MOST_INPUTS] = {NULL}, *output = NULL;
    clarus_session *session = NULL;
    clarus_session_options options;
    clarus_session_options_init(&options);
    options.math = CLARUS_MATH_EXACT;
    clarus_status status = make_inputs(model, inputs, error);
    if (status == CLARUS_OK)
        status = clarus_session_create(context, device, model, &options, &session, error);
    if (status == CLARUS_OK)
        status = clarus_session_run(session, (const clarus_tensor *const *)inputs,
                                    clarus_model_input_count(model), &output, 1, error);
    if (status == CLARUS_OK)
        status = clarus_tensors_digest((const clarus_tensor *const *)&output, 1, 0, 1, digest, error);
    if (status == CLARUS_OK)
        clarus_session_plan(session);
    clarus_session_free(session);
    clarus_tensor_free(output);
    for (size_t k = 0; k < MOST_INPUTS; k++)
        clarus_tensor_free(inputs[k]);
    return status;
}

static clarus_status parse_and_run(const network_case *c, clarus_digest *digest, clarus_error *error)
{
    clarus_model *model = NULL;
    clarus_status status = clarus_model_parse(context, c->bytes, c->size, &model, error);
    if (status == CLARUS_OK)
        status = run_model(model, digest, error);
    clarus_model_free(model);
    return status;
}

static clarus_status use_network(const void *user, clarus_error *error)
{
    const network_case *c = user;
    clarus_digest digest = {""};
    clarus_status status = parse_and_run(c, &digest, error);
    CHECK(status != CLARUS_OK || strcmp(digest.hex, c->digest.hex) == 0, "%s: %s, not %s", c->name,
          digest.hex, c->digest.hex);
    return status;
}

/* The first run, with nothing lost, leaves the device's programs built. */
static void test_network(network_case *c)
{
    clarus_error error = {CLARUS_OK, "the text is wrong"};
    c->bytes = model_text_pack(c->text, &c->size);
    clarus_status status = c->bytes ? parse_and_run(c, &c->digest, &error) : CLARUS_E_FORMAT;
    CHECK(status == CLARUS_OK, "%s: %s", c->name, error.message);
    if (status == CLARUS_OK)
        sweep_allocations(c->name, use_network, c);
    free(c->bytes);
}

/* An automatic choice passes over what it could not examine. */
static clarus_status open_device(const void *user, clarus_error *error)
{
    clarus_device *opened = NULL;
    clarus_status status = clarus_device_open(context, user, &opened, error);
    CHECK((status == CLARUS_OK) == (opened != NULL), "%s", clarus_status_name(status));
    clarus_device_free(opened);
    return status;
}

int main(int argc, char **argv)
{
    clarus_error error = {0};
    clarus_context_options options;
    clarus_context_options_init(&options);
    options.allocator = &failing;
    options.threads = 1;
    wanted = argc == 2 ? argv[1] : "reference";
    if (clarus_context_create(&options, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, wanted, &device, &error) != CLARUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    sweep_allocations("open a device", open_device, wanted);
    context->arena_block_bytes = 1;
    for (size_t k = 0; k < CASES; k++)
        test_network(&cases[k]);
    clarus_device_free(device);
    clarus_context_free(context);
    CHECK(memory.live == 0, "%ld allocations leaked", (long)memory.live);
    return test_result();
}
