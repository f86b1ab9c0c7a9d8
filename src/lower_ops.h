/* The lowering functions, as operators.c lists them, and what they share. */
#ifndef CLARUS_LOWER_OPS_H
#define CLARUS_LOWER_OPS_H

#include "lower.h"

/* lower.c */
void lower_if(lowering *l);

/* lower_conv.c */
void lower_conv(lowering *l);
/* x [N, C, in...] with weights [M, C / groups, kernel...], whose shapes fit; bias may be LOWER_NONE. */
size_t lower_convolve(lowering *l, size_t x, size_t weights, size_t bias, int64_t groups, const window *w);
/* The same by the direct sum, which is exact where its products and sums are. */
size_t lower_convolve_directly(lowering *l, size_t x, size_t weights, size_t bias, int64_t groups,
                               const window *w);
void lower_pool(lowering *l);        /* parameter: pool_function */
void lower_global_pool(lowering *l); /* parameter: reduce_function */
void lower_lp_pool(lowering *l);
void lower_global_lp_pool(lowering *l);
/* An attribute of one positive number per spatial axis; `otherwise` where it is absent. */
void lower_extents(lowering *l, const char *name, size_t axes, int64_t otherwise, int64_t *values);
/* Attribute pads; begin and end are left alone where it is absent. */
void lower_pads(lowering *l, size_t axes, int64_t *begin, int64_t *end);
/* Input 2, one value per channel; LOWER_NONE if it is left out. */
size_t lower_bias(lowering *l, int64_t channels);
/* Kernel (NULL: the attribute), strides, dilations and padding of the node for an input [N, C, spatial...].
 */
void lower_window(lowering *l, const shape *x, const int64_t *kernel, window *w);

/* Shapes of the weights against the input's. */
void lower_check_conv(lowering *l, const shape *x, const shape *w, int64_t groups);

/* lower_quantised.c */
void lower_quantize(lowering *l);
void lower_dequantize(lowering *l);
void lower_dynamic_quantize(lowering *l);
void lower_conv_integer(lowering *l);
void lower_matmul_integer(lowering *l);
void lower_qlinear_conv(lowering *l);
void lower_qlinear_matmul(lowering *l);
void lower_qlinear_binary(lowering *l); /* parameter: eltwise_function */
void lower_qlinear_global_pool(lowering *l);

/* lower_transposed.c */
void lower_conv_transpose(lowering *l);

/* lower_matmul.c */
void lower_matmul(lowering *l);
void lower_gemm(lowering *l);
/* a [.., m, k] times b [.., k, n], batches broadcast. */
size_t lower_product(lowering *l, size_t a, size_t b);
/* A constant factor must be finite (numerics.md section 4); input i names it. */
void lower_check_finite(lowering *l, size_t number, size_t i);

/* lower_eltwise.c; parameter: eltwise_function unless said */
void lower_unary_node(lowering *l);
void lower_binary_node(lowering *l);
void lower_binary_legacy(lowering *l); /* opset 1 to 6: attributes broadcast and axis */
void lower_variadic(lowering *l);
void lower_mean(lowering *l);     /* no parameter */
void lower_clip(lowering *l);     /* no parameter */
void lower_alpha(lowering *l);    /* functions of one parameter, "alpha" */
void lower_selu(lowering *l);     /* no parameter */
void lower_celu(lowering *l);     /* no parameter */
void lower_mish(lowering *l);     /* no parameter */
void lower_softsign(lowering *l); /* no parameter */
void lower_hard(lowering *l);     /* hard_sigmoid, hard_swish */
void lower_gelu(lowering *l);     /* no parameter */
void lower_swish(lowering *l);    /* no parameter */
void lower_swiglu(lowering *l);   /* no parameter */
void lower_shrink(lowering *l);   /* no parameter */
void lower_prelu(lowering *l);    /* no parameter */

/* lower_reduce.c */
void lower_softmax(lowering *l);   /* parameter: 1 for the logarithm */
void lower_reduce(lowering *l);    /* parameter: reduce_function */
void lower_reduce_l2(lowering *l); /* no parameter */
void lower_reduce_log_sum(lowering *l);
void lower_reduce_log_sum_exp(lowering *l);

/* lower_norm.c */
void lower_batch_norm(lowering *l);
void lower_instance_norm(lowering *l);
void lower_group_norm(lowering *l);
void lower_layer_norm(lowering *l);
void lower_rms_norm(lowering *l);
void lower_lrn(lowering *l);
void lower_lp_norm(lowering *l);
void lower_mean_variance_norm(lowering *l);

/* lower_shape.c: other shapes of the same elements */
void lower_reshape(lowering *l);
void lower_flatten(lowering *l);
void lower_squeeze(lowering *l);
void lower_unsqueeze(lowering *l);
void lower_identity(lowering *l);
void lower_dropout(lowering *l);
void lower_transpose_node(lowering *l);
/* Axes from the attribute (older opsets) or from input i: count of them in axes, marked in set; absent is
 * none. */
size_t lower_axes(lowering *l, size_t i, size_t rank, unsigned char set[CLARUS_MAX_RANK], int *given);

/* lower_concat.c */
void lower_concat(lowering *l);
/* The inputs one after the other along an axis; the list is used up. */
size_t lower_join(lowering *l, size_t *inputs, size_t count, size_t axis);

/* lower_move.c: parts and repetitions of values */
void lower_split(lowering *l);
void lower_slice(lowering *l);
void lower_expand(lowering *l);
void lower_tile(lowering *l);
void lower_pad(lowering *l);
void lower_gather(lowering *l);
void lower_reverse_sequence(lowering *l);
void lower_center_crop_pad(lowering *l);
void lower_trilu(lowering *l);
/* start, start + step, ... along an axis: count of them, within it. */
size_t lower_part(lowering *l, size_t x, size_t axis, int64_t start, int64_t step, int64_t count);
/* Each part along an axis as often as `times`, one after the other. */
size_t lower_repeat(lowering *l, size_t x, size_t axis, int64_t times);
/* x's elements at these indices along an axis, as Gather. */
size_t lower_take(lowering *l, size_t x, size_t indices, size_t axis);
void lower_depth_to_space(lowering *l);
void lower_space_to_depth(lowering *l);

/* lower_index.c: places that indices name; lines of an axis */
void lower_gather_elements(lowering *l);
void lower_gather_nd(lowering *l);
void lower_scatter_elements(lowering *l);
void lower_scatter_nd(lowering *l);
void lower_max_unpool(lowering *l);
void lower_top_k(lowering *l);
void lower_arg(lowering *l); /* parameter: 1 for the largest */
void lower_hardmax(lowering *l);
void lower_one_hot(lowering *l);
void lower_scan(lowering *l); /* parameter: combine_function */
/* Indices must be int32 or int64 and, where they are constant, within the extents, which follow each other in
 * turn. */
void lower_check_indices(lowering *l, size_t indices, const int64_t *extents, size_t components);

/* lower_attention.c */
void lower_attention(lowering *l);
void lower_rotary_embedding(lowering *l);

/* lower_col2im.c */
void lower_col2im(lowering *l);

/* lower_det.c */
void lower_det(lowering *l);

/* lower_einsum.c */
void lower_einsum(lowering *l);

/* lower_selection.c: outputs whose shape depends on data */
void lower_nonzero(lowering *l);
void lower_compress(lowering *l);
void lower_non_max_suppression(lowering *l);
/* As many elements of `fill` (bits of one element) before and behind each axis; fewer than 0 cut. */
size_t lower_pad_constant(lowering *l, size_t x, const int64_t *begin, const int64_t *end, uint64_t fill);

/* lower_resize.c */
void lower_resize(lowering *l);
void lower_upsample(lowering *l); /* and Resize of opset 10 */

/* lower_sample.c */
void lower_grid_sample(lowering *l);
void lower_affine_grid(lowering *l);
void lower_roi_align(lowering *l);
void lower_deform_conv(lowering *l);

/* fold.c: values that are known at load time */
void lower_constant_node(lowering *l);
void lower_constant_of_shape(lowering *l);
void lower_eye_like(lowering *l);
/* A constant whose elements are all this one. */
size_t lower_filled(lowering *l, clarus_dtype dtype, const shape *shape, const void *element);
void lower_shape_node(lowering *l);
void lower_size(lowering *l);
void lower_range(lowering *l);

/* lower_typed.c: integers, truth values and mixed types */
void lower_cast(lowering *l); /* parameter: 1 for the type of input 1 */
void lower_where(lowering *l);
void lower_compare(lowering *l); /* parameter: typed_function, whose result is bool */
void lower_bitwise(lowering *l); /* parameter: typed_function, of integers */
void lower_bit_shift(lowering *l);
void lower_mod(lowering *l);
void lower_pow(lowering *l);
void lower_is_nan(lowering *l);
void lower_is_inf(lowering *l);

#endif
