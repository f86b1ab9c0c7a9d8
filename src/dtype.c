#include "dtype.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [CLARUS_FLOAT32] = {"float32", 4},   [CLARUS_UINT8] = {"uint8", 1},   [CLARUS_INT8] = {"int8", 1},
    [CLARUS_UINT16] = {"uint16", 2},     [CLARUS_INT16] = {"int16", 2},   [CLARUS_INT32] = {"int32", 4},
    [CLARUS_INT64] = {"int64", 8},       [CLARUS_BOOL] = {"bool", 1},     [CLARUS_FLOAT16] = {"float16", 2},
    [CLARUS_FLOAT64] = {"float64", 8},   [CLARUS_UINT32] = {"uint32", 4}, [CLARUS_UINT64] = {"uint64", 8},
    [CLARUS_BFLOAT16] = {"bfloat16", 2},
};

static int is_known(clarus_dtype dtype)
{
    return (size_t)dtype < sizeof types / sizeof *types && types[dtype].name;
}

size_t clarus_dtype_size(clarus_dtype dtype)
{
    return is_known(dtype) ? types[dtype].size : 0;
}

const char *clarus_dtype_name(clarus_dtype dtype)
{
    return is_known(dtype) ? types[dtype].name : "unknown";
}

integer_type dtype_integer(clarus_dtype dtype)
{
    int bits = 8 * (int)clarus_dtype_size(dtype);
    switch (dtype) {
    case CLARUS_INT8:
    case CLARUS_INT16:
    case CLARUS_INT32:
    case CLARUS_INT64:
        return (integer_type){bits, 1};
    case CLARUS_UINT8:
    case CLARUS_UINT16:
    case CLARUS_UINT32:
    case CLARUS_UINT64:
        return (integer_type){bits, 0};
    case CLARUS_BOOL:
        return (integer_type){1, 0};
    default:
        return (integer_type){0, 0};
    }
}
