/* Each allocation of decoding, resizing and preparing made to fail once, in turn: CLARUS_E_MEMORY, nothing
 * leaked. */
#include "failing_allocator.h"
#include "jpeg_files.h"
#include "picture.h"

static clarus_context *context;
static clarus_image *shared; /* 9x7, made before failures begin */

static clarus_status decode_bytes(const bytes *file, int channels, clarus_error *error)
{
    clarus_decode_options options;
    clarus_decode_options_init(&options);
    options.channels = channels;
    clarus_image *image;
    clarus_status status = clarus_image_decode(context, file->data, file->size, "n", &options, &image, error);
    CHECK((status == CLARUS_OK) == (image != NULL), "%s", clarus_status_name(status));
    clarus_image_free(image);
    return status;
}

static clarus_status decode_jpeg_turned(const void *user, clarus_error *error)
{
    (void)user;
    static const uint8_t exif[] = {0xFF, 0xE1, 0, 34, 'E', 'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0,
                                   0,    8,    0, 1,  1,   0x12, 0,   3,   0, 0, 0,   1,   0, 6,  0, 0};
    bytes file = {0};
    bytes_append(&file, jpeg_files[0].bytes, 2);
    bytes_append(&file, exif, sizeof exif);
    bytes_append(&file, "\0\0\0\0", 4);
    bytes_append(&file, jpeg_files[0].bytes + 2, jpeg_files[0].size_bytes - 2);
    clarus_status status = decode_bytes(&file, 1, error);
    free(file.data);
    return status;
}

static clarus_status decode_jpeg_cmyk(const void *user, clarus_error *error)
{
    (void)user;
    bytes file = {0};
    bytes_append(&file, jpeg_files[4].bytes, jpeg_files[4].size_bytes);
    clarus_status status = decode_bytes(&file, 3, error);
    free(file.data);
    return status;
}

static clarus_status decode_png(const void *user, clarus_error *error)
{
    (void)user;
    const png_spec spec = {.width = 9, .height = 6, .depth = 8, .colour = PNG_COLOR_TYPE_GRAY_ALPHA};
    bytes file = png_make(&spec);
    clarus_status status = decode_bytes(&file, 3, error);
    free(file.data);
    return status;
}

static clarus_status load_file(const void *user, clarus_error *error)
{
    (void)user;
    clarus_image *image;
    clarus_status status = clarus_image_load(context, "/proc/self/status", NULL, &image, error);
    return status == CLARUS_E_FORMAT ? CLARUS_OK : status; /* text is what is expected there */
}

static clarus_status resize_to(size_t width, size_t height, clarus_resample filter, clarus_error *error)
{
    clarus_image *image;
    clarus_status status = clarus_image_resize(context, shared, width, height, filter, &image, error);
    CHECK((status == CLARUS_OK) == (image != NULL), "%s", clarus_status_name(status));
    clarus_image_free(image);
    return status;
}

static clarus_status resize_both(const void *user, clarus_error *error)
{
    (void)user;
    return resize_to(20, 5, CLARUS_RESAMPLE_LANCZOS, error);
}

static clarus_status resize_one(const void *user, clarus_error *error)
{
    (void)user;
    return resize_to(9, 20, CLARUS_RESAMPLE_BICUBIC, error);
}

static clarus_status resize_nearest(const void *user, clarus_error *error)
{
    (void)user;
    return resize_to(4, 4, CLARUS_RESAMPLE_NEAREST, error);
}

static clarus_status prepare_grey(const void *user, clarus_error *error)
{
    (void)user;
    clarus_preprocess p;
    clarus_preprocess_init(&p);
    p.channels = CLARUS_CHANNELS_GRAY;
    p.resize_short = p.crop_width = p.crop_height = 5;
    float out[25];
    return clarus_image_prepare(context, shared, &p, 5, 5, out, 25, error);
}

int main(void)
{
    static uint8_t pixels[9 * 7 * 3];
    clarus_context_options options;
    clarus_context_options_init(&options);
    options.allocator = &failing;
    if (clarus_context_create(&options, &context, NULL) != CLARUS_OK ||
        clarus_image_from_pixels(context, pixels, 9, 7, 3, 27, &shared, NULL) != CLARUS_OK)
        return 1;
    sweep_allocations("JPEG, turned, grey", decode_jpeg_turned, NULL);
    sweep_allocations("JPEG, CMYK", decode_jpeg_cmyk, NULL);
    sweep_allocations("PNG", decode_png, NULL);
    sweep_allocations("file", load_file, NULL);
    sweep_allocations("resize", resize_both, NULL);
    sweep_allocations("resize of one side", resize_one, NULL);
    sweep_allocations("resize to nearest", resize_nearest, NULL);
    sweep_allocations("prepare", prepare_grey, NULL);
    clarus_image_free(shared);
    clarus_context_free(context);
    CHECK(memory.live == 0, "%ld allocations leaked", (long)memory.live);
    return test_result();
}
