/* Which buffers of a plan share memory.
 *
 * Buffers whose lives do not overlap may. Those with a halo, which must stay zero, share only with buffers of
 * the very same planes, be they more or fewer. The result is checked by replaying the launches. */
#include "plan.h"

#include <stdlib.h>

static void find_lives(plan *plan)
{
    for (size_t i = 0; i < plan->launch_count; i++) {
        const launch *l = &plan->launches[i];
        for (size_t a = 0; a < l->arg_count; a++) {
            if (l->args[a].kind != ARG_BUFFER)
                continue;
            plan_buffer *b = &plan->buffers[l->args[a].buffer];
            if (b->first == SIZE_MAX)
                b->first = i;
            b->last = i;
        }
    }
    for (size_t i = 0; i < plan->launch_count; i++) /* read after the run, should it fail */
        if (plan->launches[i].checks != SIZE_MAX)
            plan->buffers[plan->launches[i].checks].last = plan->launch_count;
}

static size_t bytes_of(const plan_buffer *buffer)
{
    return (buffer->count + BUFFER_SLACK) * clarus_dtype_size(buffer->dtype);
}

/* A buffer with a halo is a row of planes, which are alike in both. */
static int same_planes(const operand *a, const operand *b)
{
    const layout *x = &a->layout, *y = &b->layout;
    return a->dtype == b->dtype && a->shape.dims[2] == b->shape.dims[2] &&
           a->shape.dims[3] == b->shape.dims[3] && x->kind == y->kind && x->top == y->top &&
           x->left == y->left && x->bottom == y->bottom && x->right == y->right;
}

/* State of one memory while buffers are assigned in the order of their first launch. */
typedef struct memory_state {
    size_t free_from; /* first launch at which it may be taken again */
    const plan_buffer *zeroed;
} memory_state;

/* The free memory that fits best: needs the least growth, then wastes the least. SIZE_MAX if none. */
static size_t find_memory(const plan *plan, const memory_state *states, const plan_buffer *buffer)
{
    size_t best = SIZE_MAX, best_cost = SIZE_MAX, need = bytes_of(buffer);
    for (size_t m = 0; m < plan->memory_count; m++) {
        if (states[m].free_from > buffer->first || !!states[m].zeroed != !!buffer->zeroed ||
            (buffer->zeroed && !same_planes(&states[m].zeroed->what, &buffer->what)))
            continue;
        size_t have = plan->memory_bytes[m];
        size_t cost = have >= need ? have - need : 2 * (need - have);
        if (cost < best_cost) {
            best_cost = cost;
            best = m;
        }
    }
    return best;
}

static int compare_first(const void *a, const void *b)
{
    const plan_buffer *x = *(const plan_buffer *const *)a, *y = *(const plan_buffer *const *)b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : x < y ? -1 : x > y;
}

static void assign_memory(plan *plan, plan_buffer **order, memory_state *states)
{
    for (size_t i = 0; i < plan->buffer_count; i++) {
        plan_buffer *b = order[i];
        int shares = b->kind == BUFFER_TEMPORARY && b->first != SIZE_MAX && !plan->plain;
        size_t m = shares ? find_memory(plan, states, b) : SIZE_MAX;
        if (m == SIZE_MAX) {
            m = plan->memory_count++;
            plan->memory_bytes[m] = 0;
            states[m].zeroed = b->zeroed ? b : NULL;
        }
        if (plan->memory_bytes[m] < bytes_of(b))
            plan->memory_bytes[m] = bytes_of(b);
        states[m].free_from = shares ? b->last + 1 : SIZE_MAX;
        b->memory = m;
    }
}

clarus_status plan_share_memory(plan *plan, clarus_error *error)
{
    clarus_context *context = plan->graph->context;
    find_lives(plan);
    plan_buffer **order = memory_alloc(context, plan->buffer_count, sizeof *order);
    memory_state *states = memory_calloc(context, plan->buffer_count, sizeof *states);
    plan->memory_bytes = plan_alloc(plan, plan->buffer_count, sizeof *plan->memory_bytes);
    clarus_status status = CLARUS_OK;
    if (order && states && plan->memory_bytes) {
        for (size_t i = 0; i < plan->buffer_count; i++)
            order[i] = &plan->buffers[i];
        qsort(order, plan->buffer_count, sizeof *order, compare_first);
        assign_memory(plan, order, states);
    } else {
        status = error_memory(error, "memory plan");
    }
    memory_free(context, order);
    memory_free(context, states);
    return status;
}

/* Replays the launches: each memory holds the buffer written to it last, and whatever is read must still be
 * there. */
clarus_status plan_check_memory(const plan *plan, clarus_error *error)
{
    clarus_context *context = plan->graph->context;
    size_t *holds = memory_alloc(context, plan->memory_count, sizeof *holds);
    if (!holds)
        return error_memory(error, "memory plan");
    for (size_t m = 0; m < plan->memory_count; m++)
        holds[m] = SIZE_MAX;
    for (size_t b = 0; b < plan->buffer_count; b++)
        if (plan->buffers[b].kind == BUFFER_CONSTANT || plan->buffers[b].kind == BUFFER_INPUT)
            holds[plan->buffers[b].memory] = b;
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < plan->launch_count && status == CLARUS_OK; i++) {
        const launch *l = &plan->launches[i];
        for (size_t a = 0; a < l->arg_count && status == CLARUS_OK; a++) {
            if (l->args[a].kind != ARG_BUFFER || l->args[a].buffer == l->writes)
                continue;
            size_t b = l->args[a].buffer;
            if (plan->buffers[b].count && holds[plan->buffers[b].memory] != b)
                status = error_set(error, CLARUS_E_INTERNAL,
                                   "plan: launch %zu (%s) reads buffer %zu, which is not there", i,
                                   launch_name(l), b);
        }
        holds[plan->buffers[l->writes].memory] = l->writes;
    }
    memory_free(context, holds);
    return status;
}
