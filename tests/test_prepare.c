/* Preparing: sizes and offsets by the rules of the three geometries, values by docs/numerics.md. */
#include "picture.h"
#include "prepare.h"

static clarus_context *context;

/* The last two are the crop's offset in the resized picture; negative: padding before it. They were worked
 * out with the formulas of torchvision 0.20 (center_crop, resize) and transformers 4.46 (center_crop). */
typedef struct geometry_case {
    size_t width, height, resize_short, resize_width, resize_height, crop_width, crop_height;
    clarus_geometry geometry;
    size_t to_width, to_height;
    int left, top;
} geometry_case;

#define TV CLARUS_GEOMETRY_TORCHVISION
#define HF CLARUS_GEOMETRY_HUGGINGFACE
#define ROUNDED CLARUS_GEOMETRY_ROUNDED

static const geometry_case cases[] = {
    {500, 375, 256, 0, 0, 224, 224, TV, 341, 256, 58, 16},
    {500, 375, 256, 0, 0, 224, 224, HF, 341, 256, 58, 16},
    {375, 500, 256, 0, 0, 224, 224, TV, 256, 341, 16, 58},
    {375, 500, 256, 0, 0, 224, 224, HF, 256, 341, 16, 58},
    {31, 47, 20, 0, 0, 15, 15, TV, 20, 30, 2, 8},
    {31, 47, 20, 0, 0, 15, 15, HF, 20, 30, 2, 7},
    {31, 47, 20, 0, 0, 14, 17, TV, 20, 30, 3, 6},
    {31, 47, 20, 0, 0, 14, 17, HF, 20, 30, 3, 6},
    {40, 30, 0, 0, 0, 21, 21, TV, 40, 30, 10, 4},
    {40, 30, 0, 0, 0, 21, 21, HF, 40, 30, 9, 4},
    {40, 30, 0, 0, 0, 19, 19, TV, 40, 30, 10, 6},
    {40, 30, 0, 0, 0, 19, 19, HF, 40, 30, 10, 5},
    {41, 33, 0, 0, 0, 20, 20, TV, 41, 33, 10, 6},
    {41, 33, 0, 0, 0, 20, 20, HF, 41, 33, 10, 6},
    {10, 7, 0, 0, 0, 16, 16, TV, 10, 7, -3, -4},
    {10, 7, 0, 0, 0, 16, 16, HF, 10, 7, -3, -5},
    {10, 7, 0, 0, 0, 15, 14, TV, 10, 7, -2, -3},
    {10, 7, 0, 0, 0, 15, 14, HF, 10, 7, -3, -4},
    {9, 30, 0, 0, 0, 14, 14, TV, 9, 30, -2, 8},
    {9, 30, 0, 0, 0, 14, 14, HF, 9, 30, -3, 8},
    {30, 9, 0, 0, 0, 13, 12, TV, 30, 9, 8, -1},
    {30, 9, 0, 0, 0, 13, 12, HF, 30, 9, 8, -2},
    {50, 40, 0, 28, 28, 0, 0, TV, 28, 28, 0, 0},
    {50, 40, 0, 28, 28, 0, 0, HF, 28, 28, 0, 0},
    {50, 40, 0, 32, 30, 27, 26, TV, 32, 30, 2, 2},
    {50, 40, 0, 32, 30, 27, 26, HF, 32, 30, 2, 2},
    {17, 17, 0, 0, 0, 0, 0, TV, 17, 17, 0, 0},
    {17, 17, 0, 0, 0, 0, 0, HF, 17, 17, 0, 0},
    {3, 100, 5, 0, 0, 5, 5, TV, 5, 166, 0, 80},
    {3, 100, 5, 0, 0, 5, 5, HF, 5, 166, 0, 80},
    {3, 100, 5, 0, 0, 5, 5, ROUNDED, 5, 167, 0, 81},
    {500, 333, 256, 0, 0, 224, 224, ROUNDED, 384, 256, 80, 16},
    {500, 334, 256, 0, 0, 224, 224, ROUNDED, 383, 256, 79, 16},
    {333, 500, 256, 0, 0, 224, 224, ROUNDED, 256, 384, 16, 80},
    {2, 3, 7, 0, 0, 0, 0, ROUNDED, 7, 10, 0, 0}, /* 10.5 */
    {2, 3, 5, 0, 0, 0, 0, ROUNDED, 5, 8, 0, 0},  /* 7.5 */
    {40, 30, 0, 0, 0, 21, 21, ROUNDED, 40, 30, 9, 4},
    {40, 30, 0, 0, 0, 19, 19, ROUNDED, 40, 30, 10, 5},
    {10, 7, 0, 0, 0, 15, 14, ROUNDED, 10, 7, -3, -4},
    {40, 30, 0, 0, 0, 19, 19, CLARUS_GEOMETRY_DEFAULT, 40, 30, 10, 6},
};

static clarus_image *noise_image(size_t width, size_t height, int channels)
{
    size_t count = width * height * (size_t)channels;
    uint8_t *pixels = malloc(count);
    clarus_image *image = NULL;
    for (size_t i = 0; i < count; i++)
        pixels[i] = noise((uint32_t)i);
    CHECK(clarus_image_from_pixels(context, pixels, width, height, channels, width * (size_t)channels, &image,
                                   NULL) == CLARUS_OK,
          "from_pixels");
    free(pixels);
    return image;
}

static clarus_preprocess preprocess_of(const geometry_case *c)
{
    clarus_preprocess p;
    clarus_preprocess_init(&p);
    p.resize_short = c->resize_short;
    p.resize_width = c->resize_width;
    p.resize_height = c->resize_height;
    p.crop_width = c->crop_width;
    p.crop_height = c->crop_height;
    p.geometry = c->geometry;
    return p;
}

/* Byte of channel c at (x, y) of the resized picture moved by the crop; 0 outside. */
static int byte_at(const clarus_image *resized, long x, long y, int c)
{
    if (x < 0 || y < 0 || x >= (long)resized->width || y >= (long)resized->height)
        return 0;
    size_t pixel = (size_t)y * resized->width + (size_t)x;
    return resized->pixels[pixel * (size_t)resized->channels + (resized->channels == 3 ? (size_t)c : 0)];
}

static void sizes_and_offsets(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const geometry_case *c = &cases[i];
        clarus_preprocess p = preprocess_of(c);
        size_t width = c->crop_width ? c->crop_width : c->to_width;
        size_t height = c->crop_height ? c->crop_height : c->to_height;
        clarus_image *image = noise_image(c->width, c->height, 3), *resized;
        CHECK(clarus_image_resize(context, image, c->to_width, c->to_height, CLARUS_RESAMPLE_BILINEAR,
                                  &resized, NULL) == CLARUS_OK,
              "resize");
        float *out = calloc(3 * width * height, sizeof *out);
        clarus_error error = {0};
        clarus_status status =
            clarus_image_prepare(context, image, &p, width, height, out, 3 * width * height, &error);
        CHECK(status == CLARUS_OK, "case %zu: %s", i, error.message);
        int wrong = 0;
        for (size_t k = 0; k < 3 * width * height; k++) {
            long x = (long)(k % width) + c->left, y = (long)(k / width % height) + c->top;
            double v = byte_at(resized, x, y, (int)(k / width / height));
            wrong += out[k] != (float)(v * (1.0 / 255.0));
        }
        CHECK(!wrong, "case %zu: %d values differ", i, wrong);
        free(out);
        clarus_image_free(resized);
        clarus_image_free(image);
    }
}

static void channels_and_values(void)
{
    static const uint8_t pixels[2 * 3] = {255, 0, 10, 7, 128, 200};
    static const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    clarus_image *image, *grey;
    CHECK(clarus_image_from_pixels(context, pixels, 2, 1, 3, 6, &image, NULL) == CLARUS_OK, "from_pixels");
    CHECK(clarus_image_from_pixels(context, pixels, 2, 1, 1, 2, &grey, NULL) == CLARUS_OK, "from_pixels");
    clarus_preprocess p;
    clarus_preprocess_init(&p);
    memcpy(p.mean, mean, sizeof mean);
    memcpy(p.std, std, sizeof std);
    p.has_mean = p.has_std = 1;
    float out[6];

    CHECK(clarus_image_prepare(context, image, &p, 2, 1, out, 6, NULL) == CLARUS_OK, "rgb");
    for (int c = 0; c < 3; c++)
        for (int x = 0; x < 2; x++)
            CHECK(out[2 * c + x] == (float)((pixels[3 * x + c] * (1.0 / 255.0) - mean[c]) / std[c]), "rgb %d",
                  c);
    p.channels = CLARUS_CHANNELS_BGR; /* mean and std are in the order of the output */
    CHECK(clarus_image_prepare(context, image, &p, 2, 1, out, 6, NULL) == CLARUS_OK, "bgr");
    for (int c = 0; c < 3; c++)
        CHECK(out[2 * c] == (float)((pixels[2 - c] * (1.0 / 255.0) - mean[c]) / std[c]), "bgr %d", c);
    p.channels = CLARUS_CHANNELS_GRAY;
    p.has_scale = 1;
    p.scale = 1;
    p.has_mean = p.has_std = 0;
    CHECK(clarus_image_prepare(context, image, &p, 2, 1, out, 2, NULL) == CLARUS_OK, "grey");
    CHECK(out[0] == 77 && out[1] == 100, "%g %g", (double)out[0], (double)out[1]);
    p.channels = CLARUS_CHANNELS_DEFAULT;
    CHECK(clarus_image_prepare(context, grey, &p, 2, 1, out, 6, NULL) == CLARUS_OK, "grey to rgb");
    for (int c = 0; c < 3; c++)
        CHECK(out[2 * c] == 255 && out[2 * c + 1] == 0, "repeated %d", c);
    clarus_image_free(image);
    clarus_image_free(grey);
}

static void fails(const clarus_image *image, const clarus_preprocess *p, size_t side, size_t count,
                  clarus_status expected, const char *reason)
{
    static float out[3 * 20 * 20];
    clarus_error error = {0};
    clarus_status status = clarus_image_prepare(context, image, p, side, side, out, count, &error);
    CHECK(status == expected && strstr(error.message, reason), "%s: %s", clarus_status_name(status),
          error.message);
}

static void wrong_options_are_named(void)
{
    clarus_image *image = noise_image(20, 20, 3);
    clarus_preprocess p;
    clarus_preprocess_init(&p);
    fails(image, &p, 19, 1200, CLARUS_E_SHAPE, "prepared picture is 20x20, expected 19x19");
    fails(image, &p, 20, 1199, CLARUS_E_ARGUMENT, "1199 floats are too few for 3x20x20");
    p.has_std = 1;
    fails(image, &p, 20, 1200, CLARUS_E_ARGUMENT, "std 0");
    p.has_std = 0;
    p.crop_width = 5;
    fails(image, &p, 20, 1200, CLARUS_E_ARGUMENT, "without a height");
    p.crop_width = 0;
    p.resize_short = p.resize_width = p.resize_height = 20;
    fails(image, &p, 20, 1200, CLARUS_E_ARGUMENT, "at once");
    p.resize_width = p.resize_height = 0;
    p.resize_short = SIZE_MAX / 2;
    fails(image, &p, 20, 1200, CLARUS_E_LIMIT, "too large");
    p.resize_short = 0;
    p.geometry = (clarus_geometry)(CLARUS_GEOMETRY_ROUNDED + 1);
    fails(image, &p, 20, 1200, CLARUS_E_ARGUMENT, "unknown geometry 4");
    p.geometry = CLARUS_GEOMETRY_DEFAULT;
    p.struct_size = 1;
    fails(image, &p, 20, 1200, CLARUS_E_ARGUMENT, "struct_size");
    clarus_image_free(image);
}

static void output_sizes(void)
{
    size_t width, height;
    clarus_preprocess p;
    clarus_preprocess_init(&p);
    p.resize_short = 256;
    clarus_preprocess_output_size(&p, &width, &height);
    CHECK(width == 0 && height == 0, "%zux%zu", width, height);
    p.crop_width = 224;
    p.crop_height = 200;
    clarus_preprocess_output_size(&p, &width, &height);
    CHECK(width == 224 && height == 200, "%zux%zu", width, height);
    p = preprocess_of(&(geometry_case){.resize_width = 30, .resize_height = 40});
    clarus_preprocess_output_size(&p, &width, &height);
    CHECK(width == 30 && height == 40, "%zux%zu", width, height);
}

int main(void)
{
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK)
        return 1;
    sizes_and_offsets();
    channels_and_values();
    wrong_options_are_named();
    output_sizes();
    clarus_context_free(context);
    return test_result();
}
