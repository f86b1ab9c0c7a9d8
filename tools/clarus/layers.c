/* Bandwidth is measured once for each kind of traffic that occurs: as many bytes as the next power of two,
 * with 1, 4, 16, ... bytes read for each that is written. */
#include "layers.h"
#include "json.h"
#include "output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { SIZES = 29, RATIOS = 8 };

static const uint64_t least_bytes = 4096;

typedef struct bandwidths {
    clarus_device *device;
    double gbytes_per_s[SIZES][RATIOS]; /* 0: not measured yet */
} bandwidths;

static double bandwidth_of(bandwidths *known, const clarus_layer_time *time)
{
    uint64_t total = least_bytes, wanted = time->read_bytes + time->written_bytes;
    double read_per_written = (double)time->read_bytes / (double)(time->written_bytes + 1), ratio = 1;
    int s = 0, r = 0;
    for (; total < wanted && s + 1 < SIZES; s++)
        total *= 2;
    for (; read_per_written > 2 * ratio && r + 1 < RATIOS; r++)
        ratio *= 4;
    if (known->gbytes_per_s[s][r] == 0) {
        uint64_t written = (uint64_t)((double)total / (ratio + 1));
        double *found = &known->gbytes_per_s[s][r];
        if (clarus_device_bandwidth(known->device, total - written, written, found, NULL) != CLARUS_OK)
            *found = (double)NAN;
    }
    return known->gbytes_per_s[s][r];
}

static layer make_layer(const clarus_layer_time *time, double peak, bandwidths *known)
{
    uint64_t bytes = time->read_bytes + time->written_bytes;
    layer l = {.time = time, .bandwidth = (double)NAN, .fraction_of_limit = (double)NAN};
    if (!(time->ms > 0))
        return l;
    l.gflops = 2e-6 * (double)time->macs / time->ms;
    l.gbytes_per_s = 1e-6 * (double)bytes / time->ms;
    l.bandwidth = bytes ? bandwidth_of(known, time) : (double)NAN;
    double of_peak = l.gflops / peak, of_bandwidth = l.gbytes_per_s / l.bandwidth;
    l.is_memory = !(of_peak > of_bandwidth);
    l.fraction_of_limit = l.is_memory ? of_bandwidth : of_peak;
    return l;
}

int layers_measure(const common_options *common, clarus_device *device, clarus_session *session,
                   const clarus_tensor *const *inputs, size_t input_count, double peak, layers *layers)
{
    const clarus_layer_time *times = NULL;
    bandwidths known = {.device = device};
    clarus_error error = {0};
    clarus_status status =
        clarus_session_profile(session, inputs, input_count, &times, &layers->count, &error);
    if (status != CLARUS_OK) {
        complain(common, "--layers: %s", error.message);
        return exit_code_of(status);
    }
    layers->items = calloc(layers->count + 1, sizeof *layers->items);
    if (!layers->items) {
        complain(common, "out of memory");
        return EXIT_MODEL;
    }
    for (size_t i = 0; i < layers->count; i++) {
        layers->items[i] = make_layer(&times[i], peak, &known);
        layers->ms += times[i].ms;
    }
    return EXIT_OK;
}

/* ---- printing ---------------------------------------------------------------------------------- */

static const char *limit_name(const layer *l)
{
    return l->is_memory ? "memory" : "fma";
}

static void print_json(const layer *l, double peak, FILE *file)
{
    json out = {file, 0};
    json_open(&out, NULL, '{');
    json_text(&out, "layer", l->time->name);
    json_text(&out, "kernel", l->time->kernel);
    json_fixed(&out, "ms", l->time->ms, 6);
    json_unsigned(&out, "macs", l->time->macs);
    json_unsigned(&out, "bytes", l->time->read_bytes + l->time->written_bytes);
    json_fixed(&out, "gflops", l->gflops, 3);
    json_fixed(&out, "fraction_of_peak", l->gflops / peak, 4);
    json_fixed(&out, "gbytes_per_s", l->gbytes_per_s, 6);
    json_fixed(&out, "bandwidth_gbytes_per_s", l->bandwidth, 3);
    if (isfinite(l->fraction_of_limit))
        json_text(&out, "limit", limit_name(l));
    else
        json_null(&out, "limit");
    json_fixed(&out, "fraction_of_limit", l->fraction_of_limit, 6);
    json_end(&out);
}

/* A field that is empty where the number is not known. */
static void print_csv_number(double value, int decimals, FILE *file)
{
    putc(',', file);
    if (isfinite(value))
        fprintf(file, "%.*f", decimals, value);
}

static void print_csv_row(const layer *l, double peak, FILE *file)
{
    uint64_t bytes = l->time->read_bytes + l->time->written_bytes;
    print_csv(file, l->time->name);
    putc(',', file);
    print_csv(file, l->time->kernel);
    fprintf(file, ",%.6f,%" PRIu64 ",%" PRIu64, l->time->ms, l->time->macs, bytes);
    print_csv_number(l->gflops, 3, file);
    print_csv_number(l->gflops / peak, 4, file);
    print_csv_number(l->gbytes_per_s, 6, file);
    print_csv_number(l->bandwidth, 3, file);
    fprintf(file, ",%s", isfinite(l->fraction_of_limit) ? limit_name(l) : "");
    print_csv_number(l->fraction_of_limit, 6, file);
    fputs("\r\n", file);
}

static void print_row(const layer *l, FILE *file)
{
    double bytes = (double)(l->time->read_bytes + l->time->written_bytes);
    fprintf(file, "%10.4f %8.1f %9.3f %8.1f  ", l->time->ms, l->gflops, bytes * 1e-6, l->gbytes_per_s);
    if (isfinite(l->fraction_of_limit))
        fprintf(file, "%5.1f %% %-6s", 100 * l->fraction_of_limit, limit_name(l));
    else
        fprintf(file, "%14s", "");
    fprintf(file, "  %-14s ", l->time->kernel);
    print_plain(file, l->time->name);
    putc('\n', file);
}

void layers_print(const layers *layers, const common_options *common, double peak, FILE *file)
{
    if (common->csv)
        fputs("layer,kernel,ms,macs,bytes,gflops,fraction_of_peak,gbytes_per_s,bandwidth_gbytes_per_s,limit,"
              "fraction_of_limit\r\n",
              file);
    else if (!common->json)
        fprintf(file, "%10s %8s %9s %8s  %-14s  %-14s %s\n", "ms", "GFLOP/s", "MB", "GB/s", "of its limit",
                "kernel", "layer");
    for (size_t i = 0; i < layers->count; i++) {
        if (common->json)
            print_json(&layers->items[i], peak, file);
        else if (common->csv)
            print_csv_row(&layers->items[i], peak, file);
        else
            print_row(&layers->items[i], file);
    }
}
