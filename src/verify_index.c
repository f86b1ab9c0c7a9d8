/* Cases of clarus_verify for what indices name the places of, and what goes along the lines of an axis. */
#include "verify_cases.h"

#include "indexed.h"
#include "layer.h"

#include <math.h>
#include <string.h>

/* Indices run through their axes from both ends, and come again. */
static clarus_status add_indices(lowered_graph *graph, clarus_dtype dtype, const shape *s,
                                 const indexed_params *p, size_t *number, clarus_error *error)
{
    int64_t count = 0;
    shape_count(s, &count);
    void *data = lowered_alloc(graph, (size_t)count, clarus_dtype_size(dtype));
    if (!data)
        return error_memory(error, "indices");
    for (int64_t i = 0; i < count; i++) {
        int64_t extent = p->extents[i % (int64_t)p->components];
        int64_t index = i * 7 % extent - (i % 2 ? extent : 0);
        if (dtype == CLARUS_INT64)
            ((int64_t *)data)[i] = index;
        else
            ((int32_t *)data)[i] = (int32_t)index;
    }
    return lowered_add_value(graph, VALUE_CONSTANT, dtype, s, data, "indices", number, error);
}

typedef enum index_form { ALONG, ELEMENTS, TUPLES } index_form;

typedef struct index_case {
    index_form form;
    clarus_dtype dtype, index_dtype;
    size_t axis; /* TUPLES: batch_dims */
    shape data, indices;
} index_case;

static void place_by(const index_case *c, indexed_params *p)
{
    switch (c->form) {
    case ALONG:
        indexed_along(&c->data, &c->indices, c->axis, p);
        break;
    case ELEMENTS:
        indexed_elements(&c->data, &c->indices, c->axis, p);
        break;
    case TUPLES:
        indexed_tuples(&c->data, &c->indices, c->axis, p);
        break;
    }
}

static clarus_status build_gather(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const index_case *c = parameters;
    indexed_params p;
    size_t in[2];
    lowered_op *op;
    place_by(c, &p);
    shape y = {.rank = p.rank};
    memcpy(y.dims, p.dims, sizeof y.dims);
    clarus_status status = layer_add_input(graph, &c->data, &in[0], error);
    if (status == CLARUS_OK)
        status = add_indices(graph, c->index_dtype, &c->indices, &p, &in[1], error);
    if (status == CLARUS_OK)
        status = layer_add_op(graph, OP_GATHER, in, 2, &y, &op, error);
    if (status != CLARUS_OK)
        return status;
    op->as.gather = p;
    verify_retype(graph, in[0], c->dtype);
    verify_retype(graph, op->output, c->dtype);
    return CLARUS_OK;
}

typedef struct scatter_case {
    combine_function function;
    index_case places;
} scatter_case;

static clarus_status build_scatter(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const scatter_case *c = parameters;
    indexed_params p;
    size_t in[3];
    lowered_op *op;
    place_by(&c->places, &p);
    shape updates = {.rank = p.rank};
    memcpy(updates.dims, p.dims, sizeof updates.dims);
    clarus_status status = layer_add_input(graph, &c->places.data, &in[0], error);
    if (status == CLARUS_OK)
        status = add_indices(graph, c->places.index_dtype, &c->places.indices, &p, &in[1], error);
    if (status == CLARUS_OK)
        status = layer_add_input(graph, &updates, &in[2], error);
    if (status == CLARUS_OK)
        status = layer_add_op(graph, OP_SCATTER, in, 3, &c->places.data, &op, error);
    if (status != CLARUS_OK)
        return status;
    op->as.scatter = (scatter_params){p, c->function};
    verify_retype(graph, in[0], c->places.dtype);
    verify_retype(graph, in[2], c->places.dtype);
    verify_retype(graph, op->output, c->places.dtype);
    return CLARUS_OK;
}

/* ---- lines ------------------------------------------------------------------------------------- */

typedef struct top_case {
    top_params top;
    clarus_dtype dtype;
    shape x;
} top_case;

/* With few different values, and among floats NaN and zeros of both signs. */
static clarus_status add_repeating(lowered_graph *graph, clarus_dtype dtype, const shape *s, size_t *number,
                                   clarus_error *error)
{
    static const float few[] = {1.0f, -2.5f, NAN, 0.0f, INFINITY, -0.0f, -2.5f, -INFINITY, 3.0f};
    int64_t count = 0;
    size_t size = clarus_dtype_size(dtype);
    shape_count(s, &count);
    char *data = lowered_alloc(graph, (size_t)count, size);
    if (!data)
        return error_memory(error, "constant");
    verify_fill(dtype, data, count, 5);
    for (int64_t i = 0; i < count; i++) {
        const void *from =
            dtype == CLARUS_FLOAT32 ? (const void *)&few[i * 7 % 9] : data + (size_t)(i / 3) * size;
        memmove(data + (size_t)i * size, from, size);
    }
    return lowered_add_value(graph, VALUE_CONSTANT, dtype, s, data, "x", number, error);
}

static clarus_status build_top(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const top_case *c = parameters;
    shape y = c->x;
    size_t x;
    lowered_op *op;
    y.dims[c->top.axis] = c->top.k;
    clarus_status status = add_repeating(graph, c->dtype, &c->x, &x, error);
    if (status == CLARUS_OK)
        status = layer_add_op(graph, OP_TOP, &x, 1, &y, &op, error);
    if (status != CLARUS_OK)
        return status;
    op->as.top = c->top;
    verify_retype(graph, op->output, CLARUS_INT64);
    return CLARUS_OK;
}

typedef struct scan_case {
    scan_params scan;
    clarus_dtype dtype;
    shape x;
} scan_case;

static clarus_status build_scan(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const scan_case *c = parameters;
    size_t x;
    lowered_op *op;
    clarus_status status = layer_add_input(graph, &c->x, &x, error);
    if (status == CLARUS_OK)
        status = layer_add_op(graph, OP_SCAN, &x, 1, &c->x, &op, error);
    if (status != CLARUS_OK)
        return status;
    op->as.scan = c->scan;
    verify_retype(graph, x, c->dtype);
    verify_retype(graph, op->output, c->dtype);
    return CLARUS_OK;
}

/* ---- the table --------------------------------------------------------------------------------- */

#define GATHER_CASE(text, ...)                                                                               \
    {                                                                                                        \
        "gather", text, build_gather, &(const index_case)                                                    \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

#define SCATTER_CASE(text, ...)                                                                              \
    {                                                                                                        \
        "scatter", text, build_scatter, &(const scatter_case)                                                \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define TOP_CASE(text, ...)                                                                                  \
    {                                                                                                        \
        "top", text, build_top, &(const top_case)                                                            \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define SCAN_CASE(text, ...)                                                                                 \
    {                                                                                                        \
        "scan", text, build_scan, &(const scan_case)                                                         \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

static const verify_case cases[] = {
    GATHER_CASE("rows", ALONG, CLARUS_FLOAT32, CLARUS_INT64, 0, S(2, 10, 33), S(1, 23)),
    GATHER_CASE("inner axis", ALONG, CLARUS_FLOAT32, CLARUS_INT32, 1, S(3, 4, 9, 1), S(1, 5)),
    GATHER_CASE("long rows", ALONG, CLARUS_FLOAT32, CLARUS_INT64, 1, S(3, 2, 3, 5000), S(1, 4)),
    GATHER_CASE("middle axis, a table of indices", ALONG, CLARUS_FLOAT32, CLARUS_INT64, 1, S(3, 3, 7, 5),
                S(2, 4, 6)),
    GATHER_CASE("rows of int64", ALONG, CLARUS_INT64, CLARUS_INT64, 0, S(2, 10, 33), S(1, 23)),
    GATHER_CASE("rows of bool", ALONG, CLARUS_BOOL, CLARUS_INT32, 0, S(2, 10, 33), S(1, 23)),
    GATHER_CASE("elements, first axis", ELEMENTS, CLARUS_FLOAT32, CLARUS_INT64, 0, S(3, 5, 8, 9),
                S(3, 11, 6, 9)),
    GATHER_CASE("elements, last axis", ELEMENTS, CLARUS_FLOAT32, CLARUS_INT32, 2, S(3, 5, 8, 9),
                S(3, 4, 8, 70)),
    GATHER_CASE("elements of uint8", ELEMENTS, CLARUS_UINT8, CLARUS_INT64, 1, S(2, 40, 30), S(2, 40, 17)),
    GATHER_CASE("elements of int16", ELEMENTS, CLARUS_INT16, CLARUS_INT64, 1, S(2, 40, 30), S(2, 40, 17)),
    GATHER_CASE("tuples of slices", TUPLES, CLARUS_FLOAT32, CLARUS_INT64, 0, S(3, 5, 6, 40), S(3, 3, 7, 2)),
    GATHER_CASE("tuples of elements", TUPLES, CLARUS_INT32, CLARUS_INT32, 0, S(3, 5, 6, 7), S(2, 100, 3)),
    GATHER_CASE("tuples in batches", TUPLES, CLARUS_FLOAT32, CLARUS_INT64, 1, S(3, 4, 6, 20), S(3, 4, 9, 1)),
    SCATTER_CASE("elements, last axis", COMBINE_REPLACE,
                 {ELEMENTS, CLARUS_FLOAT32, CLARUS_INT64, 1, S(2, 20, 33), S(2, 17, 90)}),
    SCATTER_CASE("elements, first axis, sums", COMBINE_ADD,
                 {ELEMENTS, CLARUS_FLOAT32, CLARUS_INT32, 0, S(3, 7, 20, 9), S(3, 50, 20, 8)}),
    SCATTER_CASE("elements of one axis, products", COMBINE_MUL,
                 {ELEMENTS, CLARUS_FLOAT32, CLARUS_INT64, 0, S(1, 9), S(1, 100)}),
    SCATTER_CASE("slices, minima", COMBINE_MIN,
                 {TUPLES, CLARUS_FLOAT32, CLARUS_INT64, 0, S(3, 5, 6, 70), S(2, 40, 2)}),
    SCATTER_CASE("single elements, maxima", COMBINE_MAX,
                 {TUPLES, CLARUS_FLOAT32, CLARUS_INT64, 0, S(2, 5, 6), S(2, 100, 2)}),
    SCATTER_CASE("bool", COMBINE_REPLACE,
                 {ELEMENTS, CLARUS_BOOL, CLARUS_INT64, 1, S(2, 20, 33), S(2, 20, 30)}),
    SCATTER_CASE("sums of int32", COMBINE_ADD,
                 {ELEMENTS, CLARUS_INT32, CLARUS_INT64, 0, S(2, 7, 20), S(2, 40, 20)}),
    SCATTER_CASE("products of uint16", COMBINE_MUL,
                 {ELEMENTS, CLARUS_UINT16, CLARUS_INT64, 0, S(2, 7, 20), S(2, 40, 20)}),
    SCATTER_CASE("minima of int8", COMBINE_MIN,
                 {ELEMENTS, CLARUS_INT8, CLARUS_INT64, 0, S(2, 7, 20), S(2, 40, 20)}),
    SCATTER_CASE("maxima of uint64", COMBINE_MAX,
                 {TUPLES, CLARUS_UINT64, CLARUS_INT64, 0, S(2, 7, 20), S(2, 40, 1)}),
    TOP_CASE("largest of rows", {1, 1, 0, 1}, CLARUS_FLOAT32, S(2, 33, 40)),
    TOP_CASE("last of the smallest, first axis", {0, 0, 1, 1}, CLARUS_FLOAT32, S(2, 40, 33)),
    TOP_CASE("7 largest, middle axis", {1, 1, 0, 7}, CLARUS_FLOAT32, S(3, 3, 20, 5)),
    TOP_CASE("all, smallest first", {1, 0, 0, 50}, CLARUS_FLOAT32, S(2, 3, 50)),
    TOP_CASE("5 largest of uint64", {1, 1, 0, 5}, CLARUS_UINT64, S(2, 9, 31)),
    TOP_CASE("5 smallest of int8", {1, 0, 0, 5}, CLARUS_INT8, S(2, 9, 31)),
    SCAN_CASE("sums of rows", {COMBINE_ADD, 1, 0, 0}, CLARUS_FLOAT32, S(2, 9, 300)),
    SCAN_CASE("products before each, from the end", {COMBINE_MUL, 0, 1, 1}, CLARUS_FLOAT32, S(2, 20, 33)),
    SCAN_CASE("sums before each of int32", {COMBINE_ADD, 1, 1, 0}, CLARUS_INT32, S(3, 4, 30, 5)),
    SCAN_CASE("products of uint64 from the end", {COMBINE_MUL, 1, 0, 1}, CLARUS_UINT64, S(2, 4, 30)),
};

size_t verify_index_count(void)
{
    return sizeof cases / sizeof *cases;
}

verify_case verify_index_get(size_t i)
{
    return cases[i];
}
