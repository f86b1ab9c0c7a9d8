/* The ways in which ONNX names places by indices, as indexed_params. Shapes have been checked. */
#ifndef CLARUS_INDEXED_H
#define CLARUS_INDEXED_H

#include "lowered.h"

/* Gather: j = (outer, place in indices, inner), and an index is a position along the axis. */
void indexed_along(const shape *data, const shape *indices, size_t axis, indexed_params *p);
/* GatherElements, ScatterElements: j is a position in indices, of data's rank, and an index its coordinate
 * along the axis. */
void indexed_elements(const shape *data, const shape *indices, size_t axis, indexed_params *p);
/* GatherND, ScatterND: j = (batch, tuple, inner); the last axis of indices holds tuples of coordinates of the
 * axes from batch_dims on. */
void indexed_tuples(const shape *data, const shape *indices, size_t batch_dims, indexed_params *p);
/* Number of positions j. */
int64_t indexed_count(const indexed_params *p);

#endif
