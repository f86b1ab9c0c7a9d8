/* Cases of clarus_verify for operations that read between elements. */
#include "layer.h"
#include "verify_cases.h"

#include <string.h>

typedef struct resample_case {
    shape x;
    int axis;
    int64_t extent, taps;
} resample_case;

static clarus_status build_resample(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const resample_case *c = parameters;
    shape table = {2, {c->extent, c->taps}}, y = c->x;
    size_t in[3];
    int64_t count = c->extent * c->taps;
    int32_t *indices = lowered_alloc(graph, (size_t)count, sizeof *indices);
    float *weights = lowered_alloc(graph, (size_t)count, sizeof *weights);
    if (!indices || !weights)
        return error_memory(error, "tables");
    verify_random(weights, count, 5);
    for (int64_t i = 0; i < count; i++) {
        indices[i] = (int32_t)(i * 7 % c->x.dims[c->axis]);
        weights[i] = i % 5 == 2 ? 0 : weights[i];
    }
    y.dims[c->axis] = c->extent;
    clarus_status status;
    lowered_op *op;
    if ((status = layer_add_input(graph, &c->x, &in[0], error)) != CLARUS_OK ||
        (status = lowered_add_value(graph, VALUE_CONSTANT, CLARUS_INT32, &table, indices, "indices", &in[1],
                                    error)) != CLARUS_OK ||
        (status = lowered_add_value(graph, VALUE_CONSTANT, CLARUS_FLOAT32, &table, weights, "weights", &in[2],
                                    error)) != CLARUS_OK ||
        (status = layer_add_op(graph, OP_RESAMPLE, in, 3, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.resample.axis = c->axis;
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
#define RESAMPLE_CASE(text, ...)                                                                             \
    {                                                                                                        \
        "resample", text, build_resample, &(const resample_case)                                             \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

static const verify_case cases[] = {
    RESAMPLE_CASE("last axis, 7 to 40, 2 taps", S(3, 2, 5, 7), 2, 40, 2),
    RESAMPLE_CASE("rows of 33, 9 to 4, 5 taps", S(4, 2, 3, 9, 33), 2, 4, 5),
    RESAMPLE_CASE("long rows, 3 to 5, 4 taps", S(2, 3, 9001), 0, 5, 4),
    RESAMPLE_CASE("one element, 1 tap", S(1, 1), 0, 3, 1),
};

size_t verify_sample_count(void)
{
    return sizeof cases / sizeof *cases;
}

verify_case verify_sample_get(size_t i)
{
    return cases[i];
}
