/* What the picture tests share: a context, digests of pixels, PNG files made on the spot. */
#ifndef CLARUS_TEST_PICTURE_H
#define CLARUS_TEST_PICTURE_H

#include "clarus.h"
#include "test.h"

#include <string.h>

#include <png.h>
#include <xxhash.h>
#include <zlib.h>

static inline const char *digest_of(const void *bytes, size_t size_bytes)
{
    static char hex[33];
    XXH128_hash_t h = XXH3_128bits(bytes, size_bytes);
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
    return hex;
}

static inline size_t image_bytes(const clarus_image *image)
{
    return clarus_image_width(image) * clarus_image_height(image) * (size_t)clarus_image_channels(image);
}

static inline const char *image_digest(const clarus_image *image)
{
    return digest_of(clarus_image_pixels(image), image_bytes(image));
}

/* A byte that looks random but is the same everywhere; tools for digests elsewhere use the same formula. */
static inline uint8_t noise(uint32_t i)
{
    i *= 2654435761U;
    i ^= i >> 15;
    i *= 2246822519U;
    return (uint8_t)(i >> 24);
}

typedef struct bytes {
    uint8_t *data;
    size_t size, capacity;
} bytes;

static inline void bytes_append(bytes *b, const void *data, size_t size)
{
    if (b->size + size > b->capacity) {
        b->capacity = 2 * (b->size + size);
        b->data = realloc(b->data, b->capacity);
        if (!b->data)
            abort();
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Puts a chunk, with its checksum, at byte `at` of a PNG file. */
static inline void png_insert_chunk(bytes *file, size_t at, const char *name, const void *data, size_t size)
{
    bytes chunk = {0}, rest = {0};
    uint8_t number[4];
    bytes_append(&rest, file->data + at, file->size - at);
    put_u32(number, (uint32_t)size);
    bytes_append(&chunk, number, 4);
    bytes_append(&chunk, name, 4);
    bytes_append(&chunk, data, size);
    put_u32(number, (uint32_t)crc32_z(0, chunk.data + 4, size + 4));
    bytes_append(&chunk, number, 4);
    file->size = at;
    bytes_append(file, chunk.data, chunk.size);
    bytes_append(file, rest.data, rest.size);
    free(chunk.data);
    free(rest.data);
}

typedef struct png_spec {
    uint32_t width, height;
    int depth, colour, interlace;
    const png_color *palette; /* 1 << depth entries, for PNG_COLOR_TYPE_PALETTE */
    const uint8_t *alphas;    /* tRNS of a palette */
    int alpha_count;
    const png_color_16 *key; /* tRNS of grey or RGB */
} png_spec;

static inline int png_samples(const png_spec *s)
{
    return s->colour == PNG_COLOR_TYPE_RGB          ? 3
           : s->colour == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
           : s->colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                    : 1;
}

/* Sample c of a pixel, of s->depth bits. Few values, so that a transparent colour is met often. */
static inline unsigned png_sample(const png_spec *s, uint32_t x, uint32_t y, int c)
{
    unsigned v = noise((y * s->width + x) * 4 + (uint32_t)c);
    return s->depth == 16 ? v << 8 | (v ^ 0x5A) : v >> (8 - s->depth);
}

static inline void png_collect(png_structp png, png_bytep data, size_t size)
{
    bytes_append(png_get_io_ptr(png), data, size);
}

static inline void png_no_flush(png_structp png)
{
    (void)png;
}

static inline void png_pack_row(const png_spec *s, uint32_t y, uint8_t *row)
{
    int samples = png_samples(s);
    size_t bit = 0;
    memset(row, 0, s->width * 8);
    for (uint32_t x = 0; x < s->width; x++)
        for (int c = 0; c < samples; c++, bit += (size_t)s->depth) {
            unsigned v = png_sample(s, x, y, c);
            if (s->depth == 16) {
                row[bit / 8] = (uint8_t)(v >> 8);
                row[bit / 8 + 1] = (uint8_t)v;
            } else {
                row[bit / 8] |= (uint8_t)(v << (8 - (size_t)s->depth - bit % 8));
            }
        }
}

static inline bytes png_make(const png_spec *s)
{
    bytes file = {0};
    uint8_t *row = malloc(s->width * 8);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    if (!row || !png || !info || setjmp(png_jmpbuf(png)))
        abort();
    png_set_write_fn(png, &file, png_collect, png_no_flush);
    png_set_IHDR(png, info, s->width, s->height, s->depth, s->colour,
                 s->interlace ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (s->palette)
        png_set_PLTE(png, info, s->palette, 1 << s->depth);
    if (s->alphas || s->key)
        png_set_tRNS(png, info, s->alphas, s->alpha_count, s->key);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < s->height; y++) {
            png_pack_row(s, y, row);
            png_write_row(png, row);
        }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(row);
    return file;
}

#endif
