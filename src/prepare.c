/* Resize, cut the centre, and look every byte up in a table of its channel's 256 normalised values.
 *
 * The centre crop's offset, for a difference d = picture - crop along one axis, is d / 2: torchvision rounds
 * it to nearest even, the others down. A crop larger than the picture is padded with black before the
 * normalisation: -d / 2 pixels before the picture, rounded down by torchvision, up by the others. */
#include "prepare.h"

#include "cpu.h"

#include <math.h>

static clarus_status check_preprocess(const clarus_preprocess *p, clarus_error *error)
{
    if (p->struct_size != sizeof *p)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "preprocess: struct_size is %zu, expected %zu (use the _init function)",
                         p->struct_size, sizeof *p);
    if (!p->resize_width != !p->resize_height || !p->crop_width != !p->crop_height)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "preprocess: a width comes without a height or the reverse");
    if (p->resize_short && p->resize_width)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "preprocess: resize to a short side of %zu and to %zux%zu at once", p->resize_short,
                         p->resize_width, p->resize_height);
    if ((unsigned)p->channels > CLARUS_CHANNELS_GRAY)
        return error_set(error, CLARUS_E_ARGUMENT, "preprocess: unknown channel order %d", (int)p->channels);
    if ((unsigned)p->geometry > CLARUS_GEOMETRY_ROUNDED)
        return error_set(error, CLARUS_E_ARGUMENT, "preprocess: unknown geometry %d", (int)p->geometry);
    return CLARUS_OK;
}

/* a / b, truncated, or rounded with ties to even. */
static size_t divide(size_t a, size_t b, int rounded)
{
    size_t quotient = a / b, rest = a % b;
    if (rounded && (rest > b - rest || (rest == b - rest && quotient % 2)))
        quotient++;
    return quotient;
}

static clarus_status resized_size(const clarus_preprocess *p, size_t width, size_t height,
                                  prepare_geometry *g, clarus_error *error)
{
    g->width = p->resize_width ? p->resize_width : width;
    g->height = p->resize_height ? p->resize_height : height;
    if (!p->resize_short)
        return CLARUS_OK;
    size_t shorter = width < height ? width : height, longer = width < height ? height : width;
    if (longer > SIZE_MAX / p->resize_short)
        return error_set(error, CLARUS_E_LIMIT, "preprocess: a short side of %zu is too large for %zux%zu",
                         p->resize_short, width, height);
    size_t resized = divide(p->resize_short * longer, shorter, p->geometry == CLARUS_GEOMETRY_ROUNDED);
    g->width = width < height ? p->resize_short : resized;
    g->height = width < height ? resized : p->resize_short;
    return CLARUS_OK;
}

/* Along one axis: what part of `size` a centre crop shows, and how much padding is before it. */
static void crop_axis(size_t size, size_t crop, int rounds_down, size_t *begin, size_t *count, size_t *pad)
{
    size_t extra = size > crop ? size - crop : 0, missing = size > crop ? 0 : crop - size;
    size_t half = extra / 2;
    if (extra % 2 && !rounds_down) /* a tie */
        half += half % 2;
    *begin = half;
    *count = size > crop ? crop : size;
    *pad = rounds_down ? (missing + 1) / 2 : missing / 2;
}

clarus_status prepare_geometry_of(const clarus_preprocess *p, size_t width, size_t height,
                                  prepare_geometry *g, clarus_error *error)
{
    clarus_status status = check_preprocess(p, error);
    if (status == CLARUS_OK)
        status = resized_size(p, width, height, g, error);
    if (status != CLARUS_OK)
        return status;
    g->out_width = p->crop_width ? p->crop_width : g->width;
    g->out_height = p->crop_height ? p->crop_height : g->height;
    int rounds_down = p->geometry == CLARUS_GEOMETRY_HUGGINGFACE || p->geometry == CLARUS_GEOMETRY_ROUNDED;
    crop_axis(g->width, g->out_width, rounds_down, &g->window.x, &g->window.width, &g->pad_left);
    crop_axis(g->height, g->out_height, rounds_down, &g->window.y, &g->window.height, &g->pad_top);
    return CLARUS_OK;
}

void clarus_preprocess_output_size(const clarus_preprocess *preprocess, size_t *width, size_t *height)
{
    *width = preprocess->crop_width ? preprocess->crop_width : preprocess->resize_width;
    *height = preprocess->crop_width ? preprocess->crop_height : preprocess->resize_height;
}

typedef float value_table[256];

/* docs/numerics.md section 10. */
static clarus_status make_tables(const clarus_preprocess *p, size_t channels, value_table *tables,
                                 clarus_error *error)
{
    double scale = p->has_scale ? p->scale : 1.0 / 255.0;
    for (size_t c = 0; c < channels; c++) {
        double mean = p->has_mean ? p->mean[c] : 0, std = p->has_std ? p->std[c] : 1;
        for (int v = 0; v < 256; v++) {
            double value = (v * scale - mean) / std;
            if (!(fabs(value) <= 3.4028234663852886e38))
                return error_set(error, CLARUS_E_ARGUMENT,
                                 "preprocess: scale %g, mean %g, std %g make no finite values", scale, mean,
                                 std);
            tables[c][v] = (float)value;
        }
    }
    return CLARUS_OK;
}

/* One channel of the prepared picture; from is that channel of the window's first pixel. */
static void fill_plane(const clarus_image *window, const uint8_t *from, const prepare_geometry *g,
                       const float *table, float *out)
{
    size_t pixel = (size_t)window->channels, count = g->out_width * g->out_height;
    if (window->width != g->out_width || window->height != g->out_height)
        for (size_t i = 0; i < count; i++)
            out[i] = table[0];
    for (size_t y = 0; y < window->height; y++) {
        const uint8_t *row = from + y * window->width * pixel;
        float *to = out + (g->pad_top + y) * g->out_width + g->pad_left;
        for (size_t x = 0; x < window->width; x++)
            to[x] = table[row[x * pixel]];
    }
}

static clarus_status prepare(clarus_context *context, const clarus_image *image, const clarus_preprocess *p,
                             const prepare_geometry *g, float *out, clarus_error *error)
{
    size_t channels = p->channels == CLARUS_CHANNELS_GRAY ? 1 : 3;
    value_table tables[3];
    clarus_image *grey = NULL, *window = NULL;
    clarus_status status = make_tables(p, channels, tables, error);
    if (status == CLARUS_OK && channels == 1 && image->channels == 3) {
        status = image_convert(context, image, &grey, error);
        image = grey;
    }
    if (status == CLARUS_OK)
        status = resize_image(context, image, g->width, g->height, p->resample, &g->window, &window, error);
    for (size_t c = 0; status == CLARUS_OK && c < channels; c++) {
        size_t source = p->channels == CLARUS_CHANNELS_BGR ? 2 - c : c;
        fill_plane(window, window->pixels + (window->channels == 3 ? source : 0), g, tables[c],
                   out + c * g->out_width * g->out_height);
    }
    clarus_image_free(window);
    clarus_image_free(grey);
    return status;
}

clarus_status clarus_image_prepare(clarus_context *context, const clarus_image *image,
                                   const clarus_preprocess *preprocess, size_t width, size_t height,
                                   float *out, size_t count, clarus_error *error)
{
    if (!context || !image || !preprocess || !out)
        return error_set(error, CLARUS_E_ARGUMENT, "prepare: an argument is NULL");
    prepare_geometry g;
    clarus_status status = prepare_geometry_of(preprocess, image->width, image->height, &g, error);
    if (status != CLARUS_OK)
        return status;
    if (g.out_width != width || g.out_height != height)
        return error_set(error, CLARUS_E_SHAPE, "prepared picture is %zux%zu, expected %zux%zu", g.out_width,
                         g.out_height, width, height);
    size_t channels = preprocess->channels == CLARUS_CHANNELS_GRAY ? 1 : 3;
    if (width > SIZE_MAX / height || width * height > count / channels)
        return error_set(error, CLARUS_E_ARGUMENT, "prepare: %zu floats are too few for %zux%zux%zu", count,
                         channels, height, width);
    cpu_float_env env;
    cpu_float_env_enter(&env);
    status = prepare(context, image, preprocess, &g, out, error);
    cpu_float_env_leave(&env);
    return status;
}
