#include "network_set.h"

#include "../generate.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tolerances: a reference of the same weights differs by rounding only, which deep networks amplify
 * (nets/arch states by how much); SqueezeNet's reference had weights of full precision, ours have half. */
#define ARCH(name, atol, flags)                                                                              \
    {                                                                                                        \
        "nets/arch/" name ".onnx", INPUT_NOISE, NULL, "nets/arch/" name ".ref.npy", 1e-4, atol,              \
            NETWORK_RECIPE | (flags)                                                                         \
    }
#define LIGHT(name, flags)                                                                                   \
    {                                                                                                        \
        "conformance/light/light_" name ".onnx", INPUT_RAMP, NULL,                                           \
            "conformance/light/light_" name "_output_0.pb", 1e-3, 1e-7, flags                                \
    }
#define SQUEEZENET(model, set)                                                                               \
    {                                                                                                        \
        "nets/" model ".onnx", INPUT_FILE, "nets/squeezenet-ref/test_data_set_" #set "/input_0.pb",          \
            "nets/squeezenet-ref/test_data_set_" #set "/output_0.pb", 1e-2, 1e-3, 0                          \
    }
#define PLAIN(model, input)                                                                                  \
    {                                                                                                        \
        "nets/" model ".onnx", input, NULL, NULL, 0, 0, 0                                                    \
    }
#define INTEGER(model)                                                                                       \
    {                                                                                                        \
        "nets/" model ".onnx", INPUT_NOISE, NULL, NULL, 0, 0, NETWORK_INTEGER                                \
    }

const network networks[] = {
    SQUEEZENET("squeezenet1.1-fp32-from-fp16", 0),
    SQUEEZENET("squeezenet1.1-fp32-from-fp16", 3),
    SQUEEZENET("squeezenet1.1-fp32-from-fp16", 11),
    {"nets/SqueezeNet_fp16.onnx", INPUT_FILE, "nets/squeezenet-ref/test_data_set_0/input_0.pb",
     "nets/squeezenet-ref/test_data_set_0/output_0.pb", 1e-2, 5e-2, 0},
    PLAIN("cifar10_resnet20-fp32-from-pytorch", INPUT_NOISE),
    PLAIN("cifar10_resnet20_onnc", INPUT_NOISE),
    PLAIN("cifar10_resnet_4b", INPUT_NOISE),
    PLAIN("mobilenet_v1_0.25_224-fp32-from-tfjs", INPUT_NOISE),
    PLAIN("mobilenet_v2_1.0-fp32-from-int8", INPUT_NOISE),
    PLAIN("ms_cifar_classifier", INPUT_NOISE),
    PLAIN("shufflenet_v2_x1.0-fp32-from-int8", INPUT_NOISE),
    PLAIN("vit_pgd_2_3_16", INPUT_NOISE),
    INTEGER("mobilenetv2-7-quantized"),
    INTEGER("shufflenet-v2-12-int8"),
    PLAIN("mnist/mnist-8", INPUT_PHOTO),
    PLAIN("mnist/mnist-opset1", INPUT_PHOTO),
    PLAIN("mnist/mnist-pytorch-opset9", INPUT_NOISE),
    ARCH("mobilenet_v2", 2e-4, NETWORK_LARGE),
    ARCH("mobilenet_v3_large", 2e-4, 0),
    ARCH("efficientnet_b0", 2e-4, NETWORK_LARGE),
    ARCH("googlenet", 2e-4, NETWORK_LARGE),
    ARCH("densenet121", 2e-4, NETWORK_LARGE),
    ARCH("resnet50", 2e-4, 0),
    ARCH("regnet_y_800mf", 2e-4, NETWORK_LARGE),
    ARCH("resnet50_dynamic", 2e-4, NETWORK_SLOW),
    ARCH("convnext_tiny", 2e-4, NETWORK_SLOW),
    ARCH("vgg16", 2e-4, NETWORK_SLOW),
    ARCH("vit_b_16", 2e-4, NETWORK_SLOW),
    LIGHT("bvlc_alexnet", NETWORK_LARGE),
    LIGHT("densenet121", NETWORK_LARGE),
    LIGHT("inception_v1", NETWORK_LARGE),
    LIGHT("inception_v2", NETWORK_LARGE),
    LIGHT("resnet50", NETWORK_LARGE),
    LIGHT("shufflenet", 0),
    LIGHT("squeezenet", 0),
    LIGHT("vgg19", NETWORK_SLOW),
    LIGHT("zfnet512", NETWORK_LARGE),
};
const size_t network_count = sizeof networks / sizeof *networks;

/* ---- weights of nets/arch ---- */

static cJSON *recipe_read(const char *path)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = 0;
    return cJSON_Parse(text);
}

static double recipe_number(const cJSON *entry, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(entry, key);
    return item ? item->valuedouble : 0;
}

static int weights_write(const cJSON *recipe, const char *path)
{
    FILE *file = fopen(path, "wb");
    int good = file != NULL;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, recipe)
    {
        size_t count = (size_t)recipe_number(entry, "count");
        float *values = malloc(count * sizeof *values + 1);
        if (values && good) {
            generate((uint64_t)recipe_number(entry, "seed"), count, recipe_number(entry, "mean"),
                     recipe_number(entry, "std"), values);
            good = fseeko(file, (off_t)recipe_number(entry, "offset"), SEEK_SET) == 0 &&
                   fwrite(values, sizeof *values, count, file) == count;
        }
        good = good && values;
        free(values);
    }
    return file && fclose(file) == 0 && good;
}

static int file_copy(const char *from, const char *to)
{
    char buffer[1 << 16];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t size, good = in && out;
    while (good && (size = fread(buffer, 1, sizeof buffer, in)) > 0)
        good = fwrite(buffer, 1, size, out) == size;
    if (in)
        fclose(in);
    return out && fclose(out) == 0 && good;
}

static int weights_make(const char *model, network_scratch *scratch)
{
    char recipe_path[4096];
    const char *slash = strrchr(model, '/'), *name = slash ? slash + 1 : model;
    int stem = (int)(strlen(name) - strlen(".onnx"));
    snprintf(recipe_path, sizeof recipe_path, "%.*s.recipe.json", (int)(strlen(model) - strlen(".onnx")),
             model);
    snprintf(scratch->folder, sizeof scratch->folder, "networks-XXXXXX");
    cJSON *recipe = recipe_read(recipe_path);
    if (!recipe || !mkdtemp(scratch->folder)) {
        scratch->folder[0] = 0;
        cJSON_Delete(recipe);
        return 0;
    }
    snprintf(scratch->model, sizeof scratch->model, "%s/%s", scratch->folder, name);
    snprintf(scratch->weights, sizeof scratch->weights, "%s/%.*s.bin", scratch->folder, stem, name);
    int good = weights_write(recipe, scratch->weights) && file_copy(model, scratch->model);
    cJSON_Delete(recipe);
    return good;
}

int network_open(const network *n, const char *data, network_scratch *scratch, char path[4096])
{
    memset(scratch, 0, sizeof *scratch);
    snprintf(path, 4096, "%s/%s", data, n->model);
    if (access(path, R_OK) != 0)
        return 0;
    if (!(n->flags & NETWORK_RECIPE))
        return 1;
    int good = weights_make(path, scratch);
    snprintf(path, 4096, "%s", scratch->model);
    return good;
}

void network_close(network_scratch *scratch)
{
    if (scratch->model[0])
        unlink(scratch->model);
    if (scratch->weights[0])
        unlink(scratch->weights);
    if (scratch->folder[0])
        rmdir(scratch->folder);
}

/* ---- inputs ---- */

static void input_fill(const network *n, float *values, size_t count)
{
    if (n->input == INPUT_RAMP) {
        for (size_t k = 0; k < count; k++)
            values[k] = (float)((double)k / (double)count);
        return;
    }
    generate(12345, count, 0, 1, values);
    for (size_t k = 0; n->input == INPUT_PHOTO && k < count; k++)
        values[k] = floorf((values[k] + 1.75f) * 72.0f);
}

/* To binary16, rounded to nearest even; the inputs are far from its limits. */
static uint16_t half_bits(float x)
{
    int exponent;
    frexpf(x, &exponent);
    exponent = exponent < -13 ? -13 : exponent;
    int bits = ((exponent + 13) << 10) + (int)rint(ldexp(fabs((double)x), 11 - exponent));
    return (uint16_t)(bits | (signbit(x) ? 0x8000 : 0));
}

/* Tensors of half precision are made from the float values. */
static clarus_status input_convert(clarus_context *context, const clarus_value_info *info,
                                   clarus_tensor *from, clarus_tensor **tensor, clarus_error *error)
{
    clarus_status status = clarus_tensor_create(context, info->dtype, clarus_tensor_rank(from),
                                                clarus_tensor_shape(from), tensor, error);
    const float *values = clarus_tensor_const_data(from);
    for (size_t k = 0; status == CLARUS_OK && k < clarus_tensor_count(from); k++) {
        uint16_t half = half_bits(values[k]);
        memcpy((char *)clarus_tensor_data(*tensor) + 2 * k, &half, sizeof half);
    }
    clarus_tensor_free(from);
    return status;
}

clarus_status network_input_create(const network *n, const char *data, clarus_context *context,
                                   const clarus_model *model, clarus_tensor **tensor, clarus_error *error)
{
    const clarus_value_info *info = clarus_model_input(model, 0);
    clarus_tensor *made = NULL;
    clarus_status status;
    if (n->input == INPUT_FILE) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", data, n->input_file);
        status = clarus_tensor_load(context, path, &made, error);
    } else {
        int64_t dims[CLARUS_MAX_RANK];
        for (size_t d = 0; d < info->rank; d++)
            dims[d] = info->shape[d] < 0 ? 1 : info->shape[d];
        status = clarus_tensor_create(context, CLARUS_FLOAT32, info->rank, dims, &made, error);
        if (status == CLARUS_OK)
            input_fill(n, clarus_tensor_data(made), clarus_tensor_count(made));
    }
    if (status == CLARUS_OK && info->dtype == CLARUS_FLOAT16)
        return input_convert(context, info, made, tensor, error);
    *tensor = made;
    return status;
}
