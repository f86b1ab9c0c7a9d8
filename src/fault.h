/* Data that an operation cannot take, found while it runs. The oracle and devices report the same. */
#ifndef CLARUS_FAULT_H
#define CLARUS_FAULT_H

#include "lowered.h"

/* The element at `position` of what the operation checks has this value. Returns CLARUS_E_SHAPE. */
clarus_status fault_set(const lowered_op *op, int64_t position, int64_t value, clarus_error *error);

#endif
