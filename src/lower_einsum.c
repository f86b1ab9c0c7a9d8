/* Einsum: sums of products of elements, written with one letter per axis.
 *
 * Each operand first loses axes that repeat (its diagonal is taken) and axes that nothing else has (they are
 * summed). Operands are then multiplied from left to right, each time as one matrix product: axes that both
 * have and something else needs are its batch, axes that both have and nothing else needs are summed, and the
 * others become rows and columns. At last the axes are put in the order of the output. */
#include "lower_ops.h"

#include <string.h>

/* Letters, and for the axes of an ellipsis ELLIPSIS + the distance from its end. */
enum { ELLIPSIS = 128, LABELS = ELLIPSIS + CLARUS_MAX_RANK };

typedef struct term {
    size_t value;
    size_t rank;
    int labels[CLARUS_MAX_RANK];
} term;

typedef struct einsum {
    int uses[LABELS]; /* terms not yet multiplied, and the output, that have the label */
    size_t ellipsis;  /* axes of the longest one */
    term output;
} einsum;

/* ---- Reading the equation */

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void add_label(lowering *l, term *t, int label)
{
    if (t->rank == CLARUS_MAX_RANK)
        lower_error(l, CLARUS_E_UNSUPPORTED, "more than %d axes", CLARUS_MAX_RANK);
    else
        t->labels[t->rank++] = label;
}

/* One term, up to a comma, an arrow or the end; its ellipsis has `ellipsis` axes. Returns where it stopped.
 */
static const char *read_term(lowering *l, const char *text, size_t ellipsis, term *t)
{
    for (; *text && *text != ',' && *text != '-' && l->status == CLARUS_OK; text++) {
        if (is_letter(*text)) {
            add_label(l, t, *text);
        } else if (strncmp(text, "...", 3) == 0) {
            for (size_t i = ellipsis; i-- > 0;)
                add_label(l, t, ELLIPSIS + (int)i);
            text += 2;
        } else if (*text != ' ') {
            lower_error(l, CLARUS_E_FORMAT, "'%c' in the equation", *text);
        }
    }
    return text;
}

/* Axes of a term's ellipsis: those of the value that have no letter. */
static size_t ellipsis_rank(const char *text, size_t rank)
{
    size_t letters = 0, found = 0;
    for (; *text && *text != ',' && *text != '-'; text++) {
        letters += is_letter(*text) != 0;
        found |= *text == '.';
    }
    return found && letters < rank ? rank - letters : 0;
}

static const char *read_operand(lowering *l, const char *text, size_t i, einsum *e, term *t)
{
    t->value = lower_input(l, i);
    size_t rank = lower_shape(l, t->value).rank, ellipsis = ellipsis_rank(text, rank);
    text = read_term(l, text, ellipsis, t);
    if (l->status == CLARUS_OK && t->rank != rank)
        lower_error(l, CLARUS_E_SHAPE, "term %zu of the equation has %zu axes, its operand %zu", i, t->rank,
                    rank);
    e->ellipsis = ellipsis > e->ellipsis ? ellipsis : e->ellipsis;
    return text;
}

/* Without an arrow: the ellipsis, then the letters that occur once, in alphabetical order. */
static void imply_output(lowering *l, const term *terms, size_t count, einsum *e)
{
    int times[LABELS] = {0};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < terms[i].rank; k++)
            times[terms[i].labels[k]]++;
    for (size_t i = e->ellipsis; i-- > 0;)
        add_label(l, &e->output, ELLIPSIS + (int)i);
    for (int label = 0; label < ELLIPSIS; label++)
        if (times[label] == 1)
            add_label(l, &e->output, label);
}

static int has_label(const term *t, int label)
{
    for (size_t k = 0; k < t->rank; k++)
        if (t->labels[k] == label)
            return 1;
    return 0;
}

static void count_uses(const term *t, int *uses, int by)
{
    for (int label = 0; label < LABELS; label++)
        uses[label] += has_label(t, label) ? by : 0;
}

static void check_output(lowering *l, const einsum *e)
{
    int seen[LABELS] = {0};
    for (size_t i = 0; i < e->ellipsis; i++)
        if (!has_label(&e->output, ELLIPSIS + (int)i))
            lower_error(l, CLARUS_E_FORMAT, "the output lacks the ellipsis");
    for (size_t k = 0; k < e->output.rank; k++) {
        int label = e->output.labels[k];
        if (seen[label]++ || !e->uses[label])
            lower_error(l, CLARUS_E_FORMAT, "the output's label '%c' is %s", label < ELLIPSIS ? label : '.',
                        e->uses[label] ? "there twice" : "no operand's");
    }
}

static void read_equation(lowering *l, term *terms, size_t count, einsum *e)
{
    const char *text = lower_string(l, "equation", "");
    for (size_t i = 0; i < count && l->status == CLARUS_OK; i++) {
        text = read_operand(l, text, i, e, &terms[i]);
        if (i + 1 < count && *text++ != ',')
            lower_error(l, CLARUS_E_FORMAT, "an equation of %zu terms for %zu operands", i + 1, count);
    }
    if (l->status == CLARUS_OK && *text && strncmp(text, "->", 2) != 0)
        lower_error(l, CLARUS_E_FORMAT, "an equation of more than %zu terms", count);
    if (l->status != CLARUS_OK)
        return;
    for (size_t i = 0; i < count; i++)
        count_uses(&terms[i], e->uses, 1);
    if (*text && *read_term(l, text + 2, e->ellipsis, &e->output))
        lower_error(l, CLARUS_E_FORMAT, "an equation with two outputs");
    else if (!*text)
        imply_output(l, terms, count, e);
    check_output(l, e);
    count_uses(&e->output, e->uses, 1);
}

/* ---- One operand */

/* Axes of equal label become one that steps along all of them. */
static void take_diagonal(lowering *l, term *t)
{
    char text[SHAPE_TEXT];
    shape in = lower_shape(l, t->value), out = {.rank = 0};
    int64_t strides[CLARUS_MAX_RANK];
    move_part part = {.rank = 0};
    shape_strides(&in, strides);
    term d = {.value = t->value};
    for (size_t k = 0; k < t->rank; k++) {
        size_t at = 0;
        while (at < d.rank && d.labels[at] != t->labels[k])
            at++;
        if (at == d.rank) {
            d.labels[d.rank++] = t->labels[k];
            out.dims[out.rank++] = part.dims[at] = in.dims[k];
        } else if (out.dims[at] != in.dims[k]) {
            lower_error(l, CLARUS_E_SHAPE, "a diagonal of %s", shape_text(&in, text));
        }
        part.from_strides[at] += strides[k];
    }
    if (d.rank == t->rank || l->status != CLARUS_OK)
        return;
    part.rank = d.rank;
    shape_strides(&out, part.to_strides);
    d.value = lower_move(l, t->value, &part, &out);
    *t = d;
}

/* Sums the axes that nothing else has. */
static void sum_alone(lowering *l, term *t, const einsum *e)
{
    unsigned char reduced[CLARUS_MAX_RANK] = {0};
    shape in = lower_shape(l, t->value), out = {.rank = 0};
    term rest = {.value = t->value};
    for (size_t k = 0; k < t->rank; k++) {
        reduced[k] = e->uses[t->labels[k]] == 1;
        if (!reduced[k]) {
            rest.labels[rest.rank++] = t->labels[k];
            out.dims[out.rank++] = in.dims[k];
        }
    }
    if (rest.rank == t->rank || l->status != CLARUS_OK)
        return;
    rest.value = lower_view(l, lower_reduce_axes(l, REDUCE_SUM, t->value, reduced), &out);
    *t = rest;
}

/* ---- Two operands */

typedef enum group { BATCH, ROWS, COLUMNS, SUMMED, GROUPS } group;

/* The labels of two terms, by what becomes of them. */
typedef struct grouping {
    int labels[GROUPS][CLARUS_MAX_RANK];
    size_t counts[GROUPS];
} grouping;

static grouping group_labels(const einsum *e, const term *a, const term *b)
{
    grouping g = {.counts = {0}};
    for (size_t k = 0; k < a->rank; k++) {
        int label = a->labels[k];
        group to = !has_label(b, label) ? ROWS : e->uses[label] > 0 ? BATCH : SUMMED;
        g.labels[to][g.counts[to]++] = label;
    }
    for (size_t k = 0; k < b->rank; k++)
        if (!has_label(a, b->labels[k]))
            g.labels[COLUMNS][g.counts[COLUMNS]++] = b->labels[k];
    return g;
}

static int64_t extent_of(lowering *l, const term *t, int label)
{
    shape s = lower_shape(l, t->value);
    for (size_t k = 0; k < t->rank; k++)
        if (t->labels[k] == label)
            return s.dims[k];
    return 1;
}

/* The term's axes in the order of these labels, all of which it has. */
static size_t order_axes(lowering *l, const term *t, const int *labels)
{
    size_t axes[CLARUS_MAX_RANK];
    int same = 1;
    for (size_t i = 0; i < t->rank; i++) {
        axes[i] = 0;
        while (t->labels[axes[i]] != labels[i])
            axes[i]++;
        same &= axes[i] == i;
    }
    return same ? t->value : lower_transpose(l, t->value, axes);
}

/* The term as matrices: the batch's axes, then those of each of two groups as one. */
static size_t as_matrices(lowering *l, const term *t, const grouping *g, group rows, group columns)
{
    const group order[] = {BATCH, rows, columns};
    int labels[CLARUS_MAX_RANK];
    size_t count = 0;
    shape out = {.rank = 0};
    for (size_t i = 0; i < 3; i++) {
        int64_t extent = 1;
        for (size_t k = 0; k < g->counts[order[i]]; k++) {
            int label = labels[count++] = g->labels[order[i]][k];
            extent = (order[i] == BATCH ? 1 : extent) * extent_of(l, t, label);
            if (order[i] == BATCH)
                out.dims[out.rank++] = extent;
        }
        if (order[i] != BATCH)
            out.dims[out.rank++] = extent;
    }
    return lower_view(l, order_axes(l, t, labels), &out);
}

/* The product of two terms, which no longer count in e->uses. */
static term multiply(lowering *l, const einsum *e, const term *a, const term *b)
{
    grouping g = group_labels(e, a, b);
    term y = {.rank = 0};
    shape out = {.rank = 0};
    for (group k = BATCH; k <= COLUMNS; k++)
        for (size_t i = 0; i < g.counts[k] && l->status == CLARUS_OK; i++) {
            int64_t in_a = extent_of(l, a, g.labels[k][i]), in_b = extent_of(l, b, g.labels[k][i]);
            add_label(l, &y, g.labels[k][i]);
            if (l->status == CLARUS_OK)
                out.dims[out.rank++] = in_a == 1 ? in_b : in_a;
        }
    for (size_t i = 0; i < g.counts[SUMMED]; i++)
        if (extent_of(l, a, g.labels[SUMMED][i]) != extent_of(l, b, g.labels[SUMMED][i]))
            lower_error(l, CLARUS_E_SHAPE, "label '%c' has two extents", g.labels[SUMMED][i]);
    if (g.counts[BATCH] + 2 > CLARUS_MAX_RANK)
        lower_error(l, CLARUS_E_UNSUPPORTED, "a product of %zu axes", g.counts[BATCH] + 2);
    if (l->status == CLARUS_OK)
        y.value = lower_view(
            l, lower_product(l, as_matrices(l, a, &g, ROWS, SUMMED), as_matrices(l, b, &g, SUMMED, COLUMNS)),
            &out);
    return y;
}

void lower_einsum(lowering *l)
{
    size_t count = l->node->input_count;
    einsum e = {.ellipsis = 0};
    term *terms = lower_memory(l, (int64_t)count, sizeof *terms);
    if (count == 0)
        lower_error(l, CLARUS_E_FORMAT, "no operands");
    if (l->status == CLARUS_OK)
        read_equation(l, terms, count, &e);
    for (size_t i = 0; i < count && l->status == CLARUS_OK; i++) {
        take_diagonal(l, &terms[i]);
        sum_alone(l, &terms[i], &e);
    }
    if (l->status != CLARUS_OK)
        return;
    term y = terms[0];
    count_uses(&y, e.uses, -1);
    for (size_t i = 1; i < count && l->status == CLARUS_OK; i++) {
        count_uses(&terms[i], e.uses, -1);
        y = multiply(l, &e, &y, &terms[i]);
    }
    if (l->status == CLARUS_OK)
        lower_bind(l, 0, order_axes(l, &y, e.output.labels));
}
