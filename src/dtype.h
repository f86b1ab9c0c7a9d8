/* Types of elements. */
#ifndef CLARUS_DTYPE_H
#define CLARUS_DTYPE_H

#include "clarus.h"

/* An integer type as kernels/typed.h has it: its width, 1 for bool; 0 for floating point. */
typedef struct integer_type {
    int bits, is_signed;
} integer_type;

integer_type dtype_integer(clarus_dtype dtype);

#endif
