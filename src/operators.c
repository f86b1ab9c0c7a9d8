#include "operators.h"

#include "lower_ops.h"

#include <stdio.h>
#include <string.h>

enum {
    NEWEST = GRAPH_NEWEST_OPSET,
    HALF = OPERATOR_KEEPS_HALF,
    MOVES = OPERATOR_KEEPS_HALF | OPERATOR_MOVES,
    CONVERTS = OPERATOR_MOVES,
    CHOOSES = MOVES | OPERATOR_CHOOSES
};

/* Sets of element types. */
enum {
    FLOAT = TYPES_FLOAT,
    INT32 = TYPE_BIT(CLARUS_INT32),
    BYTE = TYPE_BIT(CLARUS_INT8) | TYPE_BIT(CLARUS_UINT8),
    QUANTISED = BYTE | TYPE_BIT(CLARUS_INT16) | TYPE_BIT(CLARUS_UINT16) | INT32,
    UNSIGNED =
        TYPE_BIT(CLARUS_UINT8) | TYPE_BIT(CLARUS_UINT16) | TYPE_BIT(CLARUS_UINT32) | TYPE_BIT(CLARUS_UINT64),
    INTEGER = TYPES_INTEGER,
    NUMBER = FLOAT | INTEGER,
    BOOL = TYPE_BIT(CLARUS_BOOL),
    ALL = NUMBER | BOOL
};

/* Sorted by name; the rows of one name by opset. A row is good for all opsets from its first to its last, the
 * differences between them being handled where the node is lowered. */
static const operator_row rows[] = {
    {"Abs", 1, NEWEST, lower_unary_node, ELTWISE_abs, 1, HALF, NUMBER},
    {"Acos", 7, NEWEST, lower_unary_node, ELTWISE_acos, 1, 0, FLOAT},
    {"Acosh", 9, NEWEST, lower_unary_node, ELTWISE_acosh, 1, 0, FLOAT},
    {"Add", 1, 6, lower_binary_legacy, ELTWISE_add, 1, 0, NUMBER},
    {"Add", 7, NEWEST, lower_binary_node, ELTWISE_add, 1, 0, NUMBER},
    {"AffineGrid", 20, NEWEST, lower_affine_grid, 0, 1, 0, FLOAT},
    {"And", 7, NEWEST, lower_compare, TYPED_bit_and, 1, 0, BOOL},
    {"ArgMax", 1, NEWEST, lower_arg, 1, 1, HALF, NUMBER},
    {"ArgMin", 1, NEWEST, lower_arg, 0, 1, HALF, NUMBER},
    {"Asin", 7, NEWEST, lower_unary_node, ELTWISE_asin, 1, 0, FLOAT},
    {"Asinh", 9, NEWEST, lower_unary_node, ELTWISE_asinh, 1, 0, FLOAT},
    {"Atan", 7, NEWEST, lower_unary_node, ELTWISE_atan, 1, 0, FLOAT},
    {"Atanh", 9, NEWEST, lower_unary_node, ELTWISE_atanh, 1, 0, FLOAT},
    {"Attention", 23, NEWEST, lower_attention, 0, 4, 0, FLOAT},
    {"AveragePool", 1, NEWEST, lower_pool, POOL_AVERAGE, 1, 0, FLOAT},
    {"BatchNormalization", 7, NEWEST, lower_batch_norm, 0, 1, 0, FLOAT},
    {"BitShift", 11, NEWEST, lower_bit_shift, 0, 1, 0, UNSIGNED},
    {"BitwiseAnd", 18, NEWEST, lower_bitwise, TYPED_bit_and, 1, 0, INTEGER},
    {"BitwiseNot", 18, NEWEST, lower_bitwise, TYPED_bit_not, 1, 0, INTEGER},
    {"BitwiseOr", 18, NEWEST, lower_bitwise, TYPED_bit_or, 1, 0, INTEGER},
    {"BitwiseXor", 18, NEWEST, lower_bitwise, TYPED_bit_xor, 1, 0, INTEGER},
    {"Cast", 6, NEWEST, lower_cast, 0, 1, CONVERTS, ALL},
    {"CastLike", 15, NEWEST, lower_cast, 1, 1, CONVERTS, ALL},
    {"Ceil", 1, NEWEST, lower_unary_node, ELTWISE_ceil, 1, HALF, FLOAT},
    {"Celu", 12, NEWEST, lower_celu, 0, 1, 0, FLOAT},
    {"CenterCropPad", 18, NEWEST, lower_center_crop_pad, 0, 1, MOVES, ALL},
    {"Clip", 6, NEWEST, lower_clip, 0, 1, 0, NUMBER},
    {"Col2Im", 18, NEWEST, lower_col2im, 0, 1, 0, NUMBER},
    {"Compress", 9, NEWEST, lower_compress, 0, 1, MOVES, ALL},
    {"Concat", 4, NEWEST, lower_concat, 0, 1, MOVES, ALL},
    {"Constant", 1, NEWEST, lower_constant_node, 0, 1, MOVES, ALL},
    {"ConstantOfShape", 9, NEWEST, lower_constant_of_shape, 0, 1, MOVES, ALL},
    {"Conv", 1, NEWEST, lower_conv, 0, 1, 0, FLOAT},
    {"ConvInteger", 10, NEWEST, lower_conv_integer, 0, 1, 0, BYTE},
    {"ConvTranspose", 1, NEWEST, lower_conv_transpose, 0, 1, 0, FLOAT},
    {"Cos", 7, NEWEST, lower_unary_node, ELTWISE_cos, 1, 0, FLOAT},
    {"Cosh", 9, NEWEST, lower_unary_node, ELTWISE_cosh, 1, 0, FLOAT},
    {"CumProd", 26, NEWEST, lower_scan, COMBINE_MUL, 1, 0, NUMBER},
    {"CumSum", 11, NEWEST, lower_scan, COMBINE_ADD, 1, 0, NUMBER},
    {"DeformConv", 19, NEWEST, lower_deform_conv, 0, 1, 0, FLOAT},
    {"DepthToSpace", 1, NEWEST, lower_depth_to_space, 0, 1, MOVES, ALL},
    {"DequantizeLinear", 10, NEWEST, lower_dequantize, 0, 1, 0, QUANTISED},
    {"Det", 11, NEWEST, lower_det, 0, 1, 0, FLOAT},
    {"Div", 1, 6, lower_binary_legacy, ELTWISE_div, 1, 0, NUMBER},
    {"Div", 7, NEWEST, lower_binary_node, ELTWISE_div, 1, 0, NUMBER},
    {"Dropout", 7, NEWEST, lower_dropout, 0, 2, MOVES, ALL},
    {"DynamicQuantizeLinear", 11, NEWEST, lower_dynamic_quantize, 0, 3, 0, FLOAT},
    {"Einsum", 12, NEWEST, lower_einsum, 0, 1, 0, FLOAT},
    {"Elu", 6, NEWEST, lower_alpha, ELTWISE_elu, 1, 0, FLOAT},
    {"Equal", 7, NEWEST, lower_compare, TYPED_equal, 1, 0, ALL},
    {"Erf", 9, NEWEST, lower_unary_node, ELTWISE_erf, 1, 0, FLOAT},
    {"Exp", 1, NEWEST, lower_unary_node, ELTWISE_exp, 1, 0, FLOAT},
    {"Expand", 8, NEWEST, lower_expand, 0, 1, MOVES, ALL},
    {"EyeLike", 9, NEWEST, lower_eye_like, 0, 1, MOVES, ALL},
    {"Flatten", 1, NEWEST, lower_flatten, 0, 1, MOVES, ALL},
    {"Floor", 1, NEWEST, lower_unary_node, ELTWISE_floor, 1, HALF, FLOAT},
    {"Gather", 1, NEWEST, lower_gather, 0, 1, MOVES, ALL},
    {"GatherElements", 11, NEWEST, lower_gather_elements, 0, 1, MOVES, ALL},
    {"GatherND", 11, NEWEST, lower_gather_nd, 0, 1, MOVES, ALL},
    {"Gelu", 20, NEWEST, lower_gelu, 0, 1, 0, FLOAT},
    {"Gemm", 7, NEWEST, lower_gemm, 0, 1, 0, FLOAT},
    {"GlobalAveragePool", 1, NEWEST, lower_global_pool, REDUCE_MEAN, 1, 0, FLOAT},
    {"GlobalLpPool", 1, NEWEST, lower_global_lp_pool, 0, 1, 0, FLOAT},
    {"GlobalMaxPool", 1, NEWEST, lower_global_pool, REDUCE_MAX, 1, HALF, FLOAT},
    {"Greater", 7, NEWEST, lower_compare, TYPED_greater, 1, 0, NUMBER},
    {"GreaterOrEqual", 12, NEWEST, lower_compare, TYPED_greater_equal, 1, 0, NUMBER},
    {"GridSample", 16, NEWEST, lower_grid_sample, 0, 1, 0, FLOAT},
    {"GroupNormalization", 18, NEWEST, lower_group_norm, 0, 1, 0, FLOAT},
    {"HardSigmoid", 6, NEWEST, lower_hard, ELTWISE_hard_sigmoid, 1, 0, FLOAT},
    {"HardSwish", 14, NEWEST, lower_hard, ELTWISE_hard_swish, 1, 0, FLOAT},
    {"Hardmax", 1, NEWEST, lower_hardmax, 0, 1, HALF, FLOAT},
    {"Identity", 1, NEWEST, lower_identity, 0, 1, MOVES, ALL},
    {"If", 1, NEWEST, lower_if, 0, SIZE_MAX, CHOOSES, ALL},
    {"InstanceNormalization", 6, NEWEST, lower_instance_norm, 0, 1, 0, FLOAT},
    {"IsInf", 10, NEWEST, lower_is_inf, 0, 1, 0, FLOAT},
    {"IsNaN", 9, NEWEST, lower_is_nan, 0, 1, 0, FLOAT},
    {"LRN", 1, NEWEST, lower_lrn, 0, 1, 0, FLOAT},
    {"LayerNormalization", 17, NEWEST, lower_layer_norm, 0, 3, 0, FLOAT},
    {"LeakyRelu", 6, NEWEST, lower_alpha, ELTWISE_leaky_relu, 1, 0, FLOAT},
    {"Less", 7, NEWEST, lower_compare, TYPED_less, 1, 0, NUMBER},
    {"LessOrEqual", 12, NEWEST, lower_compare, TYPED_less_equal, 1, 0, NUMBER},
    {"Log", 1, NEWEST, lower_unary_node, ELTWISE_log, 1, 0, FLOAT},
    {"LogSoftmax", 1, NEWEST, lower_softmax, 1, 1, 0, FLOAT},
    {"LpNormalization", 1, NEWEST, lower_lp_norm, 0, 1, 0, FLOAT},
    {"LpPool", 1, NEWEST, lower_lp_pool, 0, 1, 0, FLOAT},
    {"MatMul", 1, NEWEST, lower_matmul, 0, 1, 0, FLOAT},
    {"MatMulInteger", 10, NEWEST, lower_matmul_integer, 0, 1, 0, BYTE},
    {"Max", 6, NEWEST, lower_variadic, ELTWISE_max, 1, HALF, NUMBER},
    {"MaxPool", 1, NEWEST, lower_pool, POOL_MAX, 2, HALF, FLOAT | BYTE},
    {"MaxUnpool", 9, NEWEST, lower_max_unpool, 0, 1, HALF, FLOAT},
    {"Mean", 6, NEWEST, lower_mean, 0, 1, 0, FLOAT},
    {"MeanVarianceNormalization", 9, NEWEST, lower_mean_variance_norm, 0, 1, 0, FLOAT},
    {"Min", 6, NEWEST, lower_variadic, ELTWISE_min, 1, HALF, NUMBER},
    {"Mish", 18, NEWEST, lower_mish, 0, 1, 0, FLOAT},
    {"Mod", 10, NEWEST, lower_mod, 0, 1, 0, NUMBER},
    {"Mul", 1, 6, lower_binary_legacy, ELTWISE_mul, 1, 0, NUMBER},
    {"Mul", 7, NEWEST, lower_binary_node, ELTWISE_mul, 1, 0, NUMBER},
    {"Neg", 1, NEWEST, lower_unary_node, ELTWISE_neg, 1, HALF, NUMBER},
    {"NonMaxSuppression", 10, NEWEST, lower_non_max_suppression, 0, 1, 0, FLOAT},
    {"NonZero", 9, NEWEST, lower_nonzero, 0, 1, 0, ALL},
    {"Not", 1, NEWEST, lower_compare, TYPED_not, 1, 0, BOOL},
    {"OneHot", 9, NEWEST, lower_one_hot, 0, 1, HALF, NUMBER},
    {"Or", 7, NEWEST, lower_compare, TYPED_bit_or, 1, 0, BOOL},
    {"PRelu", 7, NEWEST, lower_prelu, 0, 1, 0, NUMBER},
    {"Pad", 2, NEWEST, lower_pad, 0, 1, MOVES, ALL},
    {"Pow", 7, NEWEST, lower_pow, 0, 1, 0, NUMBER},
    {"QLinearConv", 10, NEWEST, lower_qlinear_conv, 0, 1, 0, BYTE},
    {"QLinearMatMul", 10, NEWEST, lower_qlinear_matmul, 0, 1, 0, BYTE},
    {"QuantizeLinear", 10, NEWEST, lower_quantize, 0, 1, 0, FLOAT | INT32},
    {"RMSNormalization", 23, NEWEST, lower_rms_norm, 0, 1, 0, FLOAT},
    {"Range", 11, NEWEST, lower_range, 0, 1, 0, NUMBER},
    {"Reciprocal", 1, NEWEST, lower_unary_node, ELTWISE_reciprocal, 1, 0, FLOAT},
    {"ReduceL1", 1, NEWEST, lower_reduce, REDUCE_L1, 1, 0, NUMBER},
    {"ReduceL2", 1, NEWEST, lower_reduce_l2, 0, 1, 0, NUMBER},
    {"ReduceLogSum", 1, NEWEST, lower_reduce_log_sum, 0, 1, 0, NUMBER},
    {"ReduceLogSumExp", 1, NEWEST, lower_reduce_log_sum_exp, 0, 1, 0, NUMBER},
    {"ReduceMax", 1, NEWEST, lower_reduce, REDUCE_MAX, 1, HALF, NUMBER | BOOL},
    {"ReduceMean", 1, NEWEST, lower_reduce, REDUCE_MEAN, 1, 0, NUMBER},
    {"ReduceMin", 1, NEWEST, lower_reduce, REDUCE_MIN, 1, HALF, NUMBER | BOOL},
    {"ReduceProd", 1, NEWEST, lower_reduce, REDUCE_PROD, 1, 0, NUMBER},
    {"ReduceSum", 1, NEWEST, lower_reduce, REDUCE_SUM, 1, 0, NUMBER},
    {"ReduceSumSquare", 1, NEWEST, lower_reduce, REDUCE_SUM_SQUARE, 1, 0, NUMBER},
    {"Relu", 1, NEWEST, lower_unary_node, ELTWISE_relu, 1, HALF, NUMBER},
    {"Reshape", 1, NEWEST, lower_reshape, 0, 1, MOVES, ALL},
    {"Resize", 10, 10, lower_upsample, 0, 1, 0, ALL},
    {"Resize", 11, NEWEST, lower_resize, 0, 1, 0, ALL},
    {"ReverseSequence", 10, NEWEST, lower_reverse_sequence, 0, 1, MOVES, ALL},
    {"RoiAlign", 10, NEWEST, lower_roi_align, 0, 1, 0, FLOAT},
    {"RotaryEmbedding", 23, NEWEST, lower_rotary_embedding, 0, 1, 0, FLOAT},
    {"Round", 11, NEWEST, lower_unary_node, ELTWISE_round, 1, HALF, FLOAT},
    {"Scatter", 9, 10, lower_scatter_elements, 0, 1, 0, ALL},
    {"ScatterElements", 11, NEWEST, lower_scatter_elements, 0, 1, 0, ALL},
    {"ScatterND", 11, NEWEST, lower_scatter_nd, 0, 1, 0, ALL},
    {"Selu", 6, NEWEST, lower_selu, 0, 1, 0, FLOAT},
    {"Shape", 1, NEWEST, lower_shape_node, 0, 1, CONVERTS, ALL},
    {"Shrink", 9, NEWEST, lower_shrink, 0, 1, 0, FLOAT},
    {"Sigmoid", 1, NEWEST, lower_unary_node, ELTWISE_sigmoid, 1, 0, FLOAT},
    {"Sign", 9, NEWEST, lower_unary_node, ELTWISE_sign, 1, HALF, NUMBER},
    {"Sin", 7, NEWEST, lower_unary_node, ELTWISE_sin, 1, 0, FLOAT},
    {"Sinh", 9, NEWEST, lower_unary_node, ELTWISE_sinh, 1, 0, FLOAT},
    {"Size", 1, NEWEST, lower_size, 0, 1, CONVERTS, ALL},
    {"Slice", 1, NEWEST, lower_slice, 0, 1, MOVES, ALL},
    {"Softmax", 1, NEWEST, lower_softmax, 0, 1, 0, FLOAT},
    {"Softplus", 1, NEWEST, lower_unary_node, ELTWISE_softplus, 1, 0, FLOAT},
    {"Softsign", 1, NEWEST, lower_softsign, 0, 1, 0, FLOAT},
    {"SpaceToDepth", 1, NEWEST, lower_space_to_depth, 0, 1, MOVES, ALL},
    {"Split", 2, NEWEST, lower_split, 0, SIZE_MAX, MOVES, ALL},
    {"Sqrt", 1, NEWEST, lower_unary_node, ELTWISE_sqrt, 1, 0, FLOAT},
    {"Squeeze", 1, NEWEST, lower_squeeze, 0, 1, MOVES, ALL},
    {"Sub", 1, 6, lower_binary_legacy, ELTWISE_sub, 1, 0, NUMBER},
    {"Sub", 7, NEWEST, lower_binary_node, ELTWISE_sub, 1, 0, NUMBER},
    {"Sum", 6, NEWEST, lower_variadic, ELTWISE_add, 1, 0, NUMBER},
    {"SwiGLU", 28, NEWEST, lower_swiglu, 0, 1, 0, FLOAT},
    {"Swish", 24, NEWEST, lower_swish, 0, 1, 0, FLOAT},
    {"Tan", 7, NEWEST, lower_unary_node, ELTWISE_tan, 1, 0, FLOAT},
    {"Tanh", 1, NEWEST, lower_unary_node, ELTWISE_tanh, 1, 0, FLOAT},
    {"ThresholdedRelu", 10, NEWEST, lower_alpha, ELTWISE_threshold, 1, HALF, FLOAT},
    {"Tile", 6, NEWEST, lower_tile, 0, 1, MOVES, ALL},
    {"TopK", 1, NEWEST, lower_top_k, 0, 2, HALF, NUMBER},
    {"Transpose", 1, NEWEST, lower_transpose_node, 0, 1, MOVES, ALL},
    {"Trilu", 14, NEWEST, lower_trilu, 0, 1, MOVES, ALL},
    {"Unsqueeze", 1, NEWEST, lower_unsqueeze, 0, 1, MOVES, ALL},
    {"Upsample", 7, 9, lower_upsample, 0, 1, 0, ALL},
    {"Where", 9, NEWEST, lower_where, 0, 1, CHOOSES, ALL},
    {"Xor", 7, NEWEST, lower_compare, TYPED_bit_xor, 1, 0, BOOL},
};

/* The operators of com.microsoft that int8 networks have. */
static const operator_row microsoft_rows[] = {
    {"QLinearAdd", 0, NEWEST, lower_qlinear_binary, ELTWISE_add, 1, 0, BYTE},
    {"QLinearGlobalAveragePool", 0, NEWEST, lower_qlinear_global_pool, 0, 1, 0, BYTE},
    {"QLinearMul", 0, NEWEST, lower_qlinear_binary, ELTWISE_mul, 1, 0, BYTE},
};

/* The rows of a domain: count of them. */
static const operator_row *domain_rows(const char *domain, size_t *count)
{
    if (graph_is_default_domain(domain)) {
        *count = sizeof rows / sizeof *rows;
        return rows;
    }
    *count = strcmp(domain, "com.microsoft") == 0 ? sizeof microsoft_rows / sizeof *microsoft_rows : 0;
    return microsoft_rows;
}

const operator_row *operator_row_at(size_t i)
{
    return i < sizeof rows / sizeof *rows ? &rows[i] : NULL;
}

/* The first row of this name, or NULL. */
static const operator_row *find_name(const char *domain, const char *name)
{
    size_t low = 0, count;
    const operator_row *list = domain_rows(domain, &count);
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(list[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && strcmp(list[low].name, name) == 0 ? &list[low] : NULL;
}

const operator_row *operator_find(const graph_node *node)
{
    size_t count;
    const operator_row *end = domain_rows(node->domain, &count) + count;
    const operator_row *row = find_name(node->domain, node->op);
    while (row && row->last_opset < node->opset)
        row = row + 1 < end && strcmp(row[1].name, node->op) == 0 ? row + 1 : NULL;
    return row && row->first_opset <= node->opset ? row : NULL;
}

/* What image networks do not have, by the beginning of the operator's name. */
static const char *refusal(const char *op)
{
    static const struct {
        const char *prefix, *reason;
    } kinds[] = {{"Adagrad", "training operators are not supported"},
                 {"Adam", "training operators are not supported"},
                 {"Gradient", "training operators are not supported"},
                 {"Momentum", "training operators are not supported"},
                 {"NegativeLogLikelihoodLoss", "training operators are not supported"},
                 {"SoftmaxCrossEntropyLoss", "training operators are not supported"},
                 {"GRU", "recurrent layers are not supported"},
                 {"LSTM", "recurrent layers are not supported"},
                 {"RNN", "recurrent layers are not supported"},
                 {"Loop", "loops are not supported"},
                 {"Scan", "loops are not supported"},
                 {"Bernoulli", "random numbers are not supported"},
                 {"Multinomial", "random numbers are not supported"},
                 {"Random", "random numbers are not supported"},
                 {"ConcatFromSequence", "sequences are not supported"},
                 {"Sequence", "sequences are not supported"},
                 {"SplitToSequence", "sequences are not supported"},
                 {"Optional", "optional values are not supported"},
                 {"RegexFullMatch", "strings are not supported"},
                 {"String", "strings are not supported"},
                 {"TfIdfVectorizer", "strings are not supported"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(op, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].reason;
    return "the operator is not supported";
}

int operator_unsupported(const graph *graph, const graph_node *node, char *text, size_t size)
{
    const operator_row *row = operator_find(node);
    if (!row && !find_name(node->domain, node->op)) {
        snprintf(text, size, "%s", refusal(node->op));
        return 1;
    }
    if (!row) {
        snprintf(text, size, "the operator is not supported in this opset");
        return 1;
    }
    for (size_t i = row->outputs; i < node->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE && graph->values[node->outputs[i]].uses) {
            snprintf(text, size, "its output %zu, \"%.100s\", is not supported", i, node->output_names[i]);
            return 1;
        }
    for (size_t i = 0; i < node->input_count; i++) {
        const graph_tensor *tensor =
            node->inputs[i] == GRAPH_NONE ? NULL : graph->values[node->inputs[i]].tensor;
        if (tensor && !tensor->dtype) {
            snprintf(text, size, "the type of its input \"%.100s\" is not supported", node->input_names[i]);
            return 1;
        }
    }
    return 0;
}
