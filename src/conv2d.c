/* Convolution on its own. */
#include "layer.h"
#include "winograd.h"

#include <string.h>

struct clarus_conv2d {
    clarus_context *context;
    clarus_device *device;
    clarus_conv2d_shape shape; /* defaults filled in */
    int64_t out_height, out_width;
    float *weights, *bias;   /* kept for the variant with a residual */
    layer *plain, *residual; /* the second is made when first asked for */
};

static clarus_status fill_defaults(clarus_conv2d_shape *s, clarus_error *error)
{
    int64_t *ones[] = {&s->stride_h, &s->stride_w, &s->dilation_h, &s->dilation_w, &s->groups};
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++)
        *ones[i] = *ones[i] == 0 ? 1 : *ones[i];
    const struct {
        const char *name;
        int64_t value, least;
    } fields[] = {{"batch", s->batch, 1},
                  {"in_channels", s->in_channels, 1},
                  {"height", s->height, 1},
                  {"width", s->width, 1},
                  {"out_channels", s->out_channels, 1},
                  {"kernel_h", s->kernel_h, 1},
                  {"kernel_w", s->kernel_w, 1},
                  {"stride_h", s->stride_h, 1},
                  {"stride_w", s->stride_w, 1},
                  {"dilation_h", s->dilation_h, 1},
                  {"dilation_w", s->dilation_w, 1},
                  {"groups", s->groups, 1},
                  {"pad_top", s->pad_top, 0},
                  {"pad_left", s->pad_left, 0},
                  {"pad_bottom", s->pad_bottom, 0},
                  {"pad_right", s->pad_right, 0}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].value < fields[i].least || fields[i].value > INT32_MAX)
            return error_set(error, CLARUS_E_ARGUMENT,
                             "conv2d: %s is %lld, at least %lld and at most %d is possible", fields[i].name,
                             (long long)fields[i].value, (long long)fields[i].least, INT32_MAX);
    if (s->in_channels % s->groups || s->out_channels % s->groups)
        return error_set(error, CLARUS_E_SHAPE,
                         "conv2d: %lld groups do not divide %lld input and %lld output channels",
                         (long long)s->groups, (long long)s->in_channels, (long long)s->out_channels);
    if ((unsigned)s->activation > CLARUS_ACTIVATION_CLIP)
        return error_set(error, CLARUS_E_ARGUMENT, "conv2d: activation %d is unknown", (int)s->activation);
    return CLARUS_OK;
}

static clarus_status find_output(const clarus_conv2d_shape *s, int64_t *height, int64_t *width,
                                 clarus_error *error)
{
    int64_t padded_h = s->height + s->pad_top + s->pad_bottom,
            padded_w = s->width + s->pad_left + s->pad_right;
    int64_t reach_h = (s->kernel_h - 1) * s->dilation_h + 1, reach_w = (s->kernel_w - 1) * s->dilation_w + 1;
    if (reach_h > padded_h || reach_w > padded_w)
        return error_set(error, CLARUS_E_SHAPE,
                         "conv2d: kernel %lldx%lld is larger than the padded input %lldx%lld",
                         (long long)reach_h, (long long)reach_w, (long long)padded_h, (long long)padded_w);
    *height = (padded_h - reach_h) / s->stride_h + 1;
    *width = (padded_w - reach_w) / s->stride_w + 1;
    return CLARUS_OK;
}

static conv_params parameters(const clarus_conv2d *c)
{
    const clarus_conv2d_shape *s = &c->shape;
    conv_params p = {.batch = s->batch,
                     .groups = s->groups,
                     .in_channels = s->in_channels,
                     .out_channels = s->out_channels,
                     .window = {.kernel = {1, s->kernel_h, s->kernel_w},
                                .stride = {1, s->stride_h, s->stride_w},
                                .dilation = {1, s->dilation_h, s->dilation_w},
                                .pad_begin = {0, s->pad_top, s->pad_left},
                                .pad_end = {0, s->pad_bottom, s->pad_right},
                                .in = {1, s->height, s->width},
                                .out = {1, c->out_height, c->out_width}}};
    p.algorithm = winograd_choose(&p);
    return p;
}

static clarus_status build(const clarus_conv2d *c, int has_residual, lowered_graph *graph,
                           clarus_error *error)
{
    const clarus_conv2d_shape *s = &c->shape;
    shape x = {4, {s->batch, s->in_channels, s->height, s->width}};
    shape y = {4, {s->batch, s->out_channels, c->out_height, c->out_width}};
    shape w = {4, {s->out_channels, s->in_channels / s->groups, s->kernel_h, s->kernel_w}},
          b = {1, {s->out_channels}};
    size_t in[4], count = 2;
    clarus_status status;
    if ((status = layer_add_input(graph, &x, &in[0], error)) != CLARUS_OK ||
        (status = layer_add_constant(graph, &w, c->weights, &in[1], error)) != CLARUS_OK ||
        (c->bias && (status = layer_add_constant(graph, &b, c->bias, &in[count++], error)) != CLARUS_OK) ||
        (has_residual && (status = layer_add_input(graph, &y, &in[count++], error)) != CLARUS_OK))
        return status;
    lowered_op *op;
    if ((status = layer_add_op(graph, OP_CONV, in, count, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.conv = parameters(c);
    op->epilogue = (op_epilogue){c->bias != NULL,
                                 has_residual,
                                 s->activation != CLARUS_ACTIVATION_NONE,
                                 s->activation == CLARUS_ACTIVATION_RELU ? ELTWISE_relu : ELTWISE_clip,
                                 s->activation_min,
                                 s->activation_max};
    return CLARUS_OK;
}

static clarus_status create_layer(const clarus_conv2d *c, int has_residual, layer **out, clarus_error *error)
{
    lowered_graph *graph;
    clarus_status status = lowered_create(c->context, &graph, error);
    if (status != CLARUS_OK)
        return status;
    if ((status = build(c, has_residual, graph, error)) != CLARUS_OK) {
        lowered_free(graph);
        return status;
    }
    return layer_create(c->device, graph, out, error);
}

/* Copies the weights after checking that their number is one that can be. */
static clarus_status copy_weights(clarus_conv2d *c, const float *weights, const float *bias,
                                  clarus_error *error)
{
    const clarus_conv2d_shape *s = &c->shape;
    shape w = {4, {s->out_channels, s->in_channels / s->groups, s->kernel_h, s->kernel_w}};
    int64_t count;
    if (!shape_count(&w, &count) || (uint64_t)count > c->context->max_tensor_bytes / sizeof *weights)
        return error_set(error, CLARUS_E_LIMIT,
                         "conv2d: the weights exceed the limit of %llu bytes for one tensor",
                         (unsigned long long)c->context->max_tensor_bytes);
    c->weights = memory_copy(c->context, weights, (size_t)count * sizeof *weights);
    if (bias)
        c->bias = memory_copy(c->context, bias, (size_t)s->out_channels * sizeof *bias);
    return c->weights && (c->bias || !bias) ? CLARUS_OK : error_memory(error, "conv2d");
}

clarus_status clarus_conv2d_create(clarus_context *context, clarus_device *device,
                                   const clarus_conv2d_shape *shape, const float *weights, const float *bias,
                                   clarus_conv2d **conv, clarus_error *error)
{
    if (!conv)
        return error_set(error, CLARUS_E_ARGUMENT, "conv2d: NULL");
    *conv = NULL;
    if (!context || !device || !shape || !weights)
        return error_set(error, CLARUS_E_ARGUMENT, "conv2d: context, device, shape or weights is NULL");
    if (shape->struct_size != sizeof *shape)
        return error_set(error, CLARUS_E_ARGUMENT, "conv2d: struct_size is %zu, expected %zu",
                         shape->struct_size, sizeof *shape);
    clarus_conv2d *c = memory_calloc(context, 1, sizeof *c);
    if (!c)
        return error_memory(error, "conv2d");
    c->context = context_retain(context);
    c->device = device_retain(device);
    c->shape = *shape;
    clarus_status status;
    if ((status = fill_defaults(&c->shape, error)) != CLARUS_OK ||
        (status = find_output(&c->shape, &c->out_height, &c->out_width, error)) != CLARUS_OK ||
        (status = copy_weights(c, weights, bias, error)) != CLARUS_OK ||
        (status = create_layer(c, 0, &c->plain, error)) != CLARUS_OK) {
        clarus_conv2d_free(c);
        return status;
    }
    *conv = c;
    return CLARUS_OK;
}

void clarus_conv2d_free(clarus_conv2d *conv)
{
    if (!conv)
        return;
    clarus_context *context = conv->context;
    layer_free(conv->plain);
    layer_free(conv->residual);
    memory_free(context, conv->weights);
    memory_free(context, conv->bias);
    clarus_device_free(conv->device);
    memory_free(context, conv);
    clarus_context_free(context);
}

void clarus_conv2d_output_size(const clarus_conv2d *conv, int64_t *height, int64_t *width)
{
    *height = conv->out_height;
    *width = conv->out_width;
}

static clarus_status choose_layer(clarus_conv2d *conv, int has_residual, layer **out, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    if (has_residual && !conv->residual)
        status = create_layer(conv, 1, &conv->residual, error);
    *out = has_residual ? conv->residual : conv->plain;
    return status;
}

clarus_status clarus_conv2d_run(clarus_conv2d *conv, const float *input, const float *residual, float *output,
                                clarus_error *error)
{
    if (!conv || !input || !output)
        return error_set(error, CLARUS_E_ARGUMENT, "conv2d: conv, input or output is NULL");
    layer *layer;
    const float *in[] = {input, residual};
    clarus_status status = choose_layer(conv, residual != NULL, &layer, error);
    return status == CLARUS_OK ? layer_run(layer, in, output, error) : status;
}

clarus_status clarus_conv2d_run_buffers(clarus_conv2d *conv, const clarus_buffer *input,
                                        const clarus_buffer *residual, clarus_buffer *output,
                                        clarus_error *error)
{
    if (!conv)
        return error_set(error, CLARUS_E_ARGUMENT, "conv2d: NULL");
    layer *layer;
    const clarus_buffer *in[] = {input, residual};
    clarus_status status = choose_layer(conv, residual != NULL, &layer, error);
    return status == CLARUS_OK ? layer_run_buffers(layer, "conv2d", in, output, error) : status;
}

clarus_status clarus_conv2d_once(clarus_context *context, clarus_device *device,
                                 const clarus_conv2d_shape *shape, const float *weights, const float *bias,
                                 const float *input, float *output, clarus_error *error)
{
    clarus_conv2d *conv;
    clarus_status status = clarus_conv2d_create(context, device, shape, weights, bias, &conv, error);
    if (status == CLARUS_OK)
        status = clarus_conv2d_run(conv, input, NULL, output, error);
    clarus_conv2d_free(conv);
    return status;
}
