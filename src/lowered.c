#include "lowered.h"

#include "finite.h"

#include <string.h>

enum { DATA_ALIGN = 64 };

static const struct {
    const char *name;
    int arity;
} eltwise_table[] = {
#define ELTWISE(name, arity, expression) {#name, arity},
#include "eltwise.def"
#undef ELTWISE
};

int eltwise_arity(eltwise_function function)
{
    return eltwise_table[function].arity;
}

const char *eltwise_name(eltwise_function function)
{
    return eltwise_table[function].name;
}

static const typed_info typed_table[] = {
#define TYPED(number, text, operands, family) {text, operands, family},
#include "typed.def"
#undef TYPED
};

const typed_info *typed_get(typed_function function)
{
    return &typed_table[function];
}

typed_function typed_find(const char *name)
{
    int function = 0;
    while (function < TYPED_COUNT && strcmp(typed_table[function].name, name) != 0)
        function++;
    return (typed_function)function;
}

const char *op_kind_name(op_kind kind)
{
    static const char *const names[OP_KINDS] = {
#define OP_KIND(NAME, name, types) #name,
#include "op_kinds.def"
#undef OP_KIND
    };
    return names[kind];
}

clarus_status lowered_create(clarus_context *context, lowered_graph **graph, clarus_error *error)
{
    *graph = memory_calloc(context, 1, sizeof **graph);
    if (!*graph)
        return error_memory(error, "lowered graph");
    (*graph)->context = context_retain(context);
    (*graph)->arena.context = context;
    return CLARUS_OK;
}

void lowered_free(lowered_graph *graph)
{
    if (!graph)
        return;
    clarus_context *context = graph->context;
    arena_free(&graph->arena);
    memory_free(context, graph->values);
    memory_free(context, graph->ops);
    memory_free(context, graph);
    clarus_context_free(context);
}

void *lowered_alloc(lowered_graph *graph, size_t count, size_t size)
{
    return arena_alloc(&graph->arena, count, size, DATA_ALIGN);
}

static clarus_status check_value(const lowered_graph *graph, clarus_dtype dtype, const shape *shape,
                                 const char *name, clarus_error *error)
{
    char text[SHAPE_TEXT];
    int64_t count;
    if (!shape_count(shape, &count))
        return error_set(error, CLARUS_E_SHAPE, "value \"%s\": the shape %s is not possible", name,
                         shape_text(shape, text));
    size_t size = clarus_dtype_size(dtype);
    if (!size)
        return error_set(error, CLARUS_E_UNSUPPORTED, "value \"%s\": type %d is not supported", name, dtype);
    if ((uint64_t)count > graph->context->max_tensor_bytes / size)
        return error_set(error, CLARUS_E_LIMIT,
                         "value \"%s\": %s of %s exceeds the limit of %llu bytes for one tensor", name,
                         shape_text(shape, text), clarus_dtype_name(dtype),
                         (unsigned long long)graph->context->max_tensor_bytes);
    return CLARUS_OK;
}

clarus_status lowered_add_value(lowered_graph *graph, value_kind kind, clarus_dtype dtype, const shape *shape,
                                const void *data, const char *name, size_t *number, clarus_error *error)
{
    clarus_status status = check_value(graph, dtype, shape, name, error);
    if (status != CLARUS_OK)
        return status;
    char *copy = arena_strdup(&graph->arena, name);
    if (!copy || !memory_grow(graph->context, (void **)&graph->values, &graph->value_capacity,
                              graph->value_count + 1, sizeof *graph->values))
        return error_memory(error, name);
    *number = graph->value_count++;
    graph->values[*number] = (lowered_value){
        .kind = kind, .dtype = dtype, .shape = *shape, .data = data, .name = copy, .declared = dtype};
    return CLARUS_OK;
}

clarus_status lowered_read(const lowered_graph *graph, size_t value, int64_t first, int64_t count, float *to,
                           clarus_error *error)
{
    const lowered_value *v = &graph->values[value];
    clarus_status status = data_file_read(v->file, v->offset + (uint64_t)first * sizeof *to, to,
                                          (size_t)count * sizeof *to, error);
    int64_t finite = status == CLARUS_OK && v->must_be_finite ? finite_count(to, count) : count;
    for (int64_t i = 0; v->scales && i < count;) {
        int64_t scale = (first + i) / v->per_scale, end = (scale + 1) * v->per_scale - first;
        for (; i < count && i < end; i++)
            to[i] = (float)((double)to[i] * v->scales[scale]);
    }
    if (finite == count)
        return status;
    return error_set(error, CLARUS_E_UNSUPPORTED, "weight \"%s\" is not finite at element %lld", v->name,
                     (long long)first + (long long)finite);
}

clarus_status lowered_load(lowered_graph *graph, size_t value, clarus_error *error)
{
    lowered_value *v = &graph->values[value];
    int64_t count = 0;
    if (!v->file || v->data)
        return CLARUS_OK;
    shape_count(&v->shape, &count);
    float *data = lowered_alloc(graph, (size_t)count, sizeof *data);
    if (!data)
        return error_memory(error, v->name);
    clarus_status status = lowered_read(graph, value, 0, count, data, error);
    v->data = status == CLARUS_OK ? data : NULL;
    return status;
}

clarus_status lowered_add_op(lowered_graph *graph, op_kind kind, const size_t *inputs, size_t input_count,
                             size_t output, const char *name, lowered_op **op, clarus_error *error)
{
    char *copy = arena_strdup(&graph->arena, name);
    size_t *numbers = lowered_alloc(graph, input_count, sizeof *numbers);
    if (!copy || !numbers ||
        !memory_grow(graph->context, (void **)&graph->ops, &graph->op_capacity, graph->op_count + 1,
                     sizeof *graph->ops))
        return error_memory(error, name);
    memcpy(numbers, inputs, input_count * sizeof *numbers);
    *op = &graph->ops[graph->op_count++];
    memset(*op, 0, sizeof **op);
    (*op)->kind = kind;
    (*op)->inputs = numbers;
    (*op)->input_count = input_count;
    (*op)->output = output;
    (*op)->name = copy;
    return CLARUS_OK;
}

static uint64_t product(const int64_t *dims, size_t count)
{
    uint64_t p = 1;
    for (size_t i = 0; i < count; i++)
        p *= (uint64_t)dims[i];
    return p;
}

uint64_t op_macs(const lowered_graph *graph, const lowered_op *op)
{
    const shape *out = &graph->values[op->output].shape;
    if (op->kind == OP_CONV)
        return product(out->dims, out->rank) * product(op->as.conv.window.kernel, SPATIAL) *
               (uint64_t)(op->as.conv.in_channels / op->as.conv.groups);
    if (op->kind == OP_MATMUL)
        return product(out->dims, out->rank) * (uint64_t)op->as.matmul.k;
    return 0;
}

void pool_index_steps(const pool_params *pool, int64_t steps[SPATIAL])
{
    const int64_t *in = pool->window.in;
    const int64_t rows[] = {in[1] * in[2], in[2], 1}, columns[] = {1, in[0], in[0] * in[1]};
    memcpy(steps, pool->column_major ? columns : rows, sizeof rows);
}

int64_t segment_channels(int64_t taps)
{
    enum { BLOCK = 16, PRODUCTS = 512 };
    int64_t blocks = taps > PRODUCTS / BLOCK ? 1 : PRODUCTS / (BLOCK * taps);
    return BLOCK * blocks;
}
