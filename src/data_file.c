/* Parts are read, not mapped: whoever cuts a mapped file short ends the process by SIGBUS, and pages that are
 * copied into memory that is used again and again cost less than pages that are mapped. A file that is
 * replaced by another of its name stays what it was; one that is written to while it is open is found by its
 * time and size. */
#include "data_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static clarus_status io_error(const data_file *file, int code, clarus_error *error)
{
    char text[128];
    return error_set(error, CLARUS_E_IO, "%s: %s", file->name, strerror_r(code, text, sizeof text));
}

clarus_status data_file_create(clarus_context *context, int descriptor, const char *name, data_file **out,
                               clarus_error *error)
{
    struct stat info;
    data_file *file = memory_calloc(context, 1, sizeof *file);
    *out = NULL;
    if (!file) {
        close(descriptor);
        return error_memory(error, name);
    }
    *file = (data_file){.context = context_retain(context), .descriptor = descriptor};
    file->name = memory_strdup(context, name);
    clarus_status status = CLARUS_OK;
    if (!file->name)
        status = error_memory(error, name);
    else if (fstat(descriptor, &info) != 0)
        status = io_error(file, errno, error);
    else if (!S_ISREG(info.st_mode))
        status = error_set(error, CLARUS_E_FORMAT, "%s is not a file", name);
    if (status != CLARUS_OK) {
        data_file_free(file);
        return status;
    }
    file->size_bytes = (uint64_t)info.st_size;
    file->modified = info.st_mtim;
    *out = file;
    return CLARUS_OK;
}

static clarus_status check_unchanged(const data_file *file, clarus_error *error)
{
    struct stat info;
    if (fstat(file->descriptor, &info) != 0)
        return io_error(file, errno, error);
    if ((uint64_t)info.st_size == file->size_bytes && info.st_mtim.tv_sec == file->modified.tv_sec &&
        info.st_mtim.tv_nsec == file->modified.tv_nsec)
        return CLARUS_OK;
    return error_set(error, CLARUS_E_IO, "%s has changed since the model was loaded", file->name);
}

clarus_status data_file_read(const data_file *file, uint64_t offset, void *data, size_t size_bytes,
                             clarus_error *error)
{
    for (size_t done = 0; done < size_bytes;) {
        ssize_t n = pread(file->descriptor, (char *)data + done, size_bytes - done, (off_t)(offset + done));
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 && check_unchanged(file, error) != CLARUS_OK)
            return CLARUS_E_IO;
        else if (n == 0)
            return error_set(error, CLARUS_E_FORMAT, "%s ends after %llu bytes", file->name,
                             (unsigned long long)offset + done);
        else if (errno != EINTR)
            return io_error(file, errno, error);
    }
    return check_unchanged(file, error);
}

void data_file_free(data_file *file)
{
    if (!file)
        return;
    clarus_context *context = file->context;
    close(file->descriptor);
    memory_free(context, file->name);
    memory_free(context, file);
    clarus_context_free(context);
}
