#include "preprocess.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const common_options *common, const char *name, const char *text, const char *expected)
{
    complain(common, "--%s: \"%s\" is not %s", name, text, expected);
    return EXIT_USAGE;
}

/* "N" gives height 0, "WxH" both. */
static int parse_size(const char *text, size_t *width, size_t *height)
{
    enum { LARGEST = 65535 };
    char *end = NULL;
    long w = strtol(text, &end, 10), h = 0;
    if (end == text || w < 0 || w > LARGEST || *text == '+' || *text == ' ')
        return 0;
    if (*end == 'x') {
        const char *second = end + 1;
        h = strtol(second, &end, 10);
        if (end == second || w < 1 || h < 1 || h > LARGEST)
            return 0;
    }
    *width = (size_t)w;
    *height = (size_t)h;
    return *end == '\0';
}

static int apply_sizes(const preprocess_options *o, const common_options *common, clarus_preprocess *p)
{
    size_t width, height;
    if (o->size) {
        if (!parse_size(o->size, &width, &height) || !width)
            return refuse(common, "size", o->size, "a size such as 256 or 320x240");
        p->resize_short = height ? 0 : width;
        p->resize_width = height ? width : 0;
        p->resize_height = height;
    }
    if (o->crop) {
        if (!parse_size(o->crop, &width, &height))
            return refuse(common, "crop", o->crop, "a size such as 224 or 320x240");
        p->crop_width = width;
        p->crop_height = height ? height : width;
        p->geometry = CLARUS_GEOMETRY_TORCHVISION;
    }
    return EXIT_OK;
}

/* One value for all channels, or one for each. */
static int parse_channels(const char *text, double values[3])
{
    char copy[256], *rest = NULL;
    int count = 0;
    if (strlen(text) >= sizeof copy || strstr(text, ",,") || *text == ',')
        return 0;
    memcpy(copy, text, strlen(text) + 1);
    for (char *part = strtok_r(copy, ",", &rest); part; part = strtok_r(NULL, ",", &rest))
        if (count == 3 || !parse_number(part, &values[count++]))
            return 0;
    if (count == 1)
        values[1] = values[2] = values[0];
    return (count == 1 || count == 3) && text[strlen(text) - 1] != ',';
}

static int apply_values(const preprocess_options *o, const common_options *common, int is_own,
                        clarus_preprocess *p)
{
    if (!is_own && (o->scale || o->mean || o->std)) /* ImageNet's values belong together */
        p->has_scale = p->has_mean = p->has_std = 0;
    if (o->scale) {
        p->has_scale = 1;
        if (!parse_number(o->scale, &p->scale))
            return refuse(common, "scale", o->scale, "a number such as 1 or 1/255");
    }
    if (o->mean) {
        p->has_mean = 1;
        if (!parse_channels(o->mean, p->mean))
            return refuse(common, "mean", o->mean, "one number or three, separated by commas");
    }
    if (o->std) {
        p->has_std = 1;
        if (!parse_channels(o->std, p->std) || p->std[0] == 0 || p->std[1] == 0 || p->std[2] == 0)
            return refuse(common, "std", o->std, "one number or three other than 0, separated by commas");
    }
    return EXIT_OK;
}

/* The position of text among names, from 1; 0 if it is none of them. */
static int find_name(const char *text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return i + 1;
    return 0;
}

static int apply_names(const preprocess_options *o, const common_options *common, clarus_preprocess *p)
{
    static const char *const orders[] = {"rgb", "bgr", "gray"};
    static const char *const filters[] = {"nearest", "bilinear", "bicubic", "lanczos"};
    static const char *const geometries[] = {"torchvision", "huggingface", "rounded"};
    if (o->channels) {
        p->channels = (clarus_channel_order)find_name(o->channels, orders, 3);
        if (p->channels == CLARUS_CHANNELS_DEFAULT)
            return refuse(common, "channels", o->channels, "rgb, bgr or gray");
    }
    if (o->resample) {
        p->resample = (clarus_resample)find_name(o->resample, filters, 4);
        if (p->resample == CLARUS_RESAMPLE_DEFAULT)
            return refuse(common, "resample", o->resample, "nearest, bilinear, bicubic or lanczos");
    }
    if (o->geometry) {
        p->geometry = (clarus_geometry)find_name(o->geometry, geometries, 3);
        if (p->geometry == CLARUS_GEOMETRY_DEFAULT)
            return refuse(common, "geometry", o->geometry, "torchvision, huggingface or rounded");
    }
    return EXIT_OK;
}

int preprocess_apply(const preprocess_options *options, const common_options *common,
                     const clarus_model *model, clarus_preprocess *preprocess)
{
    clarus_preprocess own;
    clarus_error error = {0};
    clarus_preprocess_init(&own);
    clarus_status status = clarus_classify_preprocess(model, preprocess, &error);
    if (status != CLARUS_OK) {
        complain(common, "%s", error.message);
        return exit_code_of(status);
    }
    int code = apply_sizes(options, common, preprocess);
    if (code == EXIT_OK)
        code = apply_values(options, common, clarus_model_preprocess(model, &own), preprocess);
    if (code == EXIT_OK)
        code = apply_names(options, common, preprocess);
    return code;
}
