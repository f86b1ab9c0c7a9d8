/* Places that indices name: place(j) of indexed_params (src/lowered.h).
 *
 * The launcher's table begins with INDEXED_HEAD integers: indices of 8 bytes (1) or 4 (0), components; then of each
 * of INDEXED_MOST components its extent and its step. */
#include "fault.h"

enum { INDEXED_MOST = 8, INDEXED_HEAD = 2 + 2 * INDEXED_MOST };

/* The indices' part of a place; `at` is that of the first component. */
inline int indexed_place(__global const int *p, __global const int *indices, int at, volatile __global int *fault)
{
    int place = 0;
    for (int c = 0; c < p[1]; c++) {
        const long index = p[0] ? ((__global const long *)indices)[at + c] : indices[at + c];
        place += fault_index(index, p[2 + 2 * c], fault, at + c) * p[3 + 2 * c];
    }
    return place;
}
