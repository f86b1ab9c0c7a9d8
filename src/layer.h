/* One operation on its own: what conv2d and dense have in common. */
#ifndef CLARUS_LAYER_H
#define CLARUS_LAYER_H

#include "device.h"
#include "lowered.h"

struct clarus_buffer {
    clarus_device *device;
    size_t count;
    cl_mem memory; /* NULL on the reference, which has data instead */
    float *data;
};

typedef struct layer layer;

/* Takes the graph over (also on failure); it has one output. */
clarus_status layer_create(clarus_device *device, lowered_graph *graph, layer **out, clarus_error *error);
clarus_status layer_run(layer *layer, const float *const *inputs, float *output, clarus_error *error);
/* CLARUS_E_ARGUMENT if a buffer is of another device, CLARUS_E_SHAPE if it is of another size; `what` names
 * the object. */
clarus_status layer_run_buffers(layer *layer, const char *what, const clarus_buffer *const *inputs,
                                clarus_buffer *output, clarus_error *error);
void layer_free(layer *layer);

/* For building the graph: an input, and a constant whose data are copied. */
clarus_status layer_add_input(lowered_graph *graph, const shape *shape, size_t *number, clarus_error *error);
clarus_status layer_add_constant(lowered_graph *graph, const shape *shape, const float *data, size_t *number,
                                 clarus_error *error);
/* The output and the operation that computes it, for the caller to fill in. */
clarus_status layer_add_op(lowered_graph *graph, op_kind kind, const size_t *inputs, size_t input_count,
                           const shape *shape, lowered_op **op, clarus_error *error);

#endif
