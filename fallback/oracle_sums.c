/* A tile of outputs side by side, so that the inner loops vectorise; each sum in its own fixed order. */
#include "oracle_sums.h"

#include "oracle_ops.h"

#include <math.h>
#include <string.h>

CLONED_BODY sums_body(const float *x, const int64_t base[SUM_ROWS], const int64_t *offset, const float *w,
                      int64_t count, int64_t segment, float out[SUM_ROWS][SUM_COLUMNS])
{
    for (int64_t begin = 0; begin < count || begin == 0; begin += segment) {
        int64_t end = count - begin < segment ? count : begin + segment;
        float sum[SUM_ROWS][SUM_COLUMNS] = {{0}};
        for (int64_t k = begin; k < end; k++)
            for (int r = 0; r < SUM_ROWS; r++)
                for (int c = 0; c < SUM_COLUMNS; c++)
                    sum[r][c] = fmaf(x[base[r] + offset[k]], w[k * SUM_COLUMNS + c], sum[r][c]);
        for (int r = 0; r < SUM_ROWS; r++)
            for (int c = 0; c < SUM_COLUMNS; c++)
                out[r][c] = begin == 0 ? sum[r][c] + 0.0f : out[r][c] + (sum[r][c] + 0.0f);
    }
}

CLONED(sums,
       (const float *x, const int64_t base[SUM_ROWS], const int64_t *offset, const float *w, int64_t count,
        int64_t segment, float out[SUM_ROWS][SUM_COLUMNS]),
       (x, base, offset, w, count, segment, out))

void oracle_sums(const float *x, const int64_t base[SUM_ROWS], const int64_t *offset, const float *w,
                 int64_t count, int64_t segment, float out[SUM_ROWS][SUM_COLUMNS])
{
    sums(x, base, offset, w, count, segment, out);
}
