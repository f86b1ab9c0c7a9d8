/* Files of which parts are read when they are wanted: a network's weights then need not be in memory both as
 * they were read and as a device wants them. */
#ifndef CLARUS_DATA_FILE_H
#define CLARUS_DATA_FILE_H

#include "context.h"

#include <time.h>

typedef struct data_file {
    clarus_context *context;
    char *name; /* for messages */
    int descriptor;
    uint64_t size_bytes;
    struct timespec modified;
} data_file;

/* Takes the open file over; closes it on failure, also if it is not a regular one. */
clarus_status data_file_create(clarus_context *context, int descriptor, const char *name, data_file **out,
                               clarus_error *error);
/* From any thread. An error if the file ends before, or has changed since data_file_create. */
clarus_status data_file_read(const data_file *file, uint64_t offset, void *data, size_t size_bytes,
                             clarus_error *error);
void data_file_free(data_file *file);

#endif
