/* clarus bench: how fast a network runs on a device, and how far from the device's limit.
 *
 * The inputs are made, the first run (which compiles kernels on some drivers) is reported by itself, one more
 * warms up, and runs are timed one by one, from the call to the outputs in host memory, for the seconds asked
 * for, three at least. The device's fused multiply-add peak is measured twice before and once after, in the
 * same process; the median counts. */
#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "layers.h"
#include "output.h"
#include "shapes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const usage about = {
    .command = "bench",
    .arguments = "MODEL",
    .description =
        "Times a network on made-up inputs, run by run, from the call to the outputs in host memory, after "
        "one "
        "run that warms up. load_ms is reading the model, planning and packing; first_run_ms the first run; "
        "kernels that the cache lacks are compiled in either. gmacs are the network's own multiply-adds per "
        "batch, "
        "peak_gflops "
        "is measured on the device before and after, peak_bytes the most memory that the process held. A "
        "layer's limit is that peak or the bandwidth of a simple kernel that moves as many bytes, whichever "
        "is "
        "nearer; bytes are inputs, weights and output, each once. between_ms is what of a run's time the "
        "layers' "
        "times do not cover: launches, waiting, and inputs and outputs on their way.",
    .examples = "  clarus bench resnet50.onnx --batch 8\n"
                "  clarus bench net.onnx --layers --seconds 1 --json\n",
    .fewest = 1,
    .most = 1,
};

enum { MOST_RUNS = 1 << 20, FEWEST_RUNS = 3, PEAKS = 3 };

typedef struct benchmark {
    common_options common;
    const char *path, *output_path;
    long batch;
    double seconds;
    text_list shape_texts;
    int layers;
    clarus_context *context;
    clarus_device *device;
    clarus_model *model;
    clarus_session *session;
    clarus_shape *shapes;
    clarus_tensor **inputs, **outputs;
    size_t input_count, output_count;
    double *runs, peaks[PEAKS];
    size_t run_count, peak_count;
    double load_ms, first_run_ms;
    output output;
} benchmark;

static clarus_session *volatile interrupted_session;

static void cancel(void)
{
    if (interrupted_session)
        clarus_session_cancel(interrupted_session);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts; NAN if there are none. */
static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    if (count == 0)
        return (double)NAN;
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The most memory that the process ever held, or 0. */
static unsigned long long peak_bytes(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %llu kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}

/* ---- inputs ------------------------------------------------------------------------------------ */

/* The same numbers at every run, between -1 and 1 like prepared pictures; other types stay zero, which is a
 * valid index. */
static void fill(clarus_tensor *tensor)
{
    uint32_t state = 1;
    float *values = clarus_tensor_data(tensor);
    if (clarus_tensor_dtype(tensor) != CLARUS_FLOAT32)
        return;
    for (size_t i = 0; i < clarus_tensor_count(tensor); i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
}

/* A session waits with open dimensions for its first inputs; here they are made up. */
static int check_shape(const benchmark *b, const clarus_value_info *info)
{
    for (size_t i = 0; i < info->rank; i++)
        if (info->shape[i] < 0) {
            complain(&b->common, "input \"%s\": dimension %zu is open and needs a value (--shape)",
                     info->name, i);
            return EXIT_USAGE;
        }
    return EXIT_OK;
}

static int make_inputs(benchmark *b)
{
    b->input_count = clarus_model_input_count(b->model);
    b->output_count = clarus_model_output_count(b->model);
    b->inputs = calloc(b->input_count + 1, sizeof(clarus_tensor *));
    b->outputs = calloc(b->output_count + 1, sizeof(clarus_tensor *));
    b->runs = calloc(MOST_RUNS, sizeof *b->runs);
    if (!b->inputs || !b->outputs || !b->runs) {
        complain(&b->common, "out of memory");
        return EXIT_MODEL;
    }
    for (size_t i = 0; i < b->input_count; i++) {
        clarus_error error = {0};
        const clarus_value_info *info = clarus_session_input(b->session, i);
        int code = check_shape(b, info);
        if (code != EXIT_OK)
            return code;
        clarus_status status =
            clarus_tensor_create(b->context, info->dtype, info->rank, info->shape, &b->inputs[i], &error);
        if (status != CLARUS_OK) {
            complain(&b->common, "input \"%s\": %s", info->name, error.message);
            return exit_code_of(status);
        }
        fill(b->inputs[i]);
    }
    return EXIT_OK;
}

/* ---- measuring --------------------------------------------------------------------------------- */

static int open_session(benchmark *b)
{
    clarus_error error = {0};
    clarus_session_options options;
    double start = now_ms();
    b->model = common_runnable_model(&b->common, b->context, b->path);
    if (!b->model)
        return EXIT_MODEL;
    clarus_session_options_init(&options);
    int code = shapes_parse(&b->common, b->model, &b->shape_texts, &b->shapes);
    if (code == EXIT_OK)
        code = common_math(&b->common, &options.math);
    if (code != EXIT_OK)
        return code;
    options.batch = b->batch;
    options.shapes = b->shapes;
    options.shape_count = b->shape_texts.count;
    clarus_status status =
        clarus_session_create(b->context, b->device, b->model, &options, &b->session, &error);
    b->load_ms = now_ms() - start;
    if (status != CLARUS_OK)
        complain(&b->common, "%s", error.message);
    return exit_code_of(status);
}

/* The first dimension of the first input. */
static int64_t session_batch(const benchmark *b)
{
    const clarus_value_info *info = clarus_session_input(b->session, 0);
    return info && info->rank ? info->shape[0] : 1;
}

/* Not every device tells its peak: the reference does not. */
static void measure_peak(benchmark *b)
{
    double gflops = 0;
    if (clarus_device_peak(b->device, &gflops, NULL) == CLARUS_OK)
        b->peaks[b->peak_count++] = gflops;
}

static int run_once(benchmark *b, double *ms)
{
    clarus_error error = {0};
    double start = now_ms();
    clarus_status status = clarus_session_run(b->session, (const clarus_tensor *const *)b->inputs,
                                              b->input_count, b->outputs, b->output_count, &error);
    *ms = now_ms() - start;
    for (size_t i = 0; i < b->output_count; i++) {
        clarus_tensor_free(b->outputs[i]);
        b->outputs[i] = NULL;
    }
    if (status != CLARUS_OK)
        complain(&b->common, "%s", error.message);
    return exit_code_of(status);
}

static int measure(benchmark *b)
{
    double warm_up;
    int code = run_once(b, &b->first_run_ms);
    if (code == EXIT_OK)
        code = run_once(b, &warm_up);
    if (code != EXIT_OK)
        return code;
    measure_peak(b);
    measure_peak(b);
    double end = now_ms() + b->seconds * 1e3;
    while (code == EXIT_OK && b->run_count < MOST_RUNS && (now_ms() < end || b->run_count < FEWEST_RUNS))
        code = run_once(b, &b->runs[b->run_count++]);
    measure_peak(b);
    return code;
}

/* ---- reporting --------------------------------------------------------------------------------- */

typedef struct figures {
    double ms_min, ms_median, gmacs, gflops, peak; /* peak NAN: not known */
    int64_t batch;
    unsigned long long peak_bytes;
    double layers_ms; /* with --layers: their times added up */
} figures;

static void derive(benchmark *b, figures *f)
{
    f->ms_median = median(b->runs, b->run_count);
    f->ms_min = b->runs[0];
    f->batch = session_batch(b);
    f->gmacs = (double)clarus_session_macs(b->session) * 1e-9;
    f->gflops = 2 * f->gmacs / (f->ms_median * 1e-3);
    f->peak = median(b->peaks, b->peak_count);
    f->peak_bytes = peak_bytes();
}

static void print_json(const benchmark *b, const figures *f)
{
    json out = {b->output.file, 0};
    json_open(&out, NULL, '{');
    json_text(&out, "model", b->path);
    json_text(&out, "device", clarus_session_device(b->session)->name);
    json_text(&out, "math", math_name(clarus_session_math(b->session)));
    json_integer(&out, "batch", f->batch);
    json_fixed(&out, "ms_min", f->ms_min, 4);
    json_fixed(&out, "ms_median", f->ms_median, 4);
    json_fixed(&out, "images_per_s", (double)f->batch * 1e3 / f->ms_median, 2);
    json_fixed(&out, "gmacs", f->gmacs, 6);
    json_fixed(&out, "gflops", f->gflops, 3);
    json_fixed(&out, "peak_gflops", f->peak, 2);
    json_fixed(&out, "fraction_of_peak", f->gflops / f->peak, 4);
    json_unsigned(&out, "launches", clarus_session_launches(b->session));
    if (b->layers) {
        json_fixed(&out, "layers_ms", f->layers_ms, 4);
        json_fixed(&out, "between_ms", f->ms_median - f->layers_ms, 4);
    }
    json_fixed(&out, "load_ms", b->load_ms, 2);
    json_fixed(&out, "first_run_ms", b->first_run_ms, 2);
    json_unsigned(&out, "peak_bytes", f->peak_bytes);
    json_unsigned(&out, "runs", b->run_count);
    json_end(&out);
}

static void print_csv_table(const benchmark *b, const figures *f)
{
    FILE *file = b->output.file;
    fputs("model,device,math,batch,ms_min,ms_median,images_per_s,gmacs,gflops,peak_gflops,fraction_of_peak,"
          "launches,load_ms,first_run_ms,peak_bytes\r\n",
          file);
    print_csv(file, b->path);
    putc(',', file);
    print_csv(file, clarus_session_device(b->session)->name);
    fprintf(file, ",%s,%lld,%.4f,%.4f,%.2f,%.6f,%.3f,", math_name(clarus_session_math(b->session)),
            (long long)f->batch, f->ms_min, f->ms_median, (double)f->batch * 1e3 / f->ms_median, f->gmacs,
            f->gflops);
    if (b->peak_count)
        fprintf(file, "%.2f,%.4f", f->peak, f->gflops / f->peak);
    else
        putc(',', file);
    fprintf(file, ",%llu,%.2f,%.2f,%llu\r\n", (unsigned long long)clarus_session_launches(b->session),
            b->load_ms, b->first_run_ms, f->peak_bytes);
}

static void print_for_people(const benchmark *b, const figures *f)
{
    FILE *file = b->output.file;
    print_plain(file, b->path);
    fputs(" on ", file);
    print_plain(file, clarus_session_device(b->session)->name);
    fprintf(file, ", %s, batch %lld\n", math_name(clarus_session_math(b->session)), (long long)f->batch);
    fprintf(file, "  time        %.3f ms (median of %zu runs; fastest %.3f ms)\n", f->ms_median, b->run_count,
            f->ms_min);
    fprintf(file, "  throughput  %.1f a second\n", (double)f->batch * 1e3 / f->ms_median);
    fprintf(file, "  arithmetic  %.3f G multiply-adds, %.1f GFLOP/s", f->gmacs, f->gflops);
    if (b->peak_count)
        fprintf(file, ", %.1f %% of the device's %.1f", 100 * f->gflops / f->peak, f->peak);
    fprintf(file, "\n  launches    %llu\n", (unsigned long long)clarus_session_launches(b->session));
    if (b->layers)
        fprintf(file, "  layers      %.3f ms one by one, %.3f ms (%.1f %%) of a run's time is not in them\n",
                f->layers_ms, f->ms_median - f->layers_ms, 100 - 100 * f->layers_ms / f->ms_median);
    fprintf(file, "  loading     %.1f ms, first run %.1f ms\n", b->load_ms, b->first_run_ms);
    fprintf(file, "  memory      %.1f MiB at most\n", (double)f->peak_bytes / (1 << 20));
}

static int report_layers(const benchmark *b, figures *f)
{
    layers layers = {0};
    int code = layers_measure(&b->common, b->device, b->session, (const clarus_tensor *const *)b->inputs,
                              b->input_count, f->peak, &layers);
    f->layers_ms = layers.ms;
    if (code == EXIT_OK)
        layers_print(&layers, &b->common, f->peak, b->output.file);
    free(layers.items);
    return code;
}

static int report(benchmark *b)
{
    figures f = {0};
    derive(b, &f);
    int code = output_open(&b->output, &b->common, b->output_path);
    if (code != EXIT_OK)
        return code;
    if (b->layers)
        code = report_layers(b, &f);
    if (b->common.json)
        print_json(b, &f);
    else if (!b->common.csv)
        print_for_people(b, &f);
    else if (!b->layers)
        print_csv_table(b, &f);
    int written = output_close(&b->output, code == EXIT_OK);
    return written != EXIT_OK ? written : code;
}

static int set_up_and_measure(benchmark *b)
{
    b->context = common_context(&b->common, 0);
    if (!b->context)
        return EXIT_USAGE;
    b->device = common_device(&b->common, b->context);
    if (!b->device)
        return EXIT_DEVICE;
    int code = open_session(b);
    if (code == EXIT_OK)
        code = make_inputs(b);
    if (code != EXIT_OK)
        return code;
    interrupted_session = b->session;
    interrupt_watch(cancel);
    code = measure(b);
    return code == EXIT_OK ? report(b) : code;
}

static void free_all(benchmark *b)
{
    interrupted_session = NULL;
    for (size_t i = 0; b->inputs && i < b->input_count; i++)
        clarus_tensor_free(b->inputs[i]);
    free(b->inputs);
    free(b->outputs);
    free(b->runs);
    free(b->shapes);
    clarus_session_free(b->session);
    clarus_model_free(b->model);
    clarus_device_free(b->device);
    clarus_context_free(b->context);
    free(b->shape_texts.items);
}

int command_bench(int argc, char **argv)
{
    benchmark b = {.common = {.command = about.command}, .seconds = 3};
    text_list paths;
    /* clang-format off */
    const option table[] = {
        {"Measurement", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"batch", "N", OPTION_INTEGER, &b.batch, 1, 65536,
         "pictures per run, where the network leaves that open (default 1)"},
        {"seconds", "S", OPTION_NUMBER, &b.seconds, 0, 86400, "how long to measure (default 3; three runs at least)"},
        {"shape", "NAME=AxBxC", OPTION_LIST, &b.shape_texts, 0, 0,
         "the shape of an input with other open dimensions; may be repeated"},
        {"layers", NULL, OPTION_FLAG, &b.layers, 0, 0,
         "print a line per layer first, each timed by itself, with its share of its limit; with --csv only these"},
        {"Output", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"output", "FILE", OPTION_TEXT, &b.output_path, 0, 0,
         "write the figures to FILE, whole or not at all (default: standard output)"},
        OPTION_JSON(&b.common),
        OPTION_CSV(&b.common),
        OPTION_MESSAGES(&b.common),
        {"Device", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        OPTION_DEVICE(&b.common),
        OPTION_MATH(&b.common),
        OPTION_THREADS(&b.common),
    };
    /* clang-format on */
    int code = options_parse(&about, table, sizeof table / sizeof *table, argc, argv, &paths);
    if (code == -1) {
        b.path = paths.items[0];
        code = set_up_and_measure(&b);
    }
    free_all(&b);
    free(paths.items);
    return code;
}
