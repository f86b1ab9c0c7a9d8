/* Convolution and dense layers through the public API: small integers demand equality, threads and a hostile
 * floating-point environment change nothing, errors name the numbers. test_layers DEVICE. */
#include "clarus.h"
#include "test.h"

#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

static clarus_context *context;
static clarus_device *device;

/* Integers from -4 to 4: every sum stays below 2^24 and is exact in any order. */
static float small_integer(size_t i, unsigned seed)
{
    unsigned x = (unsigned)i * 2654435761u + seed * 40503u;
    return (float)(int)((x >> 13) % 9) - 4.0f;
}

static void fill(float *data, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        data[i] = small_integer(i, seed);
}

static clarus_conv2d_shape test_shape(void)
{
    clarus_conv2d_shape s;
    clarus_conv2d_shape_init(&s);
    s.batch = 2;
    s.in_channels = 20;
    s.height = 9;
    s.width = 11;
    s.out_channels = 18;
    s.kernel_h = 3;
    s.kernel_w = 2;
    s.stride_h = 2;
    s.pad_top = 1;
    s.pad_right = 1;
    s.activation = CLARUS_ACTIVATION_RELU;
    return s;
}

/* The definition, in integers. */
static long conv_at(const clarus_conv2d_shape *s, const float *x, const float *w, int64_t n, int64_t o,
                    int64_t oy, int64_t ox)
{
    long sum = 0;
    for (int64_t c = 0; c < s->in_channels; c++)
        for (int64_t ky = 0; ky < s->kernel_h; ky++)
            for (int64_t kx = 0; kx < s->kernel_w; kx++) {
                int64_t iy = oy * s->stride_h + ky - s->pad_top, ix = ox + kx - s->pad_left;
                if (iy >= 0 && iy < s->height && ix >= 0 && ix < s->width)
                    sum += (long)x[((n * s->in_channels + c) * s->height + iy) * s->width + ix] *
                           (long)w[((o * s->in_channels + c) * s->kernel_h + ky) * s->kernel_w + kx];
            }
    return sum;
}

enum { IN = 2 * 20 * 9 * 11, WEIGHTS = 18 * 20 * 3 * 2, OUT = 2 * 18 * 4 * 11 };
static float input[IN], weights[WEIGHTS], bias[18], residual[OUT], expected[OUT];

static void make_data(void)
{
    clarus_conv2d_shape s = test_shape();
    fill(input, IN, 1);
    fill(weights, WEIGHTS, 2);
    fill(bias, 18, 3);
    fill(residual, OUT, 4);
    for (int64_t i = 0; i < OUT; i++) {
        int64_t ox = i % 11, oy = i / 11 % 4, o = i / 44 % 18, n = i / (44 * 18);
        float v = (float)conv_at(&s, input, weights, n, o, oy, ox) + bias[o] + residual[i];
        expected[i] = v < 0 ? 0 : v;
    }
}

static void convolution_is_exact(void)
{
    clarus_conv2d_shape s = test_shape();
    clarus_conv2d *conv = NULL;
    clarus_error error = {CLARUS_OK, ""};
    static float output[OUT];
    int64_t height = 0, width = 0;
    CHECK(clarus_conv2d_create(context, device, &s, weights, bias, &conv, &error) == CLARUS_OK, "%s",
          error.message);
    if (!conv)
        return;
    clarus_conv2d_output_size(conv, &height, &width);
    CHECK(height == 4 && width == 11, "%lldx%lld", (long long)height, (long long)width);
    CHECK(clarus_conv2d_run(conv, input, residual, output, &error) == CLARUS_OK, "%s", error.message);
    CHECK(memcmp(output, expected, sizeof output) == 0, "the convolution differs from the definition");
    clarus_conv2d_free(conv);
}

static void buffers_chain(void)
{
    clarus_conv2d_shape s = test_shape();
    clarus_conv2d *conv = NULL;
    clarus_buffer *in = NULL, *res = NULL, *out = NULL;
    clarus_error error = {CLARUS_OK, ""};
    static float output[OUT];
    CHECK(clarus_conv2d_create(context, device, &s, weights, bias, &conv, &error) == CLARUS_OK &&
              clarus_buffer_create(context, device, IN, &in, &error) == CLARUS_OK &&
              clarus_buffer_create(context, device, OUT, &res, &error) == CLARUS_OK &&
              clarus_buffer_create(context, device, OUT, &out, &error) == CLARUS_OK &&
              clarus_buffer_write(in, input, IN, &error) == CLARUS_OK &&
              clarus_buffer_write(res, residual, OUT, &error) == CLARUS_OK &&
              clarus_conv2d_run_buffers(conv, in, res, out, &error) == CLARUS_OK &&
              clarus_buffer_read(out, output, OUT, &error) == CLARUS_OK,
          "%s", error.message);
    CHECK(memcmp(output, expected, sizeof output) == 0, "buffers give another result than host arrays");
    CHECK(clarus_conv2d_run_buffers(conv, in, NULL, in, &error) == CLARUS_E_SHAPE,
          "a wrong size was accepted");
    CHECK(clarus_buffer_read(out, output, 3, &error) == CLARUS_E_SHAPE, "a wrong count was accepted");
    clarus_buffer_free(in);
    clarus_buffer_free(res);
    clarus_buffer_free(out);
    clarus_conv2d_free(conv);
}

static void dense_is_exact(void)
{
    enum { ROWS = 3, K = 70, N = 33 };
    static float x[ROWS * K], w[N * K], y[ROWS * N];
    clarus_dense *dense = NULL;
    clarus_error error = {CLARUS_OK, ""};
    fill(x, ROWS * K, 5);
    fill(w, N * K, 6);
    CHECK(clarus_dense_create(context, device, ROWS, K, N, w, NULL, CLARUS_ACTIVATION_NONE, &dense, &error) ==
                  CLARUS_OK &&
              clarus_dense_run(dense, x, y, &error) == CLARUS_OK,
          "%s", error.message);
    int wrong = 0;
    for (int m = 0; m < ROWS; m++)
        for (int n = 0; n < N; n++) {
            long sum = 0;
            for (int k = 0; k < K; k++)
                sum += (long)x[m * K + k] * (long)w[n * K + k];
            wrong += y[m * N + n] != (float)sum;
        }
    CHECK(wrong == 0, "%d of %d products differ", wrong, ROWS * N);
    clarus_dense_free(dense);
}

static void errors_name_the_numbers(void)
{
    clarus_conv2d_shape s = test_shape();
    clarus_conv2d *conv = NULL;
    clarus_error error;
    s.kernel_h = 20;
    CHECK(clarus_conv2d_create(context, device, &s, weights, bias, &conv, &error) == CLARUS_E_SHAPE &&
              strcmp(error.message, "conv2d: kernel 20x2 is larger than the padded input 10x12") == 0 &&
              !conv,
          "%s", error.message);
    s = test_shape();
    s.groups = 7;
    CHECK(clarus_conv2d_create(context, device, &s, weights, bias, &conv, &error) == CLARUS_E_SHAPE, "%s",
          error.message);
    s = test_shape();
    s.batch = -1;
    CHECK(clarus_conv2d_create(context, device, &s, weights, bias, &conv, NULL) == CLARUS_E_ARGUMENT,
          "batch -1");
    s = test_shape();
    s.struct_size = 3;
    CHECK(clarus_conv2d_create(context, device, &s, weights, bias, &conv, NULL) == CLARUS_E_ARGUMENT,
          "struct_size");
}

/* Values whose products are subnormal: flushed to zero they would vanish. */
static void environment_is_kept_out(void)
{
    clarus_conv2d_shape s;
    clarus_conv2d_shape_init(&s);
    s.batch = s.in_channels = s.out_channels = s.kernel_h = s.kernel_w = 1;
    s.height = 1;
    s.width = 4;
    const float w = 0x1p-70f, x[4] = {0x1p-70f, 0x1.8p-70f, -0x1p-69f, 0x1p-60f};
    float y[4] = {0};
    clarus_error error = {CLARUS_OK, ""};
    fesetround(FE_UPWARD);
#if defined(__SSE__)
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040); /* flush to zero, denormals are zero */
#endif
    clarus_status status = clarus_conv2d_once(context, device, &s, &w, NULL, x, y, &error);
    CHECK(fegetround() == FE_UPWARD, "the caller's rounding mode was not restored");
#if defined(__SSE__)
    CHECK((_mm_getcsr() & 0x8040) == 0x8040, "the caller's flush-to-zero was not restored");
    _mm_setcsr(saved);
#endif
    fesetround(FE_TONEAREST);
    CHECK(status == CLARUS_OK, "%s", error.message);
    CHECK(y[0] == 0x1p-140f && y[1] == 0x1.8p-140f && y[2] == -0x1p-139f && y[3] == 0x1p-130f, "%a %a %a %a",
          (double)y[0], (double)y[1], (double)y[2], (double)y[3]);
}

static void *one_thread(void *failed)
{
    clarus_conv2d_shape s = test_shape();
    clarus_conv2d *conv = NULL;
    float *output = malloc(OUT * sizeof *output);
    for (int i = 0; i < 3 && output; i++) {
        if (clarus_conv2d_create(context, device, &s, weights, bias, &conv, NULL) != CLARUS_OK ||
            clarus_conv2d_run(conv, input, residual, output, NULL) != CLARUS_OK ||
            memcmp(output, expected, OUT * sizeof *output) != 0)
            *(int *)failed = 1;
        clarus_conv2d_free(conv);
    }
    free(output);
    return NULL;
}

static void eight_threads_agree(void)
{
    enum { THREADS = 8 };
    pthread_t ids[THREADS];
    int failed[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&ids[i], NULL, one_thread, &failed[i]) != 0)
            exit(1);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        CHECK(!failed[i], "thread %d failed or got another result", i);
    }
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : NULL;
    clarus_error error;
    setlocale(LC_ALL, "de_DE.UTF-8"); /* a decimal comma, where it is installed */
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    if (clarus_device_open(context, wanted, &device, &error) != CLARUS_OK)
        TEST_SKIP("device %s: %s", wanted ? wanted : "auto", error.message);
    make_data();
    environment_is_kept_out(); /* first: a driver's threads inherit the environment of whoever touches it
                                  first */
    convolution_is_exact();
    buffers_chain();
    dense_is_exact();
    errors_name_the_numbers();
    eight_threads_agree();
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
