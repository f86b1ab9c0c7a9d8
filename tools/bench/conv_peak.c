/* Convolutions against the device's multiply-add peak.
 *
 *   conv_peak [DEVICE [ROUNDS]]
 *   conv_peak --winograd [DEVICE [ROUNDS [BATCH]]]
 *
 * The convolutions of ResNet-50 with at least 64 input channels (He et al., 2015), each alone, random data,
 * summed directly. The peak is measured right before and after each round; a layer's share is the median of
 * the rounds' ratios. The last line weights the layers by their multiply-adds. CLARUS_THREADS sets the
 * threads.
 *
 * --winograd: kernel 3x3 and stride 1 in ResNet-50, VGG-16, SqueezeNet, GoogLeNet, DenseNet and others,
 * directly and by Winograd's algorithm in turn, whether the rule of shapes takes it or not. The gain is the
 * median of the rounds' ratios. */
#include "device.h"
#include "exec.h"
#include "layer.h"
#include "verify_cases.h"
#include "winograd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct conv_shape {
    int64_t in, out, size, kernel, stride; /* size: input height and width */
    int count;                             /* how often the network has it */
    int64_t groups;
} conv_shape;

typedef struct conv_layer {
    conv_shape shape;
    conv_algorithm algorithm;
    int64_t batch;
    exec *exec;
    plan *plan;
    lowered_graph *graph;
    double macs;
    double *shares;
} conv_layer;

static const conv_shape shapes[] = {
    {64, 64, 56, 1, 1, 1, 1},    {64, 64, 56, 3, 1, 3, 1},     {64, 256, 56, 1, 1, 4, 1},
    {256, 64, 56, 1, 1, 2, 1},   {256, 128, 56, 1, 1, 1, 1},   {128, 128, 56, 3, 2, 1, 1},
    {128, 512, 28, 1, 1, 4, 1},  {256, 512, 56, 1, 2, 1, 1},   {512, 128, 28, 1, 1, 3, 1},
    {128, 128, 28, 3, 1, 3, 1},  {512, 256, 28, 1, 1, 1, 1},   {256, 256, 28, 3, 2, 1, 1},
    {256, 1024, 14, 1, 1, 6, 1}, {512, 1024, 28, 1, 2, 1, 1},  {1024, 256, 14, 1, 1, 5, 1},
    {256, 256, 14, 3, 1, 5, 1},  {1024, 512, 14, 1, 1, 1, 1},  {512, 512, 14, 3, 2, 1, 1},
    {512, 2048, 7, 1, 1, 3, 1},  {1024, 2048, 14, 1, 2, 1, 1}, {2048, 512, 7, 1, 1, 2, 1},
    {512, 512, 7, 3, 1, 2, 1},
};
enum { LAYERS = sizeof shapes / sizeof *shapes };

static const conv_shape winograd_shapes[] = {
    {64, 64, 56, 3, 1, 3, 1},    {128, 128, 28, 3, 1, 3, 1}, {256, 256, 14, 3, 1, 5, 1},
    {512, 512, 7, 3, 1, 2, 1},   {64, 64, 224, 3, 1, 1, 1},  {64, 128, 112, 3, 1, 1, 1},
    {128, 128, 112, 3, 1, 1, 1}, {128, 256, 56, 3, 1, 1, 1}, {256, 256, 56, 3, 1, 2, 1},
    {256, 512, 28, 3, 1, 1, 1},  {512, 512, 28, 3, 1, 2, 1}, {512, 512, 14, 3, 1, 3, 1},
    {16, 64, 55, 3, 1, 2, 1},    {32, 128, 27, 3, 1, 2, 1},  {48, 192, 13, 3, 1, 2, 1},
    {64, 256, 13, 3, 1, 2, 1},   {96, 208, 14, 3, 1, 1, 1},  {128, 32, 56, 3, 1, 6, 1},
    {128, 32, 14, 3, 1, 24, 1},  {16, 16, 32, 3, 1, 6, 1},   {16, 32, 56, 3, 1, 1, 1},
    {24, 24, 28, 3, 1, 1, 1},    {144, 144, 28, 3, 1, 3, 9}, {320, 320, 14, 3, 1, 7, 20},
    {512, 512, 28, 3, 1, 1, 16}, {64, 64, 8, 3, 1, 6, 1},    {784, 784, 7, 3, 1, 1, 49},
    {128, 128, 8, 3, 1, 1, 1},   {256, 256, 8, 3, 1, 1, 1},  {64, 64, 12, 3, 1, 1, 1},
    {32, 64, 7, 3, 1, 1, 1},
};
enum { WINOGRAD_LAYERS = sizeof winograd_shapes / sizeof *winograd_shapes };

static void stop(const clarus_error *error)
{
    fprintf(stderr, "conv_peak: %s\n", error->message);
    exit(1);
}

/* In front of the layer stands what the network has there: another convolution, so that its input is blocked.
 */
static clarus_status build(lowered_graph *graph, const conv_layer *layer, clarus_error *error)
{
    const conv_shape *l = &layer->shape;
    int64_t pad = l->kernel / 2, out = (l->size + 2 * pad - l->kernel) / l->stride + 1;
    shape x = {4, {layer->batch, l->in, l->size, l->size}}, y = {4, {layer->batch, l->out, out, out}};
    shape small = {4, {l->in, 1, 1, 1}}, w = {4, {l->out, l->in / l->groups, l->kernel, l->kernel}};
    size_t in[2], middle, second[2];
    lowered_op *op;
    clarus_status status;
    if ((status = layer_add_input(graph, &x, &in[0], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &small, 1, &in[1], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &w, 2, &second[1], error)) != CLARUS_OK ||
        (status = lowered_add_value(graph, VALUE_TEMPORARY, CLARUS_FLOAT32, &x, NULL, "middle", &middle,
                                    error)) != CLARUS_OK ||
        (status = lowered_add_op(graph, OP_CONV, in, 2, middle, "front", &op, error)) != CLARUS_OK)
        return status;
    window one = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0}, {0}, {1, l->size, l->size}, {1, l->size, l->size}};
    op->as.conv = (conv_params){CONV_DIRECT, layer->batch, l->in, l->in, l->in, one};
    second[0] = middle;
    if ((status = layer_add_op(graph, OP_CONV, second, 2, &y, &op, error)) != CLARUS_OK)
        return status;
    window w2 = {{1, l->kernel, l->kernel},
                 {1, l->stride, l->stride},
                 {1, 1, 1},
                 {0, pad, pad},
                 {0, pad, pad},
                 {1, l->size, l->size},
                 {1, out, out}};
    op->as.conv = (conv_params){layer->algorithm, layer->batch, l->groups, l->in, l->out, w2};
    return CLARUS_OK;
}

static void prepare(conv_layer *l, clarus_context *context, clarus_device *device, int rounds)
{
    clarus_error error;
    if (lowered_create(context, &l->graph, &error) != CLARUS_OK || build(l->graph, l, &error) != CLARUS_OK ||
        plan_create(l->graph, device->params, CLARUS_MATH_EXACT, device->info.compute_units, &l->plan,
                    &error) != CLARUS_OK ||
        exec_create(device, l->plan, context->threads, 0, &l->exec, &error) != CLARUS_OK)
        stop(&error);
    l->macs = (double)op_macs(l->graph, &l->graph->ops[1]);
    l->shares = calloc((size_t)rounds, sizeof *l->shares);
    int64_t count = l->batch * l->shape.in * l->shape.size * l->shape.size, out = 0;
    shape_count(&l->graph->values[l->graph->outputs[0]].shape, &out);
    float *input = malloc((size_t)count * sizeof *input), *output = malloc((size_t)out * sizeof *output);
    if (!l->shares || !input || !output)
        exit(1);
    verify_random(input, count, 3);
    const void *in = input;
    void *result = output;
    if (exec_run(l->exec, &in, &result, &error) != CLARUS_OK)
        stop(&error);
    free(input);
    free(output);
}

/* Milliseconds of the second convolution's launches. */
static double measure(conv_layer *l)
{
    enum { MOST = 16 };
    clarus_error error;
    double ms[MOST], sum = 0;
    if (l->plan->launch_count > MOST || exec_profile(l->exec, ms, &error) != CLARUS_OK)
        stop(&error);
    for (size_t i = 0; i < l->plan->launch_count; i++)
        if (l->plan->launches[i].op == 1 && l->plan->launches[i].kernel != KERNEL_transpose)
            sum += ms[i];
    return sum;
}

static double peak(clarus_device *device)
{
    double gflops;
    clarus_error error;
    if (clarus_device_peak(device, &gflops, &error) != CLARUS_OK)
        stop(&error);
    return gflops;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static const char *tile_of(const conv_layer *l)
{
    for (size_t i = 0; i < l->plan->launch_count; i++)
        if (l->plan->launches[i].op == 1 && l->plan->launches[i].kernel == KERNEL_conv2d)
            return l->plan->launches[i].defines;
    return "";
}

static void release(conv_layer *l)
{
    exec_free(l->exec);
    plan_free(l->plan);
    lowered_free(l->graph);
    free(l->shares);
}

/* One layer, directly and by Winograd's algorithm in turn. */
static void compare_winograd(clarus_context *context, clarus_device *device, const conv_shape *shape,
                             int rounds, int64_t batch)
{
    conv_layer direct = {.shape = *shape, .algorithm = CONV_DIRECT, .batch = batch}, other = direct;
    other.algorithm = CONV_WINOGRAD;
    prepare(&direct, context, device, rounds);
    prepare(&other, context, device, rounds);
    double *gains = calloc((size_t)rounds, sizeof *gains);
    if (!gains)
        exit(1);
    for (int r = 0; r < rounds; r++) {
        direct.shares[r] = measure(&direct);
        other.shares[r] = measure(&other);
        gains[r] = direct.shares[r] / other.shares[r];
    }
    const conv_params *conv = &direct.graph->ops[1].as.conv;
    printf(
        "%4lld to %4lld, %3lldx%-3lld, %2lld groups: %8.3f ms directly, %8.3f ms by Winograd, gain %.2f%s\n",
        (long long)shape->in, (long long)shape->out, (long long)shape->size, (long long)shape->size,
        (long long)conv->groups, median(direct.shares, rounds), median(other.shares, rounds),
        median(gains, rounds), winograd_choose(conv) == CONV_WINOGRAD ? "" : ", the rule takes it directly");
    fflush(stdout);
    free(gains);
    release(&direct);
    release(&other);
}

static void measure_peaks(clarus_context *context, clarus_device *device, int rounds)
{
    static conv_layer layers[LAYERS];
    for (int i = 0; i < LAYERS; i++) {
        layers[i].shape = shapes[i];
        layers[i].batch = 1;
        prepare(&layers[i], context, device, rounds);
    }
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < LAYERS; i++) {
            double before = peak(device), ms = measure(&layers[i]), after = peak(device);
            layers[i].shares[r] = 2 * layers[i].macs / ms * 1e-6 / ((before + after) / 2);
        }
    double time = 0, ideal = 0;
    for (int i = 0; i < LAYERS; i++) {
        const conv_shape *l = &layers[i].shape;
        double share = median(layers[i].shares, rounds);
        printf("%4lld to %4lld, %2lldx%-2lld, %lldx%lld stride %lld: %5.1f %% of peak, %s\n",
               (long long)l->in, (long long)l->out, (long long)l->size, (long long)l->size,
               (long long)l->kernel, (long long)l->kernel, (long long)l->stride, share * 100,
               tile_of(&layers[i]));
        ideal += layers[i].macs * l->count;
        time += layers[i].macs * l->count / share;
    }
    printf("weighted by multiply-adds: %.1f %% of peak\n", ideal / time * 100);
}

int main(int argc, char **argv)
{
    int winograd = argc > 1 && strcmp(argv[1], "--winograd") == 0;
    char **rest = argv + winograd;
    argc -= winograd;
    int rounds = argc > 2 ? atoi(rest[2]) : 11, batch = argc > 3 ? atoi(rest[3]) : 1;
    clarus_context *context;
    clarus_device *device;
    clarus_error error;
    if (rounds < 1 || rounds > 1000 || batch < 1 || batch > 1000 ||
        clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, argc > 1 ? rest[1] : NULL, &device, &error) != CLARUS_OK)
        stop(&error);
    printf("%s, %d threads, %d rounds, batch %d\n", clarus_device_get_info(device)->name, context->threads,
           rounds, winograd ? batch : 1);
    for (int i = 0; winograd && i < WINOGRAD_LAYERS; i++)
        compare_winograd(context, device, &winograd_shapes[i], rounds, batch);
    if (!winograd)
        measure_peaks(context, device, rounds);
    return 0;
}
