/* Det: determinants of small matrices by expansion along rows.
 *
 * minors[S] is the determinant of the first rows, as many as the set S has columns, and the columns S:
 *
 *     minors[S] = sum over j in S of (-1)^(columns of S behind j) x[row, j] minors[S without j]
 *
 * with `row` the last of those rows and j ascending. Each of the 2^n sets is computed once. */
#include "lower_ops.h"

enum { LARGEST = 8 };

typedef struct determinant {
    size_t n;
    size_t elements[LARGEST][LARGEST]; /* each of all matrices */
    size_t minors[1 << LARGEST];
} determinant;

static void take_elements(lowering *l, size_t x, const shape *s, determinant *d)
{
    shape out = {.rank = s->rank - 2};
    for (size_t k = 0; k < out.rank; k++)
        out.dims[k] = s->dims[k];
    for (size_t i = 0; i < d->n; i++) {
        size_t row = lower_part(l, x, s->rank - 2, (int64_t)i, 1, 1);
        for (size_t j = 0; j < d->n; j++)
            d->elements[i][j] = lower_view(l, lower_part(l, row, s->rank - 1, (int64_t)j, 1, 1), &out);
    }
}

static size_t bits(size_t set)
{
    size_t count = 0;
    for (; set; set &= set - 1)
        count++;
    return count;
}

static size_t expand(lowering *l, const determinant *d, size_t set)
{
    size_t row = bits(set) - 1, sum = LOWER_NONE;
    for (size_t j = 0; j < d->n; j++) {
        size_t column = (size_t)1 << j, factor = d->elements[row][j];
        if (!(set & column))
            continue;
        if (bits(set >> j) % 2 == 0)
            factor = lower_unary(l, ELTWISE_neg, factor, 0, 0);
        if (row == 0)
            return factor;
        size_t minor = d->minors[set ^ column];
        sum = sum == LOWER_NONE ? lower_binary(l, ELTWISE_mul, factor, minor)
                                : lower_mul_add(l, factor, minor, sum);
    }
    return sum;
}

void lower_det(lowering *l)
{
    char text[SHAPE_TEXT];
    determinant d;
    size_t x = lower_input(l, 0);
    shape s = lower_shape(l, x);
    if (l->status == CLARUS_OK && (s.rank < 2 || s.dims[s.rank - 1] != s.dims[s.rank - 2]))
        lower_error(l, CLARUS_E_SHAPE, "%s is not square matrices", shape_text(&s, text));
    else if (l->status == CLARUS_OK && (s.dims[s.rank - 1] < 1 || s.dims[s.rank - 1] > LARGEST))
        lower_error(l, CLARUS_E_UNSUPPORTED, "matrices of %s; from 1x1 to %dx%d are supported",
                    shape_text(&s, text), LARGEST, LARGEST);
    if (l->status != CLARUS_OK)
        return;
    d.n = (size_t)s.dims[s.rank - 1];
    take_elements(l, x, &s, &d);
    for (size_t set = 1; set < (size_t)1 << d.n && l->status == CLARUS_OK; set++)
        d.minors[set] = expand(l, &d, set);
    lower_bind(l, 0, d.minors[((size_t)1 << d.n) - 1]);
}
