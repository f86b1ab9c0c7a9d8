/* Sessions: a model, lowered for its shapes and planned for a device, ready to run. */
#include "session.h"
#include "convert.h"
#include "cpu.h"
#include "exec.h"
#include "model.h"
#include "tensor.h"

#include "../fallback/oracle.h"

#include <stdlib.h>
#include <string.h>

struct clarus_session {
    clarus_context *context;
    clarus_device *device;
    clarus_model *model;
    clarus_math math;
    lowered_graph *graph;
    plan *plan; /* NULL on the reference, like exec */
    exec *exec;
    clarus_value_info *inputs, *outputs;
    char *text;
    clarus_layer_time *layers;
    double *launch_ms;
    atomic_int cancelled;
};

/* ---- creation ---------------------------------------------------------------------------------- */

static clarus_status choose_math(const clarus_session_options *options, clarus_math *math,
                                 clarus_error *error)
{
    *math = options ? options->math : CLARUS_MATH_DEFAULT;
    if (*math != CLARUS_MATH_DEFAULT)
        return *math == CLARUS_MATH_EXACT || *math == CLARUS_MATH_FAST
                   ? CLARUS_OK
                   : error_set(error, CLARUS_E_ARGUMENT, "math: %d is neither exact nor fast", (int)*math);
    const char *text = getenv("CLARUS_MATH");
    *math = CLARUS_MATH_EXACT;
    if (!text || !*text || strcmp(text, "exact") == 0)
        return CLARUS_OK;
    *math = CLARUS_MATH_FAST;
    return strcmp(text, "fast") == 0
               ? CLARUS_OK
               : error_set(error, CLARUS_E_ARGUMENT, "CLARUS_MATH: \"%s\" is neither exact nor fast", text);
}

static clarus_value_info describe(const lowered_graph *graph, size_t value)
{
    const lowered_value *v = &graph->values[value];
    clarus_value_info info = {.name = v->name, .dtype = v->declared, .rank = v->shape.rank};
    memcpy(info.shape, v->shape.dims, sizeof info.shape);
    for (size_t i = 0; i < CLARUS_MAX_RANK; i++)
        info.symbol[i] = "";
    return info;
}

static clarus_status describe_values(clarus_session *s, clarus_error *error)
{
    s->inputs = memory_calloc(s->context, s->graph->input_count, sizeof *s->inputs);
    s->outputs = memory_calloc(s->context, s->graph->output_count, sizeof *s->outputs);
    if (!s->inputs || !s->outputs)
        return error_memory(error, "session");
    for (size_t i = 0; i < s->graph->input_count; i++)
        s->inputs[i] = describe(s->graph, s->graph->inputs[i]);
    for (size_t i = 0; i < s->graph->output_count; i++)
        s->outputs[i] = describe(s->graph, s->graph->outputs[i]);
    return CLARUS_OK;
}

static clarus_status lower(clarus_session *s, const clarus_session_options *options, clarus_error *error)
{
    size_t count = clarus_model_input_count(s->model);
    shape *shapes = memory_calloc(s->context, count, sizeof *shapes);
    if (!shapes)
        return error_memory(error, "session");
    clarus_status status = model_bind(s->model, options, shapes, error);
    if (status == CLARUS_OK)
        status = model_lower(s->model, shapes, &s->graph, error);
    memory_free(s->context, shapes);
    return status == CLARUS_OK ? describe_values(s, error) : status;
}

static clarus_status prepare_device(clarus_session *s, clarus_error *error)
{
    if (device_is_reference(s->device))
        return CLARUS_OK;
    clarus_status status =
        plan_create(s->graph, s->device->params, s->math, s->device->info.compute_units, &s->plan, error);
    if (status == CLARUS_OK)
        status = exec_create(s->device, s->plan, s->context->threads, 0, &s->exec, error);
    return status;
}

clarus_status clarus_session_create(clarus_context *context, clarus_device *device, const clarus_model *model,
                                    const clarus_session_options *options, clarus_session **session,
                                    clarus_error *error)
{
    if (!session)
        return error_set(error, CLARUS_E_ARGUMENT, "session: NULL");
    *session = NULL;
    if (!context || !device || !model)
        return error_set(error, CLARUS_E_ARGUMENT, "session: context, device or model is NULL");
    if (options && options->struct_size != sizeof *options)
        return error_set(error, CLARUS_E_ARGUMENT, "session options: struct_size is %zu, expected %zu",
                         options->struct_size, sizeof *options);
    clarus_math math;
    clarus_status status = choose_math(options, &math, error);
    if (status != CLARUS_OK)
        return status;
    clarus_session *s = memory_calloc(context, 1, sizeof *s);
    if (!s)
        return error_memory(error, "session");
    s->context = context_retain(context);
    s->device = device_retain(device);
    s->model = model_retain(model);
    s->math = math;
    atomic_init(&s->cancelled, 0);
    cpu_float_env env;
    cpu_float_env_enter(&env);
    status = lower(s, options, error);
    if (status == CLARUS_OK)
        status = prepare_device(s, error);
    cpu_float_env_leave(&env);
    if (status != CLARUS_OK) {
        clarus_session_free(s);
        return status;
    }
    *session = s;
    return CLARUS_OK;
}

void clarus_session_free(clarus_session *session)
{
    if (!session)
        return;
    clarus_context *context = session->context;
    exec_free(session->exec);
    plan_free(session->plan);
    lowered_free(session->graph);
    memory_free(context, session->inputs);
    memory_free(context, session->outputs);
    memory_free(context, session->text);
    memory_free(context, session->layers);
    memory_free(context, session->launch_ms);
    clarus_model_free(session->model);
    clarus_device_free(session->device);
    memory_free(context, session);
    clarus_context_free(context);
}

/* ---- running ----------------------------------------------------------------------------------- */

/* Half precision may be given as float32, which is rounded. */
static int takes_type(const lowered_value *v, clarus_dtype given)
{
    return given == v->declared || given == v->dtype;
}

static clarus_status check_inputs(const clarus_session *s, const clarus_tensor *const *inputs, size_t count,
                                  clarus_error *error)
{
    if (count != s->graph->input_count)
        return error_set(error, CLARUS_E_ARGUMENT, "session: %zu inputs were given, the model has %zu", count,
                         s->graph->input_count);
    for (size_t i = 0; i < count; i++) {
        const lowered_value *v = &s->graph->values[s->graph->inputs[i]];
        char have[SHAPE_TEXT], want[SHAPE_TEXT];
        if (!inputs || !inputs[i])
            return error_set(error, CLARUS_E_ARGUMENT, "input \"%s\": NULL", v->name);
        if (!takes_type(v, inputs[i]->dtype) || !shape_equal(&inputs[i]->shape, &v->shape))
            return error_set(error, CLARUS_E_SHAPE,
                             "input \"%s\": %s %s was given, the session expects %s %s", v->name,
                             clarus_dtype_name(inputs[i]->dtype), shape_text(&inputs[i]->shape, have),
                             clarus_dtype_name(v->declared), shape_text(&v->shape, want));
    }
    return CLARUS_OK;
}

static clarus_status create_outputs(const clarus_session *s, clarus_tensor **outputs, clarus_error *error)
{
    for (size_t i = 0; i < s->graph->output_count; i++) {
        const lowered_value *v = &s->graph->values[s->graph->outputs[i]];
        clarus_status status =
            clarus_tensor_create(s->context, v->declared, v->shape.rank, v->shape.dims, &outputs[i], error);
        if (status != CLARUS_OK)
            return status;
    }
    return CLARUS_OK;
}

/* Half-precision values cross the border as float32 arrays of the session's own. */
static clarus_status widen_input(const clarus_session *s, size_t i, const clarus_tensor *given,
                                 const void **data, float **wide, clarus_error *error)
{
    const lowered_value *v = &s->graph->values[s->graph->inputs[i]];
    *data = given->data;
    if (v->declared == v->dtype)
        return CLARUS_OK;
    *data = *wide = memory_alloc(s->context, given->count, sizeof **wide);
    if (!*wide)
        return error_memory(error, v->name);
    if (given->dtype == v->declared)
        convert_from_half(v->declared, given->data, given->count, *wide);
    else
        convert_round_half(v->declared, given->data, given->count, *wide);
    return CLARUS_OK;
}

static clarus_status prepare_output(const clarus_session *s, size_t i, clarus_tensor *wanted, void **data,
                                    float **wide, clarus_error *error)
{
    const lowered_value *v = &s->graph->values[s->graph->outputs[i]];
    *data = wanted->data;
    if (v->declared == v->dtype)
        return CLARUS_OK;
    *data = *wide = memory_alloc(s->context, wanted->count, sizeof **wide);
    return *wide ? CLARUS_OK : error_memory(error, v->name);
}

static clarus_status execute(clarus_session *s, const clarus_tensor *const *inputs, clarus_tensor **outputs,
                             clarus_error *error)
{
    size_t in_count = s->graph->input_count, out_count = s->graph->output_count;
    const void **in = memory_alloc(s->context, in_count, sizeof *in);
    void **out = memory_alloc(s->context, out_count, sizeof *out);
    float **wide = memory_calloc(s->context, in_count + out_count, sizeof *wide);
    clarus_status status = CLARUS_OK;
    if (!in || !out || !wide) {
        status = error_memory(error, "session");
        goto done;
    }
    for (size_t i = 0; i < in_count && status == CLARUS_OK; i++)
        status = widen_input(s, i, inputs[i], &in[i], &wide[i], error);
    for (size_t i = 0; i < out_count && status == CLARUS_OK; i++)
        status = prepare_output(s, i, outputs[i], &out[i], &wide[in_count + i], error);
    if (status == CLARUS_OK)
        status = s->exec ? exec_run(s->exec, in, out, error)
                         : oracle_run(s->graph, s->context->threads, in, out, &s->cancelled, error);
    for (size_t i = 0; i < out_count && status == CLARUS_OK; i++)
        if (wide[in_count + i])
            convert_to_half(outputs[i]->dtype, wide[in_count + i], outputs[i]->count, outputs[i]->data);
done:
    for (size_t i = 0; wide && i < in_count + out_count; i++)
        memory_free(s->context, wide[i]);
    memory_free(s->context, wide);
    memory_free(s->context, in);
    memory_free(s->context, out);
    return status;
}

clarus_status clarus_session_run(clarus_session *session, const clarus_tensor *const *inputs,
                                 size_t input_count, clarus_tensor **outputs, size_t output_count,
                                 clarus_error *error)
{
    if (!session || !outputs)
        return error_set(error, CLARUS_E_ARGUMENT, "session: session or outputs is NULL");
    memset(outputs, 0, output_count * sizeof *outputs);
    if (output_count != session->graph->output_count)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "session: room for %zu outputs was given, the model has %zu", output_count,
                         session->graph->output_count);
    clarus_status status = check_inputs(session, inputs, input_count, error);
    if (status != CLARUS_OK)
        return status;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    status = create_outputs(session, outputs, error);
    if (status == CLARUS_OK && !atomic_load(&session->cancelled))
        status = execute(session, inputs, outputs, error);
    cpu_float_env_leave(&env);
    if (atomic_exchange(&session->cancelled, 0) && (status == CLARUS_OK || status == CLARUS_E_CANCELLED))
        status = error_set(error, CLARUS_E_CANCELLED, "session: the run was cancelled");
    for (size_t i = 0; status != CLARUS_OK && i < output_count; i++) {
        clarus_tensor_free(outputs[i]);
        outputs[i] = NULL;
    }
    return status;
}

void clarus_session_cancel(clarus_session *session)
{
    if (session)
        atomic_store(&session->cancelled, 1);
}

/* ---- what it is -------------------------------------------------------------------------------- */

const clarus_value_info *clarus_session_input(const clarus_session *session, size_t i)
{
    return i < session->graph->input_count ? &session->inputs[i] : NULL;
}

const clarus_value_info *clarus_session_output(const clarus_session *session, size_t i)
{
    return i < session->graph->output_count ? &session->outputs[i] : NULL;
}

const clarus_device_info *clarus_session_device(const clarus_session *session)
{
    return &session->device->info;
}

clarus_math clarus_session_math(const clarus_session *session)
{
    return session->math;
}

uint64_t clarus_session_macs(const clarus_session *session)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < session->graph->op_count; i++)
        macs += op_macs(session->graph, &session->graph->ops[i]);
    return macs;
}

uint64_t clarus_session_launches(const clarus_session *session)
{
    return session->plan ? session->plan->launch_count : 0;
}

const char *clarus_session_plan(clarus_session *session)
{
    if (!session->text && session->plan)
        session->text = plan_text(session->plan);
    return session->text ? session->text : "the reference device runs the lowered graph as it is\n";
}

const lowered_graph *session_graph(const clarus_session *session)
{
    return session->graph;
}

enum { PROFILE_REPEATS = 3 };

/* ---- profile ----------------------------------------------------------------------------------- */

static uint64_t value_bytes(const lowered_graph *graph, size_t value)
{
    int64_t count = 0;
    shape_count(&graph->values[value].shape, &count);
    return (uint64_t)count * clarus_dtype_size(graph->values[value].dtype);
}

static clarus_layer_time describe_launch(const clarus_session *s, size_t i)
{
    const launch *l = &s->plan->launches[i];
    const lowered_op *op = &s->graph->ops[l->op];
    clarus_layer_time layer = {.name = op->name, .kernel = launch_name(l), .ms = s->launch_ms[i]};
    int is_last = i + 1 == s->plan->launch_count || s->plan->launches[i + 1].op != l->op;
    if (!is_last)
        return layer; /* a copy into another layout; the operation's work belongs to its own launch */
    layer.macs = op_macs(s->graph, op);
    layer.bytes = value_bytes(s->graph, op->output);
    for (size_t k = 0; k < op->input_count; k++)
        layer.bytes += value_bytes(s->graph, op->inputs[k]);
    return layer;
}

clarus_status clarus_session_profile(clarus_session *session, const clarus_tensor *const *inputs,
                                     size_t input_count, const clarus_layer_time **layers,
                                     size_t *layer_count, clarus_error *error)
{
    if (!session || !layers || !layer_count)
        return error_set(error, CLARUS_E_ARGUMENT, "profile: session, layers or layer_count is NULL");
    *layers = NULL;
    *layer_count = 0;
    if (!session->plan)
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "profile: the reference device has no launches to time");
    size_t count = session->plan->launch_count, output_count = session->graph->output_count;
    clarus_tensor **outputs = memory_calloc(session->context, output_count, sizeof *outputs);
    if (!session->layers)
        session->layers = memory_calloc(session->context, count, sizeof *session->layers);
    if (!session->launch_ms)
        session->launch_ms = memory_calloc(session->context, count, sizeof *session->launch_ms);
    clarus_status status =
        outputs && session->layers && session->launch_ms
            ? clarus_session_run(session, inputs, input_count, outputs, output_count, error)
            : error_memory(error, "profile");
    for (size_t i = 0; outputs && i < output_count; i++)
        clarus_tensor_free(outputs[i]);
    memory_free(session->context, outputs);
    if (status != CLARUS_OK)
        return status;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    status = exec_profile(session->exec, PROFILE_REPEATS, session->launch_ms, error);
    cpu_float_env_leave(&env);
    if (status != CLARUS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        session->layers[i] = describe_launch(session, i);
    *layers = session->layers;
    *layer_count = count;
    return CLARUS_OK;
}
