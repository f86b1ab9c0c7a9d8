/* ONNX files: protobuf bytes in, checked graphs and tensors out. */
#ifndef CLARUS_ONNX_H
#define CLARUS_ONNX_H

#include "graph.h"

/* folder: where external data may be read from, NULL to refuse it. File and external data together stay
 * within the context's max_model_bytes. */
clarus_status onnx_read(clarus_context *context, const void *bytes, size_t size_bytes, const char *folder,
                        graph **out, clarus_error *error);
/* A TensorProto, as in the .pb files of ONNX's tests. */
clarus_status onnx_read_tensor(clarus_context *context, const void *bytes, size_t size_bytes,
                               clarus_tensor **tensor, clarus_error *error);

#endif
