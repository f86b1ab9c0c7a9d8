/* Convolutions against the device's multiply-add peak.
 *
 *   conv_peak [DEVICE [ROUNDS]]
 *
 * The convolutions of ResNet-50 with at least 64 input channels (He et al., 2015), each alone, random data.
 * The peak is measured right before and after each round; a layer's share is the median of the rounds'
 * ratios. The last line weights the layers by their multiply-adds. CLARUS_THREADS sets the threads. */
#include "device.h"
#include "exec.h"
#include "layer.h"
#include "verify_cases.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct conv_shape {
    int64_t in, out, size, kernel, stride; /* size: input height and width */
    int count;                             /* how often the network has it */
} conv_shape;

typedef struct conv_layer {
    conv_shape shape;
    exec *exec;
    plan *plan;
    lowered_graph *graph;
    double macs;
    double *shares;
} conv_layer;

static const conv_shape shapes[] = {
    {64, 64, 56, 1, 1, 1},    {64, 64, 56, 3, 1, 3},    {64, 256, 56, 1, 1, 4},   {256, 64, 56, 1, 1, 2},
    {256, 128, 56, 1, 1, 1},  {128, 128, 56, 3, 2, 1},  {128, 512, 28, 1, 1, 4},  {256, 512, 56, 1, 2, 1},
    {512, 128, 28, 1, 1, 3},  {128, 128, 28, 3, 1, 3},  {512, 256, 28, 1, 1, 1},  {256, 256, 28, 3, 2, 1},
    {256, 1024, 14, 1, 1, 6}, {512, 1024, 28, 1, 2, 1}, {1024, 256, 14, 1, 1, 5}, {256, 256, 14, 3, 1, 5},
    {1024, 512, 14, 1, 1, 1}, {512, 512, 14, 3, 2, 1},  {512, 2048, 7, 1, 1, 3},  {1024, 2048, 14, 1, 2, 1},
    {2048, 512, 7, 1, 1, 2},  {512, 512, 7, 3, 1, 2},
};
enum { LAYERS = sizeof shapes / sizeof *shapes };

static void stop(const clarus_error *error)
{
    fprintf(stderr, "conv_peak: %s\n", error->message);
    exit(1);
}

/* In front of the layer stands what the network has there: another convolution, so that its input is blocked.
 */
static clarus_status build(lowered_graph *graph, const conv_shape *l, clarus_error *error)
{
    int64_t pad = l->kernel / 2, out = (l->size + 2 * pad - l->kernel) / l->stride + 1;
    shape x = {4, {1, l->in, l->size, l->size}}, y = {4, {1, l->out, out, out}};
    shape small = {4, {l->in, 1, 1, 1}}, w = {4, {l->out, l->in, l->kernel, l->kernel}};
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
    op->as.conv = (conv_params){CONV_DIRECT, 1, l->in, l->in, l->in, one};
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
    op->as.conv = (conv_params){CONV_DIRECT, 1, 1, l->in, l->out, w2};
    return CLARUS_OK;
}

static void prepare(conv_layer *l, clarus_context *context, clarus_device *device, int rounds)
{
    clarus_error error;
    if (lowered_create(context, &l->graph, &error) != CLARUS_OK ||
        build(l->graph, &l->shape, &error) != CLARUS_OK ||
        plan_create(l->graph, device->params, CLARUS_MATH_EXACT, device->info.compute_units, &l->plan,
                    &error) != CLARUS_OK ||
        exec_create(device, l->plan, context->threads, 0, &l->exec, &error) != CLARUS_OK)
        stop(&error);
    l->macs = (double)op_macs(l->graph, &l->graph->ops[1]);
    l->shares = calloc((size_t)rounds, sizeof *l->shares);
    int64_t count = l->shape.in * l->shape.size * l->shape.size, out = 0;
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

/* GFLOP/s of the second convolution's launch. */
static double measure(conv_layer *l)
{
    enum { MOST = 16 };
    clarus_error error;
    double ms[MOST];
    if (l->plan->launch_count > MOST || exec_profile(l->exec, ms, &error) != CLARUS_OK)
        stop(&error);
    for (size_t i = 0; i < l->plan->launch_count; i++)
        if (l->plan->launches[i].op == 1 && l->plan->launches[i].kernel == KERNEL_conv2d)
            return 2 * l->macs / ms[i] * 1e-6;
    return 0;
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

int main(int argc, char **argv)
{
    static conv_layer layers[LAYERS];
    int rounds = argc > 2 ? atoi(argv[2]) : 11;
    clarus_context *context;
    clarus_device *device;
    clarus_error error;
    if (rounds < 1 || rounds > 1000 || clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, argc > 1 ? argv[1] : NULL, &device, &error) != CLARUS_OK)
        stop(&error);
    printf("%s, %d threads, %d rounds\n", clarus_device_get_info(device)->name, context->threads, rounds);
    for (int i = 0; i < LAYERS; i++) {
        layers[i].shape = shapes[i];
        prepare(&layers[i], context, device, rounds);
    }
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < LAYERS; i++) {
            double before = peak(device), speed = measure(&layers[i]), after = peak(device);
            layers[i].shares[r] = speed / ((before + after) / 2);
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
    return 0;
}
