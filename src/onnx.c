/* From protobuf messages to a graph. The messages are unpacked into the graph's arena and stay there, so that
 * names and weights need no second copy; the graph's own structures point into them. */
#include "onnx.h"
#include "onnx_parts.h"

#include <stdio.h>
#include <string.h>

typedef struct reading {
    onnx_reader reader;
    graph *graph;
    const Onnx__Model *model;
} reading;

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static void *new_array(reading *r, size_t count, size_t size)
{
    void *memory = arena_alloc(r->reader.arena, count, size, sizeof(void *));
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

/* Strings of attributes are bytes without an end. */
static const char *bytes_text(reading *r, const ProtobufCBinaryData *bytes)
{
    char *text = new_array(r, bytes->len + 1, 1);
    if (text && bytes->len)
        memcpy(text, bytes->data, bytes->len);
    return text;
}

/* Files of the first versions leave the type out: then it is the field that is there. */
static int attribute_type(const Onnx__Attribute *a)
{
    if (a->type)
        return a->type;
    return a->has_f      ? ATTRIBUTE_FLOAT
           : a->has_i    ? ATTRIBUTE_INT
           : a->has_s    ? ATTRIBUTE_STRING
           : a->t        ? ATTRIBUTE_TENSOR
           : a->n_floats ? ATTRIBUTE_FLOATS
           : a->n_ints   ? ATTRIBUTE_INTS
                         : 0;
}

static clarus_status read_tensor_attribute(reading *r, const Onnx__Attribute *a, const char *node,
                                           graph_attribute *out, clarus_error *error)
{
    char what[160];
    graph_tensor *tensor = new_array(r, 1, sizeof *tensor);
    if (!tensor)
        return error_memory(error, node);
    snprintf(what, sizeof what, "node \"%.60s\", attribute \"%.50s\"", node, out->name);
    out->as.tensor = tensor;
    return onnx_read_data(&r->reader, a->t, what, tensor, error);
}

static clarus_status read_attribute(reading *r, const Onnx__Attribute *a, const char *node,
                                    graph_attribute *out, clarus_error *error)
{
    *out = (graph_attribute){.name = text_or_empty(a->name), .kind = ATTRIBUTE_OTHER};
    switch (attribute_type(a)) {
    case ATTRIBUTE_FLOAT:
        out->as.f = a->f;
        break;
    case ATTRIBUTE_INT:
        out->as.i = a->i;
        break;
    case ATTRIBUTE_STRING:
        out->as.string = bytes_text(r, &a->s);
        if (!out->as.string)
            return error_memory(error, node);
        break;
    case ATTRIBUTE_TENSOR:
        if (!a->t)
            return CLARUS_OK;
        out->kind = ATTRIBUTE_TENSOR;
        return read_tensor_attribute(r, a, node, out, error);
    case ATTRIBUTE_FLOATS:
        out->as.floats = a->floats;
        out->count = a->n_floats;
        break;
    case ATTRIBUTE_INTS:
        out->as.ints = a->ints;
        out->count = a->n_ints;
        break;
    default:
        return CLARUS_OK;
    }
    out->kind = (attribute_kind)attribute_type(a);
    return CLARUS_OK;
}

static clarus_status read_names(reading *r, char *const *from, size_t count, const char ***names,
                                size_t **numbers, clarus_error *error)
{
    *names = new_array(r, count, sizeof **names);
    *numbers = new_array(r, count, sizeof **numbers);
    if (!*names || !*numbers)
        return error_memory(error, "graph");
    for (size_t i = 0; i < count; i++)
        (*names)[i] = text_or_empty(from[i]);
    return CLARUS_OK;
}

static clarus_status read_node(reading *r, const Onnx__Node *from, size_t number, graph_node *node,
                               clarus_error *error)
{
    char made_up[80];
    node->op = text_or_empty(from->op_type);
    node->domain = text_or_empty(from->domain);
    node->name = text_or_empty(from->name);
    if (!*node->name) {
        snprintf(made_up, sizeof made_up, "%.50s_%zu", node->op, number);
        node->name = arena_strdup(r->reader.arena, made_up);
    }
    node->input_count = from->n_input;
    node->output_count = from->n_output;
    node->attribute_count = from->n_attribute;
    node->attributes = new_array(r, from->n_attribute, sizeof *node->attributes);
    if (!node->name || !node->attributes)
        return error_memory(error, "graph");
    clarus_status status =
        read_names(r, from->input, from->n_input, &node->input_names, &node->inputs, error);
    if (status == CLARUS_OK)
        status = read_names(r, from->output, from->n_output, &node->output_names, &node->outputs, error);
    for (size_t i = 0; i < from->n_attribute && status == CLARUS_OK; i++)
        status = read_attribute(r, from->attribute[i], node->name, &node->attributes[i], error);
    return status;
}

static clarus_status read_nodes(reading *r, clarus_error *error)
{
    const Onnx__Graph *from = r->model->graph;
    clarus_status status = CLARUS_OK;
    r->graph->nodes = new_array(r, from->n_node, sizeof *r->graph->nodes);
    if (!r->graph->nodes)
        return error_memory(error, "graph");
    r->graph->node_count = from->n_node;
    for (size_t i = 0; i < from->n_node && status == CLARUS_OK; i++)
        status = read_node(r, from->node[i], i, &r->graph->nodes[i], error);
    return status;
}

static clarus_status read_initializers(reading *r, clarus_error *error)
{
    const Onnx__Graph *from = r->model->graph;
    graph *g = r->graph;
    char what[160];
    if (from->n_sparse_initializer)
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "sparse initializers are not supported (the graph has %zu)",
                         from->n_sparse_initializer);
    g->tensor_names = new_array(r, from->n_initializer, sizeof *g->tensor_names);
    g->tensors = new_array(r, from->n_initializer, sizeof *g->tensors);
    if (!g->tensor_names || !g->tensors)
        return error_memory(error, "graph");
    g->tensor_count = from->n_initializer;
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < from->n_initializer && status == CLARUS_OK; i++) {
        g->tensor_names[i] = text_or_empty(from->initializer[i]->name);
        snprintf(what, sizeof what, "initializer \"%.120s\"", g->tensor_names[i]);
        status = onnx_read_data(&r->reader, from->initializer[i], what, &g->tensors[i], error);
    }
    return status;
}

static clarus_status read_port(const Onnx__ValueInfo *from, int is_input, clarus_value_info *info,
                               clarus_error *error)
{
    const Onnx__TensorType *type = from->type ? from->type->tensor_type : NULL;
    const char *side = is_input ? "input" : "output";
    info->name = text_or_empty(from->name);
    if (!type && !is_input)
        return CLARUS_OK;
    if (!type || !type->shape)
        return is_input ? error_set(error, CLARUS_E_UNSUPPORTED,
                                    "graph input \"%s\" is not a tensor of known rank", info->name)
                        : CLARUS_OK;
    info->dtype = (clarus_dtype)type->elem_type;
    if (!clarus_dtype_size(info->dtype))
        return error_set(error, CLARUS_E_UNSUPPORTED, "graph %s \"%s\": type %d is not supported", side,
                         info->name, type->elem_type);
    if (type->shape->n_dim > CLARUS_MAX_RANK)
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "graph %s \"%s\": %zu dimensions, at most %d are supported", side, info->name,
                         type->shape->n_dim, CLARUS_MAX_RANK);
    info->rank = type->shape->n_dim;
    for (size_t i = 0; i < info->rank; i++) {
        const Onnx__Dimension *dim = type->shape->dim[i];
        info->shape[i] = dim->has_dim_value && dim->dim_value >= 0 ? dim->dim_value : -1;
        info->symbol[i] = info->shape[i] < 0 ? text_or_empty(dim->dim_param) : "";
    }
    return CLARUS_OK;
}

static clarus_status read_ports(reading *r, Onnx__ValueInfo *const *from, size_t count, int is_input,
                                graph_port **ports, clarus_error *error)
{
    *ports = new_array(r, count, sizeof **ports);
    if (!*ports)
        return error_memory(error, "graph");
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < count && status == CLARUS_OK; i++)
        status = read_port(from[i], is_input, &(*ports)[i].info, error);
    return status;
}

static clarus_status read_imports(reading *r, clarus_error *error)
{
    graph *g = r->graph;
    g->imports = new_array(r, r->model->n_opset_import, sizeof *g->imports);
    if (!g->imports)
        return error_memory(error, "graph");
    g->import_count = r->model->n_opset_import;
    for (size_t i = 0; i < g->import_count; i++)
        g->imports[i] = (opset_import){text_or_empty(r->model->opset_import[i]->domain),
                                       r->model->opset_import[i]->version};
    return CLARUS_OK;
}

static clarus_status read_graph(reading *r, clarus_error *error)
{
    const Onnx__Graph *from = r->model->graph;
    graph *g = r->graph;
    if (!from)
        return error_set(error, CLARUS_E_FORMAT, "the file holds no graph");
    clarus_status status = read_imports(r, error);
    if (status == CLARUS_OK)
        status = read_initializers(r, error);
    if (status == CLARUS_OK)
        status = read_nodes(r, error);
    if (status == CLARUS_OK)
        status = read_ports(r, from->input, from->n_input, 1, &g->inputs, error);
    if (status == CLARUS_OK)
        status = read_ports(r, from->output, from->n_output, 0, &g->outputs, error);
    g->input_count = from->n_input;
    g->output_count = from->n_output;
    return status == CLARUS_OK ? graph_finish(g, error) : status;
}

clarus_status onnx_read(clarus_context *context, const void *bytes, size_t size_bytes, const char *folder,
                        graph **out, clarus_error *error)
{
    graph *g;
    ProtobufCMessage *message;
    *out = NULL;
    if (size_bytes > context->max_model_bytes)
        return error_set(error, CLARUS_E_LIMIT, "%zu bytes exceed the limit of %llu for a model", size_bytes,
                         (unsigned long long)context->max_model_bytes);
    clarus_status status = graph_create(context, &g, error);
    if (status == CLARUS_OK)
        status = onnx_unpack(&onnx__model__descriptor, bytes, size_bytes, &g->arena, &message, error);
    if (status == CLARUS_OK) {
        reading r = {{context, &g->arena, folder, context->max_model_bytes - size_bytes},
                     g,
                     (const Onnx__Model *)message};
        status = read_graph(&r, error);
    }
    if (status == CLARUS_OK)
        *out = g;
    else
        graph_free(g);
    return status;
}
