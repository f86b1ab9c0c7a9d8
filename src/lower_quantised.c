/* Quantised operators: integers q stand for (q - zero) * scale.
 *
 * Sums of products of integers are exact in float32 as long as no sum of magnitudes exceeds 2^24. So the
 * centred values q - zero go through convolutions and matrix products of float32, whose order then does not
 * matter; sums that could exceed are cut into parts along the channels, and the parts added as int32. A
 * result is scaled by one multiplier, rounded to even and clipped. It stays centred in float32 beside its
 * integers, so that the next quantised operator reads it as it is, and the integers are not made where nobody
 * reads them. */
#include "lower_ops.h"

#include "dtype.h"

#include <math.h>
#include <string.h>

static const double most_exact = 0x1p24;

/* ---- Zero points, scales and ranges */

typedef struct range {
    double low, high;
} range;

static range type_range(lowering *l, clarus_dtype dtype)
{
    integer_type type = dtype_integer(dtype);
    if (type.bits != 8 && type.bits != 16)
        lower_error(l, CLARUS_E_UNSUPPORTED, "quantised values of %s are not supported",
                    clarus_dtype_name(dtype));
    double whole = ldexp(1, type.bits);
    return type.is_signed ? (range){-whole / 2, whole / 2 - 1} : (range){0, whole - 1};
}

/* Input i, one number of an integer type that must be known; 0 if it is left out. */
static float read_zero(lowering *l, size_t i)
{
    if (!lower_has_input(l, i) || !lower_known(l, i))
        return 0;
    size_t zero = lower_convert(l, lower_input(l, i), CLARUS_FLOAT32);
    const float *data = lower_data(l, zero);
    if (lower_count(l, zero) != 1)
        lower_error(l, CLARUS_E_SHAPE, "%lld zero points where there is one value",
                    (long long)lower_count(l, zero));
    return data && l->status == CLARUS_OK ? *data : 0;
}

/* A single number, or one per position of an axis, as an operand against `whole`. What has several axes fits
 * as it is. */
static size_t along_axis(lowering *l, size_t x, size_t axis, const shape *whole)
{
    shape s = lower_shape(l, x), wide = {.rank = whole->rank - axis};
    if (l->status != CLARUS_OK || s.rank != 1 || s.dims[0] == 1)
        return x;
    if (s.dims[0] != whole->dims[axis]) {
        lower_error(l, CLARUS_E_SHAPE, "%lld scales or zero points on an axis of %lld", (long long)s.dims[0],
                    (long long)whole->dims[axis]);
        return x;
    }
    for (size_t i = 0; i < wide.rank; i++)
        wide.dims[i] = i ? 1 : s.dims[0];
    return lower_view(l, x, &wide);
}

static size_t subtract(lowering *l, size_t x, float zero)
{
    return zero != 0 ? lower_binary(l, ELTWISE_sub, x, lower_scalar(l, zero)) : x;
}

/* Input i less its zero point, which is input `zero`. */
static size_t centre(lowering *l, size_t i, size_t zero)
{
    size_t x = lower_input(l, i);
    float z = read_zero(l, zero);
    for (size_t n = l->note_count; n-- > 0;)
        if (l->notes[n].kind == NOTE_QUANTISED && l->notes[n].value == x)
            return subtract(l, l->notes[n].centred, z - l->notes[n].zero);
    return subtract(l, lower_convert(l, x, CLARUS_FLOAT32), z);
}

/* Largest magnitude that centred values of input i can have. */
static double most_centred(lowering *l, size_t i, float zero)
{
    range r = type_range(l, lower_dtype(l, lower_input(l, i)));
    return fmax(fabs(r.low - (double)zero), fabs(r.high - (double)zero));
}

/* x divided by or times y, rounded, clipped: of which the integers are bound to the output. */
static void bind_quantised(lowering *l, eltwise_function function, size_t x, size_t y, float zero,
                           clarus_dtype dtype)
{
    range r = type_range(l, dtype);
    size_t scaled = lower_binary(l, function, x, y);
    size_t rounded = lower_unary(l, ELTWISE_round, scaled, 0, 0);
    size_t centred =
        lower_unary(l, ELTWISE_clip, rounded, (float)(r.low - (double)zero), (float)(r.high - (double)zero));
    size_t shifted = zero != 0 ? lower_binary(l, ELTWISE_add, centred, lower_scalar(l, zero)) : centred;
    size_t integers = lower_convert(l, shifted, dtype);
    lower_note *note = lower_add_note(l, NOTE_QUANTISED, integers);
    if (note) {
        note->centred = centred;
        note->zero = zero;
    }
    lower_bind(l, 0, integers);
}

/* ---- QuantizeLinear, DequantizeLinear */

/* Scales or zero points, one per block of `block` positions along the axis: repeated for each position. */
static size_t repeat_blocks(lowering *l, size_t x, size_t axis, int64_t block, const shape *whole)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    shape s = lower_shape(l, x), row = {.rank = 1, .dims = {whole->dims[axis]}};
    int fits = s.rank == whole->rank && block > 0;
    for (size_t i = 0; i < s.rank && fits; i++)
        fits = s.dims[i] == (i == axis ? (whole->dims[i] + block - 1) / block : whole->dims[i]);
    if (!fits)
        lower_error(l, CLARUS_E_SHAPE, "%s in blocks of %lld for %s", shape_text(&s, a), (long long)block,
                    shape_text(whole, b));
    int64_t *indices = lower_memory(l, row.dims[0], sizeof *indices);
    for (int64_t i = 0; i < row.dims[0] && indices; i++)
        indices[i] = i / block;
    return l->status == CLARUS_OK ? lower_take(l, x, lower_constant(l, CLARUS_INT64, &row, indices), axis)
                                  : LOWER_NONE;
}

/* Input i, scales or zero points, as a float32 operand against the shape of input 0. */
static size_t quantisation(lowering *l, size_t i)
{
    shape whole = lower_shape(l, lower_input(l, 0));
    size_t x = lower_convert(l, lower_input(l, i), CLARUS_FLOAT32);
    int64_t block = lower_int(l, "block_size", 0);
    shape s = lower_shape(l, x);
    if (l->status != CLARUS_OK || lower_count(l, x) == 1)
        return x;
    size_t axis = lower_axis(l, lower_int(l, "axis", 1), whole.rank);
    if (block)
        return repeat_blocks(l, x, axis, block, &whole);
    if (s.rank != 1)
        lower_error(l, CLARUS_E_SHAPE, "scales or zero points of %zu axes", s.rank);
    return along_axis(l, x, axis, &whole);
}

void lower_quantize(lowering *l)
{
    size_t x = lower_convert(l, lower_input(l, 0), CLARUS_FLOAT32), scale = quantisation(l, 1);
    clarus_dtype wanted = (clarus_dtype)lower_int(l, "output_dtype", 0);
    clarus_dtype dtype = lower_has_input(l, 2) ? lower_dtype(l, lower_input(l, 2))
                         : wanted              ? wanted
                                               : CLARUS_UINT8;
    if (!lower_has_input(l, 2) || lower_count(l, lower_input(l, 2)) == 1) {
        bind_quantised(l, ELTWISE_div, x, scale, read_zero(l, 2), dtype);
        return;
    }
    range r = type_range(l, dtype);
    size_t rounded = lower_unary(l, ELTWISE_round, lower_binary(l, ELTWISE_div, x, scale), 0, 0);
    size_t shifted = lower_binary(l, ELTWISE_add, rounded, quantisation(l, 2));
    lower_bind(l, 0,
               lower_convert(l, lower_unary(l, ELTWISE_clip, shifted, (float)r.low, (float)r.high), dtype));
}

void lower_dequantize(lowering *l)
{
    size_t scale = quantisation(l, 1), x;
    if (!lower_has_input(l, 2) || lower_count(l, lower_input(l, 2)) == 1)
        x = centre(l, 0, 2);
    else
        x = lower_binary(l, ELTWISE_sub, lower_convert(l, lower_input(l, 0), CLARUS_FLOAT32),
                         quantisation(l, 2));
    lower_bind(l, 0, lower_binary(l, ELTWISE_mul, x, scale));
}

/* uint8, by the range of the values, which is widened to have 0 in it. */
void lower_dynamic_quantize(lowering *l)
{
    size_t x = lower_input(l, 0), zero = lower_scalar(l, 0);
    shape scalar = {.rank = 0};
    unsigned char all[CLARUS_MAX_RANK];
    memset(all, 1, sizeof all);
    size_t low = lower_view(l, lower_reduce_axes(l, REDUCE_MIN, x, all), &scalar);
    size_t high = lower_view(l, lower_reduce_axes(l, REDUCE_MAX, x, all), &scalar);
    low = lower_binary(l, ELTWISE_min, low, zero);
    high = lower_binary(l, ELTWISE_max, high, zero);
    size_t scale =
        lower_binary(l, ELTWISE_div, lower_binary(l, ELTWISE_sub, high, low), lower_scalar(l, 255));
    size_t point = lower_binary(l, ELTWISE_div, lower_binary(l, ELTWISE_sub, zero, low), scale);
    point = lower_unary(l, ELTWISE_clip, lower_unary(l, ELTWISE_round, point, 0, 0), 0, 255);
    size_t y = lower_unary(l, ELTWISE_round, lower_binary(l, ELTWISE_div, x, scale), 0, 0);
    y = lower_unary(l, ELTWISE_clip, lower_binary(l, ELTWISE_add, y, point), 0, 255);
    lower_bind(l, 0, lower_convert(l, y, CLARUS_UINT8));
    lower_bind(l, 1, scale);
    lower_bind(l, 2, lower_convert(l, point, CLARUS_UINT8));
}

/* ---- Sums of integer products */

/* Factors that are summed along an extent of both: x [x_outer, extent, x_inner], w [w_outer, extent,
 * w_inner]; of a convolution the kernel positions, w_inner, are summed as well. */
typedef struct products {
    size_t x, w, bias; /* bias: float32, LOWER_NONE if there is none */
    int64_t x_outer, w_outer, extent, x_inner, w_inner;
    int is_conv;
    int64_t groups;
    window window;
    double x_most, w_most;
} products;

/* The largest sum of magnitudes of `count` consecutive steps along the extent. */
static double most_sum(lowering *l, const products *p, int64_t count)
{
    const float *w = lower_data(l, p->w), *bias = p->bias == LOWER_NONE ? NULL : lower_data(l, p->bias);
    double most = 0;
    if (!w)
        return p->x_most * p->w_most * (double)count * (double)(p->is_conv ? p->w_inner : 1);
    for (int64_t o = 0; o < p->w_outer; o++)
        for (int64_t first = 0; first < p->extent; first += count)
            for (int64_t lane = 0; lane < (p->is_conv ? 1 : p->w_inner); lane++) {
                double sum = bias ? fabs((double)bias[o]) : 0;
                for (int64_t i = first; i < first + count && i < p->extent; i++)
                    for (int64_t k = lane; k < (p->is_conv ? p->w_inner : lane + 1); k++)
                        sum += p->x_most * fabs((double)w[(o * p->extent + i) * p->w_inner + k]);
                most = fmax(most, sum);
            }
    return most;
}

/* Steps from `first` on of [outer, extent, inner]. */
static size_t take_steps(lowering *l, size_t x, int64_t outer, int64_t extent, int64_t inner, int64_t first,
                         int64_t count)
{
    shape out = {.rank = 3, .dims = {outer, count, inner}};
    move_part part = {.rank = 3,
                      .dims = {outer, count, inner},
                      .from_offset = first * inner,
                      .from_strides = {extent * inner, inner, 1}};
    shape_strides(&out, part.to_strides);
    return count == extent ? x : lower_move(l, x, &part, &out);
}

/* The sum of `count` steps from `first` on, in float32. */
static size_t sum_steps(lowering *l, const products *p, int64_t first, int64_t count, size_t bias)
{
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    shape x = lower_shape(l, p->x), w = lower_shape(l, p->w);
    size_t a = take_steps(l, p->x, p->x_outer, p->extent, p->x_inner, first, count);
    size_t b = take_steps(l, p->w, p->w_outer, p->extent, p->w_inner, first, count);
    if (p->is_conv) {
        x.dims[1] = count * p->groups;
        w.dims[1] = count;
        return lower_convolve_directly(l, lower_view(l, a, &x), lower_view(l, b, &w), bias, p->groups,
                                       &p->window);
    }
    x.dims[x.rank - 1] = count;
    w.dims[w.rank - 2] = count;
    return lower_product(l, lower_view(l, a, &x), lower_view(l, b, &w));
}

/* The exact sum: float32, or int32 where float32 cannot hold it. */
static size_t sum_products(lowering *l, const products *p)
{
    int64_t count = p->extent;
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    if (p->extent > 0 && most_sum(l, p, count) <= most_exact)
        return sum_steps(l, p, 0, count, p->bias);
    products parts = *p;
    parts.bias = LOWER_NONE;
    while (count > 1 && most_sum(l, &parts, count) > most_exact)
        count = (count + 1) / 2;
    if (p->extent == 0 || most_sum(l, &parts, count) > most_exact)
        lower_error(l, CLARUS_E_UNSUPPORTED, "sums of %lld integer products are not exact",
                    (long long)(p->is_conv ? p->w_inner : 1));
    size_t sum = LOWER_NONE;
    for (int64_t first = 0; first < p->extent && l->status == CLARUS_OK; first += count) {
        int64_t steps = p->extent - first < count ? p->extent - first : count;
        size_t part = lower_convert(l, sum_steps(l, p, first, steps, LOWER_NONE), CLARUS_INT32);
        sum = sum == LOWER_NONE ? part : lower_binary(l, ELTWISE_add, sum, part);
    }
    if (p->bias == LOWER_NONE || l->status != CLARUS_OK)
        return sum;
    shape whole = lower_shape(l, sum);
    return lower_binary(l, ELTWISE_add, sum,
                        along_axis(l, lower_convert(l, p->bias, CLARUS_INT32), 1, &whole));
}

/* Input i less its zero points, which are input `zero`: one, or one per position of an axis. */
static size_t centre_along(lowering *l, size_t i, size_t zero, size_t axis)
{
    if (!lower_has_input(l, zero) || lower_count(l, lower_input(l, zero)) == 1)
        return centre(l, i, zero);
    size_t w = lower_convert(l, lower_input(l, i), CLARUS_FLOAT32);
    size_t z = lower_convert(l, lower_input(l, zero), CLARUS_FLOAT32);
    shape whole = lower_shape(l, w);
    return lower_binary(l, ELTWISE_sub, w, along_axis(l, z, axis, &whole));
}

/* The node's convolution of input x with weights w; inputs x_zero and w_zero are their zero points. */
static size_t integer_conv(lowering *l, size_t x, size_t x_zero, size_t w, size_t w_zero, size_t bias)
{
    products p = {.is_conv = 1, .bias = bias, .groups = lower_int(l, "group", 1)};
    p.x = centre(l, x, x_zero);
    p.w = centre_along(l, w, w_zero, 0);
    shape in = lower_shape(l, p.x), weights = lower_shape(l, p.w);
    lower_check_conv(l, &in, &weights, p.groups);
    lower_window(l, &in, weights.dims + 2, &p.window);
    p.x_most = most_centred(l, x, read_zero(l, x_zero));
    p.w_most = 255;
    type_range(l, lower_dtype(l, lower_input(l, w)));
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    p.x_outer = in.dims[0] * p.groups;
    p.w_outer = weights.dims[0];
    p.extent = weights.dims[1];
    p.x_inner = p.w_inner = 1;
    for (size_t i = 2; i < in.rank; i++) {
        p.x_inner *= in.dims[i];
        p.w_inner *= weights.dims[i];
    }
    return sum_products(l, &p);
}

/* The same of matrices a and b. */
static size_t integer_product(lowering *l, size_t a, size_t a_zero, size_t b, size_t b_zero)
{
    products p = {.bias = LOWER_NONE, .groups = 1, .w_most = 255};
    int one_zero = !lower_has_input(l, a_zero) || lower_count(l, lower_input(l, a_zero)) == 1;
    shape left = lower_shape(l, lower_input(l, a)), right = lower_shape(l, lower_input(l, b));
    if (left.rank < 2 || right.rank < 2 || left.dims[left.rank - 1] != right.dims[right.rank - 2])
        lower_error(l, CLARUS_E_SHAPE, "matrices of %zu and %zu axes do not fit each other", left.rank,
                    right.rank);
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    p.w = centre_along(l, b, b_zero, right.rank - 1);
    p.x = centre_along(l, a, a_zero, left.rank - 2);
    p.x_most = one_zero ? most_centred(l, a, read_zero(l, a_zero)) : 255;
    p.extent = left.dims[left.rank - 1];
    p.x_inner = 1;
    p.w_inner = right.dims[right.rank - 1];
    p.x_outer = p.w_outer = 1;
    for (size_t i = 0; i + 1 < left.rank; i++)
        p.x_outer *= left.dims[i];
    for (size_t i = 0; i + 2 < right.rank; i++)
        p.w_outer *= right.dims[i];
    return sum_products(l, &p);
}

void lower_conv_integer(lowering *l)
{
    lower_bind(l, 0, lower_convert(l, integer_conv(l, 0, 2, 1, 3, LOWER_NONE), CLARUS_INT32));
}

void lower_matmul_integer(lowering *l)
{
    lower_bind(l, 0, lower_convert(l, integer_product(l, 0, 2, 1, 3), CLARUS_INT32));
}

/* (input 1 * input 4) / input 6 for a sum of this shape: scales of the first factor, one or one per position
 * of an axis, of the second, likewise, and of the result. */
static size_t multiplier(lowering *l, size_t first_axis, size_t second_axis, const shape *sum)
{
    size_t a = along_axis(l, lower_input(l, 1), first_axis, sum);
    size_t b = along_axis(l, lower_input(l, 4), second_axis, sum);
    return lower_binary(l, ELTWISE_div, lower_binary(l, ELTWISE_mul, a, b), lower_input(l, 6));
}

static clarus_dtype zero_type(lowering *l, size_t i)
{
    return lower_has_input(l, i) ? lower_dtype(l, lower_input(l, i)) : CLARUS_UINT8;
}

void lower_qlinear_conv(lowering *l)
{
    size_t bias = lower_has_input(l, 8) ? lower_convert(l, lower_input(l, 8), CLARUS_FLOAT32) : LOWER_NONE;
    shape weights = lower_shape(l, lower_input(l, 3)), b = lower_shape(l, bias);
    if (bias != LOWER_NONE && (b.rank != 1 || weights.rank < 1 || b.dims[0] != weights.dims[0]))
        lower_error(l, CLARUS_E_SHAPE, "a bias of %zu axes does not fit", b.rank);
    size_t sum = lower_convert(l, integer_conv(l, 0, 2, 3, 5, bias), CLARUS_FLOAT32);
    shape s = lower_shape(l, sum);
    bind_quantised(l, ELTWISE_mul, sum, multiplier(l, 1, 1, &s), read_zero(l, 7), zero_type(l, 7));
}

void lower_qlinear_matmul(lowering *l)
{
    size_t sum = lower_convert(l, integer_product(l, 0, 2, 3, 5), CLARUS_FLOAT32);
    shape s = lower_shape(l, sum);
    if (l->status == CLARUS_OK)
        bind_quantised(l, ELTWISE_mul, sum, multiplier(l, s.rank - 2, s.rank - 1, &s), read_zero(l, 7),
                       zero_type(l, 7));
}

/* ---- com.microsoft: A, A_scale, A_zero, B, B_scale, B_zero, C_scale, C_zero */

/* parameter: eltwise_function. */
void lower_qlinear_binary(lowering *l)
{
    size_t a = lower_binary(l, ELTWISE_mul, centre(l, 0, 2), lower_input(l, 1));
    size_t b = lower_binary(l, ELTWISE_mul, centre(l, 3, 5), lower_input(l, 4));
    size_t y = lower_binary(l, (eltwise_function)l->row->parameter, a, b);
    bind_quantised(l, ELTWISE_div, y, lower_input(l, 6), read_zero(l, 7), zero_type(l, 7));
}

/* X, x_scale, x_zero, y_scale, y_zero: the sum is exact, and so is its number of elements. */
void lower_qlinear_global_pool(lowering *l)
{
    size_t x = centre(l, 0, 2);
    shape in = lower_shape(l, x);
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    int64_t count = 1;
    for (size_t i = 2; i < in.rank; i++) {
        axes[i] = 1;
        count *= in.dims[i];
    }
    if (in.rank < 3 || lower_int(l, "channels_last", 0))
        lower_error(l, CLARUS_E_UNSUPPORTED, "an input of %zu axes with channels last or none", in.rank);
    if (l->status == CLARUS_OK && most_centred(l, 0, read_zero(l, 2)) * (double)count > most_exact)
        lower_error(l, CLARUS_E_UNSUPPORTED, "sums of %lld values are not exact", (long long)count);
    size_t divisor = lower_binary(l, ELTWISE_mul, lower_input(l, 3), lower_scalar(l, (float)count));
    size_t m = lower_binary(l, ELTWISE_div, lower_input(l, 1), divisor);
    bind_quantised(l, ELTWISE_mul, lower_reduce_axes(l, REDUCE_SUM, x, axes), m, read_zero(l, 4),
                   zero_type(l, 4));
}
