/* Turning and mirroring a picture as its EXIF orientation asks. */
#ifndef CLARUS_ORIENT_H
#define CLARUS_ORIENT_H

#include "image.h"

/* A new image; orientation is 1 to 8. */
clarus_status orient_image(const clarus_image *image, int orientation, clarus_image **oriented,
                           clarus_error *error);

#endif
