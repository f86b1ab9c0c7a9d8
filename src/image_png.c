/* A PNG file is a signature of 8 bytes and a list of chunks: length (4), name (4), data, CRC-32 of name and
 * data (4). The list is walked and checked here first, which costs one pass over the file and gives three
 * things: messages that name chunk and position; the size of the picture before anything is allocated; and
 * the choice of what libpng sees at all: IHDR, PLTE, tRNS, IDAT and IEND. Text, profiles and other compressed
 * extras, a favourite of hostile files, never reach a decompressor.
 *
 * libpng then makes 8-bit rows of grey or RGB, with alpha where there is transparency: small grey levels
 * scaled to 255, palettes looked up, the high byte of 16-bit samples. Composited in place afterwards. */
#include "image_png.h"

#include "exif.h"

#include <ctype.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

enum { SIGNATURE_BYTES = 8, CHUNK_FRAME_BYTES = 12, IHDR_BYTES = 13, LARGEST_PNG_SIDE = 0x7FFFFFFF };

static const uint8_t signature[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

int png_recognise(const uint8_t *bytes, size_t size_bytes)
{
    int equal = 0;
    if (size_bytes < SIGNATURE_BYTES)
        return 0;
    for (size_t i = 0; i < SIGNATURE_BYTES; i++)
        equal += bytes[i] == signature[i];
    return equal >= SIGNATURE_BYTES - 2;
}

typedef struct chunk {
    size_t at; /* of its length field */
    const uint8_t *name, *data;
    size_t length;
} chunk;

/* What the walk found. */
typedef struct png_layout {
    uint32_t width, height;
    int data_chunks;
    int orientation;
} png_layout;

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int chunk_is(const chunk *c, const char *name)
{
    return memcmp(c->name, name, 4) == 0;
}

/* What libpng gets to see. */
static int chunk_makes_pixels(const chunk *c)
{
    return chunk_is(c, "IHDR") || chunk_is(c, "PLTE") || chunk_is(c, "tRNS") || chunk_is(c, "IDAT") ||
           chunk_is(c, "IEND");
}

static clarus_status read_chunk(const uint8_t *bytes, size_t size_bytes, size_t at, chunk *c,
                                clarus_error *error)
{
    size_t left = size_bytes - at;
    if (left < CHUNK_FRAME_BYTES)
        return error_set(error, CLARUS_E_FORMAT,
                         "PNG: truncated: the file ends after %zu bytes, without IEND", size_bytes);
    *c = (chunk){at, bytes + at + 4, bytes + at + 8, read_u32(bytes + at)};
    for (size_t i = 0; i < 4; i++)
        if ((c->name[i] | 32) < 'a' || (c->name[i] | 32) > 'z')
            return error_set(error, CLARUS_E_FORMAT, "PNG: damaged chunk name at byte %zu", at + 4);
    if (c->length > left - CHUNK_FRAME_BYTES)
        return error_set(error, CLARUS_E_FORMAT,
                         "PNG: truncated: chunk %.4s at byte %zu has %zu bytes, but the file ends after %zu",
                         (const char *)c->name, at, c->length, size_bytes);
    uLong sum = crc32_z(crc32_z(0, NULL, 0), c->name, c->length + 4);
    if (sum != read_u32(c->data + c->length))
        return error_set(error, CLARUS_E_FORMAT, "PNG: chunk %.4s has a wrong checksum at byte %zu",
                         (const char *)c->name, at + 8 + c->length);
    return CLARUS_OK;
}

static clarus_status note_chunk(const chunk *c, png_layout *layout, clarus_error *error)
{
    int is_first = c->at == SIGNATURE_BYTES;
    if (is_first != chunk_is(c, "IHDR") || (is_first && c->length != IHDR_BYTES))
        return error_set(error, CLARUS_E_FORMAT, "PNG: chunk %.4s of %zu bytes at byte %zu is out of place",
                         (const char *)c->name, c->length, c->at);
    if (is_first) {
        layout->width = read_u32(c->data);
        layout->height = read_u32(c->data + 4);
    } else if (chunk_is(c, "IDAT")) {
        layout->data_chunks++;
    } else if (chunk_is(c, "eXIf")) {
        layout->orientation = exif_orientation(c->data, c->length);
    } else if (!(c->name[0] & 32) && !chunk_makes_pixels(c)) {
        return error_set(error, CLARUS_E_UNSUPPORTED, "PNG: unknown critical chunk %.4s at byte %zu",
                         (const char *)c->name, c->at);
    }
    return CLARUS_OK;
}

static clarus_status walk_chunks(const uint8_t *bytes, size_t size_bytes, png_layout *layout,
                                 clarus_error *error)
{
    chunk c = {0};
    for (size_t at = SIGNATURE_BYTES;; at += CHUNK_FRAME_BYTES + c.length) {
        clarus_status status = read_chunk(bytes, size_bytes, at, &c, error);
        if (status == CLARUS_OK)
            status = note_chunk(&c, layout, error);
        if (status != CLARUS_OK)
            return status;
        if (chunk_is(&c, "IEND"))
            break;
    }
    if (!layout->data_chunks)
        return error_set(error, CLARUS_E_FORMAT, "PNG: no picture data (no IDAT chunk)");
    return CLARUS_OK;
}

typedef struct png_reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t at, run_end; /* libpng is inside a run of bytes that it may see */
    clarus_context *context;
    clarus_image *image;
    clarus_status status;
    clarus_error *error;
} png_reader;

_Noreturn static void on_error(png_structp png, png_const_charp text)
{
    png_reader *reader = png_get_error_ptr(png);
    int first = tolower((unsigned char)text[0]);
    reader->status = strcmp(text, "Out of memory") == 0
                         ? error_memory(reader->error, "PNG")
                         : error_set(reader->error, CLARUS_E_FORMAT, "PNG: %c%s (before byte %zu)",
                                     islower((unsigned char)text[1]) ? first : text[0], text + 1, reader->at);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* The walk has proved that every chunk lies inside the file and that IEND comes last. */
static void next_run(png_reader *reader)
{
    chunk c;
    for (;; reader->at += CHUNK_FRAME_BYTES + c.length) {
        const uint8_t *p = reader->bytes + reader->at;
        c = (chunk){reader->at, p + 4, p + 8, read_u32(p)};
        if (chunk_makes_pixels(&c))
            break;
    }
    reader->run_end = reader->at + CHUNK_FRAME_BYTES + c.length;
}

static void on_read(png_structp png, png_bytep out, size_t count)
{
    png_reader *reader = png_get_io_ptr(png);
    while (count) {
        if (reader->at == reader->run_end)
            next_run(reader);
        size_t left = reader->run_end - reader->at, part = count < left ? count : left;
        memcpy(out, reader->bytes + reader->at, part);
        out += part;
        count -= part;
        reader->at += part;
    }
}

/* What decides the pixels. Returns the channels of libpng's rows. */
static int set_transforms(png_reader *reader, const clarus_decode_options *options)
{
    const uint8_t *b = options->background;
    int coloured = options->has_background && (b[0] != b[1] || b[1] != b[2]);
    png_set_expand(reader->png);
    png_set_strip_16(reader->png);
    int has_alpha = (png_get_color_type(reader->png, reader->info) & PNG_COLOR_MASK_ALPHA) ||
                    png_get_valid(reader->png, reader->info, PNG_INFO_tRNS);
    if (has_alpha && coloured && !options->alpha_discard)
        png_set_gray_to_rgb(reader->png);
    int passes = png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
    return passes;
}

/* (c a + background (255 - a)) / 255, rounded to nearest, as Pillow's paste with a mask. Pixels shrink, so
 * it can be done in place. */
static void composite(uint8_t *pixels, size_t count, size_t colours, const uint8_t *background)
{
    const uint8_t *from = pixels;
    for (size_t i = 0; i < count; i++, from += colours + 1, pixels += colours) {
        unsigned alpha = from[colours];
        for (size_t c = 0; c < colours; c++) {
            unsigned sum = from[c] * alpha + background[c] * (255 - alpha) + 128;
            pixels[c] = (uint8_t)((sum + (sum >> 8)) >> 8);
        }
    }
}

static void drop_alpha(uint8_t *pixels, size_t count, size_t colours)
{
    const uint8_t *from = pixels;
    for (size_t i = 0; i < count; i++, from += colours + 1, pixels += colours)
        memmove(pixels, from, colours);
}

static void remove_alpha(clarus_image *image, const clarus_decode_options *options)
{
    static const uint8_t white[3] = {255, 255, 255};
    size_t count = image->width * image->height, colours = image->channels == 2 ? 1 : 3;
    if (options->alpha_discard)
        drop_alpha(image->pixels, count, colours);
    else
        composite(image->pixels, count, colours, options->has_background ? options->background : white);
    image->channels = (int)colours;
}

/* Returns through longjmp as well, so that it holds no local that changes. */
static clarus_status read_guarded(png_reader *reader, const clarus_decode_options *options)
{
    png_structp png = reader->png;
    if (setjmp(png_jmpbuf(png)))
        return reader->status;
    png_set_read_fn(png, reader, on_read);
    png_set_user_limits(png, LARGEST_PNG_SIDE, LARGEST_PNG_SIDE);  /* the product is what is limited */
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE); /* the walk has checked them */
    png_read_info(png, reader->info);
    const int passes = set_transforms(reader, options);
    clarus_status status = image_create(reader->context, png_get_image_width(png, reader->info),
                                        png_get_image_height(png, reader->info),
                                        png_get_channels(png, reader->info), &reader->image, reader->error);
    if (status != CLARUS_OK)
        return status;
    const size_t stride = reader->image->width * (size_t)reader->image->channels;
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < reader->image->height; y++)
            png_read_row(png, reader->image->pixels + y * stride, NULL);
    return CLARUS_OK;
}

static clarus_status decode_pixels(png_reader *reader, const clarus_decode_options *options)
{
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
    reader->info = reader->png ? png_create_info_struct(reader->png) : NULL;
    clarus_status status = reader->info ? read_guarded(reader, options) : error_memory(reader->error, "PNG");
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    return status;
}

clarus_status png_decode(clarus_context *context, const uint8_t *bytes, size_t size_bytes,
                         const clarus_decode_options *options, clarus_image **image, int *orientation,
                         clarus_error *error)
{
    png_layout layout = {.orientation = 1};
    if (memcmp(bytes, signature, SIGNATURE_BYTES) != 0)
        return error_set(error, CLARUS_E_FORMAT, "PNG: damaged signature");
    clarus_status status = walk_chunks(bytes, size_bytes, &layout, error);
    if (status == CLARUS_OK)
        status = image_check_size(context, layout.width, layout.height, error);
    if (status != CLARUS_OK)
        return status;
    png_reader reader = {.bytes = bytes, .run_end = SIGNATURE_BYTES, .context = context, .error = error};
    status = decode_pixels(&reader, options);
    if (status == CLARUS_OK && !(reader.image->channels & 1))
        remove_alpha(reader.image, options);
    if (status != CLARUS_OK) {
        clarus_image_free(reader.image);
        reader.image = NULL;
    }
    *image = reader.image;
    *orientation = layout.orientation;
    return status;
}
