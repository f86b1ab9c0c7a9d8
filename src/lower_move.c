/* Operators that cut values into parts, or repeat them: moves by strides. */
#include "lower_ops.h"

#include "indexed.h"

#include <string.h>

/* ---- Slices */

typedef struct slice {
    int64_t start, step, count;
} slice;

static size_t emit_slices(lowering *l, size_t x, const slice *slices)
{
    shape in = lower_shape(l, x), out = in;
    int64_t strides[CLARUS_MAX_RANK];
    move_part part = {.rank = in.rank};
    shape_strides(&in, strides);
    for (size_t i = 0; i < in.rank; i++) {
        out.dims[i] = part.dims[i] = slices[i].count;
        part.from_offset += slices[i].start * strides[i];
        part.from_strides[i] = slices[i].step * strides[i];
    }
    shape_strides(&out, part.to_strides);
    return shape_equal(&in, &out) && part.from_offset == 0 ? x : lower_move(l, x, &part, &out);
}

static void whole_slices(const shape *in, slice *slices)
{
    for (size_t i = 0; i < in->rank; i++)
        slices[i] = (slice){0, 1, in->dims[i]};
}

size_t lower_part(lowering *l, size_t x, size_t axis, int64_t start, int64_t step, int64_t count)
{
    slice slices[CLARUS_MAX_RANK];
    shape in = lower_shape(l, x);
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    whole_slices(&in, slices);
    slices[axis] = (slice){start, step, count};
    return emit_slices(l, x, slices);
}

static int64_t clamp(int64_t x, int64_t lowest, int64_t highest)
{
    return x < lowest ? lowest : x > highest ? highest : x;
}

/* ONNX's rule: negative positions count from the end, then all are clamped. */
static slice resolve_slice(int64_t start, int64_t end, int64_t step, int64_t extent)
{
    int back = step < 0;
    start = clamp(start < 0 ? start + extent : start, 0, back ? extent - 1 : extent);
    end = clamp(end < 0 ? end + extent : end, back ? -1 : 0, extent);
    int64_t distance = back ? start - end : end - start;
    int64_t pace = step == INT64_MIN ? INT64_MAX : back ? -step : step;
    slice s = {start, step, distance <= 0 || extent == 0 ? 0 : (distance - 1) / pace + 1};
    if (s.count <= 1)
        s.step = 1;
    if (s.count == 0)
        s.start = 0;
    return s;
}

typedef struct slice_node {
    int64_t starts[CLARUS_MAX_RANK], ends[CLARUS_MAX_RANK], axes[CLARUS_MAX_RANK], steps[CLARUS_MAX_RANK];
    size_t count;
} slice_node;

static size_t read_slice_list(lowering *l, const char *attribute, size_t input, int64_t *values)
{
    size_t count = 0;
    if (l->node->opset >= 10)
        return lower_has_input(l, input) ? lower_int_input(l, input, values, CLARUS_MAX_RANK) : 0;
    const int64_t *list = lower_ints(l, attribute, &count);
    if (count > CLARUS_MAX_RANK)
        lower_error(l, CLARUS_E_SHAPE, "%s has %zu numbers", attribute, count);
    for (size_t i = 0; list && i < count && l->status == CLARUS_OK; i++)
        values[i] = list[i];
    return l->status == CLARUS_OK ? count : 0;
}

static void read_slice(lowering *l, slice_node *s)
{
    s->count = read_slice_list(l, "starts", 1, s->starts);
    size_t ends = read_slice_list(l, "ends", 2, s->ends);
    size_t axes = read_slice_list(l, "axes", 3, s->axes);
    size_t steps = l->node->opset >= 10 ? read_slice_list(l, "", 4, s->steps) : 0;
    for (size_t i = 0; i < s->count && !axes; i++)
        s->axes[i] = (int64_t)i;
    for (size_t i = 0; i < s->count && !steps; i++)
        s->steps[i] = 1;
    if (ends != s->count || (axes && axes != s->count) || (steps && steps != s->count))
        lower_error(l, CLARUS_E_SHAPE, "%zu starts, %zu ends, %zu axes, %zu steps", s->count, ends, axes,
                    steps);
}

void lower_slice(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    slice slices[CLARUS_MAX_RANK];
    slice_node s = {.count = 0};
    unsigned char seen[CLARUS_MAX_RANK] = {0};
    read_slice(l, &s);
    whole_slices(&in, slices);
    for (size_t i = 0; i < s.count && l->status == CLARUS_OK; i++) {
        size_t axis = lower_axis(l, s.axes[i], in.rank);
        if (l->status != CLARUS_OK)
            return;
        if (s.steps[i] == 0 || seen[axis]++)
            lower_error(l, CLARUS_E_SHAPE, s.steps[i] ? "axis %zu is named twice" : "step 0 on axis %zu",
                        axis);
        else
            slices[axis] = resolve_slice(s.starts[i], s.ends[i], s.steps[i], in.dims[axis]);
    }
    if (l->status == CLARUS_OK)
        lower_bind(l, 0, emit_slices(l, x, slices));
}

/* Sizes from the attribute (up to opset 12) or input, else equal parts, the last one smaller. */
static void split_sizes(lowering *l, int64_t extent, int64_t *sizes, size_t room)
{
    size_t parts = l->node->output_count, count = 0;
    const int64_t *attribute = l->node->opset < 13 ? lower_ints(l, "split", &count) : NULL;
    for (size_t i = 0; attribute && i < count && i < parts; i++)
        sizes[i] = attribute[i];
    if (!attribute && lower_has_input(l, 1))
        count = lower_int_input(l, 1, sizes, room);
    if (count && count != parts)
        lower_error(l, CLARUS_E_SHAPE, "%zu sizes for %zu outputs", count, parts);
    int64_t each = (extent + (int64_t)parts - 1) / (int64_t)parts, left = extent;
    for (size_t i = 0; i < parts && l->status == CLARUS_OK; i++) {
        sizes[i] = count ? sizes[i] : each < left ? each : left;
        if (sizes[i] < 0 || sizes[i] > left)
            lower_error(l, CLARUS_E_SHAPE, "part %zu has %lld of an extent of %lld", i, (long long)sizes[i],
                        (long long)extent);
        left -= sizes[i];
    }
    if (left)
        lower_error(l, CLARUS_E_SHAPE, "the parts leave %lld of an extent of %lld", (long long)left,
                    (long long)extent);
}

void lower_split(lowering *l)
{
    size_t x = lower_input(l, 0), parts = l->node->output_count;
    shape in = lower_shape(l, x);
    size_t axis = lower_axis(l, lower_int(l, "axis", 0), in.rank);
    int64_t *sizes = lower_memory(l, (int64_t)parts, sizeof *sizes), at = 0;
    if (l->status == CLARUS_OK)
        split_sizes(l, in.dims[axis], sizes, parts);
    for (size_t i = 0; i < parts && l->status == CLARUS_OK; i++) {
        slice slices[CLARUS_MAX_RANK];
        whole_slices(&in, slices);
        slices[axis] = (slice){at, 1, sizes[i]};
        at += sizes[i];
        if (l->node->outputs[i] != GRAPH_NONE)
            lower_bind(l, i, emit_slices(l, x, slices));
    }
}

/* ---- Repeating */

void lower_expand(lowering *l)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x), wanted = {.rank = 0}, out;
    int64_t strides[CLARUS_MAX_RANK];
    wanted.rank = lower_int_input(l, 1, wanted.dims, CLARUS_MAX_RANK);
    if (l->status != CLARUS_OK)
        return;
    if (!shape_broadcast(&in, &wanted, &out)) {
        lower_error(l, CLARUS_E_SHAPE, "%s cannot become %s", shape_text(&in, a), shape_text(&wanted, b));
        return;
    }
    move_part part = {.rank = out.rank};
    shape_strides(&in, strides);
    memcpy(part.dims, out.dims, sizeof part.dims);
    for (size_t i = 0; i < in.rank; i++)
        if (in.dims[i] != 1)
            part.from_strides[out.rank - in.rank + i] = strides[i];
    int64_t count;
    if (!shape_count(&out, &count))
        lower_error(l, CLARUS_E_SHAPE, "%s is not possible", shape_text(&out, b));
    else
        shape_strides(&out, part.to_strides);
    lower_bind(l, 0, shape_equal(&in, &out) ? x : lower_move(l, x, &part, &out));
}

size_t lower_repeat(lowering *l, size_t x, size_t axis, int64_t times)
{
    shape in = lower_shape(l, x), out = in;
    int64_t count, strides[CLARUS_MAX_RANK];
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    out.dims[axis] = in.dims[axis] > INT64_MAX / times ? INT64_MAX : in.dims[axis] * times;
    if (!shape_count(&out, &count)) {
        lower_error(l, CLARUS_E_LIMIT, "%lld channels %lld times", (long long)in.dims[axis],
                    (long long)times);
        return LOWER_NONE;
    }
    shape_strides(&in, strides);
    int64_t inner = strides[axis], outer = 1;
    for (size_t i = 0; i < axis; i++)
        outer *= in.dims[i];
    move_part part = {.rank = 3,
                      .dims = {outer * in.dims[axis], times, inner},
                      .from_strides = {inner, 0, 1},
                      .to_strides = {times * inner, inner, 1}};
    return lower_move(l, x, &part, &out);
}

/* Each axis becomes two: the repetition, which does not move in the input, and the extent. Extents of 1 are
 * left out. */
static void tile_part(lowering *l, const shape *in, const int64_t *repeats, const shape *out, move_part *part)
{
    int64_t from[CLARUS_MAX_RANK], to[CLARUS_MAX_RANK];
    shape_strides(in, from);
    shape_strides(out, to);
    for (size_t i = 0; i < in->rank; i++) {
        int64_t extents[2] = {repeats[i], in->dims[i]};
        int64_t from_strides[2] = {0, from[i]}, to_strides[2] = {in->dims[i] * to[i], to[i]};
        for (int k = 0; k < 2; k++) {
            if (extents[k] == 1)
                continue;
            if (part->rank == CLARUS_MAX_RANK) {
                lower_error(l, CLARUS_E_UNSUPPORTED, "repeats more axes than %d are left for",
                            CLARUS_MAX_RANK);
                return;
            }
            part->dims[part->rank] = extents[k];
            part->from_strides[part->rank] = from_strides[k];
            part->to_strides[part->rank++] = to_strides[k];
        }
    }
}

void lower_tile(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x), out = in;
    int64_t repeats[CLARUS_MAX_RANK];
    size_t count = lower_int_input(l, 1, repeats, CLARUS_MAX_RANK);
    if (l->status == CLARUS_OK && count != in.rank)
        lower_error(l, CLARUS_E_SHAPE, "%zu repeats for %zu axes", count, in.rank);
    for (size_t i = 0; i < in.rank && l->status == CLARUS_OK; i++) {
        if (repeats[i] < 0 || (in.dims[i] && repeats[i] > INT32_MAX / in.dims[i]))
            lower_error(l, CLARUS_E_SHAPE, "%lld repeats of an extent of %lld", (long long)repeats[i],
                        (long long)in.dims[i]);
        else
            out.dims[i] = in.dims[i] * repeats[i];
    }
    move_part part = {.rank = 0};
    int64_t total;
    if (l->status == CLARUS_OK && !shape_count(&out, &total))
        lower_error(l, CLARUS_E_SHAPE, "the result is too large");
    if (l->status == CLARUS_OK)
        tile_part(l, &in, repeats, &out, &part);
    lower_bind(l, 0, shape_equal(&in, &out) ? x : lower_move(l, x, &part, &out));
}

/* ---- Padding */

enum { MOST_PADDING = 1 << 30 };

/* Begin and end of every axis. */
static void read_paddings(lowering *l, size_t rank, int64_t *begin, int64_t *end)
{
    int64_t values[2 * CLARUS_MAX_RANK], axes[CLARUS_MAX_RANK];
    size_t count, named = rank;
    const int64_t *attribute = l->node->opset < 11 ? lower_ints(l, "pads", &count) : NULL;
    if (attribute && count <= 2 * CLARUS_MAX_RANK)
        memcpy(values, attribute, count * sizeof *values);
    else
        count = lower_int_input(l, 1, values, 2 * CLARUS_MAX_RANK);
    for (size_t i = 0; i < rank; i++)
        axes[i] = (int64_t)i;
    if (lower_has_input(l, 3))
        named = lower_int_input(l, 3, axes, CLARUS_MAX_RANK);
    if (l->status == CLARUS_OK && count != 2 * named)
        lower_error(l, CLARUS_E_SHAPE, "%zu pads for %zu axes", count, named);
    for (size_t i = 0; i < named && l->status == CLARUS_OK; i++) {
        size_t axis = lower_axis(l, axes[i], rank);
        begin[axis] = values[i];
        end[axis] = values[named + i];
        if (values[i] < -MOST_PADDING || values[i] > MOST_PADDING || values[named + i] < -MOST_PADDING ||
            values[named + i] > MOST_PADDING)
            lower_error(l, CLARUS_E_SHAPE, "pads %lld and %lld", (long long)values[i],
                        (long long)values[named + i]);
    }
}

/* The bits of the padding's value. */
static uint64_t pad_fill(lowering *l, size_t x)
{
    uint64_t bits = 0;
    float attribute = lower_float(l, "value", 0);
    if (l->node->opset < 11) {
        memcpy(&bits, &attribute, sizeof attribute);
    } else if (lower_has_input(l, 2)) {
        size_t value = lower_input(l, 2);
        const void *data = lower_known(l, 2);
        if (data && (lower_count(l, value) != 1 || lower_dtype(l, value) != lower_dtype(l, x)))
            lower_error(l, CLARUS_E_SHAPE, "the padding's value is not one %s",
                        clarus_dtype_name(lower_dtype(l, x)));
        else if (data)
            memcpy(&bits, data, clarus_dtype_size(lower_dtype(l, x)));
    }
    return bits;
}

static void note_padding(lowering *l, size_t y, const int64_t *begin, const int64_t *end)
{
    lower_note *note = lower_add_note(l, NOTE_PAD, y);
    if (note) {
        memcpy(note->begin, begin, sizeof note->begin);
        memcpy(note->end, end, sizeof note->end);
    }
}

/* Nothing of the input is left: only padding. */
static size_t only_padding(lowering *l, size_t x, const shape *out, uint64_t fill)
{
    return lower_filled(l, lower_dtype(l, x), out, &fill);
}

size_t lower_pad_constant(lowering *l, size_t x, const int64_t *begin, const int64_t *end, uint64_t fill)
{
    shape in = lower_shape(l, x), out = in;
    int64_t from[CLARUS_MAX_RANK], count;
    int crops = 0, empty = 0;
    lowered_op op = {.kind = OP_MOVE, .inputs = &x, .input_count = 1};
    move_part *part = lowered_alloc(l->out, 1, sizeof *part);
    if (!part)
        lower_error(l, CLARUS_E_MEMORY, "out of memory");
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    *part = (move_part){.rank = in.rank};
    shape_strides(&in, from);
    for (size_t i = 0; i < in.rank; i++) {
        int64_t cut_begin = begin[i] < 0 ? -begin[i] : 0, cut_end = end[i] < 0 ? -end[i] : 0;
        out.dims[i] = in.dims[i] + begin[i] + end[i];
        part->dims[i] = in.dims[i] - cut_begin - cut_end;
        crops = crops || cut_begin || cut_end;
        empty = empty || part->dims[i] < 1;
        part->from_offset += cut_begin * from[i];
        part->from_strides[i] = from[i];
    }
    if (!shape_count(&out, &count)) {
        lower_error(l, CLARUS_E_SHAPE, "the padded value is negative or too large");
        return LOWER_NONE;
    }
    if (empty)
        return only_padding(l, x, &out, fill);
    shape_strides(&out, part->to_strides);
    for (size_t i = 0; i < in.rank; i++)
        part->to_offset += begin[i] > 0 ? begin[i] * part->to_strides[i] : 0;
    op.as.move = (move_params){.parts = part, .fill = fill, .concat_axis = -1};
    size_t y = lower_emit(l, &op, lower_dtype(l, x), &out);
    float zero = 0;
    if (!crops && lower_dtype(l, x) == CLARUS_FLOAT32 && memcmp(&fill, &zero, sizeof zero) == 0)
        note_padding(l, y, begin, end);
    return y;
}

size_t lower_take(lowering *l, size_t x, size_t indices, size_t axis)
{
    shape in = lower_shape(l, x), list = lower_shape(l, indices), out = {.rank = 0};
    size_t inputs[] = {x, indices};
    lowered_op op = {.kind = OP_GATHER, .inputs = inputs, .input_count = 2};
    if (l->status == CLARUS_OK)
        indexed_along(&in, &list, axis, &op.as.gather);
    if (l->status == CLARUS_OK && in.rank - 1 + list.rank > CLARUS_MAX_RANK)
        lower_error(l, CLARUS_E_UNSUPPORTED, "%zu dimensions, at most %d are supported",
                    in.rank - 1 + list.rank, CLARUS_MAX_RANK);
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    for (size_t i = 0; i < axis; i++)
        out.dims[out.rank++] = in.dims[i];
    for (size_t i = 0; i < list.rank; i++)
        out.dims[out.rank++] = list.dims[i];
    for (size_t i = axis + 1; i < in.rank; i++)
        out.dims[out.rank++] = in.dims[i];
    return lower_emit(l, &op, lower_dtype(l, x), &out);
}

/* Where position i of a padded axis comes from. */
static int64_t mirrored(const char *mode, int64_t i, int64_t extent)
{
    int64_t period = 2 * (extent - 1);
    if (strcmp(mode, "edge") == 0)
        return clamp(i, 0, extent - 1);
    if (strcmp(mode, "wrap") == 0)
        return (i % extent + extent) % extent;
    if (period == 0)
        return 0;
    i = (i % period + period) % period;
    return i < extent ? i : period - i;
}

/* edge, reflect and wrap: gathered along one axis after the other. */
static size_t pad_mirrored(lowering *l, const char *mode, size_t x, const int64_t *begin, const int64_t *end)
{
    for (size_t axis = 0; axis < lower_shape(l, x).rank && l->status == CLARUS_OK; axis++) {
        int64_t extent = lower_shape(l, x).dims[axis], padded = extent + begin[axis] + end[axis];
        shape list = {.rank = 1, .dims = {padded}};
        if (begin[axis] == 0 && end[axis] == 0)
            continue;
        if (extent < 1 || padded < 1) {
            lower_error(l, CLARUS_E_SHAPE, "an extent of %lld padded to %lld", (long long)extent,
                        (long long)padded);
            break;
        }
        int64_t *indices = lower_memory(l, padded, sizeof *indices);
        for (int64_t i = 0; i < padded && indices; i++)
            indices[i] = mirrored(mode, i - begin[axis], extent);
        x = lower_take(l, x, lower_constant(l, CLARUS_INT64, &list, indices), axis);
    }
    return x;
}

void lower_pad(lowering *l)
{
    size_t x = lower_input(l, 0);
    int64_t begin[CLARUS_MAX_RANK] = {0}, end[CLARUS_MAX_RANK] = {0};
    const char *mode = lower_string(l, "mode", "constant");
    read_paddings(l, lower_shape(l, x).rank, begin, end);
    if (l->status != CLARUS_OK)
        return;
    if (strcmp(mode, "constant") == 0)
        lower_bind(l, 0, lower_pad_constant(l, x, begin, end, pad_fill(l, x)));
    else if (strcmp(mode, "edge") == 0 || strcmp(mode, "reflect") == 0 || strcmp(mode, "wrap") == 0)
        lower_bind(l, 0, pad_mirrored(l, mode, x, begin, end));
    else
        lower_error(l, CLARUS_E_FORMAT, "mode \"%.40s\"", mode);
}

/* Each named axis is cut or padded with zeros to its new extent, both ends alike: where that cannot be, one
 * more at the end. */
void lower_center_crop_pad(lowering *l)
{
    size_t x = lower_input(l, 0), named = 0;
    shape in = lower_shape(l, x);
    int64_t wanted[CLARUS_MAX_RANK], begin[CLARUS_MAX_RANK] = {0}, end[CLARUS_MAX_RANK] = {0};
    const int64_t *axes = lower_ints(l, "axes", &named);
    size_t count = lower_int_input(l, 1, wanted, CLARUS_MAX_RANK);
    if (l->status == CLARUS_OK && count != (axes ? named : in.rank))
        lower_error(l, CLARUS_E_SHAPE, "%zu extents for %zu axes", count, axes ? named : in.rank);
    for (size_t i = 0; i < count && l->status == CLARUS_OK; i++) {
        size_t axis = axes ? lower_axis(l, axes[i], in.rank) : i;
        if (wanted[i] < 0 || wanted[i] > MOST_PADDING)
            lower_error(l, CLARUS_E_SHAPE, "extent %lld", (long long)wanted[i]);
        if (l->status != CLARUS_OK)
            return;
        int64_t more = wanted[i] - in.dims[axis];
        begin[axis] = more / 2;
        end[axis] = more - more / 2;
    }
    lower_bind(l, 0, lower_pad_constant(l, x, begin, end, 0));
}

/* ---- Gathering */

/* The first `length` of each sequence in reverse: gathered with batch and time, the two leading axes, as one.
 */
void lower_reverse_sequence(lowering *l)
{
    size_t x = lower_input(l, 0), lengths = lower_input(l, 1);
    shape in = lower_shape(l, x), flat = {.rank = 1}, list = {.rank = 1};
    int64_t batch = lower_int(l, "batch_axis", 1), time = lower_int(l, "time_axis", 0);
    if (in.rank < 2 || batch + time != 1 || batch * time != 0)
        lower_error(l, CLARUS_E_SHAPE, "batch axis %lld and time axis %lld of a value of %zu dimensions",
                    (long long)batch, (long long)time, in.rank);
    const int64_t *data = lower_known(l, 1);
    if (l->status != CLARUS_OK)
        return;
    if (lower_dtype(l, lengths) != CLARUS_INT64 || lower_count(l, lengths) != in.dims[batch])
        lower_error(l, CLARUS_E_SHAPE, "%lld lengths for a batch of %lld", (long long)lower_count(l, lengths),
                    (long long)in.dims[batch]);
    flat.dims[0] = list.dims[0] = in.dims[0] * in.dims[1];
    for (size_t i = 2; i < in.rank; i++)
        flat.dims[flat.rank++] = in.dims[i];
    int64_t *indices = lower_memory(l, flat.dims[0], sizeof *indices);
    int64_t batch_step = batch ? 1 : in.dims[1], time_step = time ? 1 : in.dims[1];
    for (int64_t b = 0; b < in.dims[batch] && indices; b++) {
        int64_t length = data[b];
        if (length < 0 || length > in.dims[time])
            lower_error(l, CLARUS_E_SHAPE, "a length of %lld in sequences of %lld", (long long)length,
                        (long long)in.dims[time]);
        for (int64_t t = 0; t < in.dims[time]; t++)
            indices[b * batch_step + t * time_step] =
                b * batch_step + (t < length ? length - 1 - t : t) * time_step;
    }
    size_t y = lower_take(l, lower_view(l, x, &flat), lower_constant(l, CLARUS_INT64, &list, indices), 0);
    lower_bind(l, 0, lower_view(l, y, &in));
}

/* Constant indices in equal steps are a slice, the commonest case being a single one. */
static int as_slice(lowering *l, size_t indices, int64_t extent, slice *s)
{
    int64_t values[64];
    if (!lower_data(l, indices) || lower_count(l, indices) < 1 || lower_count(l, indices) > 64)
        return 0;
    size_t count = lower_int_input(l, 1, values, 64);
    for (size_t i = 0; i < count; i++) {
        if (values[i] < -extent || values[i] >= extent)
            lower_error(l, CLARUS_E_SHAPE, "index %lld of an extent of %lld", (long long)values[i],
                        (long long)extent);
        values[i] += values[i] < 0 ? extent : 0;
    }
    *s = (slice){values[0], count > 1 ? values[1] - values[0] : 1, (int64_t)count};
    for (size_t i = 1; i < count; i++)
        if (values[i] - values[i - 1] != s->step)
            return 0;
    return l->status == CLARUS_OK;
}

void lower_gather(lowering *l)
{
    size_t x = lower_input(l, 0), indices = lower_input(l, 1);
    shape in = lower_shape(l, x), list = lower_shape(l, indices);
    size_t axis = lower_axis(l, lower_int(l, "axis", 0), in.rank);
    slice slices[CLARUS_MAX_RANK];
    if (l->status != CLARUS_OK)
        return;
    whole_slices(&in, slices);
    lower_check_indices(l, indices, &in.dims[axis], 1);
    if (list.rank > 1 || !as_slice(l, indices, in.dims[axis], &slices[axis])) {
        lower_bind(l, 0, lower_take(l, x, indices, axis));
        return;
    }
    size_t y = emit_slices(l, x, slices);
    shape out = lower_shape(l, y), dropped = out;
    if (list.rank == 0 && l->status == CLARUS_OK) {
        memmove(dropped.dims + axis, dropped.dims + axis + 1, (out.rank - axis - 1) * sizeof *dropped.dims);
        dropped.rank--;
        y = lower_view(l, y, &dropped);
    }
    lower_bind(l, 0, y);
}

/* Where each element of a matrix comes from: itself, or the zero behind the matrix. */
static void triangle_indices(int64_t rows, int64_t columns, int64_t k, int upper, int64_t *indices)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) {
            int kept = upper ? column - row >= k : column - row <= k;
            *indices++ = kept ? row * columns + column : rows * columns;
        }
}

/* The upper or lower triangle of matrices, gathered from each with a zero put behind it. */
void lower_trilu(lowering *l)
{
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x), flat = {.rank = 2, .dims = {1, 1}}, list = {.rank = 1};
    int64_t k = 0, end[CLARUS_MAX_RANK] = {0, 1}, begin[CLARUS_MAX_RANK] = {0};
    if (lower_has_input(l, 1) && lower_int_input(l, 1, &k, 1) != 1)
        lower_error(l, CLARUS_E_SHAPE, "k is not one number");
    if (in.rank < 2)
        lower_error(l, CLARUS_E_SHAPE, "a value of %zu dimensions is no matrix", in.rank);
    if (l->status != CLARUS_OK)
        return;
    for (size_t i = 0; i < in.rank; i++)
        flat.dims[i + 2 >= in.rank] *= in.dims[i];
    list.dims[0] = flat.dims[1];
    int64_t *indices = lower_memory(l, flat.dims[1], sizeof *indices);
    if (!indices)
        return;
    triangle_indices(in.dims[in.rank - 2], in.dims[in.rank - 1], k, lower_int(l, "upper", 1) != 0, indices);
    size_t y = lower_pad_constant(l, lower_view(l, x, &flat), begin, end, 0);
    y = lower_take(l, y, lower_constant(l, CLARUS_INT64, &list, indices), 1);
    lower_bind(l, 0, lower_view(l, y, &in));
}

/* ---- Blocks of pixels and channels */

/* View, transpose, view. */
static size_t rearrange(lowering *l, size_t x, const shape *before, const size_t *axes, const shape *after)
{
    return lower_view(l, lower_transpose(l, lower_view(l, x, before), axes), after);
}

static int64_t block_size(lowering *l, const shape *in)
{
    enum { MOST = 1 << 15 };
    int64_t b = lower_int(l, "blocksize", 0);
    if (in->rank != 4 || b < 1 || b > MOST)
        lower_error(l, CLARUS_E_SHAPE, "a value of %zu dimensions in blocks of %lld", in->rank, (long long)b);
    return b;
}

void lower_depth_to_space(lowering *l)
{
    static const size_t depth_first[] = {0, 3, 4, 1, 5, 2}, column_first[] = {0, 1, 4, 2, 5, 3};
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    int64_t b = block_size(l, &in), n = in.dims[0], h = in.dims[2], w = in.dims[3];
    int crd = strcmp(lower_string(l, "mode", "DCR"), "CRD") == 0;
    if (l->status == CLARUS_OK && in.dims[1] % (b * b))
        lower_error(l, CLARUS_E_SHAPE, "%lld channels in blocks of %lld", (long long)in.dims[1],
                    (long long)b);
    if (l->status != CLARUS_OK)
        return;
    int64_t c = in.dims[1] / (b * b);
    shape dcr = {.rank = 6, .dims = {n, b, b, c, h, w}}, other = {.rank = 6, .dims = {n, c, b, b, h, w}};
    shape out = {.rank = 4, .dims = {n, c, h * b, w * b}};
    lower_bind(l, 0, rearrange(l, x, crd ? &other : &dcr, crd ? column_first : depth_first, &out));
}

void lower_space_to_depth(lowering *l)
{
    static const size_t axes[] = {0, 3, 5, 1, 2, 4};
    size_t x = lower_input(l, 0);
    shape in = lower_shape(l, x);
    int64_t b = block_size(l, &in), n = in.dims[0], c = in.dims[1], h = in.dims[2], w = in.dims[3];
    if (l->status == CLARUS_OK && (h % b || w % b))
        lower_error(l, CLARUS_E_SHAPE, "%lldx%lld pixels in blocks of %lld", (long long)h, (long long)w,
                    (long long)b);
    if (l->status != CLARUS_OK)
        return;
    shape before = {.rank = 6, .dims = {n, c, h / b, b, w / b, b}};
    shape out = {.rank = 4, .dims = {n, c * b * b, h / b, w / b}};
    lower_bind(l, 0, rearrange(l, x, &before, axes, &out));
}
