/* Winograd's convolution F(4x4, 3x3) (numerics.md section 5).
 *
 * The input is transformed to positions [36][image][channel][tile], the weights to [36][tile of 16 output
 * channels][channel][16]; then, for a few tiles and 16 output channels at a time, the 36 sums over the
 * channels are transformed to outputs. */
#include "oracle_ops.h"
#include "oracle_sums.h"

#include "../src/winograd.h"

#include <math.h>
#include <string.h>

enum { TILE = WINOGRAD_TILE, SPAN = WINOGRAD_SPAN, POSITIONS = WINOGRAD_POSITIONS };

typedef struct winograd_job {
    const oracle_task *task;
    const conv_params *conv;
    int64_t tiles_x, tiles, tile_groups; /* of a row, of an image; groups of SUM_ROWS tiles */
    int64_t column_tiles;                /* of 16 output channels; more than one group are whole tiles */
    int64_t group_in;                    /* input channels of a group */
    float *v, *u;
    int64_t *offset; /* of each channel from a tile's first one */
} winograd_job;

/* Six inputs to six positions; elements are `step` apart. */
static void transform_input(const float *d, int step, float *r)
{
    float d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    float even = d4 - d2, odd = d3 - d1;
    r[0] = fmaf(1.5f, odd, fmaf(-2.0f, d2, d4 + d0));
    r[step] = fmaf(2.5f, d3, fmaf(0.5f, d2, d4 - d1));
    r[2 * step] = fmaf(-2.5f, d2, fmaf(0.5f, d3, d4 + d1));
    r[3 * step] = fmaf(2.0f, odd, even);
    r[4 * step] = fmaf(-0.5f, odd, even);
    r[5 * step] = fmaf(1.5f, even, fmaf(-2.0f, d3, d5 + d1));
}

/* Six positions to four outputs. */
static void transform_output(const float *m, int step, float *y)
{
    float m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step], m5 = m[5 * step];
    float sum = m1 + m2, difference = m1 - m2;
    y[0] = (m0 + sum) + (m3 + m4);
    y[step] = fmaf(-2.0f, m4, fmaf(0.5f, m3, difference));
    y[2 * step] = fmaf(4.0f, m4, fmaf(0.25f, m3, sum));
    y[3 * step] = fmaf(-8.0f, m4, fmaf(0.125f, m3, difference)) + m5;
}

/* The tile's inputs, +0 outside the picture. */
static void read_tile(const winograd_job *job, const float *plane, int64_t tile, float d[POSITIONS])
{
    const window *w = &job->conv->window;
    int64_t top = tile / job->tiles_x * TILE - w->pad_begin[1],
            left = tile % job->tiles_x * TILE - w->pad_begin[2];
    for (int64_t i = 0; i < SPAN; i++)
        for (int64_t j = 0; j < SPAN; j++) {
            int64_t y = top + i, x = left + j;
            int inside = y >= 0 && y < w->in[1] && x >= 0 && x < w->in[2];
            d[i * SPAN + j] = inside ? plane[y * w->in[2] + x] : 0.0f;
        }
}

/* One channel of an image. */
static void transform_planes(void *user, int64_t begin, int64_t end)
{
    const winograd_job *job = user;
    const conv_params *conv = job->conv;
    int64_t pixels = conv->window.in[1] * conv->window.in[2], planes = conv->batch * conv->in_channels;
    for (int64_t plane = begin; plane < end; plane++)
        for (int64_t tile = 0; tile < job->tiles; tile++) {
            float d[POSITIONS];
            read_tile(job, (const float *)job->task->inputs[0] + plane * pixels, tile, d);
            for (int i = 0; i < SPAN; i++)
                transform_input(d + i * SPAN, 1, d + i * SPAN);
            for (int j = 0; j < SPAN; j++)
                transform_input(d + j, SPAN, d + j);
            for (int64_t i = 0; i < POSITIONS; i++)
                job->v[(i * planes + plane) * job->tiles + tile] = d[i];
        }
}

/* One tile of 16 output channels; channels beyond the last become zero. */
static void transform_weights(void *user, int64_t begin, int64_t end)
{
    const winograd_job *job = user;
    const conv_params *conv = job->conv;
    const float *w = job->task->inputs[1];
    int64_t size = job->group_in * SUM_COLUMNS, row = job->group_in * 9;
    for (int64_t tile = begin; tile < end; tile++)
        for (int64_t c = 0; c < job->group_in; c++) {
            float u[POSITIONS][WINOGRAD_LANES];
            int64_t first = tile * SUM_COLUMNS, rest = conv->out_channels - first;
            winograd_weights(w + first * row + c * 9, row, rest < SUM_COLUMNS ? rest : SUM_COLUMNS, u);
            for (int64_t i = 0; i < POSITIONS; i++)
                memcpy(job->u + (i * job->column_tiles + tile) * size + c * SUM_COLUMNS, u[i],
                       SUM_COLUMNS * sizeof(float));
        }
}

static void store_tile(const winograd_job *job, int64_t image, int64_t channel, int64_t tile,
                       const float sums[POSITIONS])
{
    const op_epilogue *epilogue = &job->task->op->epilogue;
    const float *bias = epilogue->has_bias ? job->task->inputs[2] : NULL;
    const float *residual = epilogue->has_residual ? job->task->inputs[2 + epilogue->has_bias] : NULL;
    const int64_t *out = job->conv->window.out;
    int64_t top = tile / job->tiles_x * TILE, left = tile % job->tiles_x * TILE;
    float m[POSITIONS];
    memcpy(m, sums, sizeof m);
    for (int i = 0; i < SPAN; i++)
        transform_output(m + i * SPAN, 1, m + i * SPAN);
    for (int j = 0; j < TILE; j++)
        transform_output(m + j, SPAN, m + j);
    for (int64_t i = 0; i < TILE && top + i < out[1]; i++)
        for (int64_t j = 0; j < TILE && left + j < out[2]; j++) {
            int64_t at = ((image * job->conv->out_channels + channel) * out[1] + top + i) * out[2] + left + j;
            float t = m[i * SPAN + j];
            if (bias)
                t = t + (bias[channel] + 0.0f);
            if (residual)
                t = t + residual[at];
            ((float *)job->task->output)[at] = t;
        }
}

/* A few tiles of an image by 16 output channels. */
static void multiply_tiles(void *user, int64_t begin, int64_t end)
{
    const winograd_job *job = user;
    const conv_params *conv = job->conv;
    int64_t planes = conv->batch * conv->in_channels, size = job->group_in * SUM_COLUMNS;
    int64_t group_out = conv->out_channels / conv->groups;
    for (int64_t n = begin; n < end; n++) {
        int64_t first = n % job->tile_groups * SUM_ROWS, columns = n / job->tile_groups % job->column_tiles;
        int64_t image = n / job->tile_groups / job->column_tiles;
        int64_t plane = image * conv->in_channels + columns * SUM_COLUMNS / group_out * job->group_in;
        float m[SUM_ROWS][SUM_COLUMNS][POSITIONS];
        for (int64_t i = 0; i < POSITIONS; i++) {
            float sums[SUM_ROWS][SUM_COLUMNS];
            int64_t base[SUM_ROWS];
            for (int64_t r = 0; r < SUM_ROWS; r++)
                base[r] = (i * planes + plane) * job->tiles + min64(first + r, job->tiles - 1);
            oracle_sums(job->v, base, job->offset, job->u + (i * job->column_tiles + columns) * size,
                        job->group_in, segment_channels(1), sums);
            for (int r = 0; r < SUM_ROWS; r++)
                for (int k = 0; k < SUM_COLUMNS; k++)
                    m[r][k][i] = sums[r][k];
        }
        for (int64_t r = 0; r < SUM_ROWS && first + r < job->tiles; r++)
            for (int64_t k = 0; k < SUM_COLUMNS && columns * SUM_COLUMNS + k < conv->out_channels; k++)
                store_tile(job, image, columns * SUM_COLUMNS + k, first + r, m[r][k]);
    }
}

clarus_status oracle_winograd(const oracle_task *task, clarus_error *error)
{
    const clarus_context *context = task->graph->context;
    const conv_params *conv = &task->op->as.conv;
    winograd_job job = {.task = task, .conv = conv, .tiles_x = winograd_tiles(conv, 2)};
    job.tiles = winograd_tiles(conv, 1) * job.tiles_x;
    job.tile_groups = div_up(job.tiles, SUM_ROWS);
    job.column_tiles = div_up(conv->out_channels, SUM_COLUMNS);
    job.group_in = conv->in_channels / conv->groups;
    shape v = {4, {POSITIONS, conv->batch, conv->in_channels, job.tiles}};
    shape u = {4, {POSITIONS, job.column_tiles, job.group_in, SUM_COLUMNS}};
    int64_t v_count, u_count;
    if (!shape_count(&v, &v_count) || !shape_count(&u, &u_count))
        return error_set(error, CLARUS_E_LIMIT, "%s: the transformed input is too large", task->op->name);
    clarus_status status = CLARUS_OK;
    job.v = memory_alloc(context, (size_t)v_count, sizeof(float));
    job.u = memory_alloc(context, (size_t)u_count, sizeof(float));
    job.offset = memory_alloc(context, (size_t)conv->in_channels, sizeof(int64_t));
    if (!job.v || !job.u || !job.offset) {
        status = error_memory(error, task->op->name);
        goto done;
    }
    for (int64_t c = 0; c < conv->in_channels; c++)
        job.offset[c] = c * job.tiles;
    cpu_parallel(task->threads, conv->batch * conv->in_channels, transform_planes, &job);
    cpu_parallel(task->threads, job.column_tiles, transform_weights, &job);
    cpu_parallel(task->threads, conv->batch * job.column_tiles * job.tile_groups, multiply_tiles, &job);
    oracle_epilogue_function(task);
done:
    memory_free(context, job.v);
    memory_free(context, job.u);
    memory_free(context, job.offset);
    return status;
}
