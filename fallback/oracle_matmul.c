/* Matrix product (numerics.md section 4): the sums of oracle_sums.h with K in the place of channels.
 *
 * Every matrix of b is packed once as [tile of 16 columns][k][16], whichever way it is stored. */
#include "oracle_ops.h"
#include "oracle_sums.h"

#include <string.h>

typedef struct matmul_job {
    const oracle_task *task;
    const matmul_params *matmul;
    int64_t column_tiles, row_tiles;
    float *packed;
    int64_t *offset; /* of element k in a row of a */
} matmul_job;

/* Matrices of b. */
static int64_t count_matrices(const matmul_params *p)
{
    int64_t last = 0;
    for (size_t i = 0; i < p->batch_rank; i++)
        last += (p->batch_dims[i] - 1) * p->b_strides[i];
    return last + 1;
}

static int64_t count_batches(const matmul_params *p)
{
    int64_t count = 1;
    for (size_t i = 0; i < p->batch_rank; i++)
        count *= p->batch_dims[i];
    return count;
}

static void pack_tiles(void *user, int64_t begin, int64_t end)
{
    const matmul_job *job = user;
    const matmul_params *p = job->matmul;
    const float *b = job->task->inputs[1];
    int64_t step_k = p->trans_b ? 1 : p->n, step_n = p->trans_b ? p->k : 1;
    for (int64_t tile = begin; tile < end; tile++) {
        int64_t first = tile % job->column_tiles * SUM_COLUMNS;
        int64_t columns = p->n - first < SUM_COLUMNS ? p->n - first : SUM_COLUMNS;
        const float *from = b + tile / job->column_tiles * p->k * p->n + first * step_n;
        float *to = job->packed + tile * p->k * SUM_COLUMNS;
        memset(to, 0, (size_t)(p->k * SUM_COLUMNS) * sizeof *to);
        for (int64_t k = 0; k < p->k; k++)
            for (int64_t c = 0; c < columns; c++)
                to[k * SUM_COLUMNS + c] = from[k * step_k + c * step_n];
    }
}

/* Which matrix of an operand a batch index means. */
static int64_t matrix_of(const matmul_params *p, const int64_t *strides, int64_t batch)
{
    int64_t matrix = 0;
    for (size_t i = p->batch_rank; i-- > 0; batch /= p->batch_dims[i])
        matrix += batch % p->batch_dims[i] * strides[i];
    return matrix;
}

static void store_tile(const matmul_job *job, int64_t batch, int64_t row, int64_t rows, int64_t column,
                       int64_t columns, float sums[SUM_ROWS][SUM_COLUMNS])
{
    const op_epilogue *epilogue = &job->task->op->epilogue;
    const float *bias = epilogue->has_bias ? job->task->inputs[2] : NULL;
    const float *residual = epilogue->has_residual ? job->task->inputs[2 + epilogue->has_bias] : NULL;
    for (int64_t r = 0; r < rows; r++) {
        int64_t place = (batch * job->matmul->m + row + r) * job->matmul->n + column;
        float *y = (float *)job->task->output + place;
        for (int64_t c = 0; c < columns; c++) {
            float t = sums[r][c];
            if (bias)
                t = t + (bias[column + c] + 0.0f);
            if (residual)
                t = t + residual[place + c];
            y[c] = t;
        }
    }
}

static void matmul_tiles(void *user, int64_t begin, int64_t end)
{
    const matmul_job *job = user;
    const matmul_params *p = job->matmul;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i % job->row_tiles * SUM_ROWS, tile = i / job->row_tiles % job->column_tiles;
        int64_t batch = i / job->row_tiles / job->column_tiles, column = tile * SUM_COLUMNS;
        int64_t rows = p->m - row < SUM_ROWS ? p->m - row : SUM_ROWS;
        int64_t columns = p->n - column < SUM_COLUMNS ? p->n - column : SUM_COLUMNS, base[SUM_ROWS];
        for (int64_t r = 0; r < SUM_ROWS; r++)
            base[r] = matrix_of(p, p->a_strides, batch) * p->m * p->k +
                      (row + (r < rows ? r : rows - 1)) * (p->trans_a ? 1 : p->k);
        int64_t packed = matrix_of(p, p->b_strides, batch) * job->column_tiles + tile;
        float sums[SUM_ROWS][SUM_COLUMNS];
        oracle_sums(job->task->inputs[0], base, job->offset, job->packed + packed * p->k * SUM_COLUMNS, p->k,
                    segment_channels(1), sums);
        store_tile(job, batch, row, rows, column, columns, sums);
    }
}

clarus_status oracle_matmul(const oracle_task *task, clarus_error *error)
{
    const clarus_context *context = task->graph->context;
    const matmul_params *p = &task->op->as.matmul;
    matmul_job job = {.task = task,
                      .matmul = p,
                      .column_tiles = (p->n + SUM_COLUMNS - 1) / SUM_COLUMNS,
                      .row_tiles = (p->m + SUM_ROWS - 1) / SUM_ROWS};
    clarus_status status = CLARUS_OK;
    int64_t batches = count_batches(p), tiles = batches ? count_matrices(p) * job.column_tiles : 0;
    job.packed = memory_alloc(context, (size_t)(tiles * p->k * SUM_COLUMNS), sizeof(float));
    job.offset = memory_alloc(context, (size_t)p->k, sizeof(int64_t));
    if (!job.packed || !job.offset) {
        status = error_memory(error, task->op->name);
        goto done;
    }
    for (int64_t k = 0; k < p->k; k++)
        job.offset[k] = k * (p->trans_a ? p->m : 1);
    cpu_parallel(task->threads, tiles, pack_tiles, &job);
    cpu_parallel(task->threads, batches * job.column_tiles * job.row_tiles, matmul_tiles, &job);
    oracle_epilogue_function(task);
done:
    memory_free(context, job.packed);
    memory_free(context, job.offset);
    return status;
}
