/* TensorProto to dense arrays. Elements come from raw_data, from a typed list, or from a file beside the
 * model; their number must be exactly what the dimensions say. */
#include "onnx.h"
#include "onnx_parts.h"
#include "tensor.h"

#include <string.h>

enum { LOCATION_EXTERNAL = 1, MOST_FILES = 16 };

static clarus_status tensor_shape(const onnx_reader *reader, const Onnx__Tensor *tensor, const char *what,
                                  graph_tensor *out, clarus_error *error)
{
    char text[SHAPE_TEXT];
    int64_t count;
    if (tensor->n_dims > CLARUS_MAX_RANK)
        return error_set(error, CLARUS_E_UNSUPPORTED, "%s: %zu dimensions, at most %d are supported", what,
                         tensor->n_dims, CLARUS_MAX_RANK);
    out->shape.rank = tensor->n_dims;
    for (size_t i = 0; i < tensor->n_dims; i++)
        out->shape.dims[i] = tensor->dims[i];
    if (!shape_count(&out->shape, &count))
        return error_set(error, CLARUS_E_FORMAT, "%s: the shape %s is not possible", what,
                         shape_text(&out->shape, text));
    size_t size = clarus_dtype_size(out->dtype);
    if (size && (uint64_t)count > reader->context->max_tensor_bytes / size)
        return error_set(error, CLARUS_E_LIMIT, "%s: %s of %s exceeds the limit of %llu bytes for one tensor",
                         what, shape_text(&out->shape, text), clarus_dtype_name(out->dtype),
                         (unsigned long long)reader->context->max_tensor_bytes);
    out->count = (size_t)count;
    return CLARUS_OK;
}

/* A decimal number of an external_data entry. */
static int parse_number(const char *text, uint64_t *value)
{
    *value = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || *value > UINT64_MAX / 10 - 1)
            return 0;
        *value = *value * 10 + (uint64_t)(*c - '0');
    }
    return *text != '\0';
}

static clarus_status external_entries(const Onnx__Tensor *tensor, const char *what, const char **location,
                                      uint64_t *offset, uint64_t *length, clarus_error *error)
{
    *location = "";
    for (size_t i = 0; i < tensor->n_external_data; i++) {
        const char *key = tensor->external_data[i]->key, *value = tensor->external_data[i]->value;
        if (!key || !value)
            continue;
        uint64_t *number = strcmp(key, "offset") == 0 ? offset : strcmp(key, "length") == 0 ? length : NULL;
        if (number && !parse_number(value, number))
            return error_set(error, CLARUS_E_FORMAT, "%s: external data with %s \"%s\"", what, key, value);
        if (strcmp(key, "location") == 0)
            *location = value;
    }
    return CLARUS_OK;
}

/* The file, from the list of those that stay open where there is room; *stays says which. */
static clarus_status open_external(onnx_reader *reader, const char *location, data_file **file, int *stays,
                                   clarus_error *error)
{
    graph *g = reader->graph;
    *stays = 1;
    for (size_t i = 0; i < g->file_count; i++)
        if (g->files[i].location && strcmp(g->files[i].location, location) == 0) {
            *file = g->files[i].file;
            return CLARUS_OK;
        }
    clarus_status status = external_data_open(reader->context, reader->folder, location, file, error);
    *stays = g->file_count < MOST_FILES;
    return status == CLARUS_OK && *stays ? graph_keep_file(g, *file, location, error) : status;
}

/* Large tensors of float32 stay in the file: convolutions and matrix products take them from there piece by
 * piece. */
static clarus_status take_data(onnx_reader *reader, const data_file *file, int stays, uint64_t offset,
                               size_t size, graph_tensor *out, clarus_error *error)
{
    if (stays && out->dtype == CLARUS_FLOAT32 && size >= LEAST_LEFT_BYTES) {
        out->file = file;
        out->offset = offset;
        return CLARUS_OK;
    }
    void *data = arena_alloc(reader->arena, size, 1, 64);
    out->data = data;
    return data ? data_file_read(file, offset, data, size, error) : error_memory(error, file->name);
}

static clarus_status read_external(onnx_reader *reader, const Onnx__Tensor *tensor, const char *what,
                                   graph_tensor *out, clarus_error *error)
{
    const char *location;
    size_t size = out->count * clarus_dtype_size(out->dtype);
    uint64_t offset = 0, length = size;
    if (!reader->folder)
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "%s: external data is read for models loaded from a file only", what);
    clarus_status status = external_entries(tensor, what, &location, &offset, &length, error);
    if (status != CLARUS_OK)
        return status;
    if (length != size)
        return error_set(error, CLARUS_E_FORMAT, "%s: external data of %llu bytes, the shape needs %zu", what,
                         (unsigned long long)length, size);
    if (size > reader->budget)
        return error_set(error, CLARUS_E_LIMIT,
                         "%s: the model and its external data exceed the limit of %llu bytes", what,
                         (unsigned long long)reader->context->max_model_bytes);
    data_file *file = NULL;
    int stays = 1;
    status = open_external(reader, location, &file, &stays, error);
    if (status == CLARUS_OK && (offset > file->size_bytes || size > file->size_bytes - offset))
        status = error_set(error, CLARUS_E_FORMAT, "%s has %llu bytes, %zu at %llu are wanted", file->name,
                           (unsigned long long)file->size_bytes, size, (unsigned long long)offset);
    if (status == CLARUS_OK) {
        reader->budget -= size;
        status = take_data(reader, file, stays, offset, size, out, error);
    }
    if (!stays)
        data_file_free(file);
    if (status != CLARUS_OK && status != CLARUS_E_MEMORY)
        error_prefix(error, "%s: ", what);
    return status;
}

/* The typed list that holds elements of this type: its length, and its elements as they are if they need no
 * narrowing. */
static size_t typed_list(const Onnx__Tensor *tensor, clarus_dtype dtype, const void **elements)
{
    *elements = NULL;
    switch (dtype) {
    case CLARUS_FLOAT32:
        *elements = tensor->float_data;
        return tensor->n_float_data;
    case CLARUS_FLOAT64:
        *elements = tensor->double_data;
        return tensor->n_double_data;
    case CLARUS_INT64:
        *elements = tensor->int64_data;
        return tensor->n_int64_data;
    case CLARUS_UINT64:
        *elements = tensor->uint64_data;
        return tensor->n_uint64_data;
    case CLARUS_INT32:
        *elements = tensor->int32_data;
        return tensor->n_int32_data;
    case CLARUS_UINT32:
        return tensor->n_uint64_data;
    default:
        return tensor->n_int32_data;
    }
}

/* Narrow types travel in wider lists; the low bits are the element (little-endian). */
static void narrow_list(const Onnx__Tensor *tensor, clarus_dtype dtype, size_t count, uint8_t *to)
{
    size_t size = clarus_dtype_size(dtype);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits =
            dtype == CLARUS_UINT32 ? tensor->uint64_data[i] : (uint64_t)(int64_t)tensor->int32_data[i];
        memcpy(to + i * size, &bits, size);
    }
}

static clarus_status read_typed(onnx_reader *reader, const Onnx__Tensor *tensor, const char *what,
                                graph_tensor *out, clarus_error *error)
{
    char text[SHAPE_TEXT];
    size_t count = typed_list(tensor, out->dtype, &out->data);
    if (count != out->count)
        return error_set(error, CLARUS_E_FORMAT, "%s: %zu elements, the shape %s needs %zu", what, count,
                         shape_text(&out->shape, text), out->count);
    if (out->data)
        return CLARUS_OK;
    void *data = arena_alloc(reader->arena, count, clarus_dtype_size(out->dtype), 64);
    if (!data)
        return error_memory(error, what);
    if (count && clarus_dtype_size(out->dtype) < 8)
        narrow_list(tensor, out->dtype, count, data);
    out->data = data;
    return CLARUS_OK;
}

clarus_status onnx_read_data(onnx_reader *reader, const Onnx__Tensor *tensor, const char *what,
                             graph_tensor *out, clarus_error *error)
{
    *out = (graph_tensor){.dtype = (clarus_dtype)tensor->data_type};
    if (!clarus_dtype_size(out->dtype))
        out->dtype = (clarus_dtype)0;
    clarus_status status = tensor_shape(reader, tensor, what, out, error);
    if (status != CLARUS_OK || !out->dtype)
        return status;
    if (tensor->data_location == LOCATION_EXTERNAL)
        return read_external(reader, tensor, what, out, error);
    int is_left = reader->file && tensor->has_file_offset;
    if (!tensor->has_raw_data && !is_left)
        return read_typed(reader, tensor, what, out, error);
    size_t size = out->count * clarus_dtype_size(out->dtype);
    uint64_t given = is_left ? tensor->file_bytes : tensor->raw_data.len;
    char text[SHAPE_TEXT];
    if (given != size)
        return error_set(error, CLARUS_E_FORMAT, "%s: %llu bytes of data, the shape %s of %s needs %zu", what,
                         (unsigned long long)given, shape_text(&out->shape, text),
                         clarus_dtype_name(out->dtype), size);
    if (is_left)
        return take_data(reader, reader->file, 1, tensor->file_offset, size, out, error);
    out->data = tensor->raw_data.data ? (const void *)tensor->raw_data.data : "";
    return CLARUS_OK;
}

clarus_status onnx_read_tensor(clarus_context *context, const void *bytes, size_t size_bytes,
                               clarus_tensor **tensor, clarus_error *error)
{
    *tensor = NULL;
    arena arena = {context, NULL};
    onnx_reader reader = {.context = context, .arena = &arena};
    ProtobufCMessage *message;
    graph_tensor data;
    clarus_status status = onnx_unpack(&onnx__tensor__descriptor, bytes, size_bytes, &arena, &message, error);
    if (status == CLARUS_OK)
        status = onnx_read_data(&reader, (const Onnx__Tensor *)message, "tensor", &data, error);
    if (status == CLARUS_OK && !data.dtype)
        status = error_set(error, CLARUS_E_UNSUPPORTED, "tensor: type %d is not supported",
                           ((const Onnx__Tensor *)message)->data_type);
    if (status == CLARUS_OK)
        status = clarus_tensor_create(context, data.dtype, data.shape.rank, data.shape.dims, tensor, error);
    if (status == CLARUS_OK && (*tensor)->size_bytes)
        memcpy((*tensor)->data, data.data, (*tensor)->size_bytes);
    arena_free(&arena);
    return status;
}
