/* An allocator of which one request fails, and the sweep over all requests: an action is repeated, with its
 * first, second, ... request failing, until it ends before that. Threads may allocate. */
#ifndef CLARUS_FAILING_ALLOCATOR_H
#define CLARUS_FAILING_ALLOCATOR_H

#include "clarus.h"
#include "test.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

typedef struct failing_allocator {
    atomic_long until_failure; /* requests that succeed before the one that fails */
    atomic_long live;          /* blocks in use */
} failing_allocator;

static failing_allocator memory = {.until_failure = LONG_MAX};

static inline void *failing_allocate(void *user, size_t size)
{
    failing_allocator *a = user;
    if (atomic_fetch_sub(&a->until_failure, 1) == 0)
        return NULL;
    void *block = malloc(size);
    a->live += block != NULL;
    return block;
}

static inline void failing_release(void *user, void *block)
{
    ((failing_allocator *)user)->live--;
    free(block);
}

static const clarus_allocator failing = {failing_allocate, failing_release, &memory};

/* What is lost is CLARUS_E_MEMORY, or nothing but speed, in which case the action checks its result. Nothing
 * leaks. */
static inline void sweep_allocations(const char *name,
                                     clarus_status (*act)(const void *user, clarus_error *error),
                                     const void *user)
{
    long failures = 0;
    for (long n = 0, left = -1; left < 0; n++) {
        clarus_error error = {0};
        long live = memory.live;
        memory.until_failure = n;
        clarus_status status = act(user, &error);
        left = memory.until_failure;
        memory.until_failure = LONG_MAX;
        failures += status == CLARUS_E_MEMORY;
        CHECK(memory.live == live, "%s, allocation %ld: %ld leaked", name, n, memory.live - live);
        CHECK(status == CLARUS_OK || (status == CLARUS_E_MEMORY && strstr(error.message, "out of memory")),
              "%s, allocation %ld: %s: %s", name, n, clarus_status_name(status), error.message);
        CHECK(left < 0 || status == CLARUS_OK, "%s: %s without a failure", name, error.message);
    }
    CHECK(failures > 0, "%s: no failures", name);
}

#endif
