/* A point in time after which a function is called once, from a thread of its own. */
#ifndef CLARUS_DEADLINE_H
#define CLARUS_DEADLINE_H

#include "context.h"

typedef struct deadline deadline;

/* passed(user) is called when clock_ms() reaches at_ms, unless the deadline is freed before. */
clarus_status deadline_create(clarus_context *context, double at_ms, void (*passed)(void *user), void *user,
                              deadline **out, clarus_error *error);
/* Once it returns, the function is not running and will not be called. */
void deadline_free(deadline *deadline);

/* A condition variable on the monotonic clock, which clock_ms() reads. */
int condition_init(pthread_cond_t *condition);
/* Waits until signalled or until clock_ms() reaches at_ms (0: for ever); 0 when the time has come. */
int condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, double at_ms);

/* pthread_create with every signal blocked, so that the host's handlers run in the host's own threads. */
int thread_start(pthread_t *thread, void *(*body)(void *), void *user);

#endif
