/* From protobuf messages to a graph. The messages are unpacked into the graph's arena and stay there, so that
 * names and weights need no second copy; the graph's own structures point into them. The nodes of a function
 * are put in the place of its call, those of an If's branches before it. */
#include "onnx.h"
#include "onnx_parts.h"
#include "onnx_scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A few functions that call each other twice would be any number of nodes. */
enum { MOST_INLINED = 1 << 16, MOST_NESTED = 32 };

typedef struct reading {
    onnx_reader reader;
    graph *graph;
    const Onnx__Model *model;
    size_t inlined; /* calls and nodes of functions so far */
    size_t scopes;  /* opened so far; makes prefixes unique */
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

static clarus_status read_attribute(reading *r, const char *name, const Onnx__Attribute *a, const char *node,
                                    graph_attribute *out, clarus_error *error)
{
    *out = (graph_attribute){.name = text_or_empty(name), .kind = ATTRIBUTE_OTHER};
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

/* ---- Nodes */

/* Room for the names of inputs or outputs and for their values' numbers. */
static clarus_status new_names(reading *r, size_t count, const char ***names, size_t **numbers,
                               clarus_error *error)
{
    *names = new_array(r, count, sizeof **names);
    *numbers = new_array(r, count, sizeof **numbers);
    return *names && *numbers ? CLARUS_OK : error_memory(error, "graph");
}

static clarus_status read_inputs(reading *r, const onnx_scope *scope, char *const *from, size_t count,
                                 const char **names, clarus_error *error)
{
    for (size_t i = 0; i < count; i++) {
        names[i] = scope_find(scope, r->reader.arena, text_or_empty(from[i]));
        if (!names[i])
            return error_memory(error, "graph");
    }
    return CLARUS_OK;
}

static clarus_status read_outputs(reading *r, onnx_scope *scope, const Onnx__Node *from, graph_node *node,
                                  clarus_error *error)
{
    node->output_count = from->n_output;
    clarus_status status = new_names(r, from->n_output, &node->output_names, &node->outputs, error);
    for (size_t i = 0; i < from->n_output && status == CLARUS_OK; i++) {
        node->output_names[i] = scope_rename(scope, r->reader.arena, text_or_empty(from->output[i]));
        status = node->output_names[i] ? CLARUS_OK : error_memory(error, "graph");
    }
    return status;
}

static clarus_status read_attributes(reading *r, const onnx_scope *scope, const Onnx__Node *from,
                                     graph_node *node, clarus_error *error)
{
    node->attributes = new_array(r, from->n_attribute, sizeof *node->attributes);
    clarus_status status = node->attributes ? CLARUS_OK : error_memory(error, "graph");
    for (size_t i = 0; i < from->n_attribute && status == CLARUS_OK; i++) {
        const Onnx__Attribute *a = scope_attribute(scope, from->attribute[i]);
        if (a)
            status = read_attribute(r, from->attribute[i]->name, a, node->name,
                                    &node->attributes[node->attribute_count++], error);
    }
    return status;
}

/* The version of the node's domain that a function imports for its body. */
static int64_t function_opset(const onnx_scope *scope, const char *domain)
{
    while (scope && !scope->function)
        scope = scope->outer;
    for (size_t i = 0; scope && i < scope->function->n_opset_import; i++) {
        const Onnx__OperatorSetId *import = scope->function->opset_import[i];
        const char *imported = text_or_empty(import->domain);
        if (strcmp(imported, domain) == 0 ||
            (graph_is_default_domain(imported) && graph_is_default_domain(domain)))
            return import->version;
    }
    return 0;
}

/* What every node has; its name is made up where the model gives none. */
static clarus_status start_node(reading *r, const onnx_scope *scope, const Onnx__Node *from, graph_node *node,
                                clarus_error *error)
{
    char made_up[80];
    const char *name = text_or_empty(from->name);
    *node = (graph_node){.op = text_or_empty(from->op_type), .domain = text_or_empty(from->domain)};
    snprintf(made_up, sizeof made_up, "%.50s_%zu", node->op, r->graph->node_count);
    node->opset = function_opset(scope, node->domain);
    node->name = arena_strdup(r->reader.arena, *name ? name : made_up);
    return node->name ? CLARUS_OK : error_memory(error, "graph");
}

static clarus_status add_node(reading *r, const graph_node *node, clarus_error *error)
{
    graph *g = r->graph;
    if (!memory_grow(g->context, (void **)&g->nodes, &g->node_capacity, g->node_count + 1, sizeof *g->nodes))
        return error_memory(error, "graph");
    g->nodes[g->node_count++] = *node;
    return CLARUS_OK;
}

static clarus_status read_plain_node(reading *r, onnx_scope *scope, const Onnx__Node *from,
                                     clarus_error *error)
{
    graph_node node;
    clarus_status status = start_node(r, scope, from, &node, error);
    node.input_count = from->n_input;
    if (status == CLARUS_OK)
        status = new_names(r, from->n_input, &node.input_names, &node.inputs, error);
    if (status == CLARUS_OK)
        status = read_inputs(r, scope, from->input, from->n_input, node.input_names, error);
    if (status == CLARUS_OK)
        status = read_outputs(r, scope, from, &node, error);
    if (status == CLARUS_OK)
        status = read_attributes(r, scope, from, &node, error);
    return status == CLARUS_OK ? add_node(r, &node, error) : status;
}

static clarus_status read_node(reading *r, onnx_scope *scope, const Onnx__Node *from, clarus_error *error);

static clarus_status read_nodes(reading *r, onnx_scope *scope, Onnx__Node *const *from, size_t count,
                                clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < count && status == CLARUS_OK; i++)
        status = read_node(r, scope, from[i], error);
    return status;
}

static clarus_status read_initializers(reading *r, onnx_scope *scope, const Onnx__Graph *from,
                                       clarus_error *error)
{
    graph *g = r->graph;
    char what[160];
    clarus_status status = CLARUS_OK;
    if (from->n_sparse_initializer)
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "sparse initializers are not supported (the graph has %zu)",
                         from->n_sparse_initializer);
    size_t all = g->tensor_count + from->n_initializer;
    if (!memory_grow(g->context, (void **)&g->tensors, &g->tensor_capacity, all, sizeof *g->tensors) ||
        !memory_grow(g->context, (void **)&g->tensor_names, &g->tensor_name_capacity, all,
                     sizeof *g->tensor_names))
        return error_memory(error, "graph");
    for (size_t i = 0; i < from->n_initializer && status == CLARUS_OK; i++) {
        const char *name = scope_rename(scope, r->reader.arena, text_or_empty(from->initializer[i]->name));
        if (!name)
            return error_memory(error, "graph");
        snprintf(what, sizeof what, "initializer \"%.120s\"", name);
        memset(&g->tensors[g->tensor_count], 0, sizeof *g->tensors);
        g->tensor_names[g->tensor_count] = name;
        status =
            onnx_read_data(&r->reader, from->initializer[i], what, &g->tensors[g->tensor_count++], error);
    }
    return status;
}

/* ---- Branches of an If, and functions */

static size_t count_names(Onnx__Node *const *nodes, size_t count)
{
    size_t names = 0;
    for (size_t i = 0; i < count; i++)
        names += nodes[i]->n_output;
    return names;
}

/* Everything that the nodes define, before anything is used: they need not be in order. */
static clarus_status define_outputs(reading *r, onnx_scope *scope, Onnx__Node *const *nodes, size_t count,
                                    clarus_error *error)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < nodes[i]->n_output; k++)
            if (!scope_rename(scope, r->reader.arena, text_or_empty(nodes[i]->output[k])))
                return error_memory(error, "graph");
    return CLARUS_OK;
}

/* "NAME#4 then > " */
static clarus_status open_scope(reading *r, onnx_scope *scope, const Onnx__Node *node, const char *part,
                                size_t names, clarus_error *error)
{
    char prefix[120];
    const char *name = node->name && *node->name ? node->name : text_or_empty(node->op_type);
    snprintf(prefix, sizeof prefix, "%.80s#%zu%s > ", name, ++r->scopes, part);
    if (scope->depth > MOST_NESTED)
        return error_set(error, CLARUS_E_LIMIT, "%s: functions and branches nest deeper than %d", name,
                         MOST_NESTED);
    return scope_open(scope, r->reader.arena, names, prefix, error);
}

static const Onnx__Graph *find_branch(const onnx_scope *scope, const Onnx__Node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0) {
            const Onnx__Attribute *a = scope_attribute(scope, node->attribute[i]);
            return a ? a->g : NULL;
        }
    return NULL;
}

/* Adds the branch's nodes; names receives what its outputs mean. */
static clarus_status read_branch(reading *r, const onnx_scope *outer, const Onnx__Node *from, int branch,
                                 const char **names, clarus_error *error)
{
    const Onnx__Graph *body = find_branch(outer, from, branch ? "then_branch" : "else_branch");
    onnx_scope scope = {.outer = outer, .depth = outer->depth + 1};
    if (!body || body->n_output != from->n_output)
        return error_set(error, CLARUS_E_FORMAT,
                         "If \"%.80s\": its %s branch is not there or has not its %zu outputs",
                         text_or_empty(from->name), branch ? "then" : "else", from->n_output);
    size_t count = body->n_initializer + count_names(body->node, body->n_node);
    clarus_status status = open_scope(r, &scope, from, branch ? " then" : " else", count, error);
    if (status == CLARUS_OK)
        status = define_outputs(r, &scope, body->node, body->n_node, error);
    if (status == CLARUS_OK)
        status = read_initializers(r, &scope, body, error);
    if (status == CLARUS_OK)
        status = read_nodes(r, &scope, body->node, body->n_node, error);
    for (size_t i = 0; i < body->n_output && status == CLARUS_OK; i++) {
        names[i] = scope_find(&scope, r->reader.arena, text_or_empty(body->output[i]->name));
        status = names[i] ? CLARUS_OK : error_memory(error, "graph");
    }
    return status;
}

static clarus_status read_if(reading *r, onnx_scope *scope, const Onnx__Node *from, clarus_error *error)
{
    graph_node node;
    clarus_status status = start_node(r, scope, from, &node, error);
    node.branch_inputs = from->n_output;
    node.input_count = 1 + 2 * node.branch_inputs;
    if (status == CLARUS_OK)
        status = new_names(r, node.input_count, &node.input_names, &node.inputs, error);
    if (status == CLARUS_OK)
        status = read_inputs(r, scope, from->input, from->n_input ? 1 : 0, node.input_names, error);
    if (status == CLARUS_OK && (from->n_input != 1 || !*node.input_names[0]))
        status = error_set(error, CLARUS_E_FORMAT,
                           "If \"%.80s\": its condition is left out, or more is given", node.name);
    for (int branch = 1; branch >= 0 && status == CLARUS_OK; branch--)
        status =
            read_branch(r, scope, from, branch, node.input_names + 1 + (branch ? 0 : from->n_output), error);
    if (status == CLARUS_OK)
        status = read_outputs(r, scope, from, &node, error);
    return status == CLARUS_OK ? add_node(r, &node, error) : status;
}

static int compare_functions(const char *name, const char *domain, const Onnx__Function *f)
{
    int order = strcmp(name, text_or_empty(f->name));
    return order ? order : strcmp(domain, text_or_empty(f->domain));
}

static int order_functions(const void *a, const void *b)
{
    const Onnx__Function *f = *(Onnx__Function *const *)a;
    return compare_functions(text_or_empty(f->name), text_or_empty(f->domain), *(Onnx__Function *const *)b);
}

static int match_function(const void *node, const void *function)
{
    const Onnx__Node *n = node;
    return compare_functions(text_or_empty(n->op_type), text_or_empty(n->domain),
                             *(Onnx__Function *const *)function);
}

/* The function of the model that the node calls, or NULL. */
static const Onnx__Function *find_function(const reading *r, const Onnx__Node *node)
{
    Onnx__Function **all = r->model->functions, **found = NULL;
    if (r->model->n_functions)
        found = bsearch(node, all, r->model->n_functions, sizeof(Onnx__Function *), match_function);
    return found ? *found : NULL;
}

/* The function's inputs and outputs mean those of the call. */
static clarus_status define_parameters(reading *r, onnx_scope *scope, onnx_scope *caller, clarus_error *error)
{
    const Onnx__Function *f = scope->function;
    const Onnx__Node *call = scope->call;
    arena *arena = r->reader.arena;
    for (size_t i = 0; i < f->n_input; i++) {
        const char *given = i < call->n_input ? text_or_empty(call->input[i]) : "";
        const char *meaning = scope_find(caller, arena, given);
        if (!meaning)
            return error_memory(error, "graph");
        scope_define(scope, text_or_empty(f->input[i]), meaning);
    }
    for (size_t i = 0; i < f->n_output && i < call->n_output; i++) {
        const char *meaning = scope_rename(caller, arena, text_or_empty(call->output[i]));
        if (!meaning)
            return error_memory(error, "graph");
        if (*meaning)
            scope_define(scope, text_or_empty(f->output[i]), meaning);
    }
    return CLARUS_OK;
}

/* An output of a function that is one of its inputs, or another output, is a copy. */
static clarus_status copy_parameters(reading *r, onnx_scope *scope, onnx_scope *caller, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < scope->function->n_output && i < scope->call->n_output && status == CLARUS_OK;
         i++) {
        char *to = scope->call->output[i];
        const char *from = scope_find(scope, r->reader.arena, text_or_empty(scope->function->output[i]));
        const char *wanted = scope_rename(caller, r->reader.arena, text_or_empty(to));
        if (!from || !wanted)
            return error_memory(error, "graph");
        if (!*wanted || strcmp(from, wanted) == 0)
            continue;
        graph_node node = {.op = "Identity", .domain = "", .name = from, .input_count = 1, .output_count = 1};
        status = new_names(r, 1, &node.input_names, &node.inputs, error);
        if (status == CLARUS_OK)
            status = new_names(r, 1, &node.output_names, &node.outputs, error);
        if (status != CLARUS_OK)
            break;
        node.input_names[0] = from;
        node.output_names[0] = wanted;
        status = add_node(r, &node, error);
    }
    return status;
}

static clarus_status read_call(reading *r, onnx_scope *caller, const Onnx__Node *from,
                               const Onnx__Function *function, clarus_error *error)
{
    onnx_scope scope = {.function = function, .call = from, .caller = caller};
    scope.depth = caller->depth + 1;
    r->inlined += 1 + function->n_node;
    if (r->inlined > MOST_INLINED)
        return error_set(error, CLARUS_E_LIMIT, "calls of functions make more than %d nodes", MOST_INLINED);
    if (from->n_input > function->n_input || from->n_output > function->n_output)
        return error_set(error, CLARUS_E_FORMAT,
                         "function \"%.80s\" has %zu inputs and %zu outputs, a call has %zu and %zu",
                         text_or_empty(function->name), function->n_input, function->n_output, from->n_input,
                         from->n_output);
    size_t count = function->n_input + function->n_output + count_names(function->node, function->n_node);
    clarus_status status = open_scope(r, &scope, from, "", count, error);
    if (status == CLARUS_OK)
        status = define_parameters(r, &scope, caller, error);
    if (status == CLARUS_OK)
        status = define_outputs(r, &scope, function->node, function->n_node, error);
    if (status == CLARUS_OK)
        status = read_nodes(r, &scope, function->node, function->n_node, error);
    return status == CLARUS_OK ? copy_parameters(r, &scope, caller, error) : status;
}

static clarus_status read_node(reading *r, onnx_scope *scope, const Onnx__Node *from, clarus_error *error)
{
    const Onnx__Function *function = find_function(r, from);
    if (function)
        return read_call(r, scope, from, function, error);
    if (strcmp(text_or_empty(from->op_type), "If") == 0 &&
        graph_is_default_domain(text_or_empty(from->domain)))
        return read_if(r, scope, from, error);
    return read_plain_node(r, scope, from, error);
}

/* ---- The graph's ends */

/* Why elements of a type of ONNX cannot be used. */
static const char *type_problem(int32_t type)
{
    static const char *const known[] = {[8] = "strings are not supported",
                                        [14] = "complex64 is not supported",
                                        [15] = "complex128 is not supported",
                                        [17] = "float8e4m3fn is not supported",
                                        [18] = "float8e4m3fnuz is not supported",
                                        [19] = "float8e5m2 is not supported",
                                        [20] = "float8e5m2fnuz is not supported",
                                        [21] = "uint4 is not supported",
                                        [22] = "int4 is not supported",
                                        [23] = "float4e2m1 is not supported",
                                        [24] = "float8e8m0 is not supported",
                                        [25] = "uint2 is not supported",
                                        [26] = "int2 is not supported"};
    const char *problem = type >= 0 && (size_t)type < sizeof known / sizeof *known ? known[type] : NULL;
    return problem ? problem : "its type is not known";
}

/* A port that cannot be used is listed with the unsupported nodes. */
static const char *port_problem(const Onnx__ValueInfo *from, int is_input)
{
    const Onnx__TensorType *type = from->type ? from->type->tensor_type : NULL;
    if (!type)
        return is_input || from->type ? "it is not a tensor" : NULL;
    if ((type->elem_type || is_input) && !clarus_dtype_size((clarus_dtype)type->elem_type))
        return type_problem(type->elem_type);
    if (is_input && !type->shape)
        return "its number of dimensions is not known";
    if (type->shape && type->shape->n_dim > CLARUS_MAX_RANK)
        return "it has too many dimensions";
    return NULL;
}

static void read_port(const Onnx__ValueInfo *from, int is_input, graph_port *port)
{
    const Onnx__TensorType *type = from->type ? from->type->tensor_type : NULL;
    clarus_value_info *info = &port->info;
    info->name = text_or_empty(from->name);
    port->problem = port_problem(from, is_input);
    if (port->problem || !type || !type->shape)
        return;
    info->dtype = (clarus_dtype)type->elem_type;
    info->rank = type->shape->n_dim;
    for (size_t i = 0; i < info->rank; i++) {
        const Onnx__Dimension *dim = type->shape->dim[i];
        info->shape[i] = dim->has_dim_value && dim->dim_value >= 0 ? dim->dim_value : -1;
        info->symbol[i] = info->shape[i] < 0 ? text_or_empty(dim->dim_param) : "";
    }
}

static clarus_status read_ports(reading *r, Onnx__ValueInfo *const *from, size_t count, int is_input,
                                graph_port **ports, clarus_error *error)
{
    *ports = new_array(r, count, sizeof **ports);
    if (!*ports)
        return error_memory(error, "graph");
    for (size_t i = 0; i < count; i++)
        read_port(from[i], is_input, &(*ports)[i]);
    return CLARUS_OK;
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
    onnx_scope scope = {.depth = 0};
    if (r->model->n_functions)
        qsort(r->model->functions, r->model->n_functions, sizeof(Onnx__Function *), order_functions);
    clarus_status status = read_imports(r, error);
    if (status == CLARUS_OK)
        status = read_initializers(r, &scope, from, error);
    if (status == CLARUS_OK)
        status = read_nodes(r, &scope, from->node, from->n_node, error);
    if (status == CLARUS_OK)
        status = read_ports(r, from->input, from->n_input, 1, &g->inputs, error);
    if (status == CLARUS_OK)
        status = read_ports(r, from->output, from->n_output, 0, &g->outputs, error);
    g->input_count = from->n_input;
    g->output_count = from->n_output;
    return status == CLARUS_OK ? graph_finish(g, error) : status;
}

clarus_status onnx_read(clarus_context *context, const void *bytes, size_t size_bytes, const char *folder,
                        data_file *file, graph **out, clarus_error *error)
{
    graph *g;
    ProtobufCMessage *message;
    uint64_t all = file ? file->size_bytes : size_bytes;
    *out = NULL;
    clarus_status status = graph_create(context, &g, error);
    if (status == CLARUS_OK && file)
        status = graph_keep_file(g, file, NULL, error);
    else
        data_file_free(file);
    if (status == CLARUS_OK && all > context->max_model_bytes)
        status = error_set(error, CLARUS_E_LIMIT, "%llu bytes exceed the limit of %llu for a model",
                           (unsigned long long)all, (unsigned long long)context->max_model_bytes);
    if (status == CLARUS_OK)
        status = onnx_unpack(&onnx__model__descriptor, bytes, size_bytes, &g->arena, &message, error);
    if (status == CLARUS_OK) {
        reading r = {.reader = {context, &g->arena, folder, context->max_model_bytes - all, file, g},
                     .graph = g,
                     .model = (const Onnx__Model *)message};
        status = read_graph(&r, error);
    }
    if (status == CLARUS_OK)
        *out = g;
    else
        graph_free(g);
    return status;
}
