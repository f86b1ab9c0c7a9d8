/* The softmax is a graph of one operation, run by the oracle: so scores have the same bits everywhere,
 * like the outputs that they are made from. */
#include "scores.h"

#include "convert.h"
#include "tensor.h"

#include "../fallback/oracle.h"

#include <stdlib.h>
#include <string.h>

struct scores {
    clarus_context *context;
    size_t classes;
    lowered_graph *softmax; /* NULL: none needed */
    float *values, *results;
    clarus_score *sorted;
};

/* The operation that wrote the value, or NULL. */
static const lowered_op *find_writer(const lowered_graph *graph, size_t value)
{
    for (size_t i = graph->op_count; i-- > 0;)
        if (graph->ops[i].output == value)
            return &graph->ops[i];
    return NULL;
}

/* Operations that leave every score what it is, but for its rounding to half precision. */
static int passes_scores_on(const lowered_op *op)
{
    if (op->kind == OP_VIEW)
        return 1;
    if (op->kind == OP_MOVE)
        return op->input_count == 1 && op->as.move.covers;
    if (op->kind != OP_ELTWISE || op->epilogue.has_function)
        return 0;
    eltwise_function f = op->as.eltwise.function;
    return f == ELTWISE_identity || f == convert_rounding(CLARUS_FLOAT16) ||
           f == convert_rounding(CLARUS_BFLOAT16);
}

int scores_are_softmax(const lowered_graph *graph, int64_t classes)
{
    const lowered_op *op = find_writer(graph, graph->outputs[0]);
    while (op && passes_scores_on(op))
        op = find_writer(graph, op->inputs[0]);
    if (!op || op->kind != OP_SOFTMAX || op->as.softmax.log)
        return 0;
    return graph->values[op->output].shape.dims[op->as.softmax.axis] == classes;
}

static clarus_status make_softmax(clarus_context *context, int64_t classes, lowered_graph **graph,
                                  clarus_error *error)
{
    const shape row = {.rank = 1, .dims = {classes}};
    size_t in = 0, out = 0;
    lowered_op *op = NULL;
    clarus_status status = lowered_create(context, graph, error);
    if (status == CLARUS_OK)
        status = lowered_add_value(*graph, VALUE_INPUT, CLARUS_FLOAT32, &row, NULL, "output", &in, error);
    if (status == CLARUS_OK)
        status =
            lowered_add_value(*graph, VALUE_TEMPORARY, CLARUS_FLOAT32, &row, NULL, "scores", &out, error);
    if (status == CLARUS_OK)
        status = lowered_add_op(*graph, OP_SOFTMAX, &in, 1, out, "softmax", &op, error);
    if (status != CLARUS_OK)
        return status;
    (*graph)->inputs = lowered_alloc(*graph, 1, sizeof(size_t));
    (*graph)->outputs = lowered_alloc(*graph, 1, sizeof(size_t));
    if (!(*graph)->inputs || !(*graph)->outputs)
        return error_memory(error, "softmax");
    (*graph)->inputs[0] = in;
    (*graph)->outputs[0] = out;
    (*graph)->input_count = (*graph)->output_count = 1;
    return CLARUS_OK;
}

clarus_status scores_create(clarus_context *context, int64_t classes, int needs_softmax, scores **out,
                            clarus_error *error)
{
    *out = NULL;
    scores *s = memory_calloc(context, 1, sizeof *s);
    if (!s)
        return error_memory(error, "scores");
    s->context = context;
    s->classes = (size_t)classes;
    s->values = memory_alloc(context, s->classes, sizeof *s->values);
    s->results = memory_alloc(context, s->classes, sizeof *s->results);
    s->sorted = memory_alloc(context, s->classes, sizeof *s->sorted);
    clarus_status status = s->values && s->results && s->sorted ? CLARUS_OK : error_memory(error, "scores");
    if (status == CLARUS_OK && needs_softmax)
        status = make_softmax(context, classes, &s->softmax, error);
    if (status != CLARUS_OK)
        scores_free(s);
    else
        *out = s;
    return status;
}

static int compare_scores(const void *left, const void *right)
{
    const clarus_score *a = left, *b = right;
    int a_is_nan = a->score != a->score, b_is_nan = b->score != b->score;
    if (a_is_nan != b_is_nan)
        return a_is_nan - b_is_nan;
    if (!a_is_nan && a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

clarus_status scores_sort(scores *s, const clarus_tensor *output, int64_t item, clarus_score **sorted,
                          clarus_error *error)
{
    size_t element = clarus_dtype_size(output->dtype);
    const char *data = (const char *)output->data + (size_t)item * s->classes * element;
    if (output->dtype == CLARUS_FLOAT32)
        memcpy(s->values, data, s->classes * element);
    else
        convert_to_float(output->dtype, data, s->classes, s->values);
    const float *values = s->values;
    if (s->softmax) {
        const void *in = s->values;
        void *out = s->results;
        clarus_status status = oracle_run(s->softmax, 1, &in, &out, NULL, error);
        if (status != CLARUS_OK)
            return status;
        values = s->results;
    }
    for (size_t i = 0; i < s->classes; i++)
        s->sorted[i] = (clarus_score){.index = (int64_t)i, .score = values[i]};
    qsort(s->sorted, s->classes, sizeof *s->sorted, compare_scores);
    *sorted = s->sorted;
    return CLARUS_OK;
}

void scores_free(scores *s)
{
    if (!s)
        return;
    lowered_free(s->softmax);
    memory_free(s->context, s->values);
    memory_free(s->context, s->results);
    memory_free(s->context, s->sorted);
    memory_free(s->context, s);
}
