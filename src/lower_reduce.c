/* Reductions and softmax. */
#include "lower_ops.h"

#include "dtype.h"

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

/* A node may reduce no axis (noop_with_empty_axes): what is left is what is done to each element. */
static int reduces_nothing(lowering *l, size_t x, const unsigned char *axes)
{
    size_t rank = lower_shape(l, x).rank;
    return rank > 0 && !memchr(axes, 1, rank);
}

/* What is done to each element before the reduction. */
static size_t each_element(lowering *l, reduce_function function, size_t x)
{
    if (function == REDUCE_SUM_SQUARE)
        return lower_binary(l, ELTWISE_mul, x, x);
    return function == REDUCE_L1 ? lower_unary(l, ELTWISE_abs, x, 0, 0) : x;
}

static size_t slice_axis(lowering *l, size_t x, size_t axis, int64_t first, int64_t count)
{
    shape in = lower_shape(l, x), out = in;
    move_part part = {.rank = in.rank};
    out.dims[axis] = count;
    memcpy(part.dims, out.dims, sizeof part.dims);
    shape_strides(&in, part.from_strides);
    part.from_offset = first * part.from_strides[axis];
    shape_strides(&out, part.to_strides);
    return lower_move(l, x, &part, &out);
}

/* Along one axis, whose extent becomes 1: the second half is joined to the first until one element is left;
 * what an odd extent leaves over waits. Of integers any order gives the same. */
static size_t reduce_by_halves(lowering *l, eltwise_function join, size_t x, size_t axis)
{
    size_t rest = LOWER_NONE;
    int64_t extent = lower_shape(l, x).dims[axis];
    while (extent > 1 && l->status == CLARUS_OK) {
        int64_t half = extent / 2;
        if (extent % 2) {
            size_t last = slice_axis(l, x, axis, extent - 1, 1);
            rest = rest == LOWER_NONE ? last : lower_binary(l, join, rest, last);
        }
        x = lower_binary(l, join, slice_axis(l, x, axis, 0, half), slice_axis(l, x, axis, half, half));
        extent = half;
    }
    return rest == LOWER_NONE ? x : lower_binary(l, join, x, rest);
}

/* The neutral element where there are none. */
static size_t reduce_no_integers(lowering *l, reduce_function function, clarus_dtype dtype, const shape *out)
{
    integer_type type = dtype_integer(dtype);
    uint64_t highest = ~UINT64_C(0) >> (64 - type.bits + type.is_signed),
             lowest = type.is_signed ? ~highest : 0;
    uint64_t neutral = function == REDUCE_PROD  ? 1
                       : function == REDUCE_MAX ? lowest
                       : function == REDUCE_MIN ? highest
                                                : 0;
    return lower_filled(l, dtype, out, &neutral);
}

static size_t reduce_integers(lowering *l, reduce_function function, size_t x, const unsigned char *axes)
{
    shape in = lower_shape(l, x), out = in;
    eltwise_function join = function == REDUCE_PROD  ? ELTWISE_mul
                            : function == REDUCE_MAX ? ELTWISE_max
                            : function == REDUCE_MIN ? ELTWISE_min
                                                     : ELTWISE_add;
    int none = 0;
    for (size_t i = 0; i < in.rank; i++) {
        none |= axes[i] && in.dims[i] == 0;
        out.dims[i] = axes[i] ? 1 : in.dims[i];
    }
    if (none)
        return reduce_no_integers(l, function, lower_dtype(l, x), &out);
    x = each_element(l, function, x);
    for (size_t i = 0; i < in.rank; i++)
        if (axes[i])
            x = reduce_by_halves(l, join, x, i);
    return x;
}

static size_t emit_reduction(lowering *l, reduce_function function, size_t x, const unsigned char *axes)
{
    clarus_dtype dtype = lower_dtype(l, x);
    if (reduces_nothing(l, x, axes))
        return each_element(l, function, x);
    if (function == REDUCE_MEAN && dtype != CLARUS_FLOAT32) /* in binary32 */
        return lower_convert(l, lower_reduce_axes(l, function, lower_convert(l, x, CLARUS_FLOAT32), axes),
                             dtype);
    if (dtype != CLARUS_FLOAT32 && dtype_integer(dtype).bits)
        return reduce_integers(l, function, x, axes);
    return lower_reduce_axes(l, function, x, axes);
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

/* A function of a reduction, of integers in binary32 and converted back. */
static void lower_reduced(lowering *l, reduce_function reduction, eltwise_function function)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    clarus_dtype dtype = lower_dtype(l, x);
    shape out = read_reduction(l, x, axes);
    x = emit_reduction(l, reduction, lower_convert(l, x, CLARUS_FLOAT32), axes);
    x = lower_convert(l, lower_unary(l, function, x, 0, 0), dtype);
    lower_bind(l, 0, reshape_to(l, x, &out));
}

void lower_reduce_l2(lowering *l)
{
    lower_reduced(l, REDUCE_SUM_SQUARE, ELTWISE_sqrt);
}

void lower_reduce_log_sum(lowering *l)
{
    lower_reduced(l, REDUCE_SUM, ELTWISE_log);
}

/* log(sum exp(x - m)) + m, where m is the maximum if that is finite, else 0; of integers in binary32. */
void lower_reduce_log_sum_exp(lowering *l)
{
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    size_t x = lower_input(l, 0);
    clarus_dtype dtype = lower_dtype(l, x);
    shape out = read_reduction(l, x, axes);
    x = lower_convert(l, x, CLARUS_FLOAT32);
    size_t most = lower_reduce_axes(l, REDUCE_MAX, x, axes);
    size_t choice[] = {lower_typed(l, TYPED_is_infinite, &most, CLARUS_BOOL), lower_scalar(l, 0), most};
    size_t m = lower_typed(l, TYPED_where, choice, CLARUS_FLOAT32);
    size_t terms = lower_unary(l, ELTWISE_exp, lower_binary(l, ELTWISE_sub, x, m), 0, 0);
    size_t sum = lower_unary(l, ELTWISE_log, lower_reduce_axes(l, REDUCE_SUM, terms, axes), 0, 0);
    size_t y = lower_convert(l, lower_binary(l, ELTWISE_add, sum, m), dtype);
    lower_bind(l, 0, reshape_to(l, y, &out));
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
