/* The oracle against a second reading of docs/numerics.md: plain loops, one output at a time, that share no
 * code with it. Equality is of bits. */
#include "fallback/oracle.h"
#include "functions.h"
#include "indexed.h"
#include "test.h"

#include <string.h>

static clarus_context *context;
static uint64_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

/* Between -1 and 1, many exponents, now and then a zero of either sign. */
static float random_float(void)
{
    uint32_t bits = random_bits();
    float x = (float)(int32_t)bits * 0x1p-31f;
    return bits % 61 == 0 ? 0.0f : bits % 67 == 0 ? -0.0f : bits % 7 == 0 ? x * 0x1p-20f : x;
}

static float *random_floats(int64_t count)
{
    float *data = malloc((size_t)(count + 1) * sizeof *data);
    for (int64_t i = 0; i < count; i++)
        data[i] = random_float();
    return data;
}

static int same_bits(float a, float b)
{
    return (a != a && b != b) || as_ints(a) == as_ints(b);
}

static void check_floats(const char *what, const float *got, const float *wanted, int64_t count)
{
    int64_t bad = -1;
    for (int64_t i = 0; i < count && bad < 0; i++)
        if (!same_bits(got[i], wanted[i]))
            bad = i;
    CHECK(bad < 0, "%s: element %lld of %lld is %a, wanted %a", what, (long long)bad, (long long)count,
          (double)got[bad < 0 ? 0 : bad], (double)wanted[bad < 0 ? 0 : bad]);
}

/* ---- A graph of one operation ---- */

static int64_t count_of(const shape *s)
{
    int64_t count = 0;
    shape_count(s, &count);
    return count;
}

typedef struct single {
    lowered_graph *graph;
    lowered_op *op;
} single;

static single make_single(op_kind kind, size_t inputs, const shape *shapes, const shape *out,
                          clarus_dtype dtype)
{
    single s = {0};
    size_t numbers[8], output;
    CHECK(lowered_create(context, &s.graph, NULL) == CLARUS_OK, "create");
    for (size_t i = 0; i < inputs; i++)
        lowered_add_value(s.graph, VALUE_INPUT, dtype, &shapes[i], NULL, "in", &numbers[i], NULL);
    lowered_add_value(s.graph, VALUE_TEMPORARY, dtype, out, NULL, "out", &output, NULL);
    CHECK(lowered_add_op(s.graph, kind, numbers, inputs, output, "node", &s.op, NULL) == CLARUS_OK, "add op");
    return s;
}

/* Runs it with one thread and with three; a guard band after the output stays untouched. */
static clarus_status run_single(const single *s, const void *const *inputs, void *output, clarus_error *error)
{
    const lowered_value *out = &s->graph->values[s->op->output];
    size_t bytes = (size_t)count_of(&out->shape) * clarus_dtype_size(out->dtype);
    enum { GUARD = 256 };
    unsigned char *copy = malloc(bytes + GUARD);
    memset(copy, 0xa5, bytes + GUARD);
    clarus_status status = oracle_op(s->graph, s->op, inputs, output, 1, error);
    CHECK(oracle_op(s->graph, s->op, inputs, copy, 3, NULL) == status, "status depends on threads");
    CHECK(status != CLARUS_OK || memcmp(copy, output, bytes) == 0, "%s: the result depends on threads",
          op_kind_name(s->op->kind));
    for (size_t i = 0; i < GUARD; i++)
        CHECK(copy[bytes + i] == 0xa5, "%s: wrote past the output", op_kind_name(s->op->kind));
    free(copy);
    return status;
}

/* ---- Convolution ---- */

typedef struct conv_case {
    const char *name;
    int64_t batch, groups, in_channels, out_channels;
    int64_t in[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
    int residual;
    conv_algorithm algorithm;
} conv_case;

/* ---- Winograd's algorithm, for one output at a time ---- */

static void winograd_input(const float d[6], float r[6])
{
    const float even = d[4] - d[2], odd = d[3] - d[1];
    const float start[6] = {d[4] + d[0], d[4] - d[1], d[4] + d[1], even, even, d[5] + d[1]};
    const float factors[6][2] = {{-2, 1.5f}, {0.5f, 2.5f}, {0.5f, -2.5f}, {2, 0}, {-0.5f, 0}, {-2, 1.5f}};
    const float terms[6][2] = {{d[2], odd}, {d[2], d[3]}, {d[3], d[2]}, {odd, 0}, {odd, 0}, {d[3], even}};
    for (int i = 0; i < 6; i++) {
        r[i] = fmaf(factors[i][0], terms[i][0], start[i]);
        if (factors[i][1] != 0)
            r[i] = fmaf(factors[i][1], terms[i][1], r[i]);
    }
}

static void winograd_output(const float m[6], float y[4])
{
    y[0] = (m[0] + (m[1] + m[2])) + (m[3] + m[4]);
    for (int i = 1; i < 4; i++) {
        float start = i == 2 ? m[1] + m[2] : m[1] - m[2];
        y[i] = fmaf((i % 2 ? -1.0f : 1.0f) * (float)(1 << i), m[4], fmaf(1 / (float)(1 << i), m[3], start));
    }
    y[3] = y[3] + m[5];
}

static void winograd_weight(const double g[3], double u[6])
{
    double ends = g[0] + g[2];
    u[0] = g[0];
    u[1] = (ends + g[1]) / 3;
    u[2] = (g[1] - ends) / 3;
    u[3] = ((16 * g[0] + 8 * g[1]) + 4 * g[2]) / -15;
    u[4] = ((g[0] - 2 * g[1]) + 4 * g[2]) / 15;
    u[5] = g[2];
}

/* Position (i, j) of one channel's tile and of its weights. */
static void winograd_channel(const conv_params *p, const float *plane, const float *w,
                             const int64_t corner[2], float v[6][6], float u[6][6])
{
    const int64_t *in = p->window.in;
    float rows[6][6], line[6], column[6];
    double weight_rows[3][6], g[3], t[6];
    for (int64_t i = 0; i < 6; i++) {
        for (int64_t j = 0; j < 6; j++) {
            int64_t y = corner[0] + i, x = corner[1] + j;
            line[j] = y >= 0 && y < in[1] && x >= 0 && x < in[2] ? plane[y * in[2] + x] : 0;
        }
        winograd_input(line, rows[i]);
    }
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            g[j] = (double)w[3 * i + j];
        winograd_weight(g, weight_rows[i]);
    }
    for (int j = 0; j < 6; j++) {
        for (int i = 0; i < 6; i++)
            line[i] = rows[i][j];
        winograd_input(line, column);
        for (int i = 0; i < 3; i++)
            g[i] = weight_rows[i][j];
        winograd_weight(g, t);
        for (int i = 0; i < 6; i++) {
            v[i][j] = column[i];
            u[i][j] = (float)t[i];
        }
    }
}

/* One output, by all of its tile. */
static float winograd_element(const conv_params *p, const float *x, const float *w, int64_t image,
                              int64_t channel, const int64_t at[3])
{
    const window *k = &p->window;
    const int64_t corner[2] = {at[1] / 4 * 4 - k->pad_begin[1], at[2] / 4 * 4 - k->pad_begin[2]};
    float total[6][6] = {{0}}, sum[6][6] = {{0}}, v[6][6], u[6][6], rows[6][4], line[6], y[4];
    for (int64_t c = 0; c < p->in_channels; c++) {
        winograd_channel(p, x + (image * p->in_channels + c) * k->in[1] * k->in[2],
                         w + (channel * p->in_channels + c) * 9, corner, v, u);
        int ends = c + 1 == p->in_channels || (c + 1) % 512 == 0;
        for (int k = 0; k < 36; k++) {
            int i = k / 6, j = k % 6;
            sum[i][j] = fmaf(v[i][j], u[i][j], sum[i][j]);
            if (ends) {
                total[i][j] = c < 512 ? sum[i][j] + 0.0f : total[i][j] + (sum[i][j] + 0.0f);
                sum[i][j] = 0;
            }
        }
    }
    for (int i = 0; i < 6; i++)
        winograd_output(total[i], rows[i]);
    for (int i = 0; i < 6; i++)
        line[i] = rows[i][at[2] % 4];
    winograd_output(line, y);
    return y[at[1] % 4];
}

/* ---- the direct sum ---- */

static float conv_element(const conv_params *p, const float *x, const float *w, int64_t image,
                          int64_t channel, const int64_t at[3])
{
    const window *v = &p->window;
    int64_t channels = p->in_channels / p->groups, group = channel / (p->out_channels / p->groups);
    int64_t taps = v->kernel[0] * v->kernel[1] * v->kernel[2];
    int64_t segment = 16 * (taps > 32 ? 1 : 512 / (16 * taps));
    float total = 0, sum = 0;
    for (int64_t c0 = 0; c0 < channels; c0 += 16) {
        if (c0 % segment == 0 && c0 > 0) {
            sum = sum + 0.0f;
            total = c0 == segment ? sum : total + sum;
            sum = 0;
        }
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t c = c0; c < channels && c < c0 + 16; c++) {
                int64_t k[3] = {tap / v->kernel[2] / v->kernel[1], tap / v->kernel[2] % v->kernel[1],
                                tap % v->kernel[2]};
                int64_t place = image * p->in_channels + group * channels + c;
                int inside = 1;
                for (int i = 0; i < 3; i++) {
                    int64_t j = at[i] * v->stride[i] + k[i] * v->dilation[i] - v->pad_begin[i];
                    inside = inside && j >= 0 && j < v->in[i];
                    place = place * v->in[i] + j;
                }
                if (inside)
                    sum = fmaf(x[place], w[(channel * channels + c) * taps + tap], sum);
            }
    }
    sum = sum + 0.0f;
    return channels <= segment ? sum : total + sum;
}

static void check_conv(const conv_case *c)
{
    conv_params p = {c->algorithm,   c->batch,        c->groups,
                     c->in_channels, c->out_channels, .window = {.kernel = {0}}};
    window *v = &p.window;
    for (int i = 0; i < 3; i++) {
        v->kernel[i] = c->kernel[i], v->stride[i] = c->stride[i], v->dilation[i] = c->dilation[i];
        v->pad_begin[i] = c->begin[i], v->pad_end[i] = c->end[i], v->in[i] = c->in[i];
        v->out[i] =
            (c->in[i] + c->begin[i] + c->end[i] - (c->kernel[i] - 1) * c->dilation[i] - 1) / c->stride[i] + 1;
    }
    shape shapes[4] = {
        {5, {c->batch, c->in_channels, c->in[0], c->in[1], c->in[2]}},
        {5, {c->out_channels, c->in_channels / c->groups, c->kernel[0], c->kernel[1], c->kernel[2]}},
        {1, {c->out_channels}},
        {5, {c->batch, c->out_channels, v->out[0], v->out[1], v->out[2]}}};
    single s = make_single(OP_CONV, c->residual ? 4 : 3, shapes, &shapes[3], CLARUS_FLOAT32);
    s.op->as.conv = p;
    s.op->epilogue = (op_epilogue){1, c->residual, c->residual, ELTWISE_relu, 0, 0};
    int64_t count = count_of(&shapes[3]), pixels = v->out[0] * v->out[1] * v->out[2];
    float *data[4], *y = malloc((size_t)count * 4), *wanted = malloc((size_t)count * 4);
    for (int i = 0; i < 4; i++)
        data[i] = random_floats(count_of(&shapes[i]));
    const void *inputs[4] = {data[0], data[1], data[2], data[3]};
    for (int64_t i = 0; i < count; i++) {
        int64_t pixel = i % pixels, channel = i / pixels % c->out_channels;
        int64_t at[3] = {pixel / v->out[2] / v->out[1], pixel / v->out[2] % v->out[1], pixel % v->out[2]};
        int64_t image = i / pixels / c->out_channels;
        float t = c->algorithm == CONV_WINOGRAD ? winograd_element(&p, data[0], data[1], image, channel, at)
                                                : conv_element(&p, data[0], data[1], image, channel, at);
        t = t + (data[2][channel] + 0.0f);
        if (c->residual) {
            t = t + data[3][i];
            t = t < 0 ? 0 : t;
        }
        wanted[i] = t;
    }
    CHECK(run_single(&s, inputs, y, NULL) == CLARUS_OK, "%s", c->name);
    check_floats(c->name, y, wanted, count);
    for (int i = 0; i < 4; i++)
        free(data[i]);
    free(y);
    free(wanted);
    lowered_free(s.graph);
}

static void test_conv(void)
{
#define ONES                                                                                                 \
    {                                                                                                        \
        1, 1, 1                                                                                              \
    }
#define NONE                                                                                                 \
    {                                                                                                        \
        0, 0, 0                                                                                              \
    }
    static const conv_case cases[] = {
        {"1x1", 1, 1, 16, 16, {1, 5, 6}, ONES, ONES, ONES, NONE, NONE, 0, CONV_DIRECT},
        {"one of everything", 1, 1, 1, 1, ONES, ONES, ONES, ONES, NONE, NONE, 0, CONV_DIRECT},
        {"3x3 padded", 2, 1, 17, 33, {1, 7, 9}, {1, 3, 3}, ONES, ONES, {0, 1, 1}, {0, 1, 1}, 0, CONV_DIRECT},
        {"3x3 two segments",
         1,
         1,
         49,
         5,
         {1, 4, 4},
         {1, 3, 3},
         ONES,
         ONES,
         {0, 1, 1},
         {0, 1, 1},
         1,
         CONV_DIRECT},
        {"3x3 exactly one segment",
         1,
         1,
         48,
         3,
         {1, 4, 4},
         {1, 3, 3},
         ONES,
         ONES,
         NONE,
         NONE,
         0,
         CONV_DIRECT},
        {"1x1 three segments", 1, 1, 1100, 20, {1, 3, 3}, ONES, ONES, ONES, NONE, NONE, 1, CONV_DIRECT},
        {"5x5 stride 2 uneven padding",
         1,
         1,
         20,
         7,
         {1, 11, 13},
         {1, 5, 5},
         {1, 2, 3},
         ONES,
         {0, 0, 2},
         {0, 3, 1},
         0,
         CONV_DIRECT},
        {"7x7 first layer",
         1,
         1,
         3,
         16,
         {1, 20, 20},
         {1, 7, 7},
         {1, 2, 2},
         ONES,
         {0, 3, 3},
         {0, 3, 3},
         0,
         CONV_DIRECT},
        {"7x7 of 40 channels",
         1,
         1,
         40,
         4,
         {1, 7, 7},
         {1, 7, 7},
         ONES,
         ONES,
         {0, 3, 3},
         {0, 3, 3},
         0,
         CONV_DIRECT},
        {"dilated",
         1,
         1,
         4,
         4,
         {1, 12, 12},
         {1, 3, 3},
         ONES,
         {1, 2, 3},
         {0, 2, 3},
         {0, 2, 3},
         0,
         CONV_DIRECT},
        {"depthwise", 2, 37, 37, 37, {1, 6, 6}, {1, 3, 3}, ONES, ONES, {0, 1, 1}, {0, 1, 1}, 1, CONV_DIRECT},
        {"depthwise times 2",
         1,
         5,
         5,
         10,
         {1, 6, 6},
         {1, 3, 3},
         {1, 2, 2},
         ONES,
         {0, 1, 1},
         {0, 1, 1},
         0,
         CONV_DIRECT},
        {"groups of 20",
         1,
         3,
         60,
         51,
         {1, 5, 5},
         {1, 3, 3},
         ONES,
         ONES,
         {0, 1, 1},
         {0, 1, 1},
         0,
         CONV_DIRECT},
        {"3-d", 1, 2, 6, 4, {5, 6, 7}, {3, 2, 3}, {2, 1, 2}, {1, 2, 1}, {1, 1, 0}, {0, 1, 2}, 0, CONV_DIRECT},
        {"padding wider than the kernel",
         1,
         1,
         3,
         2,
         {1, 2, 2},
         {1, 2, 2},
         ONES,
         ONES,
         {0, 3, 3},
         {0, 3, 3},
         0,
         CONV_DIRECT},
        {"Winograd, 1 tile",
         1,
         1,
         3,
         2,
         {1, 4, 4},
         {1, 3, 3},
         ONES,
         ONES,
         {0, 1, 1},
         {0, 1, 1},
         0,
         CONV_WINOGRAD},
        {"Winograd, parts of tiles",
         2,
         1,
         17,
         33,
         {1, 9, 6},
         {1, 3, 3},
         ONES,
         ONES,
         {0, 1, 1},
         {0, 1, 1},
         1,
         CONV_WINOGRAD},
        {"Winograd, uneven padding",
         1,
         1,
         16,
         5,
         {1, 7, 12},
         {1, 3, 3},
         ONES,
         ONES,
         {0, 0, 2},
         {0, 3, 0},
         0,
         CONV_WINOGRAD},
        {"Winograd, two segments",
         1,
         1,
         515,
         4,
         {1, 5, 5},
         {1, 3, 3},
         ONES,
         ONES,
         {0, 1, 1},
         {0, 1, 1},
         1,
         CONV_WINOGRAD}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_conv(&cases[i]);
}

/* ---- Matrix product ---- */

static float matmul_element(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t k)
{
    float total = 0;
    for (int64_t begin = 0; begin < k; begin += 512) {
        float sum = 0;
        for (int64_t i = begin; i < k && i < begin + 512; i++)
            sum = fmaf(a[i * step_a], b[i * step_b], sum);
        sum = sum + 0.0f;
        total = begin ? total + sum : sum;
    }
    return total;
}

static void check_matmul(int64_t m, int64_t n, int64_t k, int trans_a, int trans_b, int broadcast_b)
{
    shape shapes[3] = {{4, {2, 3, trans_a ? k : m, trans_a ? m : k}},
                       {4, {2, broadcast_b ? 1 : 3, trans_b ? n : k, trans_b ? k : n}},
                       {1, {n}}};
    shape out = {4, {2, 3, m, n}};
    single s = make_single(OP_MATMUL, 3, shapes, &out, CLARUS_FLOAT32);
    s.op->as.matmul = (matmul_params){
        m, n, k, trans_a, trans_b, 2, {2, 3}, {3, 1}, {broadcast_b ? 1 : 3, broadcast_b ? 0 : 1}};
    s.op->epilogue.has_bias = 1;
    int64_t count = count_of(&out);
    float *a = random_floats(count_of(&shapes[0])), *b = random_floats(count_of(&shapes[1]));
    float *bias = random_floats(n), *y = malloc((size_t)count * 4), *wanted = malloc((size_t)count * 4);
    for (int64_t i = 0; i < count; i++) {
        int64_t col = i % n, row = i / n % m, batch = i / n / m;
        int64_t b_matrix = broadcast_b ? batch / 3 : batch;
        wanted[i] = matmul_element(a + batch * m * k + row * (trans_a ? 1 : k), trans_a ? m : 1,
                                   b + b_matrix * k * n + col * (trans_b ? k : 1), trans_b ? 1 : n, k) +
                    (bias[col] + 0.0f);
    }
    CHECK(run_single(&s, (const void *[]){a, b, bias}, y, NULL) == CLARUS_OK, "matmul");
    char name[80];
    snprintf(name, sizeof name, "matmul %lldx%lldx%lld%s%s%s", (long long)m, (long long)n, (long long)k,
             trans_a ? " a^T" : "", trans_b ? " b^T" : "", broadcast_b ? " broadcast" : "");
    check_floats(name, y, wanted, count);
    free(a);
    free(b);
    free(bias);
    free(y);
    free(wanted);
    lowered_free(s.graph);
}

static void test_matmul(void)
{
    static const int64_t sizes[][3] = {{1, 1, 1}, {1, 1000, 5}, {7, 17, 512}, {13, 16, 513}, {6, 33, 1300}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int flags = 0; flags < 8; flags++)
            check_matmul(sizes[i][0], sizes[i][1], sizes[i][2], flags & 1, flags >> 1 & 1, flags >> 2);
}

/* ---- Pooling ---- */

static void check_pool(pool_function function, int count_padding, const window *v)
{
    enum { PLANES = 3 };
    shape in = {5, {1, PLANES, v->in[0], v->in[1], v->in[2]}},
          out = {5, {1, PLANES, v->out[0], v->out[1], v->out[2]}};
    single s = make_single(OP_POOL, 1, &in, &out, CLARUS_FLOAT32);
    s.op->as.pool = (pool_params){function, count_padding, 0, 1, PLANES, *v};
    int64_t count = count_of(&out), pixels = count / PLANES;
    float *x = random_floats(count_of(&in)), *y = malloc((size_t)count * 4),
          *wanted = malloc((size_t)count * 4);
    for (int64_t i = 0; i < count; i++) {
        int64_t at[3] = {i % pixels / v->out[2] / v->out[1], i / v->out[2] % v->out[1], i % v->out[2]};
        float sum = 0, largest = -INFINITY, divisor = 0;
        for (int64_t tap = 0; tap < v->kernel[0] * v->kernel[1] * v->kernel[2]; tap++) {
            int64_t k[3] = {tap / v->kernel[2] / v->kernel[1], tap / v->kernel[2] % v->kernel[1],
                            tap % v->kernel[2]};
            int64_t place = i / pixels;
            int inside = 1, padded = 1;
            for (int d = 0; d < 3; d++) {
                int64_t j = at[d] * v->stride[d] + k[d] * v->dilation[d] - v->pad_begin[d];
                inside = inside && j >= 0 && j < v->in[d];
                padded = padded && j < v->in[d] + v->pad_end[d];
                place = place * v->in[d] + j;
            }
            if (inside) {
                sum = sum + x[place];
                largest =
                    x[place] > largest || (x[place] == largest && !signbit(x[place])) ? x[place] : largest;
            }
            divisor += (float)(count_padding ? padded : inside);
        }
        wanted[i] = function == POOL_MAX ? largest : sum / divisor;
    }
    CHECK(run_single(&s, (const void *[]){x}, y, NULL) == CLARUS_OK, "pool");
    check_floats(function == POOL_MAX ? "max pool"
                 : count_padding      ? "average pool, padding counted"
                                      : "average pool",
                 y, wanted, count);
    free(x);
    free(y);
    free(wanted);
    lowered_free(s.graph);
}

static void test_pool(void)
{
    static const window windows[] = {
        {{1, 3, 3}, {1, 2, 2}, ONES, {0, 1, 1}, {0, 1, 1}, {1, 8, 9}, {1, 4, 5}},
        {{1, 2, 2}, {1, 2, 2}, ONES, NONE, NONE, {1, 7, 7}, {1, 4, 4}}, /* ceil mode: the last window hangs
                                                                           over */
        {{2, 3, 2}, {1, 1, 2}, {2, 1, 3}, {1, 0, 1}, {1, 2, 1}, {5, 6, 9}, {5, 6, 4}}};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        check_pool(POOL_MAX, 0, &windows[i]);
        check_pool(POOL_AVERAGE, 0, &windows[i]);
        check_pool(POOL_AVERAGE, 1, &windows[i]);
    }
}

/* ---- Reductions and softmax ---- */

static float reference_run(reduce_function f, const float *x, int64_t count)
{
    float lane[32];
    for (int j = 0; j < 32; j++)
        lane[j] = f == REDUCE_PROD ? 1 : f == REDUCE_MAX ? -INFINITY : f == REDUCE_MIN ? INFINITY : 0;
    for (int64_t i = 0; i < count; i++) {
        float l = lane[i % 32], v = x[i];
        lane[i % 32] = f == REDUCE_PROD         ? l * v
                       : f == REDUCE_SUM_SQUARE ? fmaf(v, v, l)
                       : f == REDUCE_L1         ? l + fabsf(v)
                       : f == REDUCE_MAX        ? (v > l ? v : l)
                       : f == REDUCE_MIN        ? (v < l ? v : l)
                                                : l + v;
    }
    for (int h = 16; h; h /= 2)
        for (int j = 0; j < h; j++)
            lane[j] = f == REDUCE_PROD  ? lane[j] * lane[j + h]
                      : f == REDUCE_MAX ? (lane[j] > lane[j + h] ? lane[j] : lane[j + h])
                      : f == REDUCE_MIN ? (lane[j] < lane[j + h] ? lane[j] : lane[j + h])
                                        : lane[j] + lane[j + h];
    return lane[0];
}

static float reference_reduction(reduce_function f, const float *x, int64_t count)
{
    float t = reference_run(f, x, count < 4096 ? count : 4096);
    for (int64_t i = 4096; i < count; i += 4096) {
        float r = reference_run(f, x + i, count - i < 4096 ? count - i : 4096);
        t = f == REDUCE_PROD  ? t * r
            : f == REDUCE_MAX ? (r > t ? r : t)
            : f == REDUCE_MIN ? (r < t ? r : t)
                              : t + r;
    }
    return f == REDUCE_MEAN ? t / (float)count : t;
}

/* Axes 1 and 3 of four, so that the reduced elements are not contiguous. */
static void check_reduce(reduce_function function, const int64_t dims[4])
{
    shape in = {4, {dims[0], dims[1], dims[2], dims[3]}}, out = {4, {dims[0], 1, dims[2], 1}};
    single s = make_single(OP_REDUCE, 1, &in, &out, CLARUS_FLOAT32);
    s.op->as.reduce = (reduce_params){function, {0, 1, 0, 1}};
    int64_t count = count_of(&out), length = dims[1] * dims[3];
    float *x = random_floats(count_of(&in)), *y = malloc((size_t)count * 4),
          *wanted = malloc((size_t)count * 4);
    float *row = malloc((size_t)length * 4 + 4);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < length; k++)
            row[k] =
                x[((i / dims[2] * dims[1] + k / dims[3]) * dims[2] + i % dims[2]) * dims[3] + k % dims[3]];
        wanted[i] = reference_reduction(function, row, length);
    }
    CHECK(run_single(&s, (const void *[]){x}, y, NULL) == CLARUS_OK, "reduce");
    char name[40];
    snprintf(name, sizeof name, "reduction %d of %lld", (int)function, (long long)length);
    check_floats(name, y, wanted, count);
    free(x);
    free(y);
    free(wanted);
    free(row);
    lowered_free(s.graph);
}

static void test_reduce(void)
{
    static const int64_t dims[][4] = {
        {2, 3, 4, 5}, {1, 1, 3, 31}, {1, 7, 2, 7}, {3, 33, 1, 125}, {2, 90, 2, 101}};
    static const reduce_function functions[] = {REDUCE_SUM,  REDUCE_MEAN,       REDUCE_MAX, REDUCE_MIN,
                                                REDUCE_PROD, REDUCE_SUM_SQUARE, REDUCE_L1};
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
        for (size_t f = 0; f < sizeof functions / sizeof *functions; f++)
            check_reduce(functions[f], dims[d]);
    static const int64_t none[4] = {2, 0, 3, 5};
    check_reduce(REDUCE_SUM, none);
    check_reduce(REDUCE_MEAN, none);
    check_reduce(REDUCE_MAX, none);
}

static void check_softmax(int64_t outer, int64_t n, int64_t inner, int is_log)
{
    shape s = {3, {outer, n, inner}};
    single one = make_single(OP_SOFTMAX, 1, &s, &s, CLARUS_FLOAT32);
    one.op->as.softmax = (softmax_params){1, is_log};
    int64_t count = count_of(&s);
    float *x = random_floats(count), *y = malloc((size_t)count * 4), *wanted = malloc((size_t)count * 4);
    float *e = malloc((size_t)n * 4);
    for (int64_t row = 0; row < outer * inner; row++) {
        int64_t first = row / inner * n * inner + row % inner;
        float largest = -INFINITY;
        for (int64_t i = 0; i < n; i++)
            largest = x[first + i * inner] > largest ? x[first + i * inner] : largest;
        for (int64_t i = 0; i < n; i++)
            e[i] = clarus_exp(x[first + i * inner] - largest);
        float sum = reference_reduction(REDUCE_SUM, e, n);
        for (int64_t i = 0; i < n; i++)
            wanted[first + i * inner] =
                is_log ? x[first + i * inner] - largest - clarus_log(sum) : e[i] / sum;
    }
    CHECK(run_single(&one, (const void *[]){x}, y, NULL) == CLARUS_OK, "softmax");
    check_floats(is_log ? "log-softmax" : "softmax", y, wanted, count);
    free(x);
    free(y);
    free(wanted);
    free(e);
    lowered_free(one.graph);
}

static void test_softmax(void)
{
    for (int is_log = 0; is_log < 2; is_log++) {
        check_softmax(3, 1000, 1, is_log);
        check_softmax(2, 7, 5, is_log);
        check_softmax(1, 1, 1, is_log);
        check_softmax(2, 9000, 3, is_log);
    }
}

/* ---- Element-wise ---- */

static void test_eltwise_broadcast(void)
{
    shape shapes[3] = {{4, {2, 3, 5, 300}}, {3, {3, 1, 1}}, {4, {2, 1, 5, 1}}}, out = shapes[0];
    single s = make_single(OP_ELTWISE, 3, shapes, &out, CLARUS_FLOAT32);
    s.op->as.eltwise.function = ELTWISE_mul_add;
    s.op->epilogue = (op_epilogue){0, 0, 1, ELTWISE_clip, -0.25f, 0.5f};
    int64_t count = count_of(&out);
    float *x = random_floats(count), *y = random_floats(3), *z = random_floats(10);
    float *got = malloc((size_t)count * 4), *wanted = malloc((size_t)count * 4);
    for (int64_t i = 0; i < count; i++) {
        float t = fmaf(x[i], y[i / 1500 % 3], z[i / 4500 * 5 + i / 300 % 5]);
        t = t < -0.25f ? -0.25f : t;
        wanted[i] = t > 0.5f ? 0.5f : t;
    }
    CHECK(run_single(&s, (const void *[]){x, y, z}, got, NULL) == CLARUS_OK, "eltwise");
    check_floats("mul_add, broadcast, then clip", got, wanted, count);
    free(x);
    free(y);
    free(z);
    free(got);
    free(wanted);
    lowered_free(s.graph);
}

/* ---- Integers and truth values ---- */

/* Four elements; the first operand's type is `first`, the others' `rest`. */
static clarus_status run_typed(typed_function function, clarus_dtype first, clarus_dtype rest,
                               clarus_dtype result, const void *const *inputs, void *out, clarus_error *error)
{
    shape four = {1, {4}}, shapes[3] = {four, four, four};
    single s = make_single(OP_TYPED, (size_t)typed_get(function)->operands, shapes, &four, rest);
    s.op->as.typed.function = function;
    s.graph->values[s.op->inputs[0]].dtype = first;
    s.graph->values[s.op->output].dtype = result;
    clarus_status status = run_single(&s, inputs, out, error);
    lowered_free(s.graph);
    return status;
}

static const char *text_of(clarus_dtype dtype, const void *data, char text[128])
{
    int at = 0;
    for (int64_t i = 0; i < 4; i++)
        at += snprintf(text + at, 128 - (size_t)at, " %lld",
                       dtype == CLARUS_FLOAT32         ? (long long)((const int32_t *)data)[i]
                       : clarus_dtype_size(dtype) == 8 ? (long long)((const int64_t *)data)[i]
                       : clarus_dtype_size(dtype) == 4 ? (long long)((const int32_t *)data)[i]
                       : clarus_dtype_size(dtype) == 2 ? (long long)((const int16_t *)data)[i]
                                                       : (long long)((const int8_t *)data)[i]);
    return text;
}

#define TYPED_CASE(function, first, rest, result, ...)                                                       \
    check_typed(TYPED_##function, CLARUS_##first, CLARUS_##rest, CLARUS_##result,                            \
                (const void *[]){__VA_ARGS__})
#define VALUES(type, ...) ((const type[]){__VA_ARGS__})

/* The operands, then what is wanted. */
static void check_typed(typed_function function, clarus_dtype first, clarus_dtype rest, clarus_dtype result,
                        const void *const *data)
{
    char got_text[128], wanted_text[128];
    int64_t got[4] = {0};
    clarus_error error = {CLARUS_OK, ""};
    const void *wanted = data[typed_get(function)->operands];
    clarus_status status = run_typed(function, first, rest, result, data, got, &error);
    CHECK(status == CLARUS_OK, "%s: %s", typed_get(function)->name, error.message);
    CHECK(memcmp(got, wanted, 4 * clarus_dtype_size(result)) == 0, "%s of %s:%s, not%s",
          typed_get(function)->name, clarus_dtype_name(first), text_of(result, got, got_text),
          text_of(result, wanted, wanted_text));
}

static void test_integers(void)
{
    TYPED_CASE(add, INT64, INT64, INT64, VALUES(int64_t, 7, -7, INT64_MAX, 12), VALUES(int64_t, 2, 2, 1, -5),
               VALUES(int64_t, 9, -5, INT64_MIN, 7));
    TYPED_CASE(mul, INT32, INT32, INT32, VALUES(int32_t, INT32_MIN, 5, -6, INT32_MAX),
               VALUES(int32_t, 1, 3, 3, 2), VALUES(int32_t, INT32_MIN, 15, -18, -2));
    TYPED_CASE(sub, UINT8, UINT8, UINT8, VALUES(uint8_t, 3, 0, 255, 7), VALUES(uint8_t, 5, 1, 255, 0),
               VALUES(uint8_t, 254, 255, 0, 7));
    TYPED_CASE(max, UINT64, UINT64, UINT64, VALUES(uint64_t, UINT64_MAX, 1, 0, 5),
               VALUES(uint64_t, 1, 2, 0, 4), VALUES(uint64_t, UINT64_MAX, 2, 0, 5));
    TYPED_CASE(max, INT8, INT8, INT8, VALUES(int8_t, -1, 1, -128, 127), VALUES(int8_t, 0, -2, -127, -128),
               VALUES(int8_t, 0, 1, -127, 127));
    TYPED_CASE(abs, INT8, INT8, INT8, VALUES(int8_t, -128, -1, 0, 5), VALUES(int8_t, -128, 1, 0, 5));
    TYPED_CASE(sign, INT16, INT16, INT16, VALUES(int16_t, -300, 300, 0, -1), VALUES(int16_t, -1, 1, 0, -1));
    TYPED_CASE(sign, UINT16, UINT16, UINT16, VALUES(uint16_t, 65535, 300, 0, 1),
               VALUES(uint16_t, 1, 1, 0, 1));
    TYPED_CASE(pow, INT32, INT32, INT32, VALUES(int32_t, 2, -3, -1, 0), VALUES(int32_t, 31, 3, -7, 0),
               VALUES(int32_t, INT32_MIN, -27, -1, 1));
    TYPED_CASE(pow, INT64, INT64, INT64, VALUES(int64_t, 2, 1, -1, 0), VALUES(int64_t, -1, -5, -6, -1),
               VALUES(int64_t, 0, 1, 1, 0));
    TYPED_CASE(bit_xor, UINT16, UINT16, UINT16, VALUES(uint16_t, 0xff00, 1, 0, 3),
               VALUES(uint16_t, 0x0ff0, 1, 0, 5), VALUES(uint16_t, 0xf0f0, 0, 0, 6));
    TYPED_CASE(bit_not, INT32, INT32, INT32, VALUES(int32_t, 0, -1, 5, INT32_MAX),
               VALUES(int32_t, -1, 0, -6, INT32_MIN));
    TYPED_CASE(shift_left, UINT8, UINT8, UINT8, VALUES(uint8_t, 1, 0x81, 1, 255),
               VALUES(uint8_t, 7, 1, 8, 200), VALUES(uint8_t, 128, 2, 0, 0));
    TYPED_CASE(shift_right, UINT64, UINT64, UINT64, VALUES(uint64_t, UINT64_MAX, 8, 8, 1),
               VALUES(uint64_t, 63, 3, 64, 1), VALUES(uint64_t, 1, 1, 0, 0));
    /* any byte but 0 is true, and what comes out is 0 or 1 */
    TYPED_CASE(bit_and, BOOL, BOOL, BOOL, VALUES(uint8_t, 2, 0, 1, 0), VALUES(uint8_t, 1, 1, 4, 0),
               VALUES(uint8_t, 1, 0, 1, 0));
    TYPED_CASE(not, BOOL, BOOL, BOOL, VALUES(uint8_t, 2, 0, 1, 0), VALUES(uint8_t, 0, 1, 0, 1));
}

static void test_divisions(void)
{
    TYPED_CASE(div, INT64, INT64, INT64, VALUES(int64_t, 7, -7, INT64_MAX, 12), VALUES(int64_t, 2, 2, 1, -5),
               VALUES(int64_t, 3, -3, INT64_MAX, -2));
    TYPED_CASE(div, UINT64, UINT64, UINT64, VALUES(uint64_t, UINT64_MAX, 9, 0, 5),
               VALUES(uint64_t, UINT64_MAX, 10, 3, 2), VALUES(uint64_t, 1, 0, 0, 2));
    TYPED_CASE(mod, INT32, INT32, INT32, VALUES(int32_t, 7, -7, 7, -7), VALUES(int32_t, 3, 3, -3, -3),
               VALUES(int32_t, 1, 2, -2, -1));
    TYPED_CASE(fmod, INT32, INT32, INT32, VALUES(int32_t, 7, -7, 7, -7), VALUES(int32_t, 3, 3, -3, -3),
               VALUES(int32_t, 1, -1, 1, -1));
    TYPED_CASE(mod, UINT8, UINT8, UINT8, VALUES(uint8_t, 255, 5, 4, 0), VALUES(uint8_t, 255, 3, 8, 9),
               VALUES(uint8_t, 0, 2, 4, 0));
    int32_t out[4];
    clarus_error error = {CLARUS_OK, ""};
    const void *lowest[] = {VALUES(int32_t, 1, INT32_MIN, 5, 5), VALUES(int32_t, -1, -1, 0, 0)};
    CHECK(run_typed(TYPED_div, CLARUS_INT32, CLARUS_INT32, CLARUS_INT32, lowest, out, &error) != CLARUS_OK &&
              strstr(error.message, "element 1"),
          "the first of three faults: %s", error.message);
    const void *zero[] = {VALUES(int8_t, 1, 2, 3, 4), VALUES(int8_t, 1, 2, 3, 0)};
    CHECK(run_typed(TYPED_mod, CLARUS_INT8, CLARUS_INT8, CLARUS_INT8, zero, out, &error) != CLARUS_OK &&
              strstr(error.message, "element 3"),
          "4 mod 0: %s", error.message);
}

static void test_comparisons(void)
{
    TYPED_CASE(less, UINT64, UINT64, BOOL, VALUES(uint64_t, UINT64_MAX, 1, 5, 5),
               VALUES(uint64_t, 1, 2, 5, 4), VALUES(uint8_t, 0, 1, 0, 0));
    TYPED_CASE(greater_equal, INT16, INT16, BOOL, VALUES(int16_t, -1, 1, 5, 5), VALUES(int16_t, 1, 2, 5, 4),
               VALUES(uint8_t, 0, 0, 1, 1));
    TYPED_CASE(equal, INT64, INT64, BOOL, VALUES(int64_t, INT64_MAX, 1, 5, 0),
               VALUES(int64_t, INT64_MAX - 1, 1, -5, 0), VALUES(uint8_t, 0, 1, 0, 1));
    TYPED_CASE(less_equal, FLOAT32, FLOAT32, BOOL, VALUES(float, NAN, -0.0f, 1, INFINITY),
               VALUES(float, 1, 0, 0.5f, INFINITY), VALUES(uint8_t, 0, 1, 0, 1));
    TYPED_CASE(is_nan, FLOAT32, FLOAT32, BOOL, VALUES(float, NAN, -0.0f, 1, INFINITY),
               VALUES(uint8_t, 1, 0, 0, 0));
    TYPED_CASE(is_negative_infinity, FLOAT32, FLOAT32, BOOL, VALUES(float, NAN, -INFINITY, 1, INFINITY),
               VALUES(uint8_t, 0, 1, 0, 0));
    TYPED_CASE(where, BOOL, INT16, INT16, VALUES(uint8_t, 1, 0, 3, 0), VALUES(int16_t, 1, 2, 3, 4),
               VALUES(int16_t, -1, -2, -3, -4), VALUES(int16_t, 1, -2, 3, -4));
}

/* What does not fit becomes the nearest that does, integers wrap, and floats are rounded to even. */
static void test_conversions(void)
{
    TYPED_CASE(cast, FLOAT32, FLOAT32, INT8, VALUES(float, -128.9f, 127.9f, 300, NAN),
               VALUES(int8_t, -128, 127, 127, 0));
    TYPED_CASE(cast, FLOAT32, FLOAT32, UINT8, VALUES(float, -1, 255.5f, 256, -0.5f),
               VALUES(uint8_t, 0, 255, 255, 0));
    TYPED_CASE(cast, FLOAT32, FLOAT32, INT64, VALUES(float, -INFINITY, 0x1p63f, 1.5f, -1.5f),
               VALUES(int64_t, INT64_MIN, INT64_MAX, 1, -1));
    TYPED_CASE(cast, FLOAT32, FLOAT32, UINT64, VALUES(float, 0x1p64f, 0x1p63f, -1, 2.9f),
               VALUES(uint64_t, UINT64_MAX, UINT64_C(1) << 63, 0, 2));
    TYPED_CASE(cast, FLOAT32, FLOAT32, BOOL, VALUES(float, 0.25f, -0.0f, NAN, -3),
               VALUES(uint8_t, 1, 0, 1, 1));
    TYPED_CASE(cast, INT64, INT64, UINT8, VALUES(int64_t, -1, 256, 257, 5), VALUES(uint8_t, 255, 0, 1, 5));
    TYPED_CASE(cast, INT8, INT8, UINT64, VALUES(int8_t, -1, 0, 1, 5), VALUES(uint64_t, UINT64_MAX, 0, 1, 5));
    TYPED_CASE(cast, INT32, INT32, FLOAT32, VALUES(int32_t, 16777217, 16777219, -5, 0),
               VALUES(float, 16777216, 16777220, -5, 0));
    TYPED_CASE(cast, UINT64, UINT64, FLOAT32, VALUES(uint64_t, UINT64_MAX, 3, 0, 1),
               VALUES(float, 0x1p64f, 3, 0, 1));
    TYPED_CASE(cast, INT32, INT32, BOOL, VALUES(int32_t, 256, 0, -1, 1), VALUES(uint8_t, 1, 0, 1, 1));
}

/* ---- Data movement ---- */

static void test_move(void)
{
    /* Two parts into a padded concatenation: x transposed, y reversed, the rest 9. */
    shape shapes[2] = {{2, {2, 3}}, {1, {3}}}, out = {2, {4, 4}};
    single s = make_single(OP_MOVE, 2, shapes, &out, CLARUS_INT16);
    move_part parts[2] = {{2, {3, 2}, 0, {1, 3}, 0, {4, 1}}, {1, {3}, 2, {-1}, 13, {1}}};
    s.op->as.move = (move_params){parts, 0, 9, -1};
    int16_t x[6] = {1, 2, 3, 4, 5, 6}, y[3] = {7, 8, -1}, got[16];
    static const int16_t wanted[16] = {1, 4, 9, 9, 2, 5, 9, 9, 3, 6, 9, 9, 9, -1, 8, 7};
    CHECK(run_single(&s, (const void *[]){x, y}, got, NULL) == CLARUS_OK, "move");
    CHECK(memcmp(got, wanted, sizeof wanted) == 0, "move: wrong elements");
    lowered_free(s.graph);

    shape one = {1, {1}}, many = {2, {50, 40}};
    s = make_single(OP_MOVE, 1, &one, &many, CLARUS_FLOAT32);
    move_part repeat = {2, {50, 40}, 0, {0, 0}, 0, {40, 1}};
    s.op->as.move = (move_params){&repeat, 1, 0, -1};
    float value = 2.5f, repeated[2000];
    CHECK(run_single(&s, (const void *[]){&value}, repeated, NULL) == CLARUS_OK, "repeat");
    for (int i = 0; i < 2000; i++)
        CHECK(repeated[i] == value, "repeat: element %d", i);
    lowered_free(s.graph);
}

static void test_gather(void)
{
    lowered_graph *graph;
    lowered_op *op;
    size_t numbers[2], output;
    shape data = {3, {2, 3, 2}}, places = {1, {4}}, out = {3, {2, 4, 2}};
    lowered_create(context, &graph, NULL);
    lowered_add_value(graph, VALUE_INPUT, CLARUS_FLOAT32, &data, NULL, "data", &numbers[0], NULL);
    lowered_add_value(graph, VALUE_INPUT, CLARUS_INT64, &places, NULL, "indices", &numbers[1], NULL);
    lowered_add_value(graph, VALUE_TEMPORARY, CLARUS_FLOAT32, &out, NULL, "out", &output, NULL);
    lowered_add_op(graph, OP_GATHER, numbers, 2, output, "take", &op, NULL);
    indexed_along(&data, &places, 1, &op->as.gather);
    float x[12], y[16];
    for (int i = 0; i < 12; i++)
        x[i] = (float)i;
    int64_t indices[4] = {2, 0, -1, -3};
    static const float wanted[16] = {4, 5, 0, 1, 4, 5, 0, 1, 10, 11, 6, 7, 10, 11, 6, 7};
    CHECK(oracle_op(graph, op, (const void *[]){x, indices}, y, 2, NULL) == CLARUS_OK, "gather");
    check_floats("gather", y, wanted, 16);
    indices[3] = 3;
    clarus_error error = {0};
    CHECK(oracle_op(graph, op, (const void *[]){x, indices}, y, 2, &error) == CLARUS_E_SHAPE,
          "index out of range");
    CHECK(strcmp(error.message,
                 "node \"take\": index 3, element 3 of its indices, is outside an axis of 3 elements") == 0,
          "message: %s", error.message);
    lowered_free(graph);
}

/* ---- A whole graph ---- */

/* relu -> view -> exp -> outputs: the view itself, exp twice, and an input. */
static lowered_graph *make_chain(void)
{
    lowered_graph *graph;
    lowered_op *op;
    shape square = {2, {2, 2}}, line = {1, {4}};
    size_t v[4];
    lowered_create(context, &graph, NULL);
    lowered_add_value(graph, VALUE_INPUT, CLARUS_FLOAT32, &square, NULL, "x", &v[0], NULL);
    lowered_add_value(graph, VALUE_TEMPORARY, CLARUS_FLOAT32, &square, NULL, "relu", &v[1], NULL);
    lowered_add_value(graph, VALUE_TEMPORARY, CLARUS_FLOAT32, &line, NULL, "flat", &v[2], NULL);
    lowered_add_value(graph, VALUE_TEMPORARY, CLARUS_FLOAT32, &line, NULL, "neg", &v[3], NULL);
    lowered_add_op(graph, OP_ELTWISE, &v[0], 1, v[1], "relu", &op, NULL);
    op->as.eltwise.function = ELTWISE_relu;
    lowered_add_op(graph, OP_VIEW, &v[1], 1, v[2], "flatten", &op, NULL);
    lowered_add_op(graph, OP_ELTWISE, &v[2], 1, v[3], "neg", &op, NULL);
    op->as.eltwise.function = ELTWISE_neg;
    graph->inputs = lowered_alloc(graph, 1, sizeof(size_t));
    graph->inputs[0] = v[0];
    graph->input_count = 1;
    graph->outputs = lowered_alloc(graph, 4, sizeof(size_t));
    memcpy(graph->outputs, (size_t[]){v[3], v[2], v[3], v[0]}, 4 * sizeof(size_t));
    graph->output_count = 4;
    return graph;
}

static void test_run(void)
{
    lowered_graph *graph = make_chain();
    static const float x[4] = {1, -2, 3, -4}, flat[4] = {1, 0, 3, 0}, negated[4] = {-1, -0.0f, -3, -0.0f};
    float out[4][4];
    void *outputs[4] = {out[0], out[1], out[2], out[3]};
    CHECK(oracle_run(graph, 2, (const void *[]){x}, outputs, NULL, NULL) == CLARUS_OK, "run");
    check_floats("output", out[0], negated, 4);
    check_floats("viewed output", out[1], flat, 4);
    check_floats("output listed twice", out[2], negated, 4);
    check_floats("input as output", out[3], x, 4);

    graph->output_count = 1; /* now the view is not an output and shares memory */
    CHECK(oracle_run(graph, 1, (const void *[]){x}, outputs, NULL, NULL) == CLARUS_OK, "run");
    check_floats("output through a shared view", out[0], negated, 4);
    atomic_int cancel = 1;
    CHECK(oracle_run(graph, 1, (const void *[]){x}, outputs, &cancel, NULL) == CLARUS_E_CANCELLED, "cancel");
    lowered_free(graph);
}

int main(void)
{
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK)
        return 1;
    test_conv();
    test_matmul();
    test_pool();
    test_reduce();
    test_softmax();
    test_eltwise_broadcast();
    test_integers();
    test_divisions();
    test_comparisons();
    test_conversions();
    test_move();
    test_gather();
    test_run();
    clarus_context_free(context);
    return test_result();
}
