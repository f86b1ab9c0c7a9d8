/* Where the network that comes with Clarus lies: share/clarus/models/default under a folder above this
 * library, whatever the depth of its own, so that an installed tree can be moved. The build folder has the
 * same shape. */
#include "context.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDERS_ABOVE = 3 }; /* PREFIX/lib/x86_64-linux-gnu needs two */

/* Writes the folder to path, which has room for size bytes; 0 if it is not there. */
static int find_default_model(char *path, size_t size)
{
    static const char folder[] = "/share/clarus/models/default", file[] = "/model.onnx";
    Dl_info library;
    char real[PATH_MAX];
    if (!dladdr(folder, &library) || !realpath(library.dli_fname, real))
        return 0;
    for (int i = 0; i <= FOLDERS_ABOVE; i++) {
        char *slash = strrchr(real, '/');
        if (!slash)
            return 0;
        *slash = '\0';
        int length = snprintf(path, size, "%s%s%s", real, folder, file);
        if (length > 0 && (size_t)length < size && access(path, R_OK) == 0) {
            path[(size_t)length - strlen(file)] = '\0';
            return 1;
        }
    }
    return 0;
}

const char *clarus_default_model_path(clarus_context *context)
{
    char path[PATH_MAX];
    pthread_mutex_lock(&context->log_lock);
    if (!context->default_model && find_default_model(path, sizeof path))
        context->default_model = memory_strdup(context, path);
    const char *found = context->default_model;
    pthread_mutex_unlock(&context->log_lock);
    return found;
}
