/* Text becomes one copy of the file, cut into lines; JSON one copy per name. Both end as an array of strings.
 */
#include "labels.h"

#include "file.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { MOST_LABELS = 1 << 20 };

static clarus_status create(clarus_context *context, size_t count, clarus_labels **labels,
                            clarus_error *error)
{
    if (count == 0 || count > MOST_LABELS)
        return error_set(error, CLARUS_E_FORMAT, "labels: %zu names, expected 1 to %d", count, MOST_LABELS);
    clarus_labels *l = memory_calloc(context, 1, sizeof *l);
    if (!l)
        return error_memory(error, "labels");
    l->context = context_retain(context);
    l->count = count;
    l->names = memory_calloc(context, count, sizeof *l->names);
    if (!l->names) {
        clarus_labels_free(l);
        return error_memory(error, "labels");
    }
    *labels = l;
    return CLARUS_OK;
}

static clarus_status set_name(clarus_labels *l, size_t index, const char *name, size_t length,
                              clarus_error *error)
{
    char *copy = memory_alloc(l->context, length + 1, 1);
    if (!copy)
        return error_memory(error, "labels");
    memcpy(copy, name, length);
    copy[length] = '\0';
    memory_free(l->context, l->names[index]);
    l->names[index] = copy;
    return CLARUS_OK;
}

/* Gives "" to classes without a name; on failure frees everything. */
static clarus_status finish(clarus_status status, clarus_labels **labels, clarus_error *error)
{
    clarus_labels *l = *labels;
    for (size_t i = 0; status == CLARUS_OK && i < l->count; i++)
        if (!l->names[i])
            status = set_name(l, i, "", 0, error);
    if (status != CLARUS_OK) {
        clarus_labels_free(l);
        *labels = NULL;
    }
    return status;
}

static clarus_status from_array(clarus_context *context, const cJSON *array, clarus_labels **labels,
                                clarus_error *error)
{
    size_t i = 0;
    const cJSON *item = NULL;
    clarus_status status = create(context, (size_t)cJSON_GetArraySize(array), labels, error);
    if (status != CLARUS_OK)
        return status;
    cJSON_ArrayForEach(item, array)
    {
        if (status == CLARUS_OK && !cJSON_IsString(item))
            status = error_set(error, CLARUS_E_FORMAT, "labels: element %zu is not a string", i);
        if (status == CLARUS_OK)
            status = set_name(*labels, i, item->valuestring, strlen(item->valuestring), error);
        i++;
    }
    return finish(status, labels, error);
}

/* A key of digits only; -1 otherwise, or if it is too large for a class. */
static int64_t parse_index(const char *key)
{
    int64_t index = 0;
    if (!*key)
        return -1;
    for (; *key; key++) {
        if (*key < '0' || *key > '9' || index >= MOST_LABELS)
            return -1;
        index = index * 10 + (*key - '0');
    }
    return index < MOST_LABELS ? index : -1;
}

static clarus_status from_object(clarus_context *context, const cJSON *object, clarus_labels **labels,
                                 clarus_error *error)
{
    int64_t largest = -1;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, object)
    {
        int64_t index = parse_index(item->string);
        if (index < 0 || !cJSON_IsString(item))
            return error_set(error, CLARUS_E_FORMAT, "labels: \"%.64s\" is not a class number with a name",
                             item->string);
        if (index > largest)
            largest = index;
    }
    clarus_status status = create(context, (size_t)(largest + 1), labels, error);
    if (status != CLARUS_OK)
        return status;
    cJSON_ArrayForEach(item, object)
    {
        if (status == CLARUS_OK)
            status = set_name(*labels, (size_t)parse_index(item->string), item->valuestring,
                              strlen(item->valuestring), error);
    }
    return finish(status, labels, error);
}

clarus_status labels_from_json(clarus_context *context, const cJSON *json, clarus_labels **labels,
                               clarus_error *error)
{
    *labels = NULL;
    const cJSON *inner = cJSON_GetObjectItemCaseSensitive(json, "id2label");
    if (cJSON_IsObject(inner))
        return from_object(context, inner, labels, error);
    if (cJSON_IsArray(json))
        return from_array(context, json, labels, error);
    if (cJSON_IsObject(json))
        return from_object(context, json, labels, error);
    return error_set(error, CLARUS_E_FORMAT, "labels: neither an array nor an object");
}

static size_t line_length(const char *text, const char *end)
{
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    return (size_t)((newline ? newline : end) - text);
}

static clarus_status from_lines(clarus_context *context, const char *text, const char *end,
                                clarus_labels **labels, clarus_error *error)
{
    size_t count = 0;
    while (end > text && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    for (const char *s = text; s < end; s += line_length(s, end) + 1)
        count++;
    clarus_status status = create(context, count, labels, error);
    if (status != CLARUS_OK)
        return status;
    size_t i = 0;
    for (const char *s = text; s < end && status == CLARUS_OK; i++) {
        size_t length = line_length(s, end);
        int has_return = length && s[length - 1] == '\r';
        status = set_name(*labels, i, s, length - (size_t)has_return, error);
        s += length + 1;
    }
    return finish(status, labels, error);
}

clarus_status labels_parse(clarus_context *context, const char *text, size_t size, clarus_labels **labels,
                           clarus_error *error)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* what some editors begin UTF-8 files with */
    const char *end = text + size;
    *labels = NULL;
    if (size >= 3 && memcmp(text, mark, 3) == 0)
        text += 3;
    if (memchr(text, '\0', (size_t)(end - text)))
        return error_set(error, CLARUS_E_FORMAT, "labels: a zero byte in text");
    if (text == end || (*text != '[' && *text != '{'))
        return from_lines(context, text, end, labels, error);
    cJSON *json = cJSON_ParseWithLength(text, (size_t)(end - text));
    if (!json)
        return error_set(error, CLARUS_E_FORMAT, "labels: not valid JSON");
    clarus_status status = labels_from_json(context, json, labels, error);
    cJSON_Delete(json);
    return status;
}

clarus_status clarus_labels_load(clarus_context *context, const char *path, clarus_labels **labels,
                                 clarus_error *error)
{
    void *bytes = NULL;
    size_t size = 0;
    if (!context || !path || !labels)
        return error_set(error, CLARUS_E_ARGUMENT, "labels: a pointer is NULL");
    *labels = NULL;
    clarus_status status = file_read(context, path, context->max_file_bytes, &bytes, &size, error);
    if (status != CLARUS_OK)
        return status;
    status = labels_parse(context, bytes, size, labels, error);
    if (status != CLARUS_OK)
        error_prefix(error, "%s: ", path);
    memory_free(context, bytes);
    return status;
}

size_t clarus_labels_count(const clarus_labels *labels)
{
    return labels->count;
}

const char *const *clarus_labels_names(const clarus_labels *labels)
{
    return (const char *const *)labels->names;
}

void clarus_labels_free(clarus_labels *labels)
{
    if (!labels)
        return;
    clarus_context *context = labels->context;
    for (size_t i = 0; labels->names && i < labels->count; i++)
        memory_free(context, labels->names[i]);
    memory_free(context, labels->names);
    memory_free(context, labels);
    clarus_context_free(context);
}
