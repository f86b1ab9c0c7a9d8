/* Operands are hard cases (probe_cases.def) and, after them, random ones whose results the host computes. The
 * device computes every operation of every operand, in vectors as wide as the kernels'; each operand is
 * judged by one of them. */
#include "probe.h"

#include "../fallback/oracle.h"
#include "program.h"

#include <math.h>
#include <stdio.h>

/* In the order of the results of probe_arithmetic in kernels/probe.cl. */
typedef enum probe_operation {
    OPERATION_FMA,
    OPERATION_MUL_ADD,
    OPERATION_SUB_MUL,
    OPERATION_ADD,
    OPERATION_MUL,
    OPERATION_DIV,
    OPERATION_SQRT,
    OPERATION_LESS,
    OPERATION_FLOOR,
    OPERATION_CONVERT,
    OPERATIONS
} probe_operation;

typedef struct probe_case {
    probe_property property;
    probe_operation operation;
    float x, y, z, result;
} probe_case;

static const probe_case hard_cases[] = {
#define CASE(property, operation, x, y, z, result) {PROBE_##property, OPERATION_##operation, x, y, z, result},
#include "probe_cases.def"
#undef CASE
};

/* A multiple of every vector and work-group. */
enum { CASES = 4096, HARD_CASES = sizeof hard_cases / sizeof *hard_cases };

static const char *const operation_names[OPERATIONS] = {
    "fma(x, y, z)", "x * y + z", "z - x * y", "x + y",    "x * y",
    "x / y",        "sqrt(x)",   "x < y",     "floor(x)", "float(bits of x)"};

const char *probe_property_name(probe_property property)
{
    static const char *const names[PROBE_PROPERTIES] = {"fma",      "rounding",  "contraction",
                                                        "division", "subnormal", "kernel"};
    return names[property];
}

/* ---- Cases ---- */

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Of magnitude 2^-20 to 2^20, so that no operation comes near the ends of the range. */
static float random_float(uint32_t *state)
{
    uint32_t bits = next_random(state), exponent = 127 - 20 + next_random(state) % 40;
    bits = (bits & 0x807FFFFF) | exponent << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void random_case(uint32_t *state, probe_case *c)
{
    static const struct {
        probe_property property;
        probe_operation operation;
    } kinds[] = {
        {PROBE_FMA, OPERATION_FMA},          {PROBE_CONTRACTION, OPERATION_MUL_ADD},
        {PROBE_ROUNDING, OPERATION_ADD},     {PROBE_CONTRACTION, OPERATION_SUB_MUL},
        {PROBE_ROUNDING, OPERATION_MUL},     {PROBE_DIVISION, OPERATION_DIV},
        {PROBE_ROUNDING, OPERATION_CONVERT}, {PROBE_DIVISION, OPERATION_SQRT},
    };
    uint32_t kind = next_random(state) % (sizeof kinds / sizeof *kinds);
    float x = random_float(state), y = random_float(state), z = random_float(state);
    if (next_random(state) % 2) /* cancels what a single rounding would keep */
        z = kinds[kind].operation == OPERATION_SUB_MUL ? x * y : -(x * y);
    if (kinds[kind].operation == OPERATION_SQRT)
        x = fabsf(x);
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    *c = (probe_case){kinds[kind].property, kinds[kind].operation, x, y, z, 0.0f};
    switch (c->operation) {
    case OPERATION_FMA:
        c->result = fmaf(x, y, z);
        break;
    case OPERATION_MUL_ADD:
        c->result = x * y + z;
        break;
    case OPERATION_SUB_MUL:
        c->result = z - x * y;
        break;
    case OPERATION_ADD:
        c->result = x + y;
        break;
    case OPERATION_MUL:
        c->result = x * y;
        break;
    case OPERATION_DIV:
        c->result = x / y;
        break;
    case OPERATION_SQRT:
        c->result = sqrtf(x);
        break;
    default:
        c->result = (float)bits;
        break;
    }
}

static void make_cases(probe_case *cases)
{
    uint32_t state = 0x2545F491;
    memcpy(cases, hard_cases, sizeof hard_cases);
    for (size_t i = HARD_CASES; i < CASES; i++)
        random_case(&state, &cases[i]);
}

/* ---- Running a kernel ---- */

enum { PROBE_DEFINES = 32 };

static const char *probe_defines(const clarus_device *device, char defines[PROBE_DEFINES])
{
    snprintf(defines, PROBE_DEFINES, "-DCLARUS_LANES=%d", device->params->lanes);
    return defines;
}

enum { MOST_BUFFERS = 6 };

typedef struct probe_run {
    kernel_id kernel;
    const char *defines;
    struct {
        const void *from; /* what it holds before; NULL: nothing */
        void *to;         /* where it is read to; NULL: nowhere */
        size_t size_bytes;
    } buffers[MOST_BUFFERS]; /* the kernel's first arguments */
    size_t buffer_count;
    cl_int ints[3]; /* the arguments behind them */
    size_t int_count;
    size_t global[2], local[2];
} probe_run;

static clarus_status set_arguments(clarus_device *device, const probe_run *run, cl_kernel kernel,
                                   cl_mem *memories, clarus_error *error)
{
    cl_int code = CL_SUCCESS;
    for (size_t i = 0; i < run->buffer_count && !code; i++) {
        void *from = (void *)(uintptr_t)run->buffers[i].from; /* OpenCL's parameter is not const */
        memories[i] = clCreateBuffer(device->cl, CL_MEM_READ_WRITE | (from ? CL_MEM_COPY_HOST_PTR : 0),
                                     run->buffers[i].size_bytes, from, &code);
        if (!memories[i])
            return opencl_error(error, "clCreateBuffer", code);
        code = clSetKernelArg(kernel, (cl_uint)i, sizeof(cl_mem), &memories[i]);
    }
    for (size_t i = 0; i < run->int_count && !code; i++)
        code = clSetKernelArg(kernel, (cl_uint)(run->buffer_count + i), sizeof *run->ints, &run->ints[i]);
    return code ? opencl_error(error, "clSetKernelArg", code) : CLARUS_OK;
}

static clarus_status launch_and_read(const probe_run *run, cl_command_queue queue, cl_kernel kernel,
                                     const cl_mem *memories, clarus_error *error)
{
    cl_int code = clEnqueueNDRangeKernel(queue, kernel, 2, NULL, run->global, run->local, 0, NULL, NULL);
    if (code)
        return opencl_error(error, "clEnqueueNDRangeKernel", code);
    for (size_t i = 0; i < run->buffer_count && !code; i++)
        if (run->buffers[i].to)
            code = clEnqueueReadBuffer(queue, memories[i], CL_TRUE, 0, run->buffers[i].size_bytes,
                                       run->buffers[i].to, 0, NULL, NULL);
    return code ? opencl_error(error, "clEnqueueReadBuffer", code) : CLARUS_OK;
}

static clarus_status run_kernel(clarus_device *device, const probe_run *run, clarus_error *error)
{
    cl_kernel kernel = NULL;
    cl_command_queue queue = NULL;
    cl_mem memories[MOST_BUFFERS] = {0};
    clarus_status status = device_kernel(device, run->kernel, run->defines, &kernel, error);
    if (status == CLARUS_OK)
        status = device_create_queue(device, device->id, &queue, error);
    if (status == CLARUS_OK)
        status = set_arguments(device, run, kernel, memories, error);
    if (status == CLARUS_OK)
        status = launch_and_read(run, queue, kernel, memories, error);
    opencl_release_queue(queue);
    for (size_t i = 0; i < MOST_BUFFERS; i++)
        if (memories[i])
            clReleaseMemObject(memories[i]);
    if (kernel)
        clReleaseKernel(kernel);
    if (status != CLARUS_OK)
        error_prefix(error, "self-test: ");
    return status;
}

/* ---- The primitives ---- */

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Which NaN is not specified. */
static int same_bits(float a, float b)
{
    return (a != a && b != b) || bits_of(a) == bits_of(b);
}

static void judge(const probe_case *cases, const float *results, probe_report *report)
{
    for (size_t i = 0; i < CASES; i++) {
        const probe_case *c = &cases[i];
        float result = results[(size_t)c->operation * CASES + i];
        if (same_bits(result, c->result))
            continue;
        if (!report->failed[c->property])
            snprintf(report->detail[c->property], sizeof report->detail[c->property],
                     "%s with x=%a y=%a z=%a gave %a instead of %a", operation_names[c->operation],
                     (double)c->x, (double)c->y, (double)c->z, (double)result, (double)c->result);
        report->failed[c->property] = 1;
    }
}

typedef struct arithmetic_data {
    probe_case cases[CASES];
    float x[CASES], y[CASES], z[CASES], results[OPERATIONS * CASES];
} arithmetic_data;

static clarus_status run_arithmetic(clarus_device *device, arithmetic_data *data, clarus_error *error)
{
    char defines[PROBE_DEFINES];
    size_t vectors = CASES / (size_t)device->params->lanes;
    probe_run run = {
        .kernel = KERNEL_probe_arithmetic,
        .defines = probe_defines(device, defines),
        .buffers = {{data->x, NULL, sizeof data->x},
                    {data->y, NULL, sizeof data->y},
                    {data->z, NULL, sizeof data->z},
                    {NULL, data->results, sizeof data->results}},
        .buffer_count = 4,
        .ints = {(cl_int)vectors},
        .int_count = 1,
        .global = {vectors, 1},
        .local = {(size_t)device->params->group_size, 1},
    };
    return run_kernel(device, &run, error);
}

clarus_status probe_arithmetic(clarus_device *device, probe_report *report, clarus_error *error)
{
    arithmetic_data *data = memory_calloc(device->context, 1, sizeof *data);
    if (!data)
        return error_memory(error, "self-test");
    make_cases(data->cases);
    for (size_t i = 0; i < CASES; i++) {
        data->x[i] = data->cases[i].x;
        data->y[i] = data->cases[i].y;
        data->z[i] = data->cases[i].z;
    }
    clarus_status status = run_arithmetic(device, data, error);
    if (status == CLARUS_OK)
        judge(data->cases, data->results, report);
    memory_free(device->context, data);
    return status;
}

/* ---- A convolution ---- */

/* Two segments, the second with a short block. */
enum {
    CHANNELS = 171,
    TAPS = 3,
    PRODUCTS = CHANNELS * TAPS, /* of one output element */
    WIDTH = 16,
    IN_WIDTH = WIDTH + TAPS - 1,
    MOST_OUTPUTS = 512
};

typedef struct convolution_data {
    size_t outputs;
    float x[CHANNELS * IN_WIDTH], bias[MOST_OUTPUTS];
    float w[MOST_OUTPUTS * PRODUCTS];      /* as the oracle has it, [oc][ic][kx] */
    float packed[PRODUCTS * MOST_OUTPUTS]; /* as the kernel has it, [ic][kx][oc] */
    float expected[MOST_OUTPUTS * WIDTH];  /* [oc][ox] */
    float result[WIDTH * MOST_OUTPUTS];    /* [ox][oc] */
} convolution_data;

static void make_convolution(convolution_data *data)
{
    uint32_t state = 0x9E3779B9;
    for (int i = 0; i < CHANNELS * IN_WIDTH; i++)
        data->x[i] = random_float(&state);
    for (size_t oc = 0; oc < data->outputs; oc++) {
        data->bias[oc] = random_float(&state);
        for (size_t k = 0; k < PRODUCTS; k++) {
            float w = random_float(&state);
            data->w[oc * PRODUCTS + k] = w;
            data->packed[k * data->outputs + oc] = w;
        }
    }
}

static clarus_status add_operand(lowered_graph *graph, const shape *shape, const char *name, size_t *number,
                                 clarus_error *error)
{
    return lowered_add_value(graph, VALUE_INPUT, CLARUS_FLOAT32, shape, NULL, name, number, error);
}

/* The same convolution by the oracle. */
static clarus_status compute_expected(clarus_context *context, convolution_data *data, clarus_error *error)
{
    lowered_graph *graph = NULL;
    lowered_op *op = NULL;
    size_t values[4];
    int64_t outputs = (int64_t)data->outputs;
    clarus_status status = lowered_create(context, &graph, error);
    if (status == CLARUS_OK)
        status = add_operand(graph, &(shape){4, {1, CHANNELS, 1, IN_WIDTH}}, "x", &values[0], error);
    if (status == CLARUS_OK)
        status = add_operand(graph, &(shape){4, {outputs, CHANNELS, 1, TAPS}}, "w", &values[1], error);
    if (status == CLARUS_OK)
        status = add_operand(graph, &(shape){1, {outputs}}, "bias", &values[2], error);
    if (status == CLARUS_OK)
        status = add_operand(graph, &(shape){4, {1, outputs, 1, WIDTH}}, "y", &values[3], error);
    if (status == CLARUS_OK)
        status = lowered_add_op(graph, OP_CONV, values, 3, values[3], "self-test", &op, error);
    if (status == CLARUS_OK) {
        op->epilogue = (op_epilogue){.has_bias = 1, .has_function = 1, .function = ELTWISE_relu};
        op->as.conv = (conv_params){
            .batch = 1,
            .groups = 1,
            .in_channels = CHANNELS,
            .out_channels = outputs,
            .window = {.kernel = {1, 1, TAPS},
                       .stride = {1, 1, 1},
                       .dilation = {1, 1, 1},
                       .in = {1, 1, IN_WIDTH},
                       .out = {1, 1, WIDTH}},
        };
        const void *inputs[] = {data->x, data->w, data->bias};
        status = oracle_op(graph, op, inputs, data->expected, 1, error);
    }
    lowered_free(graph);
    return status;
}

static void compare_convolution(const convolution_data *data, probe_report *report)
{
    for (size_t oc = 0; oc < data->outputs; oc++)
        for (size_t ox = 0; ox < WIDTH; ox++) {
            float result = data->result[ox * data->outputs + oc], expected = data->expected[oc * WIDTH + ox];
            if (same_bits(result, expected))
                continue;
            report->failed[PROBE_KERNEL] = 1;
            snprintf(report->detail[PROBE_KERNEL], sizeof report->detail[PROBE_KERNEL],
                     "convolution: output channel %zu at %zu is %a instead of %a", oc, ox, (double)result,
                     (double)expected);
            return;
        }
}

static clarus_status run_convolution(clarus_device *device, const char *defines, convolution_data *data,
                                     clarus_error *error)
{
    enum { TILE = 4 };
    size_t outputs = data->outputs;
    probe_run run = {
        .kernel = KERNEL_probe_convolution,
        .defines = defines,
        .buffers = {{data->x, NULL, sizeof data->x},
                    {data->packed, NULL, outputs * PRODUCTS * sizeof(float)},
                    {data->bias, NULL, outputs * sizeof(float)},
                    {NULL, data->result, WIDTH * outputs * sizeof(float)}},
        .buffer_count = 4,
        .ints = {CHANNELS, WIDTH, (cl_int)segment_channels(TAPS)},
        .int_count = 3,
        .global = {outputs / (size_t)device->params->lanes, WIDTH / TILE},
        .local = {(size_t)device->params->group_size, 1},
    };
    return run_kernel(device, &run, error);
}

clarus_status probe_kernel_self_test(clarus_device *device, probe_report *report, clarus_error *error)
{
    static const char passed[] = "passed";
    char defines[PROBE_DEFINES];
    cache_key key;
    void *cached = NULL;
    size_t size;
    probe_defines(device, defines);
    program_table_key(device->programs, "self-test", kernel_source(KERNEL_probe_convolution), defines, &key);
    if (program_cache_load(device->context, &key, &cached, &size)) {
        int known = size == sizeof passed && memcmp(cached, passed, size) == 0;
        memory_free(device->context, cached);
        if (known)
            return CLARUS_OK;
    }
    convolution_data *data = memory_calloc(device->context, 1, sizeof *data);
    if (!data)
        return error_memory(error, "self-test");
    data->outputs = 2 * (size_t)device->params->lanes * (size_t)device->params->group_size;
    make_convolution(data);
    clarus_status status = compute_expected(device->context, data, error);
    if (status == CLARUS_OK)
        status = run_convolution(device, defines, data, error);
    if (status == CLARUS_OK)
        compare_convolution(data, report);
    if (status == CLARUS_OK && !report->failed[PROBE_KERNEL])
        program_cache_store(device->context, &key, passed, sizeof passed);
    memory_free(device->context, data);
    return status;
}
