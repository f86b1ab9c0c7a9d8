/* From a lowered graph to launches.
 *
 * 1. Each value gets a home layout: what its operation produces, with the halo that its readers need
 * (placement.c).
 * 2. Operations are walked in order; each asks for its inputs in the layouts that it takes (a value that lies
 * otherwise is copied once, and the copy kept), and its launcher appends launches.
 * 3. Buffers are given memory, and the result is checked (plan_memory.c). */
#include "placement.h"

#include <stdlib.h>
#include <string.h>

const device_params *plan_device(const plan *plan)
{
    return plan->device;
}

void *plan_alloc(plan *plan, size_t count, size_t size)
{
    return lowered_alloc(plan->graph, count, size);
}

/* ---- buffers ---------------------------------------------------------------------------------- */

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

clarus_status plan_packed(plan *plan, size_t count, const packing *packing, size_t *buffer,
                          clarus_error *error)
{
    clarus_status status = add_buffer(plan, BUFFER_CONSTANT, CLARUS_FLOAT32, (int64_t)count, buffer, error);
    if (status == CLARUS_OK)
        plan->buffers[*buffer].packing = *packing;
    return status;
}

clarus_status plan_temporary(plan *plan, clarus_dtype dtype, size_t count, size_t *buffer,
                             clarus_error *error)
{
    return add_buffer(plan, BUFFER_TEMPORARY, dtype, (int64_t)count, buffer, error);
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
    return wanted->kind == LAYOUT_BLOCKED && there->group == wanted->group && there->top >= wanted->top &&
           there->left >= wanted->left && there->bottom >= wanted->bottom && there->right >= wanted->right;
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
    clarus_status status = lowered_load(plan->graph, value, error);
    if (status == CLARUS_OK)
        status = place(plan, value, &plain_layout, kind, out, error);
    if (status != CLARUS_OK)
        return status;
    plan->buffers[out->buffer].data = v->data;
    remember(plan, value, out);
    return CLARUS_OK;
}

static clarus_status plan_mapped(plan *plan, size_t value, clarus_error *error);

/* The value in a layout that serves, copied if it has to be. */
static clarus_status get_operand(plan *plan, size_t op, size_t value, const layout *wanted, operand *out,
                                 clarus_error *error)
{
    struct placement *p = &plan->placements[value];
    const shape *shape = &plan->graph->values[value].shape;
    clarus_status status = CLARUS_OK;
    operand source;
    if (p->place_count == 0 &&
        (status = plan->maps[value] ? plan_mapped(plan, value, error)
                                    : place_source(plan, value, &source, error)) != CLARUS_OK)
        return status;
    for (size_t i = 0; i < p->place_count; i++)
        if (serves(&p->places[i].layout, wanted, shape)) {
            *out = p->places[i];
            if (layout_same_places(&out->layout, wanted, shape))
                out->layout = *wanted;
            return CLARUS_OK;
        }
    source = p->places[0];
    int regroups = source.layout.group != wanted->group;
    if (regroups && (source.layout.kind == LAYOUT_PLAIN || wanted->kind == LAYOUT_PLAIN) &&
        (status = get_operand(plan, op, value, &blocked_layout, &source, error)) != CLARUS_OK)
        return status;
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
    int blocked = placement_is_blocked(plan, op->output),
        packs = op->kind == OP_CONV && (blocked || is_winograd(op));
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < op->input_count && status == CLARUS_OK; i++) {
        const shape *shape = &plan->graph->values[op->inputs[i]].shape;
        layout wanted = blocked ? blocked_layout : plain_layout;
        if (packs && (i == 1 || (i == 2 && op->epilogue.has_bias))) {
            in[i] = (operand){.buffer = SIZE_MAX}; /* packed by the launcher */
            continue;
        }
        if (packs)
            wanted.group = plan->placements[op->output].home.group; /* a residual's */
        if (packs && i == 0)
            wanted = placement_conv_input(plan, op);
        if (op->kind == OP_MOVE &&
            !placement_is_blocked(plan, op->inputs[i])) /* into its place in blocks at once */
            wanted = plain_layout;
        if (op->kind == OP_MATMUL && i == 1 && !plan_takes_fast_matmul(plan) &&
            plan->graph->values[op->inputs[i]].kind == VALUE_CONSTANT) {
            in[i] = (operand){.buffer = SIZE_MAX};
            continue;
        }
        if (op->kind == OP_REDUCE && placement_is_blocked(plan, op->inputs[i]) && op->as.reduce.reduced[2] &&
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
    if (!part.layout.total_blocks)
        part.layout.total_blocks = placement_blocks(plan, op->output);
    for (size_t i = 0; i < op->input_count; i++) {
        part.shape = in[i].shape;
        int in_place = in[i].buffer == out->buffer && layout_equal(&in[i].layout, &part.layout);
        clarus_status status = in_place ? CLARUS_OK : launch_reorder(plan, number, &in[i], &part, error);
        if (status != CLARUS_OK)
            return status;
        part.layout.first_block += placement_blocks(plan, op->inputs[i]);
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

typedef clarus_status (*launch_fn)(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                   const operand *out, clarus_error *error);

/* A view is placed, not launched. */
#define launch_view NULL

static const launch_fn launchers[OP_KINDS] = {
#define OP_KIND(NAME, name, types) [OP_##NAME] = launch_##name,
#include "op_kinds.def"
#undef OP_KIND
};

static clarus_status launch_op(plan *plan, size_t number, const operand *in, const operand *out,
                               clarus_error *error)
{
    const lowered_op *op = &plan->graph->ops[number];
    if (op->kind == OP_MATMUL && plan_takes_fast_matmul(plan))
        return launch_fast_matmul(plan, number, op, in, out, error);
    if (op->kind == OP_MOVE && out->layout.kind == LAYOUT_BLOCKED)
        return plan_blocked_concat(plan, number, in, out, error);
    return launchers[op->kind](plan, number, op, in, out, error);
}

static clarus_status plan_op(plan *plan, size_t number, clarus_error *error)
{
    const lowered_op *op = &plan->graph->ops[number];
    if (op->kind == OP_VIEW)
        return plan_view(plan, number, error);
    clarus_status status;
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

/* Where the source of each channel lies. */
static clarus_status get_sources(plan *plan, size_t op, const plane_origin *channels, size_t count,
                                 operand ***sources, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    operand **of = *sources = plan_alloc(plan, count, sizeof **sources);
    if (!of)
        return error_memory(error, "channels");
    for (size_t c = 0, known; c < count && status == CLARUS_OK; c++) {
        for (known = 0; channels[known].source != channels[c].source; known++)
            ;
        of[c] = known < c ? of[known] : plan_alloc(plan, 1, sizeof **of);
        if (!of[c])
            return error_memory(error, "channels");
        if (known == c)
            status = get_operand(plan, op, channels[c].source, &blocked_layout, of[c], error);
    }
    return status;
}

static clarus_status gather_channels(plan *plan, size_t value, clarus_error *error)
{
    const channel_map *map = plan->maps[value];
    const shape *shape = &plan->graph->values[value].shape;
    size_t op = plan->placements[value].writer, source = map->origins[0].source;
    operand **sources, out;
    clarus_status status = get_sources(plan, op, map->origins, (size_t)shape->dims[1], &sources, error);
    if (status != CLARUS_OK)
        return status;
    int64_t block = channel_map_first_block(map, shape);
    if (block >= 0) {
        out = *sources[0];
        out.shape = *shape;
        out.layout.first_block += block;
        if (!out.layout.total_blocks)
            out.layout.total_blocks = placement_blocks(plan, source);
        remember(plan, value, &out);
        return CLARUS_OK;
    }
    if ((status = place_output(plan, value, &out, error)) != CLARUS_OK)
        return status;
    size_t first = plan->launch_count;
    status = launch_channels(plan, op, map, (const operand *const *)sources, &out, error);
    mark_written(plan, first, &out);
    return status;
}

/* What a movement that has waited writes. */
static clarus_status plan_mapped(plan *plan, size_t value, clarus_error *error)
{
    return placement_is_blocked(plan, value) ? gather_channels(plan, value, error)
                                             : plan_op(plan, plan->placements[value].writer, error);
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

/* ---- the whole --------------------------------------------------------------------------------- */

static clarus_status plan_all(plan *plan, clarus_error *error)
{
    clarus_status status = plan_inputs(plan, error);
    if (status != CLARUS_OK)
        return status;
    if ((status = placement_choose(plan, error)) != CLARUS_OK)
        return status;
    for (size_t i = 0; i < plan->graph->op_count; i++)
        if (!plan->maps[plan->graph->ops[i].output] && (status = plan_op(plan, i, error)) != CLARUS_OK)
            return status;
    if ((status = plan_outputs(plan, error)) != CLARUS_OK ||
        (status = plan_share_memory(plan, error)) != CLARUS_OK)
        return status;
    return plan_check_memory(plan, error);
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
    p->faults = p->counters = SIZE_MAX;
    p->fast = math == CLARUS_MATH_FAST;
    p->plain = mode && strcmp(mode, "plain") == 0;
    p->placements = memory_calloc(graph->context, graph->value_count, sizeof *p->placements);
    p->maps = memory_calloc(graph->context, graph->value_count, sizeof *p->maps);
    p->inputs = plan_alloc(p, graph->input_count, sizeof *p->inputs);
    p->outputs = plan_alloc(p, graph->output_count, sizeof *p->outputs);
    clarus_status status = p->placements && p->maps && p->inputs && p->outputs ? plan_all(p, error)
                                                                               : error_memory(error, "plan");
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
    memory_free(context, plan->maps);
    memory_free(context, plan->buffers);
    memory_free(context, plan->launches);
    memory_free(context, plan);
}
