/* y[outer, j, inner] = data[outer, indices[j], inner], elements of any type; a negative index counts from the end, and
 * one out of range is taken to the nearest end.
 *
 * Dimension 0: pieces of `piece` elements of inner, dimension 1: j, dimension 2: outer.
 *
 * Parameters: INDEX, the type of the indices (int or long); ELEMENT, the unsigned integer of an
 * element's size. */
#include "kernel.h"

CLARUS_KERNEL void gather(__global const ELEMENT *restrict data, __global const INDEX *restrict indices,
                          __global ELEMENT *restrict y, int extent, int inner, int piece)
{
    const int begin = (int)get_global_id(0) * piece, j = get_global_id(1), outer = get_global_id(2);
    const int count = get_global_size(1), end = inner - begin < piece ? inner : begin + piece;
    INDEX index = indices[j];
    index = index < 0 ? index + extent : index;
    index = index < 0 ? 0 : index >= extent ? extent - 1 : index;
    __global const ELEMENT *from = data + (outer * extent + (int)index) * inner;
    __global ELEMENT *to = y + (outer * count + j) * inner;
    for (int i = begin; i < end; i++)
        to[i] = from[i];
}
