/* Resizing against digests of what Pillow 13.0.0 makes of the same noise, and windows against whole pictures.
 */
#include "picture.h"
#include "resize.h"

static clarus_context *context;

/* The digests of nearest, bilinear, bicubic and Lanczos. */
typedef struct resize_case {
    size_t width, height, to_width, to_height;
    int channels;
    const char *digests[4];
} resize_case;

static const resize_case cases[] = {
    {500,
     375,
     341,
     256,
     3,
     {"305d996cddba6bdecd16c8927e27296f", "a5faa758c33937e80b16f9200be4393d",
      "f9c014a0a2ec760f229e63b4320e1abb", "78b4bdd9df6bdeaa36c745a67a3ad4f5"}},
    {375,
     500,
     256,
     341,
     3,
     {"8c408d23c726cbccaa7564b994522d09", "c0374d91163c4de01ffd7e574613772d",
      "043b1351d1b5780248fefff46aecb5f8", "290e368e9609de6c9f179be2fbfbb030"}},
    {640,
     480,
     224,
     224,
     3,
     {"18492672def1f9e5199aba47f0533810", "7d3750e6c9fba2ef74ca29aaa48dac81",
      "e57d76612f8b958f91627213027382f3", "2de65986f1cd90393cea2a713d2ccf72"}},
    {32,
     32,
     224,
     224,
     3,
     {"36b6debfbb40e03e72e147aeec3964fc", "85bb97182662397920bc42ef14b95318",
      "a8b1ca1fcb34a0fe24cf5a4a612b7d12", "69957cc3838f78356fd7718246f09433"}},
    {28,
     28,
     28,
     28,
     1,
     {"b75552cf51d284c87987104322ea529e", "b75552cf51d284c87987104322ea529e",
      "b75552cf51d284c87987104322ea529e", "b75552cf51d284c87987104322ea529e"}},
    {28,
     28,
     32,
     32,
     1,
     {"656bddf98f0a139e21bbd25d99e9f999", "003435f7d58c5f2ed4754b38b29e948b",
      "8828310d5797baaea0c2ca2fc1ce02c2", "9a31a641a3c71144ec696c9cb53d73fa"}},
    {97,
     61,
     13,
     7,
     3,
     {"b745a8b8299f99acc943dd84ed6311e8", "cbb7660430a30981335719a83b788a75",
      "43396d8c211dec4f78aadf402bf6c0d1", "0bbe4bd1deba081b55ec7897136b51a1"}},
    {13,
     7,
     97,
     61,
     1,
     {"9755bb5035fa4d9bc7fcdd29230c6674", "6774b5270fd06202a4bff857015ede8a",
      "396a26b09cfc2e6d57ad14aa98e49428", "e2034f9b984c29dc58a1fe65df8a6abe"}},
    {61,
     97,
     61,
     20,
     3,
     {"31ab760c64f43f413cfbb82ee6ff12c6", "9c35ed7d7ba1042b2d484312e7d8b239",
      "a77fa76322f0c30419c145114d3c9d86", "06cb7c8d6292051e3bdd8529e612ae2d"}},
    {61,
     97,
     20,
     97,
     1,
     {"7d9dc33a313a8c1806644c0579442f50", "e149a1a4529a413f54216dc26e63aa79",
      "c4ff980ad3f5165386ca4a73b6854ae0", "d75cb52bf0b7f147b087f9d26eecdda5"}},
    {1,
     1,
     5,
     4,
     3,
     {"e3faa377f4318d2317d131dbae6a3cc7", "e3faa377f4318d2317d131dbae6a3cc7",
      "e3faa377f4318d2317d131dbae6a3cc7", "e3faa377f4318d2317d131dbae6a3cc7"}},
    {1,
     50,
     3,
     1,
     3,
     {"b7b6571e2d6cd3839d9539b23fc771b2", "43db66f0415c0e5eba0758d58586368e",
      "5a3ed48137a061914252ce02401427c2", "5a3ed48137a061914252ce02401427c2"}},
    {50,
     1,
     1,
     3,
     1,
     {"6af56478dbf1e2b8bc83b682452b4c12", "e5a50dcda75da25c7ded7706e813474b",
      "b084ea6575ae29f53928ffdf9704efbb", "b084ea6575ae29f53928ffdf9704efbb"}},
    {2,
     2,
     401,
     1,
     1,
     {"a9a907f64b9b011983a1c11d0f97cbe3", "87320aa99e41c5124a9a99d61a10bd49",
      "460cfd7e757c0d44f0cc815ee56e535f", "6eb148d9074c0ba0b75b9a45d4139bd2"}},
    {1000,
     3,
     7,
     3,
     1,
     {"953f8fbcacc8a1ba70db12e1e3d35733", "a9ef86dc21a5c35d300d22a8209a2712",
      "570b9c857dcadf2fb63f8e6b8a71169f", "8458652787c13614e57b6e40a1972490"}},
    {3,
     1000,
     5,
     40,
     3,
     {"8bc681b1f24c133c41bf83728b5d3964", "88924ac88bb7ebdbf61d35785b4fdae3",
      "0f3da9b46b92d43b4326d5e5a9ad3df2", "dfe0c96c615603ae9181434ab7c80972"}},
    {200,
     300,
     100,
     99,
     3,
     {"c24eaeee538399b2fcfdb1e41bdc3918", "6e6c254a53a1182388db2dec135aae70",
      "3153b004c2c605c9221fcfbe37b9b891", "b3d229e8b0b52c426ebc2fb54b9a0cb4"}},
    {200,
     300,
     100,
     100,
     3,
     {"649ea6eef7deee0c6fe4ab2a432df247", "05596cb26fdecf6d79030ca1f546fcd8",
      "415fcbde6337b1cef0da7c9b41741955", "b3ae44a2f533628c9e9bf6be17e7b1b0"}},
    {200,
     300,
     250,
     120,
     1,
     {"8df1de8c0cc67545c29bf5eaa2ba0ed2", "3592bfbe3fa00f4274aa418350ce6e2a",
      "621cccad7d4641bd774a818f9e5f49a4", "1d1b84a8d3adb716bcbea57e5a3a0d1e"}},
    {65,
     64,
     64,
     65,
     3,
     {"e8f3c1d9bdc76c6ca7d0050d720dea90", "09eee648c7622dbc0cd823b2c21f9c6c",
      "c5cd2b31efffed113e71bfc143a02123", "36177f4a793a038f27432aaff37763f9"}},
};

static clarus_image *noise_image(size_t width, size_t height, int channels)
{
    size_t count = width * height * (size_t)channels;
    uint8_t *pixels = malloc(count);
    clarus_image *image = NULL;
    for (size_t i = 0; i < count; i++)
        pixels[i] = noise((uint32_t)i);
    clarus_error error = {0};
    CHECK(clarus_image_from_pixels(context, pixels, width, height, channels, width * (size_t)channels, &image,
                                   &error) == CLARUS_OK,
          "%s", error.message);
    free(pixels);
    return image;
}

static void equals_pillow(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const resize_case *c = &cases[i];
        clarus_image *image = noise_image(c->width, c->height, c->channels);
        for (int filter = CLARUS_RESAMPLE_NEAREST; filter <= CLARUS_RESAMPLE_LANCZOS; filter++) {
            clarus_error error = {0};
            clarus_image *out;
            CHECK(clarus_image_resize(context, image, c->to_width, c->to_height, (clarus_resample)filter,
                                      &out, &error) == CLARUS_OK,
                  "%s", error.message);
            CHECK(out && strcmp(image_digest(out), c->digests[filter - 1]) == 0,
                  "%zux%zux%d to %zux%zu, filter %d: %s", c->width, c->height, c->channels, c->to_width,
                  c->to_height, filter, image_digest(out));
            clarus_image_free(out);
        }
        clarus_image_free(image);
    }
}

static int equals_cut(const clarus_image *part, const clarus_image *whole, const resize_window *w)
{
    size_t channels = (size_t)whole->channels, row = w->width * channels;
    for (size_t y = 0; y < w->height; y++)
        if (memcmp(part->pixels + y * row, whole->pixels + ((w->y + y) * whole->width + w->x) * channels,
                   row) != 0)
            return 0;
    return part->width == w->width && part->height == w->height;
}

static void check_windows(const clarus_image *image, size_t width, size_t height, clarus_resample filter)
{
    const resize_window windows[] = {{0, 0, 1, 1},
                                     {width - 1, height - 1, 1, 1},
                                     {width / 3, height / 4, width / 2, height / 3},
                                     {1, 0, width - 1, height},
                                     {0, 1, width, height - 1}};
    clarus_image *whole;
    CHECK(clarus_image_resize(context, image, width, height, filter, &whole, NULL) == CLARUS_OK, "resize");
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        clarus_image *part;
        clarus_error error = {0};
        CHECK(resize_image(context, image, width, height, filter, &windows[i], &part, &error) == CLARUS_OK,
              "%s", error.message);
        CHECK(part && equals_cut(part, whole, &windows[i]), "%zux%zu to %zux%zu, filter %d, window %zu",
              image->width, image->height, width, height, (int)filter, i);
        clarus_image_free(part);
    }
    clarus_image_free(whole);
}

static void windows_equal_cuts(void)
{
    static const size_t sizes[][2] = {{40, 30}, {20, 31}, {61, 7}, {31, 31}, {90, 80}, {40, 10}, {10, 30}};
    for (int channels = 1; channels <= 3; channels += 2) {
        clarus_image *image = noise_image(40, 30, channels);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int filter = CLARUS_RESAMPLE_NEAREST; filter <= CLARUS_RESAMPLE_LANCZOS; filter++)
                check_windows(image, sizes[i][0], sizes[i][1], (clarus_resample)filter);
        clarus_image_free(image);
    }
}

static void fails(const clarus_image *image, size_t width, size_t height, int filter, clarus_status expected,
                  const char *reason)
{
    clarus_error error = {0};
    clarus_image *out;
    clarus_status status =
        clarus_image_resize(context, image, width, height, (clarus_resample)filter, &out, &error);
    CHECK(status == expected && !out, "%s: %s", clarus_status_name(status), error.message);
    CHECK(strstr(error.message, reason), "%s", error.message);
}

static void limits_hold(void)
{
    clarus_image *image = noise_image(20, 10, 1);
    fails(image, 0, 5, CLARUS_RESAMPLE_BILINEAR, CLARUS_E_ARGUMENT, "0x5");
    fails(image, 5, 5, 99, CLARUS_E_ARGUMENT, "filter 99");
    fails(image, 1 << 20, 1 << 20, CLARUS_RESAMPLE_BILINEAR, CLARUS_E_LIMIT, "1048576x1048576");
    fails(image, SIZE_MAX, SIZE_MAX, CLARUS_RESAMPLE_NEAREST, CLARUS_E_LIMIT, "limit");
    clarus_image_free(image);
}

int main(void)
{
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK)
        return 1;
    equals_pillow();
    windows_equal_cuts();
    limits_hold();
    clarus_context_free(context);
    return test_result();
}
