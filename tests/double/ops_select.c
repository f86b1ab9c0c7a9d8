/* Outputs whose shape depends on data, and sequences turned round. */
#include "double.h"

#include <stdlib.h>

static int is_zero(const dtensor *t, int64_t k)
{
    return t->v ? t->v[k] == 0 : t->i[k] == 0;
}

static int64_t count_nonzero(const dtensor *t)
{
    int64_t count = 0;
    for (int64_t k = 0; k < t->count; k++)
        count += !is_zero(t, k);
    return count;
}

const char *double_nonzero(dnode *n)
{
    const dtensor *x = input(n, 0);
    int64_t count = count_nonzero(x), column = 0, inner = x->count;
    shape s = {2, {(int64_t)x->shape.rank, count}};
    dtensor *y = output_new(n, 0, CLARUS_INT64, &s, 0);
    for (size_t d = 0; d < x->shape.rank; d++, column = 0) {
        inner /= x->shape.dims[d] ? x->shape.dims[d] : 1;
        for (int64_t k = 0; k < x->count; k++)
            if (!is_zero(x, k))
                y->i[(int64_t)d * count + column++] = k / inner % x->shape.dims[d];
    }
    return NULL;
}

const char *double_compress(dnode *n)
{
    const dtensor *x = input(n, 0), *condition = input(n, 1);
    shape s = x->shape;
    int flat = !attr_find(n, "axis"), axis = flat ? 0 : attr_axis(n, 0, s.rank);
    if (axis < 0)
        return "axis out of range";
    if (flat)
        s = (shape){1, {x->count}};
    int64_t extent = s.dims[axis], inner = dims_product(&s, (size_t)axis + 1, s.rank), at = 0;
    s.dims[axis] = count_nonzero(condition);
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    for (int64_t k = 0; k < x->count; k++) {
        int64_t place = k / inner % extent;
        if (place < condition->count && !is_zero(condition, place))
            element_move(y, at++, x, k);
    }
    return NULL;
}

const char *double_reverse_sequence(dnode *n)
{
    const dtensor *x = input(n, 0), *lengths = input(n, 1);
    int64_t time = attr_int(n, "time_axis", 0);
    int64_t rows = x->shape.dims[0], columns = x->shape.dims[1],
            inner = dims_product(&x->shape, 2, x->shape.rank);
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 0);
    for (int64_t k = 0; k < rows * columns * inner; k++) {
        int64_t row = k / inner / columns, column = k / inner % columns;
        int64_t *t = time == 0 ? &row : &column, length = lengths->i[time == 0 ? column : row];
        *t = *t < length ? length - 1 - *t : *t;
        element_move(y, k, x, (row * columns + column) * inner + k % inner);
    }
    return NULL;
}

/* Low and high corner of a box. */
static void corners(const double *b, int centered, double *low, double *high)
{
    for (int k = 0; k < 2; k++) {
        double from = centered ? b[k] - b[2 + k] / 2 : b[k], to = centered ? b[k] + b[2 + k] / 2 : b[2 + k];
        low[k] = fmin(from, to);
        high[k] = fmax(from, to);
    }
}

static double overlap(const double *a, const double *b, int centered)
{
    double low[2][2], high[2][2], common = 1, areas[2] = {1, 1};
    corners(a, centered, low[0], high[0]);
    corners(b, centered, low[1], high[1]);
    for (int k = 0; k < 2; k++) {
        common *= fmax(0, fmin(high[0][k], high[1][k]) - fmax(low[0][k], low[1][k]));
        for (int i = 0; i < 2; i++)
            areas[i] *= high[i][k] - low[i][k];
    }
    return common > 0 ? common / (areas[0] + areas[1] - common) : 0;
}

/* Again and again the best box that is left, until none is. */
static int64_t suppress(const double *boxes, const double *scores, int64_t count, int64_t most,
                        double threshold, double score, int centered, int64_t *kept)
{
    int64_t found = 0;
    unsigned char *gone = need((size_t)count, 1);
    while (found < most) {
        int64_t best = -1;
        for (int64_t i = 0; i < count; i++)
            if (!gone[i] && scores[i] > score && (best < 0 || scores[i] > scores[best]))
                best = i;
        if (best < 0)
            break;
        kept[found++] = best;
        for (int64_t i = 0; i < count; i++)
            gone[i] |= i == best || overlap(boxes + 4 * best, boxes + 4 * i, centered) > threshold;
    }
    free(gone);
    return found;
}

const char *double_non_max_suppression(dnode *n)
{
    const dtensor *boxes = input(n, 0), *scores = input(n, 1);
    int64_t batches = scores->shape.dims[0], classes = scores->shape.dims[1], count = scores->shape.dims[2];
    int64_t most = input(n, 2) ? input(n, 2)->i[0] : 0, total = 0;
    double threshold = input(n, 3) ? input(n, 3)->v[0] : 0,
           score = input(n, 4) ? input(n, 4)->v[0] : -INFINITY;
    most = most < count ? most : count;
    int64_t *all = need((size_t)(batches * classes * most) * 3 + 1, sizeof *all),
            *kept = need((size_t)count + 1, 8);
    for (int64_t c = 0; c < batches * classes; c++) {
        int64_t found = suppress(boxes->v + c / classes * count * 4, scores->v + c * count, count, most,
                                 threshold, score, attr_int(n, "center_point_box", 0) != 0, kept);
        for (int64_t i = 0; i < found; i++, total++) {
            all[3 * total] = c / classes;
            all[3 * total + 1] = c % classes;
            all[3 * total + 2] = kept[i];
        }
    }
    shape s = {2, {total, 3}};
    dtensor *y = output_new(n, 0, CLARUS_INT64, &s, 0);
    for (int64_t i = 0; i < 3 * total; i++)
        y->i[i] = all[i];
    free(all);
    free(kept);
    return NULL;
}
