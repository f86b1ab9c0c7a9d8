#include "operators.h"

#include "lower_ops.h"

#include <stdio.h>
#include <string.h>

enum {
    NEWEST = GRAPH_NEWEST_OPSET,
    HALF = OPERATOR_KEEPS_HALF,
    MOVES = OPERATOR_KEEPS_HALF | OPERATOR_MOVES,
    CONVERTS = OPERATOR_MOVES
};

/* Sorted by name; the rows of one name by opset. A row is good for all opsets from its first to its last, the
 * differences between them being handled where the node is lowered. */
static const operator_row rows[] = {
    {"Abs", 1, NEWEST, lower_unary_node, ELTWISE_abs, 1, HALF},
    {"Acos", 7, NEWEST, lower_unary_node, ELTWISE_acos, 1, 0},
    {"Acosh", 9, NEWEST, lower_unary_node, ELTWISE_acosh, 1, 0},
    {"Add", 1, 6, lower_binary_legacy, ELTWISE_add, 1, 0},
    {"Add", 7, NEWEST, lower_binary_node, ELTWISE_add, 1, 0},
    {"AffineGrid", 20, NEWEST, lower_affine_grid, 0, 1, 0},
    {"And", 7, NEWEST, lower_logical, TYPED_bit_and, 1, 0},
    {"ArgMax", 1, NEWEST, lower_arg, 1, 1, HALF},
    {"ArgMin", 1, NEWEST, lower_arg, 0, 1, HALF},
    {"Asin", 7, NEWEST, lower_unary_node, ELTWISE_asin, 1, 0},
    {"Asinh", 9, NEWEST, lower_unary_node, ELTWISE_asinh, 1, 0},
    {"Atan", 7, NEWEST, lower_unary_node, ELTWISE_atan, 1, 0},
    {"Atanh", 9, NEWEST, lower_unary_node, ELTWISE_atanh, 1, 0},
    {"Attention", 23, NEWEST, lower_attention, 0, 4, 0},
    {"AveragePool", 1, NEWEST, lower_pool, POOL_AVERAGE, 1, 0},
    {"BatchNormalization", 7, NEWEST, lower_batch_norm, 0, 1, 0},
    {"BitShift", 11, NEWEST, lower_bit_shift, 0, 1, 0},
    {"BitwiseAnd", 18, NEWEST, lower_bitwise, TYPED_bit_and, 1, 0},
    {"BitwiseNot", 18, NEWEST, lower_bitwise, TYPED_bit_not, 1, 0},
    {"BitwiseOr", 18, NEWEST, lower_bitwise, TYPED_bit_or, 1, 0},
    {"BitwiseXor", 18, NEWEST, lower_bitwise, TYPED_bit_xor, 1, 0},
    {"Cast", 6, NEWEST, lower_cast, 0, 1, CONVERTS},
    {"CastLike", 15, NEWEST, lower_cast, 1, 1, CONVERTS},
    {"Ceil", 1, NEWEST, lower_unary_node, ELTWISE_ceil, 1, HALF},
    {"Celu", 12, NEWEST, lower_celu, 0, 1, 0},
    {"CenterCropPad", 18, NEWEST, lower_center_crop_pad, 0, 1, MOVES},
    {"Clip", 6, NEWEST, lower_clip, 0, 1, 0},
    {"Col2Im", 18, NEWEST, lower_col2im, 0, 1, 0},
    {"Compress", 9, NEWEST, lower_compress, 0, 1, MOVES},
    {"Concat", 4, NEWEST, lower_concat, 0, 1, MOVES},
    {"Constant", 1, NEWEST, lower_constant_node, 0, 1, MOVES},
    {"ConstantOfShape", 9, NEWEST, lower_constant_of_shape, 0, 1, MOVES},
    {"Conv", 1, NEWEST, lower_conv, 0, 1, 0},
    {"ConvInteger", 10, NEWEST, lower_conv_integer, 0, 1, 0},
    {"ConvTranspose", 1, NEWEST, lower_conv_transpose, 0, 1, 0},
    {"Cos", 7, NEWEST, lower_unary_node, ELTWISE_cos, 1, 0},
    {"Cosh", 9, NEWEST, lower_unary_node, ELTWISE_cosh, 1, 0},
    {"CumProd", 26, NEWEST, lower_scan, COMBINE_MUL, 1, 0},
    {"CumSum", 11, NEWEST, lower_scan, COMBINE_ADD, 1, 0},
    {"DeformConv", 19, NEWEST, lower_deform_conv, 0, 1, 0},
    {"DepthToSpace", 1, NEWEST, lower_depth_to_space, 0, 1, MOVES},
    {"DequantizeLinear", 10, NEWEST, lower_dequantize, 0, 1, 0},
    {"Det", 11, NEWEST, lower_det, 0, 1, 0},
    {"Div", 1, 6, lower_binary_legacy, ELTWISE_div, 1, 0},
    {"Div", 7, NEWEST, lower_binary_node, ELTWISE_div, 1, 0},
    {"Dropout", 7, NEWEST, lower_dropout, 0, 2, MOVES},
    {"DynamicQuantizeLinear", 11, NEWEST, lower_dynamic_quantize, 0, 3, 0},
    {"Einsum", 12, NEWEST, lower_einsum, 0, 1, 0},
    {"Elu", 6, NEWEST, lower_alpha, ELTWISE_elu, 1, 0},
    {"Equal", 7, NEWEST, lower_compare, TYPED_equal, 1, 0},
    {"Erf", 9, NEWEST, lower_unary_node, ELTWISE_erf, 1, 0},
    {"Exp", 1, NEWEST, lower_unary_node, ELTWISE_exp, 1, 0},
    {"Expand", 8, NEWEST, lower_expand, 0, 1, MOVES},
    {"EyeLike", 9, NEWEST, lower_eye_like, 0, 1, MOVES},
    {"Flatten", 1, NEWEST, lower_flatten, 0, 1, MOVES},
    {"Floor", 1, NEWEST, lower_unary_node, ELTWISE_floor, 1, HALF},
    {"Gather", 1, NEWEST, lower_gather, 0, 1, MOVES},
    {"GatherElements", 11, NEWEST, lower_gather_elements, 0, 1, MOVES},
    {"GatherND", 11, NEWEST, lower_gather_nd, 0, 1, MOVES},
    {"Gelu", 20, NEWEST, lower_gelu, 0, 1, 0},
    {"Gemm", 7, NEWEST, lower_gemm, 0, 1, 0},
    {"GlobalAveragePool", 1, NEWEST, lower_global_pool, REDUCE_MEAN, 1, 0},
    {"GlobalLpPool", 1, NEWEST, lower_global_lp_pool, 0, 1, 0},
    {"GlobalMaxPool", 1, NEWEST, lower_global_pool, REDUCE_MAX, 1, HALF},
    {"Greater", 7, NEWEST, lower_compare, TYPED_greater, 1, 0},
    {"GreaterOrEqual", 12, NEWEST, lower_compare, TYPED_greater_equal, 1, 0},
    {"GridSample", 16, NEWEST, lower_grid_sample, 0, 1, 0},
    {"GroupNormalization", 18, NEWEST, lower_group_norm, 0, 1, 0},
    {"HardSigmoid", 6, NEWEST, lower_hard, ELTWISE_hard_sigmoid, 1, 0},
    {"HardSwish", 14, NEWEST, lower_hard, ELTWISE_hard_swish, 1, 0},
    {"Hardmax", 1, NEWEST, lower_hardmax, 0, 1, HALF},
    {"Identity", 1, NEWEST, lower_identity, 0, 1, MOVES},
    {"If", 1, NEWEST, lower_if, 0, SIZE_MAX, MOVES},
    {"InstanceNormalization", 6, NEWEST, lower_instance_norm, 0, 1, 0},
    {"IsInf", 10, NEWEST, lower_is_inf, 0, 1, 0},
    {"IsNaN", 9, NEWEST, lower_is_nan, 0, 1, 0},
    {"LRN", 1, NEWEST, lower_lrn, 0, 1, 0},
    {"LayerNormalization", 17, NEWEST, lower_layer_norm, 0, 3, 0},
    {"LeakyRelu", 6, NEWEST, lower_alpha, ELTWISE_leaky_relu, 1, 0},
    {"Less", 7, NEWEST, lower_compare, TYPED_less, 1, 0},
    {"LessOrEqual", 12, NEWEST, lower_compare, TYPED_less_equal, 1, 0},
    {"Log", 1, NEWEST, lower_unary_node, ELTWISE_log, 1, 0},
    {"LogSoftmax", 1, NEWEST, lower_softmax, 1, 1, 0},
    {"LpNormalization", 1, NEWEST, lower_lp_norm, 0, 1, 0},
    {"LpPool", 1, NEWEST, lower_lp_pool, 0, 1, 0},
    {"MatMul", 1, NEWEST, lower_matmul, 0, 1, 0},
    {"MatMulInteger", 10, NEWEST, lower_matmul_integer, 0, 1, 0},
    {"Max", 6, NEWEST, lower_variadic, ELTWISE_max, 1, HALF},
    {"MaxPool", 1, NEWEST, lower_pool, POOL_MAX, 2, HALF},
    {"MaxUnpool", 9, NEWEST, lower_max_unpool, 0, 1, HALF},
    {"Mean", 6, NEWEST, lower_mean, 0, 1, 0},
    {"MeanVarianceNormalization", 9, NEWEST, lower_mean_variance_norm, 0, 1, 0},
    {"Min", 6, NEWEST, lower_variadic, ELTWISE_min, 1, HALF},
    {"Mish", 18, NEWEST, lower_mish, 0, 1, 0},
    {"Mod", 10, NEWEST, lower_mod, 0, 1, 0},
    {"Mul", 1, 6, lower_binary_legacy, ELTWISE_mul, 1, 0},
    {"Mul", 7, NEWEST, lower_binary_node, ELTWISE_mul, 1, 0},
    {"Neg", 1, NEWEST, lower_unary_node, ELTWISE_neg, 1, HALF},
    {"NonMaxSuppression", 10, NEWEST, lower_non_max_suppression, 0, 1, 0},
    {"NonZero", 9, NEWEST, lower_nonzero, 0, 1, 0},
    {"Not", 1, NEWEST, lower_logical, TYPED_not, 1, 0},
    {"OneHot", 9, NEWEST, lower_one_hot, 0, 1, HALF},
    {"Or", 7, NEWEST, lower_logical, TYPED_bit_or, 1, 0},
    {"PRelu", 7, NEWEST, lower_prelu, 0, 1, 0},
    {"Pad", 2, NEWEST, lower_pad, 0, 1, MOVES},
    {"Pow", 7, NEWEST, lower_pow, 0, 1, 0},
    {"QLinearConv", 10, NEWEST, lower_qlinear_conv, 0, 1, 0},
    {"QLinearMatMul", 10, NEWEST, lower_qlinear_matmul, 0, 1, 0},
    {"QuantizeLinear", 10, NEWEST, lower_quantize, 0, 1, 0},
    {"RMSNormalization", 23, NEWEST, lower_rms_norm, 0, 1, 0},
    {"Range", 11, NEWEST, lower_range, 0, 1, 0},
    {"Reciprocal", 1, NEWEST, lower_unary_node, ELTWISE_reciprocal, 1, 0},
    {"ReduceL1", 1, NEWEST, lower_reduce, REDUCE_L1, 1, 0},
    {"ReduceL2", 1, NEWEST, lower_reduce_l2, 0, 1, 0},
    {"ReduceLogSum", 1, NEWEST, lower_reduce_log_sum, 0, 1, 0},
    {"ReduceLogSumExp", 1, NEWEST, lower_reduce_log_sum_exp, 0, 1, 0},
    {"ReduceMax", 1, NEWEST, lower_reduce, REDUCE_MAX, 1, HALF},
    {"ReduceMean", 1, NEWEST, lower_reduce, REDUCE_MEAN, 1, 0},
    {"ReduceMin", 1, NEWEST, lower_reduce, REDUCE_MIN, 1, HALF},
    {"ReduceProd", 1, NEWEST, lower_reduce, REDUCE_PROD, 1, 0},
    {"ReduceSum", 1, NEWEST, lower_reduce, REDUCE_SUM, 1, 0},
    {"ReduceSumSquare", 1, NEWEST, lower_reduce, REDUCE_SUM_SQUARE, 1, 0},
    {"Relu", 1, NEWEST, lower_unary_node, ELTWISE_relu, 1, HALF},
    {"Reshape", 1, NEWEST, lower_reshape, 0, 1, MOVES},
    {"Resize", 10, 10, lower_upsample, 0, 1, 0},
    {"Resize", 11, NEWEST, lower_resize, 0, 1, 0},
    {"ReverseSequence", 10, NEWEST, lower_reverse_sequence, 0, 1, MOVES},
    {"RoiAlign", 10, NEWEST, lower_roi_align, 0, 1, 0},
    {"RotaryEmbedding", 23, NEWEST, lower_rotary_embedding, 0, 1, 0},
    {"Round", 11, NEWEST, lower_unary_node, ELTWISE_round, 1, HALF},
    {"Scatter", 9, 10, lower_scatter_elements, 0, 1, 0},
    {"ScatterElements", 11, NEWEST, lower_scatter_elements, 0, 1, 0},
    {"ScatterND", 11, NEWEST, lower_scatter_nd, 0, 1, 0},
    {"Selu", 6, NEWEST, lower_selu, 0, 1, 0},
    {"Shape", 1, NEWEST, lower_shape_node, 0, 1, CONVERTS},
    {"Shrink", 9, NEWEST, lower_shrink, 0, 1, 0},
    {"Sigmoid", 1, NEWEST, lower_unary_node, ELTWISE_sigmoid, 1, 0},
    {"Sign", 9, NEWEST, lower_unary_node, ELTWISE_sign, 1, HALF},
    {"Sin", 7, NEWEST, lower_unary_node, ELTWISE_sin, 1, 0},
    {"Sinh", 9, NEWEST, lower_unary_node, ELTWISE_sinh, 1, 0},
    {"Size", 1, NEWEST, lower_size, 0, 1, CONVERTS},
    {"Slice", 1, NEWEST, lower_slice, 0, 1, MOVES},
    {"Softmax", 1, NEWEST, lower_softmax, 0, 1, 0},
    {"Softplus", 1, NEWEST, lower_unary_node, ELTWISE_softplus, 1, 0},
    {"Softsign", 1, NEWEST, lower_softsign, 0, 1, 0},
    {"SpaceToDepth", 1, NEWEST, lower_space_to_depth, 0, 1, MOVES},
    {"Split", 2, NEWEST, lower_split, 0, SIZE_MAX, MOVES},
    {"Sqrt", 1, NEWEST, lower_unary_node, ELTWISE_sqrt, 1, 0},
    {"Squeeze", 1, NEWEST, lower_squeeze, 0, 1, MOVES},
    {"Sub", 1, 6, lower_binary_legacy, ELTWISE_sub, 1, 0},
    {"Sub", 7, NEWEST, lower_binary_node, ELTWISE_sub, 1, 0},
    {"Sum", 6, NEWEST, lower_variadic, ELTWISE_add, 1, 0},
    {"SwiGLU", 28, NEWEST, lower_swiglu, 0, 1, 0},
    {"Swish", 24, NEWEST, lower_swish, 0, 1, 0},
    {"Tan", 7, NEWEST, lower_unary_node, ELTWISE_tan, 1, 0},
    {"Tanh", 1, NEWEST, lower_unary_node, ELTWISE_tanh, 1, 0},
    {"ThresholdedRelu", 10, NEWEST, lower_alpha, ELTWISE_threshold, 1, HALF},
    {"Tile", 6, NEWEST, lower_tile, 0, 1, MOVES},
    {"TopK", 1, NEWEST, lower_top_k, 0, 2, HALF},
    {"Transpose", 1, NEWEST, lower_transpose_node, 0, 1, MOVES},
    {"Trilu", 14, NEWEST, lower_trilu, 0, 1, MOVES},
    {"Unsqueeze", 1, NEWEST, lower_unsqueeze, 0, 1, MOVES},
    {"Upsample", 7, 9, lower_upsample, 0, 1, 0},
    {"Where", 9, NEWEST, lower_where, 0, 1, MOVES},
    {"Xor", 7, NEWEST, lower_logical, TYPED_bit_xor, 1, 0},
};

/* The operators of com.microsoft that int8 networks have. */
static const operator_row microsoft_rows[] = {
    {"QLinearAdd", 0, NEWEST, lower_qlinear_binary, ELTWISE_add, 1, 0},
    {"QLinearGlobalAveragePool", 0, NEWEST, lower_qlinear_global_pool, 0, 1, 0},
    {"QLinearMul", 0, NEWEST, lower_qlinear_binary, ELTWISE_mul, 1, 0},
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
