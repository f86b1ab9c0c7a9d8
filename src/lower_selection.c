/* Operators whose output's shape depends on what their inputs hold. They are computed here, when those inputs
 * are known (stage.h), and their result is a constant (numerics.md section 3). */
#include "lower_ops.h"

#include <stdlib.h>
#include <string.h>

/* Zeros of either sign are zero; NaN is not. */
static int is_nonzero(clarus_dtype dtype, const void *data, int64_t i)
{
    static const unsigned char zeros[8] = {0};
    size_t size = clarus_dtype_size(dtype);
    if (dtype == CLARUS_FLOAT32)
        return ((const float *)data)[i] != 0;
    if (dtype == CLARUS_FLOAT64)
        return ((const double *)data)[i] != 0;
    return memcmp((const char *)data + (size_t)i * size, zeros, size) != 0;
}

/* Positions of the elements that are not zero, in row-major order; their number in *count. */
static int64_t *nonzero_positions(lowering *l, size_t x, const void *data, int64_t *count)
{
    int64_t total = lower_count(l, x), *positions = lower_memory(l, total, sizeof *positions);
    *count = 0;
    for (int64_t i = 0; i < total && positions; i++)
        if (is_nonzero(lower_dtype(l, x), data, i))
            positions[(*count)++] = i;
    return positions;
}

void lower_nonzero(lowering *l)
{
    const void *data = lower_known(l, 0);
    size_t x = lower_input(l, 0);
    if (!data || l->status != CLARUS_OK)
        return;
    shape in = lower_shape(l, x), out = {.rank = 2};
    int64_t strides[CLARUS_MAX_RANK], *positions = nonzero_positions(l, x, data, &out.dims[1]);
    out.dims[0] = (int64_t)in.rank;
    int64_t *y = lower_memory(l, out.dims[0] * out.dims[1], sizeof *y);
    shape_strides(&in, strides);
    for (size_t axis = 0; axis < in.rank && positions && y; axis++)
        for (int64_t i = 0; i < out.dims[1]; i++)
            *y++ = positions[i] / strides[axis] % in.dims[axis];
    if (y)
        y -= out.dims[0] * out.dims[1];
    lower_bind(l, 0, lower_constant(l, CLARUS_INT64, &out, y));
}

/* What the condition selects is gathered; x itself need not be known. */
void lower_compress(lowering *l)
{
    const void *data = lower_known(l, 1);
    size_t x = lower_input(l, 0), condition = lower_input(l, 1), axis = 0;
    shape in = lower_shape(l, x), flat = {.rank = 1, .dims = {lower_count(l, x)}}, list = {.rank = 1};
    if (!data || l->status != CLARUS_OK)
        return;
    if (node_attribute(l->node, "axis")) {
        axis = lower_axis(l, lower_int(l, "axis", 0), in.rank);
    } else {
        x = lower_view(l, x, &flat);
        in = flat;
    }
    int64_t *positions = nonzero_positions(l, condition, data, &list.dims[0]);
    if (l->status == CLARUS_OK && lower_count(l, condition) > in.dims[axis])
        lower_error(l, CLARUS_E_SHAPE, "%lld conditions for %lld elements",
                    (long long)lower_count(l, condition), (long long)in.dims[axis]);
    lower_bind(l, 0, lower_take(l, x, lower_constant(l, CLARUS_INT64, &list, positions), axis));
}

/* ---- NonMaxSuppression: numerics.md section 3 */

typedef struct box {
    float low[2], high[2], area;
} box;

typedef struct candidate {
    float score;
    int64_t index;
} candidate;

typedef struct suppression {
    int64_t batches, classes, count; /* count: boxes */
    const float *boxes, *scores;
    int64_t most;
    float overlap, score; /* thresholds */
    int has_score, centered;
    box *read;             /* of one batch */
    candidate *candidates; /* of one class */
    int64_t (*selected)[3];
    int64_t selected_count;
} suppression;

static box read_box(const float *b, int centered)
{
    box r;
    for (int k = 0; k < 2; k++) {
        float half = b[2 + k] * 0.5f;
        float from = centered ? b[k] - half : b[k], to = centered ? b[k] + half : b[2 + k];
        r.low[k] = to < from ? to : from;
        r.high[k] = to < from ? from : to;
    }
    r.area = (r.high[0] - r.low[0]) * (r.high[1] - r.low[1]);
    return r;
}

static int overlaps(const box *a, const box *b, float threshold)
{
    float extent[2];
    for (int k = 0; k < 2; k++) {
        float low = a->low[k] > b->low[k] ? a->low[k] : b->low[k];
        float high = a->high[k] < b->high[k] ? a->high[k] : b->high[k];
        extent[k] = high - low;
    }
    if (!(extent[0] > 0) || !(extent[1] > 0))
        return 0;
    float common = extent[0] * extent[1], whole = (a->area + b->area) - common;
    return whole > 0 && common / whole > threshold;
}

/* Best first; of equal scores the lower index. */
static int compare_candidates(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void suppress_class(suppression *s, int64_t batch, int64_t class)
{
    const float *scores = s->scores + (batch * s->classes + class) * s->count;
    int64_t(*kept)[3] = s->selected + s->selected_count, kept_count = 0;
    size_t count = 0;
    for (int64_t i = 0; i < s->count; i++)
        if (s->has_score ? scores[i] > s->score : scores[i] == scores[i])
            s->candidates[count++] = (candidate){scores[i], i};
    if (count)
        qsort(s->candidates, count, sizeof *s->candidates, compare_candidates);
    for (size_t i = 0; i < count && kept_count < s->most; i++) {
        const box *next = &s->read[s->candidates[i].index];
        int64_t k = 0;
        while (k < kept_count && !overlaps(next, &s->read[kept[k][2]], s->overlap))
            k++;
        if (k < kept_count)
            continue;
        kept[kept_count][0] = batch;
        kept[kept_count][1] = class;
        kept[kept_count++][2] = s->candidates[i].index;
    }
    s->selected_count += kept_count;
}

static float scalar_input(lowering *l, size_t i, float otherwise)
{
    const void *data = lower_has_input(l, i) ? lower_known(l, i) : NULL;
    if (data &&
        (lower_count(l, lower_input(l, i)) != 1 || lower_dtype(l, lower_input(l, i)) != CLARUS_FLOAT32))
        lower_error(l, CLARUS_E_SHAPE, "input %zu is not one float32", i);
    return data && l->status == CLARUS_OK ? *(const float *)data : otherwise;
}

static void read_suppression(lowering *l, suppression *s)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    s->boxes = lower_known(l, 0);
    s->scores = lower_known(l, 1);
    if (lower_has_input(l, 2) && lower_known(l, 2) && lower_int_input(l, 2, &s->most, 1) != 1)
        lower_error(l, CLARUS_E_SHAPE, "the largest number of boxes is not one number");
    s->overlap = scalar_input(l, 3, 0);
    s->has_score = lower_has_input(l, 4);
    s->score = scalar_input(l, 4, 0);
    s->centered = lower_int(l, "center_point_box", 0) != 0;
    shape boxes = lower_shape(l, lower_input(l, 0)), scores = lower_shape(l, lower_input(l, 1));
    if (boxes.rank != 3 || scores.rank != 3 || boxes.dims[2] != 4 || boxes.dims[0] != scores.dims[0] ||
        boxes.dims[1] != scores.dims[2] || lower_dtype(l, lower_input(l, 0)) != CLARUS_FLOAT32 ||
        lower_dtype(l, lower_input(l, 1)) != CLARUS_FLOAT32)
        lower_error(l, CLARUS_E_SHAPE, "boxes of %s with scores of %s", shape_text(&boxes, a),
                    shape_text(&scores, b));
    s->batches = boxes.dims[0];
    s->classes = scores.dims[1];
    s->count = boxes.dims[1];
    s->most = s->most < s->count ? s->most : s->count;
    s->most = s->most < 0 ? 0 : s->most;
}

void lower_non_max_suppression(lowering *l)
{
    suppression s = {.most = 0};
    read_suppression(l, &s);
    if (l->status != CLARUS_OK)
        return;
    s.read = lower_memory(l, s.count, sizeof *s.read);
    s.candidates = lower_memory(l, s.count, sizeof *s.candidates);
    s.selected = lower_memory(l, s.batches * s.classes * s.most, sizeof *s.selected);
    for (int64_t batch = 0; batch < s.batches && l->status == CLARUS_OK; batch++) {
        for (int64_t i = 0; i < s.count; i++)
            s.read[i] = read_box(s.boxes + (batch * s.count + i) * 4, s.centered);
        for (int64_t class = 0; class < s.classes; class ++)
            suppress_class(&s, batch, class);
    }
    shape out = {.rank = 2, .dims = {s.selected_count, 3}};
    lower_bind(l, 0, lower_constant(l, CLARUS_INT64, &out, s.selected));
}
