/* libFuzzer target: bytes to pixels, then a resize, so that every byte of the result is read. Built twice,
 * for JPEG and for PNG; each gives up at once on bytes of the other kind. The last byte, which neither format
 * needs, chooses options, so that ordinary files are seeds. */
#include "clarus.h"
#include "image_jpeg.h"
#include "image_png.h"

static clarus_context *context;

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    clarus_context_options options;
    clarus_context_options_init(&options);
    options.max_pixels = 1 << 20; /* keeps a run short */
    return clarus_context_create(&options, &context, NULL) != CLARUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || !FUZZ_RECOGNISE(data, size))
        return 0;
    clarus_decode_options options;
    clarus_decode_options_init(&options);
    options.channels = data[size - 1] & 1 ? 1 : 3;
    options.alpha_discard = data[size - 1] >> 1 & 1;
    options.has_background = data[size - 1] >> 2 & 1;
    options.background[0] = 99;
    clarus_image *image = NULL, *resized = NULL;
    clarus_error error;
    if (clarus_image_decode(context, data, size, "fuzz", &options, &image, &error) == CLARUS_OK &&
        clarus_image_resize(context, image, 7, 5, CLARUS_RESAMPLE_BILINEAR, &resized, &error) != CLARUS_OK &&
        error.status != CLARUS_E_LIMIT)
        __builtin_trap();
    clarus_image_free(resized);
    clarus_image_free(image);
    return 0;
}
