/* Elements of any type, one at a time. Integers are words of kernels/typed.h, and its functions theirs; a
 * bool is a byte here, whose bits stay. */
#include "oracle_ops.h"

#include "functions.h"
#include "typed.h"

#include <string.h>

uint64_t element_load(clarus_dtype dtype, const void *data, int64_t i)
{
    uint64_t stored = 0;
    size_t size = clarus_dtype_size(dtype);
    memcpy(&stored, (const char *)data + i * (int64_t)size, size);
    return typed_word(stored, 8 * (int)size, dtype_integer(dtype).is_signed);
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
    int is_signed = dtype_integer(dtype).is_signed;
    return typed_less(y, x, is_signed) - typed_less(x, y, is_signed);
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
    static const typed_function forms[] = {[COMBINE_ADD] = TYPED_add,
                                           [COMBINE_MUL] = TYPED_mul,
                                           [COMBINE_MIN] = TYPED_min,
                                           [COMBINE_MAX] = TYPED_max};
    if (function == COMBINE_REPLACE)
        return y;
    if (dtype == CLARUS_FLOAT32)
        return from_float(combine_floats(function, to_float(x), to_float(y)));
    return oracle_integer(forms[function], x, y, dtype_integer(dtype));
}
