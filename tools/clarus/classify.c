/* clarus classify: pictures in, labels out. */
#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "output.h"
#include "pictures.h"
#include "preprocess.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct job {
    common_options common;
    preprocess_options preprocess;
    const char *model_path, *labels_path, *output_path;
    long top, batch, max_pixels;
    int no_timing;
    clarus_context *context;
    clarus_device *device;
    clarus_model *model;
    clarus_labels *labels;
    pictures pictures;
    output output;
    size_t done, failed;
    double start, first; /* when classifying began, and when the first result came; seconds */
    int output_failed;
} job;

static const usage about = {
    .command = "classify",
    .arguments = "PATH...",
    .description =
        "Prints the likeliest labels of each picture. A PATH is a JPEG or PNG file, a folder (searched "
        "recursively for .jpg, .jpeg, .jpe, .jfif and .png, hidden ones left out, in the byte order of their "
        "paths), or - for a list of such paths on standard input, one a line. Results keep the order of the "
        "input. A picture that cannot be read costs one line; the rest goes on.",
    .examples = "  clarus classify cat.jpg\n"
                "  clarus classify --model resnet50/ --top 1 --csv --output labels.csv photos/\n"
                "  find . -name '*.png' | clarus classify --json -\n"
                "  clarus classify --model net.onnx --channels bgr --scale 1 --mean 104,117,123 .\n",
    .fewest = 1,
    .most = SIZE_MAX,
};

/* ---- results ----------------------------------------------------------------------------------- */

static void print_json(const job *j, const clarus_result *r)
{
    json out = {j->output.file, 0};
    json_open(&out, NULL, '{');
    json_text(&out, "path", r->picture->path);
    json_text(&out, "status", r->error.status == CLARUS_OK ? "ok" : "error");
    if (r->error.status != CLARUS_OK) {
        json_text(&out, "error", r->error.message);
        json_end(&out);
        return;
    }
    json_open(&out, "top", '[');
    for (size_t i = 0; i < r->top_count; i++) {
        json_open(&out, NULL, '{');
        json_integer(&out, "index", r->top[i].index);
        json_text(&out, "label", r->top[i].label);
        json_float(&out, "score", r->top[i].score);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    json_text(&out, "digest", r->digest.hex);
    json_text(&out, "device", r->device->name);
    json_text(&out, "math", math_name(r->math));
    json_integer(&out, "numerics", clarus_numerics_version());
    if (!j->no_timing) {
        json_open(&out, "ms", '{');
        json_fixed(&out, "decode", r->decode_ms, 3);
        json_fixed(&out, "prepare", r->prepare_ms, 3);
        json_fixed(&out, "infer", r->infer_ms, 3);
        json_close(&out, '}');
    }
    json_end(&out);
}

static const char csv_header[] = "path,status,rank,index,label,score,digest,error\r\n";

static void print_csv_rows(const job *j, const clarus_result *r)
{
    FILE *file = j->output.file;
    if (r->error.status != CLARUS_OK) {
        print_csv(file, r->picture->path);
        fputs(",error,,,,,,", file);
        print_csv(file, r->error.message);
        fputs("\r\n", file);
    }
    for (size_t i = 0; i < r->top_count; i++) {
        print_csv(file, r->picture->path);
        fprintf(file, ",ok,%zu,%lld,", i + 1, (long long)r->top[i].index);
        print_csv(file, r->top[i].label);
        fprintf(file, ",%.9g,%s,\r\n", (double)r->top[i].score, r->digest.hex);
    }
}

static void print_for_people(const job *j, const clarus_result *r)
{
    FILE *file = j->output.file;
    if (r->error.status != CLARUS_OK) {
        print_plain(file, r->error.message); /* begins with the path */
        putc('\n', file);
        return;
    }
    print_plain(file, r->picture->path);
    putc('\n', file);
    for (size_t i = 0; i < r->top_count; i++) {
        fprintf(file, "  %6.2f %%  ", 100 * (double)r->top[i].score);
        if (*r->top[i].label)
            print_plain(file, r->top[i].label);
        else
            fprintf(file, "class %lld", (long long)r->top[i].index);
        putc('\n', file);
    }
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int next_picture(void *user, clarus_picture *picture)
{
    job *j = user;
    return pictures_next(&j->pictures, &picture->path);
}

static int take_result(void *user, const clarus_result *result)
{
    job *j = user;
    output_begin(&j->output);
    if (j->common.json)
        print_json(j, result);
    else if (j->common.csv)
        print_csv_rows(j, result);
    else
        print_for_people(j, result);
    j->failed += result->error.status != CLARUS_OK;
    if (!j->done++)
        j->first = now_seconds();
    pictures_done(&j->pictures);
    j->output_failed = !output_flush(&j->output);
    progress_set_done(j->done);
    return j->output_failed || interrupt_seen();
}

/* ---- set-up ------------------------------------------------------------------------------------ */

/* What the network that comes with Clarus knows: its classes are few, so they are named. */
static void introduce_default_model(const job *j)
{
    char names[1024] = "";
    size_t count = clarus_model_label_count(j->model), used = 0;
    for (size_t i = 0; i < count && used < sizeof names; i++) {
        const char *label = clarus_model_label(j->model, i);
        used +=
            (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", label ? label : "?");
    }
    tell(&j->common, "Using the network that comes with Clarus; --model takes another.");
    tell(&j->common, "It knows %zu everyday things, and calls everything one of them: %s.", count, names);
}

static int open_model(job *j)
{
    const char *path = j->model_path ? j->model_path : clarus_default_model_path(j->context);
    if (!path) {
        complain(&j->common, "the network that comes with Clarus is not installed; name one with --model");
        return EXIT_MODEL;
    }
    j->model = common_runnable_model(&j->common, j->context, path);
    if (!j->model)
        return EXIT_MODEL;
    if (!j->model_path)
        introduce_default_model(j);
    return EXIT_OK;
}

static int open_labels(job *j)
{
    clarus_error error = {0};
    if (!j->labels_path || clarus_labels_load(j->context, j->labels_path, &j->labels, &error) == CLARUS_OK)
        return EXIT_OK;
    complain(&j->common, "--labels: %s", error.message);
    return EXIT_USAGE;
}

/* How long it took, which device ran, and why that one. A long wait for the first result is explained. */
static void summarise(const job *j)
{
    enum { LONG_WAIT_SECONDS = 2 };
    double seconds = now_seconds() - j->start, wait = j->done ? j->first - j->start : 0;
    const clarus_device_info *device = clarus_device_get_info(j->device);
    char failed[64] = "";
    if (j->failed)
        snprintf(failed, sizeof failed, ", %zu failed", j->failed);
    tell(&j->common, "%zu picture%s in %.1f s (%.1f a second)%s.", j->done, j->done == 1 ? "" : "s", seconds,
         seconds > 0 ? (double)j->done / seconds : 0, failed);
    if (wait > LONG_WAIT_SECONDS && device->type != CLARUS_DEVICE_REFERENCE)
        tell(&j->common,
             "%.1f s of it until the first result: a network's first run on a device compiles kernels, "
             "which are kept for the next.",
             wait);
    tell(&j->common, "Device: %s (%s)%s%s", device->name, device->platform, *device->reason ? ": " : "",
         device->reason);
}

static int classify(job *j)
{
    clarus_error error = {0};
    clarus_preprocess preprocess;
    clarus_classify_options options;
    clarus_classify_options_init(&options);
    int code = common_math(&j->common, &options.math);
    if (code == EXIT_OK)
        code = preprocess_apply(&j->preprocess, &j->common, j->model, &preprocess);
    if (code != EXIT_OK)
        return code;
    options.top = (size_t)j->top;
    options.batch = j->batch;
    options.preprocess = &preprocess;
    if (j->labels) {
        options.labels = clarus_labels_names(j->labels);
        options.label_count = clarus_labels_count(j->labels);
    }
    if (!pictures_open(&j->pictures, &j->common, j->pictures.arguments))
        return EXIT_USAGE;
    code = output_open(&j->output, &j->common, j->output_path);
    if (code != EXIT_OK)
        return code;
    if (j->common.csv)
        fputs(csv_header, j->output.file);
    progress_start(!j->common.quiet, "pictures", pictures_total(&j->pictures));
    j->start = now_seconds();
    clarus_status status =
        clarus_classify(j->context, j->device, j->model, &options, next_picture, j, take_result, j, &error);
    progress_stop();
    code = output_close(&j->output, status == CLARUS_OK || j->output_failed);
    if (code != EXIT_OK || status == CLARUS_E_CANCELLED)
        return code != EXIT_OK ? code : EXIT_PICTURES;
    if (status != CLARUS_OK) {
        complain(&j->common, "%s", error.message);
        return exit_code_of(status);
    }
    summarise(j);
    return j->failed || j->pictures.unreadable ? EXIT_PICTURES : EXIT_OK;
}

static int set_up_and_classify(job *j)
{
    j->context = common_context(&j->common, (uint64_t)j->max_pixels);
    if (!j->context)
        return EXIT_USAGE;
    int code = open_labels(j);
    if (code == EXIT_OK)
        code = open_model(j);
    if (code != EXIT_OK)
        return code;
    j->device = common_device(&j->common, j->context);
    return j->device ? classify(j) : EXIT_DEVICE;
}

int command_classify(int argc, char **argv)
{
    job j = {.common = {.command = about.command}, .top = 5};
    text_list paths;
    /* clang-format off */
    const option table[] = {
        {"Network", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"model", "PATH", OPTION_TEXT, &j.model_path, 0, 0,
         "an .onnx file, or a folder with model.onnx and optionally preprocessor_config.json and config.json "
         "(default: the network that comes with Clarus)"},
        {"labels", "FILE", OPTION_TEXT, &j.labels_path, 0, 0,
         "names of the classes: one a line, or a JSON array, or JSON with id2label (default: the model folder's)"},
        {"top", "K", OPTION_INTEGER, &j.top, 1, 1000000, "labels per picture (default 5)"},
        {"batch", "N", OPTION_INTEGER, &j.batch, 1, 65536,
         "pictures per run, where the network leaves that open; changes no result (default: chosen)"},
        PREPROCESS_OPTIONS(&j.preprocess),
        {"max-pixels", "N", OPTION_INTEGER, &j.max_pixels, 1, LONG_MAX,
         "refuse larger pictures, before memory is taken for them (default 134217728)"},
        {"Output", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"output", "FILE", OPTION_TEXT, &j.output_path, 0, 0,
         "write the results to FILE, whole or not at all (default: standard output)"},
        OPTION_JSON(&j.common),
        OPTION_CSV(&j.common),
        {"no-timing", NULL, OPTION_FLAG, &j.no_timing, 0, 0,
         "leave ms out of --json, so that two runs can be compared with cmp"},
        OPTION_MESSAGES(&j.common),
        {"Device", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        OPTION_DEVICE(&j.common),
        OPTION_MATH(&j.common),
        OPTION_THREADS(&j.common),
    };
    /* clang-format on */
    int code = options_parse(&about, table, sizeof table / sizeof *table, argc, argv, &paths);
    if (code == -1) {
        j.pictures.arguments = &paths;
        interrupt_watch(NULL);
        code = set_up_and_classify(&j);
    }
    pictures_close(&j.pictures);
    clarus_labels_free(j.labels);
    clarus_model_free(j.model);
    clarus_device_free(j.device);
    clarus_context_free(j.context);
    free(paths.items);
    return code;
}
