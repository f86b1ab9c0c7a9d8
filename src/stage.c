#include "stage.h"

#include "convert.h"
#include "model.h"

#include "../fallback/oracle.h"

#include <string.h>

static size_t value_bytes(clarus_dtype dtype, const shape *shape)
{
    int64_t count = 0;
    shape_count(shape, &count);
    return (size_t)count * clarus_dtype_size(dtype);
}

/* ---- making a stage ---------------------------------------------------------------------------- */

static void stage_free(const stage_cache *cache, stage *s)
{
    if (!s)
        return;
    exec_free(s->exec);
    plan_free(s->plan);
    lowered_free(s->graph);
    for (size_t i = 0; s->known && i < s->known_count; i++)
        memory_free(cache->context, (void *)(uintptr_t)s->known[i].data); /* the stage's own copy */
    memory_free(cache->context, s->known);
    memory_free(cache->context, s->shapes);
    memory_free(cache->context, s->yields);
    memory_free(cache->context, s);
}

static int copy_known(const stage_cache *cache, const known_value *known, size_t count, stage *s)
{
    s->known = memory_calloc(cache->context, count, sizeof *s->known);
    if (!s->known)
        return 0;
    for (size_t i = 0; i < count; i++) {
        void *data = memory_copy(cache->context, known[i].data, value_bytes(known[i].dtype, &known[i].shape));
        if (!data)
            return 0;
        s->known[i] = known[i];
        s->known[i].data = data;
        s->known_count++;
    }
    return 1;
}

static int is_input(const graph *model, size_t value)
{
    return model->values[value].node == GRAPH_NONE;
}

/* Keeps the inputs among the values, if there are any: they cost nothing. */
static int keep_inputs(const graph *model, lower_missing *values)
{
    size_t kept = 0;
    for (size_t i = 0; i < values->count; i++)
        if (is_input(model, values->values[i]))
            values->values[kept++] = values->values[i];
    values->count = kept ? kept : values->count;
    return kept > 0;
}

/* A value that is known and missed all the same would be asked for without end. */
static int is_known(const stage *s, size_t value)
{
    for (size_t i = 0; i < s->known_count; i++)
        if (s->known[i].value == value)
            return 1;
    return 0;
}

/* Lowers the model's outputs if nothing is missing, else what they wait for, or what that waits for. Ends,
 * because a value only waits for values before it. */
static clarus_status lower_next(const stage_cache *cache, stage *s, clarus_error *error)
{
    lower_missing missing, targets = {.count = 0};
    lower_request request = {s->shapes, s->known, s->known_count, NULL, 0};
    clarus_status status;
    while ((status = model_lower_request(cache->model, &request, &s->graph, &missing, error)) != CLARUS_OK) {
        if (!missing.count || is_known(s, missing.values[0]))
            return status;
        targets = missing;
        if (keep_inputs(model_graph(cache->model), &targets))
            break;
        request.targets = targets.values;
        request.target_count = targets.count;
    }
    s->yields = memory_alloc(cache->context, targets.count, sizeof *s->yields);
    if (!s->yields)
        return error_memory(error, "stage");
    memcpy(s->yields, targets.values, targets.count * sizeof *s->yields);
    s->yield_count = targets.count;
    return CLARUS_OK;
}

/* Shape arithmetic is done sooner on the host, with the same bits, than kernels are built for it. */
static int is_short(const lowered_graph *graph)
{
    enum { SHORT = 1 << 16 };
    uint64_t work = 0;
    for (size_t i = 0; i < graph->op_count && work < SHORT; i++) {
        int64_t count = 0;
        shape_count(&graph->values[graph->ops[i].output].shape, &count);
        work += (uint64_t)count + op_macs(graph, &graph->ops[i]);
    }
    return work < SHORT;
}

static clarus_status plan_stage(const stage_cache *cache, stage *s, clarus_error *error)
{
    clarus_device *device = cache->device;
    if (!s->graph || device_is_reference(device) || (s->yield_count && is_short(s->graph)))
        return CLARUS_OK;
    clarus_status status =
        plan_create(s->graph, device->params, cache->math, device->info.compute_units, &s->plan, error);
    if (status == CLARUS_OK)
        status = exec_create(device, s->plan, cache->context->threads, 0, &s->exec, error);
    return status;
}

static clarus_status stage_create(const stage_cache *cache, const shape *shapes, const known_value *known,
                                  size_t known_count, stage **out, clarus_error *error)
{
    size_t inputs = model_graph(cache->model)->input_count;
    stage *s = memory_calloc(cache->context, 1, sizeof *s);
    *out = s;
    if (!s)
        return error_memory(error, "stage");
    s->shapes = memory_alloc(cache->context, inputs, sizeof *s->shapes);
    if (!s->shapes || !copy_known(cache, known, known_count, s))
        return error_memory(error, "stage");
    memcpy(s->shapes, shapes, inputs * sizeof *shapes);
    clarus_status status = lower_next(cache, s, error);
    return status == CLARUS_OK ? plan_stage(cache, s, error) : status;
}

/* ---- keeping stages ---------------------------------------------------------------------------- */

static int same_known(const known_value *a, const known_value *b)
{
    return a->value == b->value && a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) &&
           memcmp(a->data, b->data, value_bytes(a->dtype, &a->shape)) == 0;
}

static int has_key(const stage_cache *cache, const stage *s, const shape *shapes, const known_value *known,
                   size_t known_count)
{
    size_t inputs = model_graph(cache->model)->input_count;
    if (s->known_count != known_count)
        return 0;
    for (size_t i = 0; i < inputs; i++)
        if (!shape_equal(&s->shapes[i], &shapes[i]))
            return 0;
    for (size_t i = 0; i < known_count; i++)
        if (!same_known(&s->known[i], &known[i]))
            return 0;
    return 1;
}

static void drop_stage(stage_cache *cache, size_t i)
{
    stage_free(cache, cache->stages[i]);
    cache->stages[i] = cache->stages[--cache->count];
}

static void drop_oldest(stage_cache *cache)
{
    size_t oldest = 0;
    for (size_t i = 1; i < cache->count; i++)
        if (cache->stages[i]->last_use < cache->stages[oldest]->last_use)
            oldest = i;
    drop_stage(cache, oldest);
}

void stage_cache_release(stage_cache *cache)
{
    while (cache->count)
        drop_stage(cache, cache->count - 1);
}

/* Stages that are not in use make room where memory does not suffice. */
static clarus_status add_stage(stage_cache *cache, const shape *shapes, const known_value *known,
                               size_t known_count, stage **out, clarus_error *error)
{
    clarus_status status;
    if (cache->count == STAGE_MOST)
        drop_oldest(cache);
    while ((status = stage_create(cache, shapes, known, known_count, out, error)) == CLARUS_E_MEMORY &&
           cache->count) {
        stage_free(cache, *out);
        drop_oldest(cache);
    }
    if (status != CLARUS_OK) {
        stage_free(cache, *out);
        return status;
    }
    (*out)->number = ++cache->uses;
    cache->stages[cache->count++] = *out;
    return CLARUS_OK;
}

static clarus_status find_stage(stage_cache *cache, const shape *shapes, const known_value *known,
                                size_t known_count, stage **out, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    size_t i = 0;
    while (i < cache->count && !has_key(cache, cache->stages[i], shapes, known, known_count))
        i++;
    if (i < cache->count)
        *out = cache->stages[i];
    else
        status = add_stage(cache, shapes, known, known_count, out, error);
    if (status == CLARUS_OK)
        (*out)->last_use = ++cache->uses;
    return status;
}

clarus_status stage_first(stage_cache *cache, const shape *shapes, stage **out, clarus_error *error)
{
    return find_stage(cache, shapes, NULL, 0, out, error);
}

/* ---- running ----------------------------------------------------------------------------------- */

clarus_status stage_run(const stage_cache *cache, const stage *stage, const void *const *inputs,
                        void *const *outputs, const atomic_int *cancel, clarus_error *error)
{
    return stage->exec ? exec_run(stage->exec, inputs, outputs, error)
                       : oracle_run(stage->graph, cache->context->threads, inputs, outputs, cancel, error);
}

/* What is known during a run. */
typedef struct walk {
    const clarus_context *context;
    known_value *known;
    void **owned; /* per known value: its memory, or NULL for an input's */
    size_t count, capacity, owned_capacity;
} walk;

static clarus_status know(walk *w, const known_value *value, void *owned, clarus_error *error)
{
    if (!memory_grow(w->context, (void **)&w->known, &w->capacity, w->count + 1, sizeof *w->known) ||
        !memory_grow(w->context, (void **)&w->owned, &w->owned_capacity, w->count + 1, sizeof *w->owned)) {
        memory_free(w->context, owned);
        return error_memory(error, "stage");
    }
    w->known[w->count] = *value;
    w->owned[w->count++] = owned;
    return CLARUS_OK;
}

static clarus_status take_input(walk *w, const stage_cache *cache, size_t value, const shape *shapes,
                                const void *const *inputs, clarus_error *error)
{
    const graph *model = model_graph(cache->model);
    size_t i = 0;
    while (model->inputs[i].value != value)
        i++;
    clarus_dtype declared = model->inputs[i].info.dtype;
    known_value k = {value, convert_computed(declared), declared, shapes[i], inputs[i]};
    return know(w, &k, NULL, error);
}

static clarus_status compute_values(walk *w, const stage_cache *cache, const stage *s,
                                    const void *const *inputs, const atomic_int *cancel, clarus_error *error)
{
    const lowered_graph *g = s->graph;
    void *outputs[LOWER_MISSING] = {NULL};
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < s->yield_count && status == CLARUS_OK; i++) {
        const lowered_value *v = &g->values[g->outputs[i]];
        outputs[i] = memory_alloc(w->context, value_bytes(v->dtype, &v->shape), 1);
        status = outputs[i] ? CLARUS_OK : error_memory(error, v->name);
    }
    if (status == CLARUS_OK)
        status = stage_run(cache, s, inputs, outputs, cancel, error);
    for (size_t i = 0; i < s->yield_count; i++) {
        const lowered_value *v = &g->values[g->outputs[i]];
        known_value k = {s->yields[i], v->dtype, v->declared, v->shape, outputs[i]};
        if (status == CLARUS_OK)
            status = know(w, &k, outputs[i], error);
        else
            memory_free(w->context, outputs[i]);
    }
    return status;
}

clarus_status stage_reach(stage_cache *cache, const shape *shapes, const void *const *inputs,
                          const atomic_int *cancel, stage **out, clarus_error *error)
{
    walk w = {.context = cache->context};
    clarus_status status;
    while ((status = find_stage(cache, shapes, w.known, w.count, out, error)) == CLARUS_OK &&
           (*out)->yield_count) {
        const stage *s = *out;
        if (s->graph)
            status = compute_values(&w, cache, s, inputs, cancel, error);
        for (size_t i = 0; !s->graph && i < s->yield_count && status == CLARUS_OK; i++)
            status = take_input(&w, cache, s->yields[i], shapes, inputs, error);
        if (status != CLARUS_OK)
            break;
    }
    for (size_t i = 0; i < w.count; i++)
        memory_free(w.context, w.owned[i]);
    memory_free(w.context, w.known);
    memory_free(w.context, w.owned);
    return status;
}
