/* Reductions and softmax. */
#include "lower_ops.h"

#include <string.h>

/* Axes that the node reduces: all of them where it names none, unless it says that none means none. */
static shape read_reduction(lowering *l, size_t x, unsigned char *axes)
{
    int given;
    shape in = lower_shape(l, x);
    size_t count = lower_axes(l, 1, in.rank, axes, &given);
    if (count == 0 && !lower_int(l, "noop_with_empty_axes", 0))
        memset(axes, 1, in.rank);
    shape kept = {.rank = 0};
    int keep = lower_int(l, "keepdims", 1) != 0;
    for (size_t i = 0; i < in.rank; i++)
        if (keep || !axes[i])
            kept.dims[kept.rank++] = axes[i] ? 1 : in.dims[i];
    return kept;
}

/* Products, sums and extrema of constant integers, as in the shape arithmetic of exporters. */
static size_t reduce_integers(lowering *l, reduce_function function, size_t x, const unsigned char *axes)
{
    for (size_t i = 0; i < lower_shape(l, x).rank && l->status == CLARUS_OK; i++) {
        shape in = lower_shape(l, x), out = in;
        if (!axes[i])
            continue;
        out.dims[i] = 1;
        size_t whole = LOWER_NONE;
        for (int64_t k = 0; k < in.dims[i]; k++) {
            int64_t strides[CLARUS_MAX_RANK];
            move_part part = {.rank = in.rank};
            shape_strides(&in, strides);
            memcpy(part.dims, out.dims, sizeof part.dims);
            memcpy(part.from_strides, strides, sizeof strides);
            part.from_offset = k * strides[i];
            shape_strides(&out, part.to_strides);
            size_t slice = lower_move(l, x, &part, &out);
            eltwise_function step = function == REDUCE_PROD  ? ELTWISE_mul
                                    : function == REDUCE_MAX ? ELTWISE_max
                                    : function == REDUCE_MIN ? ELTWISE_min
                                                             : ELTWISE_add;
            whole = whole == LOWER_NONE ? slice : lower_binary(l, step, whole, slice);
        }
        if (whole == LOWER_NONE)
            lower_error(l, CLARUS_E_UNSUPPORTED, "a reduction of no integers");
        x = whole;
    }
    return x;
}

static size_t emit_reduction(lowering *l, reduce_function function, size_t x, const unsigned char *axes)
{
    int integers = lower_dtype(l, x) != CLARUS_FLOAT32 && lower_data(l, x);
    int simple =
        function == REDUCE_SUM || function == REDUCE_PROD || function == REDUCE_MAX || function == REDUCE_MIN;
    if (!memchr(axes, 1, lower_shape(l, x).rank))
        return x;
    return integers && simple ? reduce_integers(l, function, x, axes)
                              : lower_reduce_axes(l, function, x, axes);
}

static size_t reshape_to(lowering *l, size_t x, const shape *wanted)
{
    shape is = lower_shape(l, x);
    return l->status != CLARUS_OK || shape_equal(&is, wanted) ? x : lower_view(l, x, wanted);
}

void lower_reduce(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    shape out = read_reduction(l, x, axes);
    x = emit_reduction(l, (reduce_function)l->row->parameter, x, axes);
    lower_bind(l, 0, reshape_to(l, x, &out));
}

/* The square root of the sum of squares. */
void lower_reduce_l2(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    shape out = read_reduction(l, x, axes);
    x = lower_reduce_axes(l, REDUCE_SUM_SQUARE, x, axes);
    lower_bind(l, 0, reshape_to(l, lower_unary(l, ELTWISE_sqrt, x, 0, 0), &out));
}

void lower_reduce_log_sum(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    shape out = read_reduction(l, x, axes);
    x = lower_reduce_axes(l, REDUCE_SUM, x, axes);
    lower_bind(l, 0, reshape_to(l, lower_unary(l, ELTWISE_log, x, 0, 0), &out));
}

/* log(sum exp(x - m)) + m, where m is the maximum if that is finite, else 0. */
void lower_reduce_log_sum_exp(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    shape out = read_reduction(l, x, axes);
    size_t most = lower_reduce_axes(l, REDUCE_MAX, x, axes);
    size_t choice[] = {lower_typed(l, TYPED_is_infinite, &most, CLARUS_BOOL), lower_scalar(l, 0), most};
    size_t m = lower_typed(l, TYPED_where, choice, CLARUS_FLOAT32);
    size_t terms = lower_unary(l, ELTWISE_exp, lower_binary(l, ELTWISE_sub, x, m), 0, 0);
    size_t sum = lower_unary(l, ELTWISE_log, lower_reduce_axes(l, REDUCE_SUM, terms, axes), 0, 0);
    lower_bind(l, 0, reshape_to(l, lower_binary(l, ELTWISE_add, sum, m), &out));
}

/* Up to opset 12 the axis cuts the dimensions in two groups, and the second is normalised as one. */
void lower_softmax(lowering *l)
{
    int flattens = l->node->opset < 13;
    size_t x = lower_input(l, 0), axis;
    shape in = lower_shape(l, x), flat = in;
    axis = in.rank ? lower_axis(l, lower_int(l, "axis", flattens ? 1 : -1), in.rank) : 0;
    if (in.rank == 0)
        lower_error(l, CLARUS_E_SHAPE, "a scalar has no axis");
    if (flattens) {
        flat = (shape){.rank = 2, .dims = {1, 1}};
        for (size_t i = 0; i < in.rank; i++)
            flat.dims[i >= axis] *= in.dims[i];
        x = reshape_to(l, x, &flat);
        axis = 1;
    }
    lowered_op op = {.kind = OP_SOFTMAX, .inputs = &x, .input_count = 1};
    op.as.softmax = (softmax_params){(int)axis, l->row->parameter};
    lower_bind(l, 0, reshape_to(l, lower_emit(l, &op, CLARUS_FLOAT32, &flat), &in));
}
