/* Classifying: a queue of pictures that worker threads prepare ahead, and this thread, which asks the source,
 * runs the network on full batches while the workers go on, and gives results to the sink in order.
 *
 * A batch takes the oldest prepared pictures; those that failed take no place in it, but keep their place in
 * the order of results. A batch that is not full is filled up with zeros, or, where no session exists yet,
 * gets a session of just its size. No result depends on the batch: every operation treats pictures on their
 * own. */
#include "convert.h"
#include "cpu.h"
#include "deadline.h"
#include "device.h"
#include "model.h"
#include "picture_queue.h"
#include "scores.h"
#include "session.h"
#include "tensor.h"

#include <string.h>

enum { DEFAULT_TOP = 5, LARGEST_BATCH = 64, MOST_WORKERS = 64 };

typedef struct classifier {
    clarus_context *context;
    clarus_device *device;
    const clarus_model *model;
    const clarus_classify_options *options;
    clarus_preprocess preprocess;
    size_t width, height, channels;
    int64_t batch; /* pictures of a full batch */
    size_t window; /* pictures that the queue holds */
    size_t top;
    double until_ms; /* 0: no deadline */
    picture_queue *queue;
    clarus_sink_fn sink;
    void *sink_user;

    clarus_session *session;
    int64_t session_batch;
    clarus_tensor *input;
    clarus_tensor **outputs;
    size_t output_count;
    int64_t classes;
    scores *scores;
} classifier;

/* ---- what the model wants ---------------------------------------------------------------------- */

/* The input's channels, height and width; -1 where the model leaves them open. */
static clarus_status find_input(const clarus_model *model, int64_t size[3], clarus_error *error)
{
    size_t count = clarus_model_input_count(model);
    const clarus_value_info *input = clarus_model_input(model, 0);
    if (count != 1)
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "classify: the network has %zu inputs; one input of pictures is needed", count);
    if (input->rank != 4 || convert_computed(input->dtype) != CLARUS_FLOAT32)
        return error_set(
            error, CLARUS_E_UNSUPPORTED,
            "classify: input \"%s\" is %s of rank %zu; pictures need floating point of rank 4, NCHW",
            input->name, clarus_dtype_name(input->dtype), input->rank);
    memcpy(size, input->shape + 1, 3 * sizeof *size);
    if (size[0] != 1 && size[0] != 3 && size[0] != -1)
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "classify: input \"%s\" has %lld channels; pictures have 1 or 3 (NCHW)", input->name,
                         (long long)size[0]);
    return CLARUS_OK;
}

/* What torchvision's reference transforms do for a network of this size: large inputs are the centre of a
 * picture 8/7 as large, small ones the whole picture. */
static void default_preprocess(const int64_t size[3], clarus_preprocess *p)
{
    enum { SMALLEST_CROPPED = 64 };
    static const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    if (size[1] > 0 && size[2] > 0) {
        int64_t shorter = size[1] < size[2] ? size[1] : size[2];
        size_t height = (size_t)size[1], width = (size_t)size[2];
        if (shorter >= SMALLEST_CROPPED) {
            p->resize_short = (size_t)((shorter * 8 + 3) / 7);
            p->crop_height = height;
            p->crop_width = width;
        } else {
            p->resize_height = height;
            p->resize_width = width;
        }
    }
    if (size[0] == 1)
        return;
    p->has_mean = p->has_std = 1;
    memcpy(p->mean, mean, sizeof mean);
    memcpy(p->std, std, sizeof std);
}

clarus_status clarus_classify_preprocess(const clarus_model *model, clarus_preprocess *preprocess,
                                         clarus_error *error)
{
    int64_t size[3];
    if (!model || !preprocess)
        return error_set(error, CLARUS_E_ARGUMENT, "classify: a pointer is NULL");
    clarus_preprocess_init(preprocess);
    clarus_status status = find_input(model, size, error);
    if (status != CLARUS_OK)
        return status;
    if (!clarus_model_preprocess(model, preprocess))
        default_preprocess(size, preprocess);
    if (size[0] == 1)
        preprocess->channels = CLARUS_CHANNELS_GRAY;
    return CLARUS_OK;
}

/* Settles the input's size, from the model or, where that leaves it open, from the preprocessing. */
static clarus_status settle_input(classifier *c, clarus_error *error)
{
    int64_t size[3];
    size_t width = 0, height = 0;
    clarus_status status = find_input(c->model, size, error);
    if (status == CLARUS_OK && c->options->preprocess)
        c->preprocess = *c->options->preprocess;
    else if (status == CLARUS_OK)
        status = clarus_classify_preprocess(c->model, &c->preprocess, error);
    if (status != CLARUS_OK)
        return status;
    c->channels = c->preprocess.channels == CLARUS_CHANNELS_GRAY ? 1 : 3;
    if (size[0] > 0 && (size_t)size[0] != c->channels)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "classify: the network takes pictures of %lld channels, the preprocessing gives %zu",
                         (long long)size[0], c->channels);
    clarus_preprocess_output_size(&c->preprocess, &width, &height);
    c->height = size[1] > 0 ? (size_t)size[1] : height;
    c->width = size[2] > 0 ? (size_t)size[2] : width;
    if (!c->height || !c->width)
        return error_set(
            error, CLARUS_E_ARGUMENT,
            "classify: the network leaves the picture's size open; the preprocessing must fix it");
    if ((width && width != c->width) || (height && height != c->height))
        return error_set(error, CLARUS_E_ARGUMENT,
                         "classify: the preprocessing gives pictures of %zux%zu, the network takes %zux%zu",
                         width, height, c->width, c->height);
    return CLARUS_OK;
}

/* ---- sessions ---------------------------------------------------------------------------------- */

static void input_shape(const classifier *c, int64_t batch, clarus_shape *shape)
{
    *shape = (clarus_shape){.name = clarus_model_input(c->model, 0)->name,
                            .rank = 4,
                            .dims = {batch, (int64_t)c->channels, (int64_t)c->height, (int64_t)c->width}};
}

/* Multiply-adds of one picture; 0 if the graph cannot be made, which the session will say better. */
static uint64_t picture_macs(const classifier *c)
{
    uint64_t macs = 0;
    shape s = {.rank = 4, .dims = {1, (int64_t)c->channels, (int64_t)c->height, (int64_t)c->width}};
    lowered_graph *graph = NULL;
    if (model_lower(c->model, &s, &graph, NULL) != CLARUS_OK)
        return 0;
    for (size_t i = 0; i < graph->op_count; i++)
        macs += op_macs(graph, &graph->ops[i]);
    lowered_free(graph);
    return macs;
}

/* A batch of small networks keeps the device busy between launches; large ones fill it by themselves. */
static int64_t choose_batch(const classifier *c)
{
    const clarus_device_info *device = clarus_device_get_info(c->device);
    if (!model_batch_is_open(c->model))
        return clarus_model_input(c->model, 0)->shape[0];
    if (c->options->batch > 0)
        return c->options->batch;
    uint64_t wanted = device->type == CLARUS_DEVICE_GPU || device->type == CLARUS_DEVICE_ACCELERATOR
                          ? UINT64_C(64000000000)
                          : UINT64_C(4000000000);
    uint64_t macs = picture_macs(c);
    uint64_t batch = macs ? wanted / macs : 1;
    return batch < 1 ? 1 : batch > LARGEST_BATCH ? LARGEST_BATCH : (int64_t)batch;
}

static void close_session(classifier *c)
{
    clarus_tensor_free(c->input);
    clarus_session_free(c->session);
    c->input = NULL;
    c->session = NULL;
    c->session_batch = 0;
}

/* Whether every output can be cut into the batch's pictures. */
static int outputs_are_per_picture(const classifier *c, int64_t batch)
{
    for (size_t i = 0; i < c->output_count; i++) {
        const clarus_value_info *info = clarus_session_output(c->session, i);
        if (batch > 1 && (info->rank == 0 || info->shape[0] != batch))
            return 0;
    }
    return 1;
}

static clarus_status check_output(classifier *c, int64_t batch, clarus_error *error)
{
    const clarus_value_info *info = clarus_session_output(c->session, 0);
    shape s = {.rank = info->rank};
    int64_t count = 0;
    memcpy(s.dims, info->shape, sizeof s.dims);
    if (convert_computed(info->dtype) != CLARUS_FLOAT32)
        return error_set(error, CLARUS_E_UNSUPPORTED, "classify: output \"%s\" is %s, not floating point",
                         info->name, clarus_dtype_name(info->dtype));
    if (!shape_count(&s, &count) || batch < 1 || count < batch)
        return error_set(error, CLARUS_E_UNSUPPORTED, "classify: output \"%s\" holds no scores", info->name);
    c->classes = count / batch;
    if (c->options->label_count && (uint64_t)c->classes != c->options->label_count)
        return error_set(error, CLARUS_E_ARGUMENT, "classify: %zu labels for the network's %lld classes",
                         c->options->label_count, (long long)c->classes);
    if (c->scores)
        return CLARUS_OK;
    return scores_create(c->context, c->classes, !scores_are_softmax(session_graph(c->session), c->classes),
                         &c->scores, error);
}

static void free_outputs(classifier *c)
{
    for (size_t i = 0; i < c->output_count; i++) {
        clarus_tensor_free(c->outputs[i]);
        c->outputs[i] = NULL;
    }
}

/* Shapes that depend on values are known after a run, whatever the pictures. */
static clarus_status settle_shapes(classifier *c, clarus_error *error)
{
    const clarus_tensor *inputs[] = {c->input};
    if (clarus_session_is_planned(c->session))
        return CLARUS_OK;
    memset(c->input->data, 0, c->input->size_bytes);
    clarus_status status = clarus_session_run(c->session, inputs, 1, c->outputs, c->output_count, error);
    free_outputs(c);
    return status;
}

static clarus_status try_session(classifier *c, int64_t batch, clarus_error *error)
{
    clarus_session_options options;
    clarus_shape shape;
    input_shape(c, batch, &shape);
    clarus_session_options_init(&options);
    options.math = c->options->math;
    options.batch = batch;
    options.shapes = &shape;
    options.shape_count = 1;
    clarus_status status =
        clarus_session_create(c->context, c->device, c->model, &options, &c->session, error);
    if (status == CLARUS_OK)
        status = clarus_tensor_create(c->context, clarus_session_input(c->session, 0)->dtype, 4, shape.dims,
                                      &c->input, error);
    if (status == CLARUS_OK)
        status = settle_shapes(c, error);
    if (status != CLARUS_OK)
        close_session(c);
    c->session_batch = status == CLARUS_OK ? batch : 0;
    return status;
}

/* A session for `pictures` pictures or more. A batch of our own choice shrinks where memory does not suffice,
 * any batch becomes 1 where outputs do not grow with it. */
static clarus_status open_session(classifier *c, int64_t pictures, clarus_error *error)
{
    int is_open = model_batch_is_open(c->model);
    int64_t batch = is_open && c->batch > pictures && !c->session ? pictures : c->batch;
    close_session(c);
    clarus_status status = try_session(c, batch, error);
    while ((status == CLARUS_E_MEMORY || status == CLARUS_E_LIMIT) && is_open && !c->options->batch &&
           batch > 1) {
        c->batch = batch /= 2;
        status = try_session(c, batch, error);
    }
    if (status == CLARUS_OK && !outputs_are_per_picture(c, batch)) {
        if (!is_open)
            return error_set(error, CLARUS_E_UNSUPPORTED,
                             "classify: the first dimension of an output is not the batch of %lld",
                             (long long)batch);
        close_session(c);
        c->batch = batch = 1;
        status = try_session(c, batch, error);
    }
    return status == CLARUS_OK ? check_output(c, batch, error) : status;
}

/* ---- batches ----------------------------------------------------------------------------------- */

static void cancel_session(void *session)
{
    clarus_session_cancel(session);
}

static int deadline_passed(const classifier *c)
{
    return c->until_ms > 0 && clock_ms() >= c->until_ms;
}

static clarus_status error_timeout(const classifier *c, clarus_error *error)
{
    return error_set(error, CLARUS_E_TIMEOUT, "classify: not done after %llu ms",
                     (unsigned long long)c->options->deadline_ms);
}

/* Copies one prepared picture, or zeros, to its place in the input. */
static void fill_input(classifier *c, int64_t place, const float *values)
{
    size_t count = c->channels * c->height * c->width, size = count * clarus_dtype_size(c->input->dtype);
    char *to = (char *)c->input->data + (size_t)place * size;
    if (!values)
        memset(to, 0, size);
    else if (c->input->dtype == CLARUS_FLOAT32)
        memcpy(to, values, size);
    else
        convert_from_float(c->input->dtype, values, count, to);
}

static clarus_status run_session(classifier *c, clarus_error *error)
{
    const clarus_tensor *inputs[] = {c->input};
    deadline *deadline = NULL;
    clarus_status status = CLARUS_OK;
    if (c->until_ms > 0)
        status = deadline_create(c->context, c->until_ms, cancel_session, c->session, &deadline, error);
    if (status == CLARUS_OK)
        status = clarus_session_run(c->session, inputs, 1, c->outputs, c->output_count, error);
    deadline_free(deadline);
    return status == CLARUS_E_CANCELLED ? error_timeout(c, error) : status;
}

/* Runs the pictures without error among the oldest `count`, which fit in the session's batch. */
static clarus_status run_batch(classifier *c, size_t count, clarus_error *error)
{
    int64_t place = 0;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    for (size_t i = 0; i < count; i++) {
        const queued_picture *picture = picture_queue_wait(c->queue, i, 0);
        if (picture->error.status == CLARUS_OK)
            fill_input(c, place++, picture->values);
    }
    while (place < c->session_batch)
        fill_input(c, place++, NULL);
    clarus_status status = run_session(c, error);
    cpu_float_env_leave(&env);
    return status;
}

static const char *find_label(const classifier *c, int64_t index)
{
    const char *label = NULL;
    if (c->options->label_count)
        label = c->options->labels[index];
    else
        label = clarus_model_label(c->model, (size_t)index);
    return label ? label : "";
}

static clarus_status fill_result(classifier *c, int64_t place, clarus_result *result, clarus_error *error)
{
    clarus_score *best = NULL;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status = scores_sort(c->scores, c->outputs[0], place, &best, error);
    cpu_float_env_leave(&env);
    if (status != CLARUS_OK)
        return status;
    result->top_count = c->top < (size_t)c->classes ? c->top : (size_t)c->classes;
    for (size_t k = 0; k < result->top_count; k++)
        best[k].label = find_label(c, best[k].index);
    result->top = best;
    return clarus_tensors_digest((const clarus_tensor *const *)c->outputs, c->output_count, place,
                                 c->session_batch, &result->digest, error);
}

/* Gives the result of the i-th oldest picture to the sink; place: its place in the batch, if it is in it. */
static clarus_status deliver(classifier *c, size_t i, int64_t place, double infer_ms, clarus_error *error)
{
    const queued_picture *picture = picture_queue_wait(c->queue, i, 0);
    clarus_result result = {.picture = &picture->picture,
                            .error = picture->error,
                            .device = clarus_device_get_info(c->device),
                            .math = c->session ? clarus_session_math(c->session) : c->options->math,
                            .decode_ms = picture->decode_ms,
                            .prepare_ms = picture->prepare_ms};
    if (picture->error.status == CLARUS_OK) {
        result.infer_ms = infer_ms;
        clarus_status status = fill_result(c, place, &result, error);
        if (status != CLARUS_OK)
            return status;
    }
    if (c->sink(c->sink_user, &result) != 0)
        return error_set(error, CLARUS_E_CANCELLED, "classify: cancelled by the sink");
    return CLARUS_OK;
}

/* Waits for the oldest pictures until they fill a batch or no more are held: `count` of them, `good` without
 * error. */
static clarus_status gather(classifier *c, size_t *count, int64_t *good, clarus_error *error)
{
    size_t held = picture_queue_count(c->queue);
    *count = 0;
    *good = 0;
    while (*count < held && *good < c->batch) {
        const queued_picture *picture = picture_queue_wait(c->queue, *count, c->until_ms);
        if (!picture || deadline_passed(c))
            return error_timeout(c, error);
        if (picture->error.status == CLARUS_OK)
            ++*good;
        else if (*good == 0) { /* nothing before it: its result can go out at once */
            *count = 1;
            return CLARUS_OK;
        }
        ++*count;
    }
    return CLARUS_OK;
}

static clarus_status classify_oldest(classifier *c, clarus_error *error)
{
    size_t count = 0;
    int64_t good = 0, place = 0;
    clarus_status status = gather(c, &count, &good, error);
    if (status == CLARUS_OK && good > c->session_batch) {
        status = open_session(c, good, error);
        if (status == CLARUS_OK) /* the batch may have become smaller */
            status = gather(c, &count, &good, error);
    }
    double start = clock_ms();
    if (status == CLARUS_OK && good)
        status = run_batch(c, count, error);
    double infer_ms = good ? (clock_ms() - start) / (double)good : 0;
    for (size_t i = 0; i < count && status == CLARUS_OK; i++) {
        int in_batch = picture_queue_wait(c->queue, i, 0)->error.status == CLARUS_OK;
        status = deliver(c, i, in_batch ? place++ : 0, infer_ms, error);
    }
    free_outputs(c);
    if (status == CLARUS_OK)
        picture_queue_drop(c->queue, count);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static clarus_status check_options(const clarus_classify_options *options, clarus_error *error)
{
    if (options->struct_size != sizeof *options)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "classify options: struct_size is %zu, expected %zu (use the _init function)",
                         options->struct_size, sizeof *options);
    if (options->batch < 0 || options->batch > INT32_MAX)
        return error_set(error, CLARUS_E_ARGUMENT, "classify: a batch of %lld", (long long)options->batch);
    if (options->label_count && !options->labels)
        return error_set(error, CLARUS_E_ARGUMENT, "classify: labels are NULL");
    if (options->preprocess && options->preprocess->struct_size != sizeof *options->preprocess)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "preprocess: struct_size is %zu, expected %zu (use the _init function)",
                         options->preprocess->struct_size, sizeof *options->preprocess);
    return CLARUS_OK;
}

static clarus_status set_up(classifier *c, clarus_error *error)
{
    int threads = clarus_context_threads(c->context);
    if (threads > MOST_WORKERS)
        threads = MOST_WORKERS;
    size_t unsupported = clarus_model_unsupported_count(c->model);
    if (unsupported) /* before a picture is decoded */
        return error_set(error, CLARUS_E_UNSUPPORTED, "%s%s", clarus_model_unsupported(c->model, 0),
                         unsupported > 1 ? ", and more" : "");
    clarus_status status = settle_input(c, error);
    if (status != CLARUS_OK)
        return status;
    c->batch = choose_batch(c);
    c->top = c->options->top ? c->options->top : DEFAULT_TOP;
    c->output_count = clarus_model_output_count(c->model);
    c->outputs = memory_calloc(c->context, c->output_count, sizeof(clarus_tensor *));
    if (!c->outputs)
        return error_memory(error, "classify");
    /* One batch being computed, the next being prepared. */
    size_t capacity = 2 * (size_t)c->batch + 2 * (size_t)threads;
    return picture_queue_create(c->context, &c->preprocess, c->width, c->height, capacity, threads, &c->queue,
                                error);
}

static clarus_status classify_all(classifier *c, clarus_source_fn source, void *source_user,
                                  clarus_error *error)
{
    clarus_status status = set_up(c, error);
    while (status == CLARUS_OK) {
        status = picture_queue_fill(c->queue, source, source_user, error);
        if (status != CLARUS_OK || picture_queue_count(c->queue) == 0)
            break;
        status = classify_oldest(c, error);
    }
    picture_queue_free(c->queue);
    close_session(c);
    scores_free(c->scores);
    memory_free(c->context, c->outputs);
    return status;
}

clarus_status clarus_classify(clarus_context *context, clarus_device *device, const clarus_model *model,
                              const clarus_classify_options *options, clarus_source_fn source,
                              void *source_user, clarus_sink_fn sink, void *sink_user, clarus_error *error)
{
    clarus_classify_options defaults;
    clarus_classify_options_init(&defaults);
    if (!context || !device || !model || !source || !sink)
        return error_set(error, CLARUS_E_ARGUMENT, "classify: a pointer is NULL");
    clarus_status status = check_options(options ? options : &defaults, error);
    if (status != CLARUS_OK)
        return status;
    classifier c = {.context = context,
                    .device = device,
                    .model = model,
                    .options = options ? options : &defaults,
                    .sink = sink,
                    .sink_user = sink_user};
    if (c.options->deadline_ms)
        c.until_ms = clock_ms() + (double)c.options->deadline_ms;
    return classify_all(&c, source, source_user, error);
}
