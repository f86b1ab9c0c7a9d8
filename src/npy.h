/* NumPy's .npy format, versions 1 to 3: a magic number, a header that is a Python dictionary, the data. */
#ifndef CLARUS_NPY_H
#define CLARUS_NPY_H

#include "tensor.h"

/* 1 if the bytes begin as a .npy file does. */
int npy_is(const void *bytes, size_t size);
/* Little-endian, C order. Messages carry no path. */
clarus_status npy_parse(clarus_context *context, const void *bytes, size_t size, clarus_tensor **tensor,
                        clarus_error *error);
/* The whole file in *bytes, to be freed with memory_free of the tensor's context. NumPy has no bfloat16:
 * CLARUS_E_UNSUPPORTED. */
clarus_status npy_format(const clarus_tensor *tensor, void **bytes, size_t *size, clarus_error *error);

#endif
