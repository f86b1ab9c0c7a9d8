/* What every kernel file includes first: no contraction, and the width of vectors. */
#ifndef CLARUS_KERNEL_H
#define CLARUS_KERNEL_H

#pragma OPENCL FP_CONTRACT OFF

#ifdef CLARUS_BUILTINS
#include "builtins.h"
#endif

/* CLARUS_TYPE(vload, 16, ) is vload16, also where 16 is a macro. */
#define CLARUS_JOIN(a, b, c) a##b##c
#define CLARUS_TYPE(a, lanes, c) CLARUS_JOIN(a, lanes, c)

/* CLARUS_KERNEL void name(...): LLVM on x86 splits 16 floats into two registers of 256 bits unless told
 * otherwise. */
#define CLARUS_KERNEL __kernel
#ifdef __has_attribute
#if __has_attribute(min_vector_width)
#undef CLARUS_KERNEL
#define CLARUS_KERNEL __kernel __attribute__((min_vector_width(512)))
#endif
#endif

#endif
