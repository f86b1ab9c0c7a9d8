/* Normalisations, each as its formula reads. */
#include "double.h"

#include <stdlib.h>
#include <string.h>

const char *double_batch_norm(dnode *n)
{
    const dtensor *x = n->in[0];
    approx epsilon = exactly(attr_float(n, "epsilon", 1e-5f));
    if (attr_int(n, "training_mode", 0))
        return "training mode";
    int64_t channels = x->shape.rank > 1 ? x->shape.dims[1] : 1;
    int64_t inner = dims_product(&x->shape, 2, x->shape.rank);
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 1);
    for (int64_t k = 0; k < x->count; k++) {
        int64_t c = k / inner % channels;
        approx scale = get(n->in[1], c), offset = get(n->in[2], c);
        approx mean = get(n->in[3], c), variance = get(n->in[4], c);
        approx s = ap_div(scale, ap_sqrt(ap_add(variance, epsilon)));
        approx t = ap_sub(offset, ap_mul(mean, s));
        put(y, k, ap_add(ap_mul(get(x, k), s), t));
    }
    return NULL;
}

typedef struct moments {
    approx mean, deviation; /* sqrt(variance + epsilon) */
} moments;

/* Of `count` elements from origin on; without `centre` the mean is 0. */
static moments moments_of(const dtensor *x, int64_t origin, int64_t count, int centre, double epsilon)
{
    total sum = {0}, squares = {0};
    moments m = {exactly(0), exactly(0)};
    for (int64_t k = 0; centre && k < count; k++)
        total_add(&sum, get(x, origin + k));
    if (centre)
        m.mean = ap_div(total_get(&sum), exactly((double)count));
    for (int64_t k = 0; k < count; k++) {
        approx d = centre ? ap_sub(get(x, origin + k), m.mean) : get(x, origin + k);
        total_add(&squares, ap_mul(d, d));
    }
    approx variance = ap_div(total_get(&squares), exactly((double)count));
    m.deviation = ap_sqrt(ap_add(variance, exactly(epsilon)));
    return m;
}

/* LayerNormalization and RMSNormalization: over the axes from `axis` on; scale and bias broadcast. */
const char *double_layer_norm(dnode *n)
{
    const dtensor *x = n->in[0], *scale = input(n, 1), *bias = input(n, 2);
    int axis = attr_axis(n, -1, x->shape.rank), centre = strcmp(n->proto->op_type, "LayerNormalization") == 0;
    if (axis < 0)
        return "the axis is out of range";
    int64_t inner = dims_product(&x->shape, (size_t)axis, x->shape.rank);
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 1), *mean = NULL, *inverse = NULL;
    shape outer = x->shape;
    for (size_t d = (size_t)axis; d < outer.rank; d++)
        outer.dims[d] = 1;
    if (wants(n, 1))
        mean = output_new(n, 1, CLARUS_FLOAT32, &outer, 1);
    if (wants(n, 2))
        inverse = output_new(n, 2, CLARUS_FLOAT32, &outer, 1);
    walk w;
    walk_begin(&w, &x->shape);
    if (scale)
        walk_operand(&w, &scale->shape);
    if (bias)
        walk_operand(&w, &bias->shape);
    for (int64_t k = 0; k < x->count; k += inner) {
        moments m = moments_of(x, k, inner, centre, attr_float(n, "epsilon", 1e-5f));
        approx r = ap_div(exactly(1), m.deviation);
        for (int64_t i = 0; i < inner; i++, walk_next(&w)) {
            approx t = ap_mul(ap_sub(get(x, k + i), m.mean), r);
            t = scale ? ap_mul(t, get(scale, w.offset[0])) : t;
            put(y, k + i, bias ? ap_add(t, get(bias, w.offset[1])) : t);
        }
        if (mean)
            put(mean, k / inner, m.mean);
        if (inverse)
            put(inverse, k / inner, r);
    }
    return NULL;
}

/* InstanceNormalization and GroupNormalization: over the groups of channels of an image. */
const char *double_group_norm(dnode *n)
{
    const dtensor *x = n->in[0], *scale = n->in[1], *bias = n->in[2];
    int64_t channels = x->shape.dims[1], plane = dims_product(&x->shape, 2, x->shape.rank);
    int64_t groups =
        strcmp(n->proto->op_type, "GroupNormalization") == 0 ? attr_int(n, "num_groups", 1) : channels;
    if (groups < 1 || channels % groups)
        return "num_groups does not divide the channels";
    int per_group = scale->count == groups && groups != channels; /* opset 18 */
    int64_t size = channels / groups * plane;
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 1);
    for (int64_t k = 0; k < x->count; k += size) {
        moments m = moments_of(x, k, size, 1, attr_float(n, "epsilon", 1e-5f));
        approx r = ap_div(exactly(1), m.deviation);
        for (int64_t i = k; i < k + size; i++) {
            int64_t c = i / plane % channels;
            c = per_group ? c / (channels / groups) : c;
            approx t = ap_mul(ap_sub(get(x, i), m.mean), r);
            put(y, i, ap_add(ap_mul(t, get(scale, c)), get(bias, c)));
        }
    }
    return NULL;
}

/* (x - mean) / (sqrt(variance) + 1e-9) over the axes, by default 0, 2 and 3; there the axes are the
 * batch's and the spatial ones, so that one mean belongs to each channel. */
const char *double_mean_variance(dnode *n)
{
    const dtensor *x = n->in[0];
    int64_t axes[MAX_INTS] = {0, 2, 3};
    int count = attr_ints(n, "axes", axes);
    shape kept = x->shape;
    walk w;
    for (int k = 0; k < (count < 0 ? 3 : count); k++) {
        int axis = shape_axis(axes[k], kept.rank);
        if (axis < 0)
            return "an axis is out of range";
        kept.dims[axis] = 1;
    }
    int64_t groups = dims_product(&kept, 0, kept.rank);
    total *sums = need((size_t)groups, sizeof *sums), *squares = need((size_t)groups, sizeof *squares);
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 1);
    for (int pass = 0; pass < 3; pass++) {
        walk_begin(&w, &x->shape);
        walk_operand(&w, &kept);
        for (int64_t k = 0; k < x->count; k++, walk_next(&w)) {
            total *sum = &sums[w.offset[0]], *square = &squares[w.offset[0]];
            if (pass == 0) {
                total_add(sum, get(x, k));
                continue;
            }
            approx d = ap_sub(get(x, k), ap_div(total_get(sum), exactly((double)sum->n)));
            if (pass == 1)
                total_add(square, ap_mul(d, d));
            else {
                approx variance = ap_div(total_get(square), exactly((double)sum->n));
                put(y, k, ap_div(d, ap_add(ap_sqrt(variance), exactly(1e-9))));
            }
        }
    }
    free(sums);
    free(squares);
    return NULL;
}

/* x / (bias + alpha / size * sum of squares over `size` channels around)^beta. */
const char *double_lrn(dnode *n)
{
    const dtensor *x = n->in[0];
    int64_t size = attr_int(n, "size", 1), channels = x->shape.dims[1];
    int64_t plane = dims_product(&x->shape, 2, x->shape.rank), before = (size - 1) / 2;
    approx alpha = exactly(attr_float(n, "alpha", 0.0001f)), beta = exactly(attr_float(n, "beta", 0.75));
    approx bias = exactly(attr_float(n, "bias", 1));
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 1);
    for (int64_t k = 0; k < x->count; k++) {
        int64_t c = k / plane % channels;
        total squares = {0};
        for (int64_t j = c - before; j < c - before + size; j++)
            if (j >= 0 && j < channels) {
                approx t = get(x, k + (j - c) * plane);
                total_add(&squares, ap_mul(t, t));
            }
        approx a = ap_div(total_get(&squares), exactly((double)size));
        put(y, k, ap_div(get(x, k), ap_pow(ap_add(bias, ap_mul(alpha, a)), beta)));
    }
    return NULL;
}
