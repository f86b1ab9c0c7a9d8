/* Cases of clarus_verify for operations that read between elements. */
#include "layer.h"
#include "sampling.h"
#include "verify_cases.h"

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

/* A constant of floats from -reach to reach. */
static clarus_status add_floats(lowered_graph *graph, const shape *shape, float reach, size_t *number,
                                clarus_error *error)
{
    int64_t count = 0;
    shape_count(shape, &count);
    float *data = lowered_alloc(graph, (size_t)count, sizeof *data);
    if (!data)
        return error_memory(error, "constant");
    verify_random(data, count, 7);
    for (int64_t i = 0; i < count; i++)
        data[i] = i % 9 == 4 ? rint(data[i] * reach) : data[i] * reach;
    return lowered_add_value(graph, VALUE_CONSTANT, CLARUS_FLOAT32, shape, data, "positions", number, error);
}

/* batch, channels, in and points are the case's; the axes are those with an extent. */
static clarus_status build_sample(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    sample_params p = *(const sample_params *)parameters;
    shape x = {2, {p.batch, p.channels}}, points = {3, {p.batch, p.axes, p.points}};
    shape y = {3, {p.batch, p.channels, p.points}};
    float reach = 0;
    for (int64_t i = SPATIAL - p.axes; i < SPATIAL; i++) {
        x.dims[x.rank++] = p.in[i];
        reach = (float)p.in[i] * 2 > reach ? (float)p.in[i] * 2 : reach;
    }
    size_t in[2];
    clarus_status status;
    lowered_op *op;
    if ((status = layer_add_input(graph, &x, &in[0], error)) != CLARUS_OK ||
        (status = add_floats(graph, &points, reach, &in[1], error)) != CLARUS_OK ||
        (status = layer_add_op(graph, OP_SAMPLE, in, 2, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.sample = p;
    return CLARUS_OK;
}

static clarus_status build_roi_align(lowered_graph *graph, const void *parameters, clarus_error *error)
{
    const roi_align_params *p = parameters;
    shape x = {4, {p->batch, p->channels, p->rows, p->columns}}, numbers = {1, {p->regions}};
    shape regions = {2, {p->regions, 4}}, y = {4, {p->regions, p->channels, p->out_rows, p->out_columns}};
    int64_t *batch = lowered_alloc(graph, (size_t)p->regions, sizeof *batch);
    if (!batch)
        return error_memory(error, "batch numbers");
    for (int64_t r = 0; r < p->regions; r++)
        batch[r] = r % p->batch;
    size_t in[3];
    clarus_status status;
    lowered_op *op;
    if ((status = layer_add_input(graph, &x, &in[0], error)) != CLARUS_OK ||
        (status = lowered_add_value(graph, VALUE_CONSTANT, CLARUS_INT64, &numbers, batch, "batch", &in[1],
                                    error)) != CLARUS_OK ||
        (status = add_floats(graph, &regions, (float)p->rows, &in[2], error)) != CLARUS_OK ||
        (status = layer_add_op(graph, OP_ROI_ALIGN, in, 3, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.roi_align = *p;
    return CLARUS_OK;
}

/* ---- the table --------------------------------------------------------------------------------- */

#define RESAMPLE_CASE(text, ...)                                                                             \
    {                                                                                                        \
        "resample", text, build_resample, &(const resample_case)                                             \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

#define SAMPLE_CASE(text, ...)                                                                               \
    {                                                                                                        \
        "sample", text, build_sample, &(const sample_params)                                                 \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define ROI_ALIGN_CASE(text, ...)                                                                            \
    {                                                                                                        \
        "roi_align", text, build_roi_align, &(const roi_align_params)                                        \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

static const verify_case cases[] = {
    RESAMPLE_CASE("last axis, 7 to 40, 2 taps", S(3, 2, 5, 7), 2, 40, 2),
    RESAMPLE_CASE("rows of 33, 9 to 4, 5 taps", S(4, 2, 3, 9, 33), 2, 4, 5),
    RESAMPLE_CASE("long rows, 3 to 5, 4 taps", S(2, 3, 9001), 0, 5, 4),
    RESAMPLE_CASE("one element, 1 tap", S(1, 1), 0, 3, 1),
    /*          function padding aligned batch channels axes points in */
    SAMPLE_CASE("nearest, zeros", SAMPLE_NEAREST, SAMPLE_ZEROS, 0, 2, 3, 2, 100, {1, 7, 9}),
    SAMPLE_CASE("linear, zeros, aligned", SAMPLE_LINEAR, SAMPLE_ZEROS, 1, 2, 3, 2, 100, {1, 7, 9}),
    SAMPLE_CASE("linear, border", SAMPLE_LINEAR, SAMPLE_BORDER, 0, 1, 40, 2, 100, {1, 7, 9}),
    SAMPLE_CASE("linear, reflection, volumes", SAMPLE_LINEAR, SAMPLE_REFLECTION, 0, 1, 2, 3, 300, {3, 4, 5}),
    SAMPLE_CASE("cubic, zeros", SAMPLE_CUBIC, SAMPLE_ZEROS, 0, 1, 3, 2, 100, {1, 7, 9}),
    SAMPLE_CASE("cubic, reflection, aligned", SAMPLE_CUBIC, SAMPLE_REFLECTION, 1, 1, 3, 2, 100, {1, 3, 9}),
    SAMPLE_CASE("cubic, border, one axis", SAMPLE_CUBIC, SAMPLE_BORDER, 0, 1, 1, 1, 50, {1, 1, 5}),
    SAMPLE_CASE("one element, reflection, aligned", SAMPLE_LINEAR, SAMPLE_REFLECTION, 1, 1, 1, 2, 9,
                {1, 1, 1}),
    /*             maximum scale offset batch channels rows columns regions outputs samples */
    ROI_ALIGN_CASE("mean, 2 samples", 0, 1.0f, 0.5f, 2, 5, 9, 11, 7, 3, 4, 2),
    ROI_ALIGN_CASE("mean, samples by size, half scale", 0, 0.5f, 0.0f, 1, 20, 9, 11, 7, 3, 4, 0),
    ROI_ALIGN_CASE("maximum, 3 samples", 1, 1.5f, 0.5f, 2, 3, 9, 8, 6, 2, 2, 3),
    ROI_ALIGN_CASE("maximum, samples by size", 1, 1.0f, 0.0f, 1, 3, 9, 8, 6, 2, 2, 0),
};

size_t verify_sample_count(void)
{
    return sizeof cases / sizeof *cases;
}

verify_case verify_sample_get(size_t i)
{
    return cases[i];
}
