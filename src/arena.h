/* Memory that is freed as one: everything that lives as long as a graph. */
#ifndef CLARUS_ARENA_H
#define CLARUS_ARENA_H

#include "context.h"

typedef struct arena {
    const clarus_context *context;
    struct arena_block *blocks;
} arena;

/* count * size bytes, uninitialised, at a multiple of `align` (a power of two, at most 64); NULL if the
 * product overflows or memory is out. */
void *arena_alloc(arena *arena, size_t count, size_t size, size_t align);
char *arena_strdup(arena *arena, const char *text);
void arena_free(arena *arena);

#endif
