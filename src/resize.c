/* Separable resampling in fixed point, as Pillow defines it.
 *
 * Along one axis, from n to m samples: scale = n / m; the filter is stretched by max(scale, 1), which is the
 * antialiasing. Output i is centred at (i + 0.5) scale and sums the inputs under the stretched filter, with
 * weights that are computed in binary64, divided by their sum, and rounded to 22 fractional bits. A pass adds
 * one half, sums weight * byte in 32 bits, shifts and clips to a byte. The result of the first pass is
 * rounded to bytes. The horizontal pass is the first, unless the height loses more than twice as many pixels
 * as the width (Pillow from version 13 on; earlier ones always). A pass that would keep the length is left
 * out.
 *
 * Nearest takes the input at floor((i + 0.5) scale), where the position is summed up step by step, rounding
 * each time.
 *
 * The bytes depend on IEEE binary64 alone: the sine of the Lanczos filter is our own, since C libraries
 * differ in its last bit. */
#include "resize.h"

#include "cpu.h"

#include <math.h>
#include <string.h>

enum { FRACTION_BITS = 32 - 8 - 2, HALF = 1 << (FRACTION_BITS - 1), STRIP = 256 };

static const double PI = 3.14159265358979323846;

/* For |x| below 10. Reduced by quarter turns, whose first part has 33 bits, so that a small multiple of it is
 * exact; then the Taylor series, whose remainder is below 2^-60. */
static double sine(double x)
{
    static const double quarter_high = 1.57079632673412561417, quarter_low = 6.07710050650619224932e-11;
    int quarters = (int)(x * (2 / PI) + (x < 0 ? -0.5 : 0.5));
    double r = (x - quarters * quarter_high) - quarters * quarter_low, square = r * r;
    int is_cosine = quarters & 1;
    double term = is_cosine ? 1 : r, terms[10];
    for (int i = 0; i < 10; i++) {
        int n = 2 * i + 2 - is_cosine;
        terms[i] = term;
        term = -term * square / (n * (n + 1));
    }
    double sum = 0;
    for (int i = 9; i >= 0; i--) /* smallest first */
        sum += terms[i];
    return quarters & 2 ? -sum : sum;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys' cubic with a = -1/2. */
static double bicubic(double x)
{
    x = fabs(x);
    return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

static double sinc(double x)
{
    if (x == 0)
        return 1;
    x *= PI;
    return sine(x) / x;
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

typedef struct kernel {
    double (*value)(double x);
    double support;
} kernel;

static const kernel kernels[] = {
    [CLARUS_RESAMPLE_BILINEAR] = {bilinear, 1},
    [CLARUS_RESAMPLE_BICUBIC] = {bicubic, 2},
    [CLARUS_RESAMPLE_LANCZOS] = {lanczos, 3},
};

/* The inputs of one output. */
typedef struct taps {
    size_t first, count;
    const int32_t *weights;
} taps;

/* All outputs of one axis of the window. */
typedef struct axis {
    taps *taps;
    int32_t *weights;
} axis;

static void axis_free(clarus_context *context, axis *a)
{
    memory_free(context, a->taps);
    memory_free(context, a->weights);
}

static int32_t to_fixed(double weight)
{
    return (int32_t)(weight * (1 << FRACTION_BITS) + (weight < 0 ? -0.5 : 0.5));
}

typedef struct stretch {
    const kernel *kernel;
    size_t from_size;
    double scale, support, inverse;
} stretch;

static stretch stretch_of(const kernel *k, size_t from_size, size_t to_size)
{
    double scale = (double)(float)from_size / (double)to_size; /* Pillow holds the box in float */
    double factor = scale < 1 ? 1 : scale;
    return (stretch){k, from_size, scale, k->support * factor, 1 / factor};
}

/* The most taps that an output can have. */
static size_t stretch_taps(const stretch *s)
{
    size_t most = (size_t)ceil(s->support) * 2 + 1;
    return most < s->from_size ? most : s->from_size;
}

/* Taps of output i; scratch and weights have room for stretch_taps. */
static taps output_taps(const stretch *s, size_t i, double *scratch, int32_t *weights)
{
    double centre = ((double)i + 0.5) * s->scale, sum = 0;
    double low = centre - s->support + 0.5, high = centre + s->support + 0.5;
    size_t first = low < 0 ? 0 : (size_t)low;
    size_t end = (size_t)high < s->from_size ? (size_t)high : s->from_size;
    size_t count = end - first;
    for (size_t k = 0; k < count; k++) {
        scratch[k] = s->kernel->value(((double)(k + first) - centre + 0.5) * s->inverse);
        sum += scratch[k];
    }
    for (size_t k = 0; k < count; k++)
        weights[k] = to_fixed(sum != 0 ? scratch[k] / sum : scratch[k]);
    return (taps){first, count, weights};
}

static clarus_status axis_create(clarus_context *context, const kernel *k, size_t from_size, size_t to_size,
                                 size_t begin, size_t count, axis *a, clarus_error *error)
{
    stretch s = stretch_of(k, from_size, to_size);
    size_t most = stretch_taps(&s);
    if (most > context->max_pixels / count)
        return error_set(error, CLARUS_E_LIMIT, "resize: from %zu to %zu pixels needs %zu weights for each",
                         from_size, to_size, most);
    double *scratch = memory_alloc(context, most, sizeof *scratch);
    a->taps = memory_alloc(context, count, sizeof *a->taps);
    a->weights = memory_alloc(context, most * count, sizeof *a->weights);
    int ok = scratch && a->taps && a->weights;
    for (size_t i = 0; ok && i < count; i++)
        a->taps[i] = output_taps(&s, begin + i, scratch, a->weights + i * most);
    memory_free(context, scratch);
    return ok ? CLARUS_OK : error_memory(error, "resize");
}

static uint8_t clip(int32_t sum)
{
    int32_t value = sum >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Pixels of the source, or of a picture between the passes, that begin at (x, y) of the source's grid. */
typedef struct view {
    const uint8_t *pixels;
    size_t x, y, stride, channels;
} view;

static view view_of(const clarus_image *image, size_t x, size_t y)
{
    size_t channels = (size_t)image->channels;
    return (view){image->pixels, x, y, image->width * channels, channels};
}

static void horizontal_row_grey(const uint8_t *from, size_t x0, const axis *columns, size_t width,
                                uint8_t *to)
{
    for (size_t x = 0; x < width; x++) {
        const taps *t = &columns->taps[x];
        const uint8_t *p = from + (t->first - x0);
        int32_t sum = HALF;
        for (size_t k = 0; k < t->count; k++)
            sum += t->weights[k] * p[k];
        to[x] = clip(sum);
    }
}

static void horizontal_row_colour(const uint8_t *from, size_t x0, const axis *columns, size_t width,
                                  uint8_t *to)
{
    for (size_t x = 0; x < width; x++) {
        const taps *t = &columns->taps[x];
        const uint8_t *p = from + 3 * (t->first - x0);
        int32_t red = HALF, green = HALF, blue = HALF;
        for (size_t k = 0; k < t->count; k++) {
            red += t->weights[k] * p[3 * k];
            green += t->weights[k] * p[3 * k + 1];
            blue += t->weights[k] * p[3 * k + 2];
        }
        to[3 * x] = clip(red);
        to[3 * x + 1] = clip(green);
        to[3 * x + 2] = clip(blue);
    }
}

/* Fills `to` with as many rows of v, from row y of the source on. */
static void horizontal_pass(const view *v, size_t y, const axis *columns, clarus_image *to)
{
    const uint8_t *from = v->pixels + (y - v->y) * v->stride;
    size_t row = to->width * v->channels;
    for (size_t i = 0; i < to->height; i++)
        (v->channels == 1 ? horizontal_row_grey : horizontal_row_colour)(from + i * v->stride, v->x, columns,
                                                                         to->width, to->pixels + i * row);
}

/* count is at most STRIP, so that the sums stay in registers or the nearest cache. */
static void vertical_strip(const uint8_t *from, size_t stride, const taps *t, size_t count, uint8_t *to)
{
    int32_t sums[STRIP];
    for (size_t i = 0; i < count; i++)
        sums[i] = HALF;
    for (size_t k = 0; k < t->count; k++) {
        const uint8_t *row = from + k * stride;
        int32_t weight = t->weights[k];
        for (size_t i = 0; i < count; i++)
            sums[i] += weight * row[i];
    }
    for (size_t i = 0; i < count; i++)
        to[i] = clip(sums[i]);
}

/* Fills `to` from as many columns of v, from column x of the source on. */
static void vertical_pass(const view *v, size_t x, const axis *rows, clarus_image *to)
{
    const uint8_t *from = v->pixels + (x - v->x) * v->channels;
    size_t count = to->width * v->channels;
    for (size_t i = 0; i < to->height; i++) {
        const taps *t = &rows->taps[i];
        const uint8_t *top = from + (t->first - v->y) * v->stride;
        for (size_t begin = 0; begin < count; begin += STRIP)
            vertical_strip(top + begin, v->stride, t, count - begin < STRIP ? count - begin : STRIP,
                           to->pixels + i * count + begin);
    }
}

/* What one filtered resize works on. An axis that keeps its length has no taps and needs exactly the window.
 */
typedef struct filtering {
    clarus_context *context;
    const clarus_image *image;
    const resize_window *window;
    axis columns, rows;
    size_t x, y, width, height; /* the part of the source that the window needs */
    clarus_image *middle;
} filtering;

static int vertical_goes_first(const clarus_image *image, size_t width, size_t height)
{
    return height < image->height &&
           (width >= image->width || image->height - height > 2 * (image->width - width));
}

static clarus_status make_axis(filtering *f, const kernel *k, size_t from_size, size_t to_size, axis *a,
                               size_t *begin, size_t *count, clarus_error *error)
{
    if (from_size == to_size)
        return CLARUS_OK;
    clarus_status status = axis_create(f->context, k, from_size, to_size, *begin, *count, a, error);
    if (status != CLARUS_OK)
        return status;
    const taps *last = &a->taps[*count - 1];
    *begin = a->taps[0].first;
    *count = last->first + last->count - *begin;
    return CLARUS_OK;
}

static clarus_status two_passes(filtering *f, int vertical_first, clarus_image *to, clarus_error *error)
{
    size_t width = vertical_first ? f->width : f->window->width;
    size_t height = vertical_first ? f->window->height : f->height;
    clarus_status status = image_create(f->context, width, height, to->channels, &f->middle, error);
    if (status != CLARUS_OK)
        return status;
    view source = view_of(f->image, 0, 0), middle = view_of(f->middle, f->x, f->y);
    if (vertical_first) {
        vertical_pass(&source, f->x, &f->rows, f->middle);
        horizontal_pass(&middle, f->y, &f->columns, to);
    } else {
        horizontal_pass(&source, f->y, &f->columns, f->middle);
        vertical_pass(&middle, f->x, &f->rows, to);
    }
    return CLARUS_OK;
}

static clarus_status filter_image(filtering *f, const kernel *k, size_t width, size_t height,
                                  clarus_image **resized, clarus_error *error)
{
    const clarus_image *image = f->image;
    f->x = f->window->x, f->y = f->window->y, f->width = f->window->width, f->height = f->window->height;
    clarus_status status = make_axis(f, k, image->width, width, &f->columns, &f->x, &f->width, error);
    if (status == CLARUS_OK)
        status = make_axis(f, k, image->height, height, &f->rows, &f->y, &f->height, error);
    if (status == CLARUS_OK)
        status =
            image_create(f->context, f->window->width, f->window->height, image->channels, resized, error);
    if (status != CLARUS_OK)
        return status;
    int vertical_first = vertical_goes_first(image, width, height);
    view source = view_of(image, 0, 0);
    if (width != image->width && height != image->height)
        return two_passes(f, vertical_first, *resized, error);
    if (width != image->width)
        horizontal_pass(&source, f->y, &f->columns, *resized);
    else
        vertical_pass(&source, f->x, &f->rows, *resized);
    return CLARUS_OK;
}

static clarus_status filtered(clarus_context *context, const clarus_image *image, size_t width, size_t height,
                              const kernel *k, const resize_window *window, clarus_image **resized,
                              clarus_error *error)
{
    filtering f = {.context = context, .image = image, .window = window};
    clarus_status status = filter_image(&f, k, width, height, resized, error);
    if (status != CLARUS_OK) {
        clarus_image_free(*resized);
        *resized = NULL;
    }
    clarus_image_free(f.middle);
    axis_free(context, &f.columns);
    axis_free(context, &f.rows);
    return status;
}

/* Source position of each of `count` outputs from `begin` on. */
static size_t *nearest_positions(clarus_context *context, size_t from_size, size_t to_size, size_t begin,
                                 size_t count)
{
    size_t *positions = memory_alloc(context, count, sizeof *positions);
    double step = (double)(float)from_size / (double)to_size, at = step * 0.5;
    for (size_t i = 0; positions && i < begin + count; i++, at += step) {
        size_t position = (size_t)at;
        if (i >= begin)
            positions[i - begin] = position < from_size ? position : from_size - 1;
    }
    return positions;
}

static clarus_status nearest(clarus_context *context, const clarus_image *image, size_t width, size_t height,
                             const resize_window *window, clarus_image **resized, clarus_error *error)
{
    size_t *xs = nearest_positions(context, image->width, width, window->x, window->width);
    size_t *ys = nearest_positions(context, image->height, height, window->y, window->height);
    clarus_status status =
        xs && ys ? image_create(context, window->width, window->height, image->channels, resized, error)
                 : error_memory(error, "resize");
    size_t channels = (size_t)image->channels;
    for (size_t y = 0; status == CLARUS_OK && y < window->height; y++) {
        const uint8_t *row = image->pixels + ys[y] * image->width * channels;
        uint8_t *to = (*resized)->pixels + y * window->width * channels;
        for (size_t x = 0; x < window->width; x++)
            for (size_t c = 0; c < channels; c++)
                *to++ = row[xs[x] * channels + c];
    }
    memory_free(context, xs);
    memory_free(context, ys);
    return status;
}

static clarus_status cut(clarus_context *context, const clarus_image *image, const resize_window *window,
                         clarus_image **out, clarus_error *error)
{
    size_t channels = (size_t)image->channels, row = window->width * channels;
    clarus_status status = image_create(context, window->width, window->height, image->channels, out, error);
    for (size_t y = 0; status == CLARUS_OK && y < window->height; y++)
        memcpy((*out)->pixels + y * row,
               image->pixels + ((window->y + y) * image->width + window->x) * channels, row);
    return status;
}

clarus_status resize_image(clarus_context *context, const clarus_image *image, size_t width, size_t height,
                           clarus_resample filter, const resize_window *window, clarus_image **resized,
                           clarus_error *error)
{
    *resized = NULL;
    if (filter == CLARUS_RESAMPLE_DEFAULT)
        filter = CLARUS_RESAMPLE_BILINEAR;
    if ((size_t)filter >= sizeof kernels / sizeof *kernels)
        return error_set(error, CLARUS_E_ARGUMENT, "resize: unknown filter %d", (int)filter);
    clarus_status status = image_check_size(context, width, height, error);
    if (status != CLARUS_OK) {
        error_prefix(error, "resize: ");
        return status;
    }
    if (width == image->width && height == image->height)
        return cut(context, image, window, resized, error);
    if (filter == CLARUS_RESAMPLE_NEAREST)
        return nearest(context, image, width, height, window, resized, error);
    return filtered(context, image, width, height, &kernels[filter], window, resized, error);
}

clarus_status clarus_image_resize(clarus_context *context, const clarus_image *image, size_t width,
                                  size_t height, clarus_resample filter, clarus_image **resized,
                                  clarus_error *error)
{
    if (!resized)
        return error_set(error, CLARUS_E_ARGUMENT, "resize: resized is NULL");
    *resized = NULL;
    if (!context || !image)
        return error_set(error, CLARUS_E_ARGUMENT, "resize: context or image is NULL");
    if (!width || !height)
        return error_set(error, CLARUS_E_ARGUMENT, "resize: to %zux%zu pixels", width, height);
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status = resize_image(context, image, width, height, filter,
                                        &(resize_window){0, 0, width, height}, resized, error);
    cpu_float_env_leave(&env);
    return status;
}
