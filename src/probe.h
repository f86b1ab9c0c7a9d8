/* The self-test of docs/numerics.md section 9: one verdict per property. */
#ifndef CLARUS_PROBE_H
#define CLARUS_PROBE_H

#include "device.h"

typedef enum probe_property {
    PROBE_FMA,         /* fused and correctly rounded */
    PROBE_ROUNDING,    /* to nearest, ties to even */
    PROBE_CONTRACTION, /* off: a * b + c has two roundings */
    PROBE_DIVISION,    /* and square root: correctly rounded */
    PROBE_SUBNORMAL,   /* operands and results kept, and the sign of zeros */
    PROBE_KERNEL,      /* a convolution equals the oracle */
    PROBE_PROPERTIES
} probe_property;

typedef struct probe_report {
    int failed[PROBE_PROPERTIES];
    char detail[PROBE_PROPERTIES][128]; /* of the first failure, "" if none */
} probe_report;

/* As "subnormal". */
const char *probe_property_name(probe_property property);

/* Runs the primitives on hard cases and random operands, and judges them; the kernel's verdict is left
 * alone. Never cached: what else runs in the process may have spoilt the rounding. Fails only if the device
 * does not run the kernel at all. */
clarus_status probe_arithmetic(clarus_device *device, probe_report *report, clarus_error *error);

/* Compares a convolution with the oracle. A device and driver that passed are remembered in the cache folder.
 */
clarus_status probe_kernel_self_test(clarus_device *device, probe_report *report, clarus_error *error);

#endif
