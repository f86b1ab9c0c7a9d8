/* clarus_classify through its interface: sources of every kind, order, cancelling, deadlines, refusals, lost
 * memory. The network is the mean of each channel, so that the answers are known. */
#include "clarus.h"
#include "onnx_builder.h"
#include "test.h"

#include <fenv.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static clarus_context *context;
static clarus_device *device;
static clarus_model *model;

enum { SIDE = 8, PIXELS = SIDE * SIDE, MOST = 64 };

/* [batch, channels, SIDE, SIDE] to the mean of each channel; with `last` as one more operator. */
static clarus_model *make_model(int64_t batch, int64_t channels, const char *last)
{
    builder b;
    clarus_model *m = NULL;
    clarus_error error = {0};
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 4, (int64_t[]){batch, channels, SIDE, SIDE});
    builder_node(&b, "GlobalAveragePool", "x", "mean");
    builder_node(&b, "Flatten", "mean", last ? "flat" : "y");
    if (last)
        builder_node(&b, last, "flat", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &m, &error) == CLARUS_OK, "%s", error.message);
    builder_free(&b);
    return m;
}

/* Picture i has one colour; its brightest channel is i mod 3. Every fifth is damaged bytes. */
typedef struct stream {
    size_t count, given, taken, cancel_source_at, cancel_sink_at;
    clarus_image *images[MOST];
    clarus_status statuses[MOST];
    int64_t best[MOST];
    size_t top_counts[MOST];
    clarus_digest digests[MOST];
    int order_ok, sink_round;
} stream;

static int is_damaged(size_t i)
{
    return i % 5 == 4;
}

static void make_images(stream *s, size_t count)
{
    *s = (stream){.count = count, .order_ok = 1, .cancel_source_at = SIZE_MAX, .cancel_sink_at = SIZE_MAX};
    for (size_t i = 0; i < count; i++) {
        uint8_t pixels[PIXELS * 3];
        clarus_error error = {0};
        for (size_t k = 0; k < sizeof pixels; k++)
            pixels[k] = k % 3 == i % 3 ? 200 : (uint8_t)(i * 2);
        CHECK(clarus_image_from_pixels(context, pixels, SIDE, SIDE, 3, SIDE * 3, &s->images[i], &error) ==
                  CLARUS_OK,
              "%s", error.message);
    }
}

static void free_images(stream *s)
{
    for (size_t i = 0; i < s->count; i++)
        clarus_image_free(s->images[i]);
}

static int source(void *user, clarus_picture *picture)
{
    stream *s = user;
    if (s->given == s->cancel_source_at)
        return -1;
    if (s->given == s->count)
        return 0;
    picture->user = (void *)(s->given + 1);
    if (is_damaged(s->given)) {
        picture->path = "damaged";
        picture->bytes = "no picture";
        picture->size_bytes = 10;
    } else {
        picture->image = s->images[s->given];
    }
    s->given++;
    return 1;
}

static int sink(void *user, const clarus_result *result)
{
    stream *s = user;
    size_t i = s->taken++;
    s->order_ok &= result->picture->user == (void *)(i + 1);
    s->statuses[i] = result->error.status;
    s->digests[i] = result->digest;
    s->top_counts[i] = result->top_count;
    s->best[i] = result->top_count ? result->top[0].index : -1;
    s->sink_round = fegetround();
    return i == s->cancel_sink_at;
}

static clarus_status classify(stream *s, const clarus_model *m, const clarus_classify_options *options,
                              clarus_error *error)
{
    *error = (clarus_error){0};
    return clarus_classify(context, device, m, options, source, s, sink, s, error);
}

static void answers_in_order(const clarus_model *m, int64_t batch, const stream *expected)
{
    stream s;
    clarus_error error;
    clarus_classify_options options;
    clarus_classify_options_init(&options);
    options.batch = batch;
    options.top = 2;
    make_images(&s, 37);
    CHECK(classify(&s, m, &options, &error) == CLARUS_OK, "%s", error.message);
    CHECK(s.taken == s.count && s.order_ok, "%zu of %zu results, in order: %d", s.taken, s.count, s.order_ok);
    for (size_t i = 0; i < s.count; i++) {
        if (is_damaged(i)) {
            CHECK(s.statuses[i] != CLARUS_OK && s.best[i] == -1, "picture %zu is damaged", i);
            continue;
        }
        CHECK(s.statuses[i] == CLARUS_OK && s.best[i] == (int64_t)(i % 3) && s.top_counts[i] == 2,
              "picture %zu: status %d, class %d", i, (int)s.statuses[i], (int)s.best[i]);
        if (expected)
            CHECK(strcmp(s.digests[i].hex, expected->digests[i].hex) == 0, "batch %d: picture %zu differs",
                  (int)batch, i);
    }
    free_images(&s);
}

static void no_result_depends_on_the_batch(void)
{
    stream alone;
    clarus_error error;
    clarus_model *fixed = make_model(1, 3, NULL), *four = make_model(4, 3, NULL);
    make_images(&alone, 37);
    CHECK(classify(&alone, fixed, NULL, &error) == CLARUS_OK, "%s", error.message);
    for (int64_t batch = 0; batch < 10; batch++)
        answers_in_order(model, batch, &alone);
    answers_in_order(fixed, 8, &alone);
    answers_in_order(four, 0, &alone); /* whole batches only: the last is filled up */
    free_images(&alone);
    clarus_model_free(fixed);
    clarus_model_free(four);
}

static void cancels(void)
{
    stream s;
    clarus_error error;
    clarus_classify_options options;
    clarus_classify_options_init(&options);
    options.batch = 2;
    make_images(&s, 40);
    s.cancel_sink_at = 5;
    CHECK(classify(&s, model, &options, &error) == CLARUS_E_CANCELLED && s.taken == 6, "%zu: %s", s.taken,
          error.message);
    free_images(&s);
    make_images(&s, 40);
    s.cancel_source_at = 30;
    CHECK(classify(&s, model, &options, &error) == CLARUS_E_CANCELLED && s.taken < 30 && s.order_ok,
          "%zu: %s", s.taken, error.message);
    free_images(&s);
}

static int slow_sink(void *user, const clarus_result *result)
{
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    return sink(user, result);
}

static void keeps_a_deadline(void)
{
    stream s;
    clarus_error error = {0};
    clarus_classify_options options;
    clarus_classify_options_init(&options);
    options.batch = 1;
    options.deadline_ms = 20;
    make_images(&s, 40);
    clarus_status status =
        clarus_classify(context, device, model, &options, source, &s, slow_sink, &s, &error);
    CHECK(status == CLARUS_E_TIMEOUT && s.taken < 40 && strstr(error.message, "20 ms"), "%zu taken: %s",
          s.taken, error.message);
    free_images(&s);
}

/* The caller's rounding is the caller's: it changes no result, and the sink finds it as it was. */
static void computes_in_the_default_environment(void)
{
    stream plain, rounded;
    clarus_error error;
    make_images(&plain, 7);
    make_images(&rounded, 7);
    CHECK(classify(&plain, model, NULL, &error) == CLARUS_OK, "%s", error.message);
    fesetround(FE_UPWARD);
    clarus_status status = classify(&rounded, model, NULL, &error);
    int after = fegetround();
    fesetround(FE_TONEAREST);
    CHECK(status == CLARUS_OK && after == FE_UPWARD && rounded.sink_round == FE_UPWARD, "%s; rounding %d, %d",
          error.message, after, rounded.sink_round);
    for (size_t i = 0; i < plain.count; i++)
        CHECK(strcmp(plain.digests[i].hex, rounded.digests[i].hex) == 0, "picture %zu", i);
    free_images(&plain);
    free_images(&rounded);
}

static float best_score;
static char best_label[32];

static int keep_best(void *user, const clarus_result *result)
{
    (void)user;
    best_score = result->top_count ? result->top[0].score : -1;
    snprintf(best_label, sizeof best_label, "%s", result->top_count ? result->top[0].label : "");
    return 0;
}

/* Channels 200, 0 and 0 of 255 as they are: the softmax is applied once, whether the network has it or not.
 */
static void applies_softmax_once(const char *last)
{
    static const char *const labels[] = {"red", "green", "blue"};
    stream s;
    clarus_error error = {0};
    clarus_preprocess preprocess;
    clarus_classify_options options;
    clarus_model *m = make_model(-1, 3, last);
    clarus_preprocess_init(&preprocess);
    preprocess.resize_width = preprocess.resize_height = SIDE;
    clarus_classify_options_init(&options);
    options.preprocess = &preprocess;
    options.labels = labels;
    options.label_count = 3;
    make_images(&s, 1);
    CHECK(clarus_classify(context, device, m, &options, source, &s, keep_best, &s, &error) == CLARUS_OK, "%s",
          error.message);
    CHECK(best_score > 0.522774f && best_score < 0.522778f && strcmp(best_label, "red") == 0, "%s: %.6f %s",
          last ? last : "no softmax", (double)best_score, best_label);
    options.label_count = 2;
    s.given = 0;
    CHECK(clarus_classify(context, device, m, &options, source, &s, keep_best, &s, &error) ==
              CLARUS_E_ARGUMENT,
          "two labels for three classes");
    free_images(&s);
    clarus_model_free(m);
}

static void chooses_preprocessing(void)
{
    clarus_error error = {0};
    clarus_preprocess p;
    clarus_model *grey = make_model(1, 1, NULL), *many = make_model(1, 5, NULL);
    CHECK(clarus_classify_preprocess(model, &p, &error) == CLARUS_OK, "%s", error.message);
    CHECK(p.resize_width == SIDE && p.resize_height == SIDE && !p.resize_short && !p.crop_width &&
              p.has_mean && p.mean[0] == 0.485 && p.std[2] == 0.225,
          "three channels of %d", SIDE);
    CHECK(clarus_classify_preprocess(grey, &p, &error) == CLARUS_OK, "%s", error.message);
    CHECK(p.channels == CLARUS_CHANNELS_GRAY && !p.has_mean && !p.has_std, "one channel");
    CHECK(clarus_classify_preprocess(many, &p, &error) == CLARUS_E_UNSUPPORTED, "five channels");
    clarus_model_free(grey);
    clarus_model_free(many);

    builder b;
    clarus_model *large = NULL;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 4, (int64_t[]){1, 3, 299, 224});
    builder_node(&b, "Relu", "x", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    CHECK(clarus_model_parse(context, b.bytes, b.size, &large, &error) == CLARUS_OK, "%s", error.message);
    CHECK(clarus_classify_preprocess(large, &p, &error) == CLARUS_OK && p.resize_short == 256 &&
              p.crop_height == 299 && p.crop_width == 224 && !p.resize_width,
          "299x224: short side %zu", p.resize_short);
    clarus_model_free(large);
    builder_free(&b);
}

/* An allocator that fails once, at the given call. */
static atomic_int calls, fail_at;

static void *counting_allocate(void *user, size_t size_bytes)
{
    (void)user;
    return atomic_fetch_add(&calls, 1) == atomic_load(&fail_at) ? NULL : malloc(size_bytes);
}

static void counting_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

/* Whatever allocation fails, the call fails or a picture does, and nothing leaks or hangs. */
static void survives_lost_memory(void)
{
    clarus_allocator allocator = {counting_allocate, counting_release, NULL};
    clarus_context_options options;
    clarus_context *normal = context;
    clarus_device *normal_device = device;
    int failures = 0, runs = 0, last = 0;
    clarus_context_options_init(&options);
    options.allocator = &allocator;
    options.threads = 2;
    atomic_store(&fail_at, -1);
    CHECK(clarus_context_create(&options, &context, NULL) == CLARUS_OK, "context");
    CHECK(clarus_device_open(context, "reference", &device, NULL) == CLARUS_OK, "device");
    clarus_model *m = make_model(-1, 3, NULL);
    for (int n = 0; n < 2000; n++) {
        stream s;
        clarus_error error;
        clarus_classify_options classify_options;
        clarus_classify_options_init(&classify_options);
        classify_options.batch = 2;
        make_images(&s, 4);
        atomic_store(&calls, 0);
        atomic_store(&fail_at, n);
        clarus_status status = classify(&s, m, &classify_options, &error);
        atomic_store(&fail_at, -1);
        last = atomic_load(&calls);
        for (size_t i = 0; i < s.taken; i++)
            failures += s.statuses[i] == CLARUS_E_MEMORY;
        failures += status == CLARUS_E_MEMORY;
        CHECK(status == CLARUS_OK || status == CLARUS_E_MEMORY, "call %d: %s", n, error.message);
        free_images(&s);
        runs++;
        if (n > last)
            break;
    }
    CHECK(failures > 10 && runs > last, "%d failures in %d runs of %d calls", failures, runs, last);
    clarus_model_free(m);
    clarus_device_free(device);
    clarus_context_free(context);
    context = normal;
    device = normal_device;
}

static void refuses(void)
{
    stream s;
    clarus_error error;
    clarus_classify_options options;
    clarus_model *strange = make_model(1, 3, "Frobnicate");
    make_images(&s, 1);
    CHECK(classify(&s, strange, NULL, &error) == CLARUS_E_UNSUPPORTED &&
              strstr(error.message, "Frobnicate") && s.given == 0,
          "%s", error.message);
    clarus_classify_options_init(&options);
    options.struct_size = 1;
    CHECK(classify(&s, model, &options, &error) == CLARUS_E_ARGUMENT, "struct_size");
    CHECK(clarus_classify(context, device, model, NULL, NULL, NULL, sink, &s, &error) == CLARUS_E_ARGUMENT,
          "no source");
    free_images(&s);
    clarus_model_free(strange);
}

int main(void)
{
    clarus_error error = {0};
    CHECK(clarus_context_create(NULL, &context, &error) == CLARUS_OK, "%s", error.message);
    CHECK(clarus_device_open(context, "reference", &device, &error) == CLARUS_OK, "%s", error.message);
    model = make_model(-1, 3, NULL);
    no_result_depends_on_the_batch();
    cancels();
    keeps_a_deadline();
    computes_in_the_default_environment();
    applies_softmax_once(NULL);
    applies_softmax_once("Softmax");
    chooses_preprocessing();
    survives_lost_memory();
    refuses();
    clarus_model_free(model);
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
