/* Reductions, softmax and layer normalisation (numerics.md section 6).
 *
 * The elements that belong to one output are brought side by side, a run of 4,096 at a time, and reduced in
 * 32 lanes. */
#include "oracle_ops.h"

#include "functions.h"

enum { RUN = 4096, RUN_LANES = 32 };

/* An array's elements along some of its axes, in row-major order of those axes. */
typedef struct walk {
    size_t rank;
    int64_t dims[CLARUS_MAX_RANK], strides[CLARUS_MAX_RANK];
    int64_t count;
} walk;

/* The axes of s where chosen[axis] is `value`. */
static walk walk_axes(const shape *s, const unsigned char *chosen, int value)
{
    walk w = {.count = 1};
    int64_t strides[CLARUS_MAX_RANK];
    shape_strides(s, strides);
    for (size_t i = 0; i < s->rank; i++)
        if (!!chosen[i] == value) {
            w.dims[w.rank] = s->dims[i];
            w.strides[w.rank++] = strides[i];
            w.count *= s->dims[i];
        }
    return w;
}

/* Where element i of the walk is. */
static int64_t walk_at(const walk *w, int64_t i)
{
    int64_t place = 0;
    for (size_t k = w->rank; k-- > 0; i /= w->dims[k])
        place += i % w->dims[k] * w->strides[k];
    return place;
}

/* Copies elements first <= i < first + count side by side. */
static void walk_read(const walk *w, const float *from, int64_t first, int64_t count, float *to)
{
    int64_t inner = w->rank ? w->dims[w->rank - 1] : 1, stride = w->rank ? w->strides[w->rank - 1] : 1;
    for (int64_t i = first; i < first + count;) {
        const float *row = from + walk_at(w, i);
        int64_t length = inner - i % inner;
        length = length < first + count - i ? length : first + count - i;
        for (int64_t k = 0; k < length; k++)
            *to++ = row[k * stride];
        i += length;
    }
}

static inline float accumulate(reduce_function function, float lane, float x)
{
    switch (function) {
    case REDUCE_MAX:
        return clarus_max(lane, x);
    case REDUCE_MIN:
        return clarus_min(lane, x);
    case REDUCE_PROD:
        return lane * x;
    case REDUCE_SUM_SQUARE:
        return fma(x, x, lane);
    case REDUCE_L1:
        return lane + clarus_abs(x);
    case REDUCE_SUM:
    case REDUCE_MEAN:
        break;
    }
    return lane + x;
}

/* Joins two partial results. */
static inline float join(reduce_function function, float a, float b)
{
    return function == REDUCE_MAX    ? clarus_max(a, b)
           : function == REDUCE_MIN  ? clarus_min(a, b)
           : function == REDUCE_PROD ? a * b
                                     : a + b;
}

static float neutral(reduce_function function)
{
    return function == REDUCE_MAX    ? -INFINITY
           : function == REDUCE_MIN  ? INFINITY
           : function == REDUCE_PROD ? 1
                                     : 0;
}

CLONED_BODY run_body(reduce_function function, const float *x, int64_t count, float start, float *result)
{
    float lane[RUN_LANES];
    for (int j = 0; j < RUN_LANES; j++)
        lane[j] = start;
    int64_t whole = count / RUN_LANES * RUN_LANES;
    for (int64_t i = 0; i < whole; i += RUN_LANES)
        for (int j = 0; j < RUN_LANES; j++)
            lane[j] = accumulate(function, lane[j], x[i + j]);
    for (int64_t i = whole; i < count; i++)
        lane[i - whole] = accumulate(function, lane[i - whole], x[i]);
    for (int h = RUN_LANES / 2; h > 0; h /= 2)
        for (int j = 0; j < h; j++)
            lane[j] = join(function, lane[j], lane[j + h]);
    *result = lane[0];
}

CLONED(run, (reduce_function function, const float *x, int64_t count, float start, float *result),
       (function, x, count, start, result))

/* All elements of the walk, not yet divided by their count. */
static float reduce_walk(reduce_function function, const walk *w, const float *x)
{
    float buffer[RUN], total = neutral(function);
    for (int64_t i = 0; i < w->count; i += RUN) {
        int64_t count = w->count - i < RUN ? w->count - i : RUN;
        float result;
        walk_read(w, x, i, count, buffer);
        run(function, buffer, count, neutral(function), &result);
        total = i == 0 ? result : join(function, total, result);
    }
    return total;
}

typedef struct reduce_job {
    const oracle_task *task;
    walk outer; /* the axes that stay */
    walk inner; /* the axes that are reduced, or the softmax's axis */
} reduce_job;

static void reduce_outputs(void *user, int64_t begin, int64_t end)
{
    const reduce_job *job = user;
    reduce_function function = job->task->op->as.reduce.function;
    const float *x = job->task->inputs[0];
    float *y = job->task->output;
    for (int64_t i = begin; i < end; i++) {
        float t = reduce_walk(function, &job->inner, x + walk_at(&job->outer, i));
        y[i] = function == REDUCE_MEAN ? clarus_div(t, (float)job->inner.count) : t;
    }
}

static reduce_job make_job(const oracle_task *task, const unsigned char *reduced)
{
    const shape *s = &task_input(task, 0)->shape;
    return (reduce_job){task, walk_axes(s, reduced, 0), walk_axes(s, reduced, 1)};
}

clarus_status oracle_reduce(const oracle_task *task, clarus_error *error)
{
    (void)error;
    reduce_job job = make_job(task, task->op->as.reduce.reduced);
    cpu_parallel(task->threads, job.outer.count, reduce_outputs, &job);
    return CLARUS_OK;
}

static void softmax_row(const walk *w, int is_log, const float *x, float *y)
{
    int64_t stride = w->strides[0];
    float largest = reduce_walk(REDUCE_MAX, w, x);
    for (int64_t i = 0; i < w->count; i++)
        y[i * stride] = clarus_exp(x[i * stride] - largest);
    float sum = reduce_walk(REDUCE_SUM, w, y);
    for (int64_t i = 0; i < w->count; i++)
        y[i * stride] = is_log ? x[i * stride] - largest - clarus_log(sum) : clarus_div(y[i * stride], sum);
}

CLONED_BODY softmax_rows_body(const reduce_job *job, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        int64_t place = walk_at(&job->outer, i);
        softmax_row(&job->inner, job->task->op->as.softmax.log, (const float *)job->task->inputs[0] + place,
                    (float *)job->task->output + place);
    }
}

CLONED(softmax_rows, (const reduce_job *job, int64_t begin, int64_t end), (job, begin, end))

static void softmax_range(void *user, int64_t begin, int64_t end)
{
    softmax_rows(user, begin, end);
}

clarus_status oracle_softmax(const oracle_task *task, clarus_error *error)
{
    (void)error;
    unsigned char axes[CLARUS_MAX_RANK] = {0};
    axes[task->op->as.softmax.axis] = 1;
    reduce_job job = make_job(task, axes);
    cpu_parallel(task->threads, job.outer.count, softmax_range, &job);
    return CLARUS_OK;
}

static void layer_norm_row(const oracle_task *task, const float *x, float *y)
{
    const layer_norm_params *p = &task->op->as.layer_norm;
    const float *scale = task->inputs[1], *bias = task->op->input_count > 2 ? task->inputs[2] : NULL;
    const walk row = {.rank = 1, .dims = {p->count}, .strides = {1}, .count = p->count};
    float count = (float)p->count, mean = clarus_div(reduce_walk(REDUCE_SUM, &row, x), count);
    for (int64_t i = 0; i < p->count; i++)
        y[i] = x[i] - mean;
    float variance = clarus_div(reduce_walk(REDUCE_SUM_SQUARE, &row, y), count);
    float r = clarus_div(1.0f, clarus_sqrt(variance + p->epsilon));
    for (int64_t i = 0; i < p->count; i++) {
        float n = y[i] * r, scaled = n * scale[i];
        y[i] = bias ? scaled + bias[i] : scaled;
    }
}

static void layer_norm_range(void *user, int64_t begin, int64_t end)
{
    const oracle_task *task = user;
    int64_t count = task->op->as.layer_norm.count;
    for (int64_t i = begin; i < end; i++)
        layer_norm_row(task, (const float *)task->inputs[0] + i * count, (float *)task->output + i * count);
}

clarus_status oracle_layer_norm(const oracle_task *task, clarus_error *error)
{
    (void)error;
    int64_t count;
    shape_count(&task_input(task, 0)->shape, &count);
    if (count)
        cpu_parallel(task->threads, count / task->op->as.layer_norm.count, layer_norm_range, (void *)task);
    return CLARUS_OK;
}
