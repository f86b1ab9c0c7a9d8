/* Models: a checked ONNX graph with what its folder brings. */
#ifndef CLARUS_MODEL_H
#define CLARUS_MODEL_H

#include "lower.h"

/* Shapes of all graph inputs (initializers that are also inputs excluded) for these options: open first
 * dimensions take options->batch (default 1), other open ones come from options->shapes. CLARUS_E_SHAPE if
 * one contradicts the model or, with open NULL, stays open; else *open says whether one stays open, as -1.
 * options may be NULL; shapes has room for clarus_model_input_count. */
clarus_status model_bind(const clarus_model *model, const clarus_session_options *options, shape *shapes,
                         int *open, clarus_error *error);
/* 1 if the first dimension of every input is open, so that several pictures fit in a batch. */
int model_batch_is_open(const clarus_model *model);
/* CLARUS_E_UNSUPPORTED, listing every unsupported node, if there is one. */
clarus_status model_check(const clarus_model *model, clarus_error *error);
/* The lowered graph. CLARUS_E_UNSUPPORTED lists every unsupported node, or names a value that must be known
 * beforehand and puts it into *missing. The graph may refer to the model's data: keep the model alive
 * (model_retain). */
clarus_status model_lower_request(const clarus_model *model, const lower_request *request,
                                  lowered_graph **graph, lower_missing *missing, clarus_error *error);
/* The same for the model's outputs and these input shapes, where nothing is missing. */
clarus_status model_lower(const clarus_model *model, const shape *shapes, lowered_graph **graph,
                          clarus_error *error);
/* The graph as the file has it. */
const struct graph *model_graph(const clarus_model *model);
clarus_model *model_retain(const clarus_model *model);

#endif
