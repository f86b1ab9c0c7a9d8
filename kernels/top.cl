/* Positions of the k first elements of each line along an axis, in order: the largest or the smallest first, before all of
 * them NaN; equal ones by ascending position, or descending with last_first.
 *
 *   y[outer, n, inner] = position of the n-th of x[outer, .., inner]
 *
 * Dimension 0 is a group of lines. Each finds the first element, then the first of those behind it, and so on.
 *
 * Parameters: element.h. */
#include "kernel.h"
#include "element.h"

inline int comes_before(ELEMENT a, int i, ELEMENT b, int j, int largest, int last_first)
{
    if ((a != a) != (b != b))
        return a != a;
    if (a < b || a > b)
        return largest ? a > b : a < b;
    return last_first ? i > j : i < j;
}

CLARUS_KERNEL void top(__global long *restrict y, __global const ELEMENT *restrict x, int lines, int extent, int inner,
                       int k, int largest, int last_first, int group)
{
    const int first = (int)get_global_id(0) * group;
    const int end = lines - first < group ? lines : first + group;
    for (int line = first; line < end; line++) {
        __global const ELEMENT *from = x + line / inner * extent * inner + line % inner;
        __global long *to = y + line / inner * k * inner + line % inner;
        int last = -1;
        ELEMENT last_value = 0;
        for (int n = 0; n < k; n++) {
            int best = -1;
            ELEMENT best_value = 0;
            for (int i = 0; i < extent; i++) {
                const ELEMENT value = from[i * inner];
                if (last >= 0 && !comes_before(last_value, last, value, i, largest, last_first))
                    continue;
                if (best < 0 || comes_before(value, i, best_value, best, largest, last_first)) {
                    best = i;
                    best_value = value;
                }
            }
            to[n * inner] = best;
            last = best;
            last_value = best_value;
        }
    }
}
