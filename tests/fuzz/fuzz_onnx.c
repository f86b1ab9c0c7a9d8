/* libFuzzer target: bytes to a model, its lowered graph, and one run on the reference. Open dimensions are 1.
 * Limits keep a run short: what would compute much is only lowered. */
#include "lowered.h"
#include "model.h"

static clarus_context *context;
static clarus_device *device;

enum { MOST_WORK = 1 << 22, MOST_INPUTS = 16 };

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    clarus_context_options options;
    clarus_context_options_init(&options);
    options.threads = 1;
    options.max_tensor_bytes = options.max_model_bytes = 1 << 24;
    return clarus_context_create(&options, &context, NULL) != CLARUS_OK ||
           clarus_device_open(context, "reference", &device, NULL) != CLARUS_OK;
}

static int is_small(const lowered_graph *graph)
{
    uint64_t work = 0;
    for (size_t i = 0; i < graph->op_count && work < MOST_WORK; i++) {
        int64_t count = 0;
        shape_count(&graph->values[graph->ops[i].output].shape, &count);
        work += (uint64_t)count + op_macs(graph, &graph->ops[i]);
    }
    return work < MOST_WORK;
}

static void run(const clarus_model *model, const shape *shapes)
{
    clarus_tensor *inputs[MOST_INPUTS] = {NULL}, **outputs = NULL;
    size_t count = clarus_model_input_count(model), output_count = clarus_model_output_count(model);
    clarus_session *session = NULL;
    clarus_error error;
    clarus_status status = clarus_session_create(context, device, model, NULL, &session, &error);
    for (size_t i = 0; status == CLARUS_OK && i < count; i++)
        status = clarus_tensor_create(context, clarus_model_input(model, i)->dtype, shapes[i].rank,
                                      shapes[i].dims, &inputs[i], &error);
    outputs = memory_calloc(context, output_count, sizeof *outputs);
    if (status == CLARUS_OK && outputs)
        status = clarus_session_run(session, (const clarus_tensor *const *)inputs, count, outputs,
                                    output_count, &error);
    for (size_t i = 0; outputs && i < output_count; i++)
        clarus_tensor_free(outputs[i]);
    for (size_t i = 0; i < MOST_INPUTS; i++)
        clarus_tensor_free(inputs[i]);
    memory_free(context, outputs);
    clarus_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clarus_model *model = NULL;
    lowered_graph *graph = NULL;
    shape shapes[MOST_INPUTS] = {{0}};
    int open = 0;
    clarus_error error;
    if (clarus_model_parse(context, data, size, &model, &error) != CLARUS_OK)
        return 0;
    if (clarus_model_input_count(model) <= MOST_INPUTS &&
        model_bind(model, NULL, shapes, &open, &error) == CLARUS_OK && !open &&
        model_lower(model, shapes, &graph, &error) == CLARUS_OK && is_small(graph))
        run(model, shapes);
    lowered_free(graph);
    clarus_model_free(model);
    return 0;
}
