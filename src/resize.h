/* Resizing, equal to Pillow's Image.resize byte for byte. */
#ifndef CLARUS_RESIZE_H
#define CLARUS_RESIZE_H

#include "image.h"

/* A part of the resized picture, in its pixels. */
typedef struct resize_window {
    size_t x, y, width, height;
} resize_window;

/* The window of the picture resized to width x height; the same bytes as resizing whole and cutting, but only
 * what the window needs is computed. Call in the default floating-point environment. */
clarus_status resize_image(clarus_context *context, const clarus_image *image, size_t width, size_t height,
                           clarus_resample filter, const resize_window *window, clarus_image **resized,
                           clarus_error *error);

#endif
