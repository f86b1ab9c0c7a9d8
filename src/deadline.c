#include "deadline.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

struct deadline {
    clarus_context *context;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    int stopped;
    double at_ms;
    void (*passed)(void *user);
    void *user;
};

int condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return 0;
    int ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
             pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return ok;
}

int condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, double at_ms)
{
    if (at_ms <= 0) {
        pthread_cond_wait(condition, lock);
        return 1;
    }
    double seconds = at_ms / 1e3;
    struct timespec until = {.tv_sec = (time_t)seconds};
    until.tv_nsec = (long)((seconds - (double)until.tv_sec) * 1e9);
    return pthread_cond_timedwait(condition, lock, &until) != ETIMEDOUT;
}

int thread_start(pthread_t *thread, void *(*body)(void *), void *user)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int started = pthread_create(thread, NULL, body, user) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void *watch(void *argument)
{
    deadline *d = argument;
    pthread_mutex_lock(&d->lock);
    while (!d->stopped && condition_wait(&d->changed, &d->lock, d->at_ms))
        continue;
    int stopped = d->stopped;
    pthread_mutex_unlock(&d->lock);
    if (!stopped)
        d->passed(d->user);
    return NULL;
}

clarus_status deadline_create(clarus_context *context, double at_ms, void (*passed)(void *user), void *user,
                              deadline **out, clarus_error *error)
{
    *out = NULL;
    deadline *d = memory_calloc(context, 1, sizeof *d);
    if (!d)
        return error_memory(error, "deadline");
    d->context = context;
    d->at_ms = at_ms;
    d->passed = passed;
    d->user = user;
    pthread_mutex_init(&d->lock, NULL);
    if (!condition_init(&d->changed)) {
        pthread_mutex_destroy(&d->lock);
        memory_free(context, d);
        return error_memory(error, "deadline");
    }
    if (!thread_start(&d->thread, watch, d)) {
        pthread_cond_destroy(&d->changed);
        pthread_mutex_destroy(&d->lock);
        memory_free(context, d);
        return error_set(error, CLARUS_E_MEMORY, "deadline: the system grants no thread");
    }
    *out = d;
    return CLARUS_OK;
}

void deadline_free(deadline *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopped = 1;
    pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    memory_free(d->context, d);
}
