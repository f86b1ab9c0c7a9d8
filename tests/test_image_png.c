/* Every colour type and depth of PNG, plain and interlaced, against pixels worked out from the definition. */
#include "picture.h"

static clarus_context *context;
static const uint8_t white[3] = {255, 255, 255}, orange[3] = {250, 120, 10};

static unsigned eight_bits(const png_spec *s, unsigned v)
{
    return s->depth == 16 ? v >> 8 : v * 255 / ((1U << s->depth) - 1);
}

/* Red, green, blue and alpha of a stored pixel. */
static void stored_pixel(const png_spec *s, uint32_t x, uint32_t y, unsigned *rgba)
{
    unsigned v[4];
    int samples = png_samples(s);
    for (int c = 0; c < samples; c++)
        v[c] = png_sample(s, x, y, c);
    rgba[3] = 255;
    if (s->colour == PNG_COLOR_TYPE_PALETTE) {
        rgba[0] = s->palette[v[0]].red;
        rgba[1] = s->palette[v[0]].green;
        rgba[2] = s->palette[v[0]].blue;
        if ((int)v[0] < s->alpha_count)
            rgba[3] = s->alphas[v[0]];
        return;
    }
    int colours = samples >= 3 ? 3 : 1;
    for (int c = 0; c < 3; c++)
        rgba[c] = eight_bits(s, v[colours == 3 ? c : 0]);
    if (s->colour & PNG_COLOR_MASK_ALPHA)
        rgba[3] = eight_bits(s, v[samples - 1]);
    else if (s->key && colours == 3 && v[0] == s->key->red && v[1] == s->key->green && v[2] == s->key->blue)
        rgba[3] = 0;
    else if (s->key && colours == 1 && v[0] == s->key->gray)
        rgba[3] = 0;
}

static int pixels_match(const png_spec *s, const clarus_image *image, const uint8_t *background)
{
    const uint8_t *p = clarus_image_pixels(image);
    int channels = clarus_image_channels(image);
    for (uint32_t y = 0; y < s->height; y++)
        for (uint32_t x = 0; x < s->width; x++, p += channels) {
            unsigned rgba[4], out[3];
            stored_pixel(s, x, y, rgba);
            for (int c = 0; c < 3; c++)
                out[c] =
                    background ? (rgba[c] * rgba[3] + background[c] * (255 - rgba[3]) + 127) / 255 : rgba[c];
            if (channels == 1)
                out[0] = (out[0] * 19595 + out[1] * 38470 + out[2] * 7471 + 32768) >> 16;
            for (int c = 0; c < channels; c++)
                if (p[c] != out[c]) {
                    fprintf(stderr, "(%u, %u) channel %d: %d, expected %u\n", x, y, c, p[c], out[c]);
                    return 0;
                }
        }
    return 1;
}

static void check_spec(const png_spec *s)
{
    bytes file = png_make(s);
    for (int mode = 0; mode < 6; mode++) {
        clarus_decode_options options;
        clarus_decode_options_init(&options);
        const uint8_t *background = mode % 3 == 0 ? white : mode % 3 == 1 ? orange : NULL;
        options.channels = mode < 3 ? 3 : 1;
        options.alpha_discard = !background;
        options.has_background = background == orange;
        memcpy(options.background, orange, 3);
        clarus_error error = {0};
        clarus_image *image;
        clarus_status status =
            clarus_image_decode(context, file.data, file.size, "x.png", &options, &image, &error);
        CHECK(status == CLARUS_OK, "%s", error.message);
        if (status == CLARUS_OK)
            CHECK(clarus_image_width(image) == s->width && clarus_image_height(image) == s->height &&
                      pixels_match(s, image, background),
                  "colour type %d, depth %d, interlace %d, tRNS %d, mode %d", s->colour, s->depth,
                  s->interlace, s->alphas || s->key, mode);
        clarus_image_free(image);
    }
    free(file.data);
}

static void every_type_and_depth(uint32_t width, uint32_t height, int interlace)
{
    static const int types[][2] = {
        {PNG_COLOR_TYPE_GRAY, 1},        {PNG_COLOR_TYPE_GRAY, 2},      {PNG_COLOR_TYPE_GRAY, 4},
        {PNG_COLOR_TYPE_GRAY, 8},        {PNG_COLOR_TYPE_GRAY, 16},     {PNG_COLOR_TYPE_PALETTE, 1},
        {PNG_COLOR_TYPE_PALETTE, 2},     {PNG_COLOR_TYPE_PALETTE, 4},   {PNG_COLOR_TYPE_PALETTE, 8},
        {PNG_COLOR_TYPE_RGB, 8},         {PNG_COLOR_TYPE_RGB, 16},      {PNG_COLOR_TYPE_GRAY_ALPHA, 8},
        {PNG_COLOR_TYPE_GRAY_ALPHA, 16}, {PNG_COLOR_TYPE_RGB_ALPHA, 8}, {PNG_COLOR_TYPE_RGB_ALPHA, 16},
    };
    static const uint8_t alphas[3] = {0, 100, 255};
    png_color palette[256];
    for (uint32_t i = 0; i < 256; i++)
        palette[i] = (png_color){noise(3 * i), noise(3 * i + 1), noise(3 * i + 2)};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        png_spec s = {.width = width, .height = height, .depth = types[i][1], .colour = types[i][0]};
        int is_palette = s.colour == PNG_COLOR_TYPE_PALETTE;
        s.interlace = interlace;
        s.palette = is_palette ? palette : NULL;
        check_spec(&s);
        if (s.colour & PNG_COLOR_MASK_ALPHA)
            continue;
        png_color_16 key = {.gray = (png_uint_16)png_sample(&s, 0, 0, 0),
                            .red = (png_uint_16)png_sample(&s, 0, 0, 0),
                            .green = (png_uint_16)png_sample(&s, 0, 0, 1),
                            .blue = (png_uint_16)png_sample(&s, 0, 0, 2)};
        s.key = is_palette ? NULL : &key;
        s.alphas = is_palette ? alphas : NULL;
        s.alpha_count = is_palette ? (s.depth == 1 ? 2 : 3) : 0;
        check_spec(&s);
    }
}

static void fails(const bytes *file, clarus_status expected, const char *message)
{
    clarus_error error = {0};
    clarus_image *image;
    clarus_status status =
        clarus_image_decode(context, file->data, file->size, "b.png", NULL, &image, &error);
    CHECK(status == expected && !image, "%s: %s", clarus_status_name(status), error.message);
    CHECK(strcmp(error.message, message) == 0, "\"%s\", expected \"%s\"", error.message, message);
}

/* The first IDAT chunk of these files is at byte 33, right after IHDR. */
static void messages_name_chunk_and_byte(void)
{
    const png_spec s = {.width = 30, .height = 30, .depth = 8, .colour = PNG_COLOR_TYPE_RGB};
    bytes file = png_make(&s);
    size_t data_bytes = file.size - 33 - 12 - 12;
    char text[200];
    file.data[33 + 8 + 20] ^= 1;
    snprintf(text, sizeof text, "b.png: PNG: chunk IDAT has a wrong checksum at byte %zu",
             33 + 8 + data_bytes);
    fails(&file, CLARUS_E_FORMAT, text);
    file.data[33 + 8 + 20] ^= 1;

    bytes cut = {file.data, 100, 100};
    snprintf(text, sizeof text,
             "b.png: PNG: truncated: chunk IDAT at byte 33 has %zu bytes, but the file ends after 100",
             data_bytes);
    fails(&cut, CLARUS_E_FORMAT, text);
    cut.size = file.size - 12;
    snprintf(text, sizeof text, "b.png: PNG: truncated: the file ends after %zu bytes, without IEND",
             cut.size);
    fails(&cut, CLARUS_E_FORMAT, text);

    png_insert_chunk(&file, 33, "ABCD", "xy", 2);
    fails(&file, CLARUS_E_UNSUPPORTED, "b.png: PNG: unknown critical chunk ABCD at byte 33");
    free(file.data);

    bytes empty = png_make(&s);
    memcpy(empty.data + 37, "teXt", 4); /* no IDAT any more */
    put_u32(empty.data + 41 + data_bytes, (uint32_t)crc32_z(0, empty.data + 37, data_bytes + 4));
    fails(&empty, CLARUS_E_FORMAT, "b.png: PNG: no picture data (no IDAT chunk)");
    empty.data[0] = 'x';
    fails(&empty, CLARUS_E_FORMAT, "b.png: PNG: damaged signature");
    free(empty.data);
}

/* Text and profiles are never inflated, whatever they hold; a checksum that fits is all that is asked. */
static void extras_are_skipped(void)
{
    const png_spec s = {.width = 5, .height = 4, .depth = 8, .colour = PNG_COLOR_TYPE_RGB};
    bytes file = png_make(&s);
    png_insert_chunk(&file, 33, "iCCP", "not a profile", 13);
    png_insert_chunk(&file, 33, "zTXt", "bomb\0\0not deflated", 18);
    png_insert_chunk(&file, 33, "gAMA", "\0", 1);
    clarus_error error = {0};
    clarus_image *image;
    CHECK(clarus_image_decode(context, file.data, file.size, NULL, NULL, &image, &error) == CLARUS_OK, "%s",
          error.message);
    CHECK(image && pixels_match(&s, image, white), "pixels");
    clarus_image_free(image);
    free(file.data);
}

static void declared_size_is_capped(void)
{
    const png_spec s = {.width = 5, .height = 4, .depth = 8, .colour = PNG_COLOR_TYPE_RGB};
    bytes file = png_make(&s);
    put_u32(file.data + 16, 0x7FFFFFFF);
    put_u32(file.data + 20, 0x7FFFFFFF);
    put_u32(file.data + 29, (uint32_t)crc32_z(0, file.data + 12, 17));
    fails(&file, CLARUS_E_LIMIT, "b.png: 2147483647x2147483647 is more than the limit of 134217728 pixels");
    put_u32(file.data + 20, 0);
    put_u32(file.data + 29, (uint32_t)crc32_z(0, file.data + 12, 17));
    fails(&file, CLARUS_E_FORMAT, "b.png: empty picture of 2147483647x0");
    free(file.data);
}

int main(void)
{
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK)
        return 1;
    every_type_and_depth(13, 9, 0);
    every_type_and_depth(13, 9, 1);
    every_type_and_depth(1, 1, 1);
    messages_name_chunk_and_byte();
    extras_are_skipped();
    declared_size_is_capped();
    clarus_context_free(context);
    return test_result();
}
