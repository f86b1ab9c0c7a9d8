/* Small ONNX models in memory, for tests: nodes, tensors, inputs and outputs are added, builder_finish packs
 * them.
 *
 *     builder b;
 *     builder_start(&b, 13);
 *     builder_input(&b, "x", CLARUS_FLOAT32, 4, (int64_t[]){1, 1, 4, 4});
 *     Onnx__Node *conv = builder_node(&b, "Conv", "x w", "y");
 *     builder_ints(&b, conv, "pads", 4, (int64_t[]){1, 1, 1, 1});
 *
 * Everything added lives in the builder's chunks until builder_free. */
#ifndef CLARUS_ONNX_BUILDER_H
#define CLARUS_ONNX_BUILDER_H

#include "clarus.h"
#include "onnx.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum { BUILDER_MOST = 64, BUILDER_CHUNKS = 4096 };

typedef struct builder {
    Onnx__Model model;
    Onnx__Graph graph;
    Onnx__OperatorSetId opset, *opsets[1];
    Onnx__Node *nodes[BUILDER_MOST];
    Onnx__Tensor *tensors[BUILDER_MOST];
    Onnx__ValueInfo *inputs[BUILDER_MOST], *outputs[BUILDER_MOST];
    void *chunks[BUILDER_CHUNKS];
    size_t chunk_count;
    void *bytes;
    size_t size;
} builder;

static inline void *builder_alloc(builder *b, size_t size)
{
    void *chunk = b->chunk_count < BUILDER_CHUNKS ? calloc(1, size ? size : 1) : NULL;
    if (!chunk)
        abort();
    return b->chunks[b->chunk_count++] = chunk;
}

static inline void *builder_copy(builder *b, const void *data, size_t size)
{
    void *copy = builder_alloc(b, size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static inline char *builder_text(builder *b, const char *text)
{
    return builder_copy(b, text, strlen(text) + 1);
}

/* Not to be moved once something was added. */
static inline void builder_start(builder *b, int64_t opset)
{
    memset(b, 0, sizeof *b);
    onnx__model__init(&b->model);
    onnx__graph__init(&b->graph);
    onnx__operator_set_id__init(&b->opset);
    b->opset.has_version = 1;
    b->opset.version = opset;
    b->opsets[0] = &b->opset;
    b->model.has_ir_version = 1;
    b->model.ir_version = 8;
    b->model.opset_import = b->opsets;
    b->model.n_opset_import = 1;
    b->model.graph = &b->graph;
    b->graph.node = b->nodes;
    b->graph.initializer = b->tensors;
    b->graph.input = b->inputs;
    b->graph.output = b->outputs;
}

/* names: separated by single spaces; "-" is an input or output that is left out. */
static inline size_t builder_names(builder *b, const char *names, char ***list)
{
    size_t count = 0;
    *list = builder_alloc(b, BUILDER_MOST * sizeof **list);
    char *text = builder_text(b, names);
    for (char *name = strtok(text, " "); name; name = strtok(NULL, " "))
        (*list)[count++] = strcmp(name, "-") == 0 ? builder_text(b, "") : name;
    return count;
}

static inline Onnx__Node *builder_node(builder *b, const char *op, const char *inputs, const char *outputs)
{
    Onnx__Node *node = builder_alloc(b, sizeof *node);
    onnx__node__init(node);
    node->op_type = builder_text(b, op);
    node->n_input = builder_names(b, inputs, &node->input);
    node->n_output = builder_names(b, outputs, &node->output);
    node->attribute = builder_alloc(b, BUILDER_MOST * sizeof *node->attribute);
    b->nodes[b->graph.n_node++] = node;
    return node;
}

static inline Onnx__Attribute *builder_attribute(builder *b, Onnx__Node *node, const char *name, int type)
{
    Onnx__Attribute *a = builder_alloc(b, sizeof *a);
    onnx__attribute__init(a);
    a->name = builder_text(b, name);
    a->has_type = 1;
    a->type = type;
    node->attribute[node->n_attribute++] = a;
    return a;
}

static inline void builder_int(builder *b, Onnx__Node *node, const char *name, int64_t value)
{
    Onnx__Attribute *a = builder_attribute(b, node, name, 2);
    a->has_i = 1;
    a->i = value;
}

static inline void builder_float(builder *b, Onnx__Node *node, const char *name, float value)
{
    Onnx__Attribute *a = builder_attribute(b, node, name, 1);
    a->has_f = 1;
    a->f = value;
}

static inline void builder_string(builder *b, Onnx__Node *node, const char *name, const char *value)
{
    Onnx__Attribute *a = builder_attribute(b, node, name, 3);
    a->has_s = 1;
    a->s.data = (uint8_t *)builder_text(b, value);
    a->s.len = strlen(value);
}

static inline void builder_ints(builder *b, Onnx__Node *node, const char *name, size_t count,
                                const int64_t *values)
{
    Onnx__Attribute *a = builder_attribute(b, node, name, 7);
    a->ints = builder_copy(b, values, count * sizeof *values);
    a->n_ints = count;
}

/* A tensor with raw data; belongs to no list yet. */
static inline Onnx__Tensor *builder_tensor(builder *b, clarus_dtype dtype, size_t rank, const int64_t *dims,
                                           const void *data)
{
    Onnx__Tensor *t = builder_alloc(b, sizeof *t);
    size_t count = 1;
    onnx__tensor__init(t);
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    t->dims = builder_copy(b, dims, rank * sizeof *dims);
    t->n_dims = rank;
    t->has_data_type = 1;
    t->data_type = (int32_t)dtype;
    t->has_raw_data = data != NULL;
    if (data)
        t->raw_data.data = builder_copy(b, data, count * clarus_dtype_size(dtype));
    t->raw_data.len = data ? count * clarus_dtype_size(dtype) : 0;
    return t;
}

static inline Onnx__Tensor *builder_initializer(builder *b, const char *name, clarus_dtype dtype, size_t rank,
                                                const int64_t *dims, const void *data)
{
    Onnx__Tensor *t = builder_tensor(b, dtype, rank, dims, data);
    t->name = builder_text(b, name);
    b->tensors[b->graph.n_initializer++] = t;
    return t;
}

static inline void builder_tensor_attribute(builder *b, Onnx__Node *node, const char *name,
                                            Onnx__Tensor *tensor)
{
    builder_attribute(b, node, name, 4)->t = tensor;
}

/* A sub-graph: the nodes, initializers and outputs of another builder, which must live as long. */
static inline void builder_graph_attribute(builder *b, Onnx__Node *node, const char *name, builder *body)
{
    builder_attribute(b, node, name, 5)->g = &body->graph;
}

/* An attribute of a function's node that stands for one of the call. */
static inline void builder_reference(builder *b, Onnx__Node *node, const char *name, int type,
                                     const char *of_call)
{
    builder_attribute(b, node, name, type)->ref_attr_name = builder_text(b, of_call);
}

/* A function whose nodes and opset are those of another builder, which must live as long. */
static inline Onnx__Function *builder_function(builder *b, const char *domain, const char *name,
                                               const char *inputs, const char *outputs, builder *body)
{
    Onnx__Function *f = builder_alloc(b, sizeof *f);
    onnx__function__init(f);
    if (!b->model.functions)
        b->model.functions = builder_alloc(b, BUILDER_MOST * sizeof *b->model.functions);
    f->domain = builder_text(b, domain);
    f->name = builder_text(b, name);
    f->n_input = builder_names(b, inputs, &f->input);
    f->n_output = builder_names(b, outputs, &f->output);
    f->node = body->graph.node;
    f->n_node = body->graph.n_node;
    f->opset_import = body->opsets;
    f->n_opset_import = 1;
    b->model.functions[b->model.n_functions++] = f;
    return f;
}

/* A negative dimension is open and called "d0", "d1", ... by its axis. */
static inline Onnx__ValueInfo *builder_value_info(builder *b, const char *name, clarus_dtype dtype,
                                                  size_t rank, const int64_t *dims)
{
    Onnx__ValueInfo *v = builder_alloc(b, sizeof *v);
    onnx__value_info__init(v);
    v->name = builder_text(b, name);
    v->type = builder_alloc(b, sizeof *v->type);
    onnx__type__init(v->type);
    Onnx__TensorType *type = v->type->tensor_type = builder_alloc(b, sizeof *type);
    onnx__tensor_type__init(type);
    type->has_elem_type = 1;
    type->elem_type = (int32_t)dtype;
    type->shape = builder_alloc(b, sizeof *type->shape);
    onnx__tensor_shape__init(type->shape);
    type->shape->dim = builder_alloc(b, rank * sizeof *type->shape->dim);
    type->shape->n_dim = rank;
    for (size_t i = 0; i < rank; i++) {
        Onnx__Dimension *dim = type->shape->dim[i] = builder_alloc(b, sizeof *dim);
        char symbol[] = {'d', (char)('0' + (int)i), '\0'};
        onnx__dimension__init(dim);
        dim->has_dim_value = dims[i] >= 0;
        dim->dim_value = dims[i];
        dim->dim_param = dims[i] < 0 ? builder_text(b, symbol) : NULL;
    }
    return v;
}

static inline void builder_input(builder *b, const char *name, clarus_dtype dtype, size_t rank,
                                 const int64_t *dims)
{
    b->inputs[b->graph.n_input++] = builder_value_info(b, name, dtype, rank, dims);
}

/* An output whose type and shape the file leaves to be inferred. */
static inline void builder_output(builder *b, const char *name)
{
    Onnx__ValueInfo *v = builder_alloc(b, sizeof *v);
    onnx__value_info__init(v);
    v->name = builder_text(b, name);
    b->outputs[b->graph.n_output++] = v;
}

/* Packs the model into bytes and size, again each time. */
static inline void builder_finish(builder *b)
{
    free(b->bytes);
    b->size = onnx__model__get_packed_size(&b->model);
    b->bytes = malloc(b->size + 1);
    if (!b->bytes)
        abort();
    onnx__model__pack(&b->model, b->bytes);
}

static inline void builder_free(builder *b)
{
    while (b->chunk_count)
        free(b->chunks[--b->chunk_count]);
    free(b->bytes);
}

#endif
