/* Inside the oracle: one function per kind of operation. */
#ifndef CLARUS_ORACLE_OPS_H
#define CLARUS_ORACLE_OPS_H

#include "oracle.h"

#include "../src/cpu.h"
#include "../src/dtype.h"
#include "../src/layout.h"

/* One operation, its arrays, and the threads to use. */
typedef struct oracle_task {
    const lowered_graph *graph;
    const lowered_op *op;
    const void *const *inputs;
    void *output;
    int threads;
} oracle_task;

static inline const lowered_value *task_input(const oracle_task *task, size_t i)
{
    return &task->graph->values[task->op->inputs[i]];
}

static inline const lowered_value *task_output(const oracle_task *task)
{
    return &task->graph->values[task->op->output];
}

/* Element i of input 1, which are indices. */
static inline int64_t task_index(const oracle_task *task, int64_t i)
{
    return task_input(task, 1)->dtype == CLARUS_INT64 ? ((const int64_t *)task->inputs[1])[i]
                                                      : ((const int32_t *)task->inputs[1])[i];
}

clarus_status oracle_conv(const oracle_task *task, clarus_error *error);
clarus_status oracle_winograd(const oracle_task *task, clarus_error *error); /* a convolution */
clarus_status oracle_matmul(const oracle_task *task, clarus_error *error);
clarus_status oracle_pool(const oracle_task *task, clarus_error *error);
clarus_status oracle_reduce(const oracle_task *task, clarus_error *error);
clarus_status oracle_softmax(const oracle_task *task, clarus_error *error);
clarus_status oracle_layer_norm(const oracle_task *task, clarus_error *error);
clarus_status oracle_eltwise(const oracle_task *task, clarus_error *error);
clarus_status oracle_typed(const oracle_task *task, clarus_error *error);
clarus_status oracle_move(const oracle_task *task, clarus_error *error);
clarus_status oracle_gather(const oracle_task *task, clarus_error *error);
clarus_status oracle_resample(const oracle_task *task, clarus_error *error);
clarus_status oracle_sample(const oracle_task *task, clarus_error *error);
clarus_status oracle_roi_align(const oracle_task *task, clarus_error *error);
clarus_status oracle_scatter(const oracle_task *task, clarus_error *error);
clarus_status oracle_top(const oracle_task *task, clarus_error *error);
clarus_status oracle_scan(const oracle_task *task, clarus_error *error);

/* An element of any type: integers as 64 bits, extended by their sign; float32 as its bits. */
uint64_t element_load(clarus_dtype dtype, const void *data, int64_t i);
void element_store(clarus_dtype dtype, void *data, int64_t i, uint64_t value);
/* -1, 0 or 1; 0 too where one is NaN. */
int element_compare(clarus_dtype dtype, uint64_t x, uint64_t y);
uint64_t element_combine(clarus_dtype dtype, combine_function function, uint64_t x, uint64_t y);
int element_is_nan(clarus_dtype dtype, uint64_t x);
/* An INTEGER function of kernels/typed.def, not wrapped. */
uint64_t oracle_integer(typed_function function, uint64_t x, uint64_t y, integer_type type);

/* A row-major operand with the output's dims; broadcast axes have stride 0. */
void oracle_operand_view(const shape *operand, const shape *out, view *v);
/* Where element i of a view is. */
int64_t oracle_view_at(const view *v, int64_t i);

/* The epilogue's last step: its function, if it has one, on the whole output in place. */
void oracle_epilogue_function(const oracle_task *task);

/* y[i] = function(x[i], ...); y may be one of the operands. Operands beyond the function's arity are not
 * read. */
void oracle_function(eltwise_function function, float a, float b, const float *const operands[3], float *y,
                     int64_t count);

/* A function's body compiled twice: for any processor, where fma is a call, and for those that have it as an
 * instruction. name##_body must be CLONED_BODY. */
#if defined(__x86_64__) && defined(__GNUC__)
#define CLONED_BODY static inline __attribute__((always_inline)) void
#define CLONED(name, parameters, arguments)                                                                  \
    __attribute__((target("avx2,fma"))) static void name##_fma parameters                                    \
    {                                                                                                        \
        name##_body arguments;                                                                               \
    }                                                                                                        \
    static void name parameters                                                                              \
    {                                                                                                        \
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                                 \
            name##_fma arguments;                                                                            \
        else                                                                                                 \
            name##_body arguments;                                                                           \
    }
#else
#define CLONED_BODY static inline void
#define CLONED(name, parameters, arguments)                                                                  \
    static void name parameters                                                                              \
    {                                                                                                        \
        name##_body arguments;                                                                               \
    }
#endif

#endif
