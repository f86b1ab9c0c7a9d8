/* For tests of devices: each case runs in a child of its own, because a process reads its environment's
 * OpenCL drivers once; and folders to put drivers and caches in. */
#ifndef CLARUS_DEVICE_TEST_H
#define CLARUS_DEVICE_TEST_H

#include "clarus.h"
#include "test.h"

#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing of the caller's settings may decide what a test finds. */
static inline void clean_environment(void)
{
    static const char *const names[] = {"CLARUS_DEVICE",   "CLARUS_THREADS", "CLARUS_ALLOW_FAILED",
                                        "OCL_ICD_VENDORS", "RUSTICL_ENABLE", "RUSTICL_DEVICE_TYPE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* A new empty folder; left to the caller to remove. */
static inline char *make_folder(void)
{
    static char path[4][64];
    static int next;
    char *name = path[next++ % 4];
    snprintf(name, sizeof path[0], "/tmp/clarus_test_XXXXXX");
    if (!mkdtemp(name)) {
        perror("mkdtemp");
        exit(1);
    }
    return name;
}

static inline void remove_folder(const char *path)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    CHECK(system(command) == 0, "%s", command);
}

__attribute__((format(printf, 3, 4))) static inline void write_text(const char *folder, const char *name,
                                                                    const char *format, ...)
{
    char path[256];
    va_list args;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file, "%s", path);
    if (!file)
        return;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

/* Runs body in a child, whose failures count. */
static inline void in_child(const char *name, void (*body)(const void *), const void *user)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        test_failures = 0;
        body(user);
        fflush(NULL);
        _exit(test_failures != 0);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "%s: child ended with %d", name, status);
}

static inline clarus_context *make_context(const char *cache_dir, int threads)
{
    clarus_context_options options;
    clarus_context_options_init(&options);
    options.cache_dir = cache_dir;
    options.threads = threads;
    clarus_context *context = NULL;
    clarus_error error = {0};
    CHECK(clarus_context_create(&options, &context, &error) == CLARUS_OK, "%s", error.message);
    return context;
}

/* 1 if PoCL is installed where the loader looks by default, and not hidden by an OCL_ICD_VENDORS that is not
 * there: ThreadSanitizer's runs do so, since drivers have races of their own. Before clean_environment. */
static inline int has_pocl(void)
{
    const char *vendors = getenv("OCL_ICD_VENDORS");
    return access("/etc/OpenCL/vendors/pocl.icd", R_OK) == 0 && (!vendors || access(vendors, F_OK) == 0);
}

/* Puts the system's PoCL beside the drivers of a folder. */
static inline void add_pocl(const char *folder)
{
    char command[160];
    snprintf(command, sizeof command, "cp /etc/OpenCL/vendors/pocl.icd '%s/'", folder);
    CHECK(system(command) == 0, "%s", command);
}

#endif
