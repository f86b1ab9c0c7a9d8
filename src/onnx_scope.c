#include "onnx_scope.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

struct scope_name {
    const char *name, *meaning; /* NULL: the slot is free */
};

clarus_status scope_open(onnx_scope *scope, arena *arena, size_t count, const char *prefix,
                         clarus_error *error)
{
    size_t slots = 8;
    while (slots < 2 * count)
        slots *= 2;
    scope->slots = arena_alloc(arena, slots, sizeof *scope->slots, sizeof(void *));
    scope->prefix = arena_strdup(arena, prefix);
    scope->mask = slots - 1;
    if (!scope->slots || !scope->prefix)
        return error_memory(error, "graph");
    memset(scope->slots, 0, slots * sizeof *scope->slots);
    return CLARUS_OK;
}

static struct scope_name *find_slot(const onnx_scope *scope, const char *name)
{
    size_t i = (size_t)XXH3_64bits(name, strlen(name)) & scope->mask;
    while (scope->slots[i].name && strcmp(scope->slots[i].name, name) != 0)
        i = (i + 1) & scope->mask;
    return &scope->slots[i];
}

void scope_define(onnx_scope *scope, const char *name, const char *meaning)
{
    struct scope_name *slot = find_slot(scope, name);
    if (!slot->name)
        *slot = (struct scope_name){name, meaning};
}

static char *prefixed(const onnx_scope *scope, arena *arena, const char *name)
{
    size_t size = strlen(scope->prefix) + strlen(name) + 1;
    char *text = arena_alloc(arena, size, 1, 1);
    if (text)
        snprintf(text, size, "%s%s", scope->prefix, name);
    return text;
}

const char *scope_rename(onnx_scope *scope, arena *arena, const char *name)
{
    if (!*name || !scope->slots)
        return name;
    struct scope_name *slot = find_slot(scope, name);
    if (!slot->name)
        *slot = (struct scope_name){name, prefixed(scope, arena, name)};
    return slot->meaning;
}

const char *scope_find(const onnx_scope *scope, arena *arena, const char *name)
{
    if (!*name)
        return name;
    for (const onnx_scope *s = scope; s; s = s->outer) {
        if (!s->slots)
            return name;
        const struct scope_name *slot = find_slot(s, name);
        if (slot->name)
            return slot->meaning;
    }
    return prefixed(scope, arena, name);
}

static const Onnx__Attribute *find_attribute(Onnx__Attribute *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (list[i]->name && strcmp(list[i]->name, name) == 0)
            return list[i];
    return NULL;
}

const Onnx__Attribute *scope_attribute(const onnx_scope *scope, const Onnx__Attribute *attribute)
{
    while (attribute && attribute->ref_attr_name && *attribute->ref_attr_name) {
        const char *name = attribute->ref_attr_name;
        while (scope && !scope->function)
            scope = scope->outer;
        if (!scope)
            return NULL;
        attribute = find_attribute(scope->call->attribute, scope->call->n_attribute, name);
        if (!attribute)
            return find_attribute(scope->function->attribute_proto, scope->function->n_attribute_proto, name);
        scope = scope->caller;
    }
    return attribute;
}
