/* Launches of what indices name the places of: gathers and scatters.
 *
 * The axes of the positions j are merged where they are contiguous in all views; the innermost one is a row.
 */
#include "plan.h"

#include "indexed.h"

#include <string.h>

enum { HEAD = 2 + 2 * CLARUS_MAX_RANK, TABLE = HEAD + 11 + 7 * VIEW_RANK };

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

/* Each axis' extent and its step in each view. */
static size_t put_axes(const view *views, size_t count, size_t rank, int64_t *table, size_t n)
{
    for (size_t k = 0; k < rank; k++) {
        table[n++] = views[0].dims[k];
        for (size_t i = 0; i < count; i++)
            table[n++] = views[i].strides[k];
    }
    return n;
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
    n = put_axes(views, 2, last, table, n);
    launch_define(launch, "-DELEMENT=%s", launch_element(out->dtype));
    launch_groups(plan, launch, div_up(length, piece), div_up(rows, group), 1);
    launch_buffer(launch, out->buffer);
    launch_buffer(launch, in[0].buffer);
    launch_buffer(launch, in[1].buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK ||
        (status = launch_table(plan, launch, table, n, error)) != CLARUS_OK)
        return status;
    return launch_fault(plan, launch, in[1].buffer, error);
}

static void add_axis(view *v, int64_t extent, int64_t stride)
{
    v->dims[v->rank] = extent;
    v->strides[v->rank++] = stride;
}

/* The axes with places of their own, in y, indices and updates; and those whose places may coincide, in
 * indices and updates. */
static void split_axes(const indexed_params *p, view rows[3], view sequence[2])
{
    shape updates = {.rank = p->rank};
    int64_t strides[CLARUS_MAX_RANK];
    memcpy(updates.dims, p->dims, sizeof updates.dims);
    shape_strides(&updates, strides);
    for (size_t k = 0; k < p->rank; k++) {
        view *indices = p->data_strides[k] ? &rows[1] : &sequence[0];
        add_axis(indices, p->dims[k], p->index_strides[k]);
        add_axis(indices + 1, p->dims[k], strides[k]);
        if (p->data_strides[k])
            add_axis(&rows[0], p->dims[k], p->data_strides[k]);
    }
    for (size_t i = 0; i < 5; i++) {
        view *v = i < 3 ? &rows[i] : &sequence[i - 3];
        if (v->rank == 0)
            add_axis(v, 1, 0);
    }
    views_collapse(rows, 3);
    views_collapse(sequence, 2);
}

static int64_t view_count(const view *v, size_t rank)
{
    int64_t count = 1;
    for (size_t k = 0; k < rank; k++)
        count *= v->dims[k];
    return count;
}

/* y becomes data first. */
clarus_status launch_scatter(plan *plan, size_t op, const lowered_op *what, const operand *in,
                             const operand *out, clarus_error *error)
{
    const scatter_params *p = &what->as.scatter;
    view rows[3] = {{0}}, sequence[2] = {{0}};
    launch *launch;
    clarus_status status = launch_reorder(plan, op, &in[0], out, error);
    if (status != CLARUS_OK || indexed_count(&p->places) == 0 ||
        (status = plan_add_launch(plan, KERNEL_scatter, op, &launch, error)) != CLARUS_OK)
        return status;
    split_axes(&p->places, rows, sequence);
    size_t last = rows[0].rank - 1, n = sequence[0].rank;
    int64_t length = rows[0].dims[last], count = view_count(rows, last), steps = view_count(sequence, n);
    int64_t piece = plan_share(plan, length, steps, LAYOUT_BLOCK);
    int64_t group = plan_share(plan, count, length * steps, 1), table[TABLE];
    const int64_t head[] = {length,
                            count,
                            piece,
                            group,
                            rows[0].strides[last],
                            rows[1].strides[last],
                            rows[2].strides[last],
                            (int64_t)p->function,
                            steps,
                            (int64_t)last,
                            (int64_t)n};
    n = put_indices(&p->places, in[1].dtype, table);
    memcpy(table + n, head, sizeof head);
    n = put_axes(rows, 3, last, table, n + sizeof head / sizeof *head);
    n = put_axes(sequence, 2, sequence[0].rank, table, n);
    launch_define_type(launch, out->dtype);
    launch_groups(plan, launch, div_up(length, piece), div_up(count, group), 1);
    launch_buffer(launch, out->buffer);
    launch_buffer(launch, in[2].buffer);
    launch_buffer(launch, in[1].buffer);
    status = launch_table(plan, launch, table, n, error);
    return status == CLARUS_OK ? launch_fault(plan, launch, in[1].buffer, error) : status;
}
