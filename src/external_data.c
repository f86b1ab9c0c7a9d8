/* Files of external data. Every part of the path is opened on its own, below the model's folder, and symbolic
 * links are refused, so that a model cannot make us read anything else. */
#include "onnx_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Cuts the next part off *path into part; 0 if there is none or it may not be followed. */
static int next_part(const char **path, char part[NAME_MAX + 1])
{
    size_t length = strcspn(*path, "/");
    if (length == 0 || length > NAME_MAX)
        return 0;
    memcpy(part, *path, length);
    part[length] = '\0';
    *path += length;
    return strcmp(part, "..") != 0;
}

static clarus_status open_below(const char *folder, const char *location, int *file, clarus_error *error)
{
    char part[NAME_MAX + 1];
    const char *rest = location;
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *file = -1;
    while (at >= 0) {
        if (!next_part(&rest, part)) {
            close(at);
            return error_set(error, CLARUS_E_FORMAT,
                             "external data \"%s\" is not a path inside the model's folder", location);
        }
        int last = *rest == '\0';
        int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (last ? O_NONBLOCK : O_DIRECTORY);
        int next = openat(at, part, flags);
        int saved = errno;
        close(at);
        errno = saved;
        at = next;
        if (last)
            break;
        rest++;
    }
    if (at < 0)
        return error_set(error, CLARUS_E_IO, "external data \"%s\": %s", location,
                         errno == ELOOP ? "symbolic links are not followed" : strerror(errno));
    *file = at;
    return CLARUS_OK;
}

clarus_status external_data_open(clarus_context *context, const char *folder, const char *location,
                                 data_file **file, clarus_error *error)
{
    int descriptor;
    char name[PATH_MAX];
    *file = NULL;
    clarus_status status = open_below(folder, location, &descriptor, error);
    if (status != CLARUS_OK)
        return status;
    snprintf(name, sizeof name, "external data \"%s\"", location);
    return data_file_create(context, descriptor, name, file, error);
}
