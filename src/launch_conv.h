/* What the launchers of convolutions share. */
#ifndef CLARUS_LAUNCH_CONV_H
#define CLARUS_LAUNCH_CONV_H

#include "conv_tile.h"

/* Weights [O][I / groups][taps] to [group][tile of outputs][block][tap][channel][tile width], zeros beyond O.
 */
typedef struct weight_packing {
    const float *weights;
    int64_t outputs;                                  /* O */
    int64_t groups, group_out, group_in, taps, width; /* width: output channels of a tile */
    int64_t tiles;
    float *out;
} weight_packing;

/* conv2d.cl; fill takes a weight_packing. */
clarus_status launch_blocked_conv(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                  const operand *out, plan_fill_fn fill, clarus_error *error);
/* launch_winograd.c */
clarus_status launch_winograd(plan *plan, size_t op, const lowered_op *what, const operand *in,
                              const operand *out, clarus_error *error);
/* The weights as a constant that fill packs, given the packing. */
clarus_status launch_weights(plan *plan, const weight_packing *pack, plan_fill_fn fill, size_t count,
                             launch *launch, clarus_error *error);
/* The bias padded to whole blocks, zeros without one. */
clarus_status launch_bias(plan *plan, const lowered_op *what, int64_t channels, launch *launch,
                          clarus_error *error);
/* Residual (the output stands in for an absent one, which is never read) and output. */
void launch_results(launch *launch, const operand *residual, const operand *out);
/* NULL without one. */
const operand *conv_residual(const lowered_op *what, const operand *in);

#endif
