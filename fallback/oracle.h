/* The oracle: docs/numerics.md in plain C. Every kernel must equal it bit for bit. */
#ifndef CLARUS_ORACLE_H
#define CLARUS_ORACLE_H

#include "../src/lowered.h"

/* Computes one operation. inputs and output are row-major host arrays of the shapes and types that the
 * graph states; output does not overlap the inputs. Threads divide the outputs; the result does not depend on
 * their number. */
clarus_status oracle_op(const lowered_graph *graph, const lowered_op *op, const void *const *inputs,
                        void *output, int threads, clarus_error *error);

/* Runs the whole graph: inputs and outputs in the graph's order. A non-zero *cancel ends it with
 * CLARUS_E_CANCELLED (cancel may be NULL). */
clarus_status oracle_run(const lowered_graph *graph, int threads, const void *const *inputs,
                         void *const *outputs, const atomic_int *cancel, clarus_error *error);

#endif
