/* Names of classes. */
#ifndef CLARUS_LABELS_H
#define CLARUS_LABELS_H

#include "context.h"

struct cJSON;

struct clarus_labels {
    clarus_context *context;
    char **names; /* count, never NULL; "" where a class has no name */
    size_t count;
};

/* An array of names, an object of numbers to names, or an object with such an object as "id2label". Messages
 * carry no path. */
clarus_status labels_from_json(clarus_context *context, const struct cJSON *json, clarus_labels **labels,
                               clarus_error *error);
/* One name a line, or JSON, told apart by the first character. */
clarus_status labels_parse(clarus_context *context, const char *text, size_t size, clarus_labels **labels,
                           clarus_error *error);

#endif
