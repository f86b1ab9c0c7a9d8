/* Matrix products: constant second factors are packed into column tiles; others are read as rows, transposed
 * first where their columns are not neighbours. */
#include "plan.h"

#include <string.h>

enum { VECTOR = LAYOUT_BLOCK };

typedef struct matmul_tile {
    int rows, vectors;
} matmul_tile;

static const matmul_tile tiles[] = {{1, 8}, {2, 8}, {3, 8}, {4, 6}, {6, 4},
                                    {1, 4}, {2, 4}, {3, 4}, {4, 2}, {6, 2}};

/* Cycles per k: two multiply-adds and two loads per cycle, four cycles of latency. */
static double tile_cost(const matmul_tile *tile, int64_t rows, int64_t vectors)
{
    double sums = tile->rows * tile->vectors, loads = tile->rows + 1.3 * tile->vectors;
    double cycles = sums > loads ? sums : loads;
    return (double)(div_up(rows, tile->rows) * div_up(vectors, tile->vectors)) *
           ((cycles < 8 ? 8 : cycles) + 1);
}

static matmul_tile choose_tile(const device_params *device, int64_t rows, int64_t vectors)
{
    matmul_tile best = {1, 1};
    double best_cost = 1e300;
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        double cost = tile_cost(&tiles[i], rows, vectors);
        if (tiles[i].rows * tiles[i].vectors <= device->tile_registers && cost < best_cost) {
            best_cost = cost;
            best = tiles[i];
        }
    }
    return best;
}

static clarus_status pack_constant(plan *plan, size_t b, const matmul_params *m, int64_t width,
                                   size_t *buffer, clarus_error *error)
{
    int64_t count;
    shape_count(&plan->graph->values[b].shape, &count);
    matrix_packing *pack = plan_alloc(plan, 1, sizeof *pack);
    if (!pack)
        return error_memory(error, "packed matrix");
    int64_t matrices = m->n > 0 && m->k > 0 ? count / (m->n * m->k) : 0;
    *pack = (matrix_packing){matrices, m->n, m->k, width};
    const packing_form *form = m->trans_b ? &packing_transposed_matrix : &packing_matrix;
    return plan_packed(plan, (size_t)(matrices * div_up(m->n, width) * width * m->k),
                       &(packing){form, pack, b}, buffer, error);
}

/* A copy of b with rows and columns of its matrices exchanged. */
static clarus_status transpose(plan *plan, size_t op, const operand *b, operand *out, clarus_error *error)
{
    *out = *b;
    size_t r = b->shape.rank;
    out->shape.dims[r - 1] = b->shape.dims[r - 2];
    out->shape.dims[r - 2] = b->shape.dims[r - 1];
    int64_t count;
    shape_count(&b->shape, &count);
    clarus_status status = plan_temporary(plan, CLARUS_FLOAT32, (size_t)count, &out->buffer, error);
    if (status != CLARUS_OK)
        return status;
    move_part part = {.rank = r};
    memcpy(part.dims, out->shape.dims, sizeof part.dims);
    shape_strides(&b->shape, part.from_strides);
    shape_strides(&out->shape, part.to_strides);
    part.from_strides[r - 1] = b->shape.dims[r - 1];
    part.from_strides[r - 2] = 1;
    lowered_op move = {.kind = OP_MOVE, .input_count = 1, .as.move = {&part, 1, 0, -1}};
    size_t first = plan->launch_count;
    status = launch_move(plan, op, &move, b, out, error);
    for (size_t i = first; i < plan->launch_count; i++)
        plan->launches[i].writes = out->buffer;
    return status;
}

/* Where the matrices of each batch begin: a, b, y. */
static clarus_status add_offsets(plan *plan, launch *launch, const matmul_params *m, int64_t batches,
                                 int64_t b_matrix, clarus_error *error)
{
    int64_t *offsets = plan_alloc(plan, (size_t)batches * 3, sizeof *offsets);
    if (!offsets)
        return error_memory(error, "matrix offsets");
    for (int64_t i = 0; i < batches; i++) {
        int64_t rest = i, a = 0, b = 0;
        for (size_t d = m->batch_rank; d-- > 0; rest /= m->batch_dims[d]) {
            a += rest % m->batch_dims[d] * m->a_strides[d];
            b += rest % m->batch_dims[d] * m->b_strides[d];
        }
        offsets[i * 3] = a * m->m * m->k;
        offsets[i * 3 + 1] = b * b_matrix;
        offsets[i * 3 + 2] = i * m->m * m->n;
    }
    return launch_table(plan, launch, offsets, (size_t)batches * 3, error);
}

static clarus_status add_bias(plan *plan, launch *launch, const lowered_op *what, const operand *in,
                              int64_t columns, clarus_error *error)
{
    if (what->epilogue.has_bias) {
        launch_buffer(launch, in[2].buffer);
        return CLARUS_OK;
    }
    float *zeros = plan_alloc(plan, (size_t)columns, sizeof *zeros);
    if (!zeros)
        return error_memory(error, "bias");
    memset(zeros, 0, (size_t)columns * sizeof *zeros);
    size_t buffer;
    clarus_status status = plan_constant(plan, CLARUS_FLOAT32, zeros, (size_t)columns, &buffer, error);
    if (status == CLARUS_OK)
        launch_buffer(launch, buffer);
    return status;
}

clarus_status launch_matmul(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error)
{
    const matmul_params *m = &what->as.matmul;
    const device_params *device = plan_device(plan);
    const lowered_value *b = &plan->graph->values[what->inputs[1]];
    int64_t batches = 1;
    for (size_t d = 0; d < m->batch_rank; d++)
        batches *= m->batch_dims[d];
    matmul_tile tile = choose_tile(device, m->m, div_up(m->n, VECTOR));
    int64_t width = tile.vectors * VECTOR, columns = div_up(m->n, width);

    operand transposed = in[1];
    size_t b_buffer = in[1].buffer;
    int64_t b_tile = width, b_step = m->n, b_matrix = m->n * m->k;
    clarus_status status = CLARUS_OK;
    if (b->kind == VALUE_CONSTANT) {
        status = pack_constant(plan, what->inputs[1], m, width, &b_buffer, error);
        b_tile = m->k * width;
        b_step = width;
        b_matrix = columns * b_tile;
    } else if (m->trans_b) {
        status = transpose(plan, op, &in[1], &transposed, error);
        b_buffer = transposed.buffer;
    }
    if (status != CLARUS_OK)
        return status;

    launch *launch;
    if ((status = plan_add_launch(plan, KERNEL_matmul, op, &launch, error)) != CLARUS_OK)
        return status;
    launch_define(launch, "-DTM=%d -DTC=%d -DLANES=%d", tile.rows, tile.vectors, device->lanes);
    int64_t parts = VECTOR / device->lanes;
    launch_grid(launch, (size_t)parts, (size_t)div_up(m->m, tile.rows), (size_t)(batches * columns));
    launch->local[0] = (size_t)parts;
    launch_buffer(launch, in[0].buffer);
    launch_buffer(launch, b_buffer);
    if ((status = add_bias(plan, launch, what, in, m->n, error)) != CLARUS_OK)
        return status;
    launch_buffer(launch, what->epilogue.has_residual ? in[what->input_count - 1].buffer : out->buffer);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    const int64_t table[] = {m->m,
                             m->n,
                             m->k,
                             segment_channels(1),
                             columns,
                             m->trans_a ? 1 : m->k,
                             m->trans_a ? m->m : 1,
                             b_tile,
                             b_step,
                             what->epilogue.has_residual};
    if ((status = launch_table(plan, launch, table, sizeof table / sizeof *table, error)) != CLARUS_OK ||
        (status = add_offsets(plan, launch, m, batches, b_matrix, error)) != CLARUS_OK)
        return status;
    launch_epilogue(launch, &what->epilogue);
    return CLARUS_OK;
}
