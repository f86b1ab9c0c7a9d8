/* Model folders: preprocessing of each kind of processor, labels, descriptions, and files that are wrong. */
#include "test.h"

#include "model.h"
#include "onnx_builder.h"

#include <math.h>
#include <unistd.h>

static clarus_context *context;
static char folder[] = "/tmp/clarus-model-XXXXXX";

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size)
        abort();
    fclose(file);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static void write_model(void)
{
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 4, (int64_t[]){-1, 3, 8, 8});
    builder_node(&b, "Relu", "x", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    write_file("model.onnx", b.bytes, b.size);
    builder_free(&b);
}

static clarus_model *load(clarus_status expected, const char *text)
{
    clarus_model *model;
    clarus_error error = {CLARUS_OK, ""};
    clarus_status status = clarus_model_load(context, folder, &model, &error);
    CHECK(status == expected && strstr(error.message, text), "%s: \"%s\" (wanted \"%s\")",
          clarus_status_name(status), error.message, text);
    return model;
}

/* What a preprocessor_config.json means. */
typedef struct preprocess_case {
    const char *json;
    size_t resize_short, width, height, crop_width, crop_height;
    clarus_resample resample;
    clarus_channel_order channels;
    double scale, mean, std; /* of the first channel */
} preprocess_case;

#define NEAREST CLARUS_RESAMPLE_NEAREST
#define BILINEAR CLARUS_RESAMPLE_BILINEAR
#define BICUBIC CLARUS_RESAMPLE_BICUBIC
#define LANCZOS CLARUS_RESAMPLE_LANCZOS
#define RGB CLARUS_CHANNELS_RGB
#define BGR CLARUS_CHANNELS_BGR
#define GRAY CLARUS_CHANNELS_GRAY

static const preprocess_case cases[] = {
    /* all defaults of a vision transformer's processor, and of an unknown one */
    {"{\"image_processor_type\": \"ViTImageProcessor\"}", 0, 224, 224, 0, 0, BILINEAR, RGB, 1.0 / 255, 0.5,
     0.5},
    {"{}", 0, 224, 224, 0, 0, BILINEAR, RGB, 1.0 / 255, 0.5, 0.5},
    {"{\"size\": {\"height\": 32, \"width\": 48}, \"resample\": 3, \"do_rescale\": true, \"rescale_factor\": "
     "0.5,"
     "\"image_mean\": [0.1, 0.2, 0.3], \"image_std\": 0.25}",
     0, 48, 32, 0, 0, BICUBIC, RGB, 0.5, 0.1, 0.25},
    {"{\"feature_extractor_type\": \"ViTFeatureExtractor\", \"size\": 384, \"do_normalize\": false}", 0, 384,
     384, 0, 0, BILINEAR, RGB, 1.0 / 255, 0, 1},
    {"{\"size\": [40, 60], \"do_rescale\": false, \"resample\": 1}", 0, 60, 40, 0, 0, LANCZOS, RGB, 1, 0.5,
     0.5},
    {"{\"do_resize\": false, \"do_center_crop\": true, \"crop_size\": 20, \"resample\": 0}", 0, 0, 0, 20, 20,
     NEAREST, RGB, 1.0 / 255, 0.5, 0.5},
    /* the size is that of the crop, up to where the picture is resized to it */
    {"{\"feature_extractor_type\": \"ConvNextFeatureExtractor\", \"size\": 224, \"crop_pct\": 0.875, "
     "\"resample\": 3}",
     256, 0, 0, 224, 224, BICUBIC, RGB, 1.0 / 255, 0.5, 0.5},
    {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": {\"shortest_edge\": 384}}", 0, 384,
     384, 0, 0, BILINEAR, RGB, 1.0 / 255, 0.5, 0.5},
    {"{\"image_processor_type\": \"MobileNetV2ImageProcessor\"}", 256, 0, 0, 224, 224, BILINEAR, RGB,
     1.0 / 255, 0.5, 0.5},
    {"{\"image_processor_type\": \"BitImageProcessorFast\", \"crop_size\": {\"height\": 100, \"width\": "
     "120}}",
     224, 0, 0, 120, 100, BICUBIC, RGB, 1.0 / 255, 0.48145466, 0.26862954},
    /* normalised twice: the second time by the deviation alone */
    {"{\"image_processor_type\": \"EfficientNetImageProcessor\", \"image_std\": [0.5, 0.5, 0.5]}", 0, 346,
     346, 0, 0, NEAREST, RGB, 1.0 / 255, 0.5, 0.25},
    {"{\"do_flip_channel_order\": true, \"rescale_offset\": true}", 0, 224, 224, 0, 0, BILINEAR, BGR,
     1.0 / 255, 1.5, 0.5},
    {"{\"image_mean\": [0.5], \"image_std\": [0.5]}", 0, 224, 224, 0, 0, BILINEAR, GRAY, 1.0 / 255, 0.5, 0.5},
};

static void test_preprocess(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const preprocess_case *c = &cases[i];
        clarus_preprocess p;
        write_text("preprocessor_config.json", c->json);
        clarus_model *model = load(CLARUS_OK, "");
        if (!model || !clarus_model_preprocess(model, &p)) {
            CHECK(0, "%s: no preprocessing", c->json);
            clarus_model_free(model);
            continue;
        }
        CHECK(p.resize_short == c->resize_short && p.resize_width == c->width && p.resize_height == c->height,
              "%s: resize %zu, %zux%zu", c->json, p.resize_short, p.resize_width, p.resize_height);
        CHECK(p.crop_width == c->crop_width && p.crop_height == c->crop_height, "%s: crop %zux%zu", c->json,
              p.crop_width, p.crop_height);
        CHECK(p.resample == c->resample && p.channels == c->channels &&
                  p.geometry == CLARUS_GEOMETRY_HUGGINGFACE,
              "%s: resample %d, order %d", c->json, p.resample, p.channels);
        CHECK(p.has_scale && fabs(p.scale - c->scale) < 1e-12, "%s: scale %g", c->json, p.scale);
        CHECK(fabs(p.mean[0] - c->mean) < 1e-12 && fabs(p.std[0] - c->std) < 1e-12, "%s: %g, %g", c->json,
              p.mean[0], p.std[0]);
        clarus_model_free(model);
    }
    remove_file("preprocessor_config.json");
    clarus_model *model = load(CLARUS_OK, "");
    CHECK(model && !clarus_model_preprocess(model, NULL), "no file, no preprocessing");
    CHECK(model && clarus_model_label_count(model) == 0 && !*clarus_model_description(model),
          "no file, no labels");
    clarus_model_free(model);
}

static void test_wrong_preprocess(void)
{
    static const struct {
        const char *json, *message;
    } wrong[] = {
        {"{\"size\": ", "preprocessor_config.json: not valid JSON at byte"},
        {"", "not valid JSON"},
        {"[1]", "not a JSON object"},
        {"{\"size\": {}}", "\"size\" is not a number of pixels"},
        {"{\"size\": -1}", "\"size\" is not a number of pixels"},
        {"{\"size\": 1e300}", "\"size\" is not a number of pixels"},
        {"{\"resample\": 7}", "\"resample\" is not 0"},
        {"{\"do_resize\": 1}", "\"do_resize\" is not true or false"},
        {"{\"rescale_factor\": \"x\"}", "\"rescale_factor\" is not a finite number"},
        {"{\"image_mean\": [1, 2]}", "\"image_mean\" is not one number or three"},
        {"{\"image_mean\": [1, null, 3]}", "\"image_mean\" is not made of finite numbers"},
        {"{\"image_std\": [1, 0, 1]}", "\"image_std\" is not free of zeros"},
        {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"crop_pct\": 0}",
         "\"crop_pct\" is not above 0"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_text("preprocessor_config.json", wrong[i].json);
        clarus_model_free(load(CLARUS_E_FORMAT, wrong[i].message));
    }
    char deep[5000];
    memset(deep, '[', sizeof deep);
    write_file("preprocessor_config.json", deep, sizeof deep);
    clarus_model_free(load(CLARUS_E_FORMAT, "not valid JSON"));
    remove_file("preprocessor_config.json");
}

static void test_labels(void)
{
    static const char *const wrong[] = {"{\"id2label\": [\"a\"]}", "{\"id2label\": {\"x\": \"a\"}}",
                                        "{\"id2label\": {\"-1\": \"a\"}}", "{\"id2label\": {\"0\": 1}}",
                                        "{\"id2label\": {\"99999999999999999999\": \"a\"}}"};
    write_text("config.json",
               "{\"id2label\": {\"2\": \"dog\", \"0\": \"cat, tabby\"}, \"clarus_description\": \"Two.\"}");
    clarus_model *model = load(CLARUS_OK, "");
    CHECK(model && clarus_model_label_count(model) == 3, "count");
    if (model && clarus_model_label_count(model) == 3) {
        CHECK(!strcmp(clarus_model_label(model, 0), "cat, tabby") &&
                  !strcmp(clarus_model_label(model, 1), "") && !strcmp(clarus_model_label(model, 2), "dog") &&
                  !clarus_model_label(model, 3),
              "labels");
        CHECK(!strcmp(clarus_model_description(model), "Two."), "description");
    }
    clarus_model_free(model);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_text("config.json", wrong[i]);
        clarus_model_free(load(CLARUS_E_FORMAT, "config.json: \"id2label\" is not"));
    }
    remove_file("config.json");
}

static void test_missing(void)
{
    clarus_model *model;
    clarus_error error;
    remove_file("model.onnx");
    clarus_model_free(load(CLARUS_E_IO, "model.onnx"));
    CHECK(clarus_model_load(context, "/nonexistent/model.onnx", &model, &error) == CLARUS_E_IO &&
              strncmp(error.message, "/nonexistent/model.onnx: ", 25) == 0 && !model,
          "%s", error.message);
    CHECK(clarus_model_load(context, NULL, &model, &error) == CLARUS_E_ARGUMENT, "no path");
    CHECK(clarus_model_load(context, folder, NULL, NULL) == CLARUS_E_ARGUMENT, "no result");
}

int main(void)
{
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK || !mkdtemp(folder))
        return 1;
    write_model();
    test_preprocess();
    test_wrong_preprocess();
    test_labels();
    test_missing();
    rmdir(folder);
    clarus_context_free(context);
    return test_result();
}
