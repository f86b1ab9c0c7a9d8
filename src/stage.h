/* Stages: what a session does for one set of input shapes.
 *
 * Shapes inside a network may depend on values (a Reshape to a computed shape, a Pad by an input), and so may
 * which branch of an If is taken. Lowering then says which value of the model it has to know. That value is
 * taken, if it is an input, or computed by a stage of its own, and the model is lowered again with it as a
 * constant; as often as needed. So a run walks along a chain of stages, each with its key:
 *
 *     input shapes, known values → stage → more known values → stage → ... → last stage → outputs
 *
 * Most models have one stage: nothing is missing, and the key is the input shapes alone. Stages are kept, up
 * to a number, so that every key is lowered and planned once. */
#ifndef CLARUS_STAGE_H
#define CLARUS_STAGE_H

#include "device.h"
#include "exec.h"
#include "lower.h"

enum { STAGE_MOST = 16 };

typedef struct stage {
    shape *shapes; /* the key: of the model's inputs ... */
    known_value *known;
    size_t known_count;   /* ... and what is known already, with the data */
    size_t *yields;       /* values of the model that are known after it */
    size_t yield_count;   /* 0: the last stage, whose outputs are the model's */
    lowered_graph *graph; /* NULL: it yields inputs, which are only to be taken */
    plan *plan;           /* NULL where the reference runs it, like exec */
    exec *exec;
    uint64_t number, last_use; /* the number is its own: another stage may come to lie at its address */
} stage;

typedef struct stage_cache {
    clarus_context *context;
    clarus_device *device;
    clarus_model *model;
    clarus_math math;
    stage *stages[STAGE_MOST];
    size_t count;
    uint64_t uses;
} stage_cache;

/* The first stage for these shapes, made if it is not there. It may be the last. */
clarus_status stage_first(stage_cache *cache, const shape *shapes, stage **out, clarus_error *error);
/* Runs all stages but the last, which it gives in *out, valid until the next call. inputs: row-major host
 * arrays in the types that are computed in. */
clarus_status stage_reach(stage_cache *cache, const shape *shapes, const void *const *inputs,
                          const atomic_int *cancel, stage **out, clarus_error *error);
/* Runs one stage with its graph's inputs and outputs. */
clarus_status stage_run(const stage_cache *cache, const stage *stage, const void *const *inputs,
                        void *const *outputs, const atomic_int *cancel, clarus_error *error);
void stage_cache_release(stage_cache *cache);

#endif
