/* Direct convolution (numerics.md section 4).
 *
 * The input is copied with its padding as zeros, which gives the bits of leaving the taps out. A list of taps
 * holds, in the page's order, where each product finds its input and its weight; weights are packed by it,
 * [group][tile of 16 output channels][tap][16]. Tiles of pixels and output channels are computed on their
 * own. */
#include "oracle_ops.h"
#include "oracle_sums.h"

#include <string.h>

typedef struct conv_job {
    const oracle_task *task;
    const conv_params *conv;
    int64_t padded[SPATIAL];
    int64_t channels, outputs; /* of one group */
    int64_t plane, pixels;     /* of the padded input, of the output */
    int64_t taps;              /* products of one sum */
    int64_t segment;           /* in products */
    int64_t column_tiles, row_tiles;
    float *x, *packed;
    int64_t *from;   /* of each tap: place in the padded input, from the window's origin */
    int64_t *weight; /* of each tap: place in one output channel's weights */
} conv_job;

static void list_taps(conv_job *job)
{
    const window *w = &job->conv->window;
    int64_t n = 0;
    for (int64_t block = 0; block < job->channels; block += 16)
        for (int64_t kd = 0; kd < w->kernel[0]; kd++)
            for (int64_t kh = 0; kh < w->kernel[1]; kh++)
                for (int64_t kw = 0; kw < w->kernel[2]; kw++)
                    for (int64_t c = block; c < block + 16 && c < job->channels; c++, n++) {
                        int64_t row = kd * w->dilation[0] * job->padded[1] + kh * w->dilation[1];
                        job->from[n] = c * job->plane + row * job->padded[2] + kw * w->dilation[2];
                        job->weight[n] = ((c * w->kernel[0] + kd) * w->kernel[1] + kh) * w->kernel[2] + kw;
                    }
}

/* One plane of x. */
static void pad_planes(void *user, int64_t begin, int64_t end)
{
    const conv_job *job = user;
    const window *w = &job->conv->window;
    const float *x = job->task->inputs[0];
    for (int64_t plane = begin; plane < end; plane++) {
        float *to = job->x + plane * job->plane;
        memset(to, 0, (size_t)job->plane * sizeof *to);
        for (int64_t d = 0; d < w->in[0]; d++)
            for (int64_t h = 0; h < w->in[1]; h++) {
                int64_t row = (d + w->pad_begin[0]) * job->padded[1] + h + w->pad_begin[1];
                memcpy(to + row * job->padded[2] + w->pad_begin[2],
                       x + ((plane * w->in[0] + d) * w->in[1] + h) * w->in[2], (size_t)w->in[2] * sizeof *to);
            }
    }
}

/* One tile of 16 output channels; channels beyond the group's stay zero. */
static void pack_tiles(void *user, int64_t begin, int64_t end)
{
    const conv_job *job = user;
    const float *w = job->task->inputs[1];
    for (int64_t tile = begin; tile < end; tile++) {
        int64_t group = tile / job->column_tiles, first = tile % job->column_tiles * SUM_COLUMNS;
        float *to = job->packed + tile * job->taps * SUM_COLUMNS;
        memset(to, 0, (size_t)(job->taps * SUM_COLUMNS) * sizeof *to);
        for (int64_t c = 0; c < SUM_COLUMNS && first + c < job->outputs; c++) {
            const float *from = w + (group * job->outputs + first + c) * job->taps;
            for (int64_t k = 0; k < job->taps; k++)
                to[k * SUM_COLUMNS + c] = from[job->weight[k]];
        }
    }
}

/* Place of the first tap of an output pixel in its image's padded planes. */
static int64_t pixel_origin(const conv_job *job, int64_t pixel)
{
    const window *w = &job->conv->window;
    int64_t ow = pixel % w->out[2], oh = pixel / w->out[2] % w->out[1], od = pixel / w->out[2] / w->out[1];
    return (od * w->stride[0] * job->padded[1] + oh * w->stride[1]) * job->padded[2] + ow * w->stride[2];
}

static void store_tile(const conv_job *job, int64_t image, int64_t channel, int64_t columns, int64_t pixel,
                       int64_t rows, float sums[SUM_ROWS][SUM_COLUMNS])
{
    const op_epilogue *epilogue = &job->task->op->epilogue;
    const float *bias = epilogue->has_bias ? job->task->inputs[2] : NULL;
    const float *residual = epilogue->has_residual ? job->task->inputs[2 + epilogue->has_bias] : NULL;
    for (int64_t c = 0; c < columns; c++) {
        int64_t place = (image * job->conv->out_channels + channel + c) * job->pixels + pixel;
        float *y = (float *)job->task->output + place;
        for (int64_t r = 0; r < rows; r++) {
            float t = sums[r][c];
            if (bias)
                t = t + (bias[channel + c] + 0.0f);
            if (residual)
                t = t + residual[place + r];
            y[r] = t;
        }
    }
}

static void conv_tiles(void *user, int64_t begin, int64_t end)
{
    const conv_job *job = user;
    const conv_params *conv = job->conv;
    for (int64_t i = begin; i < end; i++) {
        int64_t pixel = i % job->row_tiles * SUM_ROWS,
                tile = i / job->row_tiles % (conv->groups * job->column_tiles);
        int64_t image = i / job->row_tiles / (conv->groups * job->column_tiles);
        int64_t group = tile / job->column_tiles, first = tile % job->column_tiles * SUM_COLUMNS;
        int64_t rows = job->pixels - pixel < SUM_ROWS ? job->pixels - pixel : SUM_ROWS;
        int64_t columns = job->outputs - first < SUM_COLUMNS ? job->outputs - first : SUM_COLUMNS;
        int64_t planes = (image * conv->in_channels + group * job->channels) * job->plane, base[SUM_ROWS];
        for (int64_t r = 0; r < SUM_ROWS; r++)
            base[r] = planes + pixel_origin(job, pixel + (r < rows ? r : rows - 1));
        float sums[SUM_ROWS][SUM_COLUMNS];
        oracle_sums(job->x, base, job->from, job->packed + tile * job->taps * SUM_COLUMNS, job->taps,
                    job->segment, sums);
        store_tile(job, image, group * job->outputs + first, columns, pixel, rows, sums);
    }
}

/* Sizes; 0 if the padded input is too large to be counted. */
static int measure(conv_job *job)
{
    const conv_params *conv = job->conv;
    const window *w = &conv->window;
    shape padded = {5, {conv->batch, conv->in_channels}};
    int64_t positions = 1, elements;
    job->plane = job->pixels = 1;
    for (int i = 0; i < SPATIAL; i++) {
        job->padded[i] = padded.dims[2 + i] = w->in[i] + w->pad_begin[i] + w->pad_end[i];
        job->pixels *= w->out[i];
        positions *= w->kernel[i];
    }
    if (!shape_count(&padded, &elements))
        return 0;
    for (int i = 0; i < SPATIAL; i++)
        job->plane *= job->padded[i];
    job->channels = conv->in_channels / conv->groups;
    job->outputs = conv->out_channels / conv->groups;
    job->taps = job->channels * positions;
    job->segment = segment_channels(positions) * positions;
    job->column_tiles = (job->outputs + SUM_COLUMNS - 1) / SUM_COLUMNS;
    job->row_tiles = (job->pixels + SUM_ROWS - 1) / SUM_ROWS;
    return 1;
}

clarus_status oracle_conv(const oracle_task *task, clarus_error *error)
{
    const clarus_context *context = task->graph->context;
    conv_job job = {.task = task, .conv = &task->op->as.conv};
    if (job.conv->algorithm == CONV_WINOGRAD)
        return oracle_winograd(task, error);
    if (!measure(&job))
        return error_set(error, CLARUS_E_LIMIT, "%s: the padded input is too large", task->op->name);
    int64_t planes = job.conv->batch * job.conv->in_channels, tiles = job.conv->groups * job.column_tiles;
    clarus_status status = CLARUS_OK;
    job.x = memory_alloc(context, (size_t)(planes * job.plane), sizeof(float));
    job.packed = memory_alloc(context, (size_t)(tiles * job.taps * SUM_COLUMNS), sizeof(float));
    job.from = memory_alloc(context, (size_t)job.taps, sizeof(int64_t));
    job.weight = memory_alloc(context, (size_t)job.taps, sizeof(int64_t));
    if (!job.x || !job.packed || !job.from || !job.weight) {
        status = error_memory(error, task->op->name);
        goto done;
    }
    list_taps(&job);
    cpu_parallel(task->threads, planes, pad_planes, &job);
    cpu_parallel(task->threads, tiles, pack_tiles, &job);
    cpu_parallel(task->threads, job.conv->batch * tiles * job.row_tiles, conv_tiles, &job);
    oracle_epilogue_function(task);
done:
    memory_free(context, job.x);
    memory_free(context, job.packed);
    memory_free(context, job.from);
    memory_free(context, job.weight);
    return status;
}
