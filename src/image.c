/* A file is recognised by its first bytes, never by its name. The decoder gives pixels as stored; then the
 * EXIF orientation is applied and grey and colour are converted into each other as the caller asks. */
#include "image.h"

#include "file.h"
#include "image_jpeg.h"
#include "image_png.h"
#include "orient.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#define TEXT_OF(x) #x
#define VERSION_TEXT(x) TEXT_OF(x)

const char *clarus_decoder_versions(void)
{
    return "libjpeg-turbo " VERSION_TEXT(LIBJPEG_TURBO_VERSION) ", libpng " PNG_LIBPNG_VER_STRING;
}

clarus_status image_check_size(const clarus_context *context, uint64_t width, uint64_t height,
                               clarus_error *error)
{
    if (!width || !height)
        return error_set(error, CLARUS_E_FORMAT, "empty picture of %llux%llu", (unsigned long long)width,
                         (unsigned long long)height);
    if (width > context->max_pixels / height || width > INT32_MAX || height > INT32_MAX)
        return error_set(error, CLARUS_E_LIMIT, "%llux%llu is more than the limit of %llu pixels",
                         (unsigned long long)width, (unsigned long long)height,
                         (unsigned long long)context->max_pixels);
    return CLARUS_OK;
}

clarus_status image_create(clarus_context *context, size_t width, size_t height, int channels,
                           clarus_image **image, clarus_error *error)
{
    *image = NULL;
    clarus_status status = image_check_size(context, width, height, error);
    if (status != CLARUS_OK)
        return status;
    clarus_image *created = memory_calloc(context, 1, sizeof *created);
    uint8_t *pixels = memory_alloc(context, width * height, (size_t)channels);
    if (!created || !pixels) {
        memory_free(context, created);
        memory_free(context, pixels);
        return error_set(error, CLARUS_E_MEMORY, "out of memory for a picture of %zux%zu", width, height);
    }
    *created = (clarus_image){context_retain(context), width, height, channels, pixels};
    *image = created;
    return CLARUS_OK;
}

void clarus_image_free(clarus_image *image)
{
    if (!image)
        return;
    clarus_context *context = image->context;
    memory_free(context, image->pixels);
    memory_free(context, image);
    clarus_context_free(context);
}

size_t clarus_image_width(const clarus_image *image)
{
    return image->width;
}

size_t clarus_image_height(const clarus_image *image)
{
    return image->height;
}

int clarus_image_channels(const clarus_image *image)
{
    return image->channels;
}

const uint8_t *clarus_image_pixels(const clarus_image *image)
{
    return image->pixels;
}

/* Pillow's convert("L"), of the primaries' weights 0.299, 0.587, 0.114. */
static void grey_pixels(const uint8_t *rgb, uint8_t *grey, size_t count)
{
    for (size_t x = 0; x < count; x++)
        grey[x] =
            (uint8_t)((rgb[3 * x] * 19595U + rgb[3 * x + 1] * 38470U + rgb[3 * x + 2] * 7471U + 0x8000U) >>
                      16);
}

clarus_status image_convert(clarus_context *context, const clarus_image *image, clarus_image **converted,
                            clarus_error *error)
{
    clarus_status status =
        image_create(context, image->width, image->height, image->channels == 1 ? 3 : 1, converted, error);
    if (status != CLARUS_OK)
        return status;
    size_t count = image->width * image->height;
    if (image->channels == 3)
        grey_pixels(image->pixels, (*converted)->pixels, count);
    else
        for (size_t i = 0; i < count; i++)
            memset((*converted)->pixels + 3 * i, image->pixels[i], 3);
    return CLARUS_OK;
}

typedef struct signature {
    size_t offset;
    const char *bytes;
    size_t length;
    const char *name;
} signature;

#define SIGNATURE(offset, bytes, name)                                                                       \
    {                                                                                                        \
        offset, bytes, sizeof(bytes) - 1, name                                                               \
    }

/* What people most often mistake for a picture that can be read here. */
static const signature known_formats[] = {
    SIGNATURE(0, "GIF8", "a GIF picture"),
    SIGNATURE(8, "WEBP", "a WebP picture"),
    SIGNATURE(0, "BM", "a BMP picture"),
    SIGNATURE(0, "II*\0", "a TIFF picture"),
    SIGNATURE(0, "MM\0*", "a TIFF picture"),
    SIGNATURE(4, "ftypavif", "an AVIF picture"),
    SIGNATURE(4, "ftypheic", "a HEIC picture"),
    SIGNATURE(4, "ftypheix", "a HEIC picture"),
    SIGNATURE(4, "ftypmif1", "a HEIF picture"),
    SIGNATURE(4, "ftyp", "a video or HEIF file"),
    SIGNATURE(4, "jP  \r\n", "a JPEG 2000 picture"),
    SIGNATURE(0, "\xFF\x4F\xFF\x51", "a JPEG 2000 picture"),
    SIGNATURE(4, "JXL \r\n", "a JPEG XL picture"),
    SIGNATURE(0, "\xFF\x0A", "a JPEG XL picture"),
    SIGNATURE(0, "\0\0\1\0", "an icon"),
    SIGNATURE(0, "8BPS", "a Photoshop file"),
    SIGNATURE(0, "P5", "a PNM picture"),
    SIGNATURE(0, "P6", "a PNM picture"),
    SIGNATURE(0, "%PDF", "a PDF file"),
    SIGNATURE(0, "PK\3\4", "a ZIP archive"),
    SIGNATURE(0, "\x1F\x8B", "a gzip file"),
};

static int is_text(const uint8_t *bytes, size_t size_bytes)
{
    size_t looked_at = size_bytes < 256 ? size_bytes : 256;
    for (size_t i = 0; i < looked_at; i++)
        if (bytes[i] < 0x20 && !(bytes[i] >= '\t' && bytes[i] <= '\r'))
            return 0;
    return 1;
}

static clarus_status refuse_unknown(const uint8_t *bytes, size_t size_bytes, clarus_error *error)
{
    static const char hint[] = "only JPEG and PNG can be read";
    if (size_bytes == 0)
        return error_set(error, CLARUS_E_FORMAT, "is empty");
    for (size_t i = 0; i < sizeof known_formats / sizeof *known_formats; i++) {
        const signature *s = &known_formats[i];
        if (size_bytes >= s->offset + s->length && memcmp(bytes + s->offset, s->bytes, s->length) == 0)
            return error_set(error, CLARUS_E_UNSUPPORTED, "is %s; %s", s->name, hint);
    }
    if (is_text(bytes, size_bytes))
        return error_set(error, CLARUS_E_FORMAT, "is text, not a picture; %s", hint);
    return error_set(error, CLARUS_E_FORMAT, "is not a picture that Clarus knows; %s", hint);
}

static clarus_status decode_stored(clarus_context *context, const uint8_t *bytes, size_t size_bytes,
                                   const clarus_decode_options *options, clarus_image **image,
                                   int *orientation, clarus_error *error)
{
    if (jpeg_recognise(bytes, size_bytes))
        return jpeg_decode(context, bytes, size_bytes, image, orientation, error);
    if (png_recognise(bytes, size_bytes))
        return png_decode(context, bytes, size_bytes, options, image, orientation, error);
    return refuse_unknown(bytes, size_bytes, error);
}

/* Puts *next in the place of *image. */
static void replace(clarus_image **image, clarus_image *next)
{
    clarus_image_free(*image);
    *image = next;
}

static clarus_status decode(clarus_context *context, const uint8_t *bytes, size_t size_bytes,
                            const clarus_decode_options *options, clarus_image **image, clarus_error *error)
{
    int orientation = 1;
    clarus_image *stored = NULL, *next = NULL;
    clarus_status status = decode_stored(context, bytes, size_bytes, options, &stored, &orientation, error);
    if (stored && orientation != 1 && !options->ignore_orientation &&
        (status = orient_image(stored, orientation, &next, error)) == CLARUS_OK)
        replace(&stored, next);
    if (stored && status == CLARUS_OK && options->channels != stored->channels &&
        (status = image_convert(context, stored, &next, error)) == CLARUS_OK)
        replace(&stored, next);
    if (status != CLARUS_OK)
        replace(&stored, NULL);
    *image = stored;
    return status;
}

static clarus_status check_options(const clarus_decode_options *options, clarus_error *error)
{
    if (options->struct_size != sizeof *options)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "decode options: struct_size is %zu, expected %zu (use the _init function)",
                         options->struct_size, sizeof *options);
    if (options->channels != 0 && options->channels != 1 && options->channels != 3)
        return error_set(error, CLARUS_E_ARGUMENT, "decode options: %d channels, expected 1 or 3",
                         options->channels);
    return CLARUS_OK;
}

clarus_status clarus_image_decode(clarus_context *context, const void *bytes, size_t size_bytes,
                                  const char *name, const clarus_decode_options *options,
                                  clarus_image **image, clarus_error *error)
{
    if (!image)
        return error_set(error, CLARUS_E_ARGUMENT, "image: NULL");
    *image = NULL;
    if (!context || (!bytes && size_bytes))
        return error_set(error, CLARUS_E_ARGUMENT, "image: context or bytes is NULL");
    clarus_decode_options used;
    clarus_decode_options_init(&used);
    if (options) {
        clarus_status status = check_options(options, error);
        if (status != CLARUS_OK)
            return status;
        used = *options;
    }
    if (!used.channels)
        used.channels = 3;
    clarus_status status = decode(context, bytes, size_bytes, &used, image, error);
    if (status != CLARUS_OK)
        error_prefix(error, "%s: ", name ? name : "image");
    return status;
}

clarus_status clarus_image_load(clarus_context *context, const char *path,
                                const clarus_decode_options *options, clarus_image **image,
                                clarus_error *error)
{
    if (!image)
        return error_set(error, CLARUS_E_ARGUMENT, "image: NULL");
    *image = NULL;
    if (!context || !path)
        return error_set(error, CLARUS_E_ARGUMENT, "image: context or path is NULL");
    void *bytes;
    size_t size_bytes;
    clarus_status status = file_read(context, path, context->max_file_bytes, &bytes, &size_bytes, error);
    if (status == CLARUS_OK)
        status = clarus_image_decode(context, bytes, size_bytes, path, options, image, error);
    memory_free(context, bytes);
    return status;
}

clarus_status clarus_image_from_pixels(clarus_context *context, const uint8_t *pixels, size_t width,
                                       size_t height, int channels, size_t stride_bytes, clarus_image **image,
                                       clarus_error *error)
{
    if (!image)
        return error_set(error, CLARUS_E_ARGUMENT, "image: NULL");
    *image = NULL;
    if (!context || !pixels)
        return error_set(error, CLARUS_E_ARGUMENT, "image: context or pixels is NULL");
    if (channels != 1 && channels != 3)
        return error_set(error, CLARUS_E_ARGUMENT, "image: %d channels, expected 1 or 3", channels);
    clarus_status status = image_check_size(context, width, height, error);
    if (status != CLARUS_OK)
        return status;
    size_t row_bytes = width * (size_t)channels;
    if (stride_bytes < row_bytes || stride_bytes > PTRDIFF_MAX / height)
        return error_set(error, CLARUS_E_ARGUMENT, "image: stride of %zu bytes does not fit rows of %zu",
                         stride_bytes, row_bytes);
    status = image_create(context, width, height, channels, image, error);
    for (size_t y = 0; status == CLARUS_OK && y < height; y++)
        memcpy((*image)->pixels + y * row_bytes, pixels + y * stride_bytes, row_bytes);
    return status;
}
