/* Shapes: rank and dimensions, with every product checked. */
#ifndef CLARUS_SHAPE_H
#define CLARUS_SHAPE_H

#include "error.h"

typedef struct shape {
    size_t rank;
    int64_t dims[CLARUS_MAX_RANK];
} shape;

/* Product of the dimensions in *count (1 for rank 0). 0 if a dimension is negative or the product of
 * non-zero dimensions, times 8 bytes, exceeds INT64_MAX. */
int shape_count(const shape *s, int64_t *count);
int shape_equal(const shape *a, const shape *b);
/* "2x3x4", "scalar" for rank 0. text has room for SHAPE_TEXT characters; returned. */
enum { SHAPE_TEXT = CLARUS_MAX_RANK * 21 };
char *shape_text(const shape *s, char *text);
/* Row-major strides in elements. */
void shape_strides(const shape *s, int64_t *strides);
/* ONNX (NumPy) broadcasting of two shapes; 0 if they do not fit. */
int shape_broadcast(const shape *a, const shape *b, shape *out);
/* axis in [-rank, rank) to [0, rank); -1 if out of range. */
int shape_axis(int64_t axis, size_t rank);

#endif
