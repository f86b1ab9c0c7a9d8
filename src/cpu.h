/* The host CPU: how many threads to use, and the floating-point environment to compute in. */
#ifndef CLARUS_CPU_H
#define CLARUS_CPU_H

#include "error.h"

#include <fenv.h>

enum { CPU_MAX_THREADS = 1024 };

/* CLARUS_THREADS if set (an error if it is not a number from 1 to CPU_MAX_THREADS), else the CPUs of
 * the affinity mask, limited by the cgroup's CPU quota rounded up. */
clarus_status cpu_default_threads(int *threads, clarus_error *error);

/* Saves the caller's floating-point environment and sets the default one: round to nearest even,
 * subnormals kept, no traps. Every entry that computes or touches OpenCL runs between the two. */
typedef struct cpu_float_env {
    fenv_t saved;
} cpu_float_env;
void cpu_float_env_enter(cpu_float_env *env);
void cpu_float_env_leave(const cpu_float_env *env);

/* Calls body(user, begin, end) on disjoint parts of [0, count) from up to `threads` threads (the caller's
 * included, each in the default floating-point environment), and returns when all are done. Falls back to
 * fewer threads if the system grants no more. */
typedef void (*cpu_range_fn)(void *user, int64_t begin, int64_t end);
void cpu_parallel(int threads, int64_t count, cpu_range_fn body, void *user);

#endif
