/* Updates at places that indices name:
 *
 *   y[place(j)] = y[place(j)] o updates[j]    for each j in row-major order (indexed.h)
 *
 * The axes of j that have a stride in y lead to places of their own: work-items share them. Dimension 0 is a piece of
 * the innermost one, a row, and dimension 1 a group of rows of the others. Along the remaining axes, whose places may
 * coincide, each work-item goes in order. An index out of range is a fault, and place 0 takes its update.
 *
 * Parameters: element.h. */
#include "kernel.h"
#include "element.h"
#include "indexed.h"
#include "strided.h"

CLARUS_KERNEL void scatter(__global ELEMENT *y, __global const ELEMENT *restrict updates,
                           __global const int *restrict indices, __global const int *restrict p,
                           volatile __global int *faults, int op)
{
    /* After the indices' part: length, rows, piece, group, the steps along a row in y, indices and updates, the function, the
     * length of the sequence, the numbers of axes of rows and sequence; then the rows' axes, with steps in y, indices
     * and updates, and the sequence's, with steps in indices and updates. */
    __global const int *head = p + INDEXED_HEAD, *axes = head + 11, *sequence = axes + 4 * head[9];
    const int length = head[0], rows = head[1], piece = head[2], group = head[3];
    const int step = head[4], index_step = head[5], update_step = head[6], function = head[7];
    const int begin = (int)get_global_id(0) * piece, first = (int)get_global_id(1) * group;
    if (begin >= length || first >= rows)
        return;
    const int end = length - begin < piece ? length : begin + piece;
    const int last = rows - first < group ? rows : first + group;
    for (int row = first; row < last; row++) {
        __global ELEMENT *to = y + strided_at(axes, head[9], 3, 0, row);
        const int at = strided_at(axes, head[9], 3, 1, row), from = strided_at(axes, head[9], 3, 2, row);
        for (int n = 0; n < head[8]; n++) {
            const int index = at + strided_at(sequence, head[10], 2, 0, n);
            const int update = from + strided_at(sequence, head[10], 2, 1, n);
            int place = index_step ? 0 : indexed_place(p, indices, index, faults + op);
            for (int i = begin; i < end; i++) {
                if (index_step)
                    place = indexed_place(p, indices, index + i * index_step, faults + op);
                __global ELEMENT *target = to + i * step + place;
                *target = element_combine(function, *target, updates[update + i * update_step]);
            }
        }
    }
}
