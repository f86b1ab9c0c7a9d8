/* Connecting a graph: one pass puts every definition into a hash table of names, one resolves the uses, one
 * sorts the nodes if the file did not (Kahn's algorithm), and one walks back from the outputs to see what is
 * needed. */
#include "graph.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

clarus_status graph_create(clarus_context *context, graph **out, clarus_error *error)
{
    graph *g = memory_calloc(context, 1, sizeof *g);
    *out = g;
    if (!g)
        return error_memory(error, "graph");
    g->context = context_retain(context);
    g->arena.context = context;
    return CLARUS_OK;
}

void graph_free(graph *graph)
{
    if (!graph)
        return;
    clarus_context *context = graph->context;
    arena_free(&graph->arena);
    for (size_t i = 0; i < graph->file_count; i++)
        data_file_free(graph->files[i].file);
    memory_free(context, graph->files);
    memory_free(context, graph->values);
    memory_free(context, graph->nodes);
    memory_free(context, graph->tensors);
    memory_free(context, graph->tensor_names);
    memory_free(context, graph);
    clarus_context_free(context);
}

clarus_status graph_keep_file(graph *graph, data_file *file, const char *location, clarus_error *error)
{
    char *copy = location ? arena_strdup(&graph->arena, location) : NULL;
    if ((location && !copy) || !memory_grow(graph->context, (void **)&graph->files, &graph->file_capacity,
                                            graph->file_count + 1, sizeof *graph->files)) {
        data_file_free(file);
        return error_memory(error, "graph");
    }
    graph->files[graph->file_count++] = (graph_file){file, copy};
    return CLARUS_OK;
}

const graph_attribute *node_attribute(const graph_node *node, const char *name)
{
    for (size_t i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    return NULL;
}

char *node_text(const graph_node *node, char *text)
{
    snprintf(text, NODE_TEXT, "node \"%.90s\" (%.50s)", node->name, node->op);
    return text;
}

int graph_is_default_domain(const char *domain)
{
    return !*domain || strcmp(domain, "ai.onnx") == 0;
}

/* Names to value numbers: open addressing, at most half full. */
typedef struct name_table {
    const graph *graph;
    size_t *slots; /* value number + 1, or 0 */
    size_t mask;
} name_table;

static size_t *name_slot(const name_table *table, const char *name)
{
    size_t i = (size_t)XXH3_64bits(name, strlen(name)) & table->mask;
    while (table->slots[i] && strcmp(table->graph->values[table->slots[i] - 1].name, name) != 0)
        i = (i + 1) & table->mask;
    return &table->slots[i];
}

/* Adds a value that must not be there yet. */
static clarus_status define(graph *g, name_table *table, const graph_value *value, clarus_error *error)
{
    size_t *slot = name_slot(table, value->name);
    if (*slot)
        return error_set(error, CLARUS_E_FORMAT, "value \"%s\" is defined twice", value->name);
    if (!memory_grow(g->context, (void **)&g->values, &g->value_capacity, g->value_count + 1,
                     sizeof *g->values))
        return error_memory(error, value->name);
    g->values[g->value_count++] = *value;
    *slot = g->value_count;
    return CLARUS_OK;
}

static clarus_status define_inputs(graph *g, name_table *table, clarus_error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->input_count; i++) {
        graph_port *port = &g->inputs[i];
        size_t known = *name_slot(table, port->info.name);
        if (known && g->values[known - 1].tensor)
            continue; /* an initializer that is also an input: a constant */
        graph_value value = {port->info.name, NULL, GRAPH_NONE, 0};
        clarus_status status = define(g, table, &value, error);
        if (status != CLARUS_OK)
            return status;
        port->value = g->value_count - 1;
        g->inputs[kept++] = *port;
    }
    g->input_count = kept;
    return CLARUS_OK;
}

static clarus_status define_values(graph *g, name_table *table, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < g->tensor_count && status == CLARUS_OK; i++) {
        graph_value value = {g->tensor_names[i], &g->tensors[i], GRAPH_NONE, 0};
        status = define(g, table, &value, error);
        g->parameters += g->tensors[i].count;
    }
    if (status == CLARUS_OK)
        status = define_inputs(g, table, error);
    for (size_t n = 0; n < g->node_count && status == CLARUS_OK; n++) {
        graph_node *node = &g->nodes[n];
        for (size_t i = 0; i < node->output_count && status == CLARUS_OK; i++) {
            graph_value value = {node->output_names[i], NULL, n, 0};
            node->outputs[i] = *value.name ? g->value_count : GRAPH_NONE;
            if (*value.name)
                status = define(g, table, &value, error);
        }
    }
    return status;
}

static clarus_status resolve_uses(graph *g, const name_table *table, clarus_error *error)
{
    char text[NODE_TEXT];
    for (size_t n = 0; n < g->node_count; n++) {
        graph_node *node = &g->nodes[n];
        for (size_t i = 0; i < node->input_count; i++) {
            size_t number = *node->input_names[i] ? *name_slot(table, node->input_names[i]) : 0;
            if (*node->input_names[i] && !number)
                return error_set(error, CLARUS_E_FORMAT, "%s: input \"%s\" is not defined anywhere",
                                 node_text(node, text), node->input_names[i]);
            node->inputs[i] = number ? number - 1 : GRAPH_NONE;
            if (number)
                g->values[number - 1].uses++;
        }
    }
    for (size_t i = 0; i < g->output_count; i++) {
        size_t number = *name_slot(table, g->outputs[i].info.name);
        if (!number)
            return error_set(error, CLARUS_E_FORMAT, "graph output \"%s\" is not defined anywhere",
                             g->outputs[i].info.name);
        g->outputs[i].value = number - 1;
        g->values[number - 1].uses++;
    }
    return CLARUS_OK;
}

/* The node that node n waits for through its i-th input, or GRAPH_NONE. */
static size_t waits_for(const graph *g, size_t n, size_t i)
{
    size_t value = g->nodes[n].inputs[i];
    return value == GRAPH_NONE ? GRAPH_NONE : g->values[value].node;
}

static int is_sorted(const graph *g)
{
    for (size_t n = 0; n < g->node_count; n++)
        for (size_t i = 0; i < g->nodes[n].input_count; i++) {
            size_t before = waits_for(g, n, i);
            if (before != GRAPH_NONE && before >= n)
                return 0;
        }
    return 1;
}

/* Kahn's algorithm. order receives the nodes; returns how many of them are in no cycle. first and next are
 * lists of the uses of each node: edge e (numbered through all inputs of all nodes) belongs to the node
 * user[e]. */
static size_t sort_nodes(const graph *g, size_t *order, size_t *waiting, size_t *first, size_t *next,
                         size_t *user)
{
    size_t edge = 0, count = 0;
    for (size_t n = 0; n < g->node_count; n++)
        first[n] = GRAPH_NONE;
    for (size_t n = 0; n < g->node_count; n++) {
        waiting[n] = 0;
        for (size_t i = 0; i < g->nodes[n].input_count; i++) {
            size_t before = waits_for(g, n, i);
            if (before == GRAPH_NONE)
                continue;
            user[edge] = n;
            next[edge] = first[before];
            first[before] = edge++;
            waiting[n]++;
        }
        if (!waiting[n])
            order[count++] = n;
    }
    for (size_t done = 0; done < count; done++)
        for (size_t e = first[order[done]]; e != GRAPH_NONE; e = next[e])
            if (--waiting[user[e]] == 0)
                order[count++] = user[e];
    return count;
}

static clarus_status sort_graph(graph *g, clarus_error *error)
{
    if (is_sorted(g))
        return CLARUS_OK;
    size_t n = g->node_count, edges = 0;
    for (size_t i = 0; i < n; i++)
        edges += g->nodes[i].input_count;
    size_t *order = arena_alloc(&g->arena, 3 * n + 2 * edges, sizeof *order, sizeof *order);
    graph_node *sorted = arena_alloc(&g->arena, n, sizeof *sorted, sizeof(void *));
    if (!order || !sorted)
        return error_memory(error, "graph");
    size_t *waiting = order + n, *first = waiting + n, *next = first + n;
    if (sort_nodes(g, order, waiting, first, next, next + edges) < n) {
        char text[NODE_TEXT];
        size_t stuck = 0;
        while (!waiting[stuck])
            stuck++;
        return error_set(error, CLARUS_E_FORMAT, "the graph has a cycle through %s or before it",
                         node_text(&g->nodes[stuck], text));
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = g->nodes[order[i]];
        for (size_t o = 0; o < sorted[i].output_count; o++)
            if (sorted[i].outputs[o] != GRAPH_NONE)
                g->values[sorted[i].outputs[o]].node = i;
    }
    memcpy(g->nodes, sorted, n * sizeof *sorted);
    return CLARUS_OK;
}

static void need_node(graph *g, size_t node)
{
    if (node != GRAPH_NONE)
        g->nodes[node].needed = 1;
}

static void mark_needed(graph *g)
{
    for (size_t i = 0; i < g->output_count; i++)
        need_node(g, g->values[g->outputs[i].value].node);
    for (size_t n = g->node_count; n-- > 0;)
        for (size_t i = 0; g->nodes[n].needed && i < g->nodes[n].input_count; i++)
            need_node(g, waits_for(g, n, i));
}

static clarus_status find_opsets(graph *g, clarus_error *error)
{
    for (size_t i = 0; i < g->import_count; i++)
        if (graph_is_default_domain(g->imports[i].domain) && g->imports[i].version > g->opset)
            g->opset = g->imports[i].version;
    for (size_t n = 0; n < g->node_count; n++) {
        graph_node *node = &g->nodes[n];
        if (!node->opset && graph_is_default_domain(node->domain))
            node->opset = g->opset;
        if (node->opset < 1 && graph_is_default_domain(node->domain))
            return error_set(error, CLARUS_E_FORMAT, "the model does not say which opset of ONNX it uses");
        for (size_t i = 0; i < g->import_count && !node->opset; i++)
            if (strcmp(g->imports[i].domain, node->domain) == 0)
                node->opset = g->imports[i].version;
    }
    return CLARUS_OK;
}

clarus_status graph_finish(graph *g, clarus_error *error)
{
    if (!g->output_count)
        return error_set(error, CLARUS_E_FORMAT, "the graph has no outputs");
    size_t names = g->tensor_count + g->input_count, slots = 16;
    for (size_t n = 0; n < g->node_count; n++)
        names += g->nodes[n].output_count;
    while (slots < 2 * names)
        slots *= 2;
    name_table table = {g, memory_calloc(g->context, slots, sizeof *table.slots), slots - 1};
    if (!table.slots)
        return error_memory(error, "graph");
    clarus_status status = find_opsets(g, error);
    if (status == CLARUS_OK)
        status = define_values(g, &table, error);
    if (status == CLARUS_OK)
        status = resolve_uses(g, &table, error);
    memory_free(g->context, table.slots);
    if (status == CLARUS_OK)
        status = sort_graph(g, error);
    if (status == CLARUS_OK)
        mark_needed(g);
    return status;
}
