/* What the commands share: exit codes, the options that every command has, and the objects made from them. */
#ifndef CLARUS_COMMAND_H
#define CLARUS_COMMAND_H

#include "options.h"

#include <clarus.h>

#include <pthread.h>

enum exit_code {
    EXIT_OK = 0,
    EXIT_PICTURES = 1, /* some pictures failed, the rest are done */
    EXIT_USAGE = 2,
    EXIT_MODEL = 3,  /* the model cannot be used */
    EXIT_DEVICE = 4, /* no usable device, or the one asked for is not */
    EXIT_DIFFERED = 5,
    EXIT_OUTPUT = 6 /* a result could not be written */
};

typedef struct common_options {
    const char *command;
    const char *device, *math;
    long threads;
    int json, csv, quiet, verbose;
} common_options;

/* Rows of an option table. */
/* clang-format off */
#define OPTION_DEVICE(common) \
    {"device", "D", OPTION_TEXT, &(common)->device, 0, 0, \
     "auto, reference, an index of 'clarus devices', or part of a device's or platform's name " \
     "(default: CLARUS_DEVICE, else auto)"}
#define OPTION_MATH(common) \
    {"math", "exact|fast", OPTION_TEXT, &(common)->math, 0, 0, \
     "exact: the same bits everywhere; fast: other summation orders and precisions allowed " \
     "(default: CLARUS_MATH, else exact)"}
#define OPTION_THREADS(common) \
    {"threads", "N", OPTION_INTEGER, &(common)->threads, 1, 1024, \
     "CPU threads (default: CLARUS_THREADS, else CPU affinity and quota)"}
#define OPTION_JSON(common) {"json", NULL, OPTION_FLAG, &(common)->json, 0, 0, "print one JSON object per line"}
#define OPTION_CSV(common) {"csv", NULL, OPTION_FLAG, &(common)->csv, 0, 0, "print a table of comma-separated values"}
#define OPTION_MESSAGES(common) \
    {"quiet", NULL, OPTION_FLAG, &(common)->quiet, 0, 0, "no messages but errors, no progress"}, \
    {"verbose", NULL, OPTION_FLAG, &(common)->verbose, 0, 0, "say what the library logs"}
/* clang-format on */

int command_classify(int argc, char **argv);
int command_run(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_devices(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_info(int argc, char **argv);

/* 0 and *math, or EXIT_USAGE and a message. */
int common_math(const common_options *common, clarus_math *math);
/* A context with the options' threads and log; NULL after a message, also if options exclude each other.
 * max_pixels 0: the default. */
clarus_context *common_context(const common_options *common, uint64_t max_pixels);
/* NULL after a message. */
clarus_device *common_device(const common_options *common, clarus_context *context);
clarus_model *common_model(const common_options *common, clarus_context *context, const char *path);
/* The same of a model that is to be run: NULL, after a line for each, if something in it is not supported. */
clarus_model *common_runnable_model(const common_options *common, clarus_context *context, const char *path);

/* A device opened while a model loads. The context and the options outlive it; all zero: not begun. */
typedef struct device_opening {
    const common_options *common;
    clarus_context *context;
    int begun;
    pthread_t thread;
    clarus_status status;
    clarus_device *device;
    clarus_error error;
} device_opening;

void device_opening_begin(device_opening *opening, const common_options *common, clarus_context *context);
/* Waits for it; the caller has the device. NULL after a message. */
clarus_device *device_opening_take(device_opening *opening);
/* Waits for what was begun and not taken, and lets it go. */
void device_opening_end(device_opening *opening);

/* One line on standard error, "clarus COMMAND: ...", with any progress bar out of the way. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void complain(const common_options *common, const char *format, ...);
/* The same without the command's name, for what is good to know; nothing with --quiet. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void tell(const common_options *common, const char *format, ...);

/* What a status of a session or of clarus_classify means for the program. */
int exit_code_of(clarus_status status);
/* As "exact". */
const char *math_name(clarus_math math);

#endif
