/* Launches of operations that read between elements. */
#include "plan.h"

clarus_status launch_resample(plan *plan, size_t op, const lowered_op *what, const operand *in,
                              const operand *out, clarus_error *error)
{
    const shape *x = &in[0].shape, *table = &in[1].shape;
    size_t axis = (size_t)what->as.resample.axis;
    int64_t outer = 1, inner = 1, extent = table->dims[0], taps = table->dims[1];
    for (size_t i = 0; i < axis; i++)
        outer *= x->dims[i];
    for (size_t i = axis + 1; i < x->rank; i++)
        inner *= x->dims[i];
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_resample, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    int64_t piece = plan_share(plan, inner, taps, LAYOUT_BLOCK);
    int64_t group = plan_share(plan, extent, inner * taps, 1);
    launch_define(launch, "-DLANES=%d", inner < LAYOUT_BLOCK ? 1 : plan_device(plan)->lanes);
    launch_groups(plan, launch, div_up(inner, piece), div_up(extent, group), outer);
    for (size_t i = 0; i < 3; i++)
        launch_buffer(launch, in[i].buffer);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    const int64_t sizes[] = {x->dims[axis], extent, taps, inner, piece, group};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        launch_int(launch, sizes[i]);
    return CLARUS_OK;
}

clarus_status launch_sample(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error)
{
    const sample_params *p = &what->as.sample;
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_sample, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    const int64_t taps = INT64_C(1) << (p->function * p->axes);
    const int64_t group = plan_share(plan, p->channels, taps, 1);
    const int64_t piece = plan_share(plan, p->points, group * taps, 1);
    launch_define(launch, "-DINDEX=int");
    launch_groups(plan, launch, div_up(p->points, piece), div_up(p->channels, group), p->batch);
    launch_buffer(launch, in[0].buffer);
    launch_buffer(launch, in[1].buffer);
    launch_buffer(launch, out->buffer);
    const int64_t table[] = {p->axes, p->function, p->padding, p->aligned, p->channels, p->points,
                             piece,   group,       p->in[0],   p->in[1],   p->in[2]};
    return launch_table(plan, launch, table, sizeof table / sizeof *table, error);
}

clarus_status launch_roi_align(plan *plan, size_t op, const lowered_op *what, const operand *in,
                               const operand *out, clarus_error *error)
{
    const roi_align_params *p = &what->as.roi_align;
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_roi_align, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    const int64_t group = plan_share(plan, p->channels, 16, 1);
    launch_define(launch, "-DINDEX=%s", in[1].dtype == CLARUS_INT64 ? "long" : "int");
    launch_groups(plan, launch, p->out_rows * p->out_columns, div_up(p->channels, group), p->regions);
    for (size_t i = 0; i < 3; i++)
        launch_buffer(launch, in[i].buffer);
    launch_buffer(launch, out->buffer);
    const int64_t table[] = {p->maximum, p->samples,  p->batch,       p->channels, p->rows,
                             p->columns, p->out_rows, p->out_columns, group};
    if ((status = launch_table(plan, launch, table, sizeof table / sizeof *table, error)) != CLARUS_OK)
        return status;
    launch_float(launch, p->scale);
    launch_float(launch, p->offset);
    return launch_fault(plan, launch, in[1].buffer, error);
}
