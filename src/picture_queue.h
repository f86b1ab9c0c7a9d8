/* Pictures prepared ahead of their use: taken from a source in order, decoded by worker threads in any
 * order, used in order. One thread uses the queue; the workers are its own. */
#ifndef CLARUS_PICTURE_QUEUE_H
#define CLARUS_PICTURE_QUEUE_H

#include "context.h"

typedef struct queued_picture {
    clarus_picture picture;
    float *values; /* channels x height x width */
    clarus_error error;
    double decode_ms, prepare_ms;
    int is_done;
} queued_picture;

typedef struct picture_queue picture_queue;

/* Every picture is prepared to width x height. At most `capacity` pictures are held; `threads` workers. */
clarus_status picture_queue_create(clarus_context *context, const clarus_preprocess *preprocess, size_t width,
                                   size_t height, size_t capacity, int threads, picture_queue **queue,
                                   clarus_error *error);
/* Takes pictures from the source until the queue is full or the source has ended. */
clarus_status picture_queue_fill(picture_queue *queue, clarus_source_fn source, void *user,
                                 clarus_error *error);
/* Pictures held, done or not. 0 after filling: the source has ended. */
size_t picture_queue_count(const picture_queue *queue);
/* Waits until the i-th oldest picture (i < count) is done; NULL if clock_ms() reaches until_ms first
 * (0: never). */
const queued_picture *picture_queue_wait(picture_queue *queue, size_t i, double until_ms);
/* Forgets the oldest n, which are done. */
void picture_queue_drop(picture_queue *queue, size_t n);
void picture_queue_free(picture_queue *queue);

#endif
