/* Decoded pixels, and the path from a file's bytes to them: recognise, decode, orient, convert. */
#ifndef CLARUS_IMAGE_H
#define CLARUS_IMAGE_H

#include "context.h"

struct clarus_image {
    clarus_context *context;
    size_t width, height;
    int channels; /* 1 grey, 3 red, green, blue */
    uint8_t *pixels;
};

/* CLARUS_E_LIMIT if width x height exceeds the context's max_pixels; CLARUS_E_FORMAT if it is empty. */
clarus_status image_check_size(const clarus_context *context, uint64_t width, uint64_t height,
                               clarus_error *error);
/* An image with room for `channels` bytes per pixel, uninitialised; 4 only while a decoder works. */
clarus_status image_create(clarus_context *context, size_t width, size_t height, int channels,
                           clarus_image **image, clarus_error *error);
/* A new image with 3 channels for 1 (repeated), or 1 for 3: (19595 R + 38470 G + 7471 B + 32768) / 65536. */
clarus_status image_convert(clarus_context *context, const clarus_image *image, clarus_image **converted,
                            clarus_error *error);

#endif
