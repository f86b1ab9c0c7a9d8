/* Images: what is recognised, what is refused and how, orientation, options, threads. */
#include "jpeg_files.h"
#include "picture.h"

#include <fenv.h>
#include <pthread.h>
#include <unistd.h>

static clarus_context *context;

static void refused(const void *data, size_t size, clarus_status expected, const char *message)
{
    clarus_error error = {0};
    clarus_image *image;
    clarus_status status = clarus_image_decode(context, data, size, "x", NULL, &image, &error);
    CHECK(status == expected && !image, "%s", clarus_status_name(status));
    CHECK(strcmp(error.message, message) == 0, "\"%s\", expected \"%s\"", error.message, message);
}

static void other_files_are_named(void)
{
    refused("", 0, CLARUS_E_FORMAT, "x: is empty");
    refused(NULL, 0, CLARUS_E_FORMAT, "x: is empty");
    refused("GIF89a\1\0", 8, CLARUS_E_UNSUPPORTED, "x: is a GIF picture; only JPEG and PNG can be read");
    refused("RIFF\0\0\0\0WEBPVP8 ", 16, CLARUS_E_UNSUPPORTED,
            "x: is a WebP picture; only JPEG and PNG can be read");
    refused("BM\x36\0\0\0\0\0", 8, CLARUS_E_UNSUPPORTED,
            "x: is a BMP picture; only JPEG and PNG can be read");
    refused("\0\0\0\x1C"
            "ftypavif",
            12, CLARUS_E_UNSUPPORTED, "x: is an AVIF picture; only JPEG and PNG can be read");
    refused("hello\nworld\n", 12, CLARUS_E_FORMAT,
            "x: is text, not a picture; only JPEG and PNG can be read");
    refused("\1\2\3\4\5\6\7\x08", 8, CLARUS_E_FORMAT,
            "x: is not a picture that Clarus knows; only JPEG and PNG can be read");
    refused("\xFF\xD8\xFF", 3, CLARUS_E_FORMAT,
            "x: JPEG: truncated: the file ends after 3 bytes, before the picture is complete");
    refused("\x89PNG\r\n\x1A", 7, CLARUS_E_FORMAT,
            "x: is not a picture that Clarus knows; only JPEG and PNG can be read");
    refused("\x89PNG\r\n\x1A\n", 8, CLARUS_E_FORMAT,
            "x: PNG: truncated: the file ends after 8 bytes, without IEND");
}

static void loads_files(void)
{
    char path[] = "/tmp/clarus-test-image-XXXXXX", expected[200];
    int file = mkstemp(path);
    CHECK(file >= 0 && write(file, jpeg_files[0].bytes, 100) == 100, "set-up");
    clarus_error error = {0};
    clarus_image *image;
    CHECK(clarus_image_load(context, path, NULL, &image, &error) == CLARUS_E_FORMAT && !image,
          "a part loaded");
    snprintf(expected, sizeof expected, "%s: JPEG: truncated", path);
    CHECK(strncmp(error.message, expected, strlen(expected)) == 0, "%s", error.message);
    CHECK(write(file, jpeg_files[0].bytes + 100, jpeg_files[0].size_bytes - 100) > 0, "set-up");
    CHECK(clarus_image_load(context, path, NULL, &image, &error) == CLARUS_OK, "%s", error.message);
    CHECK(image && strcmp(image_digest(image), jpeg_files[0].digest) == 0, "pixels");
    clarus_image_free(image);
    close(file);
    unlink(path);
    CHECK(clarus_image_load(context, path, NULL, &image, &error) == CLARUS_E_IO, "absent");
    CHECK(clarus_image_load(context, "/tmp", NULL, &image, &error) == CLARUS_E_IO, "a directory");
    CHECK(strcmp(error.message, "/tmp: is a directory, not a file") == 0, "%s", error.message);
}

static void copies_pixels(void)
{
    static const uint8_t pixels[] = {1, 2, 3, 99, 4, 5, 6, 99};
    clarus_image *image;
    clarus_error error = {0};
    CHECK(clarus_image_from_pixels(context, pixels, 1, 2, 3, 4, &image, &error) == CLARUS_OK, "%s",
          error.message);
    CHECK(image && memcmp(clarus_image_pixels(image), "\1\2\3\4\5\6", 6) == 0, "pixels");
    clarus_image_free(image);
    CHECK(clarus_image_from_pixels(context, pixels, 3, 2, 1, 2, &image, &error) == CLARUS_E_ARGUMENT &&
              !image,
          "a stride below the row");
    CHECK(clarus_image_from_pixels(context, pixels, 1, 2, 4, 4, &image, &error) == CLARUS_E_ARGUMENT,
          "4 channels");
    CHECK(clarus_image_from_pixels(context, pixels, SIZE_MAX, SIZE_MAX, 1, SIZE_MAX, &image, &error) ==
              CLARUS_E_LIMIT,
          "a size that overflows");
    CHECK(clarus_image_from_pixels(context, pixels, 1, 1 << 20, 1, SIZE_MAX, &image, &error) ==
              CLARUS_E_ARGUMENT,
          "a stride that overflows");
}

/* Where EXIF orientation n shows the stored pixel (x, y) of a picture of w x h, by the definition's words:
 * "the 0th row is at the visual top, the 0th column at the visual left", and so on. */
static void shown_at(int n, size_t w, size_t h, size_t x, size_t y, size_t *to_x, size_t *to_y)
{
    static const struct {
        char row, column; /* side on which the 0th one is: t, b, l, r */
    } sides[9] = {{0, 0},     {'t', 'l'}, {'t', 'r'}, {'b', 'r'}, {'b', 'l'},
                  {'l', 't'}, {'r', 't'}, {'r', 'b'}, {'l', 'b'}};
    for (int i = 0; i < 2; i++) {
        char side = i ? sides[n].column : sides[n].row;
        size_t at = i ? x : y, last = i ? w - 1 : h - 1;
        if (side == 't' || side == 'b')
            *to_y = side == 't' ? at : last - at;
        else
            *to_x = side == 'l' ? at : last - at;
    }
}

static int is_oriented(const clarus_image *image, const clarus_image *stored, int n)
{
    size_t w = clarus_image_width(stored), h = clarus_image_height(stored), to_x = 0, to_y = 0;
    if (clarus_image_width(image) != (n >= 5 ? h : w) || clarus_image_height(image) != (n >= 5 ? w : h))
        return 0;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            shown_at(n, w, h, x, y, &to_x, &to_y);
            const uint8_t *to = clarus_image_pixels(image) + 3 * (to_y * clarus_image_width(image) + to_x);
            if (memcmp(to, clarus_image_pixels(stored) + 3 * (y * w + x), 3) != 0)
                return 0;
        }
    return 1;
}

/* An EXIF block of one entry. */
static size_t make_exif(uint8_t *to, int little, uint8_t type, uint8_t value)
{
    static const uint8_t big[26] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1};
    static const uint8_t small[26] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0};
    memcpy(to, little ? small : big, sizeof big);
    to[little ? 12 : 13] = type;
    size_t width = type == 3 ? 2 : type == 4 ? 4 : 1;
    to[little ? 18 : 18 + width - 1] = value;
    return sizeof big;
}

static bytes jpeg_with_exif(const uint8_t *exif, size_t size)
{
    bytes file = {0};
    uint8_t head[4] = {0xFF, 0xE1, 0, (uint8_t)(size + 8)};
    bytes_append(&file, jpeg_files[0].bytes, 2);
    bytes_append(&file, head, 4);
    bytes_append(&file, "Exif\0\0", 6);
    bytes_append(&file, exif, size);
    bytes_append(&file, jpeg_files[0].bytes + 2, jpeg_files[0].size_bytes - 2);
    return file;
}

static clarus_image *decoded(const bytes *file, int ignore_orientation)
{
    clarus_decode_options options;
    clarus_decode_options_init(&options);
    options.ignore_orientation = ignore_orientation;
    clarus_error error = {0};
    clarus_image *image;
    CHECK(clarus_image_decode(context, file->data, file->size, NULL, &options, &image, &error) == CLARUS_OK,
          "%s", error.message);
    return image;
}

static void check_orientation(bytes file, int expected, const char *what)
{
    clarus_image *image = decoded(&file, 0), *stored = decoded(&file, 1);
    CHECK(image && stored && is_oriented(image, stored, expected), "%s: not orientation %d", what, expected);
    clarus_image_free(image);
    clarus_image_free(stored);
    free(file.data);
}

static void orientation_is_applied(void)
{
    const png_spec spec = {.width = 70, .height = 45, .depth = 8, .colour = PNG_COLOR_TYPE_RGB};
    uint8_t exif[64];
    for (uint8_t n = 1; n <= 8; n++)
        for (int little = 0; little < 2; little++) {
            size_t size = make_exif(exif, little, 3, n);
            check_orientation(jpeg_with_exif(exif, size), n, "JPEG");
            bytes png = png_make(&spec);
            png_insert_chunk(&png, 33, "eXIf", exif, size);
            check_orientation(png, n, "PNG");
        }
    check_orientation(jpeg_with_exif(exif, make_exif(exif, 0, 4, 6)), 6, "a long");
    check_orientation(jpeg_with_exif(exif, make_exif(exif, 0, 2, 6)), 1, "text");
    check_orientation(jpeg_with_exif(exif, make_exif(exif, 0, 3, 9)), 1, "9");
    check_orientation(jpeg_with_exif(exif, make_exif(exif, 0, 3, 0)), 1, "0");
    for (size_t size = 0; size < 20; size++) /* the value is in bytes 18 and 19 */
        check_orientation(jpeg_with_exif(exif, (make_exif(exif, 0, 3, 6), size)), 1, "cut short");
    make_exif(exif, 0, 3, 6);
    exif[4] = 0xFF;
    check_orientation(jpeg_with_exif(exif, 26), 1, "a directory beyond the end");
}

static void options_are_checked(void)
{
    clarus_decode_options options;
    clarus_decode_options_init(&options);
    clarus_image *image;
    clarus_error error = {0};
    const jpeg_file *f = &jpeg_files[0];
    options.channels = 2;
    CHECK(clarus_image_decode(context, f->bytes, f->size_bytes, NULL, &options, &image, &error) ==
              CLARUS_E_ARGUMENT,
          "2 channels");
    options.channels = 1;
    options.struct_size = 4;
    CHECK(clarus_image_decode(context, f->bytes, f->size_bytes, NULL, &options, &image, &error) ==
              CLARUS_E_ARGUMENT,
          "struct_size");
    CHECK(strstr(error.message, "struct_size is 4"), "%s", error.message);
}

static void limits_are_the_contexts(void)
{
    clarus_context_options options;
    clarus_context_options_init(&options);
    options.max_pixels = JPEG_WIDTH * JPEG_HEIGHT - 1;
    options.max_file_bytes = 10;
    clarus_context *small;
    CHECK(clarus_context_create(&options, &small, NULL) == CLARUS_OK, "context");
    clarus_image *image;
    clarus_error error = {0};
    CHECK(clarus_image_decode(small, jpeg_files[0].bytes, jpeg_files[0].size_bytes, "x", NULL, &image,
                              &error) == CLARUS_E_LIMIT,
          "pixels");
    CHECK(strcmp(error.message, "x: 20x13 is more than the limit of 259 pixels") == 0, "%s", error.message);
    CHECK(clarus_image_load(small, "/proc/self/status", NULL, &image, &error) == CLARUS_E_LIMIT, "%s",
          error.message);
    clarus_context_free(small);
}

/* Decodes, resizes and prepares; the image is shared by all threads. */
static void *work(void *shared)
{
    const clarus_image *image = shared;
    static char expected[33];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    for (int i = 0; i < 20; i++) {
        clarus_image *own = NULL, *resized = NULL;
        float out[3 * 8 * 8];
        clarus_preprocess p;
        clarus_preprocess_init(&p);
        p.resize_width = p.resize_height = 8;
        clarus_status status = clarus_image_decode(context, jpeg_files[0].bytes, jpeg_files[0].size_bytes,
                                                   NULL, NULL, &own, NULL);
        if (status == CLARUS_OK)
            status = clarus_image_resize(context, image, 31, 7, CLARUS_RESAMPLE_LANCZOS, &resized, NULL);
        if (status == CLARUS_OK)
            status = clarus_image_prepare(context, image, &p, 8, 8, out, 192, NULL);
        pthread_mutex_lock(&lock);
        CHECK(status == CLARUS_OK && strcmp(image_digest(own), jpeg_files[0].digest) == 0, "decode");
        if (!*expected)
            strcpy(expected, digest_of(out, sizeof out));
        CHECK(strcmp(expected, digest_of(out, sizeof out)) == 0, "prepare");
        pthread_mutex_unlock(&lock);
        clarus_image_free(own);
        clarus_image_free(resized);
    }
    return NULL;
}

static void threads_share_an_image(void)
{
    bytes file = {0};
    bytes_append(&file, jpeg_files[1].bytes, jpeg_files[1].size_bytes);
    clarus_image *image = decoded(&file, 0);
    pthread_t threads[8];
    int started = 0; /* no CHECK while threads count */
    while (started < 8 && pthread_create(&threads[started], NULL, work, image) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    CHECK(started == 8, "%d threads", started);
    clarus_image_free(image);
    free(file.data);
}

/* The caller's rounding mode neither changes the result nor gets lost. */
static void rounding_mode_of_the_caller(void)
{
    bytes file = {0};
    bytes_append(&file, jpeg_files[0].bytes, jpeg_files[0].size_bytes);
    clarus_image *image = decoded(&file, 0), *resized[2];
    float out[2][3 * 9 * 9];
    clarus_preprocess p;
    clarus_preprocess_init(&p);
    p.resize_width = p.resize_height = 9;
    p.has_mean = 1;
    p.mean[0] = 0.1;
    for (int i = 0; i < 2; i++) {
        fesetround(i ? FE_UPWARD : FE_TONEAREST);
        CHECK(clarus_image_resize(context, image, 301, 200, CLARUS_RESAMPLE_LANCZOS, &resized[i], NULL) ==
                  CLARUS_OK,
              "resize");
        CHECK(clarus_image_prepare(context, image, &p, 9, 9, out[i], 243, NULL) == CLARUS_OK, "prepare");
        CHECK(fegetround() == (i ? FE_UPWARD : FE_TONEAREST), "the rounding mode was changed");
    }
    fesetround(FE_TONEAREST);
    CHECK(memcmp(clarus_image_pixels(resized[0]), clarus_image_pixels(resized[1]), image_bytes(resized[0])) ==
              0,
          "resize");
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0, "prepare");
    clarus_image_free(resized[0]);
    clarus_image_free(resized[1]);
    clarus_image_free(image);
    free(file.data);
}

int main(void)
{
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK)
        return 1;
    CHECK(strstr(clarus_decoder_versions(), "libjpeg-turbo ") && strstr(clarus_decoder_versions(), "libpng "),
          "%s", clarus_decoder_versions());
    other_files_are_named();
    loads_files();
    copies_pixels();
    orientation_is_applied();
    options_are_checked();
    limits_are_the_contexts();
    threads_share_an_image();
    rounding_mode_of_the_caller();
    clarus_context_free(context);
    return test_result();
}
