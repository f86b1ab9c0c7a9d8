/* ONNX files: protobuf bytes in, checked graphs and tensors out. */
#ifndef CLARUS_ONNX_H
#define CLARUS_ONNX_H

#include "graph.h"

/* folder: where external data may be read from, NULL to refuse it. File and external data together stay
 * within the context's max_model_bytes. file: NULL, or the file of which bytes are the outline; it becomes
 * the graph's, also on failure. */
clarus_status onnx_read(clarus_context *context, const void *bytes, size_t size_bytes, const char *folder,
                        data_file *file, graph **out, clarus_error *error);
/* The file's outline (onnx_outline.c), freed with memory_free; NULL if there is none to be had. */
void *onnx_outline(const data_file *file, size_t *size_bytes);
/* A TensorProto, as in the .pb files of ONNX's tests. */
clarus_status onnx_read_tensor(clarus_context *context, const void *bytes, size_t size_bytes,
                               clarus_tensor **tensor, clarus_error *error);

#endif
