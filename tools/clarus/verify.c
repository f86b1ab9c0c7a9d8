/* clarus verify: every kernel against the reference, bit for bit, on one device or all. */
#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "output.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const usage about = {
    .command = "verify",
    .arguments = "",
    .description = "Runs every kernel on many shapes and compares the results with those of the reference, "
                   "bit for bit. Ends "
                   "with 5 if any differed.",
    .examples = "  clarus verify\n"
                "  clarus verify --device all --json\n",
    .most = 0,
};

typedef struct verification {
    common_options common;
    const char *output_path;
    output output;
    const clarus_device_info *device;
    size_t tests, differed;
} verification;

static void print_json(const verification *v, const clarus_verify_line *line)
{
    json out = {v->output.file, 0};
    json_open(&out, NULL, '{');
    json_text(&out, "device", v->device->name);
    json_text(&out, "kernel", line->kernel);
    json_text(&out, "test", line->test);
    json_bool(&out, "equal", line->equal);
    json_text(&out, "detail", line->detail);
    json_integer(&out, "numerics", clarus_numerics_version());
    json_end(&out);
}

static int take_line(void *user, const clarus_verify_line *line)
{
    verification *v = user;
    FILE *file = v->output.file;
    output_begin(&v->output);
    v->tests++;
    v->differed += !line->equal;
    if (v->common.json)
        print_json(v, line);
    else
        fprintf(file, "%-8s %-10s %s%s%s\n", line->equal ? "equal" : "DIFFERS", line->kernel, line->test,
                *line->detail ? ": " : "", line->detail);
    progress_set_done(v->tests);
    return !output_flush(&v->output) || interrupt_seen();
}

static int verify_device(verification *v, clarus_context *context, clarus_device *device)
{
    clarus_error error = {0};
    v->device = clarus_device_get_info(device);
    v->tests = v->differed = 0;
    progress_start(!v->common.quiet, "tests", 0);
    clarus_status status = clarus_verify(context, device, take_line, v, &error);
    progress_stop();
    if (status == CLARUS_E_CANCELLED)
        return EXIT_OK; /* by a signal or a full disk, which are reported elsewhere */
    if (status != CLARUS_OK && status != CLARUS_E_MISMATCH) {
        complain(&v->common, "%s: %s", v->device->name, error.message);
        return status == CLARUS_E_UNSUPPORTED ? EXIT_DEVICE : exit_code_of(status);
    }
    if (v->differed)
        tell(&v->common, "%s: %zu of %zu tests differ from the reference.", v->device->name, v->differed,
             v->tests);
    else
        tell(&v->common, "%s: all %zu tests equal the reference bit for bit.", v->device->name, v->tests);
    return exit_code_of(status);
}

/* A device that failed its self-test is named and left out: that is not a comparison of this run. */
static int verify_all(verification *v, clarus_context *context)
{
    clarus_device_list *list = NULL;
    clarus_error error = {0};
    int code = EXIT_OK;
    size_t verified = 0;
    if (clarus_device_list_create(context, &list, &error) != CLARUS_OK) {
        complain(&v->common, "%s", error.message);
        return EXIT_DEVICE;
    }
    for (size_t i = 0; i < clarus_device_list_count(list) && !interrupt_seen(); i++) {
        const clarus_device_info *info = clarus_device_list_get(list, i);
        char index[16];
        clarus_device *device = NULL;
        snprintf(index, sizeof index, "%d", info->index);
        if (info->type == CLARUS_DEVICE_REFERENCE) /* what the others are compared with */
            continue;
        if (clarus_device_open(context, index, &device, &error) != CLARUS_OK) {
            complain(&v->common, "left out: %s", error.message);
            continue;
        }
        int result = verify_device(v, context, device);
        code = result != EXIT_OK ? result : code;
        verified++;
        clarus_device_free(device);
    }
    if (!verified && !interrupt_seen()) {
        const char *advice = clarus_device_list_advice(list);
        complain(&v->common, "no usable device%s%s", *advice ? ": " : "", advice);
        code = EXIT_DEVICE;
    }
    clarus_device_list_free(list);
    return code;
}

static int verify(verification *v, clarus_context *context)
{
    if (v->common.device && strcmp(v->common.device, "all") == 0)
        return verify_all(v, context);
    clarus_device *device = common_device(&v->common, context);
    int code = device ? verify_device(v, context, device) : EXIT_DEVICE;
    clarus_device_free(device);
    return code;
}

int command_verify(int argc, char **argv)
{
    verification v = {.common = {.command = about.command}};
    text_list none;
    /* clang-format off */
    const option table[] = {
        {"Device", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"device", "D", OPTION_TEXT, &v.common.device, 0, 0,
         "all, or what every command takes: auto, an index of 'clarus devices', or part of a device's or platform's "
         "name (default: CLARUS_DEVICE, else auto)"},
        OPTION_THREADS(&v.common),
        {"Output", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"output", "FILE", OPTION_TEXT, &v.output_path, 0, 0,
         "write the lines to FILE, whole or not at all (default: standard output)"},
        OPTION_JSON(&v.common),
        OPTION_MESSAGES(&v.common),
    };
    /* clang-format on */
    int code = options_parse(&about, table, sizeof table / sizeof *table, argc, argv, &none);
    free(none.items);
    if (code != -1)
        return code;
    clarus_context *context = common_context(&v.common, 0);
    if (!context)
        return EXIT_USAGE;
    interrupt_watch(NULL);
    code = output_open(&v.output, &v.common, v.output_path);
    if (code == EXIT_OK) {
        code = verify(&v, context);
        int written = output_close(&v.output, !interrupt_seen());
        code = written != EXIT_OK ? written : code;
    }
    clarus_context_free(context);
    return code;
}
