/* Launches of what indices name the places of: gathers.
 *
 * The axes of the positions j are merged where they are contiguous in all views; the innermost one is a row.
 */
#include "plan.h"

#include "indexed.h"

#include <string.h>

enum { HEAD = 2 + 2 * CLARUS_MAX_RANK, TABLE = HEAD + 7 + 3 * VIEW_RANK };

/* The head of the kernels' tables (kernels/indexed.h). */
static size_t put_indices(const indexed_params *p, clarus_dtype dtype, int64_t *table)
{
    memset(table, 0, HEAD * sizeof *table);
    table[0] = dtype == CLARUS_INT64;
    table[1] = (int64_t)p->components;
    for (size_t c = 0; c < p->components; c++) {
        table[2 + 2 * c] = p->extents[c];
        table[3 + 2 * c] = p->steps[c];
    }
    return HEAD;
}

static view make_view(const indexed_params *p, const int64_t *strides)
{
    view v = {.rank = p->rank};
    memcpy(v.dims, p->dims, sizeof p->dims);
    memcpy(v.strides, strides, sizeof p->data_strides);
    return v;
}

clarus_status launch_gather(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error)
{
    const indexed_params *p = &what->as.gather;
    view views[2] = {make_view(p, p->data_strides), make_view(p, p->index_strides)};
    views_collapse(views, 2);
    size_t last = views[0].rank - 1, n;
    int64_t length = views[0].dims[last], rows = indexed_count(p) / length, table[TABLE];
    int64_t piece = plan_share(plan, length, 1, LAYOUT_BLOCK), group = plan_share(plan, rows, length, 1);
    const int64_t head[] = {length,       rows, piece, group, views[0].strides[last], views[1].strides[last],
                            (int64_t)last};
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_gather, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    n = put_indices(p, in[1].dtype, table);
    memcpy(table + n, head, sizeof head);
    n += sizeof head / sizeof *head;
    for (size_t k = 0; k < last; k++) {
        table[n++] = views[0].dims[k];
        table[n++] = views[0].strides[k];
        table[n++] = views[1].strides[k];
    }
    launch_define(launch, "-DELEMENT=%s", launch_element(out->dtype));
    launch_groups(plan, launch, div_up(length, piece), div_up(rows, group), 1);
    launch_buffer(launch, out->buffer);
    launch_buffer(launch, in[0].buffer);
    launch_buffer(launch, in[1].buffer);
    status = launch_table(plan, launch, table, n, error);
    return status == CLARUS_OK ? launch_fault(plan, launch, in[1].buffer, error) : status;
}
