/* Det: elimination with pivots. The bound is for an expansion along rows: each of its n! products of n
 * elements passes through at most n + 1 roundings for each row, and their magnitudes sum up to the permanent
 * of |x|. */
#include "double.h"

#include <stdlib.h>

/* Destroys a, n by n. */
static double eliminate(double *a, int64_t n)
{
    double product = 1;
    for (int64_t c = 0; c < n; c++) {
        int64_t pivot = c;
        for (int64_t r = c + 1; r < n; r++)
            pivot = fabs(a[r * n + c]) > fabs(a[pivot * n + c]) ? r : pivot;
        if (a[pivot * n + c] == 0)
            return 0;
        for (int64_t k = 0; k < n && pivot != c; k++) {
            double t = a[c * n + k];
            a[c * n + k] = a[pivot * n + k];
            a[pivot * n + k] = t;
        }
        product *= pivot == c ? a[c * n + c] : -a[c * n + c];
        for (int64_t r = c + 1; r < n; r++)
            for (int64_t k = n; k-- > c;)
                a[r * n + k] -= a[r * n + c] / a[c * n + c] * a[c * n + k];
    }
    return product;
}

/* The permanent of n rows, of which `used` columns are taken, by expansion. */
static double permanent(const double *a, int64_t n, int64_t row, unsigned used)
{
    double sum = 0;
    for (int64_t c = 0; c < n && row < n; c++)
        if (!(used >> c & 1))
            sum += a[row * n + c] * permanent(a, n, row + 1, used | 1u << c);
    return row == n ? 1 : sum;
}

const char *double_det(dnode *n)
{
    const dtensor *x = n->in[0];
    shape s = x->shape;
    int64_t size = s.rank < 2 ? 0 : s.dims[s.rank - 1], elements = size * size;
    if (size < 1 || size > 8 || s.dims[s.rank - 2] != size || !x->v)
        return "not a square matrix of at most 8 rows";
    s.rank -= 2;
    dtensor *y = output_new(n, 0, x->dtype, &s, 1);
    double *a = need((size_t)elements, sizeof *a), *magnitude = need((size_t)elements, sizeof *a);
    double *wider = need((size_t)elements, sizeof *a);
    for (int64_t k = 0; k < y->count; k++) {
        for (int64_t i = 0; i < elements; i++) {
            approx v = get(x, k * elements + i);
            a[i] = v.v;
            magnitude[i] = fabs(v.v);
            wider[i] = fabs(v.v) + v.e;
        }
        double most = permanent(magnitude, size, 0, 0), inherited = permanent(wider, size, 0, 0) - most;
        double roundings = (double)(size * (size + 1));
        put(y, k, (approx){eliminate(a, size), inherited + UNIT * roundings * (most + inherited)});
    }
    free(a);
    free(magnitude);
    free(wider);
    return NULL;
}
