/* Host arrays. */
#ifndef CLARUS_TENSOR_H
#define CLARUS_TENSOR_H

#include "context.h"
#include "shape.h"

struct clarus_tensor {
    clarus_context *context;
    clarus_dtype dtype;
    shape shape;
    size_t count, size_bytes;
    void *data;
    int owns_data;
};

#endif
