/* Elements of any type, one at a time. */
#include "oracle_ops.h"

#include "functions.h"

#include <string.h>

uint64_t element_load(clarus_dtype dtype, const void *data, int64_t i)
{
    uint64_t bits = 0;
    size_t size = clarus_dtype_size(dtype);
    memcpy(&bits, (const char *)data + i * (int64_t)size, size);
    switch (dtype) {
    case CLARUS_INT8:
        return (uint64_t)(int64_t)(int8_t)bits;
    case CLARUS_INT16:
        return (uint64_t)(int64_t)(int16_t)bits;
    case CLARUS_INT32:
        return (uint64_t)(int64_t)(int32_t)bits;
    default:
        return bits;
    }
}

void element_store(clarus_dtype dtype, void *data, int64_t i, uint64_t value)
{
    size_t size = clarus_dtype_size(dtype);
    memcpy((char *)data + i * (int64_t)size, &value, size);
}

static float to_float(uint64_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t from_float(float x)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof x);
    return bits;
}

int element_is_nan(clarus_dtype dtype, uint64_t x)
{
    return dtype == CLARUS_FLOAT32 && to_float(x) != to_float(x);
}

int element_compare(clarus_dtype dtype, uint64_t x, uint64_t y)
{
    if (dtype == CLARUS_FLOAT32)
        return (to_float(x) > to_float(y)) - (to_float(x) < to_float(y));
    if (dtype == CLARUS_UINT64)
        return (x > y) - (x < y);
    return ((int64_t)x > (int64_t)y) - ((int64_t)x < (int64_t)y);
}

static float combine_floats(combine_function function, float x, float y)
{
    switch (function) {
    case COMBINE_ADD:
        return x + y;
    case COMBINE_MUL:
        return x * y;
    case COMBINE_MIN:
        return clarus_min(x, y);
    case COMBINE_MAX:
        return clarus_max(x, y);
    default:
        return y;
    }
}

uint64_t element_combine(clarus_dtype dtype, combine_function function, uint64_t x, uint64_t y)
{
    if (function == COMBINE_REPLACE)
        return y;
    if (dtype == CLARUS_FLOAT32)
        return from_float(combine_floats(function, to_float(x), to_float(y)));
    switch (function) {
    case COMBINE_ADD:
        return x + y;
    case COMBINE_MUL:
        return x * y;
    case COMBINE_MIN:
        return element_compare(dtype, y, x) < 0 ? y : x;
    default:
        return element_compare(dtype, y, x) > 0 ? y : x;
    }
}
