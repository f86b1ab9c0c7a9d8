/* Buffers that stay on the device between layers. */
#include "cpu.h"
#include "layer.h"

#include <string.h>

clarus_status clarus_buffer_create(clarus_context *context, clarus_device *device, size_t count,
                                   clarus_buffer **buffer, clarus_error *error)
{
    if (!buffer)
        return error_set(error, CLARUS_E_ARGUMENT, "buffer: NULL");
    *buffer = NULL;
    if (!context || !device)
        return error_set(error, CLARUS_E_ARGUMENT, "buffer: context or device is NULL");
    if (count > context->max_tensor_bytes / sizeof(float))
        return error_set(error, CLARUS_E_LIMIT,
                         "buffer: %zu values exceed the limit of %llu bytes for one tensor", count,
                         (unsigned long long)context->max_tensor_bytes);
    clarus_buffer *b = memory_calloc(device->context, 1, sizeof *b);
    float *zeros = memory_calloc(device->context, count, sizeof *zeros);
    if (!b || !zeros) {
        memory_free(device->context, b);
        memory_free(device->context, zeros);
        return error_memory(error, "buffer");
    }
    b->device = device_retain(device);
    b->count = count;
    b->data = zeros;
    if (!device_is_reference(device)) {
        cl_int code;
        cpu_float_env env;
        cpu_float_env_enter(&env);
        b->memory = clCreateBuffer(device->cl, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                   (count ? count : 1) * sizeof(float), zeros, &code);
        cpu_float_env_leave(&env);
        memory_free(device->context, zeros);
        b->data = NULL;
        if (code) {
            b->memory = NULL;
            clarus_buffer_free(b);
            return opencl_error(error, "clCreateBuffer", code);
        }
    }
    *buffer = b;
    return CLARUS_OK;
}

typedef enum direction { TO_DEVICE, FROM_DEVICE } direction;

static clarus_status copy_device(clarus_buffer *buffer, float *data, direction which, clarus_error *error)
{
    cl_command_queue queue = NULL;
    size_t bytes = buffer->count * sizeof(float);
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status = device_create_queue(buffer->device, buffer->device->id, &queue, error);
    if (status == CLARUS_OK) {
        cl_int code =
            which == TO_DEVICE
                ? clEnqueueWriteBuffer(queue, buffer->memory, CL_TRUE, 0, bytes, data, 0, NULL, NULL)
                : clEnqueueReadBuffer(queue, buffer->memory, CL_TRUE, 0, bytes, data, 0, NULL, NULL);
        if (code)
            status = opencl_error(error, which == TO_DEVICE ? "clEnqueueWriteBuffer" : "clEnqueueReadBuffer",
                                  code);
    }
    opencl_release_queue(queue);
    cpu_float_env_leave(&env);
    return status;
}

static clarus_status check_copy(const clarus_buffer *buffer, const float *data, size_t count,
                                clarus_error *error)
{
    if (!buffer || !data)
        return error_set(error, CLARUS_E_ARGUMENT, "buffer: buffer or data is NULL");
    if (count != buffer->count)
        return error_set(error, CLARUS_E_SHAPE, "buffer: %zu values were given, it has %zu", count,
                         buffer->count);
    return CLARUS_OK;
}

clarus_status clarus_buffer_write(clarus_buffer *buffer, const float *data, size_t count, clarus_error *error)
{
    clarus_status status = check_copy(buffer, data, count, error);
    if (status != CLARUS_OK || count == 0)
        return status;
    if (!buffer->data)
        return copy_device(buffer, (float *)(uintptr_t)data, TO_DEVICE, error);
    memcpy(buffer->data, data, count * sizeof *data);
    return CLARUS_OK;
}

clarus_status clarus_buffer_read(clarus_buffer *buffer, float *data, size_t count, clarus_error *error)
{
    clarus_status status = check_copy(buffer, data, count, error);
    if (status != CLARUS_OK || count == 0)
        return status;
    if (!buffer->data)
        return copy_device(buffer, data, FROM_DEVICE, error);
    memcpy(data, buffer->data, count * sizeof *data);
    return CLARUS_OK;
}

void clarus_buffer_free(clarus_buffer *buffer)
{
    if (!buffer)
        return;
    clarus_context *context = context_retain(buffer->device->context);
    if (buffer->memory)
        clReleaseMemObject(buffer->memory);
    memory_free(context, buffer->data);
    clarus_device_free(buffer->device);
    memory_free(context, buffer);
    clarus_context_free(context);
}
