#include "command.h"

#include "output.h"
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_ROOM = 4096 };

void complain(const common_options *common, const char *format, ...)
{
    char text[MESSAGE_ROOM];
    size_t length = strlen(common->command);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* The library begins some messages with the name of the function, which may be the command's. */
    int repeats = strncmp(text, common->command, length) == 0 && strncmp(text + length, ": ", 2) == 0;
    progress_hide();
    fprintf(stderr, "clarus %s: ", common->command);
    print_plain(stderr, repeats ? text + length + 2 : text);
    putc('\n', stderr);
}

void tell(const common_options *common, const char *format, ...)
{
    char text[MESSAGE_ROOM];
    va_list args;
    if (common->quiet)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    progress_hide();
    print_plain(stderr, text);
    putc('\n', stderr);
}

static void log_line(void *user, clarus_log_level level, const char *line)
{
    const common_options *common = user;
    if (level == CLARUS_LOG_WARNING ? !common->quiet : common->verbose)
        complain(common, "%s", line);
}

int common_math(const common_options *common, clarus_math *math)
{
    *math = CLARUS_MATH_DEFAULT;
    if (!common->math)
        return EXIT_OK;
    if (strcmp(common->math, "exact") == 0)
        *math = CLARUS_MATH_EXACT;
    else if (strcmp(common->math, "fast") == 0)
        *math = CLARUS_MATH_FAST;
    else {
        complain(common, "--math: \"%s\" is neither exact nor fast", common->math);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

clarus_context *common_context(const common_options *common, uint64_t max_pixels)
{
    clarus_context *context = NULL;
    clarus_error error = {0};
    clarus_context_options options;
    if (common->json && common->csv) {
        complain(common, "--json and --csv exclude each other");
        return NULL;
    }
    clarus_context_options_init(&options);
    options.threads = (int)common->threads;
    options.max_pixels = max_pixels;
    options.log = log_line;
    options.log_user = (void *)common;
    if (clarus_context_create(&options, &context, &error) != CLARUS_OK)
        complain(common, "%s", error.message);
    return context;
}

static void complain_of_device(const common_options *common, const clarus_error *error)
{
    complain(common, "%s%s", error->message,
             error->status == CLARUS_E_DEVICE ? "; clarus devices shows what is there" : "");
}

clarus_device *common_device(const common_options *common, clarus_context *context)
{
    clarus_device *device = NULL;
    clarus_error error = {0};
    if (clarus_device_open(context, common->device, &device, &error) != CLARUS_OK)
        complain_of_device(common, &error);
    return device;
}

static void *open_device(void *user)
{
    device_opening *o = user;
    o->status = clarus_device_open(o->context, o->common->device, &o->device, &o->error);
    return NULL;
}

/* Without a thread to be had, at once. */
void device_opening_begin(device_opening *opening, const common_options *common, clarus_context *context)
{
    *opening = (device_opening){.common = common, .context = context};
    opening->begun = !pthread_create(&opening->thread, NULL, open_device, opening);
    if (!opening->begun)
        open_device(opening);
}

static void wait_for_device(device_opening *opening)
{
    if (opening->begun)
        pthread_join(opening->thread, NULL);
    opening->begun = 0;
}

clarus_device *device_opening_take(device_opening *opening)
{
    wait_for_device(opening);
    if (opening->status != CLARUS_OK)
        complain_of_device(opening->common, &opening->error);
    clarus_device *device = opening->device;
    opening->device = NULL;
    return device;
}

void device_opening_end(device_opening *opening)
{
    wait_for_device(opening);
    clarus_device_free(opening->device);
}

clarus_model *common_model(const common_options *common, clarus_context *context, const char *path)
{
    clarus_model *model = NULL;
    clarus_error error = {0};
    if (clarus_model_load(context, path, &model, &error) != CLARUS_OK)
        complain(common, "%s", error.message);
    return model;
}

clarus_model *common_runnable_model(const common_options *common, clarus_context *context, const char *path)
{
    clarus_model *model = common_model(common, context, path);
    size_t count = model ? clarus_model_unsupported_count(model) : 0;
    for (size_t i = 0; i < count; i++)
        complain(common, "%s: %s", path, clarus_model_unsupported(model, i));
    if (!count)
        return model;
    clarus_model_free(model);
    return NULL;
}

int exit_code_of(clarus_status status)
{
    switch (status) {
    case CLARUS_OK:
        return EXIT_OK;
    case CLARUS_E_ARGUMENT:
        return EXIT_USAGE;
    case CLARUS_E_DEVICE:
    case CLARUS_E_OPENCL:
    case CLARUS_E_INTERNAL:
    case CLARUS_E_CANCELLED:
    case CLARUS_E_TIMEOUT:
        return EXIT_DEVICE;
    case CLARUS_E_MISMATCH:
        return EXIT_DIFFERED;
    case CLARUS_E_MEMORY:
    case CLARUS_E_LIMIT:
    case CLARUS_E_IO:
    case CLARUS_E_FORMAT:
    case CLARUS_E_UNSUPPORTED:
    case CLARUS_E_SHAPE:
        return EXIT_MODEL;
    }
    return EXIT_DEVICE;
}

const char *math_name(clarus_math math)
{
    return math == CLARUS_MATH_FAST ? "fast" : "exact";
}
