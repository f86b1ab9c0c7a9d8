/* Operators whose elements lie at places that other elements name, and those that go along the lines of an
 * axis. */
#include "lower_ops.h"

#include "convert.h"
#include "indexed.h"

#include <string.h>

/* ---- Indices */

void lower_check_indices(lowering *l, size_t indices, const int64_t *extents, size_t components)
{
    const void *data = lower_data(l, indices);
    int wide = lower_dtype(l, indices) == CLARUS_INT64;
    if (l->status == CLARUS_OK && !wide && lower_dtype(l, indices) != CLARUS_INT32)
        lower_error(l, CLARUS_E_SHAPE, "indices of %s", clarus_dtype_name(lower_dtype(l, indices)));
    for (int64_t i = 0; data && components && i < lower_count(l, indices) && l->status == CLARUS_OK; i++) {
        int64_t index = wide ? ((const int64_t *)data)[i] : ((const int32_t *)data)[i];
        int64_t extent = extents[i % (int64_t)components];
        if (index < -extent || index >= extent)
            lower_error(l, CLARUS_E_SHAPE,
                        "index %lld, element %lld of its indices, is outside an axis of %lld "
                        "elements",
                        (long long)index, (long long)i, (long long)extent);
    }
}

/* GatherElements, ScatterElements: indices no larger than data but along the axis. */
static void place_elements(lowering *l, size_t x, size_t indices, size_t axis, indexed_params *p)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    shape data = lower_shape(l, x), list = lower_shape(l, indices);
    int fits = data.rank == list.rank;
    for (size_t i = 0; i < data.rank && fits; i++)
        fits = i == axis || list.dims[i] <= data.dims[i];
    if (!fits)
        lower_error(l, CLARUS_E_SHAPE, "indices of %s do not fit data of %s along axis %zu",
                    shape_text(&list, a), shape_text(&data, b), axis);
    if (l->status != CLARUS_OK)
        return;
    indexed_elements(&data, &list, axis, p);
    lower_check_indices(l, indices, p->extents, p->components);
}

/* GatherND, ScatterND: the shape of what the tuples name, one element or slice for each. */
static shape place_tuples(lowering *l, size_t x, size_t indices, int64_t batch_dims, indexed_params *p)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    shape data = lower_shape(l, x), list = lower_shape(l, indices), out = {.rank = 0};
    size_t last = list.rank ? list.rank - 1 : 0, batch = (size_t)batch_dims;
    int fits = list.rank > 0 && batch_dims >= 0 && batch <= last && batch <= data.rank &&
               list.dims[last] <= (int64_t)(data.rank - batch) && list.dims[last] >= 0;
    for (size_t i = 0; i < batch && fits; i++)
        fits = list.dims[i] == data.dims[i];
    size_t named = fits ? batch + (size_t)list.dims[last] : 0;
    if (!fits)
        lower_error(l, CLARUS_E_SHAPE, "tuples in %s do not fit data of %s with %lld batch dimensions",
                    shape_text(&list, a), shape_text(&data, b), (long long)batch_dims);
    else if (last + data.rank - named > CLARUS_MAX_RANK)
        lower_error(l, CLARUS_E_UNSUPPORTED, "%zu dimensions, at most %d are supported",
                    last + data.rank - named, CLARUS_MAX_RANK);
    if (l->status != CLARUS_OK)
        return out;
    for (size_t i = 0; i < last; i++)
        out.dims[out.rank++] = list.dims[i];
    for (size_t i = named; i < data.rank; i++)
        out.dims[out.rank++] = data.dims[i];
    indexed_tuples(&data, &list, batch, p);
    lower_check_indices(l, indices, p->extents, p->components);
    return out;
}

static size_t emit_gather(lowering *l, size_t x, size_t indices, const indexed_params *places,
                          const shape *out)
{
    size_t inputs[] = {x, indices};
    lowered_op op = {.kind = OP_GATHER, .inputs = inputs, .input_count = 2};
    op.as.gather = *places;
    return lower_emit(l, &op, lower_dtype(l, x), out);
}

static size_t gather_elements(lowering *l, size_t x, size_t indices, size_t axis)
{
    indexed_params places = {.rank = 0};
    shape out = lower_shape(l, indices);
    place_elements(l, x, indices, axis, &places);
    return emit_gather(l, x, indices, &places, &out);
}

void lower_gather_elements(lowering *l)
{
    size_t x = lower_input(l, 0);
    size_t axis = lower_axis(l, lower_int(l, "axis", 0), lower_shape(l, x).rank);
    lower_bind(l, 0, gather_elements(l, x, lower_input(l, 1), axis));
}

void lower_gather_nd(lowering *l)
{
    size_t x = lower_input(l, 0), indices = lower_input(l, 1);
    indexed_params places = {.rank = 0};
    shape out = place_tuples(l, x, indices, lower_int(l, "batch_dims", 0), &places);
    lower_bind(l, 0, emit_gather(l, x, indices, &places, &out));
}

/* ---- Scatter */

static combine_function read_reduction(lowering *l, clarus_dtype dtype)
{
    static const struct {
        const char *name;
        combine_function function;
    } table[] = {{"none", COMBINE_REPLACE},
                 {"add", COMBINE_ADD},
                 {"mul", COMBINE_MUL},
                 {"min", COMBINE_MIN},
                 {"max", COMBINE_MAX}};
    const char *name = lower_string(l, "reduction", "none");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0) {
            int sums = table[i].function == COMBINE_ADD || table[i].function == COMBINE_MUL;
            if (sums && dtype == CLARUS_BOOL)
                lower_error(l, CLARUS_E_UNSUPPORTED, "reduction \"%s\" of bool", name);
            return table[i].function;
        }
    lower_error(l, CLARUS_E_FORMAT, "reduction \"%.40s\"", name);
    return COMBINE_REPLACE;
}

static size_t emit_scatter(lowering *l, const size_t inputs[3], combine_function function,
                           const indexed_params *places)
{
    shape out = lower_shape(l, inputs[0]);
    size_t list[] = {inputs[0], inputs[1], inputs[2]};
    lowered_op op = {.kind = OP_SCATTER, .inputs = list, .input_count = 3};
    op.as.scatter = (scatter_params){*places, function};
    if (lower_dtype(l, inputs[0]) != lower_dtype(l, inputs[2]))
        lower_error(l, CLARUS_E_SHAPE, "updates of %s for data of %s",
                    clarus_dtype_name(lower_dtype(l, inputs[2])),
                    clarus_dtype_name(lower_dtype(l, inputs[0])));
    return lower_emit(l, &op, lower_dtype(l, inputs[0]), &out);
}

static void check_updates(lowering *l, size_t updates, const shape *wanted)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    shape s = lower_shape(l, updates);
    if (!shape_equal(&s, wanted))
        lower_error(l, CLARUS_E_SHAPE, "updates of %s, not %s", shape_text(&s, a), shape_text(wanted, b));
}

static size_t scatter_elements(lowering *l, const size_t inputs[3], size_t axis, combine_function function)
{
    indexed_params places = {.rank = 0};
    shape list = lower_shape(l, inputs[1]);
    place_elements(l, inputs[0], inputs[1], axis, &places);
    check_updates(l, inputs[2], &list);
    return emit_scatter(l, inputs, function, &places);
}

void lower_scatter_elements(lowering *l)
{
    size_t inputs[] = {lower_input(l, 0), lower_input(l, 1), lower_input(l, 2)};
    size_t axis = lower_axis(l, lower_int(l, "axis", 0), lower_shape(l, inputs[0]).rank);
    combine_function function = read_reduction(l, lower_dtype(l, inputs[0]));
    lower_bind(l, 0, scatter_elements(l, inputs, axis, function));
}

void lower_scatter_nd(lowering *l)
{
    size_t inputs[] = {lower_input(l, 0), lower_input(l, 1), lower_input(l, 2)};
    indexed_params places = {.rank = 0};
    combine_function function = read_reduction(l, lower_dtype(l, inputs[0]));
    shape wanted = place_tuples(l, inputs[0], inputs[1], 0, &places);
    check_updates(l, inputs[2], &wanted);
    lower_bind(l, 0, emit_scatter(l, inputs, function, &places));
}

/* The shape whose pooling gave x. */
static shape unpooled_shape(lowering *l, const shape *x)
{
    size_t counts[3];
    const int64_t *kernel = lower_ints(l, "kernel_shape", &counts[0]);
    const int64_t *strides = lower_ints(l, "strides", &counts[1]), *pads = lower_ints(l, "pads", &counts[2]);
    enum { MOST = 1 << 30 };
    shape out = *x;
    int64_t total;
    size_t axes = x->rank < 2 ? 0 : x->rank - 2;
    if (!kernel || counts[0] != axes || (strides && counts[1] != axes) || (pads && counts[2] != 2 * axes))
        lower_error(l, CLARUS_E_SHAPE, "kernel_shape, strides or pads do not fit %zu axes", axes);
    for (size_t i = 0; i < axes && l->status == CLARUS_OK; i++) {
        int64_t stride = strides ? strides[i] : 1, padding = pads ? pads[i] + pads[axes + i] : 0;
        if (stride < 1 || stride > MOST || kernel[i] < 1 || kernel[i] > MOST || padding < 0 ||
            padding > MOST || x->dims[i + 2] > MOST)
            lower_error(l, CLARUS_E_SHAPE, "a kernel of %lld in steps of %lld", (long long)kernel[i],
                        (long long)stride);
        else
            out.dims[i + 2] = (x->dims[i + 2] - 1) * stride - padding + kernel[i];
    }
    if (l->status == CLARUS_OK && !shape_count(&out, &total))
        lower_error(l, CLARUS_E_SHAPE, "the result is not possible");
    return out;
}

/* x, cut or followed by zeros along its axes. */
static size_t fit_to(lowering *l, size_t x, const shape *wanted)
{
    shape in = lower_shape(l, x);
    move_part *part = l->status == CLARUS_OK ? lowered_alloc(l->out, 1, sizeof *part) : NULL;
    if (!part) {
        lower_error(l, CLARUS_E_MEMORY, "out of memory");
        return LOWER_NONE;
    }
    *part = (move_part){.rank = in.rank};
    shape_strides(&in, part->from_strides);
    shape_strides(wanted, part->to_strides);
    for (size_t i = 0; i < in.rank; i++)
        part->dims[i] = in.dims[i] < wanted->dims[i] ? in.dims[i] : wanted->dims[i];
    lowered_op op = {.kind = OP_MOVE, .inputs = &x, .input_count = 1};
    op.as.move = (move_params){.parts = part, .concat_axis = -1};
    return lower_emit(l, &op, lower_dtype(l, x), wanted);
}

/* Zeros, and x's elements at the places that MaxPool took them from. */
void lower_max_unpool(lowering *l)
{
    size_t x = lower_input(l, 0), indices = lower_input(l, 1);
    shape in = lower_shape(l, x), out = unpooled_shape(l, &in), wanted = out;
    if (lower_has_input(l, 2))
        wanted.rank = lower_int_input(l, 2, wanted.dims, CLARUS_MAX_RANK);
    int64_t total;
    if (l->status == CLARUS_OK && (wanted.rank != in.rank || !shape_count(&wanted, &total) ||
                                   lower_count(l, indices) != lower_count(l, x)))
        lower_error(l, CLARUS_E_SHAPE, "output_shape or the indices do not fit");
    if (l->status != CLARUS_OK)
        return;
    shape list = {.rank = 1, .dims = {lower_count(l, x)}}, flat = {.rank = 1, .dims = {1}};
    for (size_t i = 0; i < out.rank; i++)
        flat.dims[0] *= out.dims[i];
    /* elements of any type are 0 where all bits are */
    size_t inputs[] = {lower_filled(l, lower_dtype(l, x), &flat, &(uint64_t){0}),
                       lower_view(l, indices, &list), lower_view(l, x, &list)};
    indexed_params places;
    indexed_elements(&flat, &list, 0, &places);
    lower_check_indices(l, inputs[1], places.extents, 1);
    size_t y = lower_view(l, emit_scatter(l, inputs, COMBINE_REPLACE, &places), &out);
    lower_bind(l, 0, shape_equal(&out, &wanted) ? y : fit_to(l, y, &wanted));
}

/* ---- The first elements in order */

static size_t emit_top(lowering *l, size_t x, const top_params *top)
{
    shape out = lower_shape(l, x);
    lowered_op op = {.kind = OP_TOP, .inputs = &x, .input_count = 1};
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    if (top->k < 0 || top->k > out.dims[top->axis])
        lower_error(l, CLARUS_E_SHAPE, "the first %lld of %lld elements", (long long)top->k,
                    (long long)out.dims[top->axis]);
    op.as.top = *top;
    out.dims[top->axis] = top->k;
    return lower_emit(l, &op, CLARUS_INT64, &out);
}

/* Sorted even where the node does not ask for it. */
void lower_top_k(lowering *l)
{
    size_t x = lower_input(l, 0);
    int64_t k = l->node->opset < 10 ? lower_int(l, "k", -1) : 0;
    if (l->node->opset >= 10 && lower_int_input(l, 1, &k, 1) != 1)
        lower_error(l, CLARUS_E_SHAPE, "k is not one number");
    size_t axis = lower_axis(l, lower_int(l, "axis", -1), lower_shape(l, x).rank);
    top_params top = {(int)axis, lower_int(l, "largest", 1) != 0, 0, k};
    size_t indices = emit_top(l, x, &top);
    if (l->node->output_count > 0 && l->node->outputs[0] != GRAPH_NONE)
        lower_bind(l, 0, gather_elements(l, x, indices, axis));
    lower_bind(l, 1, indices);
}

void lower_arg(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape dropped = {.rank = 0}, in = lower_shape(l, x);
    size_t axis = lower_axis(l, lower_int(l, "axis", 0), in.rank);
    top_params top = {(int)axis, l->row->parameter, lower_int(l, "select_last_index", 0) != 0, 1};
    size_t y = emit_top(l, x, &top);
    for (size_t i = 0; i < in.rank; i++)
        if (i != axis)
            dropped.dims[dropped.rank++] = in.dims[i];
    lower_bind(l, 0, lower_int(l, "keepdims", 1) ? y : lower_view(l, y, &dropped));
}

/* Zeros, and ones at the first of the largest. Up to opset 12 the axis cuts the dimensions in two groups. */
void lower_hardmax(lowering *l)
{
    static const float zero = 0, one = 1;
    int flattens = l->node->opset < 13;
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x), flat = in;
    size_t axis = lower_axis(l, lower_int(l, "axis", flattens ? 1 : -1), in.rank);
    if (flattens) {
        flat = (shape){.rank = 2, .dims = {1, 1}};
        for (size_t i = 0; i < in.rank; i++)
            flat.dims[i >= axis] *= in.dims[i];
        x = lower_view(l, x, &flat);
        axis = 1;
    }
    size_t largest = emit_top(l, x, &(top_params){(int)axis, 1, 0, 1});
    shape places = lower_shape(l, largest);
    size_t inputs[] = {lower_filled(l, CLARUS_FLOAT32, &flat, &zero), largest,
                       lower_filled(l, CLARUS_FLOAT32, &places, &one)};
    lower_bind(l, 0, lower_view(l, scatter_elements(l, inputs, axis, COMBINE_REPLACE), &in));
}

/* ---- One of many */

static int64_t read_depth(lowering *l)
{
    int64_t depth = 0;
    const void *data = lower_known(l, 1);
    size_t x = lower_input(l, 1);
    if (!data || l->status != CLARUS_OK)
        return 0;
    if (lower_count(l, x) != 1 || !convert_elements(lower_dtype(l, x), data, 1, CLARUS_INT64, &depth) ||
        depth < 0)
        lower_error(l, CLARUS_E_SHAPE, "a depth that is not one number from 0 on");
    return depth;
}

static size_t int64_scalar(lowering *l, int64_t value)
{
    shape scalar = {.rank = 0};
    return lower_view(l, lower_int64s(l, &value, 1), &scalar);
}

/* Negative indices count from the depth. */
static size_t wrap_index(lowering *l, size_t x, int64_t depth)
{
    size_t signs[] = {x, int64_scalar(l, 0)};
    size_t choice[] = {lower_typed(l, TYPED_less, signs, CLARUS_BOOL),
                       lower_binary(l, ELTWISE_add, x, int64_scalar(l, depth)), x};
    return lower_typed(l, TYPED_where, choice, CLARUS_INT64);
}

/* 0, 1, ... along one of `rank` axes. */
static size_t counting_along(lowering *l, size_t rank, size_t axis, int64_t count)
{
    shape s = {.rank = rank};
    for (size_t i = 0; i < rank; i++)
        s.dims[i] = i == axis ? count : 1;
    int64_t *positions = lower_memory(l, count, sizeof *positions);
    for (int64_t i = 0; i < count && positions; i++)
        positions[i] = i;
    return lower_constant(l, CLARUS_INT64, &s, positions);
}

/* One element of a list, as a scalar. */
static size_t element_of(lowering *l, size_t list, int64_t i)
{
    shape scalar = {.rank = 0};
    return lower_view(l, lower_part(l, list, 0, i, 1, 1), &scalar);
}

/* values[1] where the position along the new axis is the index, values[0] elsewhere. */
void lower_one_hot(lowering *l)
{
    size_t values = lower_input(l, 2), x = lower_convert(l, lower_input(l, 0), CLARUS_INT64);
    int64_t depth = read_depth(l), given = lower_int(l, "axis", -1);
    shape in = lower_shape(l, x), list = lower_shape(l, values), beside = {.rank = in.rank + 1};
    if (l->status == CLARUS_OK && (list.rank != 1 || list.dims[0] != 2))
        lower_error(l, CLARUS_E_SHAPE, "%lld values, not 2", (long long)lower_count(l, values));
    if (l->status == CLARUS_OK && beside.rank > CLARUS_MAX_RANK)
        lower_error(l, CLARUS_E_UNSUPPORTED, "%zu dimensions, at most %d are supported", beside.rank,
                    CLARUS_MAX_RANK);
    size_t axis = lower_axis(l, given, beside.rank);
    if (l->status != CLARUS_OK)
        return;
    for (size_t i = 0; i < beside.rank; i++)
        beside.dims[i] = i == axis ? 1 : in.dims[i - (i > axis)];
    size_t compared[] = {lower_view(l, wrap_index(l, x, depth), &beside),
                         counting_along(l, beside.rank, axis, depth)};
    size_t choice[] = {lower_typed(l, TYPED_equal, compared, CLARUS_BOOL), element_of(l, values, 1),
                       element_of(l, values, 0)};
    lower_bind(l, 0, lower_typed(l, TYPED_where, choice, lower_dtype(l, values)));
}

/* ---- Running sums and products */

void lower_scan(lowering *l)
{
    size_t x = lower_input(l, 0);
    int64_t axis = 0;
    shape in = lower_shape(l, x);
    if (lower_int_input(l, 1, &axis, 1) != 1)
        lower_error(l, CLARUS_E_SHAPE, "the axis is not one number");
    lowered_op op = {.kind = OP_SCAN, .inputs = &x, .input_count = 1};
    op.as.scan = (scan_params){(combine_function)l->row->parameter, (int)lower_axis(l, axis, in.rank),
                               lower_int(l, "exclusive", 0) != 0, lower_int(l, "reverse", 0) != 0};
    lower_bind(l, 0, lower_emit(l, &op, lower_dtype(l, x), &in));
}
