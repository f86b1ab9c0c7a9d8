/* Updates at places that indices name, one after the other in row-major order, and the first elements of a
 * line. */
#include "double.h"

#include <stdlib.h>
#include <string.h>

typedef enum combination { REPLACE, ADD, MUL, MIN, MAX, COMBINATIONS } combination;

static combination read_reduction(const dnode *n)
{
    static const char *const names[] = {"none", "add", "mul", "min", "max"};
    int k = 0;
    while (k < COMBINATIONS && !attr_is(n, "reduction", names[k], "none"))
        k++;
    return (combination)k;
}

static void combine(dtensor *y, int64_t at, const dtensor *updates, int64_t k, combination how)
{
    if (how == REPLACE) {
        element_move(y, at, updates, k);
    } else if (y->v) {
        approx a = get(y, at), b = get(updates, k);
        put(y, at,
            how == ADD   ? ap_add(a, b)
            : how == MUL ? ap_mul(a, b)
            : how == MIN ? ap_min(a, b)
                         : ap_max(a, b));
    } else {
        int64_t a = y->i[at], b = updates->i[k];
        int64_t sum = (int64_t)((uint64_t)a + (uint64_t)b), product = (int64_t)((uint64_t)a * (uint64_t)b);
        y->i[at] = how == ADD                ? wrap(y->dtype, sum)
                   : how == MUL              ? wrap(y->dtype, product)
                   : (a < b) == (how == MIN) ? a
                                             : b;
    }
}

/* A copy of the data that can hold bounds. */
static dtensor *output_from_data(dnode *n)
{
    const dtensor *x = n->in[0];
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 1);
    for (int64_t k = 0; k < x->count; k++)
        element_move(y, k, x, k);
    return y;
}

const char *double_scatter_elements(dnode *n)
{
    const dtensor *indices = n->in[1];
    int axis = attr_axis(n, 0, n->in[0]->shape.rank);
    combination how = read_reduction(n);
    walk w;
    if (axis < 0 || how == COMBINATIONS)
        return "the axis is out of range, or the reduction unknown";
    dtensor *y = output_from_data(n);
    walk_begin(&w, &indices->shape);
    for (int64_t k = 0; k < indices->count; k++, walk_next(&w)) {
        int64_t at = 0, index = indices->i[k], extent = y->shape.dims[axis];
        if (index < -extent || index >= extent)
            return "an index is out of range";
        for (size_t d = 0; d < y->shape.rank; d++)
            at = at * y->shape.dims[d] + (d == (size_t)axis ? (index + extent) % extent : w.at[d]);
        combine(y, at, n->in[2], k, how);
    }
    return NULL;
}

const char *double_scatter_nd(dnode *n)
{
    const dtensor *x = n->in[0], *indices = n->in[1], *updates = n->in[2];
    size_t depth = (size_t)indices->shape.dims[indices->shape.rank - 1];
    combination how = read_reduction(n);
    if (depth > x->shape.rank || how == COMBINATIONS)
        return "the ranks do not fit, or the reduction is unknown";
    dtensor *y = output_from_data(n);
    int64_t inner = dims_product(&x->shape, depth, x->shape.rank);
    for (int64_t k = 0; k < updates->count; k++) {
        int64_t at = 0;
        for (size_t d = 0; d < depth; d++) {
            int64_t index = indices->i[k / inner * (int64_t)depth + (int64_t)d], extent = x->shape.dims[d];
            if (index < -extent || index >= extent)
                return "an index is out of range";
            at = at * extent + (index + extent) % extent;
        }
        combine(y, at * inner + k % inner, updates, k, how);
    }
    return NULL;
}

/* ---- the first elements of a line ---- */

typedef struct ranked {
    double v;
    int64_t i, at; /* the integer value; the position */
    int largest;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    int order = (x->v > y->v) - (x->v < y->v);
    if (order == 0)
        order = (x->i > y->i) - (x->i < y->i);
    return order ? (x->largest ? -order : order) : (x->at > y->at) - (x->at < y->at);
}

/* Whether rounding errors may have brought the first k of the line into another order. */
static int is_uncertain(const dtensor *x, const ranked *line, int64_t count, int64_t k, int64_t first,
                        int64_t step)
{
    for (int64_t i = 0; i < k && i + 1 < count; i++) {
        approx a = get(x, first + line[i].at * step), b = get(x, first + line[i + 1].at * step);
        if (a.e + b.e > 0 && fabs(a.v - b.v) <= a.e + b.e)
            return 1;
    }
    return 0;
}

const char *double_top_k(dnode *n)
{
    const dtensor *x = n->in[0];
    int axis = attr_axis(n, -1, x->shape.rank), largest = attr_int(n, "largest", 1) != 0;
    int64_t k = n->opset < 10 ? attr_int(n, "k", 0) : n->in[1]->i[0];
    if (axis < 0 || k < 0 || k > x->shape.dims[axis])
        return "axis or k do not fit";
    shape s = x->shape;
    s.dims[axis] = k;
    dtensor *values = output_new(n, 0, x->dtype, &s, 1), *places = output_new(n, 1, CLARUS_INT64, &s, 1);
    int64_t count = x->shape.dims[axis], step = dims_product(&x->shape, (size_t)axis + 1, x->shape.rank);
    ranked *line = need((size_t)count, sizeof *line);
    for (int64_t l = 0; l < x->count / (count ? count : 1); l++) {
        int64_t first = l / step * count * step + l % step, to = l / step * k * step + l % step;
        for (int64_t i = 0; i < count; i++)
            line[i] =
                (ranked){x->v ? x->v[first + i * step] : 0, x->v ? 0 : x->i[first + i * step], i, largest};
        qsort(line, (size_t)count, sizeof *line, compare_ranked);
        int uncertain = is_uncertain(x, line, count, k, first, step);
        for (int64_t i = 0; i < k; i++) {
            element_move(values, to + i * step, x, first + line[i].at * step);
            places->i[to + i * step] = line[i].at;
            places->e[to + i * step] = uncertain ? INFINITY : 0;
        }
    }
    free(line);
    return NULL;
}
