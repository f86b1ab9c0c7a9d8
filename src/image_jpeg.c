/* The whole file is in memory, so libjpeg reads from one buffer. Its settings are spelled out, because they
 * decide the pixels: accurate integer inverse DCT, triangle ("fancy") chroma upsampling, no block smoothing.
 * The last is a guess at what an incomplete progressive file left out, and differs between libjpeg-turbo 2.1
 * and 3.
 *
 * libjpeg reports by calling back: fatal errors leave through longjmp, and so does every warning that means
 * damaged picture data. All of that stays in this file.
 *
 * A file that ends early: libjpeg is given the missing end marker once, but only where it then finds out by
 * itself whether the picture was complete, which is in Huffman-coded files of one scan. */
#include "image_jpeg.h"

#include "exif.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* Real files have about 10 scans; each costs a pass over the whole picture, however short it is. */
enum { MAX_SCANS = 500, MAX_SCANS_LARGE = 50, LARGE_PIXELS = 1 << 24 };

/* Webcams leave some bytes over at the end of restart intervals; more are a picture gone astray. */
enum { MAX_LEFTOVER_BYTES = 64 };

typedef struct jpeg_reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    clarus_context *context;
    size_t size_bytes;
    int end_may_be_missing, end_was_missing;
    clarus_image *image;
    uint8_t *cmyk_row;
    int orientation;
    clarus_status status;
    clarus_error *error;
} jpeg_reader;

int jpeg_recognise(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

_Noreturn static void leave(jpeg_reader *reader, clarus_status status)
{
    reader->status = status;
    longjmp(reader->escape, 1);
}

_Noreturn static void leave_truncated(jpeg_reader *reader)
{
    leave(reader, error_set(reader->error, CLARUS_E_FORMAT,
                            "JPEG: truncated: the file ends after %zu bytes, before the picture is complete",
                            reader->size_bytes));
}

static clarus_status status_of(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return CLARUS_E_MEMORY;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
        return CLARUS_E_UNSUPPORTED;
    default:
        return CLARUS_E_FORMAT;
    }
}

/* libjpeg's own message, and where in the file. */
_Noreturn static void leave_with_message(jpeg_reader *reader)
{
    if (reader->end_was_missing)
        leave_truncated(reader);
    char text[JMSG_LENGTH_MAX];
    reader->errors.format_message((j_common_ptr)&reader->jpeg, text);
    if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
        text[0] = (char)tolower((unsigned char)text[0]);
    leave(reader, error_set(reader->error, status_of(reader->errors.msg_code), "JPEG: %s (at byte %zu)", text,
                            reader->size_bytes - reader->source.bytes_in_buffer));
}

static void on_error(j_common_ptr jpeg)
{
    leave_with_message(jpeg->client_data);
}

/* Warnings about things that do not touch the picture data. */
static int is_harmless(const struct jpeg_error_mgr *errors)
{
    int extra_bytes = errors->msg_parm.i[0], marker = errors->msg_parm.i[1];
    switch (errors->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
        return 1;
    case JWRN_EXTRANEOUS_DATA:
        return marker < JPEG_RST0 || marker > JPEG_RST0 + 7 || extra_bytes <= MAX_LEFTOVER_BYTES;
    default:
        return 0;
    }
}

static void on_message(j_common_ptr jpeg, int level)
{
    jpeg_reader *reader = jpeg->client_data;
    if (level < 0 && !is_harmless(&reader->errors))
        leave_with_message(reader);
}

static void source_begin(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

static boolean source_refill(j_decompress_ptr jpeg)
{
    static const JOCTET end_marker[2] = {0xFF, JPEG_EOI};
    jpeg_reader *reader = jpeg->client_data;
    if (!reader->end_may_be_missing || reader->end_was_missing)
        leave_truncated(reader);
    reader->end_was_missing = 1;
    reader->source.next_input_byte = end_marker;
    reader->source.bytes_in_buffer = sizeof end_marker;
    return TRUE;
}

static void source_skip(j_decompress_ptr jpeg, long count)
{
    jpeg_reader *reader = jpeg->client_data;
    if (count <= 0)
        return;
    if ((unsigned long)count > reader->source.bytes_in_buffer)
        leave_truncated(reader);
    reader->source.next_input_byte += count;
    reader->source.bytes_in_buffer -= (size_t)count;
}

static void source_end(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr common)
{
    jpeg_reader *reader = common->client_data;
    const struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    uint64_t pixels = (uint64_t)jpeg->image_width * jpeg->image_height;
    int limit = pixels > LARGE_PIXELS ? MAX_SCANS_LARGE : MAX_SCANS;
    if (jpeg->input_scan_number > limit)
        leave(reader,
              error_set(reader->error, CLARUS_E_LIMIT, "JPEG: more than %d scans in a picture of %ux%u",
                        limit, jpeg->image_width, jpeg->image_height));
}

static void start(jpeg_reader *reader, const uint8_t *bytes)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    jpeg->client_data = reader;
    jpeg_create_decompress(jpeg);
    jpeg->mem->max_memory_to_use = 0; /* whatever JPEGMEM says: the size of the picture is the limit */
    reader->source.init_source = source_begin;
    reader->source.fill_input_buffer = source_refill;
    reader->source.skip_input_data = source_skip;
    reader->source.resync_to_restart = jpeg_resync_to_restart;
    reader->source.term_source = source_end;
    reader->source.next_input_byte = bytes;
    reader->source.bytes_in_buffer = reader->size_bytes;
    reader->progress.progress_monitor = on_progress;
    jpeg->src = &reader->source;
    jpeg->progress = &reader->progress;
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xFFFF);
}

static int find_orientation(const struct jpeg_decompress_struct *jpeg)
{
    static const char magic[6] = "Exif\0";
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
        if (m->data_length >= sizeof magic && memcmp(m->data, magic, sizeof magic) == 0)
            return exif_orientation(m->data + sizeof magic, m->data_length - sizeof magic);
    return 1;
}

/* Sets what decides the pixels; 0 if the file's colours are not known. */
static int set_output(struct jpeg_decompress_struct *jpeg)
{
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg->do_block_smoothing = FALSE;
    jpeg->quantize_colors = FALSE;
    jpeg->scale_num = jpeg->scale_denom = 1;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        jpeg->out_color_space = JCS_GRAYSCALE;
        return 1;
    case JCS_RGB:
    case JCS_YCbCr:
        jpeg->out_color_space = JCS_RGB;
        return 1;
    case JCS_CMYK:
    case JCS_YCCK:
        jpeg->out_color_space = JCS_CMYK;
        return 1;
    default:
        return 0;
    }
}

/* CMYK with 255 for no ink, as Adobe writes it and Pillow always reads it. With a = 255 - C and b = 255 - K
 * Pillow computes clip(K - round(a K / 255)), round(x / 255) being (x + 128 + ((x + 128) >> 8)) >> 8. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t c = 0; c < 3; c++) {
            unsigned k = cmyk[4 * x + 3], product = (255U - cmyk[4 * x + c]) * k + 128;
            rgb[3 * x + c] = (uint8_t)(k - ((product + (product >> 8)) >> 8));
        }
}

static void read_rows(jpeg_reader *reader)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    clarus_image *image = reader->image;
    size_t stride = image->width * (size_t)image->channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *row = image->pixels + stride * jpeg->output_scanline;
        JSAMPROW target = reader->cmyk_row ? reader->cmyk_row : row;
        if (jpeg_read_scanlines(jpeg, &target, 1) != 1)
            leave_truncated(reader);
        if (reader->cmyk_row)
            cmyk_to_rgb(reader->cmyk_row, row, image->width);
    }
}

/* Returns through longjmp as well, so that it holds no local that changes. */
static clarus_status decode_guarded(jpeg_reader *reader, const uint8_t *bytes)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    if (setjmp(reader->escape))
        return reader->status;
    start(reader, bytes);
    jpeg_read_header(jpeg, TRUE);
    reader->orientation = find_orientation(jpeg);
    clarus_status status =
        image_check_size(reader->context, jpeg->image_width, jpeg->image_height, reader->error);
    if (status != CLARUS_OK)
        return status;
    if (!set_output(jpeg))
        return error_set(reader->error, CLARUS_E_UNSUPPORTED, "JPEG: %d components of unknown meaning",
                         jpeg->num_components);
    status = image_create(reader->context, jpeg->image_width, jpeg->image_height,
                          jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3, &reader->image, reader->error);
    if (status != CLARUS_OK)
        return status;
    if (jpeg->out_color_space == JCS_CMYK &&
        !(reader->cmyk_row = memory_alloc(reader->context, jpeg->image_width, 4)))
        return error_memory(reader->error, "JPEG: row");
    reader->end_may_be_missing = !jpeg->arith_code && !jpeg_has_multiple_scans(jpeg);
    jpeg_start_decompress(jpeg);
    read_rows(reader);
    return CLARUS_OK;
}

clarus_status jpeg_decode(clarus_context *context, const uint8_t *bytes, size_t size_bytes,
                          clarus_image **image, int *orientation, clarus_error *error)
{
    jpeg_reader reader;
    memset(&reader, 0, sizeof reader);
    reader.context = context;
    reader.size_bytes = size_bytes;
    reader.error = error;
    reader.jpeg.err = jpeg_std_error(&reader.errors);
    reader.errors.error_exit = on_error;
    reader.errors.emit_message = on_message;
    clarus_status status = decode_guarded(&reader, bytes);
    jpeg_destroy_decompress(&reader.jpeg);
    memory_free(context, reader.cmyk_row);
    if (status != CLARUS_OK) {
        clarus_image_free(reader.image);
        reader.image = NULL;
    }
    *image = reader.image;
    *orientation = reader.orientation;
    return status;
}
