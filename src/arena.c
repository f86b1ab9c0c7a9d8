#include "arena.h"

#include <string.h>

/* Blocks in a list, small requests cut from the first one. Data follows the header at a multiple of 64 bytes.
 * A request that is larger than a block gets one of its own, behind the first, which stays in use. */
struct arena_block {
    struct arena_block *next;
    size_t used, size;
};

enum { ARENA_ALIGN = 64 };

static char *block_data(struct arena_block *block)
{
    uintptr_t data = ((uintptr_t)(block + 1) + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    return (char *)block + (data - (uintptr_t)block);
}

static struct arena_block *add_block(arena *arena, size_t need)
{
    size_t least = arena->context->arena_block_bytes, bytes = need > least ? need : least;
    struct arena_block *block = memory_alloc(arena->context, bytes + sizeof *block + ARENA_ALIGN, 1);
    if (!block)
        return NULL;
    struct arena_block *first = arena->blocks;
    if (first && need > least) {
        *block = (struct arena_block){first->next, 0, bytes};
        first->next = block;
    } else {
        *block = (struct arena_block){first, 0, bytes};
        arena->blocks = block;
    }
    return block;
}

void *arena_alloc(arena *arena, size_t count, size_t size, size_t align)
{
    if (size && count > PTRDIFF_MAX / 2 / size)
        return NULL;
    size_t need = count * size;
    struct arena_block *block = arena->blocks;
    size_t start = block ? (block->used + align - 1) / align * align : 0;
    if (!block || start > block->size || block->size - start < need) {
        block = add_block(arena, need);
        start = 0;
    }
    if (!block)
        return NULL;
    block->used = start + need;
    return block_data(block) + start;
}

char *arena_strdup(arena *arena, const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = arena_alloc(arena, length, 1, 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

void arena_free(arena *arena)
{
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        memory_free(arena->context, arena->blocks);
        arena->blocks = next;
    }
}
