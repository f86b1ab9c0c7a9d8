/* Damaged files: every truncation and every changed byte of small files ends in pixels or in one clear line.
 */
#include "jpeg_files.h"
#include "picture.h"

static clarus_context *context;

/* Returns the status; complains if the error is not one line that begins with the name. */
static clarus_status decode(const uint8_t *data, size_t size, const char *what, size_t at)
{
    clarus_error error = {0};
    clarus_image *image;
    clarus_status status = clarus_image_decode(context, data, size, "n", NULL, &image, &error);
    if (status == CLARUS_OK)
        CHECK(image && image_bytes(image) > 0, "%s at %zu", what, at);
    else
        CHECK(!image && strncmp(error.message, "n: ", 3) == 0 && strlen(error.message) > 10 &&
                  !strchr(error.message, '\n') && error.status == status,
              "%s at %zu: %s", what, at, error.message);
    clarus_image_free(image);
    return status;
}

/* In exact-size memory, so that a sanitizer sees every byte that is read too much. */
static clarus_status decode_copy(const uint8_t *data, size_t size, const char *what, size_t at)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    clarus_status status = decode(copy, size, what, at);
    free(copy);
    return status;
}

/* Every byte of a PNG file is a chunk's length, or under a checksum, or a checksum, or the signature. */
static void damaged_png(const png_spec *spec)
{
    static const uint8_t flips[] = {0x01, 0x20, 0x80, 0xFF};
    bytes file = png_make(spec);
    CHECK(decode(file.data, file.size, "whole", 0) == CLARUS_OK, "whole file");
    for (size_t size = 0; size < file.size; size++)
        CHECK(decode_copy(file.data, size, "PNG cut", size) != CLARUS_OK, "%zu of %zu bytes pass", size,
              file.size);
    for (size_t at = 0; at < file.size; at++)
        for (size_t i = 0; i < sizeof flips; i++) {
            file.data[at] ^= flips[i];
            CHECK(decode(file.data, file.size, "PNG flip", at) != CLARUS_OK, "byte %zu ^ %02X passes", at,
                  flips[i]);
            file.data[at] ^= flips[i];
        }
    free(file.data);
}

/* Damage with checksums put right reaches libpng and zlib. */
static void damaged_png_data(const png_spec *spec)
{
    bytes file = png_make(spec);
    int failures = 0, flips = 0;
    for (size_t at = 16; at < file.size - 16; at++) {
        size_t chunk = at < 29 ? 8 : 33;
        size_t length = at < 29 ? 13 : file.size - 33 - 24;
        if (at >= 29 && (at < 41 || at >= 41 + length))
            continue;
        uint8_t *sum = file.data + chunk + 8 + length;
        file.data[at] ^= (uint8_t)(1 << at % 8);
        put_u32(sum, (uint32_t)crc32_z(0, file.data + chunk + 4, length + 4));
        failures += decode(file.data, file.size, "PNG data", at) != CLARUS_OK;
        flips++;
        file.data[at] ^= (uint8_t)(1 << at % 8);
        put_u32(sum, (uint32_t)crc32_z(0, file.data + chunk + 4, length + 4));
    }
    CHECK(flips > 30 && failures > flips / 2, "%d of %d changes were noticed", failures, flips);
    free(file.data);
}

static void damaged_jpeg(const jpeg_file *f)
{
    for (size_t size = 0; size + 2 < f->size_bytes; size++)
        CHECK(decode_copy(f->bytes, size, "JPEG cut", size) != CLARUS_OK || size > f->size_bytes - 8,
              "%s: %zu of %zu bytes pass", f->name, size, f->size_bytes);
    uint8_t *copy = malloc(f->size_bytes);
    memcpy(copy, f->bytes, f->size_bytes);
    for (size_t at = 0; at < f->size_bytes; at++)
        for (int bit = 0; bit < 8; bit++) {
            copy[at] ^= (uint8_t)(1 << bit);
            decode(copy, f->size_bytes, "JPEG flip", at);
            copy[at] ^= (uint8_t)(1 << bit);
        }
    free(copy);
}

int main(void)
{
    static const png_color palette[4] = {{1, 2, 3}, {40, 50, 60}, {200, 100, 0}, {255, 255, 255}};
    const png_spec specs[] = {
        {.width = 9, .height = 6, .depth = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA},
        {.width = 9, .height = 6, .depth = 16, .colour = PNG_COLOR_TYPE_GRAY, .interlace = 1},
        {.width = 30, .height = 9, .depth = 2, .colour = PNG_COLOR_TYPE_PALETTE, .palette = palette},
    };
    clarus_context_options options;
    clarus_context_options_init(&options);
    options.max_pixels = 1 << 20; /* damaged sizes then cost little */
    if (clarus_context_create(&options, &context, NULL) != CLARUS_OK)
        return 1;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        damaged_png(&specs[i]);
        if (!specs[i].palette)
            damaged_png_data(&specs[i]);
    }
    for (size_t i = 0; i < sizeof jpeg_files / sizeof *jpeg_files; i++)
        damaged_jpeg(&jpeg_files[i]);
    clarus_context_free(context);
    return test_result();
}
