/* JPEG through libjpeg-turbo. */
#ifndef CLARUS_IMAGE_JPEG_H
#define CLARUS_IMAGE_JPEG_H

#include "image.h"

int jpeg_recognise(const uint8_t *bytes, size_t size_bytes);

/* Grey files give 1 channel, all others 3. *orientation is the EXIF orientation, 1 if there is none. */
clarus_status jpeg_decode(clarus_context *context, const uint8_t *bytes, size_t size_bytes,
                          clarus_image **image, int *orientation, clarus_error *error);

#endif
