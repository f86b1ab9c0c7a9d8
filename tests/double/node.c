/* What operators ask of their node: attributes, inputs, outputs. */
#include "double.h"

#include <string.h>

const Onnx__Attribute *attr_find(const dnode *n, const char *name)
{
    for (size_t k = 0; k < n->proto->n_attribute; k++)
        if (n->proto->attribute[k]->name && strcmp(n->proto->attribute[k]->name, name) == 0)
            return n->proto->attribute[k];
    return NULL;
}

int64_t attr_int(const dnode *n, const char *name, int64_t otherwise)
{
    const Onnx__Attribute *a = attr_find(n, name);
    return a ? a->i : otherwise;
}

double attr_float(const dnode *n, const char *name, double otherwise)
{
    const Onnx__Attribute *a = attr_find(n, name);
    return a ? (double)a->f : otherwise;
}

int attr_ints(const dnode *n, const char *name, int64_t *out)
{
    const Onnx__Attribute *a = attr_find(n, name);
    if (!a)
        return -1;
    int count = (int)(a->n_ints < MAX_INTS ? a->n_ints : MAX_INTS);
    if (count)
        memcpy(out, a->ints, (size_t)count * sizeof *out);
    return count;
}

int attr_is(const dnode *n, const char *name, const char *text, const char *otherwise)
{
    const Onnx__Attribute *a = attr_find(n, name);
    if (!a)
        return strcmp(text, otherwise) == 0;
    return a->s.len == strlen(text) && memcmp(a->s.data, text, a->s.len) == 0;
}

const dtensor *input(const dnode *n, size_t k)
{
    return k < n->in_count ? n->in[k] : NULL;
}

int wants(const dnode *n, size_t k)
{
    return k < n->proto->n_output && n->proto->output[k][0];
}

int ints_from(const dnode *n, const char *name, size_t k, int64_t *out)
{
    int count = name ? attr_ints(n, name, out) : -1;
    const dtensor *t = input(n, k);
    if (count >= 0 || !t || !t->i)
        return count;
    count = (int)(t->count < MAX_INTS ? t->count : MAX_INTS);
    if (count)
        memcpy(out, t->i, (size_t)count * sizeof *out);
    return count;
}

int any_inexact(const dnode *n)
{
    for (size_t k = 0; k < n->in_count; k++)
        if (n->in[k] && n->in[k]->e)
            return 1;
    return 0;
}

dtensor *output_new(dnode *n, size_t k, clarus_dtype dtype, const shape *shape, int inexact)
{
    return n->out[k] = dtensor_new(dtype, shape, inexact || any_inexact(n));
}

int attr_axis(const dnode *n, int64_t otherwise, size_t rank)
{
    return shape_axis(attr_int(n, "axis", otherwise), rank);
}

int64_t dims_product(const shape *s, size_t from, size_t to)
{
    int64_t product = 1;
    for (size_t d = from; d < to; d++)
        product *= s->dims[d];
    return product;
}
