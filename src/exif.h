/* The one EXIF field that changes pixels. */
#ifndef CLARUS_EXIF_H
#define CLARUS_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* tiff: EXIF data from its byte-order mark on. 1 to 8, as EXIF numbers them; 1 if there is no such field, or
 * it is malformed. */
int exif_orientation(const uint8_t *tiff, size_t size_bytes);

#endif
