/* Where the values of a plan lie: a home for each, chosen before anything is launched, and the places where
 * it is in the end. Shared by placement.c, which chooses, and plan.c. */
#ifndef CLARUS_PLACEMENT_H
#define CLARUS_PLACEMENT_H

#include "plan.h"

enum { COPIES = 4, NOWHERE = -1 };

/* Where a value lies: its home, and copies in other layouts. */
struct placement {
    layout home;
    size_t writer;   /* of a value with a channel map: the operation */
    int64_t part_of; /* the concatenated value in whose buffer it is computed; NOWHERE: in its own */
    operand places[COPIES];
    size_t place_count;
};

static const layout plain_layout = {.kind = LAYOUT_PLAIN};
static const layout blocked_layout = {.kind = LAYOUT_BLOCKED};

/* Chooses all homes, and finds which movements of channels can wait (plan->maps). */
clarus_status placement_choose(plan *plan, clarus_error *error);
int placement_is_blocked(const plan *plan, size_t value);
/* Channel blocks that a value of four axes has. */
int64_t placement_blocks(const plan *plan, size_t value);
/* The layout in which a convolution with a halo reads its input: few channels of a direct sum as planes. */
layout placement_conv_input(const plan *plan, const lowered_op *op);

static inline int is_winograd(const lowered_op *op)
{
    return op->kind == OP_CONV && op->as.conv.algorithm == CONV_WINOGRAD;
}

/* One element. */
static inline int is_single(const shape *s)
{
    int64_t count;
    return shape_count(s, &count) && count == 1;
}

#endif
