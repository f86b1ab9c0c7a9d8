#include "cpu.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Quota and period in microseconds out of cgroup v2's cpu.max or cgroup v1's two files. */
static int read_quota(double *cpus)
{
    long long quota = 0, period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (file) {
        int fields = fscanf(file, "%lld %lld", &quota, &period);
        fclose(file);
        if (fields == 2 && quota > 0 && period > 0) {
            *cpus = (double)quota / (double)period;
            return 1;
        }
        return 0;
    }
    FILE *q = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
    FILE *p = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
    int ok = q && p && fscanf(q, "%lld", &quota) == 1 && fscanf(p, "%lld", &period) == 1 && quota > 0 &&
             period > 0;
    if (q)
        fclose(q);
    if (p)
        fclose(p);
    if (ok)
        *cpus = (double)quota / (double)period;
    return ok;
}

static int count_allowed_cpus(void)
{
    for (int size = 1024; size <= 1 << 20; size *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)size);
        if (!set)
            return 1;
        size_t bytes = CPU_ALLOC_SIZE((size_t)size);
        int failed = sched_getaffinity(0, bytes, set), why = errno;
        int count = failed ? 1 : CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (!failed || why != EINVAL)
            return count > 0 ? count : 1;
    }
    return 1;
}

clarus_status cpu_default_threads(int *threads, clarus_error *error)
{
    const char *text = getenv("CLARUS_THREADS");
    if (text && *text) {
        char *end = NULL;
        errno = 0;
        long n = strtol(text, &end, 10);
        if (errno || *end || n < 1 || n > CPU_MAX_THREADS)
            return error_set(error, CLARUS_E_ARGUMENT, "CLARUS_THREADS: \"%s\" is not a number from 1 to %d",
                             text, CPU_MAX_THREADS);
        *threads = (int)n;
        return CLARUS_OK;
    }
    int count = count_allowed_cpus();
    double quota;
    if (read_quota(&quota) && quota < (double)count)
        count = quota <= 1 ? 1 : (int)(quota + 0.999);
    *threads = count < CPU_MAX_THREADS ? count : CPU_MAX_THREADS;
    return CLARUS_OK;
}

void cpu_float_env_enter(cpu_float_env *env)
{
    fegetenv(&env->saved);
    fesetenv(FE_DFL_ENV);
}

void cpu_float_env_leave(const cpu_float_env *env)
{
    fesetenv(&env->saved);
}

/* Threads claim chunks from a counter, so that uneven chunks balance. */
typedef struct parallel_job {
    cpu_range_fn body;
    void *user;
    int64_t count, chunk;
    _Atomic int64_t next;
} parallel_job;

static void *parallel_worker(void *argument)
{
    parallel_job *job = argument;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    for (;;) {
        int64_t begin = atomic_fetch_add(&job->next, job->chunk);
        if (begin >= job->count)
            break;
        int64_t end = job->count - begin < job->chunk ? job->count : begin + job->chunk;
        job->body(job->user, begin, end);
    }
    cpu_float_env_leave(&env);
    return NULL;
}

void cpu_parallel(int threads, int64_t count, cpu_range_fn body, void *user)
{
    enum { CHUNKS_PER_THREAD = 4, MOST = 256 };
    if (threads > MOST)
        threads = MOST;
    if (threads > count)
        threads = count > 1 ? (int)count : 1;
    int64_t chunk = count / ((int64_t)threads * CHUNKS_PER_THREAD);
    parallel_job job = {body, user, count, threads == 1 ? count : chunk > 0 ? chunk : 1, 0};
    pthread_t ids[MOST];
    int started = 0;
    while (started < threads - 1 && pthread_create(&ids[started], NULL, parallel_worker, &job) == 0)
        started++;
    parallel_worker(&job);
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
}
