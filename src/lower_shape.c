/* Operators that give the same elements another shape or order. */
#include "lower_ops.h"

#include <string.h>

size_t lower_axes(lowering *l, size_t i, size_t rank, unsigned char set[CLARUS_MAX_RANK], int *given)
{
    int64_t values[CLARUS_MAX_RANK];
    size_t count = 0;
    const int64_t *attribute = lower_ints(l, "axes", &count);
    *given = attribute != NULL;
    if (attribute && count <= CLARUS_MAX_RANK) {
        memcpy(values, attribute, count * sizeof *values);
    } else if (attribute) {
        lower_error(l, CLARUS_E_SHAPE, "%zu axes", count);
    } else if (lower_has_input(l, i)) {
        count = lower_int_input(l, i, values, CLARUS_MAX_RANK);
        *given = 1;
    }
    memset(set, 0, CLARUS_MAX_RANK);
    for (size_t k = 0; k < count && l->status == CLARUS_OK; k++) {
        size_t axis = lower_axis(l, values[k], rank);
        if (set[axis])
            lower_error(l, CLARUS_E_SHAPE, "axis %lld is named twice", (long long)values[k]);
        set[axis] = 1;
    }
    return l->status == CLARUS_OK ? count : 0;
}

static void bind_shape(lowering *l, size_t x, const shape *out)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    int64_t count;
    shape in = lower_shape(l, x);
    if (l->status == CLARUS_OK && (!shape_count(out, &count) || count != lower_count(l, x)))
        lower_error(l, CLARUS_E_SHAPE, "%s cannot become %s", shape_text(&in, a), shape_text(out, b));
    int same = shape_equal(&in, out);
    size_t y = same ? x : lower_view(l, x, out);
    lower_bind_as(l, 0, y, lower_input_type(l, 0));
}

/* 0 copies the input's extent unless allowzero says otherwise, one -1 stands for what is left. */
void lower_reshape(lowering *l)
{
    char text[SHAPE_TEXT];
    size_t x = lower_input(l, 0), count = 0, open = SIZE_MAX;
    shape in = lower_shape(l, x), out = {.rank = 0};
    int64_t wanted[CLARUS_MAX_RANK] = {0}, known = 1;
    const int64_t *attribute = l->node->opset < 5 ? lower_ints(l, "shape", &count) : NULL;
    if (attribute && count <= CLARUS_MAX_RANK)
        memcpy(wanted, attribute, count * sizeof *wanted);
    else if (attribute)
        lower_error(l, CLARUS_E_UNSUPPORTED, "%zu dimensions", count);
    else
        count = lower_int_input(l, 1, wanted, CLARUS_MAX_RANK);
    int allow_zero = lower_int(l, "allowzero", 0) != 0;
    out.rank = count;
    for (size_t i = 0; i < count; i++) {
        out.dims[i] = wanted[i] == 0 && !allow_zero && i < in.rank ? in.dims[i] : wanted[i];
        if (wanted[i] < -1 || (wanted[i] == -1 && open != SIZE_MAX) ||
            (wanted[i] == 0 && !allow_zero && i >= in.rank))
            lower_error(l, CLARUS_E_SHAPE, "%s cannot become a shape with %lld on axis %zu",
                        shape_text(&in, text), (long long)wanted[i], i);
        if (wanted[i] == -1)
            open = i;
        else if (out.dims[i] && known > INT64_MAX / 8 / out.dims[i])
            lower_error(l, CLARUS_E_SHAPE, "extent %lld on axis %zu is too large", (long long)out.dims[i], i);
        else
            known *= out.dims[i];
    }
    if (l->status == CLARUS_OK && open != SIZE_MAX)
        out.dims[open] = known ? lower_count(l, x) / known : 0;
    bind_shape(l, x, &out);
}

void lower_flatten(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x), out = {.rank = 2, .dims = {1, 1}};
    int64_t axis = lower_int(l, "axis", 1);
    axis = axis < 0 ? axis + (int64_t)in.rank : axis;
    if (axis < 0 || axis > (int64_t)in.rank)
        lower_error(l, CLARUS_E_SHAPE, "axis %lld of a value of %zu dimensions", (long long)axis, in.rank);
    for (size_t i = 0; i < in.rank; i++)
        out.dims[(int64_t)i >= axis] *= in.dims[i];
    bind_shape(l, x, &out);
}

void lower_squeeze(lowering *l)
{
    int given;
    unsigned char axes[CLARUS_MAX_RANK];
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x), out = {.rank = 0};
    lower_axes(l, 1, in.rank, axes, &given);
    for (size_t i = 0; i < in.rank; i++) {
        if (given && axes[i] && in.dims[i] != 1)
            lower_error(l, CLARUS_E_SHAPE, "axis %zu has the extent %lld", i, (long long)in.dims[i]);
        if (given ? !axes[i] : in.dims[i] != 1)
            out.dims[out.rank++] = in.dims[i];
    }
    bind_shape(l, x, &out);
}

void lower_unsqueeze(lowering *l)
{
    int given;
    unsigned char axes[CLARUS_MAX_RANK];
    size_t x = lower_input(l, 0), count = 0, next = 0;
    shape in = lower_shape(l, x), out = {.rank = 0};
    int64_t values[CLARUS_MAX_RANK];
    const int64_t *attribute = lower_ints(l, "axes", &count);
    if (!attribute)
        count = lower_int_input(l, 1, values, CLARUS_MAX_RANK);
    if (in.rank + count > CLARUS_MAX_RANK)
        lower_error(l, CLARUS_E_UNSUPPORTED, "%zu dimensions, at most %d are supported", in.rank + count,
                    CLARUS_MAX_RANK);
    if (l->status != CLARUS_OK)
        return;
    lower_axes(l, 1, in.rank + count, axes, &given);
    for (out.rank = 0; out.rank < in.rank + count && l->status == CLARUS_OK; out.rank++)
        out.dims[out.rank] = axes[out.rank] ? 1 : in.dims[next++];
    bind_shape(l, x, &out);
}

void lower_identity(lowering *l)
{
    lower_bind_as(l, 0, lower_input(l, 0), lower_input_type(l, 0));
}

/* In inference nothing is dropped, and the mask says so. */
void lower_dropout(lowering *l)
{
    const unsigned char *training = lower_has_input(l, 2) ? lower_known(l, 2) : NULL;
    if (training && *training)
        lower_error(l, CLARUS_E_UNSUPPORTED, "training mode");
    lower_identity(l);
    if (l->status != CLARUS_OK || l->node->output_count < 2 || l->node->outputs[1] == GRAPH_NONE)
        return;
    static const unsigned char kept = 1;
    shape mask = lower_shape(l, lower_input(l, 0));
    lower_bind(l, 1, lower_filled(l, CLARUS_BOOL, &mask, &kept));
}

void lower_transpose_node(lowering *l)
{
    size_t x = lower_input(l, 0), count, axes[CLARUS_MAX_RANK];
    shape in = lower_shape(l, x);
    const int64_t *perm = lower_ints(l, "perm", &count);
    unsigned char seen[CLARUS_MAX_RANK] = {0};
    if (perm && count != in.rank)
        lower_error(l, CLARUS_E_SHAPE, "perm has %zu axes for a value of %zu", count, in.rank);
    for (size_t i = 0; i < in.rank && l->status == CLARUS_OK; i++) {
        axes[i] = perm ? lower_axis(l, perm[i], in.rank) : in.rank - 1 - i;
        if (seen[axes[i]]++)
            lower_error(l, CLARUS_E_SHAPE, "perm names axis %zu twice", axes[i]);
    }
    if (l->status == CLARUS_OK)
        lower_bind(l, 0, lower_transpose(l, x, axes));
}
