/* JPEG: pixels equal to Pillow's, what counts as damage, what is refused. */
#include "jpeg_files.h"
#include "picture.h"

#include <jpeglib.h>

static clarus_context *context;

static clarus_status decode(const uint8_t *data, size_t size, clarus_image **image, clarus_error *error)
{
    return clarus_image_decode(context, data, size, "a.jpg", NULL, image, error);
}

static void pixels_equal_pillows(void)
{
    for (size_t i = 0; i < sizeof jpeg_files / sizeof *jpeg_files; i++) {
        const jpeg_file *f = &jpeg_files[i];
        clarus_error error = {0};
        clarus_image *image;
        CHECK(decode(f->bytes, f->size_bytes, &image, &error) == CLARUS_OK, "%s: %s", f->name, error.message);
        if (image) {
            CHECK(clarus_image_width(image) == JPEG_WIDTH && clarus_image_height(image) == JPEG_HEIGHT, "%s",
                  f->name);
            CHECK(strcmp(image_digest(image), f->digest) == 0, "%s: %s, expected %s", f->name,
                  image_digest(image), f->digest);
        }
        clarus_image_free(image);
    }
}

/* Without its end marker a file of one Huffman-coded scan is still complete; others may lack a scan. */
static void missing_end_marker(void)
{
    for (size_t i = 0; i < sizeof jpeg_files / sizeof *jpeg_files; i++) {
        const jpeg_file *f = &jpeg_files[i];
        int may_lack_data = strstr(f->name, "progressive") || strstr(f->name, "arithmetic");
        for (size_t cut = 1; cut <= 2; cut++) {
            clarus_error error = {0};
            clarus_image *image;
            clarus_status status = decode(f->bytes, f->size_bytes - cut, &image, &error);
            CHECK(status == (may_lack_data ? CLARUS_E_FORMAT : CLARUS_OK), "%s: %s", f->name, error.message);
            CHECK(!image || strcmp(image_digest(image), f->digest) == 0, "%s: other pixels", f->name);
            clarus_image_free(image);
        }
    }
}

static void fails(const uint8_t *data, size_t size, clarus_status expected, const char *reason)
{
    clarus_error error = {0};
    clarus_image *image;
    clarus_status status = decode(data, size, &image, &error);
    CHECK(status == expected && !image, "%s: %s", clarus_status_name(status), error.message);
    CHECK(strncmp(error.message, "a.jpg: ", 7) == 0 && strstr(error.message, reason), "\"%s\" lacks \"%s\"",
          error.message, reason);
}

/* Offset of marker FF `code` in a copy of the first test file. */
static size_t find_marker(const bytes *file, uint8_t code)
{
    for (size_t i = 2; i + 1 < file->size; i += 2U + (size_t)file->data[i + 2] * 256 + file->data[i + 3])
        if (file->data[i + 1] == code)
            return i;
    abort();
}

static bytes copy_of_first(void)
{
    bytes file = {0};
    bytes_append(&file, jpeg_files[0].bytes, jpeg_files[0].size_bytes);
    return file;
}

static void unsupported_kinds_are_named(void)
{
    bytes file = copy_of_first();
    uint8_t *frame = file.data + find_marker(&file, 0xC0);
    frame[4] = 12;
    fails(file.data, file.size, CLARUS_E_UNSUPPORTED, "precision 12");
    frame[4] = 8;
    frame[1] = 0xC3;
    fails(file.data, file.size, CLARUS_E_UNSUPPORTED, "SOF type 0xc3");
    frame[1] = 0xC0;
    frame[5] = frame[6] = frame[7] = frame[8] = 0xFF;
    fails(file.data, file.size, CLARUS_E_UNSUPPORTED, "dimension is 65500");
    frame[5] = frame[7] = 0xFF;
    frame[6] = frame[8] = 0;
    fails(file.data, file.size, CLARUS_E_LIMIT, "65280x65280 is more than the limit of 134217728 pixels");
    free(file.data);
}

static void truncation_is_named(void)
{
    const jpeg_file *f = &jpeg_files[0];
    fails(f->bytes, f->size_bytes - 10, CLARUS_E_FORMAT, "truncated: the file ends after");
    fails(f->bytes, 30, CLARUS_E_FORMAT, "truncated: the file ends after 30 bytes");
    bytes file = copy_of_first();
    file.data[file.size - 12] = 0xFF; /* a marker in the picture data */
    file.data[file.size - 11] = 0xD9;
    fails(file.data, file.size, CLARUS_E_FORMAT, "premature end of data segment (at byte");
    free(file.data);
}

/* A file whose first scan, of one component, comes `repeats` times. */
static bytes many_scans(int repeats)
{
    static const jpeg_scan_info script[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *made = NULL;
    unsigned long size = 0;
    uint8_t row[3 * 16];
    JSAMPROW rows[1] = {row};
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &made, &size);
    jpeg.image_width = jpeg.image_height = 16;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg.scan_info = script;
    jpeg.num_scans = 3;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < 16) {
        for (uint32_t i = 0; i < sizeof row; i++)
            row[i] = noise(jpeg.next_scanline * 48 + i);
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);

    bytes once = {made, size, size}, file = {0};
    size_t begin = find_marker(&once, 0xDA), end = begin + 2;
    while (!(made[end] == 0xFF && made[end + 1] != 0))
        end++;
    bytes_append(&file, made, begin);
    for (int i = 0; i < repeats; i++)
        bytes_append(&file, made + begin, end - begin);
    bytes_append(&file, made + end, size - end);
    free(made);
    return file;
}

static void scans_are_limited(void)
{
    bytes file = many_scans(20);
    clarus_error error = {0};
    clarus_image *image;
    CHECK(decode(file.data, file.size, &image, &error) == CLARUS_OK, "%s", error.message);
    clarus_image_free(image);
    free(file.data);
    file = many_scans(600);
    fails(file.data, file.size, CLARUS_E_LIMIT, "more than 500 scans in a picture of 16x16");
    free(file.data);
}

/* `count` bytes that do not belong there, before byte `at`. */
static bytes with_extra(const jpeg_file *f, size_t at, size_t count)
{
    bytes file = {0};
    bytes_append(&file, f->bytes, at);
    for (size_t i = 0; i < count; i++)
        bytes_append(&file, "\x12", 1);
    bytes_append(&file, f->bytes + at, f->size_bytes - at);
    return file;
}

/* Bytes between scan and end marker, and a few between restart intervals, are not damage. */
static void extra_bytes(void)
{
    const jpeg_file *grey = &jpeg_files[2];
    size_t restart = grey->size_bytes - 2, end = restart;
    while (!(grey->bytes[restart] == 0xFF && grey->bytes[restart + 1] == 0xD0))
        restart--;
    bytes files[3] = {with_extra(grey, end, 1000), with_extra(grey, restart, 64),
                      with_extra(grey, restart, 65)};
    for (int i = 0; i < 2; i++) {
        clarus_error error = {0};
        clarus_image *image;
        CHECK(decode(files[i].data, files[i].size, &image, &error) == CLARUS_OK, "%s", error.message);
        CHECK(image && strcmp(image_digest(image), grey->digest) == 0, "other pixels");
        clarus_image_free(image);
    }
    fails(files[2].data, files[2].size, CLARUS_E_FORMAT, "65 extraneous bytes before marker 0xd0");
    for (int i = 0; i < 3; i++)
        free(files[i].data);
}

int main(void)
{
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK)
        return 1;
    pixels_equal_pillows();
    missing_end_marker();
    unsupported_kinds_are_named();
    truncation_is_named();
    scans_are_limited();
    extra_bytes();
    clarus_context_free(context);
    return test_result();
}
