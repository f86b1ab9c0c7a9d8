/* From a lowered graph to launches.
 *
 * 1. Each value gets a home layout: what its operation produces, with the halo that its readers need.
 * 2. Operations are walked in order; each asks for its inputs in the layouts that it takes (a value that lies
 * otherwise is copied once, and the copy kept), and its launcher appends launches.
 * 3. Buffers whose lives do not overlap share memory. Those with a halo, which must stay zero, share only
 * with buffers of the very same shape and layout.
 * 4. The plan is checked: whatever a launch reads was written and has not been overwritten since. */
#include "plan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPIES = 4, NOWHERE = -1 };

/* Where a value lies: its home, and copies in other layouts. */
struct placement {
    layout home;
    int64_t part_of; /* the concatenated value in whose buffer it is computed; NOWHERE: in its own */
    operand places[COPIES];
    size_t place_count;
};

const device_params *plan_device(const plan *plan)
{
    return plan->device;
}

void *plan_alloc(plan *plan, size_t count, size_t size)
{
    return lowered_alloc(plan->graph, count, size);
}

/* ---- launches and buffers --------------------------------------------------------------------- */

clarus_status plan_add_launch(plan *plan, kernel_id kernel, size_t op, launch **out, clarus_error *error)
{
    if (!memory_grow(plan->graph->context, (void **)&plan->launches, &plan->launch_capacity,
                     plan->launch_count + 1, sizeof *plan->launches))
        return error_memory(error, "launch");
    *out = &plan->launches[plan->launch_count++];
    memset(*out, 0, sizeof **out);
    (*out)->kernel = kernel;
    (*out)->op = op;
    (*out)->writes = SIZE_MAX;
    return CLARUS_OK;
}

void launch_define(launch *launch, const char *format, ...)
{
    size_t used = strlen(launch->defines);
    if (used && used + 1 < sizeof launch->defines)
        launch->defines[used++] = ' ';
    va_list args;
    va_start(args, format);
    vsnprintf(launch->defines + used, sizeof launch->defines - used, format, args);
    va_end(args);
}

const char *launch_name(const launch *launch)
{
    return launch->product ? "clblast" : kernel_get(launch->kernel)->name;
}

static launch_arg *next_arg(launch *launch, arg_kind kind)
{
    launch_arg *arg = &launch->args[launch->arg_count++];
    arg->kind = kind;
    return arg;
}

void launch_buffer(launch *launch, size_t buffer)
{
    next_arg(launch, ARG_BUFFER)->buffer = buffer;
}

void launch_int(launch *launch, int64_t value)
{
    next_arg(launch, ARG_INT)->i = (int32_t)value;
}

void launch_float(launch *launch, float value)
{
    next_arg(launch, ARG_FLOAT)->f = value;
}

clarus_status launch_table(plan *plan, launch *launch, const int64_t *table, size_t count,
                           clarus_error *error)
{
    int32_t *copy = plan_alloc(plan, count, sizeof *copy);
    if (!copy)
        return error_memory(error, "launch table");
    for (size_t i = 0; i < count; i++) {
        if (table[i] < INT32_MIN || table[i] > INT32_MAX)
            return error_set(error, CLARUS_E_LIMIT,
                             "node \"%s\": a distance of %lld elements needs more than 31 bits",
                             plan->graph->ops[launch->op].name, (long long)table[i]);
        copy[i] = (int32_t)table[i];
    }
    launch_arg *arg = next_arg(launch, ARG_TABLE);
    arg->table = copy;
    arg->table_count = count;
    return CLARUS_OK;
}

void launch_grid(launch *launch, size_t x, size_t y, size_t z)
{
    const size_t grid[3] = {x, y, z};
    memcpy(launch->global, grid, sizeof grid);
    launch->local[0] = launch->local[1] = launch->local[2] = 1;
}

static clarus_status add_buffer(plan *plan, buffer_kind kind, clarus_dtype dtype, int64_t count,
                                size_t *number, clarus_error *error)
{
    if (count > INT32_MAX - BUFFER_SLACK)
        return error_set(error, CLARUS_E_LIMIT, "a buffer of %lld elements is larger than devices take (%d)",
                         (long long)count, INT32_MAX - BUFFER_SLACK);
    if (!memory_grow(plan->graph->context, (void **)&plan->buffers, &plan->buffer_capacity,
                     plan->buffer_count + 1, sizeof *plan->buffers))
        return error_memory(error, "buffer");
    *number = plan->buffer_count++;
    plan->buffers[*number] =
        (plan_buffer){.kind = kind, .dtype = dtype, .count = (size_t)count, .first = SIZE_MAX};
    return CLARUS_OK;
}

clarus_status plan_constant(plan *plan, clarus_dtype dtype, const void *data, size_t count, size_t *buffer,
                            clarus_error *error)
{
    clarus_status status = add_buffer(plan, BUFFER_CONSTANT, dtype, (int64_t)count, buffer, error);
    if (status == CLARUS_OK)
        plan->buffers[*buffer].data = data;
    return status;
}

clarus_status plan_packed(plan *plan, size_t count, plan_fill_fn fill, const void *user, size_t *buffer,
                          clarus_error *error)
{
    clarus_status status = add_buffer(plan, BUFFER_CONSTANT, CLARUS_FLOAT32, (int64_t)count, buffer, error);
    if (status == CLARUS_OK) {
        plan->buffers[*buffer].fill = fill;
        plan->buffers[*buffer].fill_user = user;
    }
    return status;
}

clarus_status plan_temporary(plan *plan, clarus_dtype dtype, size_t count, size_t *buffer,
                             clarus_error *error)
{
    return add_buffer(plan, BUFFER_TEMPORARY, dtype, (int64_t)count, buffer, error);
}

/* ---- home layouts ------------------------------------------------------------------------------ */

static const layout plain_layout = {.kind = LAYOUT_PLAIN};
static const layout blocked_layout = {.kind = LAYOUT_BLOCKED};

static int is_blocked(const plan *plan, size_t value)
{
    return plan->placements[value].home.kind == LAYOUT_BLOCKED;
}

/* [C, 1, 1], [1, C, 1, 1] or [N, C, 1, 1] against [N, C, H, W]. */
static int is_per_channel(const shape *operand, const shape *out)
{
    size_t r = operand->rank;
    return (r == 3 || r == 4) && operand->dims[r - 1] == 1 && operand->dims[r - 2] == 1 &&
           operand->dims[r - 3] == out->dims[1] &&
           (r == 3 || operand->dims[0] == 1 || operand->dims[0] == out->dims[0]);
}

static int is_single(const shape *s)
{
    int64_t count;
    return shape_count(s, &count) && count == 1;
}

/* An element-wise operation stays blocked if one operand of the full shape is and the others can follow. */
static int eltwise_is_blocked(const plan *plan, const lowered_op *op)
{
    const lowered_value *values = plan->graph->values;
    const shape *out = &values[op->output].shape;
    int blocked = 0;
    for (size_t i = 0; i < op->input_count; i++) {
        const shape *in = &values[op->inputs[i]].shape;
        if (shape_equal(in, out))
            blocked |= is_blocked(plan, op->inputs[i]);
        else if (!is_single(in) && !is_per_channel(in, out))
            return 0;
    }
    return blocked && out->rank == 4;
}

/* Channels of all parts but the last in whole blocks: then a concatenation copies blocks. */
static int concat_is_blocked(const plan *plan, const lowered_op *op)
{
    if (op->as.move.concat_axis != 1 || plan->graph->values[op->output].shape.rank != 4)
        return 0;
    for (size_t i = 0; i < op->input_count; i++)
        if (!is_blocked(plan, op->inputs[i]) ||
            (i + 1 < op->input_count && plan->graph->values[op->inputs[i]].shape.dims[1] % LAYOUT_BLOCK))
            return 0;
    return 1;
}

static int produces_blocked(const plan *plan, const lowered_op *op)
{
    if (plan->plain || plan->graph->values[op->output].dtype != CLARUS_FLOAT32)
        return 0;
    switch (op->kind) {
    case OP_CONV:
        return conv_choose_route(plan->graph, op) != CONV_ANY;
    case OP_POOL:
        return is_blocked(plan, op->inputs[0]);
    case OP_ELTWISE:
        return eltwise_is_blocked(plan, op);
    case OP_MOVE:
        return concat_is_blocked(plan, op);
    default:
        return 0;
    }
}

static int64_t block_count(const plan *plan, size_t value)
{
    return (plan->graph->values[value].shape.dims[1] + LAYOUT_BLOCK - 1) / LAYOUT_BLOCK;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The layout in which a blocked convolution reads its input: few channels as planes. */
static layout conv_input_layout(const lowered_op *op)
{
    enum { FEW = 8 };
    layout wanted = op->as.conv.in_channels <= FEW && op->as.conv.groups == 1 ? plain_layout : blocked_layout;
    conv_input_halo(&op->as.conv, &wanted);
    return wanted;
}

static void widen_halo(layout *a, const layout *b)
{
    a->top = max64(a->top, b->top);
    a->left = max64(a->left, b->left);
    a->bottom = max64(a->bottom, b->bottom);
    a->right = max64(a->right, b->right);
}

/* The halo that the convolutions reading a value need. */
static void choose_halos(plan *plan)
{
    const lowered_graph *graph = plan->graph;
    for (size_t i = 0; i < graph->op_count; i++) {
        const lowered_op *op = &graph->ops[i];
        if (op->kind != OP_CONV || !is_blocked(plan, op->output))
            continue;
        layout wanted = conv_input_layout(op), *home = &plan->placements[op->inputs[0]].home;
        if (wanted.kind == LAYOUT_BLOCKED && home->kind == LAYOUT_BLOCKED)
            widen_halo(home, &wanted);
    }
}

/* A part of a concatenation can be computed in place if it is not part of another, and an operation computes
 * it. */
static int can_be_part(const plan *plan, const lowered_op *concat, size_t i)
{
    size_t value = concat->inputs[i];
    for (size_t j = 0; j < i; j++)
        if (concat->inputs[j] == value)
            return 0;
    const struct placement *p = &plan->placements[value];
    return p->part_of == NOWHERE && p->home.total_blocks == 0 &&
           plan->graph->values[value].kind == VALUE_TEMPORARY;
}

/* Parts of a blocked concatenation are computed where they belong, so that it costs nothing. All share one
 * halo. */
static void join_concat(plan *plan, const lowered_op *concat)
{
    struct placement *whole = &plan->placements[concat->output];
    for (size_t i = 0; i < concat->input_count; i++)
        if (can_be_part(plan, concat, i))
            widen_halo(&whole->home, &plan->placements[concat->inputs[i]].home);
    int64_t first = 0;
    for (size_t i = 0; i < concat->input_count; i++) {
        struct placement *part = &plan->placements[concat->inputs[i]];
        if (can_be_part(plan, concat, i)) {
            part->part_of = (int64_t)concat->output;
            part->home = whole->home;
            part->home.first_block = first;
            part->home.total_blocks = block_count(plan, concat->output);
        }
        first += block_count(plan, concat->inputs[i]);
    }
}

static void choose_homes(plan *plan)
{
    const lowered_graph *graph = plan->graph;
    for (size_t v = 0; v < graph->value_count; v++)
        plan->placements[v].part_of = NOWHERE;
    for (size_t i = 0; i < graph->op_count; i++) {
        const lowered_op *op = &graph->ops[i];
        plan->placements[op->output].home = produces_blocked(plan, op) ? blocked_layout : plain_layout;
    }
    choose_halos(plan);
    for (size_t i = 0; i < graph->op_count; i++)
        if (graph->ops[i].kind == OP_MOVE && is_blocked(plan, graph->ops[i].output))
            join_concat(plan, &graph->ops[i]);
}

/* ---- operands ---------------------------------------------------------------------------------- */

static clarus_status place(plan *plan, size_t value, const layout *layout, buffer_kind kind, operand *out,
                           clarus_error *error)
{
    const lowered_value *v = &plan->graph->values[value];
    *out = (operand){0, v->dtype, v->shape, *layout};
    clarus_status status =
        add_buffer(plan, kind, v->dtype, layout_count(layout, &v->shape), &out->buffer, error);
    if (status != CLARUS_OK)
        return status;
    plan_buffer *buffer = &plan->buffers[out->buffer];
    buffer->what = *out;
    buffer->zeroed = layout_has_halo(layout);
    return CLARUS_OK;
}

static void remember(plan *plan, size_t value, const operand *where)
{
    struct placement *p = &plan->placements[value];
    if (p->place_count < COPIES)
        p->places[p->place_count++] = *where;
}

/* A layout serves if it is of the kind asked for and its halo is at least as wide. */
static int serves(const layout *there, const layout *wanted, const shape *shape)
{
    if (layout_same_places(there, wanted, shape))
        return 1;
    if (there->kind == LAYOUT_PLAIN)
        return 0; /* row-major kernels but the first layer's know no halo; that one asks for its own */
    return wanted->kind == LAYOUT_BLOCKED && there->top >= wanted->top && there->left >= wanted->left &&
           there->bottom >= wanted->bottom && there->right >= wanted->right;
}

static void mark_written(plan *plan, size_t first_launch, const operand *out)
{
    for (size_t i = first_launch; i < plan->launch_count; i++)
        if (plan->launches[i].writes == SIZE_MAX)
            plan->launches[i].writes = out->buffer;
}

/* The first place of a value that no operation computes. */
static clarus_status place_source(plan *plan, size_t value, operand *out, clarus_error *error)
{
    const lowered_value *v = &plan->graph->values[value];
    buffer_kind kind = v->kind == VALUE_INPUT ? BUFFER_INPUT : BUFFER_CONSTANT;
    clarus_status status = place(plan, value, &plain_layout, kind, out, error);
    if (status != CLARUS_OK)
        return status;
    plan->buffers[out->buffer].data = v->data;
    remember(plan, value, out);
    return CLARUS_OK;
}

/* The value in a layout that serves, copied if it has to be. */
static clarus_status get_operand(plan *plan, size_t op, size_t value, const layout *wanted, operand *out,
                                 clarus_error *error)
{
    struct placement *p = &plan->placements[value];
    const shape *shape = &plan->graph->values[value].shape;
    clarus_status status = CLARUS_OK;
    operand source;
    if (p->place_count == 0 && (status = place_source(plan, value, &source, error)) != CLARUS_OK)
        return status;
    for (size_t i = 0; i < p->place_count; i++)
        if (serves(&p->places[i].layout, wanted, shape)) {
            *out = p->places[i];
            if (layout_same_places(&out->layout, wanted, shape))
                out->layout = *wanted;
            return CLARUS_OK;
        }
    source = p->places[0];
    if ((status = place(plan, value, wanted, BUFFER_TEMPORARY, out, error)) != CLARUS_OK)
        return status;
    size_t first = plan->launch_count;
    if ((status = launch_reorder(plan, op, &source, out, error)) != CLARUS_OK)
        return status;
    remember(plan, value, out);
    mark_written(plan, first, out);
    return CLARUS_OK;
}

/* A per-channel operand of a blocked element-wise operation, as [1 or N, C, 1, 1]; a single value stays as it
 * is. */
static clarus_status get_broadcast(plan *plan, size_t op, size_t value, operand *out, clarus_error *error)
{
    const lowered_value *v = &plan->graph->values[value];
    clarus_status status;
    if (is_single(&v->shape)) {
        if ((status = get_operand(plan, op, value, &plain_layout, out, error)) == CLARUS_OK)
            out->shape.rank = 0;
        return status;
    }
    if (v->shape.rank == 4)
        return get_operand(plan, op, value, &blocked_layout, out, error);
    /* [C, 1, 1]: channels side by side, as in a block. */
    if ((status = get_operand(plan, op, value, &plain_layout, out, error)) != CLARUS_OK)
        return status;
    out->shape = (shape){4, {1, v->shape.dims[0], 1, 1}};
    out->layout = blocked_layout;
    return CLARUS_OK;
}

/* ---- operations -------------------------------------------------------------------------------- */

static clarus_status get_inputs(plan *plan, size_t number, operand *in, clarus_error *error)
{
    const lowered_op *op = &plan->graph->ops[number];
    const shape *out = &plan->graph->values[op->output].shape;
    int blocked = is_blocked(plan, op->output);
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < op->input_count && status == CLARUS_OK; i++) {
        const shape *shape = &plan->graph->values[op->inputs[i]].shape;
        layout wanted = blocked ? blocked_layout : plain_layout;
        if (op->kind == OP_CONV && blocked && (i == 1 || (i == 2 && op->epilogue.has_bias))) {
            in[i] = (operand){.buffer = SIZE_MAX}; /* packed by the launcher */
            continue;
        }
        if (op->kind == OP_CONV && blocked && i == 0)
            wanted = conv_input_layout(op);
        if (op->kind == OP_MATMUL && i == 1 && !plan_takes_fast_matmul(plan) &&
            plan->graph->values[op->inputs[i]].kind == VALUE_CONSTANT) {
            in[i] = (operand){.buffer = SIZE_MAX};
            continue;
        }
        if (op->kind == OP_REDUCE && is_blocked(plan, op->inputs[i]) && op->as.reduce.reduced[2] &&
            op->as.reduce.reduced[3] && !op->as.reduce.reduced[0] && !op->as.reduce.reduced[1])
            wanted = blocked_layout;
        status = op->kind == OP_ELTWISE && blocked && !shape_equal(shape, out)
                     ? get_broadcast(plan, number, op->inputs[i], &in[i], error)
                     : get_operand(plan, number, op->inputs[i], &wanted, &in[i], error);
    }
    return status;
}

/* Other shape, same elements: the value lies where its input lies. */
static clarus_status plan_view(plan *plan, size_t number, clarus_error *error)
{
    const lowered_op *op = &plan->graph->ops[number];
    const lowered_value *v = &plan->graph->values[op->output];
    operand in;
    clarus_status status = get_operand(plan, number, op->inputs[0], &plain_layout, &in, error);
    if (status != CLARUS_OK)
        return status;
    in.shape = v->shape;
    remember(plan, op->output, &in);
    return CLARUS_OK;
}

/* Copies those parts that were not computed in place. */
static clarus_status plan_blocked_concat(plan *plan, size_t number, const operand *in, const operand *out,
                                         clarus_error *error)
{
    const lowered_op *op = &plan->graph->ops[number];
    operand part = *out;
    part.layout.total_blocks = block_count(plan, op->output);
    for (size_t i = 0; i < op->input_count; i++) {
        part.shape = in[i].shape;
        clarus_status status =
            in[i].buffer == out->buffer ? CLARUS_OK : launch_reorder(plan, number, &in[i], &part, error);
        if (status != CLARUS_OK)
            return status;
        part.layout.first_block += block_count(plan, op->inputs[i]);
    }
    return CLARUS_OK;
}

/* The output's place: its own buffer, or a part of the concatenation that it belongs to. */
static clarus_status place_output(plan *plan, size_t value, operand *out, clarus_error *error)
{
    struct placement *p = &plan->placements[value];
    if (p->place_count) { /* a concatenation, placed by its first part */
        *out = p->places[0];
        return CLARUS_OK;
    }
    clarus_status status;
    if (p->part_of == NOWHERE) {
        status = place(plan, value, &p->home, BUFFER_TEMPORARY, out, error);
    } else if ((status = place_output(plan, (size_t)p->part_of, out, error)) == CLARUS_OK) {
        out->shape = plan->graph->values[value].shape;
        out->layout = p->home;
    }
    if (status == CLARUS_OK)
        remember(plan, value, out);
    return status;
}

static clarus_status launch_op(plan *plan, size_t number, const operand *in, const operand *out,
                               clarus_error *error)
{
    const lowered_op *op = &plan->graph->ops[number];
    switch (op->kind) {
    case OP_CONV:
        return launch_conv(plan, number, op, in, out, error);
    case OP_MATMUL:
        return plan_takes_fast_matmul(plan) ? launch_fast_matmul(plan, number, op, in, out, error)
                                            : launch_matmul(plan, number, op, in, out, error);
    case OP_POOL:
        return launch_pool(plan, number, op, in, out, error);
    case OP_REDUCE:
        return launch_reduce(plan, number, op, in, out, error);
    case OP_SOFTMAX:
        return launch_softmax(plan, number, op, in, out, error);
    case OP_ELTWISE:
        return launch_eltwise(plan, number, op, in, out, error);
    case OP_MOVE:
        return out->layout.kind == LAYOUT_BLOCKED ? plan_blocked_concat(plan, number, in, out, error)
                                                  : launch_move(plan, number, op, in, out, error);
    case OP_GATHER:
        return launch_gather(plan, number, op, in, out, error);
    case OP_VIEW:
    case OP_KINDS:
        break;
    }
    return error_set(error, CLARUS_E_INTERNAL, "node \"%s\": operation %d has no launcher", op->name,
                     op->kind);
}

static clarus_status check_types(const plan *plan, const lowered_op *op, clarus_error *error)
{
    const lowered_value *v = &plan->graph->values[op->output];
    size_t size = clarus_dtype_size(v->dtype);
    int moves = op->kind == OP_MOVE || op->kind == OP_GATHER || op->kind == OP_VIEW;
    if (v->dtype == CLARUS_FLOAT32 || (moves && size == 4) || op->kind == OP_VIEW)
        return CLARUS_OK;
    return error_set(error, CLARUS_E_UNSUPPORTED, "node \"%s\": %s on %s is not supported on devices yet",
                     op->name, op_kind_name(op->kind), clarus_dtype_name(v->dtype));
}

static clarus_status plan_op(plan *plan, size_t number, clarus_error *error)
{
    const lowered_op *op = &plan->graph->ops[number];
    clarus_status status = check_types(plan, op, error);
    if (status != CLARUS_OK)
        return status;
    if (op->kind == OP_VIEW)
        return plan_view(plan, number, error);
    operand *in = plan_alloc(plan, op->input_count, sizeof *in), out;
    if (!in)
        return error_memory(error, op->name);
    if ((status = get_inputs(plan, number, in, error)) != CLARUS_OK ||
        (status = place_output(plan, op->output, &out, error)) != CLARUS_OK)
        return status;
    int64_t count;
    if (!shape_count(&out.shape, &count) || count == 0)
        return CLARUS_OK; /* nothing to compute */
    size_t first = plan->launch_count;
    if ((status = launch_op(plan, number, in, &out, error)) != CLARUS_OK)
        return status;
    mark_written(plan, first, &out);
    return CLARUS_OK;
}

/* Graph inputs and outputs are row-major buffers of their own. */
static clarus_status plan_inputs(plan *plan, clarus_error *error)
{
    const lowered_graph *graph = plan->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        operand where;
        clarus_status status = place_source(plan, graph->inputs[i], &where, error);
        if (status != CLARUS_OK)
            return status;
        plan->inputs[i] = where.buffer;
    }
    return CLARUS_OK;
}

static clarus_status plan_outputs(plan *plan, clarus_error *error)
{
    const lowered_graph *graph = plan->graph;
    for (size_t i = 0; i < graph->output_count; i++) {
        operand where;
        clarus_status status = get_operand(plan, graph->op_count ? graph->op_count - 1 : 0, graph->outputs[i],
                                           &plain_layout, &where, error);
        if (status != CLARUS_OK)
            return status;
        plan->outputs[i] = where.buffer;
        if (plan->buffers[where.buffer].kind == BUFFER_TEMPORARY)
            plan->buffers[where.buffer].kind = BUFFER_OUTPUT;
    }
    return CLARUS_OK;
}

/* ---- memory ------------------------------------------------------------------------------------ */

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
}

static size_t bytes_of(const plan_buffer *buffer)
{
    return (buffer->count + BUFFER_SLACK) * clarus_dtype_size(buffer->dtype);
}

static int same_places(const plan_buffer *a, const plan_buffer *b)
{
    return shape_equal(&a->what.shape, &b->what.shape) && layout_equal(&a->what.layout, &b->what.layout);
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
            (buffer->zeroed && !same_places(states[m].zeroed, buffer)))
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

static clarus_status share_memory(plan *plan, clarus_error *error)
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
static clarus_status check_memory(const plan *plan, clarus_error *error)
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
            if (holds[plan->buffers[b].memory] != b)
                status = error_set(error, CLARUS_E_INTERNAL,
                                   "plan: launch %zu (%s) reads buffer %zu, which is not there", i,
                                   launch_name(l), b);
        }
        holds[plan->buffers[l->writes].memory] = l->writes;
    }
    memory_free(context, holds);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static clarus_status plan_all(plan *plan, clarus_error *error)
{
    clarus_status status = plan_inputs(plan, error);
    if (status != CLARUS_OK)
        return status;
    choose_homes(plan);
    for (size_t i = 0; i < plan->graph->op_count; i++)
        if ((status = plan_op(plan, i, error)) != CLARUS_OK)
            return status;
    if ((status = plan_outputs(plan, error)) != CLARUS_OK ||
        (status = share_memory(plan, error)) != CLARUS_OK)
        return status;
    return check_memory(plan, error);
}

clarus_status plan_create(lowered_graph *graph, const device_params *device, clarus_math math, int parallel,
                          plan **out, clarus_error *error)
{
    *out = NULL;
    plan *p = memory_calloc(graph->context, 1, sizeof *p);
    if (!p)
        return error_memory(error, "plan");
    const char *mode = getenv("CLARUS_PLAN");
    p->graph = graph;
    p->device = device;
    p->parallel = parallel;
    p->fast = math == CLARUS_MATH_FAST;
    p->plain = mode && strcmp(mode, "plain") == 0;
    p->placements = memory_calloc(graph->context, graph->value_count, sizeof *p->placements);
    p->inputs = plan_alloc(p, graph->input_count, sizeof *p->inputs);
    p->outputs = plan_alloc(p, graph->output_count, sizeof *p->outputs);
    clarus_status status =
        p->placements && p->inputs && p->outputs ? plan_all(p, error) : error_memory(error, "plan");
    if (status != CLARUS_OK) {
        plan_free(p);
        return status;
    }
    *out = p;
    return CLARUS_OK;
}

void plan_free(plan *plan)
{
    if (!plan)
        return;
    clarus_context *context = plan->graph->context;
    memory_free(context, plan->placements);
    memory_free(context, plan->buffers);
    memory_free(context, plan->launches);
    memory_free(context, plan);
}
