#include "tensor.h"
#include "cpu.h"
#include "file.h"
#include "npy.h"
#include "onnx.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Checks type and shape against the limits; everything but the data is filled in. */
static clarus_status make_tensor(clarus_context *context, clarus_dtype dtype, size_t rank,
                                 const int64_t *dims, clarus_tensor **tensor, clarus_error *error)
{
    shape s = {rank, {0}};
    int64_t count = 0;
    size_t element = clarus_dtype_size(dtype);
    char text[SHAPE_TEXT];
    if (!element)
        return error_set(error, CLARUS_E_ARGUMENT, "tensor: type %d is unknown", (int)dtype);
    if (rank > CLARUS_MAX_RANK || (rank && !dims))
        return error_set(error, CLARUS_E_ARGUMENT, "tensor: rank %zu is not between 0 and %d", rank,
                         CLARUS_MAX_RANK);
    if (rank)
        memcpy(s.dims, dims, rank * sizeof *dims);
    if (!shape_count(&s, &count))
        return error_set(error, CLARUS_E_SHAPE, "tensor: shape %s is negative or too large",
                         shape_text(&s, text));
    uint64_t size = (uint64_t)count * element;
    if (size > context->max_tensor_bytes || size > SIZE_MAX)
        return error_set(
            error, CLARUS_E_LIMIT, "tensor: shape %s needs %llu bytes, more than the limit of %llu",
            shape_text(&s, text), (unsigned long long)size, (unsigned long long)context->max_tensor_bytes);
    clarus_tensor *t = memory_calloc(context, 1, sizeof *t);
    if (!t)
        return error_memory(error, "tensor");
    t->context = context_retain(context);
    t->dtype = dtype;
    t->shape = s;
    t->count = (size_t)count;
    t->size_bytes = (size_t)size;
    *tensor = t;
    return CLARUS_OK;
}

clarus_status clarus_tensor_create(clarus_context *context, clarus_dtype dtype, size_t rank,
                                   const int64_t *dims, clarus_tensor **tensor, clarus_error *error)
{
    if (!context || !tensor)
        return error_set(error, CLARUS_E_ARGUMENT, "tensor: a pointer is NULL");
    *tensor = NULL;
    clarus_tensor *t = NULL;
    clarus_status status = make_tensor(context, dtype, rank, dims, &t, error);
    if (status != CLARUS_OK)
        return status;
    t->data = memory_calloc(context, t->size_bytes, 1);
    t->owns_data = 1;
    if (!t->data) {
        status = error_set(error, CLARUS_E_MEMORY, "tensor: out of memory for %zu bytes", t->size_bytes);
        clarus_tensor_free(t);
        return status;
    }
    *tensor = t;
    return CLARUS_OK;
}

clarus_status clarus_tensor_view(clarus_context *context, clarus_dtype dtype, size_t rank,
                                 const int64_t *dims, void *data, size_t size_bytes, clarus_tensor **tensor,
                                 clarus_error *error)
{
    if (!context || !tensor || (!data && size_bytes))
        return error_set(error, CLARUS_E_ARGUMENT, "tensor: a pointer is NULL");
    *tensor = NULL;
    clarus_tensor *t = NULL;
    clarus_status status = make_tensor(context, dtype, rank, dims, &t, error);
    if (status != CLARUS_OK)
        return status;
    if (t->size_bytes != size_bytes) {
        char text[SHAPE_TEXT];
        status = error_set(error, CLARUS_E_SHAPE, "tensor: %zu bytes given, %s of shape %s needs %zu",
                           size_bytes, clarus_dtype_name(dtype), shape_text(&t->shape, text), t->size_bytes);
        clarus_tensor_free(t);
        return status;
    }
    t->data = data;
    *tensor = t;
    return CLARUS_OK;
}

clarus_status clarus_tensor_load(clarus_context *context, const char *path, clarus_tensor **tensor,
                                 clarus_error *error)
{
    enum { HEADER_ROOM = 1 << 20 };
    if (!context || !path || !tensor)
        return error_set(error, CLARUS_E_ARGUMENT, "tensor: a pointer is NULL");
    *tensor = NULL;
    uint64_t limit = context->max_tensor_bytes < UINT64_MAX - HEADER_ROOM
                         ? context->max_tensor_bytes + HEADER_ROOM
                         : UINT64_MAX;
    void *bytes = NULL;
    size_t size = 0;
    clarus_status status = file_read(context, path, limit, &bytes, &size, error);
    if (status != CLARUS_OK)
        return status;
    status = npy_is(bytes, size) ? npy_parse(context, bytes, size, tensor, error)
                                 : onnx_read_tensor(context, bytes, size, tensor, error);
    if (status != CLARUS_OK)
        error_prefix(error, "%s: ", path);
    memory_free(context, bytes);
    return status;
}

clarus_status clarus_tensor_save(const clarus_tensor *tensor, const char *path, clarus_error *error)
{
    if (!tensor || !path)
        return error_set(error, CLARUS_E_ARGUMENT, "tensor: a pointer is NULL");
    void *bytes = NULL;
    size_t size = 0;
    clarus_status status = npy_format(tensor, &bytes, &size, error);
    if (status != CLARUS_OK)
        error_prefix(error, "%s: ", path);
    else
        status = file_write(path, bytes, size, error);
    memory_free(tensor->context, bytes);
    return status;
}

clarus_dtype clarus_tensor_dtype(const clarus_tensor *tensor)
{
    return tensor->dtype;
}

size_t clarus_tensor_rank(const clarus_tensor *tensor)
{
    return tensor->shape.rank;
}

const int64_t *clarus_tensor_shape(const clarus_tensor *tensor)
{
    return tensor->shape.dims;
}

size_t clarus_tensor_count(const clarus_tensor *tensor)
{
    return tensor->count;
}

size_t clarus_tensor_size_bytes(const clarus_tensor *tensor)
{
    return tensor->size_bytes;
}

void *clarus_tensor_data(clarus_tensor *tensor)
{
    return tensor->data;
}

const void *clarus_tensor_const_data(const clarus_tensor *tensor)
{
    return tensor->data;
}

void clarus_tensor_free(clarus_tensor *tensor)
{
    if (!tensor)
        return;
    clarus_context *context = tensor->context;
    if (tensor->owns_data)
        memory_free(context, tensor->data);
    memory_free(context, tensor);
    clarus_context_free(context);
}

static double from_half(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double magnitude = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                       : exponent     ? ldexp(fraction + 1024, exponent - 25)
                                      : ldexp(fraction, -24);
    return bits >> 15 ? -magnitude : magnitude;
}

static double from_bfloat16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

/* Element i as a double; 64-bit integers are rounded. */
static double element_value(const clarus_tensor *t, size_t i)
{
    switch (t->dtype) {
    case CLARUS_FLOAT32:
        return (double)((const float *)t->data)[i];
    case CLARUS_FLOAT64:
        return ((const double *)t->data)[i];
    case CLARUS_FLOAT16:
        return from_half(((const uint16_t *)t->data)[i]);
    case CLARUS_BFLOAT16:
        return from_bfloat16(((const uint16_t *)t->data)[i]);
    case CLARUS_UINT8:
    case CLARUS_BOOL:
        return ((const uint8_t *)t->data)[i];
    case CLARUS_INT8:
        return ((const int8_t *)t->data)[i];
    case CLARUS_UINT16:
        return ((const uint16_t *)t->data)[i];
    case CLARUS_INT16:
        return ((const int16_t *)t->data)[i];
    case CLARUS_UINT32:
        return ((const uint32_t *)t->data)[i];
    case CLARUS_INT32:
        return ((const int32_t *)t->data)[i];
    case CLARUS_UINT64:
        return (double)((const uint64_t *)t->data)[i];
    case CLARUS_INT64:
        return (double)((const int64_t *)t->data)[i];
    }
    return (double)NAN;
}

/* |a[i] - b[i]|; exact for 64-bit integers up to the final rounding; infinite where only one is NaN or
 * they are different infinities. */
static double element_difference(const clarus_tensor *a, const clarus_tensor *b, size_t i)
{
    if (a->dtype == CLARUS_INT64 || a->dtype == CLARUS_UINT64) {
        uint64_t x = ((const uint64_t *)a->data)[i], y = ((const uint64_t *)b->data)[i];
        int less = a->dtype == CLARUS_INT64 ? (int64_t)x < (int64_t)y : x < y;
        return (double)(less ? y - x : x - y);
    }
    double x = element_value(a, i), y = element_value(b, i);
    if (x == y || (isnan(x) && isnan(y)))
        return 0;
    double difference = fabs(x - y);
    return isnan(difference) ? (double)INFINITY : difference;
}

static double element_tolerance(double b, double rtol, double atol)
{
    return isfinite(b) ? atol + rtol * fabs(b) : atol;
}

/* Index of the element with the largest difference beyond its tolerance. */
static size_t find_worst(const clarus_tensor *a, const clarus_tensor *b, double rtol, double atol,
                         double *worst)
{
    size_t at = 0;
    *worst = -(double)INFINITY;
    for (size_t i = 0; i < a->count; i++) {
        double excess = element_difference(a, b, i) - element_tolerance(element_value(b, i), rtol, atol);
        if (excess > *worst) {
            *worst = excess;
            at = i;
        }
    }
    return at;
}

clarus_status clarus_tensor_compare(const clarus_tensor *a, const clarus_tensor *b, double rtol, double atol,
                                    double *worst, clarus_error *error)
{
    char left[SHAPE_TEXT], right[SHAPE_TEXT];
    double excess = (double)INFINITY;
    if (worst)
        *worst = excess;
    if (!a || !b)
        return error_set(error, CLARUS_E_ARGUMENT, "tensor: a pointer is NULL");
    if (!(rtol >= 0) || !(atol >= 0))
        return error_set(error, CLARUS_E_ARGUMENT, "compare: rtol %g and atol %g must not be negative", rtol,
                         atol);
    if (a->dtype != b->dtype)
        return error_set(error, CLARUS_E_MISMATCH, "compare: type %s, expected %s",
                         clarus_dtype_name(a->dtype), clarus_dtype_name(b->dtype));
    if (!shape_equal(&a->shape, &b->shape))
        return error_set(error, CLARUS_E_MISMATCH, "compare: shape %s, expected %s",
                         shape_text(&a->shape, left), shape_text(&b->shape, right));
    cpu_float_env env;
    cpu_float_env_enter(&env);
    size_t at = find_worst(a, b, rtol, atol, &excess);
    cpu_float_env_leave(&env);
    if (worst)
        *worst = excess;
    if (!(excess > 0))
        return CLARUS_OK;
    return error_set(error, CLARUS_E_MISMATCH,
                     "compare: element %zu of %zu is %.9g, expected %.9g within %.3g", at, a->count,
                     element_value(a, at), element_value(b, at),
                     element_tolerance(element_value(b, at), rtol, atol));
}
