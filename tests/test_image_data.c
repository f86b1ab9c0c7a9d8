/* Real and broken pictures that nobody here made, out of the folder CLARUS_TEST_DATA: pixels of photographs
 * equal to Pillow's, and for each broken file a picture or one clear line. */
#include "picture.h"

#include <ftw.h>

static clarus_context *context;

static struct {
    char **paths;
    size_t count;
} found;

static int collect(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)where;
    if (kind != FTW_F)
        return 0;
    found.paths = realloc(found.paths, (found.count + 1) * sizeof *found.paths);
    found.paths[found.count] = strdup(path);
    return !found.paths[found.count++];
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Fills `found` with the files below folder, sorted. */
static void find_files(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("CLARUS_TEST_DATA"), folder);
    if (nftw(path, collect, 16, FTW_PHYS) != 0 || !found.count)
        TEST_SKIP("no files in %s", path);
    qsort(found.paths, found.count, sizeof *found.paths, compare_paths);
}

static void forget_files(void)
{
    while (found.count)
        free(found.paths[--found.count]);
    free(found.paths);
    found.paths = NULL;
}

/* digest: of all pixels in the order of the paths, as Pillow 13.0.0's convert("RGB") gives them. */
static void photographs(const char *folder, size_t count, const char *digest)
{
    clarus_decode_options options;
    clarus_decode_options_init(&options);
    options.ignore_orientation = options.alpha_discard = 1;
    XXH3_state_t *state = XXH3_createState();
    XXH3_128bits_reset(state);
    find_files(folder);
    CHECK(found.count == count, "%zu files in %s", found.count, folder);
    for (size_t i = 0; i < found.count; i++) {
        clarus_error error = {0};
        clarus_image *image;
        CHECK(clarus_image_load(context, found.paths[i], &options, &image, &error) == CLARUS_OK, "%s",
              error.message);
        if (image)
            XXH3_128bits_update(state, clarus_image_pixels(image), image_bytes(image));
        clarus_image_free(image);
    }
    XXH128_hash_t h = XXH3_128bits_digest(state);
    char hex[33];
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
    CHECK(strcmp(hex, digest) == 0, "%s: %s, expected %s", folder, hex, digest);
    XXH3_freeState(state);
    forget_files();
}

static clarus_status load(const char *path, clarus_error *error)
{
    clarus_image *image;
    clarus_status status = clarus_image_load(context, path, NULL, &image, error);
    CHECK((status == CLARUS_OK) == (image != NULL), "%s", path);
    clarus_image_free(image);
    return status;
}

static void broken_files(void)
{
    size_t pictures = 0;
    find_files("decode");
    for (size_t i = 0; i < found.count; i++) {
        const char *path = found.paths[i];
        clarus_error error = {0};
        clarus_status status = load(path, &error);
        pictures += status == CLARUS_OK;
        CHECK(status == CLARUS_OK || status == CLARUS_E_FORMAT || status == CLARUS_E_UNSUPPORTED ||
                  status == CLARUS_E_LIMIT,
              "%s: %s", path, clarus_status_name(status));
        size_t length = strlen(path);
        CHECK(status == CLARUS_OK || (strncmp(error.message, path, length) == 0 &&
                                      error.message[length] == ':' && !strchr(error.message, '\n')),
              "\"%s\" is not one line about %s", error.message, path);
    }
    CHECK(pictures > found.count / 2, "%zu of %zu files are pictures", pictures, found.count);
    forget_files();
}

/* PngSuite names its broken files with an x. */
static void png_suite(void)
{
    find_files("decode/pngsuite/png");
    for (size_t i = 0; i < found.count; i++) {
        const char *name = strrchr(found.paths[i], '/') + 1;
        clarus_error error = {0};
        clarus_status status = load(found.paths[i], &error);
        CHECK((status == CLARUS_OK) == (*name != 'x'), "%s: %s", name, error.message);
    }
    forget_files();
}

int main(void)
{
    if (!getenv("CLARUS_TEST_DATA"))
        TEST_SKIP("CLARUS_TEST_DATA is not set");
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK)
        return 1;
    photographs("photos/imagenet100", 100, "548607299eb6197ffcfd000cdacd8507");
    photographs("photos/kodak", 4, "06edcb41b4b5550f7ad44c042bb2e4a4");
    photographs("photos/misc", 5, "4b514c6d524e12fabb11e700493019fb");
    png_suite();
    broken_files();
    clarus_context_free(context);
    return test_result();
}
