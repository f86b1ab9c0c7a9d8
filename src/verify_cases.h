/* The cases of clarus_verify: one operation each, varying one thing at a time. */
#ifndef CLARUS_VERIFY_CASES_H
#define CLARUS_VERIFY_CASES_H

#include "lowered.h"

typedef struct verify_case {
    const char *kernel; /* operation */
    const char *test;   /* its shapes */
    /* Builds the graph: inputs are VALUE_INPUT, weights constants made by verify_constant. */
    clarus_status (*build)(lowered_graph *graph, const void *parameters, clarus_error *error);
    const void *parameters;
} verify_case;

/* A shape in a table of cases. */
#define S(rank, ...)                                                                                         \
    {                                                                                                        \
        rank,                                                                                                \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

size_t verify_case_count(void);
verify_case verify_case_get(size_t i);
/* Those of the other verify_*.c. */
size_t verify_generic_count(void);
verify_case verify_generic_get(size_t i);
size_t verify_index_count(void);
verify_case verify_index_get(size_t i);
size_t verify_sample_count(void);
verify_case verify_sample_get(size_t i);
size_t verify_typed_count(void);
verify_case verify_typed_get(size_t i);

/* A constant of values in [-1, 1) that depend on the seed and the position alone. */
clarus_status verify_constant(lowered_graph *graph, const shape *shape, uint32_t seed, size_t *number,
                              clarus_error *error);
/* The same values, written to data. */
void verify_random(float *data, int64_t count, uint32_t seed);
/* Those, or of another type all of its values alike. */
void verify_fill(clarus_dtype dtype, void *data, int64_t count, uint32_t seed);
/* Makes an input or an operation's output, which are float32 at first, another type's. */
void verify_retype(lowered_graph *graph, size_t number, clarus_dtype dtype);

#endif
