#include "indexed.h"

#include <string.h>

static int64_t product(const shape *s, size_t from, size_t to)
{
    int64_t p = 1;
    for (size_t i = from; i < to; i++)
        p *= s->dims[i];
    return p;
}

void indexed_along(const shape *data, const shape *indices, size_t axis, indexed_params *p)
{
    int64_t inner = product(data, axis + 1, data->rank), extent = data->dims[axis];
    *p = (indexed_params){.rank = 3,
                          .dims = {product(data, 0, axis), product(indices, 0, indices->rank), inner},
                          .data_strides = {extent * inner, 0, 1},
                          .index_strides = {0, 1, 0},
                          .components = 1,
                          .extents = {extent},
                          .steps = {inner}};
}

void indexed_elements(const shape *data, const shape *indices, size_t axis, indexed_params *p)
{
    *p = (indexed_params){.rank = indices->rank, .components = 1, .extents = {data->dims[axis]}};
    memcpy(p->dims, indices->dims, sizeof p->dims);
    shape_strides(data, p->data_strides);
    shape_strides(indices, p->index_strides);
    p->steps[0] = p->data_strides[axis];
    p->data_strides[axis] = 0;
}

void indexed_tuples(const shape *data, const shape *indices, size_t batch_dims, indexed_params *p)
{
    size_t last = indices->rank - 1, components = (size_t)indices->dims[last];
    int64_t tuples = product(indices, batch_dims, last),
            inner = product(data, batch_dims + components, data->rank);
    *p = (indexed_params){.rank = 3,
                          .dims = {product(indices, 0, batch_dims), tuples, inner},
                          .data_strides = {product(data, batch_dims, data->rank), 0, 1},
                          .index_strides = {tuples * (int64_t)components, (int64_t)components, 0},
                          .components = components};
    for (size_t c = 0; c < components; c++) {
        p->extents[c] = data->dims[batch_dims + c];
        p->steps[c] = product(data, batch_dims + c + 1, data->rank);
    }
}

int64_t indexed_count(const indexed_params *p)
{
    int64_t count = 1;
    for (size_t k = 0; k < p->rank; k++)
        count *= p->dims[k];
    return count;
}
