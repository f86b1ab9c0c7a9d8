/* Matrix products: constant second factors are packed into column tiles; others are read as rows. What is
 * given transposed is copied into place first. */
#include "conv_tile.h"
#include "launch_conv.h"

#include <string.h>

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

/* A copy with rows and columns of the matrices exchanged. */
static clarus_status transpose(plan *plan, size_t op, const operand *from, operand *out, clarus_error *error)
{
    *out = *from;
    size_t r = from->shape.rank;
    out->shape.dims[r - 1] = from->shape.dims[r - 2];
    out->shape.dims[r - 2] = from->shape.dims[r - 1];
    int64_t count;
    shape_count(&from->shape, &count);
    clarus_status status = plan_temporary(plan, CLARUS_FLOAT32, (size_t)count, &out->buffer, error);
    if (status != CLARUS_OK)
        return status;
    move_part part = {.rank = r};
    memcpy(part.dims, out->shape.dims, sizeof part.dims);
    shape_strides(&from->shape, part.from_strides);
    shape_strides(&out->shape, part.to_strides);
    part.from_strides[r - 1] = from->shape.dims[r - 1];
    part.from_strides[r - 2] = 1;
    lowered_op move = {.kind = OP_MOVE, .input_count = 1, .as.move = {&part, 1, 0, -1}};
    size_t first = plan->launch_count;
    status = launch_move(plan, op, &move, from, out, error);
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

/* A plane is a tile of columns of one batch. What planes of different batches have in common is not worth an
 * order. */
static conv_grid divide(const plan *plan, const matmul_params *m, const conv_tile *tile, int64_t batches)
{
    int64_t columns = div_up(m->n, tile->blocks * LAYOUT_BLOCK);
    conv_grid grid = {.tiles = div_up(m->m, tile->pixels), .planes = batches * columns};
    conv_grid_set_order(plan, tile, m->k, m->n, 1, &grid);
    grid.planes_first = grid.planes_first && batches == 1;
    return grid;
}

clarus_status launch_matmul(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error)
{
    const matmul_params *m = &what->as.matmul;
    const lowered_value *b = &plan->graph->values[what->inputs[1]];
    const int lanes = plan_device(plan)->lanes;
    int64_t batches = 1;
    for (size_t d = 0; d < m->batch_rank; d++)
        batches *= m->batch_dims[d];
    const conv_extent extent = {
        .images = 1, .pixels = m->m, .blocks = div_up(m->n, LAYOUT_BLOCK), .products = m->k};
    const conv_tile tile = conv_tile_choose(plan, KERNEL_matmul, &extent);
    int64_t width = tile.blocks * LAYOUT_BLOCK, columns = div_up(m->n, width);

    operand first = in[0], second = in[1];
    int64_t b_tile = width, b_step = m->n, b_matrix = m->n * m->k;
    clarus_status status = m->trans_a ? transpose(plan, op, &in[0], &first, error) : CLARUS_OK;
    if (status == CLARUS_OK && b->kind == VALUE_CONSTANT) {
        status = pack_constant(plan, what->inputs[1], m, width, &second.buffer, error);
        b_tile = m->k * width;
        b_step = width;
        b_matrix = columns * b_tile;
    } else if (status == CLARUS_OK && m->trans_b) {
        status = transpose(plan, op, &in[1], &second, error);
    }
    if (status != CLARUS_OK)
        return status;

    launch *launch;
    if ((status = plan_add_launch(plan, KERNEL_matmul, op, &launch, error)) != CLARUS_OK)
        return status;
    conv_tile_define(launch, &tile, extent.x_pixel, lanes);
    launch_buffer(launch, first.buffer);
    launch_buffer(launch, second.buffer);
    if ((status = add_bias(plan, launch, what, in, m->n, error)) != CLARUS_OK)
        return status;
    launch_buffer(launch, what->epilogue.has_residual ? in[what->input_count - 1].buffer : out->buffer);
    launch_buffer(launch, out->buffer);
    const conv_grid grid = divide(plan, m, &tile, batches);
    if ((status = launch_conv_items(plan, lanes, &grid, launch, error)) != CLARUS_OK)
        return status;
    const int64_t table[] = {m->m, m->n,   m->k,   segment_channels(1),        columns,
                             m->k, b_tile, b_step, what->epilogue.has_residual};
    if ((status = launch_table(plan, launch, table, sizeof table / sizeof *table, error)) != CLARUS_OK ||
        (status = add_offsets(plan, launch, m, batches, b_matrix, error)) != CLARUS_OK)
        return status;
    launch_epilogue(launch, &what->epilogue);
    return CLARUS_OK;
}
