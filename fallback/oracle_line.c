/* What goes along the lines of one axis: the first elements in order, running sums and products (numerics.md
 * section 6). */
#include "oracle_ops.h"

typedef struct line_job {
    const oracle_task *task;
    clarus_dtype dtype;
    int64_t extent, inner; /* of the axis; elements from one of the line to the next */
} line_job;

static line_job make_job(const oracle_task *task, int axis, int64_t *lines)
{
    const lowered_value *x = task_input(task, 0);
    line_job job = {task, x->dtype, x->shape.dims[axis], 1};
    *lines = 1;
    for (size_t k = 0; k < x->shape.rank; k++) {
        *lines *= k == (size_t)axis ? 1 : x->shape.dims[k];
        job.inner *= k > (size_t)axis ? x->shape.dims[k] : 1;
    }
    return job;
}

/* Where a line begins in an array with `extent` elements along the axis. */
static int64_t line_start(const line_job *job, int64_t line, int64_t extent)
{
    return line / job->inner * extent * job->inner + line % job->inner;
}

/* ---- the first elements in order */

/* 1 if element i comes before element j. */
static int comes_before(const line_job *job, const void *x, int64_t start, int64_t i, int64_t j)
{
    const top_params *p = &job->task->op->as.top;
    uint64_t a = element_load(job->dtype, x, start + i * job->inner);
    uint64_t b = element_load(job->dtype, x, start + j * job->inner);
    int a_nan = element_is_nan(job->dtype, a), order = element_compare(job->dtype, a, b);
    if (a_nan != element_is_nan(job->dtype, b))
        return a_nan;
    if (order != 0)
        return p->largest ? order > 0 : order < 0;
    return p->last_first ? i > j : i < j;
}

/* Finds the first, then the first of those behind it, and so on. */
static void top_lines(void *user, int64_t begin, int64_t end)
{
    const line_job *job = user;
    const top_params *p = &job->task->op->as.top;
    const void *x = job->task->inputs[0];
    int64_t *y = job->task->output;
    for (int64_t line = begin; line < end; line++) {
        int64_t start = line_start(job, line, job->extent), to = line_start(job, line, p->k), last = -1;
        for (int64_t n = 0; n < p->k; n++) {
            int64_t best = -1;
            for (int64_t i = 0; i < job->extent; i++)
                if ((last < 0 || comes_before(job, x, start, last, i)) &&
                    (best < 0 || comes_before(job, x, start, i, best)))
                    best = i;
            y[to + n * job->inner] = last = best;
        }
    }
}

clarus_status oracle_top(const oracle_task *task, clarus_error *error)
{
    (void)error;
    int64_t lines;
    line_job job = make_job(task, task->op->as.top.axis, &lines);
    cpu_parallel(task->threads, lines, top_lines, &job);
    return CLARUS_OK;
}

/* ---- running sums and products */

static uint64_t neutral(const line_job *job)
{
    static const float one = 1;
    int product = job->task->op->as.scan.function == COMBINE_MUL;
    return !product ? 0 : job->dtype == CLARUS_FLOAT32 ? element_load(job->dtype, &one, 0) : 1;
}

static void scan_lines(void *user, int64_t begin, int64_t end)
{
    const line_job *job = user;
    const oracle_task *task = job->task;
    const scan_params *p = &task->op->as.scan;
    for (int64_t line = begin; line < end; line++) {
        int64_t start = line_start(job, line, job->extent);
        uint64_t sum = neutral(job);
        for (int64_t n = 0; n < job->extent; n++) {
            int64_t at = start + (p->reverse ? job->extent - 1 - n : n) * job->inner;
            uint64_t next =
                element_combine(job->dtype, p->function, sum, element_load(job->dtype, task->inputs[0], at));
            element_store(job->dtype, task->output, at, p->exclusive ? sum : next);
            sum = next;
        }
    }
}

clarus_status oracle_scan(const oracle_task *task, clarus_error *error)
{
    (void)error;
    int64_t lines;
    line_job job = make_job(task, task->op->as.scan.axis, &lines);
    cpu_parallel(task->threads, lines, scan_lines, &job);
    return CLARUS_OK;
}
