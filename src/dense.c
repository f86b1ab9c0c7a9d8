/* Dense layers on their own. */
#include "layer.h"

struct clarus_dense {
    clarus_context *context;
    layer *layer;
};

static clarus_status build(lowered_graph *graph, const matmul_params *m, const float *weights,
                           const float *bias, clarus_activation activation, clarus_error *error)
{
    shape x = {2, {m->m, m->k}}, w = {2, {m->n, m->k}}, y = {2, {m->m, m->n}}, b = {1, {m->n}};
    size_t in[3], count = 2;
    clarus_status status;
    if ((status = layer_add_input(graph, &x, &in[0], error)) != CLARUS_OK ||
        (status = layer_add_constant(graph, &w, weights, &in[1], error)) != CLARUS_OK ||
        (bias && (status = layer_add_constant(graph, &b, bias, &in[count++], error)) != CLARUS_OK))
        return status;
    lowered_op *op;
    if ((status = layer_add_op(graph, OP_MATMUL, in, count, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.matmul = *m;
    op->epilogue =
        (op_epilogue){bias != NULL, 0, activation == CLARUS_ACTIVATION_RELU, ELTWISE_relu, 0.0f, 0.0f};
    return CLARUS_OK;
}

static clarus_status check(int64_t rows, int64_t in_features, int64_t out_features,
                           clarus_activation activation, clarus_error *error)
{
    if (rows < 1 || in_features < 1 || out_features < 1)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "dense: %lld rows, %lld to %lld features: each must be at least 1", (long long)rows,
                         (long long)in_features, (long long)out_features);
    if (activation != CLARUS_ACTIVATION_NONE && activation != CLARUS_ACTIVATION_RELU)
        return error_set(error, CLARUS_E_ARGUMENT, "dense: activation %d is neither none nor relu",
                         (int)activation);
    return CLARUS_OK;
}

clarus_status clarus_dense_create(clarus_context *context, clarus_device *device, int64_t rows,
                                  int64_t in_features, int64_t out_features, const float *weights,
                                  const float *bias, clarus_activation activation, clarus_dense **dense,
                                  clarus_error *error)
{
    if (!dense)
        return error_set(error, CLARUS_E_ARGUMENT, "dense: NULL");
    *dense = NULL;
    if (!context || !device || !weights)
        return error_set(error, CLARUS_E_ARGUMENT, "dense: context, device or weights is NULL");
    clarus_status status = check(rows, in_features, out_features, activation, error);
    if (status != CLARUS_OK)
        return status;
    clarus_dense *d = memory_calloc(context, 1, sizeof *d);
    if (!d)
        return error_memory(error, "dense");
    d->context = context_retain(context);
    const matmul_params m = {.m = rows, .n = out_features, .k = in_features, .trans_b = 1};
    lowered_graph *graph = NULL;
    status = lowered_create(context, &graph, error);
    if (status == CLARUS_OK && (status = build(graph, &m, weights, bias, activation, error)) != CLARUS_OK)
        lowered_free(graph);
    if (status == CLARUS_OK)
        status = layer_create(device, graph, &d->layer, error);
    if (status != CLARUS_OK) {
        clarus_dense_free(d);
        return status;
    }
    *dense = d;
    return CLARUS_OK;
}

void clarus_dense_free(clarus_dense *dense)
{
    if (!dense)
        return;
    clarus_context *context = dense->context;
    layer_free(dense->layer);
    memory_free(context, dense);
    clarus_context_free(context);
}

clarus_status clarus_dense_run(clarus_dense *dense, const float *input, float *output, clarus_error *error)
{
    if (!dense || !input || !output)
        return error_set(error, CLARUS_E_ARGUMENT, "dense: dense, input or output is NULL");
    return layer_run(dense->layer, &input, output, error);
}

clarus_status clarus_dense_run_buffers(clarus_dense *dense, const clarus_buffer *input, clarus_buffer *output,
                                       clarus_error *error)
{
    if (!dense)
        return error_set(error, CLARUS_E_ARGUMENT, "dense: NULL");
    return layer_run_buffers(dense->layer, "dense", &input, output, error);
}
