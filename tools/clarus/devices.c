/* clarus devices: what is there, what passed its self-test, which one `auto` takes and why. */
#include "command.h"
#include "json.h"
#include "output.h"

#include <limits.h>
#include <stdlib.h>

static const usage about = {
    .command = "devices",
    .arguments = "",
    .description =
        "Examines every device that the OpenCL loader shows, best first, and the reference, which is plain C "
        "and slow. One that failed works but gives other bits than docs/numerics.md specifies; one that is "
        "unusable does not work at all. The device marked * is what --device auto takes. Ends with 4 if "
        "there is "
        "none.",
    .most = 0,
};

typedef struct listing {
    common_options common;
    const char *output_path;
    output output;
} listing;

static const char *type_name(clarus_device_type type)
{
    static const char *const names[] = {
        [CLARUS_DEVICE_REFERENCE] = "reference",
        [CLARUS_DEVICE_CPU] = "cpu",
        [CLARUS_DEVICE_GPU] = "gpu",
        [CLARUS_DEVICE_ACCELERATOR] = "accelerator",
    };
    return names[type];
}

static const char *status_name(clarus_device_status status)
{
    static const char *const names[] = {
        [CLARUS_DEVICE_OK] = "ok",
        [CLARUS_DEVICE_FAILED] = "failed",
        [CLARUS_DEVICE_UNUSABLE] = "unusable",
        [CLARUS_DEVICE_UNEXAMINED] = "unexamined",
    };
    return names[status];
}

static void print_json(FILE *file, const clarus_device_info *d)
{
    json out = {file, 0};
    json_open(&out, NULL, '{');
    json_integer(&out, "index", d->index);
    json_text(&out, "name", d->name);
    json_text(&out, "platform", d->platform);
    json_text(&out, "vendor", d->vendor);
    json_text(&out, "type", type_name(d->type));
    json_text(&out, "driver", d->driver);
    json_text(&out, "status", status_name(d->status));
    json_text(&out, "reason", d->reason);
    json_bool(&out, "auto", d->is_auto);
    json_integer(&out, "compute_units", d->compute_units);
    json_unsigned(&out, "memory_bytes", d->memory_bytes);
    json_end(&out);
}

static void print_csv_row(FILE *file, const clarus_device_info *d)
{
    const char *const fields[] = {
        d->name, d->platform, d->vendor, type_name(d->type), d->driver, status_name(d->status), d->reason};
    fprintf(file, "%d,", d->index);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        print_csv(file, fields[i]);
        putc(',', file);
    }
    fprintf(file, "%s\r\n", d->is_auto ? "true" : "false");
}

static void print_for_people(FILE *file, const clarus_device_info *d)
{
    fprintf(file, "%c %d  %-10s ", d->is_auto ? '*' : ' ', d->index, status_name(d->status));
    print_plain(file, d->name);
    fprintf(file, "\n        %s; ", type_name(d->type));
    print_plain(file, d->platform);
    if (*d->driver)
        fputs("; driver ", file);
    print_plain(file, d->driver);
    if (d->compute_units > 0)
        fprintf(file, "; %d compute units", d->compute_units);
    if (d->memory_bytes)
        fprintf(file, "; %.1f GiB", (double)d->memory_bytes / (1 << 30));
    putc('\n', file);
    if (*d->reason) {
        fputs("        ", file);
        print_plain(file, d->reason);
        putc('\n', file);
    }
}

static int print_list(listing *l, const clarus_device_list *list)
{
    int found = 0;
    int code = output_open(&l->output, &l->common, l->output_path);
    if (code != EXIT_OK)
        return code;
    if (l->common.csv)
        fputs("index,name,platform,vendor,type,driver,status,reason,auto\r\n", l->output.file);
    for (size_t i = 0; i < clarus_device_list_count(list); i++) {
        const clarus_device_info *device = clarus_device_list_get(list, i);
        found |= device->is_auto;
        if (l->common.json)
            print_json(l->output.file, device);
        else if (l->common.csv)
            print_csv_row(l->output.file, device);
        else
            print_for_people(l->output.file, device);
    }
    code = output_close(&l->output, 1);
    if (*clarus_device_list_advice(list))
        tell(&l->common, "%s", clarus_device_list_advice(list));
    return code == EXIT_OK && !found ? EXIT_DEVICE : code;
}

int command_devices(int argc, char **argv)
{
    listing l = {.common = {.command = about.command}};
    clarus_device_list *list = NULL;
    clarus_error error = {0};
    text_list none;
    /* clang-format off */
    const option table[] = {
        {"Output", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"output", "FILE", OPTION_TEXT, &l.output_path, 0, 0,
         "write the list to FILE, whole or not at all (default: standard output)"},
        OPTION_JSON(&l.common),
        OPTION_CSV(&l.common),
        OPTION_MESSAGES(&l.common),
        OPTION_THREADS(&l.common),
    };
    /* clang-format on */
    int code = options_parse(&about, table, sizeof table / sizeof *table, argc, argv, &none);
    free(none.items);
    if (code != -1)
        return code;
    clarus_context *context = common_context(&l.common, 0);
    if (!context)
        return EXIT_USAGE;
    if (clarus_device_list_create(context, &list, &error) == CLARUS_OK) {
        code = print_list(&l, list);
    } else {
        complain(&l.common, "%s", error.message);
        code = EXIT_DEVICE;
    }
    clarus_device_list_free(list);
    clarus_context_free(context);
    return code;
}
