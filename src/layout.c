#include "layout.h"

#include <string.h>

int64_t layout_count(const layout *layout, const shape *shape)
{
    int64_t count = 1;
    if (layout->kind == LAYOUT_PLAIN) {
        for (size_t i = 0; i < shape->rank; i++)
            count *= shape->dims[i];
        return count;
    }
    const int64_t *d = shape->dims;
    return d[0] * ((d[1] + LAYOUT_BLOCK - 1) / LAYOUT_BLOCK) * (layout->top + d[2] + layout->bottom) *
           (layout->left + d[3] + layout->right) * LAYOUT_BLOCK;
}

void layout_view(const layout *layout, const shape *shape, view *out)
{
    memset(out, 0, sizeof *out);
    if (layout->kind == LAYOUT_PLAIN) {
        out->rank = shape->rank;
        memcpy(out->dims, shape->dims, sizeof shape->dims);
        shape_strides(shape, out->strides);
        return;
    }
    const int64_t *d = shape->dims;
    int64_t row = (layout->left + d[3] + layout->right) * LAYOUT_BLOCK;
    int64_t plane = (layout->top + d[2] + layout->bottom) * row;
    int64_t blocks = (d[1] + LAYOUT_BLOCK - 1) / LAYOUT_BLOCK;
    *out = (view){.rank = 5,
                  .dims = {d[0], blocks, d[2], d[3], LAYOUT_BLOCK},
                  .strides = {blocks * plane, plane, row, LAYOUT_BLOCK, 1},
                  .offset = layout->top * row + layout->left * LAYOUT_BLOCK};
}

int layout_equal(const layout *a, const layout *b)
{
    return a->kind == b->kind &&
           (a->kind == LAYOUT_PLAIN || (a->top == b->top && a->left == b->left && a->bottom == b->bottom &&
                                        a->right == b->right));
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
