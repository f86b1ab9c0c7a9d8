/* Sums of products (numerics.md section 4), the core of convolution and matrix product.
 *
 * Both are written as: row r, column c of the output is the sum over k of x[base[r] + offset[k]] * w[k][c], k
 * in the page's order. Rows are pixels of a convolution or rows of a matrix, columns are output channels. */
#ifndef CLARUS_ORACLE_SUMS_H
#define CLARUS_ORACLE_SUMS_H

#include <stdint.h>

enum { SUM_ROWS = 6, SUM_COLUMNS = 16 };

/* One tile. w is packed [count][SUM_COLUMNS], segment is in products. */
void oracle_sums(const float *x, const int64_t base[SUM_ROWS], const int64_t *offset, const float *w,
                 int64_t count, int64_t segment, float out[SUM_ROWS][SUM_COLUMNS]);

#endif
