/* Element-wise functions with broadcasting (numerics.md section 6).
 *
 * float32 in pieces that fit the stack: operands are brought side by side, then one loop per function does
 * the work. Integers, for arithmetic on shapes and indices, element by element in 64 bits; results wrap to
 * their type. */
#include "oracle_ops.h"

#include "functions.h"
#include "layout.h"

#include <string.h>

enum { PIECE = 256, OPERANDS = 3 };

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
    _Atomic int undefined; /* a division of integers has no result */
} eltwise_job;

static void operand_view(const shape *operand, const shape *out, view *v)
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

/* Where element i of a view is. */
static int64_t view_at(const view *v, int64_t i)
{
    int64_t place = 0;
    for (size_t k = v->rank; k-- > 0; i /= v->dims[k])
        place += i % v->dims[k] * v->strides[k];
    return place;
}

/* One piece within a row of the innermost axis, starting at element i. */
static void float_piece(const eltwise_job *job, int64_t i, int64_t count)
{
    const eltwise_params *p = &job->task->op->as.eltwise;
    float buffer[OPERANDS][PIECE];
    const float *operands[OPERANDS] = {NULL};
    for (size_t n = 0; n < job->task->op->input_count; n++) {
        const view *v = &job->views[1 + n];
        const float *x = (const float *)job->task->inputs[n] + view_at(v, i);
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

static int64_t load_integer(clarus_dtype dtype, const void *data, int64_t i)
{
    if (dtype == CLARUS_INT64)
        return ((const int64_t *)data)[i];
    return dtype == CLARUS_INT32 ? ((const int32_t *)data)[i] : ((const uint8_t *)data)[i] != 0;
}

static void store_integer(clarus_dtype dtype, void *data, int64_t i, int64_t value)
{
    if (dtype == CLARUS_INT64)
        ((int64_t *)data)[i] = value;
    else if (dtype == CLARUS_INT32)
        ((int32_t *)data)[i] = (int32_t)(uint32_t)(uint64_t)value;
    else
        ((uint8_t *)data)[i] = value != 0;
}

/* x / y truncated; *undefined is set where it has no value in the type. */
static int64_t divide(int64_t x, int64_t y, clarus_dtype dtype, _Atomic int *undefined)
{
    int64_t lowest = dtype == CLARUS_INT64 ? INT64_MIN : INT32_MIN;
    if (y == 0 || (y == -1 && x == lowest)) {
        *undefined = 1;
        return 0;
    }
    return x / y;
}

static int64_t integer_function(eltwise_function function, int64_t x, int64_t y, clarus_dtype dtype,
                                _Atomic int *undefined)
{
    switch (function) {
    case ELTWISE_add:
        return (int64_t)((uint64_t)x + (uint64_t)y);
    case ELTWISE_sub:
        return (int64_t)((uint64_t)x - (uint64_t)y);
    case ELTWISE_mul:
        return (int64_t)((uint64_t)x * (uint64_t)y);
    case ELTWISE_div:
        return divide(x, y, dtype, undefined);
    case ELTWISE_min:
        return x < y ? x : y;
    case ELTWISE_max:
        return x > y ? x : y;
    case ELTWISE_neg:
        return (int64_t)(0 - (uint64_t)x);
    case ELTWISE_abs:
        return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    default:
        return x;
    }
}

static int is_integer_function(eltwise_function function)
{
    return function == ELTWISE_identity || function == ELTWISE_add || function == ELTWISE_sub ||
           function == ELTWISE_mul || function == ELTWISE_div || function == ELTWISE_min ||
           function == ELTWISE_max || function == ELTWISE_neg || function == ELTWISE_abs;
}

static void integer_range(void *user, int64_t begin, int64_t end)
{
    eltwise_job *job = user;
    const oracle_task *task = job->task;
    clarus_dtype dtype = task_output(task)->dtype;
    for (int64_t i = begin; i < end; i++) {
        int64_t operands[OPERANDS] = {0};
        for (size_t n = 0; n < task->op->input_count; n++)
            operands[n] = load_integer(dtype, task->inputs[n], view_at(&job->views[1 + n], i));
        store_integer(dtype, task->output, i,
                      integer_function(task->op->as.eltwise.function, operands[0], operands[1], dtype,
                                       &job->undefined));
    }
}

clarus_status oracle_eltwise(const oracle_task *task, clarus_error *error)
{
    const lowered_op *op = task->op;
    const lowered_value *out = task_output(task);
    eltwise_job job = {.task = task};
    int64_t count = 0;
    operand_view(&out->shape, &out->shape, &job.views[0]);
    shape_strides(&out->shape, job.views[0].strides);
    for (size_t n = 0; n < op->input_count; n++)
        operand_view(&task_input(task, n)->shape, &out->shape, &job.views[1 + n]);
    views_collapse(job.views, 1 + op->input_count);
    shape_count(&out->shape, &count);
    if (out->dtype == CLARUS_FLOAT32) {
        cpu_parallel(task->threads, count, float_range, &job);
        oracle_epilogue_function(task);
        return CLARUS_OK;
    }
    if (!is_integer_function(op->as.eltwise.function) ||
        (out->dtype != CLARUS_INT64 && out->dtype != CLARUS_INT32 && out->dtype != CLARUS_BOOL))
        return error_set(error, CLARUS_E_UNSUPPORTED, "%s: %s of %s is not supported", op->name,
                         eltwise_name(op->as.eltwise.function), clarus_dtype_name(out->dtype));
    cpu_parallel(task->threads, count, integer_range, &job);
    if (job.undefined)
        return error_set(error, CLARUS_E_FORMAT, "%s: a division of integers by zero, or of the lowest by -1",
                         op->name);
    return CLARUS_OK;
}
