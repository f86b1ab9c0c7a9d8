/* What is known about a device beforehand, as data: parameters of kernels, and quirks.
 *
 * A row of devices.def names a device by type, platform, vendor or name and overrides some fields; rows apply
 * from the general to the special (see README.md). Nothing else in the project asks for a vendor. */
#ifndef CLARUS_DEVICE_PARAMS_H
#define CLARUS_DEVICE_PARAMS_H

#include "clarus.h"

/* Program binaries: not worth caching; taken after the first run; or, where the driver makes one wait for
 * them as long as for compiling, when the device is let go. */
typedef enum device_binaries { BINARIES_NEVER, BINARIES_EARLY, BINARIES_LATE } device_binaries;

typedef struct device_params {
    const char *name;  /* the most special row that matched */
    const char *alias; /* a further name by which people ask for it; "" if none */
    int rank;          /* automatic choice takes the lowest first: 0 GPU, 1 accelerator, 2 CPU, 9 simulator */
    int lanes;         /* channels that one work-item computes side by side: 1 on GPUs, a vector on CPUs */
    int tile_registers; /* accumulators of `lanes` channels that one work-item keeps in registers */
    int group_size;     /* work-items per work-group: 1 on CPUs, else a multiple of 16 / lanes */
    int near_bytes;     /* of a convolution's input that stay in a core's own cache, half of it or less */
    int local_bytes; /* of local memory that a work-item may fill: it stays in a core's own cache; 0: none */
    int clblast;     /* 1: CLBlast is tuned for it, `fast` may use it */
    device_binaries binaries;
    int core_queues; /* a device of so many compute units or fewer gets a queue for each; 0: one for all */
    const char *builtins_guard; /* a macro: defined, the compiler skips its own header; or "" */
} device_params;

/* What a device says of itself, as far as rows may ask for it. No NULL. */
typedef struct device_facts {
    clarus_device_type type;
    int float_width; /* CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT */
    int local_bytes; /* CL_DEVICE_LOCAL_MEM_SIZE */
    const char *platform, *vendor, *device;
} device_facts;

/* All rows that match, the general ones first. */
void device_params_find(const device_facts *facts, device_params *params);
/* 1 if `part` occurs in `text`, ignoring the case of ASCII letters. */
int device_name_contains(const char *text, const char *part);

#endif
