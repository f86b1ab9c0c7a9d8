/* Attention and rotary embeddings, head by head and query by query as their definitions read. */
#include "double.h"

#include <stdlib.h>
#include <string.h>

/* [batch, heads, sequence, size], or [batch, sequence, heads * size]. */
typedef struct heads {
    const dtensor *t;
    int64_t batch, count, sequence, size;
} heads;

static int read_heads(const dtensor *t, int64_t count, heads *h)
{
    const int64_t *d = t->shape.dims;
    if (t->shape.rank == 4)
        *h = (heads){t, d[0], d[1], d[2], d[3]};
    else if (t->shape.rank == 3 && count > 0)
        *h = (heads){t, d[0], count, d[1], d[2] / count};
    return t->shape.rank == 4 || (t->shape.rank == 3 && count > 0);
}

static int64_t head_at(const heads *h, int64_t batch, int64_t head, int64_t place, int64_t i)
{
    if (h->t->shape.rank == 4)
        return ((batch * h->count + head) * h->sequence + place) * h->size + i;
    return ((batch * h->sequence + place) * h->count + head) * h->size + i;
}

/* What is past, if anything, and then x: output k if the node names it. */
static dtensor *present(dnode *n, size_t k, const dtensor *past, const heads *x)
{
    int64_t before = past ? past->shape.dims[2] : 0;
    shape s = {4, {x->batch, x->count, before + x->sequence, x->size}};
    dtensor *y = wants(n, k) ? output_new(n, k, x->t->dtype, &s, 1) : dtensor_new(x->t->dtype, &s, 1);
    for (int64_t i = 0; i < y->count; i++) {
        int64_t place = i / x->size % s.dims[2], row = i / x->size / s.dims[2];
        if (place < before)
            element_move(y, i, past, (row * before + place) * x->size + i % x->size);
        else
            element_move(y, i, x->t, head_at(x, row / x->count, row % x->count, place - before, i % x->size));
    }
    return y;
}

typedef struct attention {
    heads q;
    dtensor *k, *v;
    const dtensor *mask, *lengths;
    int64_t keys, shares, offset, left, right; /* windows: -1 for none */
    double scale, softcap;
} attention;

/* The mask's element for a score, broadcast from the right; -infinity beyond its end. */
static double mask_value(const attention *a, int64_t b, int64_t h, int64_t i, int64_t j)
{
    const int64_t at[] = {b, h, i, j};
    const shape *s = &a->mask->shape;
    int64_t index = 0;
    if (j >= s->dims[s->rank - 1])
        return -INFINITY;
    for (size_t d = 0; d < s->rank; d++)
        index = index * s->dims[d] + (s->dims[d] == 1 ? 0 : at[4 - s->rank + d]);
    return a->mask->v ? a->mask->v[index] : a->mask->i[index] ? 0 : -INFINITY;
}

static double bias(const attention *a, int64_t b, int64_t h, int64_t i, int64_t j)
{
    int64_t position = i + (a->lengths ? a->lengths->i[b] - a->q.sequence : a->offset);
    if ((a->right >= 0 && j > position + a->right) || (a->left >= 0 && j < position - a->left) ||
        (a->lengths && j >= a->lengths->i[b]))
        return -INFINITY;
    return a->mask ? mask_value(a, b, h, i, j) : 0;
}

static approx score(const attention *a, int64_t b, int64_t h, int64_t i, int64_t j)
{
    total sum = {0};
    approx factor = rounded(sqrt(a->scale), 0);
    int64_t key = ((b * (a->q.count / a->shares) + h / a->shares) * a->keys + j) * a->q.size;
    for (int64_t d = 0; d < a->q.size; d++)
        total_add(&sum, ap_mul(ap_mul(get(a->q.t, head_at(&a->q, b, h, i, d)), factor),
                               ap_mul(get(a->k, key + d), factor)));
    return total_get(&sum);
}

static approx softcap(const attention *a, approx x)
{
    if (!(a->softcap > 0))
        return x;
    approx cap = exactly(a->softcap), t = ap_div(x, cap);
    return ap_mul((approx){tanh(t.v), t.e + 2 * UNIT * fabs(tanh(t.v))}, cap);
}

/* One query's row: scores in the form that `mode` asks for, and weights. */
static void attend(const attention *a, int64_t b, int64_t h, int64_t i, int64_t mode, approx *shown,
                   approx *weights)
{
    total sum = {0};
    approx highest = exactly(-INFINITY);
    for (int64_t j = 0; j < a->keys; j++) {
        double extra = bias(a, b, h, i, j);
        approx raw = score(a, b, h, i, j), capped = softcap(a, raw);
        weights[j] = extra == -INFINITY ? exactly(-INFINITY) : ap_add(capped, exactly(extra));
        shown[j] = mode == 0 ? raw : mode == 1 ? capped : weights[j];
        if (extra != -INFINITY)
            highest = highest.v == -INFINITY ? weights[j] : ap_max(highest, weights[j]);
    }
    for (int64_t j = 0; j < a->keys; j++) {
        weights[j] = weights[j].v == -INFINITY ? exactly(0) : ap_exp(ap_sub(weights[j], highest));
        total_add(&sum, weights[j]);
    }
    for (int64_t j = 0; j < a->keys && highest.v != -INFINITY; j++)
        weights[j] = ap_div(weights[j], total_get(&sum));
    if (mode == 3)
        memcpy(shown, weights, (size_t)a->keys * sizeof *shown);
}

static void attend_all(const attention *a, dtensor *y, dtensor *scores, int64_t mode)
{
    int64_t size = a->v->shape.dims[3];
    heads out = {y, a->q.batch, a->q.count, a->q.sequence, size};
    approx *shown = need((size_t)a->keys, sizeof *shown), *weights = need((size_t)a->keys, sizeof *weights);
    for (int64_t row = 0; row < a->q.batch * a->q.count * a->q.sequence; row++) {
        int64_t i = row % a->q.sequence, h = row / a->q.sequence % a->q.count,
                b = row / a->q.sequence / a->q.count;
        int64_t values = (b * (a->q.count / a->shares) + h / a->shares) * a->keys * size;
        attend(a, b, h, i, mode, shown, weights);
        for (int64_t j = 0; j < a->keys && scores; j++)
            put(scores, row * a->keys + j, shown[j]);
        for (int64_t d = 0; d < size; d++) {
            total sum = {0};
            for (int64_t j = 0; j < a->keys; j++)
                total_add(&sum, ap_mul(weights[j], get(a->v, values + j * size + d)));
            put(y, head_at(&out, b, h, i, d), total_get(&sum));
        }
    }
    free(shown);
    free(weights);
}

const char *double_attention(dnode *n)
{
    attention a = {.mask = input(n, 3), .lengths = input(n, 6)};
    const dtensor *past = input(n, 4);
    heads k, v;
    if (!read_heads(n->in[0], attr_int(n, "q_num_heads", 0), &a.q) ||
        !read_heads(n->in[1], attr_int(n, "kv_num_heads", 0), &k) ||
        !read_heads(n->in[2], attr_int(n, "kv_num_heads", 0), &v) || k.count < 1 || a.q.count % k.count)
        return "the heads do not fit";
    a.k = present(n, 1, past, &k);
    a.v = present(n, 2, input(n, 5), &v);
    a.keys = a.k->shape.dims[2];
    a.shares = a.q.count / k.count;
    a.offset = past ? past->shape.dims[2] : 0;
    a.left = attr_int(n, "left_window_size", -1);
    a.right = attr_int(n, "is_causal", 0) ? 0 : attr_int(n, "right_window_size", -1);
    a.scale = attr_find(n, "scale") ? attr_float(n, "scale", 0) : 1 / sqrt((double)a.q.size);
    a.softcap = attr_float(n, "softcap", 0);
    int flat = n->in[0]->shape.rank == 3;
    shape s = {4, {a.q.batch, a.q.count, a.q.sequence, v.size}}, scores = s;
    scores.dims[3] = a.keys;
    if (flat)
        s = (shape){3, {a.q.batch, a.q.sequence, a.q.count * v.size}};
    dtensor *y = output_new(n, 0, a.q.t->dtype, &s, 1);
    attend_all(&a, y, wants(n, 3) ? output_new(n, 3, a.q.t->dtype, &scores, 1) : NULL,
               attr_int(n, "qk_matmul_output_mode", 0));
    if (!wants(n, 1))
        dtensor_free(a.k);
    if (!wants(n, 2))
        dtensor_free(a.v);
    return NULL;
}

/* ---- rotary embeddings ---- */

const char *double_rotary_embedding(dnode *n)
{
    const dtensor *cosine = n->in[1], *sine = n->in[2], *ids = input(n, 3);
    heads x;
    if (!read_heads(n->in[0], attr_int(n, "num_heads", 0), &x))
        return "the heads do not fit";
    int64_t turned = attr_int(n, "rotary_embedding_dim", 0), interleaved = attr_int(n, "interleaved", 0);
    int64_t half = (turned ? turned : x.size) / 2;
    dtensor *y = output_new(n, 0, x.t->dtype, &x.t->shape, 1);
    for (int64_t row = 0; row < x.batch * x.count * x.sequence; row++) {
        int64_t s = row % x.sequence, h = row / x.sequence % x.count, b = row / x.sequence / x.count;
        int64_t position = ids ? ids->i[b * x.sequence + s] : b * x.sequence + s;
        for (int64_t i = 2 * half; i < x.size; i++)
            element_move(y, head_at(&x, b, h, s, i), x.t, head_at(&x, b, h, s, i));
        for (int64_t i = 0; i < half; i++) {
            int64_t first = head_at(&x, b, h, s, interleaved ? 2 * i : i);
            int64_t second = head_at(&x, b, h, s, interleaved ? 2 * i + 1 : half + i);
            approx c = get(cosine, position * half + i), t = get(sine, position * half + i);
            approx p = get(x.t, first), q = get(x.t, second);
            put(y, first, ap_sub(ap_mul(c, p), ap_mul(t, q)));
            put(y, second, ap_add(ap_mul(t, p), ap_mul(c, q)));
        }
    }
    return NULL;
}
