/* Models: a checked ONNX graph with what its folder brings. */
#ifndef CLARUS_MODEL_H
#define CLARUS_MODEL_H

#include "lowered.h"

/* Shapes of all graph inputs (initializers that are also inputs excluded) for these options: open first
 * dimensions take options->batch (default 1), other open ones come from options->shapes. CLARUS_E_SHAPE if
 * one stays open or contradicts the model. options may be NULL; shapes has room for clarus_model_input_count.
 */
clarus_status model_bind(const clarus_model *model, const clarus_session_options *options, shape *shapes,
                         clarus_error *error);
/* 1 if the first dimension of every input is open, so that several pictures fit in a batch. */
int model_batch_is_open(const clarus_model *model);
/* The lowered graph for these input shapes. CLARUS_E_UNSUPPORTED lists every unsupported node. The graph may
 * refer to the model's data: keep the model alive (model_retain). */
clarus_status model_lower(const clarus_model *model, const shape *shapes, lowered_graph **graph,
                          clarus_error *error);
clarus_model *model_retain(const clarus_model *model);

#endif
