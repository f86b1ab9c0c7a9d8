/* Whole files in and out. Messages name the path and the reason. */
#ifndef CLARUS_FILE_H
#define CLARUS_FILE_H

#include "context.h"

/* Reads a regular file or a pipe to its end; directories and devices are refused (CLARUS_E_IO). More than
 * max_bytes is CLARUS_E_LIMIT. *bytes is freed with memory_free; one zero byte, not counted in *size_bytes,
 * follows the content, so that text needs no copy. On failure *bytes is NULL and *size_bytes 0. */
clarus_status file_read(clarus_context *context, const char *path, uint64_t max_bytes, void **bytes,
                        size_t *size_bytes, clarus_error *error);

/* Writes a regular file whole or not at all: readers see the old content or the new, never a part.
 * Symbolic links are followed; what exists and is not a regular file is refused (CLARUS_E_IO). */
clarus_status file_write(const char *path, const void *bytes, size_t size_bytes, clarus_error *error);

#endif
