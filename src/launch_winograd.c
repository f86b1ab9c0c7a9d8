/* Winograd's convolution in three launches: winograd_input transforms the tiles of the input, conv2d.cl
 * multiplies, as a convolution of kernel 1x1 with 36 times as many groups, one for each position, and a pixel
 * for each tile of all images, and winograd_output transforms the products. Both sides of the products are
 * channel blocks, whatever the layouts of input and output. */
#include "launch_conv.h"
#include "winograd.h"

/* ---- launches ---------------------------------------------------------------------------------- */

/* Where a value lies, for kernels that take channel blocks and row-major values alike. */
typedef struct value_places {
    int64_t origin, image, block, channel, row, pixel;
    int64_t last_channel; /* the last that is there, unused lanes included */
} value_places;

static value_places find_places(const operand *value)
{
    layout_pitch pitch;
    layout_get_pitch(&value->layout, &value->shape, &pitch);
    int64_t channels = value->shape.dims[1];
    if (value->layout.kind == LAYOUT_BLOCKED)
        return (value_places){pitch.origin,
                              pitch.image,
                              pitch.plane,
                              1,
                              pitch.row,
                              LAYOUT_BLOCK,
                              div_up(channels, LAYOUT_BLOCK) * LAYOUT_BLOCK - 1};
    return (value_places){pitch.origin, pitch.image, LAYOUT_BLOCK * pitch.plane, pitch.plane, pitch.row, 1,
                          channels - 1};
}

/* Values of 36 groups of whole channel blocks, one pixel per tile. */
static clarus_status place_positions(plan *plan, const conv_params *c, int64_t channels, operand *out,
                                     clarus_error *error)
{
    int64_t padded = div_up(channels, LAYOUT_BLOCK) * LAYOUT_BLOCK;
    *out = (operand){.dtype = CLARUS_FLOAT32,
                     .shape = {4,
                               {1, WINOGRAD_POSITIONS * padded, 1,
                                c->batch * winograd_tiles(c, 1) * winograd_tiles(c, 2)}},
                     .layout = {.kind = LAYOUT_BLOCKED}};
    int64_t count;
    if (!shape_count(&out->shape, &count))
        return error_set(error, CLARUS_E_LIMIT, "winograd: the tiles of %lld channels are too many",
                         (long long)channels);
    return plan_temporary(plan, CLARUS_FLOAT32, (size_t)count, &out->buffer, error);
}

/* Runs of tiles of the channel blocks of `value`. */
static conv_grid divide_transform(const plan *plan, const conv_params *c, const operand *value)
{
    enum { TILE_WORK = 128 }; /* multiply-adds of a vector */
    conv_grid grid = {.tiles = winograd_tiles(c, 1) * winograd_tiles(c, 2),
                      .planes = c->batch * div_up(value->shape.dims[1], LAYOUT_BLOCK)};
    conv_grid_set_run(plan, 1, TILE_WORK, &grid);
    return grid;
}

/* Channels that a work-item takes side by side. */
static int transform_lanes(const plan *plan, const operand *value)
{
    return value->layout.kind == LAYOUT_BLOCKED ? plan_device(plan)->lanes : 1;
}

static clarus_status transform_input(plan *plan, size_t op, const conv_params *c, const operand *in,
                                     const operand *positions, clarus_error *error)
{
    launch *launch;
    const conv_grid grid = divide_transform(plan, c, in);
    const int lanes = transform_lanes(plan, in);
    clarus_status status = plan_add_launch(plan, KERNEL_winograd_input, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    launch_define(launch, "-DLANES=%d", lanes);
    const window *w = &c->window;
    value_places x = find_places(in);
    const int64_t table[] = {winograd_tiles(c, 2),
                             winograd_tiles(c, 1) * winograd_tiles(c, 2),
                             div_up(c->in_channels, LAYOUT_BLOCK),
                             c->batch,
                             x.origin - w->pad_begin[1] * x.row - w->pad_begin[2] * x.pixel,
                             x.image,
                             x.block,
                             x.channel,
                             x.row,
                             x.pixel,
                             x.last_channel};
    launch_buffer(launch, in->buffer);
    launch_buffer(launch, positions->buffer);
    launch->writes = positions->buffer;
    status = launch_conv_items(plan, lanes, &grid, launch, error);
    return status != CLARUS_OK ? status
                               : launch_table(plan, launch, table, sizeof table / sizeof *table, error);
}

static clarus_status multiply(plan *plan, size_t op, const lowered_op *what, const operand *v,
                              const operand *m, clarus_error *error)
{
    const conv_params *c = &what->as.conv;
    int64_t tiles = v->shape.dims[3];
    /* Outputs in whole blocks, as their bias lies. */
    lowered_op product = {.kind = OP_CONV, .inputs = what->inputs, .input_count = 2, .name = what->name};
    product.as.conv = (conv_params){CONV_DIRECT,
                                    1,
                                    WINOGRAD_POSITIONS * c->groups,
                                    WINOGRAD_POSITIONS * c->in_channels,
                                    m->shape.dims[1],
                                    {.kernel = {1, 1, 1},
                                     .stride = {1, 1, 1},
                                     .dilation = {1, 1, 1},
                                     .in = {1, 1, tiles},
                                     .out = {1, 1, tiles}}};
    size_t number = plan->launch_count;
    clarus_status status = launch_blocked_conv(plan, op, &product, v, m, &packing_positions_first, error);
    if (status == CLARUS_OK)
        plan->launches[number].writes = m->buffer;
    return status;
}

static clarus_status transform_output(plan *plan, size_t op, const lowered_op *what, const operand *positions,
                                      const operand *residual, const operand *out, clarus_error *error)
{
    const conv_params *c = &what->as.conv;
    launch *launch;
    const conv_grid grid = divide_transform(plan, c, out);
    const int lanes = transform_lanes(plan, out);
    clarus_status status = plan_add_launch(plan, KERNEL_winograd_output, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    launch_define(launch, "-DLANES=%d", lanes);
    value_places y = find_places(out), r = residual ? find_places(residual) : (value_places){0};
    const int64_t table[] = {winograd_tiles(c, 2),
                             winograd_tiles(c, 1) * winograd_tiles(c, 2),
                             div_up(c->out_channels, LAYOUT_BLOCK),
                             c->batch,
                             y.origin,
                             y.image,
                             y.block,
                             y.channel,
                             y.row,
                             y.pixel,
                             y.last_channel,
                             c->window.out[1],
                             c->window.out[2],
                             r.origin,
                             r.image,
                             r.block,
                             r.channel,
                             r.row,
                             r.pixel,
                             residual != NULL};
    launch_buffer(launch, positions->buffer);
    if ((status = launch_bias(plan, what, &out->layout, launch, error)) != CLARUS_OK)
        return status;
    launch_results(launch, residual, out);
    if ((status = launch_conv_items(plan, lanes, &grid, launch, error)) != CLARUS_OK ||
        (status = launch_table(plan, launch, table, sizeof table / sizeof *table, error)) != CLARUS_OK)
        return status;
    launch_epilogue(launch, &what->epilogue);
    return CLARUS_OK;
}

/* ---- in one launch ----------------------------------------------------------------------------- */

/* How winograd.cl divides a convolution. */
typedef struct whole_division {
    int64_t pixels, blocks; /* of the register tile: tiles of the picture by channel blocks */
    int64_t parts;          /* register tiles of a run */
    int64_t runs, tiles_o;  /* output tiles of a group */
    int64_t piece;          /* output tiles of an item */
} whole_division;

/* Of the transformed inputs and the sums. */
static int64_t local_bytes(const conv_params *c, const whole_division *d)
{
    int64_t blocks = div_up(c->in_channels / c->groups, LAYOUT_BLOCK) + d->blocks;
    return d->parts * d->pixels * WINOGRAD_POSITIONS * blocks * LAYOUT_BLOCK * (int64_t)sizeof(float);
}

static void define_register_tile(launch *launch, const whole_division *d)
{
    launch_define(launch, "-DTP=%lld -DTC=%lld -DLANES=%d", (long long)d->pixels, (long long)d->blocks,
                  LAYOUT_BLOCK);
}

/* The register tile that wastes least on whole tiles. */
static void choose_register_tile(const plan *plan, int64_t tiles, int64_t blocks, whole_division *d)
{
    static const int pixels[] = {14, 12, 10, 8, 4, 3};
    double best = 1e300;
    d->blocks = min64(blocks, 2);
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) {
        whole_division trial = {.pixels = pixels[i], .blocks = d->blocks};
        launch launch = {0};
        define_register_tile(&launch, &trial);
        double cost = (double)(div_up(tiles, trial.pixels) * (trial.pixels + 2)) *
                      conv_tile_reuse(plan, KERNEL_winograd, launch.defines);
        if (trial.pixels * trial.blocks <= plan_device(plan)->tile_registers && cost < best) {
            best = cost;
            d->pixels = trial.pixels;
        }
    }
}

/* 0 where the three launches are better: the scratch has to fit. Every run reads all the weights; a few times
 * what a core's own cache holds pass by faster than the positions would, in three launches, through memory.
 */
static int divide_whole(const plan *plan, const conv_params *c, const operand *in, const operand *out,
                        whole_division *d)
{
    enum { PASSING = 6, GROUPS = 3 };
    const device_params *device = plan_device(plan);
    int64_t tiles = c->batch * winograd_tiles(c, 1) * winograd_tiles(c, 2);
    int64_t group_in = c->in_channels / c->groups, group_out = c->out_channels / c->groups;
    int64_t weights = WINOGRAD_POSITIONS * group_in * group_out * (int64_t)sizeof(float);
    *d = (whole_division){.parts = 1};
    choose_register_tile(plan, tiles, div_up(group_out, LAYOUT_BLOCK), d);
    if (d->pixels == 0 || device->lanes != LAYOUT_BLOCK || in->layout.kind != LAYOUT_BLOCKED ||
        out->layout.kind != LAYOUT_BLOCKED || group_in > segment_channels(1) ||
        weights > PASSING * (int64_t)device->local_bytes || local_bytes(c, d) > device->local_bytes)
        return 0;
    if (weights > device->local_bytes) {
        d->parts = 2;
        d->parts = local_bytes(c, d) > device->local_bytes ? 1 : 2;
    }
    d->tiles_o = div_up(div_up(group_out, LAYOUT_BLOCK), d->blocks);
    d->runs = div_up(tiles, d->parts * d->pixels);
    d->piece = div_up(d->tiles_o, min64(div_up(GROUPS * plan->parallel, d->runs * c->groups), d->tiles_o));
    return 1;
}

static clarus_status launch_whole(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                  const operand *out, const whole_division *d, clarus_error *error)
{
    const conv_params *c = &what->as.conv;
    const window *w = &c->window;
    const operand *residual = conv_residual(what, in);
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_winograd, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    define_register_tile(launch, d);
    value_places x = find_places(in), y = find_places(out),
                 r = residual ? find_places(residual) : (value_places){0};
    int64_t image_tiles = winograd_tiles(c, 1) * winograd_tiles(c, 2);
    const int64_t group_in = c->in_channels / c->groups, group_out = c->out_channels / c->groups;
    const int64_t items = d->runs * c->groups * div_up(d->tiles_o, d->piece);
    launch_grid(launch, 1, (size_t)items, 1);
    const int64_t table[] = {winograd_tiles(c, 2),
                             image_tiles,
                             c->batch * image_tiles,
                             d->parts,
                             c->groups,
                             group_in,
                             div_up(group_in, LAYOUT_BLOCK),
                             div_up(group_out, LAYOUT_BLOCK),
                             d->piece,
                             x.origin - w->pad_begin[1] * x.row - w->pad_begin[2] * x.pixel,
                             x.image,
                             x.block,
                             x.row,
                             y.origin,
                             y.image,
                             y.block,
                             y.row,
                             r.origin,
                             r.image,
                             r.block,
                             r.row,
                             w->out[1],
                             w->out[2],
                             residual != NULL};
    const weight_packing pack = {.value = what->inputs[1],
                                 .outputs = c->out_channels,
                                 .groups = WINOGRAD_POSITIONS * c->groups,
                                 .group_in = group_in,
                                 .width = d->blocks * LAYOUT_BLOCK,
                                 .tiles = d->tiles_o};
    launch_buffer(launch, in->buffer);
    if ((status = launch_weights(plan, &pack, &packing_tiles_first,
                                 (size_t)(pack.groups * d->tiles_o * group_in * pack.width), launch,
                                 error)) != CLARUS_OK ||
        (status = launch_bias(plan, what, &out->layout, launch, error)) != CLARUS_OK)
        return status;
    launch_results(launch, residual, out);
    if ((status = launch_share(plan, launch, items, NULL, 0, error)) != CLARUS_OK ||
        (status = launch_table(plan, launch, table, sizeof table / sizeof *table, error)) != CLARUS_OK)
        return status;
    launch_epilogue(launch, &what->epilogue);
    launch_local(launch, (size_t)local_bytes(c, d));
    return CLARUS_OK;
}

clarus_status launch_winograd(plan *plan, size_t op, const lowered_op *what, const operand *in,
                              const operand *out, clarus_error *error)
{
    const conv_params *c = &what->as.conv;
    operand v, m;
    clarus_status status;
    whole_division d;
    if (divide_whole(plan, c, in, out, &d))
        return launch_whole(plan, op, what, in, out, &d, error);
    if ((status = place_positions(plan, c, c->in_channels, &v, error)) != CLARUS_OK ||
        (status = transform_input(plan, op, c, in, &v, error)) != CLARUS_OK ||
        (status = place_positions(plan, c, c->out_channels, &m, error)) != CLARUS_OK ||
        (status = multiply(plan, op, what, &v, &m, error)) != CLARUS_OK)
        return status;
    return transform_output(plan, op, what, &m, conv_residual(what, in), out, error);
}
