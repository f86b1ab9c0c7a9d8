/* What the OpenCL loader shows, in the order of preference. Nothing here has been examined. */
#ifndef CLARUS_DEVICE_IDENTITY_H
#define CLARUS_DEVICE_IDENTITY_H

#include "context.h"
#include "opencl.h"

#include "../devices/device_params.h"

enum { DEVICE_TEXT = 256 };

/* A device as its driver describes it. Copied as a whole. */
typedef struct device_identity {
    cl_platform_id platform; /* NULL on the reference */
    cl_device_id id;
    clarus_device_type type;
    int compute_units;
    uint64_t memory_bytes;
    char name[DEVICE_TEXT], platform_name[DEVICE_TEXT], vendor[DEVICE_TEXT], driver[DEVICE_TEXT];
    char platform_version[DEVICE_TEXT], version[DEVICE_TEXT];
    char reason[sizeof((clarus_error *)0)->message];
    device_params params;
    int admitted; /* failed in subnormals and was let through; never taken automatically */
} device_identity;

/* Fills info from the identity, to which its strings will point. */
void device_identity_info(const device_identity *identity, clarus_device_info *info);

/* What enumerating found besides devices, for the advice on a missing one. */
typedef struct device_survey {
    int has_cpu;                 /* a CPU device is there */
    char empty[2 * DEVICE_TEXT]; /* names of platforms without devices, one a line */
} device_survey;

/* Every device of every platform, best first; the reference last. The index of a device is its place. The
 * caller frees *identities with memory_free. */
clarus_status device_enumerate(clarus_context *context, device_identity **identities, size_t *count,
                               device_survey *survey, clarus_error *error);

/* The reference, which needs no driver. */
void device_describe_reference(const clarus_context *context, device_identity *out);

#endif
