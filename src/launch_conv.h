/* What the launchers of convolutions share. */
#ifndef CLARUS_LAUNCH_CONV_H
#define CLARUS_LAUNCH_CONV_H

#include "conv_tile.h"

/* conv2d.cl; form takes a weight_packing. */
clarus_status launch_blocked_conv(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                  const operand *out, const packing_form *form, clarus_error *error);
/* The arguments that SHARE stands for, and the grid, for the items of kernels/conv_item.h. */
clarus_status launch_conv_items(plan *plan, int lanes, const conv_grid *grid, launch *launch,
                                clarus_error *error);
/* launch_winograd.c */
clarus_status launch_winograd(plan *plan, size_t op, const lowered_op *what, const operand *in,
                              const operand *out, clarus_error *error);
/* The weights, packed. */
clarus_status launch_weights(plan *plan, const weight_packing *pack, const packing_form *form, size_t count,
                             launch *launch, clarus_error *error);
/* The bias as the output's channels lie in their blocks, zeros between them; zeros without one. */
clarus_status launch_bias(plan *plan, const lowered_op *what, const layout *layout, launch *launch,
                          clarus_error *error);
/* Residual (the output stands in for an absent one, which is never read) and output. */
void launch_results(launch *launch, const operand *residual, const operand *out);
/* NULL without one. */
const operand *conv_residual(const lowered_op *what, const operand *in);

#endif
