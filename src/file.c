/* Reading: one buffer, sized by what the file system says and one byte more, so that the end of a regular
 * file is met without growing; pipes, and files that grow meanwhile, grow the buffer up to the limit.
 *
 * Writing: a new file beside the target, flushed to the disk, then renamed over it. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_READ_BYTES = 64 * 1024, LARGEST_STEP_BYTES = 1 << 30, MAX_TEMPORARY_NAMES = 1000 };

static clarus_status io_error(clarus_error *error, const char *path, const char *action, int code)
{
    char text[128];
    return error_set(error, CLARUS_E_IO, "%s: cannot %s: %s", path, action,
                     strerror_r(code, text, sizeof text));
}

/* What stands at a path, if it is not a regular file. */
static const char *kind_name(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

static clarus_status check_readable(const char *path, const struct stat *info, clarus_error *error)
{
    if (S_ISREG(info->st_mode) || S_ISFIFO(info->st_mode))
        return CLARUS_OK;
    return error_set(error, CLARUS_E_IO, "%s: is %s, not a file", path, kind_name(info->st_mode));
}

/* Opening some devices blocks or has effects, so what is there is looked at before and after. */
static clarus_status open_readable(const char *path, int *file, struct stat *info, clarus_error *error)
{
    if (stat(path, info) != 0)
        return io_error(error, path, "open", errno);
    clarus_status status = check_readable(path, info, error);
    if (status != CLARUS_OK)
        return status;
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*file < 0)
        return io_error(error, path, "open", errno);
    if (fstat(*file, info) != 0)
        return io_error(error, path, "read", errno);
    return check_readable(path, info, error);
}

static clarus_status limit_error(clarus_error *error, const char *path, const struct stat *info,
                                 uint64_t max_bytes)
{
    if (S_ISREG(info->st_mode))
        return error_set(error, CLARUS_E_LIMIT, "%s: %lld bytes, more than the limit of %llu", path,
                         (long long)info->st_size, (unsigned long long)max_bytes);
    return error_set(error, CLARUS_E_LIMIT, "%s: more than the limit of %llu bytes", path,
                     (unsigned long long)max_bytes);
}

/* One byte of the buffer always stays free, for the zero. */
static clarus_status read_to_end(clarus_context *context, const char *path, int file, const struct stat *info,
                                 uint64_t max_bytes, void **bytes, size_t *size_bytes, clarus_error *error)
{
    size_t capacity = 0, used = 0;
    if (S_ISREG(info->st_mode) && (uint64_t)info->st_size > max_bytes)
        return limit_error(error, path, info, max_bytes);
    size_t wanted = S_ISREG(info->st_mode) && info->st_size > 0 ? (size_t)info->st_size : FIRST_READ_BYTES;
    for (;;) {
        if (used + 1 >= capacity && !memory_grow(context, bytes, &capacity, wanted + 2, 1))
            return error_set(error, CLARUS_E_MEMORY, "%s: out of memory for %zu bytes", path, wanted);
        size_t room = capacity - used - 1;
        ssize_t got =
            read(file, (char *)*bytes + used, room < LARGEST_STEP_BYTES ? room : LARGEST_STEP_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error(error, path, "read", errno);
        if (got == 0)
            break;
        used += (size_t)got;
        if (used > max_bytes)
            return limit_error(error, path, info, max_bytes);
        wanted = used + 1;
    }
    ((char *)*bytes)[used] = '\0';
    *size_bytes = used;
    return CLARUS_OK;
}

clarus_status file_read(clarus_context *context, const char *path, uint64_t max_bytes, void **bytes,
                        size_t *size_bytes, clarus_error *error)
{
    int file = -1;
    struct stat info;
    *bytes = NULL;
    *size_bytes = 0;
    clarus_status status = open_readable(path, &file, &info, error);
    if (status == CLARUS_OK)
        status = read_to_end(context, path, file, &info, max_bytes, bytes, size_bytes, error);
    if (file >= 0)
        close(file);
    if (status != CLARUS_OK) {
        memory_free(context, *bytes);
        *bytes = NULL;
    }
    return status;
}

static int write_all(int file, const char *bytes, size_t size_bytes)
{
    while (size_bytes) {
        ssize_t put = write(file, bytes, size_bytes < LARGEST_STEP_BYTES ? size_bytes : LARGEST_STEP_BYTES);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        bytes += put;
        size_bytes -= (size_t)put;
    }
    return 0;
}

/* A new file beside target; its mode follows the umask, which mkstemp would ignore. */
static int open_temporary(const char *target, char *name, size_t name_size, int *file)
{
    for (int i = 0; i < MAX_TEMPORARY_NAMES; i++) {
        int length = snprintf(name, name_size, "%s.%ld-%d.tmp", target, (long)getpid(), i);
        if (length < 0 || (size_t)length >= name_size)
            return ENAMETOOLONG;
        *file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*file >= 0)
            return 0;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

static int replace_file(const char *target, const void *bytes, size_t size_bytes)
{
    char name[4096 + 64];
    int file = -1, code = open_temporary(target, name, sizeof name, &file);
    if (code)
        return code;
    code = write_all(file, bytes, size_bytes);
    if (!code && fsync(file) != 0 && errno != EINVAL) /* EINVAL: a file system that cannot */
        code = errno;
    if (close(file) != 0 && !code)
        code = errno;
    if (!code && rename(name, target) != 0)
        code = errno;
    if (code)
        unlink(name);
    return code;
}

clarus_status file_write(const char *path, const void *bytes, size_t size_bytes, clarus_error *error)
{
    struct stat info;
    int exists = stat(path, &info) == 0;
    if (exists && !S_ISREG(info.st_mode))
        return error_set(error, CLARUS_E_IO, "%s: is %s; only a regular file can be written whole", path,
                         kind_name(info.st_mode));
    char *resolved = exists ? realpath(path, NULL) : NULL;
    int code = replace_file(resolved ? resolved : path, bytes, size_bytes);
    free(resolved);
    return code ? io_error(error, path, "write", code) : CLARUS_OK;
}
