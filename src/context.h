/* The context: limits, memory, log. Reference-counted, so that objects keep it alive. */
#ifndef CLARUS_CONTEXT_H
#define CLARUS_CONTEXT_H

#include "error.h"

#include <pthread.h>
#include <stdatomic.h>

struct clarus_context {
    atomic_int references;
    int threads;
    uint64_t max_pixels;
    uint64_t max_file_bytes;
    uint64_t max_model_bytes;
    uint64_t max_tensor_bytes;
    char *cache_dir;          /* NULL: no cache */
    size_t arena_block_bytes; /* tests make it small, so that each request of an arena can fail */
    clarus_allocator allocator;
    pthread_mutex_t log_lock;
    clarus_log_fn log;
    void *log_user;
    char *default_model; /* found at first use, guarded by log_lock */
};

/* Adds a reference; clarus_context_free takes one away. */
clarus_context *context_retain(clarus_context *context);

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void context_log(clarus_context *context, clarus_log_level level, const char *format, ...);

/* count * size bytes, uninitialised; NULL if the product overflows or memory is out. Zero bytes give
 * a pointer that can be freed. */
void *memory_alloc(const clarus_context *context, size_t count, size_t size);
/* The same, zero-filled. */
void *memory_calloc(const clarus_context *context, size_t count, size_t size);
/* Copies size bytes of data; NULL if memory is out. */
void *memory_copy(const clarus_context *context, const void *data, size_t size);
char *memory_strdup(const clarus_context *context, const char *text);
/* Grows *array of *capacity elements of `size` bytes to hold at least `needed`; 0 if memory is out, the
 * array then unchanged. */
int memory_grow(const clarus_context *context, void **array, size_t *capacity, size_t needed, size_t size);
void memory_free(const clarus_context *context, void *memory);

/* Shorthand for the commonest failure. */
clarus_status error_memory(clarus_error *error, const char *what);

/* Monotonic clock in milliseconds. */
double clock_ms(void);

#endif
