#include "layer.h"
#include "cpu.h"
#include "exec.h"

#include "../fallback/oracle.h"

#include <string.h>

struct layer {
    clarus_device *device;
    lowered_graph *graph;
    plan *plan; /* NULL on the reference, like exec */
    exec *exec;
};

/* ---- building ---------------------------------------------------------------------------------- */

clarus_status layer_add_input(lowered_graph *graph, const shape *shape, size_t *number, clarus_error *error)
{
    size_t *inputs = lowered_alloc(graph, graph->input_count + 1, sizeof *inputs);
    if (!inputs)
        return error_memory(error, "input");
    clarus_status status =
        lowered_add_value(graph, VALUE_INPUT, CLARUS_FLOAT32, shape, NULL, "input", number, error);
    if (status != CLARUS_OK)
        return status;
    if (graph->input_count)
        memcpy(inputs, graph->inputs, graph->input_count * sizeof *inputs);
    inputs[graph->input_count++] = *number;
    graph->inputs = inputs;
    return CLARUS_OK;
}

clarus_status layer_add_constant(lowered_graph *graph, const shape *shape, const float *data, size_t *number,
                                 clarus_error *error)
{
    int64_t count = 0;
    if (!shape_count(shape, &count))
        return error_set(error, CLARUS_E_SHAPE, "constant: the shape is not possible");
    float *copy = lowered_alloc(graph, (size_t)count, sizeof *copy);
    if (!copy)
        return error_memory(error, "constant");
    memcpy(copy, data, (size_t)count * sizeof *copy);
    return lowered_add_value(graph, VALUE_CONSTANT, CLARUS_FLOAT32, shape, copy, "constant", number, error);
}

clarus_status layer_add_op(lowered_graph *graph, op_kind kind, const size_t *inputs, size_t input_count,
                           const shape *shape, lowered_op **op, clarus_error *error)
{
    size_t *outputs = lowered_alloc(graph, 1, sizeof *outputs);
    if (!outputs)
        return error_memory(error, "output");
    clarus_status status =
        lowered_add_value(graph, VALUE_TEMPORARY, CLARUS_FLOAT32, shape, NULL, "output", outputs, error);
    if (status != CLARUS_OK)
        return status;
    graph->outputs = outputs;
    graph->output_count = 1;
    return lowered_add_op(graph, kind, inputs, input_count, *outputs, op_kind_name(kind), op, error);
}

clarus_status layer_create(clarus_device *device, lowered_graph *graph, layer **out, clarus_error *error)
{
    *out = NULL;
    layer *l = memory_calloc(graph->context, 1, sizeof *l);
    if (!l) {
        lowered_free(graph);
        return error_memory(error, "layer");
    }
    l->device = device_retain(device);
    l->graph = graph;
    clarus_status status = CLARUS_OK;
    if (!device_is_reference(device)) {
        cpu_float_env env;
        cpu_float_env_enter(&env);
        status = plan_create(graph, device->params, CLARUS_MATH_EXACT, device->info.compute_units, &l->plan,
                             error);
        if (status == CLARUS_OK)
            status = exec_create(device, l->plan, graph->context->threads, 0, &l->exec, error);
        cpu_float_env_leave(&env);
    }
    if (status != CLARUS_OK) {
        layer_free(l);
        return status;
    }
    *out = l;
    return CLARUS_OK;
}

void layer_free(layer *layer)
{
    if (!layer)
        return;
    clarus_context *context = context_retain(layer->graph->context);
    exec_free(layer->exec);
    plan_free(layer->plan);
    lowered_free(layer->graph);
    clarus_device_free(layer->device);
    memory_free(context, layer);
    clarus_context_free(context);
}

/* ---- running ----------------------------------------------------------------------------------- */

clarus_status layer_run(layer *layer, const float *const *inputs, float *output, clarus_error *error)
{
    void *out = output;
    const void *const *in = (const void *const *)inputs;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status =
        layer->exec ? exec_run(layer->exec, in, &out, error)
                    : oracle_run(layer->graph, layer->graph->context->threads, in, &out, NULL, error);
    cpu_float_env_leave(&env);
    return status;
}

static clarus_status check_buffer(const layer *layer, const char *what, const clarus_buffer *buffer,
                                  size_t value, clarus_error *error)
{
    int64_t count = 0;
    shape_count(&layer->graph->values[value].shape, &count);
    if (!buffer || buffer->device != layer->device)
        return error_set(error, CLARUS_E_ARGUMENT, "%s: a buffer is NULL or of another device", what);
    if (buffer->count != (size_t)count)
        return error_set(error, CLARUS_E_SHAPE, "%s: a buffer has %zu values, %lld are needed", what,
                         buffer->count, (long long)count);
    return CLARUS_OK;
}

clarus_status layer_run_buffers(layer *layer, const char *what, const clarus_buffer *const *inputs,
                                clarus_buffer *output, clarus_error *error)
{
    enum { MOST = 2 };
    const lowered_graph *graph = layer->graph;
    cl_mem in[MOST] = {0};
    const float *data[MOST] = {0};
    clarus_status status = check_buffer(layer, what, output, graph->outputs[0], error);
    for (size_t i = 0; i < graph->input_count && status == CLARUS_OK; i++) {
        status = check_buffer(layer, what, inputs[i], graph->inputs[i], error);
        if (status == CLARUS_OK && inputs[i] == output)
            status = error_set(error, CLARUS_E_ARGUMENT, "%s: the output is also an input", what);
        if (status == CLARUS_OK) {
            in[i] = inputs[i]->memory;
            data[i] = inputs[i]->data;
        }
    }
    if (status != CLARUS_OK)
        return status;
    if (!layer->exec)
        return layer_run(layer, data, output->data, error);
    cpu_float_env env;
    cpu_float_env_enter(&env);
    status = exec_run_buffers(layer->exec, in, &output->memory, error);
    cpu_float_env_leave(&env);
    return status;
}
