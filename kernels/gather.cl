/* Elements at places that indices name:
 *
 *   y[j] = data[place(j)]    (indexed.h)
 *
 * Dimension 0 is a piece of a row (the innermost axis of j), dimension 1 a group of rows. An index out of range is a
 * fault, and element 0 is read in its place.
 *
 * Parameters: ELEMENT, an integer type of the elements' size. */
#include "kernel.h"
#include "share.h"
#include "indexed.h"
#include "strided.h"

CLARUS_KERNEL void gather(__global ELEMENT *restrict y, __global const ELEMENT *restrict data,
                          __global const int *restrict indices, SHARE, __global const int *restrict p,
                          volatile __global int *faults, int op)
{
    /* After the indices' part: length, rows, piece, group, the steps in data and indices along a row, and the outer axes,
     * each with its steps in data and indices. */
    __global const int *head = p + INDEXED_HEAD, *axes = head + 7;
    const int length = head[0], rows = head[1], piece = head[2], group = head[3];
    const int data_step = head[4], index_step = head[5], rank = head[6];
    FOR_EACH_ITEM(item) {
        const row_piece part = share_rows(item, share, length, rows, piece, group);
        for (int row = part.first; row < part.last; row++) {
            __global const ELEMENT *from = data + strided_at(axes, rank, 2, 0, row);
            __global ELEMENT *to = y + row * length;
            const int at = strided_at(axes, rank, 2, 1, row);
            if (index_step == 0)
                from += indexed_place(p, indices, at, faults + op);
            for (int i = part.begin; i < part.end; i++) {
                const int place = index_step ? indexed_place(p, indices, at + i * index_step, faults + op) : 0;
                to[i] = from[i * data_step + place];
            }
        }
    }
}
