#include "layout.h"

#include <string.h>

int64_t layout_planes(const layout *layout, const shape *shape)
{
    int64_t channels = shape->dims[1];
    if (layout->kind == LAYOUT_PLAIN)
        return channels;
    return layout->group ? channels / layout->group * div_up(layout->group, LAYOUT_BLOCK)
                         : div_up(channels, LAYOUT_BLOCK);
}

int layout_channels(const layout *layout, const shape *shape, int64_t block)
{
    int64_t group = layout->group ? layout->group : shape->dims[1];
    return (int)min64(group - block % div_up(group, LAYOUT_BLOCK) * LAYOUT_BLOCK, LAYOUT_BLOCK);
}

int64_t layout_lane(const layout *layout, int64_t channel)
{
    if (!layout->group)
        return channel;
    return channel / layout->group * div_up(layout->group, LAYOUT_BLOCK) * LAYOUT_BLOCK +
           channel % layout->group;
}

void layout_get_pitch(const layout *layout, const shape *shape, layout_pitch *pitch)
{
    const int64_t *d = shape->dims;
    int64_t pixel = layout->kind == LAYOUT_BLOCKED ? LAYOUT_BLOCK : 1;
    pitch->row = (layout->left + d[3] + layout->right) * pixel;
    pitch->plane = (layout->top + d[2] + layout->bottom) * pitch->row;
    pitch->image =
        (layout->total_blocks ? layout->total_blocks : layout_planes(layout, shape)) * pitch->plane;
    pitch->origin = layout->first_block * pitch->plane + layout->top * pitch->row + layout->left * pixel;
}

int layout_has_halo(const layout *layout)
{
    return layout->top || layout->left || layout->bottom || layout->right;
}

int64_t layout_count(const layout *layout, const shape *shape)
{
    int64_t count = 1;
    if (layout->kind == LAYOUT_PLAIN && !layout_has_halo(layout)) {
        for (size_t i = 0; i < shape->rank; i++)
            count *= shape->dims[i];
        return count;
    }
    layout_pitch pitch;
    layout_get_pitch(layout, shape, &pitch);
    return shape->dims[0] * pitch.image;
}

void layout_view(const layout *layout, const shape *shape, view *out)
{
    memset(out, 0, sizeof *out);
    const int64_t *d = shape->dims;
    if (layout->kind == LAYOUT_PLAIN && !layout_has_halo(layout)) {
        out->rank = shape->rank;
        memcpy(out->dims, d, sizeof shape->dims);
        shape_strides(shape, out->strides);
        return;
    }
    layout_pitch pitch;
    layout_get_pitch(layout, shape, &pitch);
    if (layout->kind == LAYOUT_PLAIN)
        *out = (view){.rank = 4,
                      .dims = {d[0], d[1], d[2], d[3]},
                      .strides = {pitch.image, pitch.plane, pitch.row, 1},
                      .offset = pitch.origin};
    else
        *out = (view){.rank = 5,
                      .dims = {d[0], layout_planes(layout, shape), d[2], d[3], LAYOUT_BLOCK},
                      .strides = {pitch.image, pitch.plane, pitch.row, LAYOUT_BLOCK, 1},
                      .offset = pitch.origin};
}

int layout_equal(const layout *a, const layout *b)
{
    return a->kind == b->kind && a->top == b->top && a->left == b->left && a->bottom == b->bottom &&
           a->right == b->right && a->first_block == b->first_block && a->total_blocks == b->total_blocks &&
           a->group == b->group;
}

/* One pixel per plane: channels lie side by side in both, unless a block's unused lanes part two images. */
int layout_same_places(const layout *a, const layout *b, const shape *shape)
{
    if (layout_equal(a, b))
        return 1;
    return !layout_has_halo(a) && !layout_has_halo(b) && !a->total_blocks && !b->total_blocks && !a->group &&
           !b->group && shape->rank == 4 && shape->dims[2] == 1 && shape->dims[3] == 1 &&
           (shape->dims[0] == 1 || shape->dims[1] % LAYOUT_BLOCK == 0);
}

static void remove_axis(view *v, size_t axis)
{
    for (size_t k = axis; k + 1 < v->rank; k++) {
        v->dims[k] = v->dims[k + 1];
        v->strides[k] = v->strides[k + 1];
    }
    v->rank--;
}

/* Axis k merges into k + 1 if in every view one step of k equals dims[k + 1] steps of k + 1. */
static int mergeable(const view *views, size_t count, size_t k)
{
    for (size_t i = 0; i < count; i++)
        if (views[i].strides[k] != views[i].strides[k + 1] * views[i].dims[k + 1])
            return 0;
    return 1;
}

void views_collapse(view *views, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (views[i].rank == 0) {
            views[i].rank = 1;
            views[i].dims[0] = 1;
            views[i].strides[0] = 1;
        }
    for (size_t k = 0; k < views[0].rank && views[0].rank > 1;) {
        if (views[0].dims[k] != 1) {
            k++;
            continue;
        }
        for (size_t i = 0; i < count; i++)
            remove_axis(&views[i], k);
    }
    for (size_t k = 0; k + 1 < views[0].rank;) {
        if (!mergeable(views, count, k)) {
            k++;
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            views[i].dims[k + 1] *= views[i].dims[k];
            remove_axis(&views[i], k);
        }
    }
}
