/* A ring of slots. Pictures are numbered from 0; picture n lies in slot n mod capacity. `first` is the
 * oldest held, `next` the first that no worker has taken, `end` the first that the source has not given:
 *
 *     first <= next <= end <= first + capacity
 *
 * The three change under the lock; a slot belongs to its worker from being taken to being done, and to the
 * user of the queue otherwise. */
#include "picture_queue.h"

#include "cpu.h"
#include "deadline.h"

struct picture_queue {
    clarus_context *context;
    clarus_preprocess preprocess;
    size_t width, height, value_count;
    queued_picture *slots;
    size_t capacity;
    uint64_t first, next, end;
    int source_ended, stopped;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    int has_lock, has_work, has_done;
    pthread_t *workers;
    int worker_count;
};

static clarus_status decode(const picture_queue *q, const clarus_picture *p, clarus_image **image,
                            clarus_error *error)
{
    const clarus_decode_options *options = &q->preprocess.decode;
    if (p->bytes)
        return clarus_image_decode(q->context, p->bytes, p->size_bytes, p->path, options, image, error);
    if (p->path)
        return clarus_image_load(q->context, p->path, options, image, error);
    return error_set(error, CLARUS_E_ARGUMENT, "picture: path, bytes and image are all NULL");
}

static void prepare(const picture_queue *q, queued_picture *slot)
{
    const clarus_picture *p = &slot->picture;
    clarus_image *decoded = NULL;
    double start = clock_ms();
    clarus_status status = p->image ? CLARUS_OK : decode(q, p, &decoded, &slot->error);
    double middle = clock_ms();
    if (status == CLARUS_OK && !slot->values &&
        !(slot->values = memory_alloc(q->context, q->value_count, sizeof *slot->values)))
        status = error_memory(&slot->error, p->path ? p->path : "picture");
    if (status == CLARUS_OK) {
        status = clarus_image_prepare(q->context, p->image ? p->image : decoded, &q->preprocess, q->width,
                                      q->height, slot->values, q->value_count, &slot->error);
        if (status != CLARUS_OK)
            error_prefix(&slot->error, "%s: ", p->path ? p->path : "picture");
    }
    clarus_image_free(decoded);
    slot->decode_ms = middle - start;
    slot->prepare_ms = clock_ms() - middle;
}

/* The lock is held at both ends and released while preparing. */
static void prepare_next(picture_queue *q)
{
    queued_picture *slot = &q->slots[q->next++ % q->capacity];
    pthread_mutex_unlock(&q->lock);
    prepare(q, slot);
    pthread_mutex_lock(&q->lock);
    slot->is_done = 1;
    pthread_cond_signal(&q->done);
}

static void *work(void *argument)
{
    picture_queue *q = argument;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    pthread_mutex_lock(&q->lock);
    while (!q->stopped) {
        if (q->next < q->end)
            prepare_next(q);
        else
            condition_wait(&q->work, &q->lock, 0);
    }
    pthread_mutex_unlock(&q->lock);
    cpu_float_env_leave(&env);
    return NULL;
}

clarus_status picture_queue_create(clarus_context *context, const clarus_preprocess *preprocess, size_t width,
                                   size_t height, size_t capacity, int threads, picture_queue **queue,
                                   clarus_error *error)
{
    size_t channels = preprocess->channels == CLARUS_CHANNELS_GRAY ? 1 : 3;
    *queue = NULL;
    picture_queue *q = memory_calloc(context, 1, sizeof *q);
    if (!q)
        return error_memory(error, "picture queue");
    q->context = context;
    q->preprocess = *preprocess;
    q->width = width;
    q->height = height;
    q->value_count = channels * width * height;
    q->capacity = capacity;
    q->slots = memory_calloc(context, capacity, sizeof *q->slots);
    q->workers = memory_calloc(context, (size_t)threads, sizeof *q->workers);
    q->has_lock = pthread_mutex_init(&q->lock, NULL) == 0;
    q->has_work = condition_init(&q->work);
    q->has_done = condition_init(&q->done);
    if (!q->slots || !q->workers || !q->has_lock || !q->has_work || !q->has_done) {
        picture_queue_free(q);
        return error_memory(error, "picture queue");
    }
    /* With fewer threads than asked for it is slower, with none picture_queue_wait does the work. */
    while (q->worker_count < threads && thread_start(&q->workers[q->worker_count], work, q))
        q->worker_count++;
    *queue = q;
    return CLARUS_OK;
}

clarus_status picture_queue_fill(picture_queue *q, clarus_source_fn source, void *user, clarus_error *error)
{
    while (!q->source_ended && q->end - q->first < q->capacity) {
        clarus_picture picture = {0};
        int more = source(user, &picture);
        if (more < 0)
            return error_set(error, CLARUS_E_CANCELLED, "classify: cancelled by the source");
        if (more == 0) {
            q->source_ended = 1;
            break;
        }
        queued_picture *slot = &q->slots[q->end % q->capacity];
        *slot = (queued_picture){.picture = picture, .values = slot->values};
        pthread_mutex_lock(&q->lock);
        q->end++;
        pthread_cond_signal(&q->work);
        pthread_mutex_unlock(&q->lock);
    }
    return CLARUS_OK;
}

size_t picture_queue_count(const picture_queue *q)
{
    return (size_t)(q->end - q->first);
}

const queued_picture *picture_queue_wait(picture_queue *q, size_t i, double until_ms)
{
    queued_picture *slot = &q->slots[(q->first + i) % q->capacity];
    int in_time = 1;
    pthread_mutex_lock(&q->lock);
    while (!slot->is_done && in_time) {
        if (q->worker_count == 0)
            prepare_next(q);
        else
            in_time = condition_wait(&q->done, &q->lock, until_ms);
    }
    int done = slot->is_done;
    pthread_mutex_unlock(&q->lock);
    return done ? slot : NULL;
}

void picture_queue_drop(picture_queue *q, size_t n)
{
    pthread_mutex_lock(&q->lock);
    q->first += n;
    pthread_mutex_unlock(&q->lock);
}

void picture_queue_free(picture_queue *q)
{
    if (!q)
        return;
    if (q->worker_count) {
        pthread_mutex_lock(&q->lock);
        q->stopped = 1;
        pthread_cond_broadcast(&q->work);
        pthread_mutex_unlock(&q->lock);
    }
    for (int i = 0; i < q->worker_count; i++)
        pthread_join(q->workers[i], NULL);
    if (q->has_lock)
        pthread_mutex_destroy(&q->lock);
    if (q->has_work)
        pthread_cond_destroy(&q->work);
    if (q->has_done)
        pthread_cond_destroy(&q->done);
    for (size_t i = 0; q->slots && i < q->capacity; i++)
        memory_free(q->context, q->slots[i].values);
    memory_free(q->context, q->slots);
    memory_free(q->context, q->workers);
    memory_free(q->context, q);
}
