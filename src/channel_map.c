#include "channel_map.h"

#include "layout.h"

/* ---- one movement in planes -------------------------------------------------------------------- */

/* The map in the making, and what its planes are like. */
typedef struct mapping {
    const lowered_graph *graph;
    channel_map *const *maps;
    channel_map *map;
    int64_t pixels; /* of a plane */
} mapping;

/* Notes the extents of the value's sources; 0 if they are not those of the others. */
static int join_source(mapping *m, size_t value)
{
    const lowered_value *v = &m->graph->values[value];
    const int64_t *d = v->shape.dims;
    const channel_map *source = m->maps[value];
    channel_map own = {.batch = d[0], .height = d[2], .width = d[3]};
    if (!source && (v->shape.rank != 4 || v->dtype != CLARUS_FLOAT32))
        return 0;
    source = source ? source : &own;
    if (!m->map->batch) {
        m->map->batch = source->batch;
        m->map->height = source->height;
        m->map->width = source->width;
    }
    return source->batch == m->map->batch && source->height == m->map->height &&
           source->width == m->map->width;
}

static plane_origin origin_of(const mapping *m, size_t value, int64_t plane)
{
    return m->maps[value] ? m->maps[value]->origins[plane] : (plane_origin){value, plane};
}

/* Two views of the same extents, destination first, in planes instead of elements; 0 if the part does not
 * move whole ones. */
static int views_in_planes(view *views, int64_t pixels)
{
    views_collapse(views, 2);
    size_t last = views[0].rank - 1;
    if (views[0].dims[last] % pixels)
        return 0;
    for (size_t i = 0; i < 2; i++) {
        view *v = &views[i];
        if (v->strides[last] != 1 || v->offset % pixels)
            return 0;
        for (size_t k = 0; k < last; k++) {
            if (v->strides[k] % pixels)
                return 0;
            v->strides[k] /= pixels;
        }
        v->offset /= pixels;
        v->dims[last] /= pixels;
    }
    return 1;
}

/* The part of a movement that copies from the value. */
static int map_part(mapping *m, const move_part *part, size_t value)
{
    view views[2] = {{.rank = part->rank, .offset = part->to_offset},
                     {.rank = part->rank, .offset = part->from_offset}};
    int64_t count = 1;
    for (size_t k = 0; k < part->rank; k++) {
        count *= views[0].dims[k] = views[1].dims[k] = part->dims[k];
        views[0].strides[k] = part->to_strides[k];
        views[1].strides[k] = part->from_strides[k];
    }
    if (count == 0)
        return 1;
    if (!views_in_planes(views, m->pixels))
        return 0;
    for (int64_t i = 0; i < count / m->pixels; i++) {
        int64_t rest = i, to = views[0].offset, from = views[1].offset;
        for (size_t k = views[0].rank; k-- > 0; rest /= views[0].dims[k]) {
            to += rest % views[0].dims[k] * views[0].strides[k];
            from += rest % views[0].dims[k] * views[1].strides[k];
        }
        m->map->origins[to] = origin_of(m, value, from);
    }
    return 1;
}

static int map_op(mapping *m, const lowered_op *op)
{
    if (op->kind == OP_VIEW) {
        for (int64_t i = 0; i < m->map->count; i++)
            m->map->origins[i] = origin_of(m, op->inputs[0], i);
        return 1;
    }
    for (size_t i = 0; i < op->input_count; i++)
        if (!map_part(m, &op->as.move.parts[i], op->inputs[i]))
            return 0;
    return 1;
}

clarus_status channel_map_make(lowered_graph *graph, channel_map *const *maps, const lowered_op *op,
                               channel_map **out, clarus_error *error)
{
    channel_map map = {0};
    mapping m = {graph, maps, &map, 0};
    int64_t count;
    *out = NULL;
    if (!shape_count(&graph->values[op->output].shape, &count) || count == 0 ||
        (op->kind == OP_MOVE && !op->as.move.covers))
        return CLARUS_OK;
    for (size_t i = 0; i < op->input_count; i++)
        if (!join_source(&m, op->inputs[i]))
            return CLARUS_OK;
    m.pixels = map.height * map.width;
    if (m.pixels <= 1 || count % m.pixels) /* planes of one pixel lie side by side in any layout */
        return CLARUS_OK;
    map.count = count / m.pixels;
    map.origins = lowered_alloc(graph, (size_t)map.count, sizeof *map.origins);
    channel_map *made = lowered_alloc(graph, 1, sizeof *made);
    if (!map.origins || !made)
        return error_memory(error, op->name);
    if (!map_op(&m, op))
        return CLARUS_OK;
    *made = map;
    *out = made;
    return CLARUS_OK;
}

/* ---- what a map says of channels --------------------------------------------------------------- */

static int has_few_sources(const plane_origin *channels, int64_t count)
{
    int sources = 0;
    for (int64_t c = 0; c < count; c++) {
        int64_t known = 0;
        while (channels[known].source != channels[c].source)
            known++;
        sources += known == c;
    }
    return sources <= CHANNEL_SOURCES;
}

int channel_map_is_regular(const lowered_graph *graph, const channel_map *map, const shape *shape)
{
    const int64_t *d = shape->dims;
    if (shape->rank != 4 || d[0] != map->batch || d[2] != map->height || d[3] != map->width)
        return 0;
    for (int64_t i = 0; i < map->count; i++) {
        const plane_origin *first = &map->origins[i % d[1]], *origin = &map->origins[i];
        int64_t channels = graph->values[origin->source].shape.dims[1];
        if (origin->source != first->source || origin->plane != first->plane + i / d[1] * channels ||
            first->plane >= channels)
            return 0;
    }
    for (int64_t c = 0; c < d[1]; c += LAYOUT_BLOCK)
        if (!has_few_sources(map->origins + c, min64(d[1] - c, LAYOUT_BLOCK)))
            return 0;
    return 1;
}

int64_t channel_map_first_block(const channel_map *map, const shape *shape)
{
    const plane_origin *first = &map->origins[0];
    for (int64_t c = 0; c < shape->dims[1]; c++)
        if (map->origins[c].source != first->source || map->origins[c].plane != first->plane + c)
            return -1;
    return first->plane % LAYOUT_BLOCK ? -1 : first->plane / LAYOUT_BLOCK;
}
