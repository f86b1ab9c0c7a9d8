#include "shape.h"

#include <stdio.h>
#include <string.h>

int shape_count(const shape *s, int64_t *count)
{
    int64_t product = 1;
    int zero = 0;
    if (s->rank > CLARUS_MAX_RANK)
        return 0;
    for (size_t i = 0; i < s->rank; i++) {
        if (s->dims[i] < 0)
            return 0;
        if (s->dims[i] == 0)
            zero = 1;
        else if (s->dims[i] > INT64_MAX / 8 / product)
            return 0;
        else
            product *= s->dims[i];
    }
    *count = zero ? 0 : product;
    return 1;
}

int shape_equal(const shape *a, const shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

char *shape_text(const shape *s, char *text)
{
    size_t used = 0;
    if (s->rank == 0)
        snprintf(text, SHAPE_TEXT, "scalar");
    for (size_t i = 0; i < s->rank; i++)
        used +=
            (size_t)snprintf(text + used, SHAPE_TEXT - used, "%s%lld", i ? "x" : "", (long long)s->dims[i]);
    return text;
}

void shape_strides(const shape *s, int64_t *strides)
{
    int64_t stride = 1;
    for (size_t i = s->rank; i-- > 0;) {
        strides[i] = stride;
        stride *= s->dims[i];
    }
}

int shape_broadcast(const shape *a, const shape *b, shape *out)
{
    shape result = {.rank = a->rank > b->rank ? a->rank : b->rank, .dims = {0}};
    for (size_t i = 0; i < result.rank; i++) {
        int64_t da = i < result.rank - a->rank ? 1 : a->dims[i - (result.rank - a->rank)];
        int64_t db = i < result.rank - b->rank ? 1 : b->dims[i - (result.rank - b->rank)];
        if (da != db && da != 1 && db != 1)
            return 0;
        result.dims[i] = da == 1 ? db : da;
    }
    *out = result;
    return 1;
}

int shape_axis(int64_t axis, size_t rank)
{
    int64_t r = (int64_t)rank;
    return axis < -r || axis >= r ? -1 : (int)(axis < 0 ? axis + r : axis);
}
