/* Attention and rotary embeddings.
 *
 * Attention, per head: softmax(q k^T + bias) v. Heads that share keys and values are an axis along which
 * those are broadcast, so q is [batch, kv_heads, shares, queries, size] and k [batch, kv_heads, 1, keys,
 * size]. Whatever may not be attended has the bias -infinity; a query that may attend to nothing gets zeros.
 */
#include "lower_ops.h"

#include <math.h>
#include <string.h>

typedef struct attention {
    size_t q, k, v; /* [batch, heads, sequence, size] */
    int64_t batch, heads, kv_heads, queries, keys, size;
    int64_t past; /* keys of past_key */
    int flat;     /* inputs and output are [batch, sequence, heads * size] */
} attention;

enum { MASK = 3, PAST_KEY, PAST_VALUE, NONPAD };

/* ---- Heads */

/* [batch, sequence, heads * size] as [batch, heads, sequence, size]. */
static size_t split_heads(lowering *l, size_t x, int64_t heads)
{
    static const size_t axes[] = {0, 2, 1, 3};
    char text[SHAPE_TEXT];
    shape s = lower_shape(l, x);
    if (l->status == CLARUS_OK && (heads < 1 || s.rank != 3 || s.dims[2] % heads))
        lower_error(l, CLARUS_E_SHAPE, "%s cannot be cut into %lld heads", shape_text(&s, text),
                    (long long)heads);
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    shape split = {.rank = 4, .dims = {s.dims[0], s.dims[1], heads, s.dims[2] / heads}};
    return lower_transpose(l, lower_view(l, x, &split), axes);
}

static size_t join_heads(lowering *l, size_t x)
{
    static const size_t axes[] = {0, 2, 1, 3};
    shape s = lower_shape(l, x);
    shape flat = {.rank = 3, .dims = {s.dims[0], s.dims[2], s.dims[1] * s.dims[3]}};
    return l->status == CLARUS_OK ? lower_view(l, lower_transpose(l, x, axes), &flat) : LOWER_NONE;
}

static size_t with_past(lowering *l, size_t past, size_t x)
{
    size_t parts[2] = {LOWER_NONE, x};
    if (!lower_has_input(l, past))
        return x;
    parts[0] = lower_input(l, past);
    return lower_join(l, parts, 2, 2);
}

static void check_heads(lowering *l, const attention *a)
{
    shape q = lower_shape(l, a->q), k = lower_shape(l, a->k), v = lower_shape(l, a->v);
    char text[3][SHAPE_TEXT];
    if (q.rank != 4 || k.rank != 4 || v.rank != 4 || q.dims[0] != k.dims[0] || q.dims[0] != v.dims[0] ||
        k.dims[1] != v.dims[1] || k.dims[2] != v.dims[2] || q.dims[3] != k.dims[3] || k.dims[1] < 1 ||
        q.dims[1] % k.dims[1])
        lower_error(l, CLARUS_E_SHAPE, "queries of %s, keys of %s and values of %s do not fit each other",
                    shape_text(&q, text[0]), shape_text(&k, text[1]), shape_text(&v, text[2]));
}

static attention read_attention(lowering *l)
{
    attention a = {.q = lower_input(l, 0), .k = lower_input(l, 1), .v = lower_input(l, 2)};
    a.flat = lower_shape(l, a.q).rank == 3;
    if (a.flat) {
        int64_t heads = lower_int(l, "q_num_heads", 0), kv_heads = lower_int(l, "kv_num_heads", 0);
        a.q = split_heads(l, a.q, heads);
        a.k = split_heads(l, a.k, kv_heads);
        a.v = split_heads(l, a.v, kv_heads);
    }
    if (lower_has_input(l, PAST_KEY) != lower_has_input(l, PAST_VALUE) ||
        (lower_has_input(l, PAST_KEY) && lower_has_input(l, NONPAD)))
        lower_error(l, CLARUS_E_FORMAT,
                    "past_key and past_value come together, and without nonpad_kv_seqlen");
    a.past = lower_has_input(l, PAST_KEY) ? lower_shape(l, lower_input(l, PAST_KEY)).dims[2] : 0;
    a.k = with_past(l, PAST_KEY, a.k);
    a.v = with_past(l, PAST_VALUE, a.v);
    if (l->status == CLARUS_OK)
        check_heads(l, &a);
    shape q = lower_shape(l, a.q), k = lower_shape(l, a.k);
    a.batch = q.dims[0];
    a.heads = q.dims[1];
    a.queries = q.dims[2];
    a.size = q.dims[3];
    a.kv_heads = k.dims[1];
    a.keys = k.dims[2];
    return a;
}

/* ---- The bias */

/* 0 where `allowed`, -infinity elsewhere. */
static size_t bias_where(lowering *l, size_t allowed)
{
    size_t inputs[] = {allowed, lower_scalar(l, 0), lower_scalar(l, -INFINITY)};
    return lower_typed(l, TYPED_where, inputs, CLARUS_FLOAT32);
}

/* The mask as a bias, padded to the number of keys with what is not attended. */
static size_t mask_bias(lowering *l, const attention *a)
{
    char text[SHAPE_TEXT];
    size_t mask = lower_input(l, MASK);
    shape s = lower_shape(l, mask), rest = s;
    if (l->status == CLARUS_OK && lower_dtype(l, mask) == CLARUS_BOOL)
        mask = bias_where(l, mask);
    if (l->status == CLARUS_OK &&
        (s.rank < 1 || s.rank > 4 || s.dims[s.rank - 1] > a->keys || lower_dtype(l, mask) != CLARUS_FLOAT32))
        lower_error(l, CLARUS_E_SHAPE, "a mask of %s for %lld keys", shape_text(&s, text),
                    (long long)a->keys);
    if (l->status != CLARUS_OK || s.dims[s.rank - 1] == a->keys)
        return mask;
    static const float never = -INFINITY;
    rest.dims[s.rank - 1] = a->keys - s.dims[s.rank - 1];
    size_t parts[] = {mask, lower_filled(l, CLARUS_FLOAT32, &rest, &never)};
    return lower_join(l, parts, 2, s.rank - 1);
}

/* start, start + 1, ... along axis 2 (queries) or 3 (keys) of four. */
static size_t counting(lowering *l, size_t axis, int64_t start, int64_t count)
{
    shape s = {.rank = 4, .dims = {1, 1, 1, 1}};
    s.dims[axis] = count;
    int64_t *values = lower_memory(l, count, sizeof *values);
    for (int64_t i = 0; i < count && values; i++)
        values[i] = start + i;
    return lower_constant(l, CLARUS_INT64, &s, values);
}

/* -infinity where x > y, for integers. */
static size_t bias_beyond(lowering *l, size_t x, size_t y)
{
    size_t inputs[] = {x, y};
    return bias_where(l, lower_typed(l, TYPED_less_equal, inputs, CLARUS_BOOL));
}

static size_t add_bias(lowering *l, size_t bias, size_t more)
{
    return bias == LOWER_NONE ? more : lower_binary(l, ELTWISE_add, bias, more);
}

/* A query's position among the keys is `offset` + its number. It attends to keys up to `right` behind it and
 * `left` before it; -1: any. */
static size_t position_bias(lowering *l, const attention *a, size_t bias)
{
    int64_t left = lower_int(l, "left_window_size", -1), right = lower_int(l, "right_window_size", -1);
    int causal = lower_int(l, "is_causal", 0) != 0, external = lower_has_input(l, NONPAD);
    right = causal ? 0 : right;
    if ((left < 0 && right < 0) || l->status != CLARUS_OK)
        return bias;
    size_t keys = counting(l, 3, 0, a->keys);
    size_t queries = counting(l, 2, external ? -a->queries : a->past, a->queries);
    if (external) { /* the last query is the last key that counts */
        shape s = {.rank = 4, .dims = {a->batch, 1, 1, 1}};
        queries = lower_binary(l, ELTWISE_add, queries, lower_view(l, lower_input(l, NONPAD), &s));
    }
    if (right >= 0) {
        shape one = {.rank = 0};
        size_t last = lower_binary(l, ELTWISE_add, queries, lower_view(l, lower_int64s(l, &right, 1), &one));
        bias = add_bias(l, bias, bias_beyond(l, keys, last));
    }
    if (left >= 0) {
        shape one = {.rank = 0};
        size_t first = lower_binary(l, ELTWISE_sub, queries, lower_view(l, lower_int64s(l, &left, 1), &one));
        bias = add_bias(l, bias, bias_beyond(l, first, keys));
    }
    return bias;
}

/* Keys from nonpad_kv_seqlen on do not count. */
static size_t padding_bias(lowering *l, const attention *a, size_t bias)
{
    char text[SHAPE_TEXT];
    if (!lower_has_input(l, NONPAD))
        return bias;
    size_t lengths = lower_input(l, NONPAD);
    shape s = lower_shape(l, lengths), column = {.rank = 4, .dims = {a->batch, 1, 1, 1}};
    if (l->status == CLARUS_OK &&
        (lower_count(l, lengths) != a->batch || lower_dtype(l, lengths) != CLARUS_INT64))
        lower_error(l, CLARUS_E_SHAPE, "nonpad_kv_seqlen of %s for a batch of %lld", shape_text(&s, text),
                    (long long)a->batch);
    size_t inputs[] = {counting(l, 3, 0, a->keys), lower_view(l, lengths, &column)};
    return add_bias(l, bias, bias_where(l, lower_typed(l, TYPED_less, inputs, CLARUS_BOOL)));
}

/* LOWER_NONE if everything is attended. */
static size_t make_bias(lowering *l, const attention *a)
{
    size_t bias = lower_has_input(l, MASK) ? mask_bias(l, a) : LOWER_NONE;
    return padding_bias(l, a, position_bias(l, a, bias));
}

/* ---- The product */

/* Keys times this factor's square root and queries too, so that the products stay small. */
static size_t scale(lowering *l, const attention *a, size_t x)
{
    double factor = (double)lower_float(l, "scale", 0);
    if (!node_attribute(l->node, "scale"))
        factor = 1 / sqrt((double)a->size);
    return lower_binary(l, ELTWISE_mul, x, lower_scalar(l, (float)sqrt(factor)));
}

/* [batch, heads, ...] as [batch, kv_heads, shares, ...]. */
static size_t group_heads(lowering *l, const attention *a, size_t x)
{
    shape s = lower_shape(l, x);
    shape grouped = {.rank = 5,
                     .dims = {s.dims[0], a->kv_heads, s.dims[1] / a->kv_heads, s.dims[2], s.dims[3]}};
    return lower_view(l, x, &grouped);
}

/* x [batch, heads, m, k] times y [batch, kv_heads, k, n]. */
static size_t product(lowering *l, const attention *a, size_t x, size_t y)
{
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    size_t z = lower_product(l, group_heads(l, a, x), group_heads(l, a, y));
    shape s = lower_shape(l, z), out = {.rank = 4, .dims = {a->batch, a->heads, s.dims[3], s.dims[4]}};
    return l->status == CLARUS_OK ? lower_view(l, z, &out) : LOWER_NONE;
}

static size_t softcap(lowering *l, size_t x)
{
    float cap = lower_float(l, "softcap", 0);
    if (!(cap > 0))
        return x;
    size_t limit = lower_scalar(l, cap), y = lower_binary(l, ELTWISE_div, x, limit);
    return lower_binary(l, ELTWISE_mul, lower_unary(l, ELTWISE_tanh, y, 0, 0), limit);
}

static int any_is_masked(const float *highest, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (highest[i] == -INFINITY)
            return 1;
    return 0;
}

/* Softmax over the keys; zeros where the bias allows none. */
static size_t weights(lowering *l, size_t scores, size_t bias)
{
    static const unsigned char last[4][CLARUS_MAX_RANK] = {{1}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}};
    shape s = lower_shape(l, scores);
    lowered_op op = {.kind = OP_SOFTMAX, .inputs = &scores, .input_count = 1};
    op.as.softmax = (softmax_params){3, 0};
    size_t y = lower_emit(l, &op, CLARUS_FLOAT32, &s);
    if (bias == LOWER_NONE || l->status != CLARUS_OK)
        return y;
    size_t highest = lower_reduce_axes(l, REDUCE_MAX, bias, last[lower_shape(l, bias).rank - 1]);
    const float *known = lower_data(l, highest);
    if (known && !any_is_masked(known, lower_count(l, highest)))
        return y;
    size_t masked[] = {highest, lower_scalar(l, -INFINITY)};
    size_t inputs[] = {lower_typed(l, TYPED_equal, masked, CLARUS_BOOL), lower_scalar(l, 0), y};
    return lower_typed(l, TYPED_where, inputs, CLARUS_FLOAT32);
}

void lower_attention(lowering *l)
{
    enum { RAW, CAPPED, BIASED, WEIGHTS, STEPS };
    static const size_t axes[] = {0, 1, 3, 2};
    attention a = read_attention(l);
    int64_t mode = lower_int(l, "qk_matmul_output_mode", 0);
    if (mode < 0 || mode >= STEPS)
        lower_error(l, CLARUS_E_FORMAT, "qk_matmul_output_mode %lld", (long long)mode);
    if (l->status != CLARUS_OK)
        return;
    size_t steps[STEPS], bias = make_bias(l, &a);
    steps[RAW] = product(l, &a, scale(l, &a, a.q), lower_transpose(l, scale(l, &a, a.k), axes));
    steps[CAPPED] = softcap(l, steps[RAW]);
    steps[BIASED] = bias == LOWER_NONE ? steps[CAPPED] : lower_binary(l, ELTWISE_add, steps[CAPPED], bias);
    steps[WEIGHTS] = weights(l, steps[BIASED], bias);
    size_t y = product(l, &a, steps[WEIGHTS], a.v);
    lower_bind(l, 0, a.flat ? join_heads(l, y) : y);
    lower_bind(l, 1, a.k);
    lower_bind(l, 2, a.v);
    lower_bind(l, 3, steps[mode]);
}

/* ---- Rotary embeddings */

/* A cache of cosines or sines, [positions, half] with position_ids or [batch, sequence, half], beside x. */
static size_t read_cache(lowering *l, size_t i, const shape *x, int flat, int64_t half)
{
    char text[SHAPE_TEXT];
    size_t cache = lower_input(l, i);
    shape s = lower_shape(l, cache);
    if (lower_has_input(l, 3) && s.rank == 2) {
        size_t ids = lower_input(l, 3);
        lower_check_indices(l, ids, s.dims, 1);
        cache = lower_take(l, cache, ids, 0);
        s = lower_shape(l, cache);
    }
    int64_t sequence = x->dims[flat ? 1 : 2];
    if (l->status == CLARUS_OK &&
        (s.rank != 3 || s.dims[0] != x->dims[0] || s.dims[1] != sequence || s.dims[2] != half))
        lower_error(l, CLARUS_E_SHAPE, "a cache of %s, not %lldx%lldx%lld", shape_text(&s, text),
                    (long long)x->dims[0], (long long)sequence, (long long)half);
    shape beside = {.rank = 4, .dims = {s.dims[0], flat ? s.dims[1] : 1, flat ? 1 : s.dims[1], s.dims[2]}};
    return l->status == CLARUS_OK ? lower_view(l, cache, &beside) : LOWER_NONE;
}

/* x's parts as pairs: neighbours if interleaved, else halves. */
static size_t join_pairs(lowering *l, size_t *pairs, int interleaved)
{
    shape half = lower_shape(l, pairs[0]), whole = half;
    if (!interleaved)
        return lower_join(l, pairs, 2, 3);
    half.dims[half.rank++] = 1;
    whole.dims[3] *= 2;
    size_t columns[] = {lower_view(l, pairs[0], &half), lower_view(l, pairs[1], &half)};
    return lower_view(l, lower_join(l, columns, 2, 4), &whole);
}

/* Each pair (x, y) turns into (x cos - y sin, x sin + y cos). */
void lower_rotary_embedding(lowering *l)
{
    char text[SHAPE_TEXT];
    size_t x = lower_input(l, 0);
    shape given = lower_shape(l, x), s = given;
    int64_t heads = lower_int(l, "num_heads", 0), turned = lower_int(l, "rotary_embedding_dim", 0);
    int flat = given.rank == 3, interleaved = lower_int(l, "interleaved", 0) != 0;
    if (flat && heads > 0 && given.dims[2] % heads == 0) {
        s = (shape){.rank = 4, .dims = {given.dims[0], given.dims[1], heads, given.dims[2] / heads}};
        x = lower_view(l, x, &s);
    }
    turned = turned ? turned : s.rank == 4 ? s.dims[3] : 0;
    if (s.rank != 4 || turned < 0 || turned > s.dims[3] || turned % 2)
        lower_error(l, CLARUS_E_SHAPE, "%s with %lld heads, of which %lld elements are turned",
                    shape_text(&given, text), (long long)heads, (long long)turned);
    if (l->status != CLARUS_OK)
        return;
    int64_t half = turned / 2, step = interleaved ? 2 : 1;
    size_t cosine = read_cache(l, 1, &s, flat, half), sine = read_cache(l, 2, &s, flat, half);
    size_t a = lower_part(l, x, 3, 0, step, half),
           b = lower_part(l, x, 3, interleaved ? 1 : half, step, half);
    size_t pairs[] = {lower_binary(l, ELTWISE_sub, lower_binary(l, ELTWISE_mul, cosine, a),
                                   lower_binary(l, ELTWISE_mul, sine, b)),
                      lower_binary(l, ELTWISE_add, lower_binary(l, ELTWISE_mul, sine, a),
                                   lower_binary(l, ELTWISE_mul, cosine, b))};
    size_t y = join_pairs(l, pairs, interleaved);
    if (turned < s.dims[3]) {
        size_t parts[] = {y, lower_part(l, x, 3, turned, 1, s.dims[3] - turned)};
        y = lower_join(l, parts, 2, 3);
    }
    lower_bind(l, 0, flat ? lower_view(l, y, &given) : y);
}
