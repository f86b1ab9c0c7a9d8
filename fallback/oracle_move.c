/* Data movement: moves and views copy bits (numerics.md section 3). */
#include "oracle_ops.h"

#include "layout.h"

#include <string.h>

typedef struct move_job {
    view from, to;
    const char *x;
    char *y;
    size_t size; /* of an element */
} move_job;

static void copy_strided(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t count,
                         size_t size)
{
    if (to_step == (int64_t)size && from_step == (int64_t)size) {
        memcpy(to, from, (size_t)count * size);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        memcpy(to + i * to_step, from + i * from_step, size);
}

/* Rows of the innermost axis. */
static void move_rows(void *user, int64_t begin, int64_t end)
{
    const move_job *job = user;
    size_t last = job->to.rank - 1;
    int64_t size = (int64_t)job->size;
    for (int64_t row = begin; row < end; row++) {
        int64_t from = job->from.offset, to = job->to.offset, rest = row;
        for (size_t k = last; k-- > 0; rest /= job->to.dims[k]) {
            from += rest % job->to.dims[k] * job->from.strides[k];
            to += rest % job->to.dims[k] * job->to.strides[k];
        }
        copy_strided(job->y + to * size, job->to.strides[last] * size, job->x + from * size,
                     job->from.strides[last] * size, job->to.dims[last], job->size);
    }
}

static void move_part_run(const oracle_task *task, size_t part)
{
    const move_part *p = &task->op->as.move.parts[part];
    view views[2] = {{.rank = p->rank}, {.rank = p->rank}};
    int64_t rows = 1;
    for (size_t k = 0; k < p->rank; k++) {
        views[0].dims[k] = views[1].dims[k] = p->dims[k];
        views[0].strides[k] = p->from_strides[k];
        views[1].strides[k] = p->to_strides[k];
    }
    views[0].offset = p->from_offset;
    views[1].offset = p->to_offset;
    views_collapse(views, 2);
    for (size_t k = 0; k + 1 < views[1].rank; k++)
        rows *= views[1].dims[k];
    move_job job = {views[0], views[1], task->inputs[part], task->output,
                    clarus_dtype_size(task_output(task)->dtype)};
    cpu_parallel(task->threads, rows, move_rows, &job);
}

static void fill(char *y, int64_t count, uint64_t value, size_t size)
{
    for (int64_t i = 0; i < count; i++)
        memcpy(y + i * (int64_t)size, &value, size);
}

clarus_status oracle_move(const oracle_task *task, clarus_error *error)
{
    (void)error;
    const lowered_op *op = task->op;
    int64_t count = 0;
    shape_count(&task_output(task)->shape, &count);
    if (!op->as.move.covers)
        fill(task->output, count, op->as.move.fill, clarus_dtype_size(task_output(task)->dtype));
    for (size_t i = 0; i < op->input_count; i++)
        move_part_run(task, i);
    return CLARUS_OK;
}
