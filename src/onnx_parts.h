/* What the files that read ONNX share. */
#ifndef CLARUS_ONNX_PARTS_H
#define CLARUS_ONNX_PARTS_H

#include "onnx.h"

#include "onnx.pb-c.h"

/* Tensors of fewer bytes are read with the model. */
enum { LEAST_LEFT_BYTES = 16 << 10 };

typedef struct onnx_reader {
    clarus_context *context;
    arena *arena;          /* receives everything */
    const char *folder;    /* of external data, or NULL */
    uint64_t budget;       /* bytes of external data that may still be read */
    const data_file *file; /* the model's own if it was read as an outline */
    graph *graph;          /* keeps the files that tensors stay in; NULL without a folder */
} onnx_reader;

/* Checks the wire format of a whole message before it is unpacked, and bounds the memory that unpacking
 * takes. */
clarus_status onnx_scan(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size,
                        clarus_error *error);
/* Scans and unpacks into the arena. The message must not be freed. */
clarus_status onnx_unpack(const ProtobufCMessageDescriptor *descriptor, const void *bytes, size_t size,
                          arena *arena, ProtobufCMessage **message, clarus_error *error);
/* what: names the tensor in messages. A type that Clarus does not have gives dtype 0 and no data. */
clarus_status onnx_read_data(onnx_reader *reader, const Onnx__Tensor *tensor, const char *what,
                             graph_tensor *out, clarus_error *error);
/* Opens the file `location` inside folder. Neither `..` nor absolute paths nor symbolic links are followed.
 */
clarus_status external_data_open(clarus_context *context, const char *folder, const char *location,
                                 data_file **file, clarus_error *error);

#endif
