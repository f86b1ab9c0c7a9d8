/* The oracle runs a lowered graph operation by operation, in its order. A temporary's memory is taken when it
 * is written and freed after its last reader; a VIEW shares its input's. */
#include "oracle_ops.h"

#include <string.h>

static clarus_status oracle_view(const oracle_task *task, clarus_error *error)
{
    (void)error;
    int64_t count = 0;
    shape_count(&task_output(task)->shape, &count);
    memcpy(task->output, task->inputs[0], (size_t)count * clarus_dtype_size(task_output(task)->dtype));
    return CLARUS_OK;
}

typedef clarus_status (*oracle_fn)(const oracle_task *task, clarus_error *error);

static const struct {
    oracle_fn run;
    int any_type;
} table[OP_KINDS] = {
#define FLOAT_ONLY 0
#define ANY_TYPE 1
#define OP_KIND(NAME, name, types) [OP_##NAME] = {oracle_##name, types},
#include "op_kinds.def"
#undef OP_KIND
#undef FLOAT_ONLY
#undef ANY_TYPE
};

clarus_status oracle_op(const lowered_graph *graph, const lowered_op *op, const void *const *inputs,
                        void *output, int threads, clarus_error *error)
{
    oracle_task task = {graph, op, inputs, output, threads};
    clarus_dtype dtype = task_output(&task)->dtype;
    if (!table[op->kind].any_type && dtype != CLARUS_FLOAT32)
        return error_set(error, CLARUS_E_UNSUPPORTED, "%s: %s of %s is not supported", op->name,
                         op_kind_name(op->kind), clarus_dtype_name(dtype));
    return table[op->kind].run(&task, error);
}

/* What is known of a value during a run. */
typedef struct slot {
    const void *data;
    void *owned;      /* memory to free, or NULL */
    void *wanted;     /* where the caller wants it, or NULL */
    size_t holder;    /* the value whose memory this one shares; itself if none */
    size_t last_read; /* number of the last operation that reads the memory */
} slot;

typedef struct oracle_run_state {
    const lowered_graph *graph;
    slot *slots;
    const void **arguments; /* of one operation */
} oracle_run_state;

static int shares_memory(const oracle_run_state *run, const lowered_op *op)
{
    return op->kind == OP_VIEW && !run->slots[op->output].wanted;
}

/* Places the graph's inputs, constants and outputs, and finds the last reader of everything. */
static void place_values(oracle_run_state *run, const void *const *inputs, void *const *outputs)
{
    const lowered_graph *graph = run->graph;
    for (size_t i = 0; i < graph->value_count; i++) {
        run->slots[i].holder = i;
        run->slots[i].data = graph->values[i].data;
    }
    for (size_t i = 0; i < graph->input_count; i++)
        run->slots[graph->inputs[i]].data = inputs[i];
    for (size_t i = graph->output_count; i-- > 0;)
        run->slots[graph->outputs[i]].wanted = outputs[i];
    for (size_t n = 0; n < graph->op_count; n++) {
        const lowered_op *op = &graph->ops[n];
        for (size_t i = 0; i < op->input_count; i++)
            run->slots[run->slots[op->inputs[i]].holder].last_read = n;
        if (shares_memory(run, op))
            run->slots[op->output].holder = run->slots[op->inputs[0]].holder;
        else
            run->slots[op->output].last_read = n;
    }
}

static size_t value_bytes(const lowered_value *value)
{
    int64_t count = 0;
    shape_count(&value->shape, &count);
    return (size_t)count * clarus_dtype_size(value->dtype);
}

/* A constant that is in a file, until it has been read for the last time. */
static clarus_status load_constant(oracle_run_state *run, size_t value, clarus_error *error)
{
    const lowered_value *v = &run->graph->values[value];
    slot *slot = &run->slots[value];
    if (slot->data || v->kind != VALUE_CONSTANT || !v->file)
        return CLARUS_OK;
    size_t bytes = value_bytes(v);
    float *data = slot->owned = memory_alloc(run->graph->context, bytes, 1);
    if (!data)
        return error_memory(error, v->name);
    slot->data = data;
    return lowered_read(run->graph, value, 0, (int64_t)(bytes / sizeof *data), data, error);
}

static clarus_status run_op(oracle_run_state *run, const lowered_op *op, int threads, clarus_error *error)
{
    const lowered_graph *graph = run->graph;
    slot *out = &run->slots[op->output];
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < op->input_count && status == CLARUS_OK; i++)
        status = load_constant(run, op->inputs[i], error);
    if (status != CLARUS_OK)
        return status;
    if (shares_memory(run, op)) {
        out->data = run->slots[op->inputs[0]].data;
        return CLARUS_OK;
    }
    void *memory = out->wanted;
    if (!memory)
        memory = out->owned = memory_alloc(graph->context, value_bytes(&graph->values[op->output]), 1);
    if (!memory)
        return error_memory(error, graph->values[op->output].name);
    out->data = memory;
    for (size_t i = 0; i < op->input_count; i++)
        run->arguments[i] = run->slots[op->inputs[i]].data;
    return oracle_op(graph, op, run->arguments, memory, threads, error);
}

static void release(oracle_run_state *run, size_t value)
{
    memory_free(run->graph->context, run->slots[value].owned);
    run->slots[value].owned = NULL;
}

/* What operation n read or wrote for the last time. */
static void release_finished(oracle_run_state *run, size_t n)
{
    const lowered_op *op = &run->graph->ops[n];
    for (size_t i = 0; i <= op->input_count; i++) {
        size_t holder = run->slots[i < op->input_count ? op->inputs[i] : op->output].holder;
        if (run->slots[holder].last_read <= n)
            release(run, holder);
    }
}

/* Outputs that are inputs or constants of the graph, or are listed twice. */
static void copy_outputs(const oracle_run_state *run, void *const *outputs)
{
    for (size_t i = 0; i < run->graph->output_count; i++) {
        size_t value = run->graph->outputs[i];
        if (run->slots[value].data != outputs[i])
            memcpy(outputs[i], run->slots[value].data, value_bytes(&run->graph->values[value]));
    }
}

static size_t most_inputs(const lowered_graph *graph)
{
    size_t most = 0;
    for (size_t n = 0; n < graph->op_count; n++)
        most = graph->ops[n].input_count > most ? graph->ops[n].input_count : most;
    return most;
}

clarus_status oracle_run(const lowered_graph *graph, int threads, const void *const *inputs,
                         void *const *outputs, const atomic_int *cancel, clarus_error *error)
{
    const clarus_context *context = graph->context;
    clarus_status status = CLARUS_OK;
    oracle_run_state run = {graph, memory_calloc(context, graph->value_count, sizeof *run.slots),
                            memory_alloc(context, most_inputs(graph), sizeof *run.arguments)};
    if (!run.slots || !run.arguments) {
        status = error_memory(error, "the reference's list of values");
        goto done;
    }
    place_values(&run, inputs, outputs);
    for (size_t n = 0; n < graph->op_count && status == CLARUS_OK; n++) {
        if (cancel && *cancel) {
            status = error_set(error, CLARUS_E_CANCELLED, "cancelled before operation %zu of %zu", n + 1,
                               graph->op_count);
            break;
        }
        status = run_op(&run, &graph->ops[n], threads, error);
        release_finished(&run, n);
    }
    if (status == CLARUS_OK)
        copy_outputs(&run, outputs);
    for (size_t i = 0; i < graph->value_count; i++)
        release(&run, i);
done:
    memory_free(context, run.slots);
    memory_free(context, run.arguments);
    return status;
}
