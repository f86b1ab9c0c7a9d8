/* A model: its file read, checked and kept, with what cannot run listed at once, and lowered for given shapes
 * as often as wanted. */
#include "model.h"

#include "cpu.h"
#include "file.h"
#include "lower.h"
#include "model_folder.h"
#include "onnx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct operator_count {
    const char *name;
    size_t occurrences;
} operator_count;

struct clarus_model {
    atomic_int references;
    clarus_context *context;
    char *path; /* in front of messages */
    graph *graph;
    char **unsupported;
    size_t unsupported_count, unsupported_capacity;
    operator_count *operators;
    size_t operator_count;
    model_folder folder;
};

clarus_model *model_retain(const clarus_model *model)
{
    clarus_model *m = (clarus_model *)(uintptr_t)model; /* counting references is not a change of the model */
    atomic_fetch_add_explicit(&m->references, 1, memory_order_relaxed);
    return m;
}

const graph *model_graph(const clarus_model *model)
{
    return model->graph;
}

void clarus_model_free(clarus_model *model)
{
    if (!model || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
        return;
    clarus_context *context = model->context;
    for (size_t i = 0; i < model->unsupported_count; i++)
        memory_free(context, model->unsupported[i]);
    memory_free(context, model->unsupported);
    memory_free(context, model->operators);
    memory_free(context, model->path);
    model_folder_release(context, &model->folder);
    graph_free(model->graph);
    memory_free(context, model);
    clarus_context_free(context);
}

/* ---- What is in it */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const operator_count *)a)->name, ((const operator_count *)b)->name);
}

static clarus_status count_operators(clarus_model *model, clarus_error *error)
{
    const graph *g = model->graph;
    operator_count *list = memory_alloc(model->context, g->node_count, sizeof *list);
    size_t kept = 0;
    if (!list)
        return error_memory(error, "model");
    for (size_t i = 0; i < g->node_count; i++)
        list[i] = (operator_count){g->nodes[i].op, 1};
    qsort(list, g->node_count, sizeof *list, compare_names);
    for (size_t i = 0; i < g->node_count; i++) {
        if (kept && strcmp(list[kept - 1].name, list[i].name) == 0)
            list[kept - 1].occurrences++;
        else
            list[kept++] = list[i];
    }
    model->operators = list;
    model->operator_count = kept;
    return CLARUS_OK;
}

static clarus_status add_unsupported(clarus_model *model, const char *line, clarus_error *error)
{
    if (!memory_grow(model->context, (void **)&model->unsupported, &model->unsupported_capacity,
                     model->unsupported_count + 1, sizeof *model->unsupported))
        return error_memory(error, "model");
    char *copy = memory_strdup(model->context, line);
    if (!copy)
        return error_memory(error, "model");
    model->unsupported[model->unsupported_count++] = copy;
    return CLARUS_OK;
}

static clarus_status list_ports(clarus_model *model, const char *side, const graph_port *ports, size_t count,
                                clarus_error *error)
{
    char line[300];
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < count && status == CLARUS_OK; i++) {
        if (!ports[i].problem)
            continue;
        snprintf(line, sizeof line, "%s \"%.120s\": %s", side, ports[i].info.name, ports[i].problem);
        status = add_unsupported(model, line, error);
    }
    return status;
}

static clarus_status list_nodes(clarus_model *model, clarus_error *error)
{
    const graph *g = model->graph;
    char node[NODE_TEXT], reason[256], line[600];
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < g->node_count && status == CLARUS_OK; i++) {
        const graph_node *n = &g->nodes[i];
        if (!n->needed || !operator_unsupported(g, n, reason, sizeof reason))
            continue;
        snprintf(line, sizeof line, "%s, %s%.60s%sopset %lld: %s", node_text(n, node),
                 graph_is_default_domain(n->domain) ? "" : "domain ",
                 graph_is_default_domain(n->domain) ? "" : n->domain,
                 graph_is_default_domain(n->domain) ? "" : " ", (long long)n->opset, reason);
        status = add_unsupported(model, line, error);
    }
    return status;
}

static clarus_status list_unsupported(clarus_model *model, clarus_error *error)
{
    const graph *g = model->graph;
    clarus_status status = list_ports(model, "input", g->inputs, g->input_count, error);
    if (status == CLARUS_OK)
        status = list_ports(model, "output", g->outputs, g->output_count, error);
    return status == CLARUS_OK ? list_nodes(model, error) : status;
}

/* ---- Loading */

static clarus_status model_create(clarus_context *context, const char *path, clarus_model **out,
                                  clarus_error *error)
{
    clarus_model *m = memory_calloc(context, 1, sizeof *m);
    if (!m)
        return error_memory(error, path);
    atomic_init(&m->references, 1);
    m->context = context_retain(context);
    m->path = memory_strdup(context, path);
    *out = m;
    return m->path ? CLARUS_OK : error_memory(error, path);
}

static clarus_status read_model(clarus_model *model, const void *bytes, size_t size, const char *folder,
                                data_file *file, clarus_error *error)
{
    clarus_status status = onnx_read(model->context, bytes, size, folder, file, &model->graph, error);
    if (status == CLARUS_OK)
        status = count_operators(model, error);
    if (status == CLARUS_OK)
        status = list_unsupported(model, error);
    return status;
}

/* "a/b" of "a/b/model.onnx", "." of "model.onnx"; NULL if out of memory. */
static char *folder_of(const clarus_context *context, const char *file)
{
    const char *slash = strrchr(file, '/');
    char *folder = memory_strdup(context, slash ? file : ".");
    if (folder && slash)
        folder[slash == file ? 1 : slash - file] = '\0';
    return folder;
}

/* The outline of a regular file, which stays open; NULL for whatever has to be read whole. */
static void *read_outline(clarus_context *context, const char *path, data_file **file, size_t *size)
{
    struct stat info;
    *file = NULL;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0 || data_file_create(context, descriptor, path, file, NULL) != CLARUS_OK)
        return NULL;
    void *bytes = (*file)->size_bytes <= context->max_model_bytes ? onnx_outline(*file, size) : NULL;
    if (bytes)
        return bytes;
    data_file_free(*file);
    *file = NULL;
    return NULL;
}

static clarus_status load_file(clarus_model *model, const char *file, clarus_error *error)
{
    clarus_context *context = model->context;
    data_file *left;
    size_t size;
    char *folder = folder_of(context, file);
    if (!folder)
        return error_memory(error, file);
    void *bytes = read_outline(context, file, &left, &size);
    clarus_status status =
        bytes ? CLARUS_OK : file_read(context, file, context->max_model_bytes, &bytes, &size, error);
    if (status == CLARUS_OK) {
        status = read_model(model, bytes, size, folder, left, error);
        if (status != CLARUS_OK)
            error_prefix(error, "%s: ", file);
    }
    memory_free(context, bytes);
    memory_free(context, folder);
    return status;
}

static char *join_path(const clarus_context *context, const char *folder, const char *file)
{
    size_t size = strlen(folder) + strlen(file) + 2;
    char *path = memory_alloc(context, size, 1);
    if (path)
        snprintf(path, size, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", file);
    return path;
}

static clarus_status load_folder(clarus_model *model, const char *folder, clarus_error *error)
{
    char *file = join_path(model->context, folder, "model.onnx");
    if (!file)
        return error_memory(error, folder);
    clarus_status status = load_file(model, file, error);
    memory_free(model->context, file);
    if (status == CLARUS_OK)
        status = model_folder_read(model->context, folder, &model->folder, error);
    return status;
}

clarus_status clarus_model_load(clarus_context *context, const char *path, clarus_model **model,
                                clarus_error *error)
{
    struct stat info;
    if (!model || !context || !path || !*path)
        return error_set(error, CLARUS_E_ARGUMENT, "model: context, path or result is missing");
    *model = NULL;
    clarus_model *m = NULL;
    clarus_status status = model_create(context, path, &m, error);
    if (status == CLARUS_OK && stat(path, &info) != 0)
        status = error_set(error, CLARUS_E_IO, "%s: %s", path, strerror(errno));
    if (status == CLARUS_OK)
        status = S_ISDIR(info.st_mode) ? load_folder(m, path, error) : load_file(m, path, error);
    if (status == CLARUS_OK)
        *model = m;
    else
        clarus_model_free(m);
    return status;
}

clarus_status clarus_model_parse(clarus_context *context, const void *bytes, size_t size_bytes,
                                 clarus_model **model, clarus_error *error)
{
    if (!model || !context || (!bytes && size_bytes))
        return error_set(error, CLARUS_E_ARGUMENT, "model: context, bytes or result is missing");
    *model = NULL;
    clarus_model *m = NULL;
    clarus_status status = model_create(context, "model", &m, error);
    if (status == CLARUS_OK) {
        status = read_model(m, bytes, size_bytes, NULL, NULL, error);
        if (status != CLARUS_OK)
            error_prefix(error, "model: ");
    }
    if (status == CLARUS_OK)
        *model = m;
    else
        clarus_model_free(m);
    return status;
}

/* ---- Getters */

size_t clarus_model_input_count(const clarus_model *model)
{
    return model->graph->input_count;
}

size_t clarus_model_output_count(const clarus_model *model)
{
    return model->graph->output_count;
}

const clarus_value_info *clarus_model_input(const clarus_model *model, size_t i)
{
    return i < model->graph->input_count ? &model->graph->inputs[i].info : NULL;
}

const clarus_value_info *clarus_model_output(const clarus_model *model, size_t i)
{
    return i < model->graph->output_count ? &model->graph->outputs[i].info : NULL;
}

size_t clarus_model_unsupported_count(const clarus_model *model)
{
    return model->unsupported_count;
}

const char *clarus_model_unsupported(const clarus_model *model, size_t i)
{
    return i < model->unsupported_count ? model->unsupported[i] : NULL;
}

size_t clarus_model_operator_count(const clarus_model *model)
{
    return model->operator_count;
}

const char *clarus_model_operator(const clarus_model *model, size_t i, size_t *occurrences)
{
    if (i >= model->operator_count)
        return NULL;
    if (occurrences)
        *occurrences = model->operators[i].occurrences;
    return model->operators[i].name;
}

uint64_t clarus_model_parameters(const clarus_model *model)
{
    return model->graph->parameters;
}

int64_t clarus_model_opset(const clarus_model *model)
{
    return model->graph->opset;
}

int clarus_model_preprocess(const clarus_model *model, clarus_preprocess *preprocess)
{
    if (model->folder.has_preprocess && preprocess)
        *preprocess = model->folder.preprocess;
    return model->folder.has_preprocess;
}

const char *clarus_model_label(const clarus_model *model, size_t index)
{
    return index < model->folder.label_count ? model->folder.labels[index] : NULL;
}

size_t clarus_model_label_count(const clarus_model *model)
{
    return model->folder.label_count;
}

const char *clarus_model_description(const clarus_model *model)
{
    return model->folder.description ? model->folder.description : "";
}

/* ---- Shapes */

static int input_batch_is_open(const clarus_value_info *info)
{
    return info->rank > 0 && info->shape[0] < 0;
}

int model_batch_is_open(const clarus_model *model)
{
    for (size_t i = 0; i < model->graph->input_count; i++)
        if (!input_batch_is_open(&model->graph->inputs[i].info))
            return 0;
    return model->graph->input_count > 0;
}

static const clarus_shape *given_shape(const clarus_session_options *options, const char *name)
{
    for (size_t i = 0; options && i < options->shape_count; i++)
        if (options->shapes[i].name && strcmp(options->shapes[i].name, name) == 0)
            return &options->shapes[i];
    return NULL;
}

/* Every shape that the options give must be one of an input. */
static clarus_status check_names(const clarus_model *model, const clarus_session_options *options,
                                 clarus_error *error)
{
    for (size_t i = 0; options && i < options->shape_count; i++) {
        int found = 0;
        const char *name = options->shapes[i].name;
        for (size_t k = 0; k < model->graph->input_count && name && !found; k++)
            found = strcmp(model->graph->inputs[k].info.name, name) == 0;
        if (!found)
            return error_set(error, CLARUS_E_SHAPE,
                             "a shape is given for \"%s\", which is no input of the model", name ? name : "");
    }
    return CLARUS_OK;
}

static clarus_status bind_shape(const clarus_value_info *info, const clarus_session_options *options,
                                shape *out, int *open, clarus_error *error)
{
    const clarus_shape *given = given_shape(options, info->name);
    int64_t batch = options && options->batch ? options->batch : 1;
    *out = (shape){.rank = info->rank};
    if (batch < 1)
        return error_set(error, CLARUS_E_ARGUMENT, "batch: %lld is not positive", (long long)batch);
    if (given && given->rank != info->rank)
        return error_set(error, CLARUS_E_SHAPE,
                         "input \"%s\": a shape of %zu dimensions is given, the model has %zu", info->name,
                         given->rank, info->rank);
    for (size_t i = 0; i < info->rank; i++) {
        int64_t otherwise = i == 0 ? batch : -1, wanted = given ? given->dims[i] : -1;
        out->dims[i] = info->shape[i] >= 0 ? info->shape[i] : wanted >= 0 ? wanted : otherwise;
        if (out->dims[i] < 0 && open)
            *open = 1;
        else if (out->dims[i] < 0)
            return error_set(error, CLARUS_E_SHAPE,
                             "input \"%s\": dimension %zu%s%s%s is open and needs a value", info->name, i,
                             *info->symbol[i] ? " (" : "", info->symbol[i], *info->symbol[i] ? ")" : "");
        if (wanted >= 0 && wanted != out->dims[i])
            return error_set(error, CLARUS_E_SHAPE,
                             "input \"%s\": dimension %zu is %lld in the model, %lld is given", info->name, i,
                             (long long)out->dims[i], (long long)wanted);
    }
    return CLARUS_OK;
}

/* A Reshape to a constant shape that starts with the fixed batch holds it as well, however open the input. */
static const graph_node *find_fixing_node(const graph *g, int64_t batch)
{
    for (size_t i = 0; i < g->node_count; i++) {
        const graph_node *n = &g->nodes[i];
        if (!n->needed || strcmp(n->op, "Reshape") != 0 || n->input_count != 2 || n->inputs[1] == GRAPH_NONE)
            continue;
        const graph_tensor *t = g->values[n->inputs[1]].tensor;
        if (t && t->dtype == CLARUS_INT64 && t->count && ((const int64_t *)t->data)[0] == batch)
            return n;
    }
    return NULL;
}

/* A batch of 1 is what most models fix anyway. */
static clarus_status check_batch(const clarus_model *model, const clarus_session_options *options,
                                 const clarus_value_info *info, const shape *bound, clarus_error *error)
{
    char text[SHAPE_TEXT], name[NODE_TEXT];
    int64_t batch = options ? options->batch : 0;
    if (batch <= 1 || !info->rank || bound->dims[0] == batch)
        return CLARUS_OK;
    if (info->shape[0] < 0)
        return error_set(error, CLARUS_E_SHAPE, "batch %lld: input \"%s\" is %s", (long long)batch,
                         info->name, shape_text(bound, text));
    const graph_node *n = find_fixing_node(model->graph, info->shape[0]);
    return error_set(error, CLARUS_E_ARGUMENT, "batch %lld: input \"%s\" fixes it at %lld%s%s",
                     (long long)batch, info->name, (long long)info->shape[0], n ? ", and so does " : "",
                     n ? node_text(n, name) : "");
}

clarus_status model_bind(const clarus_model *model, const clarus_session_options *options, shape *shapes,
                         int *open, clarus_error *error)
{
    clarus_status status = check_names(model, options, error);
    if (open)
        *open = 0;
    for (size_t i = 0; i < model->graph->input_count && status == CLARUS_OK; i++) {
        const clarus_value_info *info = &model->graph->inputs[i].info;
        status = bind_shape(info, options, &shapes[i], open, error);
        if (status == CLARUS_OK)
            status = check_batch(model, options, info, &shapes[i], error);
    }
    if (status != CLARUS_OK)
        error_prefix(error, "%s: ", model->path);
    return status;
}

/* ---- Lowering */

/* As many lines as the message holds, and how many more there are. */
clarus_status model_check(const clarus_model *model, clarus_error *error)
{
    char text[900];
    size_t used = 0, i = 0;
    if (!model->unsupported_count)
        return CLARUS_OK;
    for (; i < model->unsupported_count; i++) {
        size_t length = strlen(model->unsupported[i]);
        if (used + length + 3 > sizeof text)
            break;
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "; " : "", model->unsupported[i]);
    }
    if (i < model->unsupported_count)
        return error_set(error, CLARUS_E_UNSUPPORTED, "%s: %s; and %zu more", model->path, text,
                         model->unsupported_count - i);
    return error_set(error, CLARUS_E_UNSUPPORTED, "%s: %s", model->path, text);
}

clarus_status model_lower_request(const clarus_model *model, const lower_request *request,
                                  lowered_graph **graph, lower_missing *missing, clarus_error *error)
{
    cpu_float_env env;
    *graph = NULL;
    missing->count = 0;
    clarus_status status = model_check(model, error);
    if (status != CLARUS_OK)
        return status;
    cpu_float_env_enter(&env);
    status = lower_graph(model->graph, request, graph, missing, error);
    cpu_float_env_leave(&env);
    if (status != CLARUS_OK)
        error_prefix(error, "%s: ", model->path);
    return status;
}

clarus_status model_lower(const clarus_model *model, const shape *shapes, lowered_graph **graph,
                          clarus_error *error)
{
    lower_missing missing;
    lower_request request = {.shapes = shapes};
    return model_lower_request(model, &request, graph, &missing, error);
}
