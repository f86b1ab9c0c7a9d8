/* Launches that bring channels of blocked values together: kernels/channels.cl explains the pieces. */
#include "channel_map.h"
#include "plan.h"

#include <string.h>

enum {
    SOURCES = CHANNEL_SOURCES,
    HEAD = 8 + 2 * SOURCES,
    PIECE = 4,
    MOST_SHIFT = 3,
    WHOLE = (1 << LAYOUT_BLOCK) - 1
};

/* One launch in the making: a run of blocks. */
typedef struct gathering {
    const plane_origin *channels;   /* of the whole output */
    const operand *const *operands; /* where each channel's source lies */
    int64_t first_block, block_count, piece_count;
    int64_t *firsts, *pieces; /* the number of each block's first piece; the pieces */
    const operand *sources[SOURCES];
    size_t source_count;
} gathering;

/* The source's number in this launch; SOURCES if there is no room for it. */
static size_t number_source(gathering *g, const operand *source)
{
    size_t i = 0;
    while (i < g->source_count && g->sources[i] != source)
        i++;
    if (i == g->source_count && i < SOURCES)
        g->sources[g->source_count++] = source;
    return i;
}

static int count_bits(int lanes)
{
    int count = 0;
    for (; lanes; lanes &= lanes - 1)
        count++;
    return count;
}

/* Lanes from `lane` on that a piece of this shift takes from the block where the lane's channel is. */
static int find_lanes(const plane_origin *channels, int count, int lane, int shift, int missing)
{
    const plane_origin *first = &channels[lane];
    int lanes = 0;
    for (int l = lane; l < count; l++) {
        const plane_origin *c = &channels[l];
        if (missing >> l & 1 && c->source == first->source &&
            c->plane / LAYOUT_BLOCK == first->plane / LAYOUT_BLOCK &&
            c->plane - first->plane == (l >> shift) - (lane >> shift))
            lanes |= 1 << l;
    }
    return lanes;
}

/* The piece that brings lane `lane` of a block, and all others that it can. Gives its lanes. */
static int add_piece(gathering *g, const plane_origin *channels, int count, int lane, int missing,
                     const operand *source, size_t number)
{
    int shift = 0, lanes = 0;
    for (int s = 0; s <= MOST_SHIFT; s++) {
        int found = find_lanes(channels, count, lane, s, missing);
        if (count_bits(found) > count_bits(lanes)) {
            shift = s;
            lanes = found;
        }
    }
    layout_pitch pitch;
    layout_get_pitch(&source->layout, &source->shape, &pitch);
    int64_t channel = channels[lane].plane, *piece = g->pieces + g->piece_count++ * PIECE;
    piece[0] = (int64_t)number;
    piece[1] = pitch.origin + channel / LAYOUT_BLOCK * pitch.plane + channel % LAYOUT_BLOCK - (lane >> shift);
    piece[2] = shift;
    piece[3] = lane ? lanes : WHOLE;
    return lanes;
}

/* The next block, which has `count` channels; 0 if the launch has no room for its sources. */
static int add_block(gathering *g, int count)
{
    int64_t first = (g->first_block + g->block_count) * LAYOUT_BLOCK;
    int missing = (1 << count) - 1;
    for (int lane = 0; lane < count; lane++) {
        if (!(missing >> lane & 1))
            continue;
        const operand *source = g->operands[first + lane];
        size_t number = number_source(g, source);
        if (number == SOURCES)
            return 0;
        missing &= ~add_piece(g, g->channels + first, count, lane, missing, source, number);
    }
    g->firsts[++g->block_count] = g->piece_count;
    return 1;
}

/* Where the sources lie, as the kernel's arguments and in its table; if any has a halo. */
static int add_sources(const gathering *g, launch *launch, int64_t *pitches)
{
    int halo = 0;
    for (size_t i = 0; i < SOURCES; i++) {
        const operand *source = g->sources[i < g->source_count ? i : 0];
        layout_pitch x;
        layout_get_pitch(&source->layout, &source->shape, &x);
        pitches[2 * i] = x.image;
        pitches[2 * i + 1] = x.row;
        launch_buffer(launch, source->buffer);
        halo |= layout_has_halo(&source->layout);
    }
    return halo;
}

static clarus_status launch_blocks(plan *plan, size_t op, const gathering *g, const operand *out,
                                   clarus_error *error)
{
    const int64_t *d = out->shape.dims;
    int64_t rows = d[2], width = d[3];
    size_t count = HEAD + (size_t)g->block_count + 1 + (size_t)g->piece_count * PIECE;
    int lanes = plan_device(plan)->lanes > 1 ? LAYOUT_BLOCK : 1;
    int64_t *table = plan_alloc(plan, count, sizeof *table);
    launch *launch;
    clarus_status status = table ? plan_add_launch(plan, KERNEL_channels, op, &launch, error)
                                 : error_memory(error, "launch table");
    if (status != CLARUS_OK)
        return status;
    if (!add_sources(g, launch, table + 8) && !layout_has_halo(&out->layout)) { /* a plane is one row */
        width *= rows;
        rows = 1;
    }
    int64_t run = plan_share(plan, width, LAYOUT_BLOCK, 1), runs = div_up(width, run);
    layout_pitch y;
    layout_get_pitch(&out->layout, &out->shape, &y);
    const int64_t head[] = {g->block_count, width,   run,  runs, y.origin + g->first_block * y.plane,
                            y.image,        y.plane, y.row};
    memcpy(table, head, sizeof head);
    memcpy(table + HEAD, g->firsts, ((size_t)g->block_count + 1) * sizeof *table);
    memcpy(table + HEAD + g->block_count + 1, g->pieces, (size_t)g->piece_count * PIECE * sizeof *table);
    launch_define(launch, "-DLANES=%d", lanes);
    launch_grid(launch, (size_t)(LAYOUT_BLOCK / lanes), (size_t)(rows * runs),
                (size_t)(d[0] * g->block_count));
    launch->local[0] = launch->global[0];
    launch_buffer(launch, out->buffer);
    status = launch_share_grid(plan, launch, error);
    return status == CLARUS_OK ? launch_table(plan, launch, table, count, error) : status;
}

clarus_status launch_regroup(plan *plan, size_t op, const operand *in, const operand *out,
                             clarus_error *error)
{
    int64_t lanes = layout_planes(&out->layout, &out->shape) * LAYOUT_BLOCK;
    channel_map map = {.origins = plan_alloc(plan, (size_t)lanes, sizeof *map.origins)};
    const operand **operands = plan_alloc(plan, (size_t)lanes, sizeof *operands);
    if (!map.origins || !operands)
        return error_memory(error, "channels");
    for (int64_t l = 0; l < lanes; l++)
        operands[l] = in;
    for (int64_t c = 0; c < out->shape.dims[1]; c++)
        map.origins[layout_lane(&out->layout, c)].plane = layout_lane(&in->layout, c);
    return launch_channels(plan, op, &map, operands, out, error);
}

clarus_status launch_channels(plan *plan, size_t op, const channel_map *map, const operand *const *operands,
                              const operand *out, clarus_error *error)
{
    int64_t blocks = layout_planes(&out->layout, &out->shape);
    gathering g = {.channels = map->origins, .operands = operands};
    g.firsts = plan_alloc(plan, (size_t)blocks + 1, sizeof *g.firsts);
    g.pieces = plan_alloc(plan, (size_t)(blocks * LAYOUT_BLOCK), PIECE * sizeof *g.pieces);
    if (!g.firsts || !g.pieces)
        return error_memory(error, "launch table");
    g.firsts[0] = 0;
    while (g.first_block + g.block_count < blocks) {
        gathering before = g;
        if (add_block(&g, layout_channels(&out->layout, &out->shape, g.first_block + g.block_count)))
            continue;
        clarus_status status = launch_blocks(plan, op, &before, out, error);
        if (status != CLARUS_OK)
            return status;
        g = (gathering){.channels = map->origins,
                        .operands = operands,
                        .first_block = before.first_block + before.block_count,
                        .firsts = g.firsts,
                        .pieces = g.pieces};
    }
    return launch_blocks(plan, op, &g, out, error);
}
