/* Every kernel against the oracle, bit for bit, with guards around the buffers. */
#include "cpu.h"
#include "exec.h"
#include "verify_cases.h"

#include "../fallback/oracle.h"

#include <stdio.h>
#include <string.h>

/* Bytes behind the output that must stay as they are. */
enum { BEHIND = 256, UNTOUCHED = 0xA5 };

/* Host arrays of one case: inputs, and the output twice. */
typedef struct verify_data {
    void **inputs;
    void *expected, *got;
    clarus_dtype dtype;
    size_t count, size; /* of the output, size in bytes */
} verify_data;

static void data_free(clarus_context *context, const lowered_graph *graph, verify_data *data)
{
    for (size_t i = 0; data->inputs && i < graph->input_count; i++)
        memory_free(context, data->inputs[i]);
    memory_free(context, data->inputs);
    memory_free(context, data->expected);
    memory_free(context, data->got);
}

static clarus_status data_create(clarus_context *context, const lowered_graph *graph, verify_data *data,
                                 clarus_error *error)
{
    const lowered_value *out = &graph->values[graph->outputs[0]];
    int64_t count = 0;
    shape_count(&out->shape, &count);
    data->dtype = out->dtype;
    data->count = (size_t)count;
    data->size = data->count * clarus_dtype_size(out->dtype);
    data->inputs = memory_calloc(context, graph->input_count, sizeof *data->inputs);
    data->expected = memory_alloc(context, data->size, 1);
    data->got = memory_alloc(context, data->size + BEHIND, 1);
    if (!data->inputs || !data->expected || !data->got)
        return error_memory(error, "verify");
    memset((char *)data->got + data->size, UNTOUCHED, BEHIND);
    for (size_t i = 0; i < graph->input_count; i++) {
        const lowered_value *in = &graph->values[graph->inputs[i]];
        shape_count(&in->shape, &count);
        data->inputs[i] = memory_alloc(context, (size_t)count, clarus_dtype_size(in->dtype));
        if (!data->inputs[i])
            return error_memory(error, "verify");
        verify_fill(in->dtype, data->inputs[i], count, (uint32_t)(i + 10));
    }
    return CLARUS_OK;
}

static int same_bits(float a, float b)
{
    uint32_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return x == y || (a != a && b != b);
}

static clarus_status compare_floats(const verify_data *data, clarus_error *error)
{
    const float *got = data->got, *expected = data->expected;
    for (size_t i = 0; i < data->count; i++)
        if (!same_bits(expected[i], got[i]))
            return error_set(error, CLARUS_E_MISMATCH, "element %zu of %zu is %a, the reference has %a", i,
                             data->count, (double)got[i], (double)expected[i]);
    return CLARUS_OK;
}

static clarus_status compare_integers(const verify_data *data, clarus_error *error)
{
    size_t size = clarus_dtype_size(data->dtype);
    for (size_t i = 0; i < data->count; i++) {
        uint64_t got = 0, expected = 0;
        memcpy(&got, (const char *)data->got + i * size, size);
        memcpy(&expected, (const char *)data->expected + i * size, size);
        if (got != expected)
            return error_set(error, CLARUS_E_MISMATCH,
                             "element %zu of %zu has the bits 0x%llx, the reference has 0x%llx", i,
                             data->count, (unsigned long long)got, (unsigned long long)expected);
    }
    return CLARUS_OK;
}

static clarus_status compare(const verify_data *data, clarus_error *error)
{
    const unsigned char *behind = (const unsigned char *)data->got + data->size;
    for (int i = 0; i < BEHIND; i++)
        if (behind[i] != UNTOUCHED)
            return error_set(error, CLARUS_E_MISMATCH, "the output was written behind its end");
    return data->dtype == CLARUS_FLOAT32 ? compare_floats(data, error) : compare_integers(data, error);
}

static clarus_status run_device(clarus_device *device, lowered_graph *graph, const verify_data *data,
                                clarus_error *error)
{
    plan *plan = NULL;
    exec *exec = NULL;
    void *out = data->got;
    clarus_status status =
        plan_create(graph, device->params, CLARUS_MATH_EXACT, device->info.compute_units, &plan, error);
    if (status == CLARUS_OK)
        status = exec_create(device, plan, 1, 1, &exec, error);
    if (status == CLARUS_OK)
        status = exec_run(exec, (const void *const *)data->inputs, &out, error);
    if (status == CLARUS_OK)
        status = exec_check_guards(exec, error);
    exec_free(exec);
    plan_free(plan);
    return status;
}

static clarus_status run_case(clarus_context *context, clarus_device *device, const verify_case *c,
                              clarus_error *error)
{
    lowered_graph *graph = NULL;
    verify_data data = {0};
    clarus_status status = lowered_create(context, &graph, error);
    if (status != CLARUS_OK)
        return status;
    if ((status = c->build(graph, c->parameters, error)) != CLARUS_OK ||
        (status = data_create(context, graph, &data, error)) != CLARUS_OK)
        goto done;
    void *out = data.expected;
    status = oracle_run(graph, context->threads, (const void *const *)data.inputs, &out, NULL, error);
    if (status == CLARUS_OK)
        status = run_device(device, graph, &data, error);
    if (status == CLARUS_OK)
        status = compare(&data, error);
done:
    data_free(context, graph, &data);
    lowered_free(graph);
    return status;
}

clarus_status clarus_verify(clarus_context *context, clarus_device *device, clarus_verify_fn report,
                            void *user, clarus_error *error)
{
    if (!context || !device)
        return error_set(error, CLARUS_E_ARGUMENT, "verify: context or device is NULL");
    if (device_is_reference(device))
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "verify: the reference device is what others are compared with");
    size_t failures = 0, count = verify_case_count();
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < count && status == CLARUS_OK; i++) {
        verify_case c = verify_case_get(i);
        clarus_error why = {CLARUS_OK, ""};
        int equal = run_case(context, device, &c, &why) == CLARUS_OK;
        failures += !equal;
        clarus_verify_line line = {c.kernel, c.test, equal, equal ? "" : why.message};
        if (report && report(user, &line) != 0)
            status = error_set(error, CLARUS_E_CANCELLED, "verify: cancelled");
    }
    cpu_float_env_leave(&env);
    if (status == CLARUS_OK && failures)
        status = error_set(error, CLARUS_E_MISMATCH, "verify: %zu of %zu tests differ on %s", failures, count,
                           device->info.name);
    return status;
}
