/* The model's graph as it was written, functions and branches put in their places: nodes, values, attributes
 * and constant tensors, checked and sorted.
 *
 * Reading a file (onnx.c) fills the parts, graph_finish connects and checks them: every value is defined once
 * and before it is used, there is no cycle, and what no output depends on is marked as not needed. */
#ifndef CLARUS_GRAPH_H
#define CLARUS_GRAPH_H

#include "arena.h"
#include "data_file.h"
#include "shape.h"

enum { GRAPH_NEWEST_OPSET = 28 };

#define GRAPH_NONE SIZE_MAX /* an optional input or output that is left out */

typedef struct graph_tensor {
    clarus_dtype dtype;
    shape shape;
    size_t count;
    const void *data;      /* row-major, little-endian, aligned for its type; NULL: see file */
    const data_file *file; /* large tensors of float32 stay there, from offset on, until they are wanted */
    uint64_t offset;
} graph_tensor;

typedef enum attribute_kind { /* ONNX's AttributeProto.AttributeType numbers */
                              ATTRIBUTE_FLOAT = 1,
                              ATTRIBUTE_INT = 2,
                              ATTRIBUTE_STRING = 3,
                              ATTRIBUTE_TENSOR = 4,
                              ATTRIBUTE_FLOATS = 6,
                              ATTRIBUTE_INTS = 7,
                              ATTRIBUTE_OTHER /* a kind that no supported operator has */
} attribute_kind;

typedef struct graph_attribute {
    const char *name;
    attribute_kind kind;
    size_t count; /* of a list */
    union {
        float f;
        int64_t i;
        const char *string;
        const graph_tensor *tensor;
        const float *floats;
        const int64_t *ints;
    } as;
} graph_attribute;

/* Nodes of a branch of an If stand among the others, before the If, whose inputs are the condition, the
 * values of the branch for true and those of the other. */
typedef struct graph_node {
    const char *name; /* made up where the model gives none: "Conv_12" */
    const char *op, *domain;
    int64_t opset;                            /* of its domain; 0 if the model does not import it */
    const char **input_names, **output_names; /* "" where left out */
    size_t *inputs, *outputs;                 /* value numbers or GRAPH_NONE */
    size_t input_count, output_count;
    size_t branch_inputs; /* of an If: values of each branch; else 0 */
    graph_attribute *attributes;
    size_t attribute_count;
    int needed; /* an output of the graph depends on it */
} graph_node;

typedef struct graph_value {
    const char *name;
    const graph_tensor *tensor; /* an initializer's, else NULL */
    size_t node;                /* the node that writes it, or GRAPH_NONE */
    size_t uses;                /* by nodes and graph outputs */
} graph_value;

/* A graph input or output as it is declared. */
typedef struct graph_port {
    clarus_value_info info; /* dtype 0 and rank 0 where an output declares none */
    const char *problem;    /* why it cannot be used; NULL if it can */
    size_t value;
} graph_port;

typedef struct opset_import {
    const char *domain;
    int64_t version;
} opset_import;

typedef struct graph_file {
    data_file *file;
    char *location; /* as external data names it; NULL: the model's own file */
} graph_file;

typedef struct graph {
    clarus_context *context;
    arena arena; /* holds everything below but the growing arrays */
    graph_node *nodes;
    size_t node_count, node_capacity;
    graph_value *values;
    size_t value_count, value_capacity;
    graph_port *inputs, *outputs; /* initializers that are also inputs are left out of the inputs */
    size_t input_count, output_count;
    opset_import *imports;
    size_t import_count;
    int64_t opset; /* of the default domain */
    uint64_t parameters;
    const char **tensor_names; /* of the initializers */
    graph_tensor *tensors;
    size_t tensor_count, tensor_capacity, tensor_name_capacity;
    graph_file *files; /* that tensors stay in */
    size_t file_count, file_capacity;
} graph;

clarus_status graph_create(clarus_context *context, graph **out, clarus_error *error);
void graph_free(graph *graph);
/* Takes the file over, also on failure. */
clarus_status graph_keep_file(graph *graph, data_file *file, const char *location, clarus_error *error);
/* Connects names, checks and sorts. To be called once, when nodes, inputs, outputs, imports and tensors are
 * there. */
clarus_status graph_finish(graph *graph, clarus_error *error);

/* The attribute, or NULL. */
const graph_attribute *node_attribute(const graph_node *node, const char *name);
/* How messages name a node: `node "conv1" (Conv)`. text has room for NODE_TEXT characters; returned. */
enum { NODE_TEXT = 160 };
char *node_text(const graph_node *node, char *text);
int graph_is_default_domain(const char *domain);

#endif
