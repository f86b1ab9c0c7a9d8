/* Separable resampling in fixed point, as Pillow defines it.
 *
 * Along one axis, from n to m samples: scale = n / m; the filter is stretched by max(scale, 1), which is the
 * antialiasing. Output i is centred at (i + 0.5) scale and sums the inputs under the stretched filter, with
 * weights that are computed in binary64, divided by their sum, and rounded to 22 fractional bits. A pass adds
 * one half, sums weight * byte in 32 bits, shifts and clips to a byte. The horizontal pass comes first, its
 * result rounded to bytes; a pass that would keep the length is left out.
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

enum { FRACTION_BITS = 32 - 8 - 2, HALF = 1 << (FRACTION_BITS - 1) };

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

static void horizontal_row(const uint8_t *from, const axis *a, size_t width, size_t channels, uint8_t *to)
{
    for (size_t x = 0; x < width; x++) {
        const taps *t = &a->taps[x];
        for (size_t c = 0; c < channels; c++) {
            const uint8_t *p = from + t->first * channels + c;
            int32_t sum = HALF;
            for (size_t k = 0; k < t->count; k++)
                sum += t->weights[k] * p[k * channels];
            to[x * channels + c] = clip(sum);
        }
    }
}

/* Rows first_row to first_row + rows of the source, resampled to the window's columns. */
static clarus_status horizontal_pass(clarus_context *context, const clarus_image *image, const kernel *k,
                                     size_t to_width, const resize_window *window, size_t first_row,
                                     size_t rows, clarus_image **out, clarus_error *error)
{
    axis a = {0};
    size_t channels = (size_t)image->channels;
    clarus_status status =
        axis_create(context, k, image->width, to_width, window->x, window->width, &a, error);
    if (status == CLARUS_OK)
        status = image_create(context, window->width, rows, image->channels, out, error);
    for (size_t y = 0; status == CLARUS_OK && y < rows; y++)
        horizontal_row(image->pixels + (first_row + y) * image->width * channels, &a, window->width, channels,
                       (*out)->pixels + y * window->width * channels);
    axis_free(context, &a);
    return status;
}

static void vertical_row(const uint8_t *from, size_t stride, const taps *t, size_t count, int32_t *sums,
                         uint8_t *to)
{
    for (size_t x = 0; x < count; x++)
        sums[x] = HALF;
    for (size_t k = 0; k < t->count; k++) {
        const uint8_t *row = from + k * stride;
        int32_t weight = t->weights[k];
        for (size_t x = 0; x < count; x++)
            sums[x] += weight * row[x];
    }
    for (size_t x = 0; x < count; x++)
        to[x] = clip(sums[x]);
}

/* The window's columns begin at first_column of `from`, whose first row is first_row of the source. */
static clarus_status vertical_pass(clarus_context *context, const clarus_image *from, size_t first_column,
                                   size_t first_row, const axis *a, const resize_window *window,
                                   clarus_image **out, clarus_error *error)
{
    size_t channels = (size_t)from->channels, count = window->width * channels;
    size_t stride = from->width * channels;
    int32_t *sums = memory_alloc(context, count, sizeof *sums);
    if (!sums)
        return error_memory(error, "resize");
    clarus_status status = image_create(context, window->width, window->height, from->channels, out, error);
    for (size_t y = 0; status == CLARUS_OK && y < window->height; y++) {
        const taps *t = &a->taps[y];
        const uint8_t *top = from->pixels + (t->first - first_row) * stride + first_column * channels;
        vertical_row(top, stride, t, count, sums, (*out)->pixels + y * count);
    }
    memory_free(context, sums);
    return status;
}

static clarus_status filtered(clarus_context *context, const clarus_image *image, size_t width, size_t height,
                              const kernel *k, const resize_window *window, clarus_image **resized,
                              clarus_error *error)
{
    int narrows = width != image->width, shortens = height != image->height;
    axis rows = {0};
    clarus_image *middle = NULL;
    size_t first_row = window->y, end_row = window->y + window->height;
    clarus_status status = CLARUS_OK;
    if (shortens) {
        status = axis_create(context, k, image->height, height, window->y, window->height, &rows, error);
        if (status != CLARUS_OK)
            goto done;
        const taps *last = &rows.taps[window->height - 1];
        first_row = rows.taps[0].first;
        end_row = last->first + last->count;
    }
    if (narrows)
        status = horizontal_pass(context, image, k, width, window, first_row, end_row - first_row,
                                 shortens ? &middle : resized, error);
    if (shortens && status == CLARUS_OK)
        status = narrows ? vertical_pass(context, middle, 0, first_row, &rows, window, resized, error)
                         : vertical_pass(context, image, window->x, 0, &rows, window, resized, error);
done:
    clarus_image_free(middle);
    axis_free(context, &rows);
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
