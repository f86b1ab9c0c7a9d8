/* One OpenCL device, or the reference. */
#ifndef CLARUS_DEVICE_H
#define CLARUS_DEVICE_H

#include "context.h"
#include "device_identity.h"
#include "kernel_registry.h"
#include "opencl.h"

enum { DEVICE_CORES = 16 };

struct clarus_device {
    atomic_int references;
    clarus_context *context;
    clarus_device_info info; /* its strings belong to the device */
    const device_params *params;
    /* All NULL on the reference. id is a sub-device where the number of threads is limited. */
    cl_platform_id platform;
    cl_device_id id;
    cl_context cl;
    struct program_table *programs; /* built programs, see program.h */

    device_identity identity;         /* where info and params point */
    cl_device_id sub_device;          /* to be released; NULL if id is the root device */
    cl_device_id cores[DEVICE_CORES]; /* one sub-device per core, where devices.def wants a queue for each */
    size_t core_count;                /* 0: none */
    int correct_divide;               /* 1: the device's own division and square root are correctly rounded */
};

clarus_device *device_retain(clarus_device *device);
int device_is_reference(const clarus_device *device);
/* part: the device's id, or one of its cores. */
clarus_status device_create_queue(clarus_device *device, cl_device_id part, cl_command_queue *queue,
                                  clarus_error *error);
/* A new kernel object of the registry's kernel, built with `defines` ("-DTILE=14 -DSTRIDE=1"), from the
 * device's programs in memory, the cache folder, or the compiler. The caller releases it. A build
 * failure carries the compiler's log. Any thread. */
clarus_status device_kernel(clarus_device *device, kernel_id kernel, const char *defines, cl_kernel *out,
                            clarus_error *error);
/* To be called when a kernel has run once: stores binaries that are not in the cache folder yet (some
 * drivers compile at the first launch), or leaves that until the device is let go, as its row in devices.def
 * says. Never fails: a cache that cannot be written is skipped. */
void device_store_programs(clarus_device *device);

/* Makes the device and examines it. On failure *status says whether it failed its self-test or cannot be used
 * at all; the reason is in *error. */
clarus_status device_examine(clarus_context *context, const device_identity *identity, int index,
                             clarus_device **device, clarus_device_status *status, clarus_error *error);

#endif
