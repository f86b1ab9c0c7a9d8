#include "output.h"

#include "progress.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name_of(const output *out)
{
    return out->path ? out->path : "standard output";
}

static int fail(const output *out, const char *action, int code)
{
    if (code != EINTR) /* a signal ends the program, and says so */
        complain(out->common, "%s: cannot %s: %s", name_of(out), action, strerror(code));
    return EXIT_OUTPUT;
}

static int open_temporary(output *out)
{
    enum { MOST_NAMES = 1000 };
    for (int i = 0; i < MOST_NAMES; i++) {
        snprintf(out->temporary, sizeof out->temporary, "%s.%ld-%d.tmp", out->target, (long)getpid(), i);
        int file = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    return -1;
}

int output_open(output *out, const common_options *common, const char *path)
{
    struct stat info;
    *out = (output){.common = common, .file = stdout, .path = path};
    out->is_terminal = !path && isatty(STDOUT_FILENO);
    if (!path)
        return EXIT_OK;
    int exists = stat(path, &info) == 0, file = -1;
    char *resolved = exists ? realpath(path, NULL) : NULL;
    int length = snprintf(out->target, sizeof out->target, "%s", resolved ? resolved : path);
    free(resolved);
    if (length < 0 || (size_t)length >= sizeof out->target)
        return fail(out, "open", ENAMETOOLONG);
    if (exists && !S_ISREG(info.st_mode))
        file = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    else
        file = open_temporary(out);
    out->file = file >= 0 ? fdopen(file, "w") : NULL;
    if (out->file)
        return EXIT_OK;
    int code = errno;
    if (file >= 0)
        close(file);
    if (file >= 0 && out->temporary[0])
        unlink(out->temporary);
    return fail(out, "open", code);
}

void output_begin(const output *out)
{
    if (out->is_terminal)
        progress_hide();
}

int output_flush(output *out)
{
    errno = 0;
    if (!out->failure && (fflush(out->file) != 0 || ferror(out->file)))
        out->failure = errno ? errno : EIO;
    return !out->failure;
}

/* The first error that writing, syncing and closing met, or 0. */
static int finish(output *out)
{
    output_flush(out);
    int code = out->failure;
    if (!out->path)
        return code;
    if (!code && out->temporary[0] && fsync(fileno(out->file)) != 0 && errno != EINVAL)
        code = errno;
    if (fclose(out->file) != 0 && !code)
        code = errno;
    return code;
}

int output_close(output *out, int keep)
{
    if (!out->file)
        return EXIT_OK;
    int code = finish(out);
    out->file = NULL;
    if (out->temporary[0]) {
        if (!code && keep && rename(out->temporary, out->target) != 0)
            code = errno;
        if (code || !keep)
            unlink(out->temporary);
    }
    return code && keep ? fail(out, "write", code) : EXIT_OK;
}

void print_plain(FILE *file, const char *text)
{
    while (*text) {
        uint32_t point;
        size_t length = utf8_decode(text, &point);
        if (length == 0 || point < 0x20 || (point >= 0x7F && point < 0xA0)) {
            putc('?', file);
            text += length ? length : 1;
        } else {
            fwrite(text, 1, length, file);
            text += length;
        }
    }
}

void print_csv(FILE *file, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', file);
        putc(*text, file);
    }
    putc('"', file);
}
