/* A tile of sums in registers, TP pixels by TC blocks of LANES channels: the steps for pixel i and block t. sum, weight, ws
 * (the weights of a channel) and value (of pixel i) are the kernel's. After lanes.h. */
#include "unroll.h"

#define CLEAR_SUM(i, t) sum[i][t] = (floatv)(0.0f);
#define CLEAR(i) { UNROLL_BLOCKS(CLEAR_SUM, i) }
#define LOAD_WEIGHT(i, t) weight[t] = LOADV(ws + t * 16);
#define ADD_PRODUCT(i, t) sum[i][t] = fma(value, weight[t], sum[i][t]);
/* At the end the sums are set aside in memory, so that a loop (END_UNROLL) may go over the pixels: s are those of one. */
#define KEEP_SUM(i, t) kept[i][t] = sum[i][t];
#define KEEP(i) { UNROLL_BLOCKS(KEEP_SUM, i) }
#define TAKE(i, t) s[t] = kept[i][t];
