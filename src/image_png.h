/* PNG through libpng. */
#ifndef CLARUS_IMAGE_PNG_H
#define CLARUS_IMAGE_PNG_H

#include "image.h"

/* Also true for a signature damaged in one or two bytes, for instance by a transfer as text. */
int png_recognise(const uint8_t *bytes, size_t size_bytes);

/* Grey files give 1 channel (3 if a coloured background shows through), all others 3. *orientation is the
 * EXIF orientation, 1 if there is none. */
clarus_status png_decode(clarus_context *context, const uint8_t *bytes, size_t size_bytes,
                         const clarus_decode_options *options, clarus_image **image, int *orientation,
                         clarus_error *error);

#endif
