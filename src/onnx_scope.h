/* Names of nested graphs and functions. Their nodes are put among those of the file's graph, so what they
 * define gets names that nothing else has, and what they use is looked up outside. */
#ifndef CLARUS_ONNX_SCOPE_H
#define CLARUS_ONNX_SCOPE_H

#include "onnx_parts.h"

typedef struct onnx_scope {
    /* Whose names can be used too: NULL for the file's graph, whose names stay as they are, and for a
     * function's body, which sees nothing outside. */
    const struct onnx_scope *outer;
    /* A function's body: the call, and the scope that the call stands in. Else NULL. */
    const Onnx__Function *function;
    const Onnx__Node *call;
    const struct onnx_scope *caller;
    const char *prefix; /* of names defined here */
    int depth;
    struct scope_name *slots; /* open addressing, at most half full */
    size_t mask;
} onnx_scope;

/* Makes room for `count` names; prefix is copied. Everything lives in the arena. */
clarus_status scope_open(onnx_scope *scope, arena *arena, size_t count, const char *prefix,
                         clarus_error *error);
/* From now on `name` means the value called `meaning`. The first definition counts. */
void scope_define(onnx_scope *scope, const char *name, const char *meaning);
/* The same with a name made from the prefix. NULL if out of memory. */
const char *scope_rename(onnx_scope *scope, arena *arena, const char *name);
/* What a name means; "" for "". A name that is defined nowhere gets the prefix. NULL if out of memory. */
const char *scope_find(const onnx_scope *scope, arena *arena, const char *name);
/* The attribute itself, or the attribute of the call, or the function's default, that it refers to; NULL if
 * there is none. */
const Onnx__Attribute *scope_attribute(const onnx_scope *scope, const Onnx__Attribute *attribute);

#endif
