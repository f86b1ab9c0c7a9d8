/* The cache folder: named pieces of data that outlive the process, or not. Losing one costs time only. */
#ifndef CLARUS_PROGRAM_CACHE_H
#define CLARUS_PROGRAM_CACHE_H

#include "context.h"

typedef struct cache_key {
    unsigned char bytes[16];
} cache_key;

/* XXH3-128 of the texts, in order; at most CACHE_KEY_TEXTS of them. */
enum { CACHE_KEY_TEXTS = 16 };
void cache_key_make(const char *const *texts, size_t count, cache_key *key);
/* 1 and what was stored under the key, to be freed with memory_free; 0 if nothing sound is there. */
int program_cache_load(clarus_context *context, const cache_key *key, void **bytes, size_t *size_bytes);
/* Replaces what is stored under the key. A folder that cannot be made, is another user's, can be written to
 * by others, is read-only or full is left alone. */
void program_cache_store(clarus_context *context, const cache_key *key, const void *bytes, size_t size_bytes);

/* The CPU's feature flags as Linux lists them, "" if it does not: machines of one name may differ in them. */
enum { CPU_FLAGS = 8192 };
void cpu_read_flags(char flags[CPU_FLAGS]);

#endif
