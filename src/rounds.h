/* Measuring what a device can do: a kernel that repeats its work for a number of rounds in one launch, and
 * the median of the times of such launches, each long enough to be timed. A shared machine's speed may change
 * from one to the next. */
#ifndef CLARUS_ROUNDS_H
#define CLARUS_ROUNDS_H

#include "device.h"

/* The kernel's arguments are the two buffers, the rounds, and what the caller sets from ROUNDS_ARGUMENTS on.
 */
enum { ROUNDS_ARGUMENTS = 3 };

typedef struct rounds {
    clarus_device *device;
    cl_kernel kernel;
    cl_command_queue queue;
    cl_mem from, to;
    size_t global, local;
} rounds;

/* Sets everything up, with zeros in both buffers. device, global and local are set by the caller. */
clarus_status rounds_open(rounds *rounds, kernel_id kernel, const char *defines, size_t from_bytes,
                          size_t to_bytes, clarus_error *error);
/* Milliseconds of one round. */
clarus_status rounds_measure(const rounds *rounds, double *ms, clarus_error *error);
void rounds_close(rounds *rounds);

#endif
