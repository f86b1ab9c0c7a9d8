/* Networks on pictures with known classes, through clarus_classify: decoding, preparing and labels are in it.
 *
 *     accuracy [--device D]
 *
 * imagenet100 names the class in the file's name as labels/synset.txt does, cifar10/test in the folder's. The
 * expected counts are onnxruntime's on pictures that Pillow prepared in the same way; those of the rounded
 * geometry are also what the data folder's README says. One picture may turn. */
#include "clarus.h"

#include "../test.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 1024, MOST_PICTURES = 1000, MOST_CLASSES = 1000, NAME_SIZE = 16 };

typedef struct accuracy {
    const char *model;
    int photographs; /* 1: imagenet100, 0: cifar10/test */
    clarus_channel_order channels;
    clarus_geometry geometry;
    double scale, mean[3], std[3];
    int first, five; /* pictures whose class is the best, and among the best five */
} accuracy;

/* clang-format off */
#define BGR CLARUS_CHANNELS_BGR
#define RGB CLARUS_CHANNELS_RGB
#define TORCHVISION CLARUS_GEOMETRY_TORCHVISION
#define ROUNDED CLARUS_GEOMETRY_ROUNDED
#define UNIT {1, 1, 1}
#define IMAGENET {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}
#define CIFAR {0.4914, 0.4822, 0.4465}, {0.247, 0.243, 0.261}

static const accuracy accuracies[] = {
    {"squeezenet1.1-fp32-from-fp16", 1, BGR, TORCHVISION, 1, {104, 117, 123}, UNIT, 65, 87},
    {"mobilenet_v1_0.25_224-fp32-from-tfjs", 1, RGB, TORCHVISION, 1 / 127.5, UNIT, UNIT, 62, 84},
    {"mobilenet_v2_1.0-fp32-from-int8", 1, RGB, TORCHVISION, 1 / 255.0, IMAGENET, 79, 96},
    {"shufflenet_v2_x1.0-fp32-from-int8", 1, RGB, TORCHVISION, 1 / 255.0, IMAGENET, 83, 96},
    {"squeezenet1.1-fp32-from-fp16", 1, BGR, ROUNDED, 1, {104, 117, 123}, UNIT, 62, 88},
    {"mobilenet_v1_0.25_224-fp32-from-tfjs", 1, RGB, ROUNDED, 1 / 127.5, UNIT, UNIT, 63, 84},
    {"mobilenet_v2_1.0-fp32-from-int8", 1, RGB, ROUNDED, 1 / 255.0, IMAGENET, 79, 96},
    {"shufflenet_v2_x1.0-fp32-from-int8", 1, RGB, ROUNDED, 1 / 255.0, IMAGENET, 86, 96},
    {"cifar10_resnet20-fp32-from-pytorch", 0, RGB, TORCHVISION, 1 / 255.0, IMAGENET, 912, 997},
    {"cifar10_resnet20_onnc", 0, RGB, TORCHVISION, 1 / 255.0, IMAGENET, 920, 999},
    {"cifar10_resnet_4b", 0, RGB, TORCHVISION, 1 / 255.0, CIFAR, 769, 988},
    {"ms_cifar_classifier", 0, RGB, TORCHVISION, 1 / 255.0, IMAGENET, 615, 945},
    {"vit_pgd_2_3_16", 0, RGB, TORCHVISION, 1 / 255.0, CIFAR, 553, 948},
};
/* clang-format on */

typedef struct pictures {
    char paths[MOST_PICTURES][PATH_SIZE];
    int64_t classes[MOST_PICTURES];
    size_t count, given, taken;
    int first, five, errors;
} pictures;

static char class_names[MOST_CLASSES][NAME_SIZE];
static size_t class_count;

static int64_t class_find(const char *name, size_t length)
{
    for (size_t k = 0; k < class_count; k++)
        if (strlen(class_names[k]) == length && strncmp(class_names[k], name, length) == 0)
            return (int64_t)k;
    return -1;
}

static int is_picture(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Adds a folder's pictures; class -1: from each file's name, up to the underscore. */
static void pictures_add(pictures *p, const char *folder, int64_t class)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_picture, alphasort);
    for (int k = 0; k < count; k++) {
        const char *name = entries[k]->d_name;
        int64_t known = class < 0 ? class_find(name, strcspn(name, "_")) : class;
        if (known >= 0 && p->count < MOST_PICTURES) {
            snprintf(p->paths[p->count], PATH_SIZE, "%s/%s", folder, name);
            p->classes[p->count++] = known;
        }
        free(entries[k]);
    }
    free(entries);
}

static void read_photographs(pictures *p, const char *data)
{
    char path[PATH_SIZE], line[512];
    snprintf(path, sizeof path, "%s/labels/synset.txt", data);
    FILE *file = fopen(path, "r");
    for (class_count = 0; file && class_count < MOST_CLASSES && fgets(line, sizeof line, file); class_count++)
        snprintf(class_names[class_count], NAME_SIZE, "%.*s", (int)strcspn(line, " "), line);
    if (file)
        fclose(file);
    snprintf(path, sizeof path, "%s/photos/imagenet100", data);
    pictures_add(p, path, -1);
}

static void read_cifar(pictures *p, const char *data)
{
    char path[PATH_SIZE / 2], folder[PATH_SIZE];
    struct dirent **entries = NULL;
    snprintf(path, sizeof path, "%s/cifar10/test", data);
    int count = scandir(path, &entries, is_picture, alphasort);
    for (int k = 0; k < count; k++) {
        snprintf(folder, sizeof folder, "%s/%s", path, entries[k]->d_name);
        pictures_add(p, folder, k);
        free(entries[k]);
    }
    free(entries);
}

static int next_picture(void *user, clarus_picture *picture)
{
    pictures *p = user;
    if (p->given == p->count)
        return 0;
    memset(picture, 0, sizeof *picture);
    picture->path = p->paths[p->given++];
    return 1;
}

static int take_result(void *user, const clarus_result *result)
{
    pictures *p = user;
    int64_t class = p->classes[p->taken++];
    p->errors += result->error.status != CLARUS_OK;
    for (size_t k = 0; k < result->top_count; k++)
        if (result->top[k].index == class) {
            p->first += k == 0;
            p->five++;
        }
    return 0;
}

static clarus_status classify(clarus_context *context, clarus_device *device, const char *path,
                              const accuracy *a, pictures *p, clarus_error *error)
{
    clarus_model *model = NULL;
    clarus_preprocess prepare;
    clarus_classify_options options;
    clarus_preprocess_init(&prepare);
    clarus_classify_options_init(&options);
    prepare.resize_short = a->photographs ? 256 : 0;
    prepare.crop_width = prepare.crop_height = a->photographs ? 224 : 0;
    prepare.channels = a->channels;
    prepare.geometry = a->geometry;
    prepare.has_scale = prepare.has_mean = prepare.has_std = 1;
    prepare.scale = a->scale;
    memcpy(prepare.mean, a->mean, sizeof prepare.mean);
    memcpy(prepare.std, a->std, sizeof prepare.std);
    options.preprocess = &prepare;
    options.math = CLARUS_MATH_EXACT;
    clarus_status status = clarus_model_load(context, path, &model, error);
    if (status == CLARUS_OK)
        status = clarus_classify(context, device, model, &options, next_picture, p, take_result, p, error);
    clarus_model_free(model);
    return status;
}

static void test_accuracy(clarus_context *context, clarus_device *device, const char *data, const accuracy *a,
                          pictures *p)
{
    char path[PATH_SIZE];
    clarus_error error = {CLARUS_OK, ""};
    p->given = p->taken = 0;
    p->first = p->five = p->errors = 0;
    snprintf(path, sizeof path, "%s/nets/%s.onnx", data, a->model);
    CHECK(classify(context, device, path, a, p, &error) == CLARUS_OK, "%s: %s", a->model, error.message);
    printf("%-40s %s %d of %zu first, %d among five\n", a->model,
           a->geometry == CLARUS_GEOMETRY_ROUNDED ? "rounded, " : "", p->first, p->taken, p->five);
    CHECK(p->taken == p->count && p->errors == 0, "%s: %zu of %zu pictures, %d errors", a->model, p->taken,
          p->count, p->errors);
    CHECK(abs(p->first - a->first) <= 1, "%s: %d right, expected %d", a->model, p->first, a->first);
    CHECK(abs(p->five - a->five) <= 1, "%s: %d among five, expected %d", a->model, p->five, a->five);
}

int main(int argc, char **argv)
{
    static pictures photographs, cifar;
    const char *data = getenv("CLARUS_TEST_DATA"), *name = argc == 3 ? argv[2] : NULL;
    clarus_context *context = NULL;
    clarus_device *device = NULL;
    clarus_error error;
    if (!data)
        TEST_SKIP("CLARUS_TEST_DATA is not set");
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, name, &device, &error) != CLARUS_OK)
        TEST_SKIP("%s", error.message);
    read_photographs(&photographs, data);
    read_cifar(&cifar, data);
    CHECK(photographs.count == 100 && cifar.count == 1000,
          "%zu photographs and %zu pictures of CIFAR-10 are there", photographs.count, cifar.count);
    for (size_t k = 0; k < sizeof accuracies / sizeof *accuracies; k++)
        test_accuracy(context, device, data, &accuracies[k],
                      accuracies[k].photographs ? &photographs : &cifar);
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
