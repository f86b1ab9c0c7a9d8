/* How a value lies in a device buffer, and n-dimensional strided views of it.
 *
 * PLAIN is row-major; a value of four axes may have a halo, [N][C][top + H + bottom][left + W + right].
 * BLOCKED holds [N, C, H, W] as [N][ceil(C/16)][top + H + bottom][left + W + right][16]: sixteen channels
 * side by side, and around each plane a halo that is always zero, so that a window reads its padding without
 * looking. Lanes beyond C in the last block hold anything finite or not, and are never read as channels. */
#ifndef CLARUS_LAYOUT_H
#define CLARUS_LAYOUT_H

#include "shape.h"

enum { LAYOUT_BLOCK = 16, VIEW_RANK = CLARUS_MAX_RANK + 1 };

typedef enum layout_kind { LAYOUT_PLAIN, LAYOUT_BLOCKED } layout_kind;

typedef struct layout {
    layout_kind kind;
    int64_t top, left, bottom, right; /* halo in pixels */
    /* A part of a larger blocked value (a concatenation): blocks before it, and of the whole; 0: a value of
     * its own. */
    int64_t first_block, total_blocks;
    /* BLOCKED: this many channels begin a block anew, as a convolution's groups that are no whole blocks want
     * it; 0: none do. */
    int64_t group;
} layout;

/* Element j of the view is buffer[offset + sum_k j_k * strides[k]], in elements. */
typedef struct view {
    size_t rank;
    int64_t dims[VIEW_RANK], strides[VIEW_RANK];
    int64_t offset;
} view;

/* a / b, rounded up; a not negative, b positive. */
static inline int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static inline int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Channel blocks of a BLOCKED value, channels of a PLAIN one. */
int64_t layout_planes(const layout *layout, const shape *shape);
/* How many channels a block of a BLOCKED value has, and the lane of a channel, counted over all blocks. */
int layout_channels(const layout *layout, const shape *shape, int64_t block);
int64_t layout_lane(const layout *layout, int64_t channel);
/* Elements of the buffer that a value of this shape needs. */
int64_t layout_count(const layout *layout, const shape *shape);
/* Elements of one image, channel block (BLOCKED) or channel (PLAIN), and row of a value of four axes. */
typedef struct layout_pitch {
    int64_t image, plane, row;
    int64_t origin; /* of pixel (0, 0) of the first plane */
} layout_pitch;
void layout_get_pitch(const layout *layout, const shape *shape, layout_pitch *pitch);
/* The value as a view: PLAIN has the shape's own axes; BLOCKED has five, [N, ceil(C/16), H, W, 16]. */
void layout_view(const layout *layout, const shape *shape, view *out);
int layout_equal(const layout *a, const layout *b);
int layout_has_halo(const layout *layout);
/* 1 if a value of this shape lies at the same places in both layouts. */
int layout_same_places(const layout *a, const layout *b, const shape *shape);

/* Merges neighbouring axes that are contiguous in all `count` views (same dims in all of them), and drops
 * axes of extent 1; at least one axis stays. */
void views_collapse(view *views, size_t count);

#endif
