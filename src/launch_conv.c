/* Convolutions: which kernel, how the weights are packed.
 *
 * conv2d.cl takes channel-blocked values, in tiles (pixels x channel blocks, all held in registers) that
 * conv_tile.c chooses per layer by counting cycles, padding to whole tiles included. Each group begins a
 * block there, so values of groups that are no whole blocks are regrouped. depthwise.cl takes one channel per
 * group, or 2, 4 or 8 that lie in one channel block, launch_winograd.c what is computed by Winograd's
 * algorithm. conv_any.cl takes everything else. */
#include "launch_conv.h"
#include "conv_tile.h"
#include "cpu.h"
#include "winograd.h"

#include <string.h>

static int is_constant(const lowered_graph *graph, size_t value)
{
    return graph->values[value].kind == VALUE_CONSTANT;
}

/* Packed weights and a padded bias need constants. */
static int has_constant_weights(const lowered_graph *graph, const lowered_op *what)
{
    return is_constant(graph, what->inputs[1]) &&
           (!what->epilogue.has_bias || is_constant(graph, what->inputs[2]));
}

conv_route conv_choose_route(const lowered_graph *graph, const lowered_op *what)
{
    enum { LONGEST_STRIDE = 64 };
    const conv_params *c = &what->as.conv;
    if (graph->values[what->output].shape.rank != 4 || !has_constant_weights(graph, what) ||
        c->window.stride[2] > LONGEST_STRIDE)
        return CONV_ANY;
    int64_t group_in = c->in_channels / c->groups, group_out = c->out_channels / c->groups;
    int shares_block = group_in == group_out && group_in < LAYOUT_BLOCK && LAYOUT_BLOCK % group_in == 0;
    return c->groups > 1 && shares_block ? CONV_DEPTHWISE : CONV_BLOCKED;
}

int64_t conv_blocks_group(const lowered_graph *graph, const lowered_op *what, int64_t channels)
{
    int64_t group = channels / what->as.conv.groups;
    int whole = what->as.conv.groups == 1 || group % LAYOUT_BLOCK == 0;
    return whole || conv_choose_route(graph, what) != CONV_BLOCKED ? 0 : group;
}

void conv_input_halo(const conv_params *conv, layout *layout)
{
    const window *w = &conv->window;
    /* Rows and pixels that the last output's window reaches, which may be fewer than the padding offers. */
    int64_t reach[SPATIAL];
    for (int i = 1; i < SPATIAL; i++) {
        int64_t out = conv->algorithm == CONV_WINOGRAD ? winograd_tiles(conv, i) * WINOGRAD_TILE : w->out[i];
        reach[i] =
            (out - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - w->pad_begin[i] - w->in[i];
        reach[i] = reach[i] > 0 ? reach[i] : 0;
    }
    layout->top = w->pad_begin[1];
    layout->left = w->pad_begin[2];
    layout->bottom = reach[1];
    layout->right = reach[2];
}

/* With work-items in plenty the parts of a channel block stand side by side, else each part is an item. */
clarus_status launch_conv_items(plan *plan, int lanes, const conv_grid *grid, launch *launch,
                                clarus_error *error)
{
    const device_params *device = plan_device(plan);
    int64_t parts = LAYOUT_BLOCK / lanes, runs = div_up(grid->tiles, grid->run);
    int64_t items = grid->planes * runs, group = device->group_size > parts ? device->group_size / parts : 1;
    launch_grid(launch, (size_t)parts, (size_t)(div_up(items, group) * group), 1);
    launch->local[0] = (size_t)parts;
    launch->local[1] = (size_t)group;
    if (device->near_bytes == 0)
        parts = 1;
    const int64_t rest[] = {parts, grid->planes, runs, grid->planes_first, grid->tiles, grid->run};
    return launch_share(plan, launch, items * parts, rest, sizeof rest / sizeof *rest, error);
}

clarus_status launch_weights(plan *plan, const weight_packing *pack, const packing_form *form, size_t count,
                             launch *launch, clarus_error *error)
{
    weight_packing *kept = plan_alloc(plan, 1, sizeof *kept);
    if (!kept)
        return error_memory(error, "packed weights");
    *kept = *pack;
    size_t buffer;
    clarus_status status = plan_packed(plan, count, &(packing){form, kept, pack->value}, &buffer, error);
    if (status == CLARUS_OK)
        launch_buffer(launch, buffer);
    return status;
}

clarus_status launch_bias(plan *plan, const lowered_op *what, const layout *layout, launch *launch,
                          clarus_error *error)
{
    int64_t channels = what->as.conv.out_channels;
    int64_t padded = (layout_lane(layout, channels - 1) / LAYOUT_BLOCK + 1) * LAYOUT_BLOCK;
    float *bias = plan_alloc(plan, (size_t)padded, sizeof *bias);
    clarus_status status = bias ? CLARUS_OK : error_memory(error, "bias");
    if (status == CLARUS_OK && what->epilogue.has_bias)
        status = lowered_load(plan->graph, what->inputs[2], error);
    if (status != CLARUS_OK)
        return status;
    memset(bias, 0, (size_t)padded * sizeof *bias);
    const float *from = what->epilogue.has_bias ? plan->graph->values[what->inputs[2]].data : NULL;
    for (int64_t c = 0; from && c < channels; c++)
        bias[layout_lane(layout, c)] = from[c];
    size_t buffer;
    status = plan_constant(plan, CLARUS_FLOAT32, bias, (size_t)padded, &buffer, error);
    if (status == CLARUS_OK)
        launch_buffer(launch, buffer);
    return status;
}

const operand *conv_residual(const lowered_op *what, const operand *in)
{
    return what->epilogue.has_residual ? &in[what->input_count - 1] : NULL;
}

void launch_results(launch *launch, const operand *residual, const operand *out)
{
    launch_buffer(launch, residual ? residual->buffer : out->buffer);
    launch_buffer(launch, out->buffer);
}

/* Where a convolution's values lie. */
typedef struct conv_places {
    const operand *residual; /* or NULL */
    layout_pitch x, y, r;
} conv_places;

static conv_places get_places(const lowered_op *what, const operand *in, const operand *out)
{
    conv_places places = {.residual = conv_residual(what, in)};
    layout_get_pitch(&in->layout, &in->shape, &places.x);
    layout_get_pitch(&out->layout, &out->shape, &places.y);
    if (places.residual)
        layout_get_pitch(&places.residual->layout, &places.residual->shape, &places.r);
    return places;
}

/* The launch's arguments in the order that both kernels have; both tables end with where the results lie. */
static clarus_status add_arguments(plan *plan, const lowered_op *what, const operand *in, const operand *out,
                                   const conv_places *places, const weight_packing *pack,
                                   const packing_form *form, int64_t weights, const conv_grid *grid,
                                   const int64_t *table, size_t table_count, launch *launch,
                                   clarus_error *error)
{
    enum { MOST = 19 };
    const layout_pitch *y = &places->y, *r = &places->r;
    const int64_t results[] = {y->origin, y->image,  y->plane,
                               y->row,    r->origin, r->image,
                               r->plane,  r->row,    places->residual != NULL};
    int64_t all[MOST + sizeof results / sizeof *results];
    memcpy(all, table, table_count * sizeof *all);
    memcpy(all + table_count, results, sizeof results);
    clarus_status status;
    launch_buffer(launch, in->buffer);
    if ((status = launch_weights(plan, pack, form, (size_t)weights, launch, error)) != CLARUS_OK ||
        (status = launch_bias(plan, what, &out->layout, launch, error)) != CLARUS_OK)
        return status;
    launch_results(launch, places->residual, out);
    if ((status = launch_conv_items(plan, plan_device(plan)->lanes, grid, launch, error)) != CLARUS_OK ||
        (status = launch_table(plan, launch, all, table_count + sizeof results / sizeof *results, error)) !=
            CLARUS_OK)
        return status;
    launch_epilogue(launch, &what->epilogue);
    return CLARUS_OK;
}

/* How conv2d.cl divides a convolution. */
typedef struct conv_division {
    int64_t lists, pixels; /* of a list; with a flat tile every image is a list, else there is one */
    int64_t blocks;        /* channel blocks of a group */
    conv_tile tile;
    int64_t tiles_o; /* output tiles of a group */
    conv_grid grid;
} conv_division;

static void divide(const plan *plan, const conv_params *c, const layout_pitch *x, int64_t x_pixel,
                   conv_division *d)
{
    const window *w = &c->window;
    int64_t group_in = c->in_channels / c->groups, taps = w->kernel[1] * w->kernel[2];
    const conv_extent extent = {.images = c->batch,
                                .pixels = w->out[1] * w->out[2],
                                .blocks = div_up(c->out_channels / c->groups, LAYOUT_BLOCK),
                                .products = group_in * taps,
                                .x_pixel = x_pixel,
                                .may_be_flat = x_pixel == LAYOUT_BLOCK && taps == 1 && w->stride[1] == 1 &&
                                               w->stride[2] == 1 && w->out[2] == w->in[2] &&
                                               w->out[1] == w->in[1] && x->row == w->in[2] * x_pixel};
    d->blocks = extent.blocks;
    d->tile = conv_tile_choose(plan, KERNEL_conv2d, &extent);
    d->lists = d->tile.flat ? c->batch : 1;
    d->pixels = c->batch * extent.pixels / d->lists;
    d->tiles_o = div_up(d->blocks, d->tile.blocks);
    d->grid =
        (conv_grid){.tiles = div_up(d->pixels, d->tile.pixels), .planes = c->groups * d->tiles_o * d->lists};
    conv_grid_set_order(plan, &d->tile, group_in, c->out_channels / c->groups, taps, &d->grid);
}

clarus_status launch_blocked_conv(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                  const operand *out, const packing_form *form, clarus_error *error)
{
    const conv_params *c = &what->as.conv;
    const window *w = &c->window;
    const conv_places places = get_places(what, in, out);
    const layout_pitch *x = &places.x;
    int64_t group_in = c->in_channels / c->groups, group_out = c->out_channels / c->groups;
    int64_t taps = w->kernel[1] * w->kernel[2], pixel = in->layout.kind == LAYOUT_BLOCKED ? LAYOUT_BLOCK : 1;
    conv_division d;
    divide(plan, c, x, pixel, &d);

    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_conv2d, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    conv_tile_define(launch, &d.tile, pixel, plan_device(plan)->lanes);
    weight_packing pack = {.value = what->inputs[1],
                           .outputs = plan->graph->values[what->inputs[1]].shape.dims[0],
                           .groups = c->groups,
                           .group_out = group_out,
                           .group_in = group_in,
                           .taps = taps,
                           .width = d.tile.blocks * LAYOUT_BLOCK,
                           .tiles = d.tiles_o};
    const int64_t table[] = {w->out[2],
                             w->out[1],
                             d.pixels,
                             d.tiles_o,
                             group_in,
                             segment_channels(taps),
                             w->kernel[1],
                             w->kernel[2],
                             x->origin - w->pad_begin[1] * x->row - w->pad_begin[2] * pixel,
                             x->image,
                             pixel == 1 ? group_in * x->plane : div_up(group_in, LAYOUT_BLOCK) * x->plane,
                             pixel == 1 ? LAYOUT_BLOCK * x->plane : x->plane,
                             pixel == 1 ? x->plane : 1,
                             x->row * w->stride[1],
                             pixel * w->stride[2],
                             x->row * w->dilation[1],
                             pixel * w->dilation[2],
                             d.blocks,
                             d.lists};
    return add_arguments(plan, what, in, out, &places, &pack, form,
                         c->groups * d.tiles_o * pack.width * group_in * taps, &d.grid, table,
                         sizeof table / sizeof *table, launch, error);
}

/* Pixels of a row that a work-item holds. */
static int64_t depthwise_pixels(const device_params *device, const window *w)
{
    int64_t pixels = w->out[2] % 14 == 0 || device->tile_registers < 14 ? 14 : 8;
    if (pixels > device->tile_registers || w->out[2] < pixels ||
        pixels * w->stride[2] * LAYOUT_BLOCK > BUFFER_SLACK)
        return w->stride[2] * 7 * LAYOUT_BLOCK > BUFFER_SLACK ? 1 : 7;
    return pixels;
}

static clarus_status launch_depthwise(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                      const operand *out, clarus_error *error)
{
    enum { LONGEST_ROW = 7 };
    const conv_params *c = &what->as.conv;
    const window *w = &c->window;
    const device_params *device = plan_device(plan);
    const conv_places places = get_places(what, in, out);
    const layout_pitch *x = &places.x;
    int64_t pixels = depthwise_pixels(device, w), tiles_x = div_up(w->out[2], pixels);
    int64_t blocks = div_up(c->out_channels, LAYOUT_BLOCK), taps = w->kernel[1] * w->kernel[2];
    int64_t group = c->out_channels / c->groups;

    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_depthwise, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    int written_out = group == 1 && w->dilation[2] == 1 && w->kernel[2] % 2 && w->kernel[2] > 1;
    int64_t width = written_out && w->kernel[2] <= LONGEST_ROW ? w->kernel[2] : 0;
    launch_define(launch, "-DTP=%lld -DSX=%lld -DG=%lld -DKW=%lld -DLANES=%d", (long long)pixels,
                  (long long)w->stride[2], (long long)group, (long long)width, device->lanes);
    conv_grid grid = {
        .tiles = tiles_x * w->out[1], .planes = c->batch * blocks, .planes_first = device->near_bytes > 0};
    conv_grid_set_run(plan, 1, pixels * taps * group, &grid);
    weight_packing pack = {
        .value = what->inputs[1], .outputs = c->out_channels, .group_in = group, .taps = taps};
    const int64_t table[] = {tiles_x,
                             w->out[2],
                             blocks,
                             w->kernel[1],
                             w->kernel[2],
                             x->origin - w->pad_begin[1] * x->row - w->pad_begin[2] * LAYOUT_BLOCK,
                             x->image,
                             x->plane,
                             x->row * w->stride[1],
                             x->row * w->dilation[1],
                             LAYOUT_BLOCK * w->dilation[2]};
    return add_arguments(plan, what, in, out, &places, &pack, &packing_depthwise,
                         blocks * LAYOUT_BLOCK * group * taps, &grid, table, sizeof table / sizeof *table,
                         launch, error);
}

static clarus_status launch_any(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                const operand *out, clarus_error *error)
{
    const conv_params *c = &what->as.conv;
    const window *w = &c->window;
    const operand *residual = conv_residual(what, in);
    int64_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];

    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_conv_any, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    launch_define(launch, "-DLANES=1");
    launch_grid(launch, (size_t)(w->out[0] * w->out[1] * w->out[2]), (size_t)c->out_channels,
                (size_t)c->batch);
    launch_buffer(launch, in[0].buffer);
    launch_buffer(launch, in[1].buffer);
    if (what->epilogue.has_bias)
        launch_buffer(launch, in[2].buffer);
    else if ((status = launch_bias(plan, what, &out->layout, launch, error)) != CLARUS_OK)
        return status;
    launch_results(launch, residual, out);
    int64_t table[24] = {
        c->in_channels,         c->out_channels, c->in_channels / c->groups, c->out_channels / c->groups,
        segment_channels(taps), residual != NULL};
    for (int i = 0; i < SPATIAL; i++) {
        table[6 + i] = w->kernel[i];
        table[9 + i] = w->stride[i];
        table[12 + i] = w->dilation[i];
        table[15 + i] = w->pad_begin[i];
        table[18 + i] = w->in[i];
        table[21 + i] = w->out[i];
    }
    if ((status = launch_table(plan, launch, table, sizeof table / sizeof *table, error)) != CLARUS_OK)
        return status;
    launch_epilogue(launch, &what->epilogue);
    return CLARUS_OK;
}

clarus_status launch_conv(plan *plan, size_t op, const lowered_op *what, const operand *in,
                          const operand *out, clarus_error *error)
{
    if (what->as.conv.algorithm == CONV_WINOGRAD)
        return launch_winograd(plan, op, what, in, out, error);
    if (out->layout.kind == LAYOUT_PLAIN)
        return launch_any(plan, op, what, in, out, error);
    return conv_choose_route(plan->graph, what) == CONV_DEPTHWISE
               ? launch_depthwise(plan, op, what, in, out, error)
               : launch_blocked_conv(plan, op, what, in, out, &packing_tiles, error);
}
