/* Winograd's convolution F(4x4, 3x3) (numerics.md section 5): which convolutions are computed so, and the
 * transform of their weights, which both executors take from here. */
#ifndef CLARUS_WINOGRAD_H
#define CLARUS_WINOGRAD_H

#include "lowered.h"

/* A tile of outputs along an axis, the inputs that it depends on, and the products per tile and channel. */
enum { WINOGRAD_TILE = 4, WINOGRAD_SPAN = 6, WINOGRAD_POSITIONS = WINOGRAD_SPAN * WINOGRAD_SPAN };
/* Output channels whose weights are transformed side by side. */
enum { WINOGRAD_LANES = 16 };

/* The rule of section 5, by shape alone. */
conv_algorithm winograd_choose(const conv_params *conv);
/* Tiles along the height (1) or width (2) of the output. */
int64_t winograd_tiles(const conv_params *conv, int axis);
/* The 3x3 weights of an input channel for `count` output channels, `step` elements apart, transformed in
 * binary64 and rounded once; zeros in the lanes behind them. */
void winograd_weights(const float *weights, int64_t step, int64_t count,
                      float transformed[WINOGRAD_POSITIONS][WINOGRAD_LANES]);

#endif
