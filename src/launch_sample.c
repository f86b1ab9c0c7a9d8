/* Launches of operations that read between elements: resampling along an axis. */
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
    const int64_t sizes[] = {x->dims[axis], extent, taps, inner, piece, group};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        launch_int(launch, sizes[i]);
    return CLARUS_OK;
}
