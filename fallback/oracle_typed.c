/* Element-wise functions of integers, truth values and mixed types (numerics.md section 6), element by
 * element. */
#include "oracle_ops.h"

#include "convert.h"
#include "fault.h"
#include "typed.h"

#include <math.h>
#include <string.h>

enum { OPERANDS = 3 };

typedef struct typed_job {
    const oracle_task *task;
    typed_function function;
    view views[1 + OPERANDS]; /* of the output and the operands */
    integer_type type;        /* of the first operand */
    size_t size;              /* of an element of the last operand */
    _Atomic int64_t fault;    /* the first divisor that has no quotient; INT64_MAX: none */
} typed_job;

#define LESS(p, q) typed_less(p, q, is_signed)

uint64_t oracle_integer(typed_function function, uint64_t x, uint64_t y, integer_type type)
{
    const int bits = type.bits, is_signed = type.is_signed;
    switch (function) {
#define INTEGER(name, operands, expression)                                                                  \
    case TYPED_##name:                                                                                       \
        return expression;
#include "typed.def"
    default:
        return x;
    }
}

static uword apply_division(typed_function function, uword x, uword y, int is_signed)
{
    switch (function) {
#define DIVISION(name, operands, expression)                                                                 \
    case TYPED_##name:                                                                                       \
        return expression;
#include "typed.def"
    default:
        return x;
    }
}

static int compare_integers(typed_function function, uword x, uword y, int is_signed)
{
    switch (function) {
#define COMPARISON(name, operands, expression)                                                               \
    case TYPED_##name:                                                                                       \
        return expression;
#include "typed.def"
    default:
        return 0;
    }
}

#undef LESS
#define LESS(p, q) ((p) < (q))

static int compare_floats(typed_function function, float x, float y)
{
    switch (function) {
#define COMPARISON(name, operands, expression)                                                               \
    case TYPED_##name:                                                                                       \
        return expression;
#define CLASSIFICATION(name, operands, expression)                                                           \
    case TYPED_##name:                                                                                       \
        return expression;
#include "typed.def"
    default:
        return 0;
    }
}

#undef LESS

/* Where element i of operand n lies; of one beyond the last, the last's. */
static int64_t operand_place(const typed_job *job, size_t *n, int64_t i)
{
    *n = *n < job->task->op->input_count ? *n : job->task->op->input_count - 1;
    return oracle_view_at(&job->views[1 + *n], i);
}

static uword load_word(const typed_job *job, size_t n, int64_t i)
{
    uword stored = 0;
    int64_t place = operand_place(job, &n, i);
    memcpy(&stored, (const char *)job->task->inputs[n] + place * (int64_t)job->size, job->size);
    return typed_word(stored, job->type.bits, job->type.is_signed);
}

static void store_word(const typed_job *job, int64_t i, uword value)
{
    value = typed_wrap(value, job->type.bits);
    memcpy((char *)job->task->output + i * (int64_t)job->size, &value, job->size);
}

static float load_float(const typed_job *job, size_t n, int64_t i)
{
    int64_t place = operand_place(job, &n, i);
    return ((const float *)job->task->inputs[n])[place];
}

static void integer_range(void *user, int64_t begin, int64_t end)
{
    const typed_job *job = user;
    for (int64_t i = begin; i < end; i++)
        store_word(job, i,
                   oracle_integer(job->function, load_word(job, 0, i), load_word(job, 1, i), job->type));
}

static void note_fault(typed_job *job, int64_t place)
{
    int64_t first = job->fault;
    while (place < first && !atomic_compare_exchange_weak(&job->fault, &first, place))
        ;
}

static void division_range(void *user, int64_t begin, int64_t end)
{
    typed_job *job = user;
    for (int64_t i = begin; i < end; i++) {
        uword x = load_word(job, 0, i), y = load_word(job, 1, i);
        if (typed_indivisible(x, y, job->type.bits, job->type.is_signed)) {
            note_fault(job, oracle_view_at(&job->views[2], i));
            y = 1;
        }
        store_word(job, i, apply_division(job->function, x, y, job->type.is_signed));
    }
}

static void comparison_range(void *user, int64_t begin, int64_t end)
{
    const typed_job *job = user;
    uint8_t *y = job->task->output;
    for (int64_t i = begin; i < end; i++)
        y[i] = (uint8_t)(job->type.bits
                             ? compare_integers(job->function, load_word(job, 0, i), load_word(job, 1, i),
                                                job->type.is_signed)
                             : compare_floats(job->function, load_float(job, 0, i), load_float(job, 1, i)));
}

static void selection_range(void *user, int64_t begin, int64_t end)
{
    const typed_job *job = user;
    const uint8_t *condition = job->task->inputs[0];
    int64_t size = (int64_t)job->size;
    for (int64_t i = begin; i < end; i++) {
        size_t n = condition[oracle_view_at(&job->views[1], i)] ? 1 : 2;
        memcpy((char *)job->task->output + i * size,
               (const char *)job->task->inputs[n] + oracle_view_at(&job->views[1 + n], i) * size, job->size);
    }
}

/* One operand of the output's shape: element i becomes element i. */
static void conversion_range(void *user, int64_t begin, int64_t end)
{
    const typed_job *job = user;
    clarus_dtype from = task_input(job->task, 0)->dtype, to = task_output(job->task)->dtype;
    convert_elements(from, (const char *)job->task->inputs[0] + begin * (int64_t)job->size,
                     (size_t)(end - begin), to,
                     (char *)job->task->output + begin * (int64_t)clarus_dtype_size(to));
}

clarus_status oracle_typed(const oracle_task *task, clarus_error *error)
{
    static void (*const ranges[])(void *, int64_t, int64_t) = {
        [FAMILY_INTEGER] = integer_range,       [FAMILY_DIVISION] = division_range,
        [FAMILY_COMPARISON] = comparison_range, [FAMILY_CLASSIFICATION] = comparison_range,
        [FAMILY_SELECTION] = selection_range,   [FAMILY_CONVERSION] = conversion_range};
    const lowered_op *op = task->op;
    const shape *out = &task_output(task)->shape;
    int64_t count = 0, fault;
    typed_job job = {.task = task,
                     .function = op->as.typed.function,
                     .type = dtype_integer(task_input(task, 0)->dtype),
                     .size = clarus_dtype_size(task_input(task, op->input_count - 1)->dtype),
                     .fault = INT64_MAX};
    oracle_operand_view(out, out, &job.views[0]);
    shape_strides(out, job.views[0].strides);
    for (size_t n = 0; n < op->input_count; n++)
        oracle_operand_view(&task_input(task, n)->shape, out, &job.views[1 + n]);
    views_collapse(job.views, 1 + op->input_count);
    shape_count(out, &count);
    cpu_parallel(task->threads, count, ranges[typed_get(job.function)->family], &job);
    if ((fault = job.fault) == INT64_MAX)
        return CLARUS_OK;
    uword stored = 0;
    memcpy(&stored, (const char *)task->inputs[1] + fault * (int64_t)job.size, job.size);
    return fault_set(op, fault, (int64_t)typed_word(stored, job.type.bits, job.type.is_signed), error);
}
