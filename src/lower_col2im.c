/* Col2Im: columns hold blocks of an image, one element of each block a row; they are added up where the
 * blocks lie. That is a scatter into the padded image, whose padding is then cut off. */
#include "lower_ops.h"

#include <string.h>

/* Of all elements of all blocks, in the columns' order, the place in the padded image. */
static int64_t *block_places(lowering *l, const window *w, const int64_t *padded, int64_t taps,
                             int64_t blocks)
{
    int64_t *places = lower_memory(l, taps * blocks, sizeof *places);
    for (int64_t i = 0; i < taps * blocks && places; i++) {
        int64_t tap = i / blocks, block = i % blocks, step = 1;
        for (size_t axis = SPATIAL; axis-- > 0;) {
            places[i] +=
                step * (tap % w->kernel[axis] * w->dilation[axis] + block % w->out[axis] * w->stride[axis]);
            tap /= w->kernel[axis];
            block /= w->out[axis];
            step *= padded[axis];
        }
    }
    return places;
}

/* The image's shape, [N, C, spatial...], and the extents of a block; the number of its elements. */
static int64_t read_blocks(lowering *l, const shape *columns, shape *image, int64_t block[SPATIAL])
{
    enum { MOST = 1 << 30 };
    char a[SHAPE_TEXT];
    size_t axes = lower_int_input(l, 1, image->dims + 2, SPATIAL);
    size_t block_axes = lower_int_input(l, 2, block, SPATIAL);
    int64_t taps = 1;
    if (l->status == CLARUS_OK && (columns->rank != 3 || axes < 1 || axes != block_axes))
        lower_error(l, CLARUS_E_SHAPE, "columns of %s, %zu spatial axes and %zu of a block",
                    shape_text(columns, a), axes, block_axes);
    for (size_t i = 0; i < axes && l->status == CLARUS_OK; i++) {
        if (image->dims[2 + i] < 1 || image->dims[2 + i] > MOST || block[i] < 1 ||
            block[i] > columns->dims[1] / taps)
            lower_error(l, CLARUS_E_SHAPE, "a block of %lld in an extent of %lld, columns of %s",
                        (long long)block[i], (long long)image->dims[2 + i], shape_text(columns, a));
        taps *= l->status == CLARUS_OK ? block[i] : 1;
    }
    image->rank = 2 + axes;
    image->dims[0] = columns->dims[0];
    image->dims[1] = columns->dims[1] / taps;
    return taps;
}

/* [N, C, spatial...] with the window's padding. */
static shape pad_image(const shape *image, const window *w)
{
    shape padded = *image;
    for (size_t i = 2; i < image->rank; i++) {
        size_t axis = SPATIAL + i - image->rank;
        padded.dims[i] += w->pad_begin[axis] + w->pad_end[axis];
    }
    return padded;
}

static size_t cut_padding(lowering *l, size_t x, const shape *image, const window *w)
{
    int64_t begin[CLARUS_MAX_RANK] = {0}, end[CLARUS_MAX_RANK] = {0};
    for (size_t i = 2; i < image->rank; i++) {
        begin[i] = -w->pad_begin[SPATIAL + i - image->rank];
        end[i] = -w->pad_end[SPATIAL + i - image->rank];
    }
    return lower_pad_constant(l, x, begin, end, 0);
}

void lower_col2im(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape columns = lower_shape(l, x), image = {.rank = 0};
    int64_t block[SPATIAL], total, extents[SPATIAL];
    int64_t taps = read_blocks(l, &columns, &image, block);
    window w;
    if (l->status == CLARUS_OK)
        lower_window(l, &image, block, &w);
    if (l->status != CLARUS_OK)
        return;
    shape padded = pad_image(&image, &w), flat = {.rank = 2};
    int64_t blocks = w.out[0] * w.out[1] * w.out[2];
    if (columns.dims[1] % taps || columns.dims[2] != blocks || !shape_count(&padded, &total))
        lower_error(l, CLARUS_E_SHAPE, "columns of %lld by %lld for %lld blocks of %lld",
                    (long long)columns.dims[1], (long long)columns.dims[2], (long long)blocks,
                    (long long)taps);
    if (l->status != CLARUS_OK)
        return;
    for (size_t i = 0; i < SPATIAL; i++)
        extents[i] = w.in[i] + w.pad_begin[i] + w.pad_end[i];
    flat.dims[0] = image.dims[0] * image.dims[1];
    flat.dims[1] = extents[0] * extents[1] * extents[2];
    shape list = {.rank = 1, .dims = {taps * blocks}},
          rows = {.rank = 2, .dims = {flat.dims[0], list.dims[0]}};
    int64_t *places = block_places(l, &w, extents, taps, blocks);
    size_t inputs[] = {lower_filled(l, lower_dtype(l, x), &flat, &(uint64_t){0}),
                       lower_constant(l, CLARUS_INT64, &list, places), lower_view(l, x, &rows)};
    lowered_op op = {.kind = OP_SCATTER, .inputs = inputs, .input_count = 3};
    op.as.scatter.function = COMBINE_ADD;
    op.as.scatter.places = (indexed_params){.rank = 2,
                                            .dims = {rows.dims[0], rows.dims[1]},
                                            .data_strides = {flat.dims[1], 0},
                                            .index_strides = {0, 1},
                                            .components = 1,
                                            .extents = {flat.dims[1]},
                                            .steps = {1}};
    size_t y = lower_emit(l, &op, lower_dtype(l, x), &flat);
    lower_bind(l, 0, cut_padding(l, lower_view(l, y, &padded), &image, &w));
}
