/* Values that are known when the graph is lowered: constants, shapes and ranges. */
#include "lower_ops.h"

#include "convert.h"

#include <math.h>
#include <string.h>

/* ---- Constants */

static void bind_list(lowering *l, const graph_attribute *a)
{
    shape scalar = {.rank = 0}, row = {.rank = 1, .dims = {(int64_t)a->count}};
    const int is_float = a->kind == ATTRIBUTE_FLOAT || a->kind == ATTRIBUTE_FLOATS;
    clarus_dtype dtype = is_float ? CLARUS_FLOAT32 : CLARUS_INT64;
    int is_list = a->kind == ATTRIBUTE_FLOATS || a->kind == ATTRIBUTE_INTS;
    const void *data = a->kind == ATTRIBUTE_FLOATS ? (const void *)a->as.floats
                       : a->kind == ATTRIBUTE_INTS ? (const void *)a->as.ints
                                                   : (const void *)&a->as;
    lower_bind_as(l, 0, lower_constant(l, dtype, is_list ? &row : &scalar, data ? data : ""), dtype);
}

void lower_constant_node(lowering *l)
{
    static const struct {
        const char *name;
        attribute_kind kind;
    } forms[] = {{"value", ATTRIBUTE_TENSOR},
                 {"value_float", ATTRIBUTE_FLOAT},
                 {"value_floats", ATTRIBUTE_FLOATS},
                 {"value_int", ATTRIBUTE_INT},
                 {"value_ints", ATTRIBUTE_INTS}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const graph_attribute *a = node_attribute(l->node, forms[i].name);
        if (!a || a->kind != forms[i].kind)
            continue;
        if (a->kind == ATTRIBUTE_TENSOR)
            lower_bind_as(l, 0, lower_tensor(l, a->as.tensor, l->node->name), a->as.tensor->dtype);
        else
            bind_list(l, a);
        return;
    }
    lower_error(l, CLARUS_E_UNSUPPORTED, "its value is neither numbers nor a tensor of them");
}

size_t lower_filled(lowering *l, clarus_dtype dtype, const shape *shape, const void *element)
{
    int64_t count = 0;
    size_t size = clarus_dtype_size(dtype);
    shape_count(shape, &count);
    char *data = lower_memory(l, count, size);
    for (int64_t i = 0; i < count && data; i++)
        memcpy(data + (size_t)i * size, element, size);
    return lower_constant(l, dtype, shape, data);
}

void lower_constant_of_shape(lowering *l)
{
    static const float zero = 0;
    static const graph_tensor otherwise = {.dtype = CLARUS_FLOAT32, .count = 1, .data = &zero};
    const graph_attribute *a = node_attribute(l->node, "value");
    const graph_tensor *value = a && a->kind == ATTRIBUTE_TENSOR ? a->as.tensor : &otherwise;
    shape out = {.rank = 0};
    char text[SHAPE_TEXT];
    int64_t count = 0;
    out.rank = lower_int_input(l, 0, out.dims, CLARUS_MAX_RANK);
    if (l->status == CLARUS_OK && !shape_count(&out, &count))
        lower_error(l, CLARUS_E_SHAPE, "the shape %s is not possible", shape_text(&out, text));
    if (value->count != 1 || !value->dtype)
        lower_error(l, CLARUS_E_SHAPE, "its value is not a single number");
    if (l->status != CLARUS_OK)
        return;
    float wide;
    int half = convert_is_half(value->dtype);
    if (half)
        convert_to_float(value->dtype, value->data, 1, &wide);
    size_t y = lower_filled(l, convert_kept(value->dtype), &out, half ? &wide : value->data);
    lower_bind_as(l, 0, y, value->dtype);
}

/* Ones on the k-th diagonal. */
void lower_eye_like(lowering *l)
{
    shape s = lower_shape(l, lower_input(l, 0));
    clarus_dtype declared = (clarus_dtype)lower_int(l, "dtype", lower_input_type(l, 0));
    clarus_dtype dtype = convert_kept(declared);
    int64_t k = lower_int(l, "k", 0);
    unsigned char one[8] = {0};
    static const double unit = 1;
    if (s.rank != 2)
        lower_error(l, CLARUS_E_SHAPE, "a value of %zu dimensions, not 2", s.rank);
    else if (!clarus_dtype_size(dtype) || !convert_elements(CLARUS_FLOAT64, &unit, 1, dtype, one))
        lower_error(l, CLARUS_E_UNSUPPORTED, "type %d is not supported", declared);
    if (l->status != CLARUS_OK)
        return;
    size_t size = clarus_dtype_size(dtype);
    char *data = lower_memory(l, s.dims[0] * s.dims[1], size);
    for (int64_t row = 0; row < s.dims[0] && data; row++)
        if (k >= -row && k < s.dims[1] - row)
            memcpy(data + (size_t)(row * s.dims[1] + row + k) * size, one, size);
    lower_bind_as(l, 0, lower_constant(l, dtype, &s, data), declared);
}

/* ---- Shapes */

void lower_shape_node(lowering *l)
{
    shape in = lower_shape(l, lower_input(l, 0));
    int64_t rank = (int64_t)in.rank, start = lower_int(l, "start", 0), end = lower_int(l, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    lower_bind_as(l, 0, lower_int64s(l, in.dims + start, (size_t)(end - start)), CLARUS_INT64);
}

void lower_size(lowering *l)
{
    shape scalar = {.rank = 0};
    int64_t *count = lower_memory(l, 1, sizeof *count);
    if (!count)
        return;
    *count = lower_count(l, lower_input(l, 0));
    lower_bind_as(l, 0, lower_constant(l, CLARUS_INT64, &scalar, count), CLARUS_INT64);
}

/* ceil((limit - start) / delta), not below 0. */
static uint64_t range_length(int64_t start, int64_t limit, int64_t delta)
{
    if (delta == 0 || (delta > 0 ? limit <= start : limit >= start))
        return 0;
    uint64_t distance = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : -(uint64_t)delta;
    return (distance - 1) / step + 1;
}

/* start, start + delta, ... below limit; floats are start + i * delta, each operation rounded. */
static void fill_range(clarus_dtype dtype, const int64_t *whole, const double *real, int64_t count, char *out)
{
    size_t size = clarus_dtype_size(dtype);
    for (int64_t i = 0; i < count; i++) {
        int64_t integer = (int64_t)((uint64_t)whole[0] + (uint64_t)i * (uint64_t)whole[2]);
        float single = (float)real[0] + (float)i * (float)real[2];
        if (dtype == CLARUS_FLOAT32)
            memcpy(out + (size_t)i * size, &single, size);
        else
            convert_elements(CLARUS_INT64, &integer, 1, dtype, out + (size_t)i * size);
    }
}

void lower_range(lowering *l)
{
    enum { MOST = 1 << 24 };
    double real[3] = {0};
    int64_t whole[3] = {0};
    clarus_dtype dtype = lower_dtype(l, lower_input(l, 0));
    for (size_t i = 0; i < 3; i++) {
        const void *data = lower_known(l, i);
        size_t x = lower_input(l, i);
        if (data && (lower_count(l, x) != 1 || lower_dtype(l, x) != dtype))
            lower_error(l, CLARUS_E_SHAPE, "input %zu is not one %s", i, clarus_dtype_name(dtype));
        else if (data && (!convert_elements(dtype, data, 1, CLARUS_FLOAT64, &real[i]) ||
                          !convert_elements(dtype, data, 1, CLARUS_INT64, &whole[i]) ||
                          dtype == CLARUS_FLOAT64 || dtype == CLARUS_BOOL))
            lower_error(l, CLARUS_E_UNSUPPORTED, "a range of %s", clarus_dtype_name(dtype));
    }
    double count = dtype == CLARUS_FLOAT32 ? ceil((real[1] - real[0]) / real[2])
                                           : (double)range_length(whole[0], whole[1], whole[2]);
    if (l->status == CLARUS_OK && (!(count <= MOST) || real[2] == 0))
        lower_error(l, CLARUS_E_LIMIT, "a range from %g to %g by %g", real[0], real[1], real[2]);
    if (l->status != CLARUS_OK)
        return;
    shape out = {.rank = 1, .dims = {count > 0 ? (int64_t)count : 0}};
    char *data = lower_memory(l, out.dims[0], clarus_dtype_size(dtype));
    if (data)
        fill_range(dtype, whole, real, out.dims[0], data);
    lower_bind(l, 0, lower_constant(l, dtype, &out, data));
}
