/* What indices name the places of (numerics.md section 3). */
#include "oracle_ops.h"

#include "fault.h"
#include "indexed.h"

#include <string.h>

/* The first index out of range, if there is one, is an error. */
static clarus_status check_indices(const oracle_task *task, const indexed_params *p, clarus_error *error)
{
    const lowered_value *indices = task_input(task, 1);
    int64_t count = 0;
    shape_count(&indices->shape, &count);
    for (int64_t i = 0; i < count && p->components; i++) {
        int64_t index = task_index(task, i), extent = p->extents[i % (int64_t)p->components];
        if (index < -extent || index >= extent)
            return fault_set(task->op, i, index, error);
    }
    return CLARUS_OK;
}

/* place(j) of the j-th position in row-major order. */
static int64_t place(const oracle_task *task, const indexed_params *p, int64_t j)
{
    int64_t at = 0, result = 0;
    for (size_t k = p->rank; k-- > 0; j /= p->dims[k]) {
        result += j % p->dims[k] * p->data_strides[k];
        at += j % p->dims[k] * p->index_strides[k];
    }
    for (size_t c = 0; c < p->components; c++) {
        int64_t index = task_index(task, at + (int64_t)c);
        result += (index < 0 ? index + p->extents[c] : index) * p->steps[c];
    }
    return result;
}

static void gather_rows(void *user, int64_t begin, int64_t end)
{
    const oracle_task *task = user;
    const indexed_params *p = &task->op->as.gather;
    const int64_t size = (int64_t)clarus_dtype_size(task_output(task)->dtype), length = p->dims[p->rank - 1];
    const int64_t run = p->index_strides[p->rank - 1] == 0 ? length : 1; /* elements side by side in both */
    for (int64_t j = begin * length; j < end * length; j += run)
        memcpy((char *)task->output + j * size, (const char *)task->inputs[0] + place(task, p, j) * size,
               (size_t)(run * size));
}

clarus_status oracle_gather(const oracle_task *task, clarus_error *error)
{
    const indexed_params *p = &task->op->as.gather;
    int64_t count = indexed_count(p);
    clarus_status status = count ? check_indices(task, p, error) : CLARUS_OK;
    if (status == CLARUS_OK && count)
        cpu_parallel(task->threads, count / p->dims[p->rank - 1], gather_rows, (void *)task);
    return status;
}

clarus_status oracle_scatter(const oracle_task *task, clarus_error *error)
{
    const scatter_params *p = &task->op->as.scatter;
    clarus_dtype dtype = task_output(task)->dtype;
    int64_t count = indexed_count(&p->places), elements = 0;
    shape_count(&task_output(task)->shape, &elements);
    clarus_status status = count && elements ? check_indices(task, &p->places, error) : CLARUS_OK;
    if (status != CLARUS_OK || !elements)
        return status;
    memcpy(task->output, task->inputs[0], (size_t)elements * clarus_dtype_size(dtype));
    for (int64_t j = 0; j < count; j++) {
        int64_t at = place(task, &p->places, j);
        element_store(dtype, task->output, at,
                      element_combine(dtype, p->function, element_load(dtype, task->output, at),
                                      element_load(dtype, task->inputs[2], j)));
    }
    return CLARUS_OK;
}
