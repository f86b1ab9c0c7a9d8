/* Cases of clarus_verify for integers, truth values and mixed types: every function of typed.def on every
 * type that it takes, and conversions from and to every type. */
#include "dtype.h"
#include "layer.h"
#include "verify_cases.h"

#include <math.h>
#include <string.h>

/* Floats of all magnitudes that matter to integers, and special ones. */
static void fill_floats(float *data, int64_t count, uint32_t seed)
{
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN,
                                    0.5f, -0.5f, 1.5f,     255.5f,    -128.5f};
    verify_random(data, count, seed);
    for (int64_t i = 0; i < count; i++)
        data[i] = i % 5 == 2 ? special[i / 5 % (int64_t)(sizeof special / sizeof *special)]
                             : ldexpf(data[i], (int)(i % 70));
}

/* Neither 0 nor -1, by which not every number can be divided. */
static void fill_divisors(clarus_dtype dtype, void *data, int64_t count, uint32_t seed)
{
    size_t size = clarus_dtype_size(dtype);
    const uint64_t zero = 0, all_ones = ~zero, three = 3;
    verify_fill(dtype, data, count, seed);
    for (int64_t i = 0; i < count; i++) {
        char *element = (char *)data + (size_t)i * size;
        if (memcmp(element, &zero, size) == 0 || memcmp(element, &all_ones, size) == 0)
            memcpy(element, &three, size);
    }
}

/* Shifts and exponents from 0 on, also beyond the width. */
static void fill_small(clarus_dtype dtype, void *data, int64_t count)
{
    size_t size = clarus_dtype_size(dtype);
    for (int64_t i = 0; i < count; i++) {
        uint64_t value = (uint64_t)i * 7 % 70;
        memcpy((char *)data + (size_t)i * size, &value, size);
    }
}

static int takes_small(typed_function function)
{
    return function == TYPED_shift_left || function == TYPED_shift_right || function == TYPED_pow;
}

/* Operand n of the function, in the shape that is given. */
static clarus_status add_operand(lowered_graph *graph, typed_function function, size_t n, clarus_dtype dtype,
                                 const shape *s, size_t *number, clarus_error *error)
{
    int64_t count = 0;
    shape_count(s, &count);
    void *data = lowered_alloc(graph, (size_t)count, clarus_dtype_size(dtype));
    if (!data)
        return error_memory(error, "constant");
    if (dtype == CLARUS_FLOAT32)
        fill_floats(data, count, (uint32_t)n + 3);
    else if (n == 1 && typed_get(function)->family == FAMILY_DIVISION)
        fill_divisors(dtype, data, count, 5);
    else if (n == 1 && takes_small(function))
        fill_small(dtype, data, count);
    else
        verify_fill(dtype, data, count, (uint32_t)n + 3);
    return lowered_add_value(graph, VALUE_CONSTANT, dtype, s, data, "operand", number, error);
}

typedef struct typed_case {
    typed_function function;
    clarus_dtype type, result; /* of the last operand, and of the output */
} typed_case;

/* The second operand is a column and the third a row where there are some. */
static clarus_status build_typed(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const typed_case *c = parameters;
    const shape shapes[] = {{3, {3, 37, 29}}, {2, {37, 1}}, {1, {29}}};
    size_t in[3], count = (size_t)typed_get(c->function)->operands;
    int selects = typed_get(c->function)->family == FAMILY_SELECTION;
    clarus_status status = CLARUS_OK;
    lowered_op *op;
    for (size_t n = 0; n < count && status == CLARUS_OK; n++)
        status = add_operand(graph, c->function, n, selects && n == 0 ? CLARUS_BOOL : c->type, &shapes[n],
                             &in[n], error);
    if (status != CLARUS_OK ||
        (status = layer_add_op(graph, OP_TYPED, in, count, &shapes[0], &op, error)) != CLARUS_OK)
        return status;
    op->as.typed.function = c->function;
    verify_retype(graph, op->output, c->result);
    return CLARUS_OK;
}

/* ---- the table --------------------------------------------------------------------------------- */

#define CASE(function, type, result)                                                                         \
    {                                                                                                        \
        "typed", #function " of " #type " to " #result, build_typed, &(const typed_case)                     \
        {                                                                                                    \
            TYPED_##function, CLARUS_##type, CLARUS_##result                                                 \
        }                                                                                                    \
    }
/* clang-format off */
#define SAME_TYPE(function)                                                                                  \
    CASE(function, INT8, INT8), CASE(function, INT16, INT16), CASE(function, INT32, INT32),                  \
    CASE(function, INT64, INT64), CASE(function, UINT8, UINT8), CASE(function, UINT16, UINT16),              \
    CASE(function, UINT32, UINT32), CASE(function, UINT64, UINT64)
#define TO_BOOL(function)                                                                                    \
    CASE(function, INT8, BOOL), CASE(function, INT16, BOOL), CASE(function, INT32, BOOL),                    \
    CASE(function, INT64, BOOL), CASE(function, UINT8, BOOL), CASE(function, UINT16, BOOL),                  \
    CASE(function, UINT32, BOOL), CASE(function, UINT64, BOOL), CASE(function, FLOAT32, BOOL)

static const verify_case cases[] = {
#define INTEGER(name, operands, expression) SAME_TYPE(name), CASE(name, BOOL, BOOL),
#define DIVISION(name, operands, expression) SAME_TYPE(name),
#define COMPARISON(name, operands, expression) TO_BOOL(name), CASE(name, BOOL, BOOL),
#define CLASSIFICATION(name, operands, expression) CASE(name, FLOAT32, BOOL),
#define SELECTION(name, operands) SAME_TYPE(name), CASE(name, BOOL, BOOL), CASE(name, FLOAT32, FLOAT32),
#include "typed.def"
    CASE(cast, FLOAT32, INT8), CASE(cast, FLOAT32, INT16), CASE(cast, FLOAT32, INT32),
    CASE(cast, FLOAT32, INT64), CASE(cast, FLOAT32, UINT8), CASE(cast, FLOAT32, UINT16),
    CASE(cast, FLOAT32, UINT32), CASE(cast, FLOAT32, UINT64), CASE(cast, FLOAT32, BOOL),
    CASE(cast, INT8, FLOAT32), CASE(cast, INT16, FLOAT32), CASE(cast, INT32, FLOAT32),
    CASE(cast, INT64, FLOAT32), CASE(cast, UINT8, FLOAT32), CASE(cast, UINT16, FLOAT32),
    CASE(cast, UINT32, FLOAT32), CASE(cast, UINT64, FLOAT32), CASE(cast, BOOL, FLOAT32),
    CASE(cast, INT8, UINT64), CASE(cast, INT64, UINT16), CASE(cast, UINT32, INT64),
    CASE(cast, INT32, BOOL), CASE(cast, BOOL, INT16),
};
/* clang-format on */

size_t verify_typed_count(void)
{
    return sizeof cases / sizeof *cases;
}

verify_case verify_typed_get(size_t i)
{
    return cases[i];
}
