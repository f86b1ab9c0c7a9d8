/* Operators of integers, truth values and mixed types. */
#include "lower_ops.h"

#include "convert.h"
#include "dtype.h"

#include <string.h>

/* Half precision is rounded from float32. */
void lower_cast(lowering *l)
{
    size_t x = lower_input(l, 0);
    clarus_dtype from = lower_input_type(l, 0);
    clarus_dtype to = l->row->parameter ? lower_input_type(l, 1) : (clarus_dtype)lower_int(l, "to", 0);
    if (l->status != CLARUS_OK)
        return;
    x = lower_convert(l, x, convert_computed(to));
    if (convert_is_half(to) && from != to)
        x = lower_unary(l, convert_rounding(to), x, 0, 0);
    lower_bind_as(l, 0, x, to);
}

/* The function of the node's inputs, of which there are as many as it takes. */
static size_t of_inputs(lowering *l, typed_function function, clarus_dtype dtype)
{
    size_t inputs[3];
    for (int i = 0; i < typed_get(function)->operands; i++)
        inputs[i] = lower_input(l, (size_t)i);
    return lower_typed(l, function, inputs, dtype);
}

void lower_where(lowering *l)
{
    lower_bind(l, 0, of_inputs(l, TYPED_where, lower_dtype(l, lower_input(l, 1))));
}

void lower_compare(lowering *l)
{
    lower_bind(l, 0, of_inputs(l, (typed_function)l->row->parameter, CLARUS_BOOL));
}

void lower_bitwise(lowering *l)
{
    lower_bind(l, 0, of_inputs(l, (typed_function)l->row->parameter, lower_input_type(l, 0)));
}

void lower_bit_shift(lowering *l)
{
    const char *direction = lower_string(l, "direction", "");
    int left = strcmp(direction, "LEFT") == 0;
    if (!left && strcmp(direction, "RIGHT") != 0)
        lower_error(l, CLARUS_E_FORMAT, "direction \"%.40s\"", direction);
    lower_bind(l, 0, of_inputs(l, left ? TYPED_shift_left : TYPED_shift_right, lower_input_type(l, 0)));
}

void lower_mod(lowering *l)
{
    eltwise_function function = lower_int(l, "fmod", 0) ? ELTWISE_fmod : ELTWISE_mod;
    lower_bind(l, 0, lower_binary(l, function, lower_input(l, 0), lower_input(l, 1)));
}

/* The result has the base's type. Of integers in 64 bits, wrapped; with a float among them in float32. */
void lower_pow(lowering *l)
{
    size_t x = lower_input(l, 0), y = lower_input(l, 1);
    clarus_dtype base = lower_dtype(l, x), exponent = lower_dtype(l, y), wide = CLARUS_FLOAT32;
    if (dtype_integer(base).bits && dtype_integer(exponent).bits)
        wide = dtype_integer(exponent).is_signed ? CLARUS_INT64 : CLARUS_UINT64;
    if (base == exponent)
        wide = base;
    size_t power = lower_binary(l, ELTWISE_pow, lower_convert(l, x, wide), lower_convert(l, y, wide));
    lower_bind(l, 0, lower_convert(l, power, base));
}

void lower_is_nan(lowering *l)
{
    lower_bind(l, 0, of_inputs(l, TYPED_is_nan, CLARUS_BOOL));
}

/* Neither infinity: x < x, which is never true. */
void lower_is_inf(lowering *l)
{
    size_t x = lower_input(l, 0), twice[] = {x, x};
    int positive = lower_int(l, "detect_positive", 1) != 0,
        negative = lower_int(l, "detect_negative", 1) != 0;
    typed_function function = positive && negative ? TYPED_is_infinite
                              : positive           ? TYPED_is_positive_infinity
                              : negative           ? TYPED_is_negative_infinity
                                                   : TYPED_less;
    lower_bind(l, 0, lower_typed(l, function, twice, CLARUS_BOOL));
}
