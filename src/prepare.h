/* Where a prepared picture's pixels come from. */
#ifndef CLARUS_PREPARE_H
#define CLARUS_PREPARE_H

#include "image.h"
#include "resize.h"

/* The picture is resized to width x height; the part `window` of that lies at (pad_left, pad_top) of the
 * prepared picture of out_width x out_height, the rest of which is black. */
typedef struct prepare_geometry {
    size_t width, height;
    resize_window window;
    size_t pad_left, pad_top;
    size_t out_width, out_height;
} prepare_geometry;

clarus_status prepare_geometry_of(const clarus_preprocess *preprocess, size_t width, size_t height,
                                  prepare_geometry *geometry, clarus_error *error);

#endif
