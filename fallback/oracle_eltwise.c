/* Element-wise functions with broadcasting (numerics.md section 6).
 *
 * In pieces that fit the stack: operands are brought side by side, then one loop per function does the work.
 */
#include "oracle_ops.h"

#include "functions.h"
#include "layout.h"

#include <string.h>

enum { PIECE = 256, OPERANDS = 3 };

void oracle_operand_view(const shape *operand, const shape *out, view *v)
{
    int64_t strides[CLARUS_MAX_RANK];
    shape_strides(operand, strides);
    *v = (view){.rank = out->rank};
    for (size_t i = 0; i < out->rank; i++) {
        v->dims[i] = out->dims[i];
        if (i + operand->rank < out->rank)
            continue;
        size_t own = i + operand->rank - out->rank;
        v->strides[i] = operand->dims[own] == 1 ? 0 : strides[own];
    }
}

int64_t oracle_view_at(const view *v, int64_t i)
{
    int64_t place = 0;
    for (size_t k = v->rank; k-- > 0; i /= v->dims[k])
        place += i % v->dims[k] * v->strides[k];
    return place;
}

CLONED_BODY apply_body(eltwise_function function, float a, float b, const float *xs, const float *ys,
                       const float *zs, float *out, int64_t count)
{
    (void)a, (void)b;
    switch (function) {
#define ELTWISE(name, arity, expression)                                                                     \
    case ELTWISE_##name:                                                                                     \
        for (int64_t i = 0; i < count; i++) {                                                                \
            float x = xs[i], y = (arity) > 1 ? ys[i] : 0, z = (arity) > 2 ? zs[i] : 0;                       \
            (void)y, (void)z;                                                                                \
            out[i] = expression;                                                                             \
        }                                                                                                    \
        break;
#include "eltwise.def"
#undef ELTWISE
    case ELTWISE_COUNT:
        break;
    }
}

CLONED(apply,
       (eltwise_function function, float a, float b, const float *xs, const float *ys, const float *zs,
        float *out, int64_t count),
       (function, a, b, xs, ys, zs, out, count))

void oracle_function(eltwise_function function, float a, float b, const float *const operands[3], float *y,
                     int64_t count)
{
    apply(function, a, b, operands[0], operands[1], operands[2], y, count);
}

static void epilogue_range(void *user, int64_t begin, int64_t end)
{
    const oracle_task *task = user;
    const op_epilogue *epilogue = &task->op->epilogue;
    float *y = (float *)task->output + begin;
    apply(epilogue->function, epilogue->a, epilogue->b, y, NULL, NULL, y, end - begin);
}

void oracle_epilogue_function(const oracle_task *task)
{
    int64_t count;
    oracle_task copy = *task;
    if (task->op->epilogue.has_function && shape_count(&task_output(task)->shape, &count))
        cpu_parallel(task->threads, count, epilogue_range, &copy);
}

/* Views of the output and the operands, all with the output's dims; broadcast axes have stride 0. */
typedef struct eltwise_job {
    const oracle_task *task;
    view views[1 + OPERANDS];
} eltwise_job;

/* One piece within a row of the innermost axis, starting at element i. */
static void float_piece(const eltwise_job *job, int64_t i, int64_t count)
{
    const eltwise_params *p = &job->task->op->as.eltwise;
    float buffer[OPERANDS][PIECE];
    const float *operands[OPERANDS] = {NULL};
    for (size_t n = 0; n < job->task->op->input_count; n++) {
        const view *v = &job->views[1 + n];
        const float *x = (const float *)job->task->inputs[n] + oracle_view_at(v, i);
        int64_t stride = v->strides[v->rank - 1];
        operands[n] = stride == 1 ? x : buffer[n];
        for (int64_t k = 0; k < count && stride != 1; k++)
            buffer[n][k] = x[k * stride];
    }
    float *y = (float *)job->task->output + i;
    apply(p->function, p->a, p->b, operands[0], operands[1], operands[2], y, count);
}

static void float_range(void *user, int64_t begin, int64_t end)
{
    const eltwise_job *job = user;
    int64_t inner = job->views[0].dims[job->views[0].rank - 1];
    for (int64_t i = begin; i < end;) {
        int64_t count = inner - i % inner;
        count = count < end - i ? count : end - i;
        count = count < PIECE ? count : PIECE;
        float_piece(job, i, count);
        i += count;
    }
}

clarus_status oracle_eltwise(const oracle_task *task, clarus_error *error)
{
    (void)error;
    const lowered_op *op = task->op;
    const lowered_value *out = task_output(task);
    eltwise_job job = {.task = task};
    int64_t count = 0;
    oracle_operand_view(&out->shape, &out->shape, &job.views[0]);
    shape_strides(&out->shape, job.views[0].strides);
    for (size_t n = 0; n < op->input_count; n++)
        oracle_operand_view(&task_input(task, n)->shape, &out->shape, &job.views[1 + n]);
    views_collapse(job.views, 1 + op->input_count);
    shape_count(&out->shape, &count);
    cpu_parallel(task->threads, count, float_range, &job);
    oracle_epilogue_function(task);
    return CLARUS_OK;
}
