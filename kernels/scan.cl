/* Running sums or products of each line along an axis: t = neutral; t = t o x[i] for each i in order, or from the end;
 * y[i] is t behind that step or, if exclusive, before it.
 *
 * Dimension 0 is a group of lines.
 *
 * Parameters: element.h. */
#include "kernel.h"
#include "element.h"

CLARUS_KERNEL void scan(__global ELEMENT *restrict y, __global const ELEMENT *restrict x, int lines, int extent,
                        int inner, int function, int exclusive, int reverse, int group)
{
    const int first = (int)get_global_id(0) * group;
    const int end = lines - first < group ? lines : first + group;
    for (int line = first; line < end; line++) {
        const int start = line / inner * extent * inner + line % inner;
        ELEMENT t = (ELEMENT)(function == COMBINE_MUL);
        for (int n = 0; n < extent; n++) {
            const int at = start + (reverse ? extent - 1 - n : n) * inner;
            const ELEMENT next = element_combine(function, t, x[at]);
            y[at] = exclusive ? t : next;
            t = next;
        }
    }
}
