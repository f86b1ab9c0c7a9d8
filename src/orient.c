/* EXIF names the side on which the stored first row and first column are seen:
 *
 *    1 top left      2 top right     3 bottom right    4 bottom left
 *    5 left top      6 right top     7 right bottom    8 left bottom
 *
 * 5 to 8 exchange rows and columns. So output pixel (x, y) lies in the source at origin + x * step_x + y *
 * step_y, where the steps are one pixel or one row, forwards or backwards. Turned pictures are walked in
 * square tiles, so that neither side's rows fall out of the cache. */
#include "orient.h"

#include <string.h>

enum { TILE = 32 };

typedef struct walk {
    const uint8_t *origin;
    ptrdiff_t step_x, step_y; /* bytes */
} walk;

static walk walk_of(const clarus_image *image, int orientation)
{
    ptrdiff_t pixel = image->channels, row = (ptrdiff_t)image->width * pixel;
    int turned = orientation >= 5;
    int from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    int from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const uint8_t *origin = image->pixels;
    if (from_right)
        origin += row - pixel;
    if (from_bottom)
        origin += row * ((ptrdiff_t)image->height - 1);
    ptrdiff_t along_row = from_right ? -pixel : pixel, along_column = from_bottom ? -row : row;
    return turned ? (walk){origin, along_column, along_row} : (walk){origin, along_row, along_column};
}

static void copy_tile(const walk *w, clarus_image *to, size_t x0, size_t y0)
{
    size_t x1 = x0 + TILE < to->width ? x0 + TILE : to->width;
    size_t y1 = y0 + TILE < to->height ? y0 + TILE : to->height;
    size_t pixel = (size_t)to->channels;
    for (size_t y = y0; y < y1; y++)
        for (size_t x = x0; x < x1; x++) {
            const uint8_t *from = w->origin + (ptrdiff_t)x * w->step_x + (ptrdiff_t)y * w->step_y;
            uint8_t *out = to->pixels + (y * to->width + x) * pixel;
            for (size_t c = 0; c < pixel; c++)
                out[c] = from[c];
        }
}

clarus_status orient_image(const clarus_image *image, int orientation, clarus_image **oriented,
                           clarus_error *error)
{
    int turned = orientation >= 5;
    clarus_status status =
        image_create(image->context, turned ? image->height : image->width,
                     turned ? image->width : image->height, image->channels, oriented, error);
    if (status != CLARUS_OK)
        return status;
    walk w = walk_of(image, orientation);
    for (size_t y = 0; y < (*oriented)->height; y += TILE)
        for (size_t x = 0; x < (*oriented)->width; x += TILE)
            copy_tile(&w, *oriented, x, y);
    return CLARUS_OK;
}
