#include "context.h"
#include "cpu.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *default_allocate(void *user, size_t size_bytes)
{
    (void)user;
    return malloc(size_bytes);
}

static void default_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static uint64_t default_to(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

/* "" switches the cache off; the folder itself is made when first written to. */
static char *find_cache_dir(const clarus_context *context, const char *wanted)
{
    if (wanted)
        return *wanted ? memory_strdup(context, wanted) : NULL;
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char path[4096];
    int length = xdg && *xdg == '/'     ? snprintf(path, sizeof path, "%s/clarus", xdg)
                 : home && *home == '/' ? snprintf(path, sizeof path, "%s/.cache/clarus", home)
                                        : -1;
    return length > 0 && (size_t)length < sizeof path ? memory_strdup(context, path) : NULL;
}

static clarus_status check_options(const clarus_context_options *options, clarus_error *error)
{
    if (options->struct_size != sizeof *options)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "context options: struct_size is %zu, expected %zu (use the _init function)",
                         options->struct_size, sizeof *options);
    if (options->threads < 0 || options->threads > CPU_MAX_THREADS)
        return error_set(error, CLARUS_E_ARGUMENT, "threads: %d is not between 1 and %d", options->threads,
                         CPU_MAX_THREADS);
    if (options->allocator && (!options->allocator->allocate || !options->allocator->release))
        return error_set(error, CLARUS_E_ARGUMENT, "allocator: a function is NULL");
    return CLARUS_OK;
}

clarus_status clarus_context_create(const clarus_context_options *options, clarus_context **context,
                                    clarus_error *error)
{
    if (!context)
        return error_set(error, CLARUS_E_ARGUMENT, "context: NULL");
    *context = NULL;
    clarus_context_options defaults;
    clarus_context_options_init(&defaults);
    if (!options)
        options = &defaults;
    clarus_status status = check_options(options, error);
    if (status != CLARUS_OK)
        return status;
    int threads = options->threads;
    if (!threads && (status = cpu_default_threads(&threads, error)) != CLARUS_OK)
        return status;

    clarus_allocator allocator = {default_allocate, default_release, NULL};
    if (options->allocator)
        allocator = *options->allocator;
    clarus_context *c = allocator.allocate(allocator.user, sizeof *c);
    if (!c)
        return error_memory(error, "context");
    memset(c, 0, sizeof *c);
    atomic_init(&c->references, 1);
    c->allocator = allocator;
    c->threads = threads;
    c->max_pixels = default_to(options->max_pixels, UINT64_C(128) << 20);
    c->max_file_bytes = default_to(options->max_file_bytes, UINT64_C(1) << 30);
    c->max_model_bytes = default_to(options->max_model_bytes, UINT64_C(16) << 30);
    c->max_tensor_bytes = default_to(options->max_tensor_bytes, UINT64_C(8) << 30);
    c->arena_block_bytes = 64 * 1024;
    c->log = options->log;
    c->log_user = options->log_user;
    c->cache_dir = find_cache_dir(c, options->cache_dir);
    pthread_mutex_init(&c->log_lock, NULL);
    *context = c;
    return CLARUS_OK;
}

clarus_context *context_retain(clarus_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void clarus_context_free(clarus_context *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&context->log_lock);
    memory_free(context, context->cache_dir);
    memory_free(context, context->default_model);
    clarus_allocator allocator = context->allocator;
    allocator.release(allocator.user, context);
}

int clarus_context_threads(const clarus_context *context)
{
    return context->threads;
}

void context_log(clarus_context *context, clarus_log_level level, const char *format, ...)
{
    if (!context->log)
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pthread_mutex_lock(&context->log_lock);
    context->log(context->log_user, level, line);
    pthread_mutex_unlock(&context->log_lock);
}

void *memory_alloc(const clarus_context *context, size_t count, size_t size)
{
    if (size && count > PTRDIFF_MAX / size)
        return NULL;
    size_t bytes = count * size;
    return context->allocator.allocate(context->allocator.user, bytes ? bytes : 1);
}

void *memory_calloc(const clarus_context *context, size_t count, size_t size)
{
    void *memory = memory_alloc(context, count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void *memory_copy(const clarus_context *context, const void *data, size_t size)
{
    void *memory = memory_alloc(context, size, 1);
    if (memory && size)
        memcpy(memory, data, size);
    return memory;
}

char *memory_strdup(const clarus_context *context, const char *text)
{
    return memory_copy(context, text, strlen(text) + 1);
}

int memory_grow(const clarus_context *context, void **array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return 1;
    size_t larger = *capacity < 8 ? 8 : *capacity + *capacity / 2;
    if (larger < needed)
        larger = needed;
    void *memory = memory_alloc(context, larger, size);
    if (!memory)
        return 0;
    if (*capacity)
        memcpy(memory, *array, *capacity * size);
    memory_free(context, *array);
    *array = memory;
    *capacity = larger;
    return 1;
}

void memory_free(const clarus_context *context, void *memory)
{
    if (memory)
        context->allocator.release(context->allocator.user, memory);
}

clarus_status error_memory(clarus_error *error, const char *what)
{
    return error_set(error, CLARUS_E_MEMORY, "%s: out of memory", what);
}

double clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}
