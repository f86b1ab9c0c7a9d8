/* Concatenation: a move with a part for each input. */
#include "lower_ops.h"

#include <string.h>

static int concat_fits(const shape *first, const shape *s, size_t axis)
{
    if (s->rank != first->rank)
        return 0;
    for (size_t i = 0; i < s->rank; i++)
        if (i != axis && s->dims[i] != first->dims[i])
            return 0;
    return 1;
}

/* Shape of the whole; inputs without elements leave the list. */
static shape measure_concat(lowering *l, size_t *inputs, size_t *count, size_t axis)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    size_t given = *count;
    shape first = lower_shape(l, inputs[0]), out = first;
    clarus_dtype dtype = lower_dtype(l, inputs[0]);
    out.dims[axis] = 0;
    *count = 0;
    for (size_t i = 0; i < given && l->status == CLARUS_OK; i++) {
        size_t x = inputs[i];
        shape s = lower_shape(l, x);
        if (!concat_fits(&first, &s, axis) || lower_dtype(l, x) != dtype)
            lower_error(l, CLARUS_E_SHAPE, "%s and %s do not fit along axis %zu", shape_text(&first, a),
                        shape_text(&s, b), axis);
        else
            out.dims[axis] += s.dims[axis];
        if (lower_count(l, x) > 0)
            inputs[(*count)++] = x;
    }
    return out;
}

static move_part *concat_parts(lowering *l, const size_t *inputs, size_t count, size_t axis, const shape *out)
{
    move_part *parts = lowered_alloc(l->out, count, sizeof *parts);
    int64_t strides[CLARUS_MAX_RANK], at = 0;
    shape_strides(out, strides);
    for (size_t i = 0; i < count && parts; i++) {
        shape s = lower_shape(l, inputs[i]);
        parts[i] = (move_part){.rank = s.rank, .to_offset = at * strides[axis]};
        memcpy(parts[i].dims, s.dims, sizeof s.dims);
        memcpy(parts[i].to_strides, strides, sizeof strides);
        shape_strides(&s, parts[i].from_strides);
        at += s.dims[axis];
    }
    return parts;
}

/* The value of an earlier concatenation along the axis of exactly the inputs that the list begins with; their
 * number in *count. */
static size_t find_joined(lowering *l, const size_t *inputs, size_t *count, size_t axis)
{
    for (size_t i = 0; i < l->out->op_count; i++) {
        const lowered_op *op = &l->out->ops[i];
        if (op->kind == OP_MOVE && op->as.move.concat_axis == (int)axis && op->input_count <= *count &&
            memcmp(op->inputs, inputs, op->input_count * sizeof *inputs) == 0) {
            *count = op->input_count;
            return op->output;
        }
    }
    return LOWER_NONE;
}

/* Inputs that were joined before give way to what they became: of concatenations that grow (a with b; a, b
 * and c; ...) each is a part of the next, and no input is part of more than one. */
static size_t replace_joined(lowering *l, size_t *inputs, size_t count, size_t axis)
{
    for (size_t first = count - 1; first-- > 0;) {
        size_t length, joined;
        while (length = count - first,
               length > 1 && (joined = find_joined(l, inputs + first, &length, axis)) != LOWER_NONE) {
            inputs[first] = joined;
            count -= length - 1;
            memmove(inputs + first + 1, inputs + first + length, (count - first - 1) * sizeof *inputs);
        }
    }
    return count;
}

size_t lower_join(lowering *l, size_t *inputs, size_t count, size_t axis)
{
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    size_t first = inputs[0];
    shape out = measure_concat(l, inputs, &count, axis);
    if (l->status == CLARUS_OK && count > 1)
        count = replace_joined(l, inputs, count, axis);
    if (l->status == CLARUS_OK && count <= 1) /* nothing is brought together */
        return count ? inputs[0] : first;
    lowered_op op = {.kind = OP_MOVE, .inputs = inputs, .input_count = count};
    op.as.move = (move_params){.covers = 1, .concat_axis = (int)axis};
    op.as.move.parts = l->status == CLARUS_OK ? concat_parts(l, inputs, count, axis, &out) : NULL;
    if (!op.as.move.parts)
        lower_error(l, CLARUS_E_MEMORY, "out of memory");
    return lower_emit(l, &op, lower_dtype(l, first), &out);
}

void lower_concat(lowering *l)
{
    size_t axis = lower_axis(l, lower_int(l, "axis", 1), lower_shape(l, lower_input(l, 0)).rank);
    size_t *inputs = lower_memory(l, (int64_t)l->node->input_count, sizeof *inputs);
    for (size_t i = 0; i < l->node->input_count && inputs; i++)
        inputs[i] = lower_input(l, i);
    lower_bind(l, 0, lower_join(l, inputs, l->node->input_count, axis));
}
