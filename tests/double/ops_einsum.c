/* Einsum as it is defined: for each element of the output, the sum over all other labels of products of
 * elements. */
#include "double.h"

#include <string.h>

enum { OPERANDS = 8, MOST_LABELS = 32 };

/* An axis is a character: a letter, or a digit counting an ellipsis from its end. */
typedef struct einsum {
    char terms[OPERANDS + 1][MOST_LABELS]; /* the last of them is the output's */
    char labels[MOST_LABELS];              /* the output's first */
    int64_t extents[MOST_LABELS];
} einsum;

/* The next term of the equation; its ellipsis has as many axes as the operand has no letters for. */
static const char *read_term(const char *text, size_t rank, char *term)
{
    size_t letters = 0, used = 0;
    for (const char *c = text; *c && *c != ',' && *c != '-'; c++)
        letters += *c != '.' && *c != ' ';
    for (; *text && *text != ',' && *text != '-'; text++) {
        if (*text == '.') {
            for (size_t i = rank - letters; i-- > 0;)
                term[used++] = (char)('0' + i);
            text += 2;
        } else if (*text != ' ') {
            term[used++] = *text;
        }
    }
    return text;
}

static void imply_output(einsum *e, size_t count)
{
    char *out = e->terms[count];
    for (int c = '0'; c < 128; c++) {
        size_t times = 0;
        for (size_t i = 0; i < count; i++)
            for (const char *t = e->terms[i]; *t; t++)
                times += *t == c;
        if (times == 1 || (times && c <= '9'))
            out[strlen(out)] = (char)c;
    }
}

static size_t label_index(const einsum *e, char label)
{
    return (size_t)(strchr(e->labels, label) - e->labels);
}

static void collect_labels(einsum *e, const dnode *n)
{
    strcpy(e->labels, e->terms[n->in_count]);
    for (size_t i = 0; i < n->in_count; i++)
        for (size_t k = 0; e->terms[i][k]; k++) {
            if (!strchr(e->labels, e->terms[i][k]))
                e->labels[strlen(e->labels)] = e->terms[i][k];
            int64_t *extent = &e->extents[label_index(e, e->terms[i][k])];
            *extent = *extent > n->in[i]->shape.dims[k] ? *extent : n->in[i]->shape.dims[k];
        }
}

static approx product(const einsum *e, const dnode *n, const int64_t *at)
{
    approx p = exactly(1);
    for (size_t i = 0; i < n->in_count; i++) {
        const shape *s = &n->in[i]->shape;
        int64_t index = 0;
        for (size_t k = 0; k < s->rank; k++)
            index = index * s->dims[k] + (s->dims[k] == 1 ? 0 : at[label_index(e, e->terms[i][k])]);
        p = i ? ap_mul(p, get(n->in[i], index)) : get(n->in[i], index);
    }
    return p;
}

/* Position `number` in row-major order of labels from `first` on. */
static void unravel(const einsum *e, size_t first, size_t end, int64_t number, int64_t *at)
{
    for (size_t k = end; k-- > first; number /= e->extents[k])
        at[k] = number % e->extents[k];
}

const char *double_einsum(dnode *n)
{
    const Onnx__Attribute *equation = attr_find(n, "equation");
    einsum e;
    char text[256] = "";
    memset(&e, 0, sizeof e);
    if (!equation || equation->s.len >= sizeof text || n->in_count > OPERANDS)
        return "no equation, or too large";
    memcpy(text, equation->s.data, equation->s.len);
    const char *rest = text;
    size_t ellipsis = 0;
    for (size_t i = 0; i < n->in_count; i++) {
        rest = read_term(rest, n->in[i]->shape.rank, e.terms[i]);
        for (const char *c = e.terms[i]; *c; c++)
            ellipsis = *c <= '9' && (size_t)(*c - '0') >= ellipsis ? (size_t)(*c - '0') + 1 : ellipsis;
        rest += *rest == ',';
    }
    if (*rest) {
        size_t letters = 0;
        for (const char *c = rest + 2; *c; c++)
            letters += *c != '.' && *c != ' ';
        read_term(rest + 2, letters + ellipsis, e.terms[n->in_count]);
    } else {
        imply_output(&e, n->in_count);
    }
    collect_labels(&e, n);
    shape s = {strlen(e.terms[n->in_count]), {0}};
    memcpy(s.dims, e.extents, s.rank * sizeof *s.dims);
    size_t all = strlen(e.labels);
    int64_t at[MOST_LABELS], summed = 1;
    for (size_t k = s.rank; k < all; k++)
        summed *= e.extents[k];
    dtensor *y = output_new(n, 0, n->in[0]->dtype, &s, 1);
    for (int64_t i = 0; i < y->count; i++) {
        total sum = {0};
        unravel(&e, 0, s.rank, i, at);
        for (int64_t k = 0; k < summed; k++) {
            unravel(&e, s.rank, all, k, at);
            total_add(&sum, product(&e, n, at));
        }
        put(y, i, total_get(&sum));
    }
    return NULL;
}
