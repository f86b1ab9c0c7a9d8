/* Matrix products by CLBlast, for math mode `fast` on devices that it is tuned for. Its order of summation is
 * its own. */
#ifndef CLARUS_FAST_MATMUL_H
#define CLARUS_FAST_MATMUL_H

#include "opencl.h"

#include <stdint.h>

/* y[i] = a[i] x b[i], all row-major: a m x k (k x m with trans_a), b k x n (n x k with trans_b). */
typedef struct fast_matmul {
    size_t m, n, k, batches;
    int trans_a, trans_b;
    const size_t *a_offsets, *b_offsets, *y_offsets; /* elements, one per batch */
} fast_matmul;

/* 1 if the library was built with CLBlast, and it can be opened. */
int fast_matmul_is_there(void);
/* Enqueues the product. The first call for a device compiles CLBlast's kernels. */
clarus_status fast_matmul_enqueue(const fast_matmul *product, cl_command_queue queue, cl_mem a, cl_mem b,
                                  cl_mem y, clarus_error *error);

#endif
