/* Cases of clarus_verify for what indices name the places of. */
#include "verify_cases.h"

#include "indexed.h"
#include "layer.h"

#include <string.h>

/* Indices run through their axes from both ends. */
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

/* ---- the table --------------------------------------------------------------------------------- */

#define S(rank, ...)                                                                                         \
    {                                                                                                        \
        rank,                                                                                                \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define GATHER_CASE(text, ...)                                                                               \
    {                                                                                                        \
        "gather", text, build_gather, &(const index_case)                                                    \
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
};

size_t verify_index_count(void)
{
    return sizeof cases / sizeof *cases;
}

verify_case verify_index_get(size_t i)
{
    return cases[i];
}
