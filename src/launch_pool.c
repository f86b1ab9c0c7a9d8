/* Pooling, in blocked and row-major layouts. */
#include "plan.h"

/* Distances of a value seen as images of [depth][row][pixel]; one- and two-dimensional values have extent 1
 * in the leading axes. */
typedef struct pool_pitch {
    int64_t offset, batch, image, depth, row;
} pool_pitch;

static pool_pitch pitch_of(const operand *value, const int64_t *extent, int64_t channels)
{
    if (value->shape.rank == 4) {
        layout_pitch p;
        layout_get_pitch(&value->layout, &value->shape, &p);
        return (pool_pitch){p.origin, p.image, p.plane, 0, p.row};
    }
    int64_t row = extent[2], depth = extent[1] * row, image = extent[0] * depth;
    return (pool_pitch){0, channels * image, image, depth, row};
}

static clarus_status launch_pool_index(plan *plan, size_t op, const pool_params *p, const operand *in,
                                       const operand *out, clarus_error *error)
{
    const window *w = &p->window;
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_pool_index, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    int64_t images = p->batch * p->channels, table[22], steps[SPATIAL];
    pool_index_steps(p, steps);
    for (int i = 0; i < SPATIAL; i++) {
        const int64_t entries[] = {w->kernel[i], w->stride[i], w->dilation[i], w->pad_begin[i],
                                   w->in[i],     w->out[i],    steps[i]};
        for (int k = 0; k < 7; k++)
            table[3 * k + i] = entries[k];
    }
    table[21] = images;
    launch_groups(plan, launch, w->out[0] * w->out[1] * w->out[2], images, 1);
    launch_buffer(launch, in->buffer);
    launch_buffer(launch, out->buffer);
    return launch_table(plan, launch, table, sizeof table / sizeof *table, error);
}

clarus_status launch_pool(plan *plan, size_t op, const lowered_op *what, const operand *in,
                          const operand *out, clarus_error *error)
{
    const pool_params *p = &what->as.pool;
    if (p->function == POOL_INDEX)
        return launch_pool_index(plan, op, p, in, out, error);
    const window *w = &p->window;
    int blocked = out->layout.kind == LAYOUT_BLOCKED;
    const int lanes = blocked ? plan_device(plan)->lanes : 1;
    int64_t images = blocked ? div_up(p->channels, LAYOUT_BLOCK) : p->channels;
    pool_pitch x = pitch_of(in, w->in, p->channels), y = pitch_of(out, w->out, p->channels);
    /* On CPUs a work-item takes a row, on GPUs a pixel. */
    enum { SIDE_BY_SIDE = 4 };
    int single = plan_device(plan)->group_size > 1;

    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_pool, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    launch_define(launch, "-DAVERAGE=%d -DPIXEL=%d -DLANES=%d -DTP=%d", p->function != POOL_MAX,
                  blocked ? LAYOUT_BLOCK : 1, lanes, single ? 1 : SIDE_BY_SIDE);
    int64_t pixels = w->out[0] * w->out[1] * w->out[2], run = single ? 1 : w->out[2];
    launch_grid(launch, blocked ? (size_t)(LAYOUT_BLOCK / lanes) : 1, (size_t)div_up(pixels, run),
                (size_t)(p->batch * images));
    launch->local[0] = launch->global[0];
    launch_buffer(launch, in->buffer);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    int64_t table[34] = {images,   p->function == POOL_SUM ? 2 : p->count_padding,
                         x.offset, x.batch,
                         x.image,  x.depth,
                         x.row,    y.offset,
                         y.batch,  y.image,
                         y.depth,  y.row};
    for (int i = 0; i < SPATIAL; i++) {
        table[12 + i] = w->kernel[i];
        table[15 + i] = w->stride[i];
        table[18 + i] = w->dilation[i];
        table[21 + i] = w->pad_begin[i];
        table[24 + i] = w->pad_end[i];
        table[27 + i] = w->in[i];
        table[30 + i] = w->out[i];
    }
    table[33] = run;
    return launch_table(plan, launch, table, sizeof table / sizeof *table, error);
}
