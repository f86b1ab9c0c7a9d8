/* The second oracle: the unlowered ONNX graph in double precision, for tests only.
 *
 * The first oracle (fallback/) shares the lowered graph with the kernels, so a wrong lowering or fusion would
 * agree everywhere. This one shares nothing with them but the file format's messages: it walks the nodes of
 * the file as they are written, one plain function per ONNX operator (ops.def), floats in double, integers in
 * int64, without fusion, folding or another algorithm.
 *
 * Derived bounds. Every value carries, beside its double value v, a bound e on the error of the float32
 * computation of the same value. Operators propagate it: a sum of n products adds
 * sum_error(n) * sum |x||w|, a function adds its own rounding to what its argument's error makes of it, moves
 * add nothing. With unit roundoff u = 2^-24, sum_error(n) = u * min(n, 8 sqrt(n)) + a few u: n is the worst
 * case, and 8 sqrt(n) holds for independent rounding errors with a probability beyond 1 - 1e-9 per element
 * (Higham and Mary, SIAM J. Sci. Comput. 41, 2019), in any order of summation.
 *
 * Anchors. Worst cases multiplied through fifty layers say nothing. So double_check walks the graph beside
 * the values of a float32 run: at each node whose output the lowered graph has under the same name, it
 * compares the float32 value with v under e, and goes on from the float32 value with e = 0. Each layer (or
 * chain that was fused) is judged by its own bound, from the very inputs that it had. */
#ifndef CLARUS_TEST_DOUBLE_H
#define CLARUS_TEST_DOUBLE_H

#include "lowered.h"
#include "onnx.pb-c.h"

#include <math.h>

#define UNIT 0x1p-24

typedef struct approx {
    double v; /* value in double */
    double e; /* bound on the float32 computation's distance from it */
} approx;

typedef struct dtensor {
    clarus_dtype dtype;
    shape shape;
    int64_t count;
    double *v;  /* floating types */
    int64_t *i; /* integers and bool; uint64 as its bit pattern */
    double *e;  /* NULL: all 0. Of integers: by how much rounding errors may change them; infinity: to any */
} dtensor;

/* One node on its way through its operator. */
typedef struct dnode {
    const Onnx__Node *proto;
    const dtensor **in; /* NULL where an optional input is left out */
    size_t in_count;
    dtensor **out; /* made by the operator; NULL where it is not wanted */
    size_t out_count;
    int64_t opset;
    int threads;
} dnode;

/* Computes n->out. NULL, or what it cannot do. */
typedef const char *(*double_op)(dnode *n);
/* NULL: no such operator. */
double_op double_find(const char *domain, const char *op_type);

/* Every function of ops.def. */
#define OPERATOR(name, function) const char *function(dnode *n);
#include "ops.def"
#undef OPERATOR

/* ---- tensor.c ---- */

/* malloc that ends the test when memory is out. */
void *need(size_t count, size_t size);
int dtype_is_float(clarus_dtype dtype);
/* Zero-filled, with e when `inexact`. */
dtensor *dtensor_new(clarus_dtype dtype, const shape *shape, int inexact);
void dtensor_free(dtensor *t);
dtensor *dtensor_copy(const dtensor *t);
/* From elements as a file or an executor holds them. */
dtensor *dtensor_from(clarus_dtype dtype, const shape *shape, const void *data);
/* The value of element k read from elements of a type, floats and integers alike. */
double element_double(clarus_dtype dtype, const void *data, int64_t k);
int64_t element_int(clarus_dtype dtype, const void *data, int64_t k);

static inline approx get(const dtensor *t, int64_t k)
{
    return (approx){t->v ? t->v[k] : (double)t->i[k], t->e ? t->e[k] : 0};
}
static inline void put(dtensor *t, int64_t k, approx x)
{
    t->v[k] = x.v;
    if (t->e)
        t->e[k] = x.e;
}

/* Element k of `from` to element `to_k` of `to`, whatever the type. */
void element_move(dtensor *to, int64_t to_k, const dtensor *from, int64_t k);
/* Wraps to the width of an integer type. */
int64_t wrap(clarus_dtype dtype, int64_t x);

/* Walks the elements of a shape in row-major order beside up to four operands that broadcast to it. */
typedef struct walk {
    shape shape;
    int64_t at[CLARUS_MAX_RANK], strides[4][CLARUS_MAX_RANK], offset[4];
    int operands;
} walk;
void walk_begin(walk *w, const shape *over);
void walk_operand(walk *w, const shape *operand);
void walk_next(walk *w);

/* ---- approx arithmetic: each operation rounds once ---- */

/* A number that float32 holds is the result of one operation on exact operands without an error. */
static inline approx rounded(double v, double e)
{
    return (approx){v, e == 0 && (double)(float)v == v ? 0 : e + UNIT * (fabs(v) + e)};
}
static inline approx exactly(double v)
{
    return (approx){v, 0};
}
static inline approx ap_add(approx x, approx y)
{
    return rounded(x.v + y.v, x.e + y.e);
}
static inline approx ap_sub(approx x, approx y)
{
    return rounded(x.v - y.v, x.e + y.e);
}
static inline approx ap_mul(approx x, approx y)
{
    return rounded(x.v * y.v, fabs(x.v) * y.e + fabs(y.v) * x.e + x.e * y.e);
}
approx ap_div(approx x, approx y);
approx ap_sqrt(approx x);
approx ap_pow(approx x, approx y);
approx ap_exp(approx x);
approx ap_log(approx x);
approx ap_max(approx x, approx y);
approx ap_min(approx x, approx y);

/* Rounding errors of a sum of n terms or products, relative to the sum of magnitudes. */
static inline double sum_error(int64_t n)
{
    double terms = (double)n;
    return UNIT * (fmin(terms, 8 * sqrt(terms)) + 4);
}

/* A running sum: add terms, then read it. */
typedef struct total {
    double v, magnitude, e;
    int64_t n;
} total;
static inline void total_add(total *t, approx x)
{
    t->v += x.v;
    t->magnitude += fabs(x.v);
    t->e += x.e;
    t->n++;
}
static inline approx total_get(const total *t)
{
    return (approx){t->v, t->e + sum_error(t->n) * (t->magnitude + t->e)};
}

/* ---- node.c: what operators ask of their node ---- */

int64_t attr_int(const dnode *n, const char *name, int64_t otherwise);
double attr_float(const dnode *n, const char *name, double otherwise);
/* Copies at most MAX_INTS numbers; the count, or -1 if the attribute is absent. */
enum { MAX_INTS = 2 * CLARUS_MAX_RANK };
int attr_ints(const dnode *n, const char *name, int64_t *out);
/* 1 if the string attribute, or `otherwise` where it is absent, equals text. */
int attr_is(const dnode *n, const char *name, const char *text, const char *otherwise);
const Onnx__Attribute *attr_find(const dnode *n, const char *name);
const dtensor *input(const dnode *n, size_t k);
/* 1 if the node names its output k. */
int wants(const dnode *n, size_t k);
/* Integers from attribute `name` or, where that is absent, from input k; -1 if both are. */
int ints_from(const dnode *n, const char *name, size_t k, int64_t *out);
/* A new output k; inexact if `like` says so or any float input is. */
dtensor *output_new(dnode *n, size_t k, clarus_dtype dtype, const shape *shape, int inexact);
int any_inexact(const dnode *n);
/* axis attribute within rank, or -1. */
int attr_axis(const dnode *n, int64_t otherwise, size_t rank);
/* Product of dims [from, to). */
int64_t dims_product(const shape *s, size_t from, size_t to);

/* ---- winograd.c ---- */

/* Of each output of a convolution of kernel 3x3, stride and dilation 1 and one group: a bound on the error of
 * Winograd's algorithm in float32. Extents are height and width, begin is the padding before them; the caller
 * frees. */
double *winograd_errors(const dtensor *x, const dtensor *w, const int64_t in[2], const int64_t out[2],
                        const int64_t begin[2], int threads);

/* ---- graph.c ---- */

/* NULL if it cannot be read; external data is looked for in `folder`. */
dtensor *tensor_read(const Onnx__Tensor *p, const char *folder);

/* Sees every value that a node has computed, and may replace it. */
typedef void (*double_visit_fn)(void *user, const char *name, dtensor **t);

enum { DOUBLE_OK, DOUBLE_UNKNOWN /* an operator is not there */, DOUBLE_BAD /* the file is wrong */ };
enum { DOUBLE_MESSAGE = 1024, DOUBLE_INPUTS = 64 };

/* Computes the file from `inputs`, one for each graph input that is not an initialiser. outputs has room for
 * the graph's outputs, which must be output_count; the caller frees them. visit may be NULL. */
int double_run(const char *path, dtensor *const *inputs, size_t input_count, dtensor **outputs,
               size_t output_count, double_visit_fn visit, void *user, int threads, char *message);

/* ---- check.c ---- */

/* How far float value f is from x, in units of its bound: at most 1 when they agree. */
double double_distance(double f, approx x, clarus_dtype dtype);

typedef struct double_report {
    size_t nodes, compared; /* values that nodes compute, and those that the lowered graph has too */
    double worst;           /* largest distance of an element, over all values compared */
    char worst_name[128];
    double worst_norm; /* largest 2-norm of a value's error over that of its bounds */
    char worst_norm_name[128];
    double end_to_end; /* largest difference of an output from the unanchored run, over its RMS */
    size_t integers;   /* elements compared, */
    size_t uncertain;  /* of which rounding errors may change these, */
    size_t moved;      /* and these differ */
    size_t unbounded;  /* elements without a bound: a divisor or logarithm that errors may take to 0 */
} double_report;

/* DOUBLE_UNSUPPORTED: Clarus refuses the model; DOUBLE_UNKNOWN: the second oracle does not. */
enum { DOUBLE_UNSUPPORTED = DOUBLE_BAD + 1 };

/* Lowers the model for these inputs, runs the lowered graph on the plain C oracle, and compares every value
 * that both have. end_to_end is left 0 unless asked for: it takes a second run. */
int double_check(clarus_context *context, const char *path, clarus_tensor *const *inputs, size_t input_count,
                 int end_to_end, double_report *report, char *message);

#endif
