/* Matrix products. */
#include "lower_ops.h"

#include "finite.h"

#include <string.h>

void lower_check_finite(lowering *l, size_t number, size_t i)
{
    if (!lower_is_constant(l, number) || l->status != CLARUS_OK || lower_dtype(l, number) != CLARUS_FLOAT32)
        return;
    lowered_value *v = &l->out->values[number];
    v->must_be_finite = 1;
    if (!v->data)
        return;
    int64_t count = lower_count(l, number), finite = finite_count(v->data, count);
    if (finite < count)
        lower_error(l, CLARUS_E_UNSUPPORTED, "weight \"%s\" is not finite at element %lld",
                    l->node->input_names[i], (long long)finite);
}

/* [K] becomes [1, K] on the left and [K, 1] on the right. */
static size_t as_matrix(lowering *l, size_t x, int left)
{
    shape s = lower_shape(l, x);
    if (s.rank != 1)
        return x;
    shape matrix = {.rank = 2, .dims = {left ? 1 : s.dims[0], left ? s.dims[0] : 1}};
    return lower_view(l, x, &matrix);
}

/* Strides of the leading dimensions in whole matrices, 0 where broadcast. */
static void batch_strides(const shape *s, size_t rank, int64_t *strides)
{
    size_t own = s->rank - 2;
    int64_t stride = 1;
    for (size_t i = 0; i < own; i++) {
        int64_t extent = s->dims[own - 1 - i];
        strides[rank - 1 - i] = extent == 1 ? 0 : stride;
        stride *= extent;
    }
    for (size_t i = own; i < rank; i++)
        strides[rank - 1 - i] = 0;
}

/* A matrix shared by the whole batch: the batch's rows are rows of one product. */
static void merge_rows(matmul_params *p, const shape *b)
{
    if (b->rank != 2)
        return;
    for (size_t i = 0; i < p->batch_rank; i++)
        p->m *= p->batch_dims[i];
    p->batch_rank = 0;
}

size_t lower_product(lowering *l, size_t a, size_t b)
{
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    shape sa = lower_shape(l, a), sb = lower_shape(l, b), out;
    size_t inputs[] = {a, b};
    lowered_op op = {.kind = OP_MATMUL, .inputs = inputs, .input_count = 2};
    matmul_params *p = &op.as.matmul;
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    shape batch_a = sa, batch_b = sb;
    batch_a.rank -= 2;
    batch_b.rank -= 2;
    if (sa.dims[sa.rank - 1] != sb.dims[sb.rank - 2] || !shape_broadcast(&batch_a, &batch_b, &out)) {
        lower_error(l, CLARUS_E_SHAPE, "matrices %s and %s do not fit each other", shape_text(&sa, left),
                    shape_text(&sb, right));
        return LOWER_NONE;
    }
    p->m = sa.dims[sa.rank - 2];
    p->k = sa.dims[sa.rank - 1];
    p->n = sb.dims[sb.rank - 1];
    p->batch_rank = out.rank;
    memcpy(p->batch_dims, out.dims, out.rank * sizeof *out.dims);
    batch_strides(&sa, out.rank, p->a_strides);
    batch_strides(&sb, out.rank, p->b_strides);
    out.dims[out.rank++] = p->m;
    out.dims[out.rank++] = p->n;
    merge_rows(p, &sb);
    return lower_emit(l, &op, CLARUS_FLOAT32, &out);
}

void lower_matmul(lowering *l)
{
    size_t a = lower_input(l, 0), b = lower_input(l, 1);
    size_t rank_a = lower_shape(l, a).rank, rank_b = lower_shape(l, b).rank;
    if (rank_a == 0 || rank_b == 0)
        lower_error(l, CLARUS_E_SHAPE, "a factor is a scalar");
    lower_check_finite(l, a, 0);
    lower_check_finite(l, b, 1);
    size_t y = lower_product(l, as_matrix(l, a, 1), as_matrix(l, b, 0));
    shape out = lower_shape(l, y), dropped = {.rank = 0};
    for (size_t i = 0; i < out.rank; i++)
        if (!(rank_a == 1 && i + 2 == out.rank) && !(rank_b == 1 && i + 1 == out.rank))
            dropped.dims[dropped.rank++] = out.dims[i];
    lower_bind(l, 0, dropped.rank == out.rank ? y : lower_view(l, y, &dropped));
}

/* C is the bias if it is a row of N values and nothing multiplies the product; -1 if there is no row. */
static int is_row(const shape *c, int64_t n)
{
    int64_t count;
    return shape_count(c, &count) && count == n && c->rank >= 1 && c->rank <= 2 && c->dims[c->rank - 1] == n;
}

void lower_gemm(lowering *l)
{
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    size_t inputs[3] = {lower_input(l, 0), lower_input(l, 1)};
    shape a = lower_shape(l, inputs[0]), b = lower_shape(l, inputs[1]);
    lowered_op op = {.kind = OP_MATMUL, .inputs = inputs, .input_count = 2};
    matmul_params *p = &op.as.matmul;
    p->trans_a = lower_int(l, "transA", 0) != 0;
    p->trans_b = lower_int(l, "transB", 0) != 0;
    float alpha = lower_float(l, "alpha", 1), beta = lower_float(l, "beta", 1);
    if (a.rank != 2 || b.rank != 2 || a.dims[!p->trans_a] != b.dims[p->trans_b])
        lower_error(l, CLARUS_E_SHAPE, "matrices %s%s and %s%s do not fit each other", shape_text(&a, left),
                    p->trans_a ? " (transposed)" : "", shape_text(&b, right),
                    p->trans_b ? " (transposed)" : "");
    lower_check_finite(l, inputs[0], 0);
    lower_check_finite(l, inputs[1], 1);
    p->m = a.dims[p->trans_a];
    p->k = a.dims[!p->trans_a];
    p->n = b.dims[!p->trans_b];
    shape out = {.rank = 2, .dims = {p->m, p->n}};
    size_t c = LOWER_NONE;
    if (lower_has_input(l, 2) && beta != 0) {
        c = lower_input(l, 2);
        if (beta != 1)
            c = lower_binary(l, ELTWISE_mul, c, lower_scalar(l, beta));
        shape row = lower_shape(l, c), flat = {.rank = 1, .dims = {p->n}};
        if (alpha == 1 && l->status == CLARUS_OK && is_row(&row, p->n)) {
            inputs[op.input_count++] = row.rank == 1 ? c : lower_view(l, c, &flat);
            op.epilogue.has_bias = 1;
            c = LOWER_NONE;
        }
    }
    size_t y = lower_emit(l, &op, CLARUS_FLOAT32, &out);
    if (alpha != 1)
        y = lower_binary(l, ELTWISE_mul, y, lower_scalar(l, alpha));
    if (c != LOWER_NONE)
        y = lower_binary(l, ELTWISE_add, y, c);
    shape result = lower_shape(l, y);
    if (l->status == CLARUS_OK && !shape_equal(&result, &out))
        lower_error(l, CLARUS_E_SHAPE, "the third operand does not fit the product %s",
                    shape_text(&out, left));
    lower_bind(l, 0, y);
}
