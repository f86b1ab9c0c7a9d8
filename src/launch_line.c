/* Launches of what goes along the lines of one axis: each line is one work-item's, or part of a group of
 * them. */
#include "plan.h"

/* Starts a launch with its buffers, lines, extent and inner; the group comes last. */
static clarus_status begin_lines(plan *plan, size_t op, kernel_id kernel, int axis, const operand *in,
                                 const operand *out, launch **launch, int64_t *lines, clarus_error *error)
{
    int64_t inner = 1;
    *lines = 1;
    for (size_t k = 0; k < in->shape.rank; k++) {
        *lines *= k == (size_t)axis ? 1 : in->shape.dims[k];
        inner *= k > (size_t)axis ? in->shape.dims[k] : 1;
    }
    clarus_status status = plan_add_launch(plan, kernel, op, launch, error);
    if (status != CLARUS_OK)
        return status;
    launch_define_type(*launch, in->dtype);
    launch_buffer(*launch, out->buffer);
    launch_buffer(*launch, in->buffer);
    launch_int(*launch, *lines);
    launch_int(*launch, in->shape.dims[axis]);
    launch_int(*launch, inner);
    return CLARUS_OK;
}

static void end_lines(const plan *plan, launch *launch, int64_t lines, int64_t work)
{
    int64_t group = plan_share(plan, lines, work, 1);
    launch_int(launch, group);
    launch_groups(plan, launch, div_up(lines, group), 1, 1);
}

clarus_status launch_top(plan *plan, size_t op, const lowered_op *what, const operand *in, const operand *out,
                         clarus_error *error)
{
    const top_params *p = &what->as.top;
    launch *launch;
    int64_t lines;
    clarus_status status = begin_lines(plan, op, KERNEL_top, p->axis, in, out, &launch, &lines, error);
    if (status != CLARUS_OK)
        return status;
    launch_int(launch, p->k);
    launch_int(launch, p->largest);
    launch_int(launch, p->last_first);
    end_lines(plan, launch, lines, in->shape.dims[p->axis]);
    return CLARUS_OK;
}

clarus_status launch_scan(plan *plan, size_t op, const lowered_op *what, const operand *in,
                          const operand *out, clarus_error *error)
{
    const scan_params *p = &what->as.scan;
    launch *launch;
    int64_t lines;
    clarus_status status = begin_lines(plan, op, KERNEL_scan, p->axis, in, out, &launch, &lines, error);
    if (status != CLARUS_OK)
        return status;
    launch_int(launch, (int64_t)p->function);
    launch_int(launch, p->exclusive);
    launch_int(launch, p->reverse);
    end_lines(plan, launch, lines, in->shape.dims[p->axis]);
    return CLARUS_OK;
}
