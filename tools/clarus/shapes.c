#include "shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *shape_words(const clarus_value_info *info, char *text)
{
    size_t used = (size_t)snprintf(text, SHAPE_WORDS, "%s ", clarus_dtype_name(info->dtype));
    if (!clarus_dtype_size(info->dtype))
        snprintf(text, SHAPE_WORDS, "not declared");
    else if (info->rank == 0)
        snprintf(text + used, SHAPE_WORDS - used, "scalar");
    for (size_t i = 0; i < info->rank && used < SHAPE_WORDS; i++) {
        const char *cross = i ? "x" : "";
        if (info->shape[i] >= 0)
            used +=
                (size_t)snprintf(text + used, SHAPE_WORDS - used, "%s%lld", cross, (long long)info->shape[i]);
        else
            used += (size_t)snprintf(text + used, SHAPE_WORDS - used, "%s%s", cross,
                                     *info->symbol[i] ? info->symbol[i] : "?");
    }
    return text;
}

void json_value_info(json *j, const clarus_value_info *info)
{
    json_text(j, "name", info->name);
    json_text(j, "dtype", clarus_dtype_name(info->dtype));
    json_open(j, "shape", '[');
    for (size_t i = 0; i < info->rank; i++) {
        if (info->shape[i] >= 0)
            json_integer(j, NULL, info->shape[i]);
        else if (*info->symbol[i])
            json_text(j, NULL, info->symbol[i]);
        else
            json_null(j, NULL);
    }
    json_close(j, ']');
}

/* The model's input whose name, followed by '=', begins the text; the rest in *rest. */
static const clarus_value_info *find_input(const clarus_model *model, const char *text, const char **rest)
{
    for (size_t i = 0; i < clarus_model_input_count(model); i++) {
        const clarus_value_info *info = clarus_model_input(model, i);
        size_t length = strlen(info->name);
        if (strncmp(text, info->name, length) == 0 && text[length] == '=') {
            *rest = text + length + 1;
            return info;
        }
    }
    return NULL;
}

static int parse_dims(const char *text, clarus_shape *shape)
{
    shape->rank = 0;
    while (*text) {
        char *end = NULL;
        long long value = strtoll(text, &end, 10);
        if (shape->rank == CLARUS_MAX_RANK || end == text || value < 0)
            return 0;
        shape->dims[shape->rank++] = value;
        if ((*end == 'x' || *end == ',') && end[1])
            end++;
        else if (*end)
            return 0;
        text = end;
    }
    return 1;
}

int shapes_parse(const common_options *common, const clarus_model *model, const text_list *texts,
                 clarus_shape **shapes)
{
    *shapes = calloc(texts->count + 1, sizeof **shapes);
    if (!*shapes) {
        complain(common, "out of memory");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < texts->count; i++) {
        const char *dims = NULL;
        const clarus_value_info *info = find_input(model, texts->items[i], &dims);
        if (!info || !parse_dims(dims, &(*shapes)[i])) {
            complain(common, "--shape: \"%s\" is not %s, such as %s=1x3x224x224", texts->items[i],
                     info ? "a shape" : "an input and its shape",
                     clarus_model_input_count(model) ? clarus_model_input(model, 0)->name : "NAME");
            return EXIT_USAGE;
        }
        (*shapes)[i].name = info->name;
    }
    return EXIT_OK;
}
