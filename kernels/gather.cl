/* y[outer, j, inner] = data[outer, indices[j], inner], elements of four bytes; a negative index counts from the end, and
 * one out of range is taken to the nearest end.
 *
 * Dimension 0: pieces of `piece` elements of inner, dimension 1: j, dimension 2: outer.
 *
 * Parameters: INDEX, the type of the indices (int or long). */
#include "kernel.h"

CLARUS_KERNEL void gather(__global const uint *restrict data, __global const INDEX *restrict indices,
                          __global uint *restrict y, int extent, int inner, int piece)
{
    const int begin = (int)get_global_id(0) * piece, j = get_global_id(1), outer = get_global_id(2);
    const int count = get_global_size(1), end = inner - begin < piece ? inner : begin + piece;
    INDEX index = indices[j];
    index = index < 0 ? index + extent : index;
    index = index < 0 ? 0 : index >= extent ? extent - 1 : index;
    __global const uint *from = data + (outer * extent + (int)index) * inner;
    __global uint *to = y + (outer * count + j) * inner;
    for (int i = begin; i < end; i++)
        to[i] = from[i];
}
