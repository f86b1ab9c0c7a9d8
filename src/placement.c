/* The home of each value: what its operation produces, with the halo that its readers need; and which
 * movements of whole channels need not be made. */
#include "placement.h"

int placement_is_blocked(const plan *plan, size_t value)
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

/* An element-wise operation stays blocked if one operand of the full shape is and the others can follow. */
static int eltwise_is_blocked(const plan *plan, const lowered_op *op)
{
    const lowered_value *values = plan->graph->values;
    const shape *out = &values[op->output].shape;
    int blocked = 0;
    for (size_t i = 0; i < op->input_count; i++) {
        const shape *in = &values[op->inputs[i]].shape;
        if (shape_equal(in, out))
            blocked |= placement_is_blocked(plan, op->inputs[i]);
        else if (!is_single(in) && !is_per_channel(in, out))
            return 0;
    }
    return blocked && out->rank == 4;
}

/* Channels of all parts but the last in whole blocks, most of them there already: then a concatenation copies
 * blocks. */
static int concat_is_blocked(const plan *plan, const lowered_op *op)
{
    const lowered_value *values = plan->graph->values;
    int64_t blocked = 0;
    if (op->as.move.concat_axis != 1 || values[op->output].shape.rank != 4)
        return 0;
    for (size_t i = 0; i < op->input_count; i++) {
        int64_t channels = values[op->inputs[i]].shape.dims[1];
        if (i + 1 < op->input_count && channels % LAYOUT_BLOCK)
            return 0;
        blocked += placement_is_blocked(plan, op->inputs[i]) ? channels : 0;
    }
    return blocked * 2 >= values[op->output].shape.dims[1];
}

static int produces_blocked(const plan *plan, const lowered_op *op)
{
    if (plan->plain || plan->graph->values[op->output].dtype != CLARUS_FLOAT32)
        return 0;
    switch (op->kind) {
    case OP_CONV:
        return conv_choose_route(plan->graph, op) != CONV_ANY;
    case OP_POOL:
        return placement_is_blocked(plan, op->inputs[0]);
    case OP_ELTWISE:
        return eltwise_is_blocked(plan, op);
    case OP_MOVE:
        return concat_is_blocked(plan, op);
    default:
        return 0;
    }
}

int64_t placement_blocks(const plan *plan, size_t value)
{
    return (plan->graph->values[value].shape.dims[1] + LAYOUT_BLOCK - 1) / LAYOUT_BLOCK;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

layout placement_conv_input(const plan *plan, const lowered_op *op)
{
    enum { FEW = 8 };
    int few = op->as.conv.in_channels <= FEW && op->as.conv.groups == 1 && !is_winograd(op);
    layout wanted = few || !placement_is_blocked(plan, op->output) ? plain_layout : blocked_layout;
    if (wanted.kind == LAYOUT_BLOCKED)
        wanted.group = conv_blocks_group(plan->graph, op, op->as.conv.in_channels);
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

/* The halo that the convolutions reading a value need, at the end as wide as at the beginning: a strided
 * window that does not reach so far costs a row and a column, and the buffer shares memory with others. */
static void choose_halos(plan *plan)
{
    const lowered_graph *graph = plan->graph;
    for (size_t i = 0; i < graph->op_count; i++) {
        const lowered_op *op = &graph->ops[i];
        if (op->kind != OP_CONV || !placement_is_blocked(plan, op->output))
            continue;
        layout wanted = placement_conv_input(plan, op), *home = &plan->placements[op->inputs[0]].home;
        if (wanted.kind == LAYOUT_BLOCKED && home->kind == LAYOUT_BLOCKED && wanted.group == home->group)
            widen_halo(home, &wanted);
        home->bottom = max64(home->bottom, home->top);
        home->right = max64(home->right, home->left);
    }
}

/* A concatenation of blocks. */
static int is_concat(const plan *plan, const lowered_op *op)
{
    return op->kind == OP_MOVE && placement_is_blocked(plan, op->output) && !plan->maps[op->output];
}

static int is_first_use(const lowered_op *concat, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (concat->inputs[j] == concat->inputs[i])
            return 0;
    return 1;
}

/* If the value, which has a map, is whole blocks of another: those; else -1. */
static int64_t first_block_of(const plan *plan, size_t value)
{
    return placement_is_blocked(plan, value)
               ? channel_map_first_block(plan->maps[value], &plan->graph->values[value].shape)
               : -1;
}

/* What is seen as blocks of another value has the other's halo. */
static void widen_sources(plan *plan)
{
    for (size_t v = 0; v < plan->graph->value_count; v++)
        if (plan->maps[v] && first_block_of(plan, v) >= 0)
            widen_halo(&plan->placements[plan->maps[v]->origins[0].source].home, &plan->placements[v].home);
}

/* A concatenation's part that an operation writes blocked. */
static int is_written_blocked(const plan *plan, size_t value)
{
    return plan->graph->values[value].kind == VALUE_TEMPORARY && placement_is_blocked(plan, value) &&
           !plan->placements[value].home.group && !(plan->maps[value] && first_block_of(plan, value) >= 0);
}

/* Parts of a blocked concatenation are computed where they belong, so that it costs nothing, unless they are
 * part of another already. All share one halo. */
static void join_concat(plan *plan, const lowered_op *concat)
{
    struct placement *whole = &plan->placements[concat->output];
    for (size_t i = 0; i < concat->input_count; i++) {
        struct placement *part = &plan->placements[concat->inputs[i]];
        if (part->part_of != NOWHERE || !is_written_blocked(plan, concat->inputs[i]))
            continue;
        part->part_of = (int64_t)concat->output;
        widen_halo(&whole->home, &part->home);
    }
}

/* Where in the whole the parts lie. The whole may be a part itself, whose place is known by then. */
static void place_parts(plan *plan, const lowered_op *concat)
{
    const struct placement *whole = &plan->placements[concat->output];
    int64_t blocks =
        whole->home.total_blocks ? whole->home.total_blocks : placement_blocks(plan, concat->output);
    int64_t first = whole->home.first_block;
    for (size_t i = 0; i < concat->input_count; i++) {
        struct placement *part = &plan->placements[concat->inputs[i]];
        if (part->part_of == (int64_t)concat->output && is_first_use(concat, i)) {
            part->home = whole->home;
            part->home.first_block = first;
            part->home.total_blocks = blocks;
        }
        first += placement_blocks(plan, concat->inputs[i]);
    }
}

/* Movements of whole channels, most of them of blocked values, wait until their result is asked for: then it
 * is gathered from the values that were there before all of them, or never. */
static clarus_status map_channels(plan *plan, size_t number, clarus_error *error)
{
    const lowered_op *op = &plan->graph->ops[number];
    channel_map *map;
    int64_t blocked = 0;
    clarus_status status = channel_map_make(plan->graph, plan->maps, op, &map, error);
    if (status != CLARUS_OK || !map)
        return status;
    for (int64_t i = 0; i < map->count; i++)
        blocked += placement_is_blocked(plan, map->origins[i].source);
    if (blocked * 2 < map->count)
        return CLARUS_OK;
    plan->maps[op->output] = map;
    plan->placements[op->output].writer = number;
    if (channel_map_is_regular(plan->graph, map, &plan->graph->values[op->output].shape))
        plan->placements[op->output].home = blocked_layout;
    return CLARUS_OK;
}

clarus_status placement_choose(plan *plan, clarus_error *error)
{
    const lowered_graph *graph = plan->graph;
    for (size_t v = 0; v < graph->value_count; v++)
        plan->placements[v].part_of = NOWHERE;
    for (size_t i = 0; i < graph->op_count; i++) {
        const lowered_op *op = &graph->ops[i];
        int blocked = produces_blocked(plan, op), moves = op->kind == OP_MOVE || op->kind == OP_VIEW;
        layout *home = &plan->placements[op->output].home;
        *home = blocked ? blocked_layout : plain_layout;
        if (blocked && op->kind == OP_CONV)
            home->group = conv_blocks_group(plan->graph, op, op->as.conv.out_channels);
        clarus_status status = moves && !blocked ? map_channels(plan, i, error) : CLARUS_OK;
        if (status != CLARUS_OK)
            return status;
    }
    choose_halos(plan);
    widen_sources(plan);
    for (size_t i = 0; i < graph->op_count; i++)
        if (is_concat(plan, &graph->ops[i]))
            join_concat(plan, &graph->ops[i]);
    for (size_t i = graph->op_count; i-- > 0;)
        if (is_concat(plan, &graph->ops[i]))
            place_parts(plan, &graph->ops[i]);
    return CLARUS_OK;
}
