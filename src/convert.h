/* Conversions between element types. */
#ifndef CLARUS_CONVERT_H
#define CLARUS_CONVERT_H

#include "lowered.h"

/* 1 for float16 and bfloat16: types that are computed in float32 and rounded. */
int convert_is_half(clarus_dtype dtype);
/* What a type of the model is computed in: float32 for those and float64, itself for others. */
clarus_dtype convert_computed(clarus_dtype dtype);
/* What its constants are kept in: float32 for half precision, itself for others. */
clarus_dtype convert_kept(clarus_dtype dtype);
/* From half precision or float64, rounded to nearest even where that is wider. */
void convert_to_float(clarus_dtype dtype, const void *from, size_t count, float *to);
/* To half precision, rounded to nearest even, or float64; to has count elements of dtype. */
void convert_from_float(clarus_dtype dtype, const float *from, size_t count, void *to);
/* Rounds float32 to the values of the type; to may be from. */
void convert_round_half(clarus_dtype dtype, const float *from, size_t count, float *to);
/* The element-wise function that rounds float32 to the values of a half-precision type. */
eltwise_function convert_rounding(clarus_dtype dtype);
/* Any type to any other as ONNX's Cast: floating point to integers truncates, and what does not fit is
 * clamped to the type's range, a NaN becomes 0; integers wrap. half-precision values are float32. 0 if a type
 * is none of float32, float64, bool and the integers. */
int convert_elements(clarus_dtype from_type, const void *from, size_t count, clarus_dtype to_type, void *to);

#endif
