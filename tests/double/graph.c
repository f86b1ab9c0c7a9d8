/* Reads an ONNX file and walks its nodes in the order in which they are written. */
#include "double.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors of the file ---- */

static const char *external_entry(const Onnx__Tensor *p, const char *key)
{
    for (size_t k = 0; k < p->n_external_data; k++)
        if (p->external_data[k]->key && strcmp(p->external_data[k]->key, key) == 0)
            return p->external_data[k]->value;
    return NULL;
}

static void *external_read(const Onnx__Tensor *p, const char *folder, size_t size)
{
    char path[4096];
    const char *location = external_entry(p, "location"), *offset = external_entry(p, "offset");
    if (!location || !folder)
        return NULL;
    snprintf(path, sizeof path, "%s/%s", folder, location);
    FILE *file = fopen(path, "rb");
    void *data = need(size, 1);
    if (!file || fseeko(file, offset ? strtoll(offset, NULL, 10) : 0, SEEK_SET) != 0 ||
        fread(data, 1, size, file) != size) {
        free(data);
        data = NULL;
    }
    if (file)
        fclose(file);
    return data;
}

/* From one of the typed lists; half precision stands in int32_data as bits. */
static int typed_read(const Onnx__Tensor *p, dtensor *t)
{
    int halves = t->dtype == CLARUS_FLOAT16 || t->dtype == CLARUS_BFLOAT16;
    size_t count = (size_t)t->count;
    if (t->dtype == CLARUS_FLOAT32                               ? p->n_float_data != count
        : t->dtype == CLARUS_FLOAT64                             ? p->n_double_data != count
        : t->dtype == CLARUS_INT64                               ? p->n_int64_data != count
        : t->dtype == CLARUS_UINT64 || t->dtype == CLARUS_UINT32 ? p->n_uint64_data != count
                                                                 : p->n_int32_data != count)
        return 0;
    for (size_t k = 0; k < count; k++) {
        if (halves) {
            uint16_t bits = (uint16_t)p->int32_data[k];
            t->v[k] = element_double(t->dtype, &bits, 0);
        } else if (t->v)
            t->v[k] = t->dtype == CLARUS_FLOAT32 ? (double)p->float_data[k] : p->double_data[k];
        else if (t->dtype == CLARUS_INT64)
            t->i[k] = p->int64_data[k];
        else
            t->i[k] = t->dtype == CLARUS_UINT64 || t->dtype == CLARUS_UINT32
                          ? (int64_t)p->uint64_data[k]
                          : wrap(t->dtype, p->int32_data[k]);
    }
    return 1;
}

dtensor *tensor_read(const Onnx__Tensor *p, const char *folder)
{
    shape s = {p->n_dims, {0}};
    clarus_dtype dtype = (clarus_dtype)p->data_type;
    int64_t count;
    if (s.rank > CLARUS_MAX_RANK || !clarus_dtype_size(dtype))
        return NULL;
    for (size_t d = 0; d < s.rank; d++)
        s.dims[d] = p->dims[d];
    if (!shape_count(&s, &count))
        return NULL;
    size_t size = (size_t)count * clarus_dtype_size(dtype);
    if (p->data_location == 1) {
        void *data = external_read(p, folder, size);
        dtensor *t = data ? dtensor_from(dtype, &s, data) : NULL;
        free(data);
        return t;
    }
    if (p->has_raw_data)
        return p->raw_data.len == size ? dtensor_from(dtype, &s, p->raw_data.data) : NULL;
    dtensor *t = dtensor_new(dtype, &s, 0);
    if (!typed_read(p, t)) {
        dtensor_free(t);
        t = NULL;
    }
    return t;
}

/* ---- the walk ---- */

typedef struct value {
    const char *name;
    const Onnx__Tensor *initializer;
    dtensor *t;
    size_t uses; /* readers still to come; the tensor is freed with the last */
} value;

typedef struct walker {
    const Onnx__Model *model;
    const Onnx__Graph *graph;
    struct walker *outer; /* of the graph that this is a branch of; NULL: none */
    const char *folder;
    value *values;
    size_t count, room;
    double_visit_fn visit;
    void *user;
    int threads;
    char *message; /* DOUBLE_MESSAGE characters */
} walker;

static value *value_find(const walker *w, const char *name)
{
    for (size_t k = 0; k < w->count; k++)
        if (strcmp(w->values[k].name, name) == 0)
            return &w->values[k];
    return NULL;
}

static value *value_make(walker *w, const char *name)
{
    value *v = value_find(w, name);
    if (!v && w->count == w->room) {
        value *more = need(w->room = 2 * w->room + 16, sizeof *more);
        if (w->count)
            memcpy(more, w->values, w->count * sizeof *more);
        free(w->values);
        w->values = more;
    }
    if (!v) {
        v = &w->values[w->count++];
        *v = (value){.name = name};
    }
    return v;
}

/* What the branches of an If may read of the graph around them is kept to the end. */
static void values_keep(walker *w, const Onnx__Graph *branch)
{
    for (size_t k = 0; k < branch->n_node; k++) {
        const Onnx__Node *p = branch->node[k];
        for (size_t i = 0; i < p->n_input; i++)
            value_make(w, p->input[i])->uses++;
        for (size_t i = 0; i < p->n_attribute; i++)
            if (p->attribute[i]->g)
                values_keep(w, p->attribute[i]->g);
    }
    for (size_t k = 0; k < branch->n_output; k++)
        value_make(w, branch->output[k]->name)->uses++;
}

/* Every name that the graph mentions, with how often it is read. */
static void values_make(walker *w)
{
    const Onnx__Graph *g = w->graph;
    for (size_t k = 0; k < g->n_initializer; k++)
        if (g->initializer[k]->name)
            value_make(w, g->initializer[k]->name)->initializer = g->initializer[k];
    for (size_t k = 0; k < g->n_node; k++) {
        for (size_t i = 0; i < g->node[k]->n_input; i++)
            value_make(w, g->node[k]->input[i])->uses++;
        for (size_t i = 0; i < g->node[k]->n_output; i++)
            value_make(w, g->node[k]->output[i]);
        for (size_t i = 0; i < g->node[k]->n_attribute; i++)
            if (g->node[k]->attribute[i]->g)
                values_keep(w, g->node[k]->attribute[i]->g);
    }
    for (size_t k = 0; k < g->n_output; k++)
        value_make(w, g->output[k]->name)->uses++;
}

static int inputs_place(walker *w, dtensor *const *inputs, size_t count)
{
    const Onnx__Graph *g = w->graph;
    size_t next = 0;
    for (size_t k = 0; k < g->n_input; k++) {
        value *v = value_find(w, g->input[k]->name);
        if (v && v->initializer)
            continue;
        if (next == count)
            return 0;
        if (v)
            v->t = dtensor_copy(inputs[next]);
        next++;
    }
    return next == count;
}

static dtensor *value_read(const walker *w, value *v)
{
    if (!v->t && v->initializer)
        v->t = tensor_read(v->initializer, w->folder);
    if (!v->t && w->outer) {
        value *outer = value_find(w->outer, v->name);
        const dtensor *t = outer ? value_read(w->outer, outer) : NULL;
        v->t = t ? dtensor_copy(t) : NULL;
    }
    return v->t;
}

static void value_used(value *v)
{
    if (--v->uses == 0) {
        dtensor_free(v->t);
        v->t = NULL;
    }
}

static int64_t opset_of(const Onnx__Model *model, const char *domain)
{
    for (size_t k = 0; k < model->n_opset_import; k++) {
        const char *name = model->opset_import[k]->domain;
        if (strcmp(name ? name : "", domain ? domain : "") == 0)
            return model->opset_import[k]->version;
    }
    return 1;
}

/* What the element type itself does to a computed float: its rounding, and the smallest subnormal. */
static void add_storage_error(dtensor *t)
{
    double unit = t->dtype == CLARUS_FLOAT16 ? 0x1p-11 : t->dtype == CLARUS_BFLOAT16 ? 0x1p-8 : 0;
    double smallest = t->dtype == CLARUS_FLOAT16 ? 0x1p-24 : 0x1p-148;
    for (int64_t k = 0; t->v && t->e && k < t->count; k++)
        t->e[k] += unit * (fabs(t->v[k]) + t->e[k]) + smallest;
}

static int node_fail(walker *w, const Onnx__Node *p, int status, const char *what)
{
    snprintf(w->message, DOUBLE_MESSAGE, "%s (%s): %s", p->op_type, p->name ? p->name : "", what);
    return status;
}

static int node_outputs(walker *w, const dnode *n)
{
    for (size_t k = 0; k < n->out_count; k++) {
        if (!n->proto->output[k][0]) {
            dtensor_free(n->out[k]);
            continue;
        }
        if (!n->out[k])
            return node_fail(w, n->proto, DOUBLE_UNKNOWN, "an output is not computed");
        add_storage_error(n->out[k]);
        value *v = value_find(w, n->proto->output[k]);
        v->t = n->out[k];
        if (w->visit)
            w->visit(w->user, v->name, &v->t);
        if (!v->uses) {
            dtensor_free(v->t);
            v->t = NULL;
        }
    }
    return DOUBLE_OK;
}

static int graph_run(walker *w, dtensor *const *inputs, size_t input_count, dtensor **outputs);

/* If: the outputs of the branch that the condition takes. Names inside are its own, so nobody sees its
 * values. */
static int branch_run(walker *w, dnode *n)
{
    const Onnx__Attribute *branch = attr_find(n, n->in[0]->i[0] ? "then_branch" : "else_branch");
    if (!branch || !branch->g || branch->g->n_output != n->out_count)
        return node_fail(w, n->proto, DOUBLE_BAD, "its branch does not fit");
    walker inner = {.model = w->model,
                    .graph = branch->g,
                    .outer = w,
                    .folder = w->folder,
                    .threads = w->threads,
                    .message = w->message};
    int status = graph_run(&inner, NULL, 0, n->out);
    for (size_t k = 0; k < inner.count; k++)
        dtensor_free(inner.values[k].t);
    free(inner.values);
    return status;
}

static int node_run(walker *w, const Onnx__Node *p)
{
    double_op op = double_find(p->domain, p->op_type);
    int status = DOUBLE_OK, is_if = strcmp(p->op_type, "If") == 0;
    if (!op && !is_if)
        return node_fail(w, p, DOUBLE_UNKNOWN, "no such operator in the second oracle");
    dnode n = {.proto = p, .in_count = p->n_input, .out_count = p->n_output, .threads = w->threads};
    n.opset = opset_of(w->model, p->domain);
    n.in = need(n.in_count + 1, sizeof(dtensor *));
    n.out = need(n.out_count + 1, sizeof(dtensor *));
    for (size_t k = 0; k < n.in_count && status == DOUBLE_OK; k++)
        if (p->input[k][0] && !(n.in[k] = value_read(w, value_find(w, p->input[k]))))
            status = node_fail(w, p, DOUBLE_BAD, "an input cannot be read");
    const char *what = status == DOUBLE_OK && !is_if ? op(&n) : NULL;
    if (status == DOUBLE_OK && is_if)
        status = branch_run(w, &n);
    if (what)
        status = node_fail(w, p, DOUBLE_UNKNOWN, what);
    for (size_t k = 0; k < n.in_count && status == DOUBLE_OK; k++)
        value_used(value_find(w, p->input[k]));
    if (status == DOUBLE_OK)
        status = node_outputs(w, &n);
    free(n.in);
    free(n.out);
    return status;
}

static int graph_run(walker *w, dtensor *const *inputs, size_t input_count, dtensor **outputs)
{
    const Onnx__Graph *g = w->graph;
    values_make(w);
    if (!inputs_place(w, inputs, input_count)) {
        snprintf(w->message, DOUBLE_MESSAGE, "%zu inputs do not fit the graph", input_count);
        return DOUBLE_BAD;
    }
    for (size_t k = 0; k < g->n_node; k++) {
        int status = node_run(w, g->node[k]);
        if (status != DOUBLE_OK)
            return status;
    }
    for (size_t k = 0; k < g->n_output; k++) {
        dtensor *t = value_read(w, value_find(w, g->output[k]->name));
        if (!t) {
            snprintf(w->message, DOUBLE_MESSAGE, "output %s is never computed", g->output[k]->name);
            return DOUBLE_BAD;
        }
        outputs[k] = dtensor_copy(t);
    }
    return DOUBLE_OK;
}

static void *file_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    *size = 0;
    if (file && fseeko(file, 0, SEEK_END) == 0) {
        *size = (size_t)ftello(file);
        rewind(file);
        bytes = need(*size, 1);
        *size = fread(bytes, 1, *size, file);
    }
    if (file)
        fclose(file);
    return bytes;
}

int double_run(const char *path, dtensor *const *inputs, size_t input_count, dtensor **outputs,
               size_t output_count, double_visit_fn visit, void *user, int threads, char *message)
{
    size_t size;
    uint8_t *bytes = file_bytes(path, &size);
    Onnx__Model *model = bytes ? onnx__model__unpack(NULL, size, bytes) : NULL;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    strcpy(slash ? slash : folder, slash ? "" : ".");
    walker w = {.model = model, .folder = folder, .visit = visit, .user = user, .threads = threads};
    w.message = message;
    int status = DOUBLE_BAD;
    memset(outputs, 0, output_count * sizeof *outputs);
    if (!model || !model->graph || model->graph->n_output != output_count)
        snprintf(message, DOUBLE_MESSAGE, "%s cannot be read, or has not %zu outputs", path, output_count);
    else {
        w.graph = model->graph;
        status = graph_run(&w, inputs, input_count, outputs);
    }
    for (size_t k = 0; k < w.count; k++)
        dtensor_free(w.values[k].t);
    free(w.values);
    if (model)
        onnx__model__free_unpacked(model, NULL);
    free(bytes);
    return status;
}
