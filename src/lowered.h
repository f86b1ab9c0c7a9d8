/* The lowered graph: the arithmetic, knowing no device.
 *
 * A list of operations of docs/numerics.md over values, in an order in which every value is written
 * before it is read and written once. It is made from a model and its input shapes alone, and two
 * executors run it: the oracle (fallback/oracle.h), plainly, and the OpenCL plan (src/plan.h), which
 * chooses layouts, tiles and launches but no other arithmetic.
 *
 * Data of a value is row-major. A few kinds of operations are enough because ONNX's many operators
 * are lowered onto them: a transpose, slice, concatenation or padding is a MOVE, batch normalisation an
 * ELTWISE multiply-add, layer normalisation a chain of REDUCE and ELTWISE. */
#ifndef CLARUS_LOWERED_H
#define CLARUS_LOWERED_H

#include "arena.h"
#include "context.h"
#include "data_file.h"
#include "shape.h"

/* Element-wise functions by number, from the one table in kernels/eltwise.def. */
typedef enum eltwise_function {
#define ELTWISE(name, arity, expression) ELTWISE_##name,
#include "eltwise.def"
#undef ELTWISE
    ELTWISE_COUNT
} eltwise_function;

/* Number of operands of a function, 1 to 3. */
int eltwise_arity(eltwise_function function);
/* As "mul_add". */
const char *eltwise_name(eltwise_function function);

/* Functions of integers, truth values and mixed types by number, from kernels/typed.def, which explains the
 * families. */
typedef enum typed_family {
    FAMILY_INTEGER,
    FAMILY_DIVISION,
    FAMILY_COMPARISON,
    FAMILY_CLASSIFICATION,
    FAMILY_SELECTION,
    FAMILY_CONVERSION
} typed_family;

typedef enum typed_function {
#define TYPED(number, text, operands, family) number,
#include "typed.def"
#undef TYPED
    TYPED_COUNT
} typed_function;

typedef struct typed_info {
    const char *name;
    int operands; /* 1 to 3 */
    typed_family family;
} typed_info;

const typed_info *typed_get(typed_function function);
/* The function of this name, or TYPED_COUNT. */
typed_function typed_find(const char *name);

typedef enum value_kind { VALUE_INPUT, VALUE_CONSTANT, VALUE_TEMPORARY } value_kind;

typedef struct lowered_value {
    value_kind kind;
    clarus_dtype dtype;
    shape shape;
    const void *data;      /* VALUE_CONSTANT: row-major, owned by the lowered graph's arena or the model */
    const char *name;      /* ONNX name, or a made-up one; never NULL */
    clarus_dtype declared; /* inputs and outputs: the model's type (half precision, float64: see convert.h) */
    const data_file *file; /* VALUE_CONSTANT without data: where it is, from offset on; the model's */
    uint64_t offset;
    int must_be_finite; /* which is found out when it is read */
    const double
        *scales;       /* by which elements of the file are multiplied, rounded to float32; NULL: by none */
    int64_t per_scale; /* elements that one scale is for */
} lowered_value;

typedef enum op_kind {
#define OP_KIND(NAME, name, types) OP_##NAME,
#include "op_kinds.def"
#undef OP_KIND
    OP_KINDS
} op_kind;

/* What follows the sum of a convolution or matrix product: + bias, + residual, function. ELTWISE takes
 * only the function. The function is unary, and the same as an ELTWISE of its own would compute. */
typedef struct op_epilogue {
    int has_bias;
    int has_residual; /* of the output's shape */
    int has_function;
    eltwise_function function;
    float a, b; /* the function's parameters */
} op_epilogue;

/* Three spatial axes: depth, height, width. One- and two-dimensional operations have extent 1 in the
 * leading ones. */
enum { SPATIAL = 3 };

typedef struct window {
    int64_t kernel[SPATIAL], stride[SPATIAL], dilation[SPATIAL];
    int64_t pad_begin[SPATIAL], pad_end[SPATIAL];
    int64_t in[SPATIAL], out[SPATIAL];
} window;

/* How a convolution is summed. The rule that chooses (winograd.h) looks at shapes alone. */
typedef enum conv_algorithm { CONV_DIRECT, CONV_WINOGRAD } conv_algorithm;

/* x [batch, in_channels, in...], w [out_channels, in_channels / groups, kernel...],
 * y [batch, out_channels, out...], float32; bias [out_channels]. */
typedef struct conv_params {
    conv_algorithm algorithm;
    int64_t batch, groups, in_channels, out_channels;
    window window;
} conv_params;

/* y[batch, m, n] = sum_k a[batch, m, k] * b[batch, k, n]; a is stored [.., m, k], or [.., k, m] with
 * trans_a; b [.., k, n], or [.., n, k] with trans_b; bias [n]. Leading dimensions broadcast to the
 * output's: batch_dims of them, strides in whole matrices, 0 where broadcast. */
typedef struct matmul_params {
    int64_t m, n, k;
    int trans_a, trans_b;
    size_t batch_rank;
    int64_t batch_dims[CLARUS_MAX_RANK];
    int64_t a_strides[CLARUS_MAX_RANK], b_strides[CLARUS_MAX_RANK];
} matmul_params;

/* POOL_INDEX: where in x, as one number, the maximum is. */
typedef enum pool_function { POOL_MAX, POOL_AVERAGE, POOL_SUM, POOL_INDEX } pool_function;

/* x [batch, channels, in...], y [batch, channels, out...]. An average divides by the number of taps
 * inside the input, or with count_padding by the number inside the padded input. An index is int64. */
typedef struct pool_params {
    pool_function function;
    int count_padding;
    int column_major; /* POOL_INDEX: the first spatial axis counts fastest */
    int64_t batch, channels;
    window window;
} pool_params;

typedef enum reduce_function {
    REDUCE_SUM,
    REDUCE_MEAN,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_PROD,
    REDUCE_SUM_SQUARE,
    REDUCE_L1
} reduce_function;

/* x's axes with reduced[i] set are summed in row-major order of those axes; y has extent 1 there (a VIEW
 * drops them if keepdims is 0). */
typedef struct reduce_params {
    reduce_function function;
    unsigned char reduced[CLARUS_MAX_RANK];
} reduce_params;

typedef struct softmax_params {
    int axis;
    int log; /* 1: log-softmax */
} softmax_params;

/* Rows of `count` elements side by side, numerics.md section 6; scale and bias have as many. */
typedef struct layer_norm_params {
    int64_t count;
    float epsilon;
} layer_norm_params;

/* a and b are parameters of the functions that have them (clip bounds, slopes). */
typedef struct eltwise_params {
    eltwise_function function;
    float a, b;
} eltwise_params;

typedef struct typed_params {
    typed_function function;
} typed_params;

/* Part i copies dims elements from input i to the output:
 *   y[to_offset + sum_k j_k * to_strides[k]] = x[from_offset + sum_k j_k * from_strides[k]]
 * for all 0 <= j_k < dims[k]; offsets and strides in elements of the row-major arrays, from_strides may be
 * 0 or negative. Parts do not overlap in the output. Elements that no part covers are `fill`. */
typedef struct move_part {
    size_t rank;
    int64_t dims[CLARUS_MAX_RANK];
    int64_t from_offset, from_strides[CLARUS_MAX_RANK];
    int64_t to_offset, to_strides[CLARUS_MAX_RANK];
} move_part;

typedef struct move_params {
    move_part *parts; /* one per input */
    int covers;       /* 1: the parts cover the whole output; 0: fill is needed */
    uint64_t fill;    /* bit pattern of one element, little-endian */
    int concat_axis;  /* the parts are a concatenation along this axis; -1: they are not */
} move_params;

/* Elements at places that other elements name (numerics.md section 3). Of position j, a point of an array of
 * these dimensions,
 *   place(j) = sum_k j_k * data_strides[k] + sum_c i_c * steps[c],
 *   i_c = indices[sum_k j_k * index_strides[k] + c],
 * i_c from -extents[c] to extents[c] - 1, negative ones counting from the end. A gather is
 * y[j] = data[place(j)]; a scatter y = data, then y[place(j)] = y[place(j)] o updates[j] for each j in
 * row-major order. Axes of a scatter with a data stride lead to places of their own. */
typedef struct indexed_params {
    size_t rank;
    int64_t dims[CLARUS_MAX_RANK], data_strides[CLARUS_MAX_RANK], index_strides[CLARUS_MAX_RANK];
    size_t components;
    int64_t extents[CLARUS_MAX_RANK], steps[CLARUS_MAX_RANK];
} indexed_params;

/* y[outer, i, inner] = sum over taps t of weights[i, t] * x[outer, indices[i, t], inner]; indices are within
 * the axis. */
typedef struct resample_params {
    int axis;
} resample_params;

/* x [batch, channels, in...], points [batch, axes, points], y [batch, channels, points]: samples at positions
 * in units of elements. function, padding, aligned: those of kernels/sampling.h. */
typedef struct sample_params {
    int function, padding, aligned;
    int64_t batch, channels, axes, points, in[SPATIAL];
} sample_params;

/* x [batch, channels, rows, columns], regions [regions, 4] (left, top, right, bottom),
 * y [regions, channels, out_rows, out_columns]. samples along each axis of an output; 0: by the region's
 * size.
 */
typedef struct roi_align_params {
    int maximum; /* 0: mean */
    float scale, offset;
    int64_t batch, channels, rows, columns, regions, out_rows, out_columns, samples;
} roi_align_params;

/* x o y, of any type but bool for sums and products. */
typedef enum combine_function {
    COMBINE_REPLACE, /* y */
    COMBINE_ADD,
    COMBINE_MUL,
    COMBINE_MIN,
    COMBINE_MAX
} combine_function;

typedef struct scatter_params {
    indexed_params places;
    combine_function function;
} scatter_params;

/* Positions along the axis of the k first elements, in order: the largest or smallest first, before all of
 * them NaN; equal ones by ascending position, or descending with last_first. */
typedef struct top_params {
    int axis, largest, last_first;
    int64_t k;
} top_params;

/* Running sums or products along the axis: of the elements up to each position or, if exclusive, before it;
 * from the end if reversed. */
typedef struct scan_params {
    combine_function function;
    int axis, exclusive, reverse;
} scan_params;

typedef struct lowered_op {
    op_kind kind;
    size_t input_count;
    size_t *inputs; /* value numbers */
    size_t output;  /* value number */
    op_epilogue epilogue;
    union {
        conv_params conv;
        matmul_params matmul;
        pool_params pool;
        reduce_params reduce;
        softmax_params softmax;
        layer_norm_params layer_norm;
        eltwise_params eltwise;
        typed_params typed;
        move_params move;
        indexed_params gather;
        resample_params resample;
        sample_params sample;
        roi_align_params roi_align;
        scatter_params scatter;
        top_params top;
        scan_params scan;
    } as;
    const char *name; /* the ONNX node that it came from */
} lowered_op;

typedef struct lowered_graph {
    clarus_context *context;
    lowered_value *values;
    size_t value_count, value_capacity;
    lowered_op *ops;
    size_t op_count, op_capacity;
    size_t *inputs, *outputs; /* value numbers, in the model's order */
    size_t input_count, output_count;
    int narrows; /* values that the model declares as float64 are computed in float32 */
    arena arena; /* names, constants and arrays */
} lowered_graph;

clarus_status lowered_create(clarus_context *context, lowered_graph **graph, clarus_error *error);
void lowered_free(lowered_graph *graph);
/* Memory that lives as long as the graph, aligned to 64 bytes; NULL if out of memory. */
void *lowered_alloc(lowered_graph *graph, size_t count, size_t size);
/* Elements of a constant of float32 that is in a file. */
clarus_status lowered_read(const lowered_graph *graph, size_t value, int64_t first, int64_t count, float *to,
                           clarus_error *error);
/* Sees to it that a constant has its data, read into the graph's memory if need be. */
clarus_status lowered_load(lowered_graph *graph, size_t value, clarus_error *error);
/* Appends a value; its number in *number. data is not copied; name is. Checks the shape against the
 * context's limits. */
clarus_status lowered_add_value(lowered_graph *graph, value_kind kind, clarus_dtype dtype, const shape *shape,
                                const void *data, const char *name, size_t *number, clarus_error *error);
/* Appends an operation of `kind` with inputs copied and all else zero, for the caller to fill in. */
clarus_status lowered_add_op(lowered_graph *graph, op_kind kind, const size_t *inputs, size_t input_count,
                             size_t output, const char *name, lowered_op **op, clarus_error *error);

/* What a step along each spatial axis adds to POOL_INDEX's number. */
void pool_index_steps(const pool_params *pool, int64_t steps[SPATIAL]);
/* As "conv". */
const char *op_kind_name(op_kind kind);
/* Multiply-adds of an operation: convolutions and matrix products, 0 for others. */
uint64_t op_macs(const lowered_graph *graph, const lowered_op *op);
/* Segment of a sum in products: whole 16-channel blocks that fit in 512, at least one block
 * (numerics.md section 4). taps: kernel positions of a convolution, 1 for a matrix product.
 * Returned in channels. */
int64_t segment_channels(int64_t taps);

#endif
