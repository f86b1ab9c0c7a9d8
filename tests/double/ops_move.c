/* Operators that move elements: each output element is an input element or a constant. */
#include "double.h"

#include <stdlib.h>
#include <string.h>

/* The same elements in another shape. */
static const char *reshaped(dnode *n, const shape *s)
{
    int64_t count;
    if (!shape_count(s, &count) || count != n->in[0]->count)
        return "the new shape has another number of elements";
    n->out[0] = dtensor_copy(n->in[0]);
    n->out[0]->shape = *s;
    return NULL;
}

const char *double_reshape(dnode *n)
{
    int64_t want[MAX_INTS], known = 1;
    int count = ints_from(n, "shape", 1, want), open = -1;
    shape s = {0, {0}};
    if (count < 0 || count > CLARUS_MAX_RANK)
        return "no shape, or too many dimensions";
    for (int k = 0; k < count; k++) {
        if (want[k] == 0 && !attr_int(n, "allowzero", 0) && (size_t)k < n->in[0]->shape.rank)
            want[k] = n->in[0]->shape.dims[k];
        if (want[k] < 0)
            open = k;
        else
            known *= want[k];
        s.dims[s.rank++] = want[k];
    }
    if (open >= 0)
        s.dims[open] = known ? n->in[0]->count / known : 0;
    return reshaped(n, &s);
}

const char *double_flatten(dnode *n)
{
    const shape *x = &n->in[0]->shape;
    int64_t axis = attr_int(n, "axis", 1);
    axis = axis < 0 ? axis + (int64_t)x->rank : axis;
    if (axis < 0 || axis > (int64_t)x->rank)
        return "the axis is out of range";
    shape s = {2, {dims_product(x, 0, (size_t)axis), dims_product(x, (size_t)axis, x->rank)}};
    return reshaped(n, &s);
}

const char *double_squeeze(dnode *n)
{
    int64_t axes[MAX_INTS];
    const shape *x = &n->in[0]->shape;
    unsigned char drop[CLARUS_MAX_RANK] = {0};
    int count = ints_from(n, "axes", 1, axes);
    shape s = {0, {0}};
    for (size_t d = 0; count < 0 && d < x->rank; d++)
        drop[d] = x->dims[d] == 1;
    for (int k = 0; k < count; k++) {
        int axis = shape_axis(axes[k], x->rank);
        if (axis < 0)
            return "an axis is out of range";
        drop[axis] = 1;
    }
    for (size_t d = 0; d < x->rank; d++)
        if (!drop[d])
            s.dims[s.rank++] = x->dims[d];
    return reshaped(n, &s);
}

const char *double_unsqueeze(dnode *n)
{
    int64_t axes[MAX_INTS];
    const shape *x = &n->in[0]->shape;
    unsigned char added[CLARUS_MAX_RANK] = {0};
    int count = ints_from(n, "axes", 1, axes);
    shape s = {x->rank + (size_t)count, {0}};
    if (count < 0 || s.rank > CLARUS_MAX_RANK)
        return "no axes, or too many";
    for (int k = 0; k < count; k++) {
        int axis = shape_axis(axes[k], s.rank);
        if (axis < 0)
            return "an axis is out of range";
        added[axis] = 1;
    }
    for (size_t d = 0, from = 0; d < s.rank; d++)
        s.dims[d] = added[d] ? 1 : x->dims[from++];
    return reshaped(n, &s);
}

const char *double_transpose(dnode *n)
{
    const dtensor *x = n->in[0];
    int64_t perm[MAX_INTS], strides[CLARUS_MAX_RANK];
    int count = attr_ints(n, "perm", perm);
    shape s = {x->shape.rank, {0}};
    walk w;
    for (size_t d = 0; count < 0 && d < s.rank; d++)
        perm[d] = (int64_t)(s.rank - 1 - d);
    for (size_t d = 0; d < s.rank; d++)
        s.dims[d] = x->shape.dims[perm[d]];
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    shape_strides(&x->shape, strides);
    walk_begin(&w, &s);
    walk_operand(&w, &s);
    for (size_t d = 0; d < s.rank; d++)
        w.strides[0][d] = strides[perm[d]];
    for (int64_t k = 0; k < y->count; k++, walk_next(&w))
        element_move(y, k, x, w.offset[0]);
    return NULL;
}

const char *double_expand(dnode *n)
{
    const dtensor *x = n->in[0];
    shape s, want = {(size_t)n->in[1]->count, {0}};
    walk w;
    if (want.rank > CLARUS_MAX_RANK)
        return "too many dimensions";
    for (size_t d = 0; d < want.rank; d++)
        want.dims[d] = n->in[1]->i[d];
    if (!shape_broadcast(&x->shape, &want, &s))
        return "the shapes do not broadcast";
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    walk_operand(&w, &x->shape);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w))
        element_move(y, k, x, w.offset[0]);
    return NULL;
}

/* Index of the element at `at`. */
static int64_t index_of(const shape *s, const int64_t *at)
{
    int64_t index = 0;
    for (size_t d = 0; d < s->rank; d++)
        index = index * s->dims[d] + at[d];
    return index;
}

const char *double_tile(dnode *n)
{
    const dtensor *x = n->in[0];
    shape s = x->shape;
    walk w;
    for (size_t d = 0; d < s.rank; d++)
        s.dims[d] *= n->in[1]->i[d];
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w)) {
        int64_t at[CLARUS_MAX_RANK];
        for (size_t d = 0; d < s.rank; d++)
            at[d] = w.at[d] % x->shape.dims[d];
        element_move(y, k, x, index_of(&x->shape, at));
    }
    return NULL;
}

const char *double_concat(dnode *n)
{
    int axis = attr_axis(n, 1, n->in[0]->shape.rank);
    if (axis < 0)
        return "the axis is out of range";
    shape s = n->in[0]->shape;
    for (size_t k = 1; k < n->in_count; k++)
        s.dims[axis] += n->in[k]->shape.dims[axis];
    dtensor *y = output_new(n, 0, n->in[0]->dtype, &s, 0);
    int64_t inner = dims_product(&s, (size_t)axis + 1, s.rank), outer = dims_product(&s, 0, (size_t)axis),
            at = 0;
    for (int64_t o = 0; o < outer; o++)
        for (size_t k = 0; k < n->in_count; k++) {
            int64_t block = n->in[k]->shape.dims[axis] * inner;
            for (int64_t i = 0; i < block; i++)
                element_move(y, at++, n->in[k], o * block + i);
        }
    return NULL;
}

/* Sizes from the attribute or the second input, else equal parts, the last one smaller. */
const char *double_split(dnode *n)
{
    const dtensor *x = n->in[0], *sizes = input(n, 1);
    int axis = attr_axis(n, 0, x->shape.rank);
    int64_t listed[MAX_INTS], from = 0;
    int count = attr_ints(n, "split", listed);
    if (axis < 0 || (count >= 0 && (size_t)count < n->out_count) ||
        (sizes && sizes->count < (int64_t)n->out_count))
        return "axis or split do not fit";
    int64_t parts = attr_int(n, "num_outputs", (int64_t)n->out_count), extent = x->shape.dims[axis];
    int64_t inner = dims_product(&x->shape, (size_t)axis + 1, x->shape.rank),
            equal = (extent + parts - 1) / parts;
    for (size_t k = 0; k < n->out_count; k++) {
        shape s = x->shape;
        int64_t size = sizes                   ? sizes->i[k]
                       : count > 0             ? listed[k]
                       : extent - from < equal ? extent - from
                                               : equal;
        s.dims[axis] = size;
        dtensor *y = output_new(n, k, x->dtype, &s, 0);
        for (int64_t i = 0; i < y->count; i++)
            element_move(y, i, x, (i / (size * inner) * extent + from) * inner + i % (size * inner));
        from += size;
    }
    return NULL;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

const char *double_slice(dnode *n)
{
    const dtensor *x = n->in[0];
    int64_t starts[MAX_INTS], ends[MAX_INTS], axes[MAX_INTS], steps[MAX_INTS];
    int64_t first[CLARUS_MAX_RANK] = {0}, step[CLARUS_MAX_RANK];
    int count = ints_from(n, "starts", 1, starts), has_axes = ints_from(n, "axes", 3, axes);
    int has_steps = ints_from(n, NULL, 4, steps);
    shape s = x->shape;
    walk w;
    if (ints_from(n, "ends", 2, ends) != count || count < 0)
        return "starts and ends differ";
    for (size_t d = 0; d < s.rank; d++)
        step[d] = 1;
    for (int k = 0; k < count; k++) {
        int d = shape_axis(has_axes > 0 ? axes[k] : k, s.rank);
        if (d < 0 || (has_steps > 0 && !steps[k]))
            return "axes or steps do not fit";
        int64_t extent = x->shape.dims[d], by = has_steps > 0 ? steps[k] : 1;
        int64_t from = starts[k] < 0 ? starts[k] + extent : starts[k],
                to = ends[k] < 0 ? ends[k] + extent : ends[k];
        from = by > 0 ? clamp(from, 0, extent) : clamp(from, 0, extent - 1);
        to = by > 0 ? clamp(to, 0, extent) : clamp(to, -1, extent - 1);
        int64_t length = by > 0 ? (to - from + by - 1) / by : (from - to - by - 1) / -by;
        first[d] = from, step[d] = by;
        s.dims[d] = length > 0 && extent ? length : 0;
    }
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w)) {
        int64_t at[CLARUS_MAX_RANK];
        for (size_t d = 0; d < s.rank; d++)
            at[d] = first[d] + w.at[d] * step[d];
        element_move(y, k, x, index_of(&x->shape, at));
    }
    return NULL;
}

/* Where a padded index points in the input, or -1 for the constant. */
static int64_t padded_index(int64_t i, int64_t extent, const char mode)
{
    if (i >= 0 && i < extent)
        return i;
    if (mode == 'e')
        return clamp(i, 0, extent - 1);
    if (mode == 'w')
        return ((i % extent) + extent) % extent;
    if (mode == 'r' && extent > 1) {
        int64_t period = 2 * (extent - 1), r = ((i % period) + period) % period;
        return r < extent ? r : period - r;
    }
    return mode == 'r' ? 0 : -1;
}

const char *double_pad(dnode *n)
{
    const dtensor *x = n->in[0], *value = input(n, 2);
    int64_t pads[MAX_INTS], axes[MAX_INTS], before[CLARUS_MAX_RANK] = {0};
    int count = ints_from(n, n->opset < 2 ? "paddings" : "pads", 1, pads),
        has_axes = ints_from(n, NULL, 3, axes);
    char mode = attr_is(n, "mode", "edge", "constant")      ? 'e'
                : attr_is(n, "mode", "reflect", "constant") ? 'r'
                : attr_is(n, "mode", "wrap", "constant")    ? 'w'
                                                            : 'c';
    shape s = x->shape;
    walk w;
    for (int k = 0; k < count / 2; k++) {
        int d = shape_axis(has_axes > 0 ? axes[k] : k, s.rank);
        if (d < 0)
            return "an axis is out of range";
        before[d] = pads[k];
        s.dims[d] += pads[k] + pads[count / 2 + k];
    }
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w)) {
        int64_t at[CLARUS_MAX_RANK], inside = 1;
        for (size_t d = 0; d < s.rank; d++) {
            at[d] = padded_index(w.at[d] - before[d], x->shape.dims[d], mode);
            inside = inside && at[d] >= 0;
        }
        if (inside)
            element_move(y, k, x, index_of(&x->shape, at));
        else if (value)
            element_move(y, k, value, 0);
        else if (y->v)
            y->v[k] = attr_float(n, "value", 0);
    }
    return NULL;
}

/* Cut or followed and preceded by zeros, the same on both sides; the odd one behind. */
const char *double_center_crop_pad(dnode *n)
{
    const dtensor *x = n->in[0];
    int64_t axes[MAX_INTS], before[CLARUS_MAX_RANK] = {0};
    int named = attr_ints(n, "axes", axes);
    shape s = x->shape;
    walk w;
    for (int64_t k = 0; k < n->in[1]->count; k++) {
        int d = shape_axis(named > 0 ? axes[k] : k, s.rank);
        if (d < 0)
            return "an axis is out of range";
        int64_t wider = n->in[1]->i[k] - s.dims[d];
        before[d] = wider > 0 ? wider / 2 : -(-wider / 2);
        s.dims[d] += wider;
    }
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w)) {
        int64_t at[CLARUS_MAX_RANK], inside = 1;
        for (size_t d = 0; d < s.rank; d++) {
            at[d] = w.at[d] - before[d];
            inside = inside && at[d] >= 0 && at[d] < x->shape.dims[d];
        }
        if (inside)
            element_move(y, k, x, index_of(&x->shape, at));
    }
    return NULL;
}

/* A negative index counts from the end; -1 if it is out of range even so. */
static int64_t wrapped(int64_t index, int64_t extent)
{
    index = index < 0 ? index + extent : index;
    return index < 0 || index >= extent ? -1 : index;
}

const char *double_gather(dnode *n)
{
    const dtensor *x = n->in[0], *indices = n->in[1];
    int axis = attr_axis(n, 0, x->shape.rank);
    shape s = {0, {0}};
    if (axis < 0 || x->shape.rank - 1 + indices->shape.rank > CLARUS_MAX_RANK)
        return "the axis is out of range, or the rank too large";
    for (size_t d = 0; d < (size_t)axis; d++)
        s.dims[s.rank++] = x->shape.dims[d];
    for (size_t d = 0; d < indices->shape.rank; d++)
        s.dims[s.rank++] = indices->shape.dims[d];
    for (size_t d = (size_t)axis + 1; d < x->shape.rank; d++)
        s.dims[s.rank++] = x->shape.dims[d];
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    int64_t inner = dims_product(&x->shape, (size_t)axis + 1, x->shape.rank), extent = x->shape.dims[axis];
    for (int64_t k = 0; k < y->count; k++) {
        int64_t from = wrapped(indices->i[k / inner % indices->count], extent);
        if (from < 0)
            return "an index is out of range";
        element_move(y, k, x, (k / (inner * indices->count) * extent + from) * inner + k % inner);
    }
    return NULL;
}

const char *double_gather_elements(dnode *n)
{
    const dtensor *x = n->in[0], *indices = n->in[1];
    int axis = attr_axis(n, 0, x->shape.rank);
    walk w;
    if (axis < 0)
        return "the axis is out of range";
    dtensor *y = output_new(n, 0, x->dtype, &indices->shape, 0);
    walk_begin(&w, &indices->shape);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w)) {
        int64_t at[CLARUS_MAX_RANK];
        memcpy(at, w.at, sizeof at);
        at[axis] = wrapped(indices->i[k], x->shape.dims[axis]);
        if (at[axis] < 0)
            return "an index is out of range";
        element_move(y, k, x, index_of(&x->shape, at));
    }
    return NULL;
}

const char *double_gather_nd(dnode *n)
{
    const dtensor *x = n->in[0], *indices = n->in[1];
    size_t batch = (size_t)attr_int(n, "batch_dims", 0), last = indices->shape.rank - 1;
    size_t depth = (size_t)indices->shape.dims[last];
    shape s = {0, {0}};
    if (last < batch || batch + depth > x->shape.rank ||
        last + x->shape.rank - batch - depth > CLARUS_MAX_RANK)
        return "the ranks do not fit";
    for (size_t d = 0; d < last; d++)
        s.dims[s.rank++] = indices->shape.dims[d];
    for (size_t d = batch + depth; d < x->shape.rank; d++)
        s.dims[s.rank++] = x->shape.dims[d];
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    int64_t inner = dims_product(&x->shape, batch + depth, x->shape.rank);
    int64_t per_batch = dims_product(&indices->shape, batch, last);
    for (int64_t k = 0; k < y->count; k++) {
        int64_t row = k / inner, at = row / per_batch;
        for (size_t d = 0; d < depth; d++) {
            int64_t index = wrapped(indices->i[row * (int64_t)depth + (int64_t)d], x->shape.dims[batch + d]);
            if (index < 0)
                return "an index is out of range";
            at = at * x->shape.dims[batch + d] + index;
        }
        element_move(y, k, x, at * inner + k % inner);
    }
    return NULL;
}

const char *double_depth_to_space(dnode *n)
{
    const dtensor *x = n->in[0];
    int64_t b = attr_int(n, "blocksize", 1);
    const int64_t *in = n->in[0]->shape.dims;
    int crd = attr_is(n, "mode", "CRD", "DCR");
    if (x->shape.rank != 4 || b < 1 || in[1] % (b * b))
        return "blocksize does not fit the channels";
    int64_t channels = in[1] / (b * b);
    shape s = {4, {in[0], channels, in[2] * b, in[3] * b}};
    walk w;
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w)) {
        int64_t block = w.at[2] % b * b + w.at[3] % b;
        int64_t c = crd ? w.at[1] * b * b + block : block * channels + w.at[1];
        int64_t at[] = {w.at[0], c, w.at[2] / b, w.at[3] / b};
        element_move(y, k, x, index_of(&x->shape, at));
    }
    return NULL;
}

const char *double_space_to_depth(dnode *n)
{
    const dtensor *x = n->in[0];
    int64_t b = attr_int(n, "blocksize", 1);
    const int64_t *in = n->in[0]->shape.dims;
    if (x->shape.rank != 4 || b < 1 || in[2] % b || in[3] % b)
        return "blocksize does not fit the plane";
    shape s = {4, {in[0], in[1] * b * b, in[2] / b, in[3] / b}};
    walk w;
    dtensor *y = output_new(n, 0, x->dtype, &s, 0);
    walk_begin(&w, &s);
    for (int64_t k = 0; k < y->count; k++, walk_next(&w)) {
        int64_t block = w.at[1] / in[1];
        int64_t at[] = {w.at[0], w.at[1] % in[1], w.at[2] * b + block / b, w.at[3] * b + block % b};
        element_move(y, k, x, index_of(&x->shape, at));
    }
    return NULL;
}

const char *double_trilu(dnode *n)
{
    const dtensor *x = n->in[0], *diagonal = input(n, 1);
    int64_t k0 = diagonal ? diagonal->i[0] : 0, upper = attr_int(n, "upper", 1);
    if (x->shape.rank < 2)
        return "fewer than two axes";
    dtensor *y = output_new(n, 0, x->dtype, &x->shape, 0);
    int64_t columns = x->shape.dims[x->shape.rank - 1], rows = x->shape.dims[x->shape.rank - 2];
    for (int64_t k = 0; k < y->count; k++) {
        int64_t off = k % columns - k / columns % rows;
        if (upper ? off >= k0 : off <= k0)
            element_move(y, k, x, k);
    }
    return NULL;
}

/* ---- values from shapes and attributes ---- */

const char *double_shape(dnode *n)
{
    int64_t rank = (int64_t)n->in[0]->shape.rank, start = attr_int(n, "start", 0),
            end = attr_int(n, "end", rank);
    start = clamp(start < 0 ? start + rank : start, 0, rank);
    end = clamp(end < 0 ? end + rank : end, start, rank);
    shape s = {1, {end - start}};
    n->out[0] = dtensor_new(CLARUS_INT64, &s, 0);
    for (int64_t k = start; k < end; k++)
        n->out[0]->i[k - start] = n->in[0]->shape.dims[k];
    return NULL;
}

const char *double_size(dnode *n)
{
    shape s = {0, {0}};
    n->out[0] = dtensor_new(CLARUS_INT64, &s, 0);
    n->out[0]->i[0] = n->in[0]->count;
    return NULL;
}

const char *double_constant(dnode *n)
{
    const Onnx__Attribute *a = n->proto->n_attribute ? n->proto->attribute[0] : NULL;
    shape scalar = {0, {0}};
    if (!a || !a->name)
        return "no value";
    shape list = {1, {(int64_t)(a->n_floats ? a->n_floats : a->n_ints)}};
    if (strcmp(a->name, "value") == 0 && a->t)
        n->out[0] = tensor_read(a->t, NULL);
    else if (strcmp(a->name, "value_float") == 0)
        n->out[0] = dtensor_from(CLARUS_FLOAT32, &scalar, &a->f);
    else if (strcmp(a->name, "value_int") == 0)
        n->out[0] = dtensor_from(CLARUS_INT64, &scalar, &a->i);
    else if (strcmp(a->name, "value_floats") == 0)
        n->out[0] = dtensor_from(CLARUS_FLOAT32, &list, a->floats);
    else if (strcmp(a->name, "value_ints") == 0)
        n->out[0] = dtensor_from(CLARUS_INT64, &list, a->ints);
    return n->out[0] ? NULL : "a kind of value that is not known";
}

const char *double_constant_of_shape(dnode *n)
{
    const Onnx__Attribute *a = attr_find(n, "value");
    shape s = {(size_t)n->in[0]->count, {0}}, one = {1, {1}};
    if (s.rank > CLARUS_MAX_RANK)
        return "too many dimensions";
    for (size_t d = 0; d < s.rank; d++)
        s.dims[d] = n->in[0]->i[d];
    dtensor *value = a && a->t ? tensor_read(a->t, NULL) : dtensor_new(CLARUS_FLOAT32, &one, 0);
    if (!value)
        return "the value cannot be read";
    n->out[0] = dtensor_new(value->dtype, &s, 0);
    for (int64_t k = 0; k < n->out[0]->count; k++)
        element_move(n->out[0], k, value, 0);
    dtensor_free(value);
    return NULL;
}

const char *double_range(dnode *n)
{
    const dtensor *start = n->in[0], *limit = n->in[1], *delta = n->in[2];
    double count = ceil((get(limit, 0).v - get(start, 0).v) / get(delta, 0).v);
    shape s = {1, {count > 0 ? (int64_t)count : 0}};
    dtensor *y = output_new(n, 0, start->dtype, &s, start->v != NULL);
    for (int64_t k = 0; k < y->count; k++) {
        if (y->v)
            put(y, k, ap_add(get(start, 0), ap_mul(exactly((double)k), get(delta, 0))));
        else
            y->i[k] = start->i[0] + k * delta->i[0];
    }
    return NULL;
}

const char *double_eye_like(dnode *n)
{
    const dtensor *x = n->in[0];
    clarus_dtype dtype = (clarus_dtype)attr_int(n, "dtype", (int64_t)x->dtype);
    int64_t k0 = attr_int(n, "k", 0);
    if (x->shape.rank != 2)
        return "not a matrix";
    dtensor *y = n->out[0] = dtensor_new(dtype, &x->shape, 0);
    for (int64_t k = 0; k < y->count; k++) {
        int one = k % x->shape.dims[1] - k / x->shape.dims[1] == k0;
        if (y->v)
            y->v[k] = one;
        else
            y->i[k] = one;
    }
    return NULL;
}

const char *double_one_hot(dnode *n)
{
    const dtensor *indices = n->in[0], *values = n->in[2];
    int64_t depth = (int64_t)get(n->in[1], 0).v;
    int axis = shape_axis(attr_int(n, "axis", -1), indices->shape.rank + 1);
    if (axis < 0 || indices->shape.rank + 1 > CLARUS_MAX_RANK)
        return "the axis is out of range";
    shape s = {0, {0}};
    for (size_t d = 0; d <= indices->shape.rank; d++)
        s.dims[s.rank++] = d == (size_t)axis ? depth : indices->shape.dims[d < (size_t)axis ? d : d - 1];
    dtensor *y = output_new(n, 0, values->dtype, &s, 0);
    int64_t inner = dims_product(&s, (size_t)axis + 1, s.rank);
    for (int64_t k = 0; k < y->count; k++) {
        int64_t at = k / inner % depth,
                index = (int64_t)get(indices, k / (inner * depth) * inner + k % inner).v;
        element_move(y, k, values, at == wrapped(index, depth));
    }
    return NULL;
}
