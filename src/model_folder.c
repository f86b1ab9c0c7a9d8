/* The JSON files of a model folder. Processors are told apart by the first part of their type's name ("ViT"
 * of ViTImageProcessor and ViTFeatureExtractor); the table gives what each does where the file leaves a field
 * out. */
#include "model_folder.h"

#include "file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_JSON_BYTES = 8 << 20, MAX_LABELS = 1 << 20, MAX_LABEL_BYTES = 4096, MAX_SIDE = 1 << 16 };

typedef enum statistics { HALVES, IMAGENET, CLIP } statistics;

typedef struct processor {
    const char *prefix;
    int by_short_side; /* what a plain number means as size */
    int size;          /* 0: none */
    int crops, crop;
    int resample; /* Pillow's number */
    statistics statistics;
    double crop_pct; /* the size is that of the crop; resized to size / crop_pct before; 0: not so */
    int exact_from;  /* with crop_pct: from this size on resized to the size itself; 0: never */
    int normalizes_twice;
} processor;

/* The last one stands for all others. */
static const processor processors[] = {
    {"Beit", 0, 256, 1, 224, 3, HALVES, 0, 0, 0},
    {"Bit", 1, 224, 1, 224, 3, CLIP, 0, 0, 0},
    {"CLIP", 1, 224, 1, 224, 3, CLIP, 0, 0, 0},
    {"ConvNext", 1, 384, 0, 0, 2, HALVES, 224.0 / 256.0, 384, 0},
    {"DeiT", 0, 256, 1, 224, 3, HALVES, 0, 0, 0},
    {"EfficientNet", 0, 346, 0, 289, 0, HALVES, 0, 0, 1},
    {"Levit", 1, 224, 1, 224, 3, IMAGENET, 224.0 / 256.0, 0, 0},
    {"MobileNetV1", 1, 256, 1, 224, 2, HALVES, 0, 0, 0},
    {"MobileNetV2", 1, 256, 1, 224, 2, HALVES, 0, 0, 0},
    {"PoolFormer", 1, 224, 1, 224, 3, IMAGENET, 0.9, 0, 0},
    {"", 0, 224, 0, 224, 2, HALVES, 0, 0, 0},
};

static const double means[][3] = {
    {0.5, 0.5, 0.5}, {0.485, 0.456, 0.406}, {0.48145466, 0.4578275, 0.40821073}};
static const double deviations[][3] = {
    {0.5, 0.5, 0.5}, {0.229, 0.224, 0.225}, {0.26862954, 0.26130258, 0.27577711}};

/* ---- Fields, each of a stated type */

typedef struct json_file {
    const char *name; /* path, in front of messages */
    const cJSON *root;
    clarus_status status;
    clarus_error *error;
} json_file;

static void wrong_field(json_file *f, const char *key, const char *expected)
{
    if (f->status == CLARUS_OK)
        f->status = error_set(f->error, CLARUS_E_FORMAT, "%s: \"%s\" is not %s", f->name, key, expected);
}

/* NULL if the field is absent or null. */
static const cJSON *get(const json_file *f, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(f->root, key);
    return cJSON_IsNull(item) ? NULL : item;
}

static int get_flag(json_file *f, const char *key, int otherwise)
{
    const cJSON *item = get(f, key);
    if (item && !cJSON_IsBool(item))
        wrong_field(f, key, "true or false");
    return item ? cJSON_IsTrue(item) : otherwise;
}

static double get_number(json_file *f, const char *key, double otherwise)
{
    const cJSON *item = get(f, key);
    if (item && (!cJSON_IsNumber(item) || !isfinite(item->valuedouble)))
        wrong_field(f, key, "a finite number");
    return item ? item->valuedouble : otherwise;
}

static int get_side(json_file *f, const char *key, const cJSON *item)
{
    if (cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= MAX_SIDE)
        return (int)item->valuedouble;
    wrong_field(f, key, "a number of pixels between 1 and 65536");
    return 0;
}

typedef struct sides {
    int width, height; /* both or neither */
    int shortest;
} sides;

/* 224, [224, 224], {"height": 224, "width": 224} or {"shortest_edge": 224}. */
static sides get_sides(json_file *f, const char *key, int by_short_side, int otherwise)
{
    const cJSON *item = get(f, key), *width = item, *height = item, *shortest = NULL;
    if (cJSON_IsObject(item)) {
        width = cJSON_GetObjectItemCaseSensitive(item, "width");
        height = cJSON_GetObjectItemCaseSensitive(item, "height");
        shortest = cJSON_GetObjectItemCaseSensitive(item, "shortest_edge");
    } else if (cJSON_IsArray(item) && cJSON_GetArraySize(item) == 2) {
        height = cJSON_GetArrayItem(item, 0);
        width = cJSON_GetArrayItem(item, 1);
    } else if (!item || by_short_side) {
        shortest = item;
    }
    int side = item ? 0 : otherwise;
    if (!item)
        return by_short_side ? (sides){0, 0, side} : (sides){side, side, 0};
    if (shortest)
        return (sides){0, 0, get_side(f, key, shortest)};
    return (sides){get_side(f, key, width), get_side(f, key, height), 0};
}

/* One number for all channels or one per channel, in out[3]; returns how many the file gives, 0 if none. */
static int get_per_channel(json_file *f, const char *key, const double otherwise[3], double out[3])
{
    const cJSON *item = get(f, key);
    int count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : item ? 1 : 0;
    memcpy(out, otherwise, 3 * sizeof *out);
    if (item && count != 1 && count != 3) {
        wrong_field(f, key, "one number or three");
        return 0;
    }
    for (int c = 0; c < 3 && count; c++) {
        const cJSON *number = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, count == 1 ? 0 : c) : item;
        if (cJSON_IsNumber(number) && isfinite(number->valuedouble))
            out[c] = number->valuedouble;
        else
            wrong_field(f, key, "made of finite numbers");
    }
    return count;
}

/* ---- preprocessor_config.json */

static const processor *find_processor(json_file *f)
{
    const cJSON *type = get(f, "image_processor_type");
    const processor *p = processors;
    if (!type)
        type = get(f, "feature_extractor_type");
    const char *name = cJSON_IsString(type) ? type->valuestring : "";
    for (; *p->prefix; p++) {
        size_t length = strlen(p->prefix);
        if (strncmp(name, p->prefix, length) == 0 && (strncmp(name + length, "ImageProcessor", 14) == 0 ||
                                                      strncmp(name + length, "FeatureExtractor", 16) == 0))
            break;
    }
    return p;
}

static void read_resample(json_file *f, const processor *p, clarus_preprocess *out)
{
    static const clarus_resample filters[] = {CLARUS_RESAMPLE_NEAREST, CLARUS_RESAMPLE_LANCZOS,
                                              CLARUS_RESAMPLE_BILINEAR, CLARUS_RESAMPLE_BICUBIC};
    double number = get_number(f, "resample", p->resample);
    for (int i = 0; i < 4; i++)
        if (number == i)
            out->resample = filters[i];
    if (out->resample == CLARUS_RESAMPLE_DEFAULT)
        wrong_field(f, "resample", "0 (nearest), 1 (Lanczos), 2 (bilinear) or 3 (bicubic)");
}

static void set_crop(clarus_preprocess *out, int width, int height)
{
    out->crop_width = (size_t)width;
    out->crop_height = (size_t)height;
}

/* The size is that of the crop, and the short side is resized to size / crop_pct. */
static void read_crop_fraction(json_file *f, const processor *p, const sides *size, clarus_preprocess *out)
{
    double fraction = get_number(f, "crop_pct", p->crop_pct);
    int side = size->shortest ? size->shortest : size->height;
    if (!(fraction > 0 && fraction <= 1)) {
        wrong_field(f, "crop_pct", "above 0 and at most 1");
    } else if (p->exact_from && side >= p->exact_from) {
        out->resize_width = out->resize_height = (size_t)side;
    } else {
        out->resize_short = (size_t)(side / fraction);
        set_crop(out, side, side);
    }
}

static void read_geometry(json_file *f, const processor *p, clarus_preprocess *out)
{
    sides size = get_sides(f, "size", p->by_short_side, p->size);
    int resizes = get_flag(f, "do_resize", 1);
    read_resample(f, p, out);
    if (resizes && p->crop_pct > 0) {
        read_crop_fraction(f, p, &size, out);
    } else if (resizes) {
        out->resize_short = (size_t)size.shortest;
        out->resize_width = (size_t)size.width;
        out->resize_height = (size_t)size.height;
    }
    if (get_flag(f, "do_center_crop", p->crops)) {
        sides crop = get_sides(f, "crop_size", 0, p->crop);
        int shortest = crop.shortest;
        set_crop(out, shortest ? shortest : crop.width, shortest ? shortest : crop.height);
    }
    out->geometry = CLARUS_GEOMETRY_HUGGINGFACE;
}

static void read_values(json_file *f, const processor *p, clarus_preprocess *out)
{
    int rescales = get_flag(f, "do_rescale", 1), normalizes = get_flag(f, "do_normalize", 1);
    static const double zeros[3] = {0, 0, 0}, ones[3] = {1, 1, 1};
    out->has_scale = out->has_mean = out->has_std = 1;
    out->scale = rescales ? get_number(f, "rescale_factor", 1.0 / 255.0) : 1;
    int channels = get_per_channel(f, "image_mean", means[p->statistics], out->mean);
    get_per_channel(f, "image_std", deviations[p->statistics], out->std);
    if (!normalizes) {
        memcpy(out->mean, zeros, sizeof zeros);
        memcpy(out->std, ones, sizeof ones);
    }
    for (int c = 0; c < 3; c++) {
        if (out->std[c] == 0)
            wrong_field(f, "image_std", "free of zeros");
        if (rescales && get_flag(f, "rescale_offset", 0))
            out->mean[c] += 1;
        if (normalizes && p->normalizes_twice && get_flag(f, "include_top", 1))
            out->std[c] *= out->std[c];
    }
    if (get_flag(f, "do_flip_channel_order", 0))
        out->channels = CLARUS_CHANNELS_BGR;
    else
        out->channels =
            channels == 1 && cJSON_IsArray(get(f, "image_mean")) ? CLARUS_CHANNELS_GRAY : CLARUS_CHANNELS_RGB;
}

static void read_preprocess(json_file *f, model_folder *folder)
{
    const processor *p = find_processor(f);
    clarus_preprocess_init(&folder->preprocess);
    read_geometry(f, p, &folder->preprocess);
    read_values(f, p, &folder->preprocess);
    folder->has_preprocess = f->status == CLARUS_OK;
}

/* ---- config.json */

/* The number that a key of id2label is, or -1. */
static long label_index(const char *key)
{
    long index = 0;
    for (const char *c = key; *c; c++) {
        if (*c < '0' || *c > '9' || index > MAX_LABELS)
            return -1;
        index = index * 10 + (*c - '0');
    }
    return *key && index < MAX_LABELS ? index : -1;
}

static size_t count_labels(json_file *f, const cJSON *map)
{
    size_t count = 0;
    for (const cJSON *item = map->child; item; item = item->next) {
        long index = label_index(item->string ? item->string : "");
        if (index < 0 || !cJSON_IsString(item) || strlen(item->valuestring) > MAX_LABEL_BYTES) {
            wrong_field(f, "id2label",
                        "a map from class numbers below 1048576 to names of at most 4096 bytes");
            return 0;
        }
        count = (size_t)index >= count ? (size_t)index + 1 : count;
    }
    return count;
}

static void read_labels(clarus_context *context, json_file *f, model_folder *folder)
{
    const cJSON *map = get(f, "id2label");
    if (map && !cJSON_IsObject(map))
        wrong_field(f, "id2label", "an object");
    size_t count = map && f->status == CLARUS_OK ? count_labels(f, map) : 0;
    if (!count)
        return;
    folder->labels = memory_calloc(context, count, sizeof *folder->labels);
    folder->label_count = folder->labels ? count : 0;
    int out_of_memory = !folder->labels;
    for (const cJSON *item = map->child; item && !out_of_memory; item = item->next) {
        char **label = &folder->labels[label_index(item->string)];
        memory_free(context, *label);
        *label = memory_strdup(context, item->valuestring);
        out_of_memory = !*label;
    }
    for (size_t i = 0; i < count && !out_of_memory; i++)
        if (!folder->labels[i])
            out_of_memory = !(folder->labels[i] = memory_strdup(context, ""));
    if (out_of_memory)
        f->status = error_memory(f->error, f->name);
}

static void read_description(clarus_context *context, json_file *f, model_folder *folder)
{
    const cJSON *text = get(f, "clarus_description");
    if (!text || f->status != CLARUS_OK)
        return;
    if (!cJSON_IsString(text)) {
        wrong_field(f, "clarus_description", "a text");
        return;
    }
    folder->description = memory_strdup(context, text->valuestring);
    if (!folder->description)
        f->status = error_memory(f->error, f->name);
}

/* ---- The files */

/* *root is NULL if the file is not there. */
static clarus_status read_json(clarus_context *context, const char *path, cJSON **root, clarus_error *error)
{
    void *bytes;
    size_t size;
    const char *end = NULL;
    uint64_t limit = context->max_file_bytes < MAX_JSON_BYTES ? context->max_file_bytes : MAX_JSON_BYTES;
    *root = NULL;
    if (access(path, F_OK) != 0)
        return CLARUS_OK;
    clarus_status status = file_read(context, path, limit, &bytes, &size, error);
    if (status != CLARUS_OK)
        return status;
    *root = cJSON_ParseWithLengthOpts(bytes, size + 1, &end, 1); /* the zero behind the text ends it */
    if (!*root)
        status = error_set(error, CLARUS_E_FORMAT, "%s: not valid JSON at byte %zu", path,
                           end ? (size_t)(end - (const char *)bytes) : 0);
    else if (!cJSON_IsObject(*root))
        status = error_set(error, CLARUS_E_FORMAT, "%s: not a JSON object", path);
    memory_free(context, bytes);
    return status;
}

static clarus_status read_file(clarus_context *context, const char *folder_path, const char *file,
                               model_folder *folder, int is_config, clarus_error *error)
{
    size_t length = strlen(folder_path) + strlen(file) + 2;
    char *path = memory_alloc(context, length, 1);
    cJSON *root = NULL;
    if (!path)
        return error_memory(error, file);
    snprintf(path, length, "%s/%s", folder_path, file);
    json_file f = {path, NULL, CLARUS_OK, error};
    f.status = read_json(context, path, &root, error);
    f.root = root;
    if (f.status == CLARUS_OK && root && is_config) {
        read_labels(context, &f, folder);
        read_description(context, &f, folder);
    } else if (f.status == CLARUS_OK && root) {
        read_preprocess(&f, folder);
    }
    cJSON_Delete(root);
    memory_free(context, path);
    return f.status;
}

clarus_status model_folder_read(clarus_context *context, const char *path, model_folder *folder,
                                clarus_error *error)
{
    clarus_status status = read_file(context, path, "preprocessor_config.json", folder, 0, error);
    return status == CLARUS_OK ? read_file(context, path, "config.json", folder, 1, error) : status;
}

void model_folder_release(const clarus_context *context, model_folder *folder)
{
    for (size_t i = 0; i < folder->label_count; i++)
        memory_free(context, folder->labels[i]);
    memory_free(context, folder->labels);
    memory_free(context, folder->description);
}
