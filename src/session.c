/* Sessions: a model on a device. Its stages (stage.h) are made for the shapes that are known at the creation,
 * and for others when they come. */
#include "session.h"
#include "convert.h"
#include "cpu.h"
#include "exec.h"
#include "model.h"
#include "stage.h"
#include "tensor.h"

#include <stdlib.h>
#include <string.h>

struct clarus_session {
    clarus_context *context;
    clarus_device *device;
    clarus_model *model;
    stage_cache stages;
    const stage *last; /* the stage that gives the outputs; NULL until the first run where shapes were open */
    uint64_t last_number;
    clarus_value_info *inputs, *outputs;
    size_t input_count, output_count;
    char *text; /* of the last stage, like layers */
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

/* The model's own description, with what is planned filled in. */
static void describe(clarus_value_info *info, const lowered_graph *graph, size_t value)
{
    const lowered_value *v = &graph->values[value];
    info->dtype = v->declared;
    info->rank = v->shape.rank;
    for (size_t i = 0; i < v->shape.rank; i++) {
        info->shape[i] = v->shape.dims[i];
        info->symbol[i] = "";
    }
}

static clarus_status describe_model(clarus_session *s, clarus_error *error)
{
    s->input_count = clarus_model_input_count(s->model);
    s->output_count = clarus_model_output_count(s->model);
    s->inputs = memory_alloc(s->context, s->input_count, sizeof *s->inputs);
    s->outputs = memory_alloc(s->context, s->output_count, sizeof *s->outputs);
    if (!s->inputs || !s->outputs)
        return error_memory(error, "session");
    for (size_t i = 0; i < s->input_count; i++)
        s->inputs[i] = *clarus_model_input(s->model, i);
    for (size_t i = 0; i < s->output_count; i++)
        s->outputs[i] = *clarus_model_output(s->model, i);
    return CLARUS_OK;
}

/* What was derived from the stage before is derived anew when it is asked for. */
static void set_last(clarus_session *s, const stage *last)
{
    if (s->last && last && s->last_number == last->number)
        return;
    s->last = last;
    s->last_number = last ? last->number : 0;
    memory_free(s->context, s->text);
    memory_free(s->context, s->layers);
    memory_free(s->context, s->launch_ms);
    s->text = NULL;
    s->layers = NULL;
    s->launch_ms = NULL;
    for (size_t i = 0; last && i < s->input_count; i++)
        describe(&s->inputs[i], last->graph, last->graph->inputs[i]);
    for (size_t i = 0; last && i < s->output_count; i++)
        describe(&s->outputs[i], last->graph, last->graph->outputs[i]);
}

/* Plans what can be planned before there are inputs. */
static clarus_status prepare(clarus_session *s, const clarus_session_options *options, clarus_error *error)
{
    int open;
    stage *first;
    shape *shapes = memory_calloc(s->context, s->input_count, sizeof *shapes);
    if (!shapes)
        return error_memory(error, "session");
    clarus_status status = model_bind(s->model, options, shapes, &open, error);
    for (size_t i = 0; i < s->input_count && status == CLARUS_OK; i++)
        memcpy(s->inputs[i].shape, shapes[i].dims, shapes[i].rank * sizeof *shapes[i].dims);
    if (status == CLARUS_OK && open)
        status = model_check(s->model, error);
    else if (status == CLARUS_OK)
        status = stage_first(&s->stages, shapes, &first, error);
    if (status == CLARUS_OK && !open && !first->yield_count)
        set_last(s, first);
    memory_free(s->context, shapes);
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
    s->stages = (stage_cache){.context = s->context, .device = s->device, .model = s->model, .math = math};
    atomic_init(&s->cancelled, 0);
    cpu_float_env env;
    cpu_float_env_enter(&env);
    status = describe_model(s, error);
    if (status == CLARUS_OK)
        status = prepare(s, options, error);
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
    stage_cache_release(&session->stages);
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

/* Half precision may be given as float32, which is rounded, and float64. */
static int takes_type(const clarus_value_info *info, clarus_dtype given)
{
    return given == info->dtype || given == convert_computed(info->dtype);
}

/* Inputs fit the model; what it leaves open may differ from run to run. */
static clarus_status check_inputs(const clarus_session *s, const clarus_tensor *const *inputs, size_t count,
                                  clarus_error *error)
{
    if (count != s->input_count)
        return error_set(error, CLARUS_E_ARGUMENT, "session: %zu inputs were given, the model has %zu", count,
                         s->input_count);
    for (size_t i = 0; i < count; i++) {
        const clarus_value_info *info = clarus_model_input(s->model, i);
        shape wanted = {.rank = info->rank};
        char have[SHAPE_TEXT], want[SHAPE_TEXT];
        if (!inputs || !inputs[i])
            return error_set(error, CLARUS_E_ARGUMENT, "input \"%s\": NULL", info->name);
        for (size_t k = 0; k < info->rank; k++)
            wanted.dims[k] =
                info->shape[k] < 0 && k < inputs[i]->shape.rank ? inputs[i]->shape.dims[k] : info->shape[k];
        if (!takes_type(info, inputs[i]->dtype) || !shape_equal(&inputs[i]->shape, &wanted))
            return error_set(error, CLARUS_E_SHAPE, "input \"%s\": %s %s was given, the model expects %s %s",
                             info->name, clarus_dtype_name(inputs[i]->dtype),
                             shape_text(&inputs[i]->shape, have), clarus_dtype_name(info->dtype),
                             shape_text(&wanted, want));
    }
    return CLARUS_OK;
}

static clarus_status create_outputs(const clarus_session *s, clarus_tensor **outputs, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < s->output_count && status == CLARUS_OK; i++)
        status = clarus_tensor_create(s->context, s->outputs[i].dtype, s->outputs[i].rank,
                                      s->outputs[i].shape, &outputs[i], error);
    return status;
}

/* Where values enter and leave: the tensors' own arrays or, of half precision and float64, arrays of float32
 * in `carried`. */
typedef struct border {
    const void **in;
    void **out;
    float **carried; /* of the inputs, then of the outputs */
    shape *shapes;
} border;

static clarus_status carry_input(const clarus_session *s, size_t i, const clarus_tensor *given, border *b,
                                 clarus_error *error)
{
    const clarus_value_info *info = clarus_model_input(s->model, i);
    b->shapes[i] = given->shape;
    b->in[i] = given->data;
    int is_float = given->dtype == CLARUS_FLOAT32;
    if (convert_computed(info->dtype) == info->dtype || (is_float && !convert_is_half(info->dtype)))
        return CLARUS_OK;
    float *to = b->carried[i] = memory_alloc(s->context, given->count, sizeof *to);
    b->in[i] = to;
    if (!to)
        return error_memory(error, info->name);
    if (is_float)
        convert_round_half(info->dtype, given->data, given->count, to);
    else
        convert_to_float(info->dtype, given->data, given->count, to);
    return CLARUS_OK;
}

/* float64 that is constant is written as it is. */
static clarus_status prepare_output(const clarus_session *s, size_t i, const clarus_tensor *wanted, border *b,
                                    clarus_error *error)
{
    const lowered_graph *graph = s->last->graph;
    b->out[i] = wanted->data;
    if (graph->values[graph->outputs[i]].dtype == wanted->dtype)
        return CLARUS_OK;
    b->out[i] = b->carried[s->input_count + i] = memory_alloc(s->context, wanted->count, sizeof(float));
    return b->out[i] ? CLARUS_OK : error_memory(error, s->outputs[i].name);
}

static clarus_status run_stages(clarus_session *s, border *b, clarus_tensor **outputs, clarus_error *error)
{
    stage *last;
    clarus_status status = stage_reach(&s->stages, b->shapes, b->in, &s->cancelled, &last, error);
    set_last(s, status == CLARUS_OK ? last : NULL);
    if (status == CLARUS_OK)
        status = create_outputs(s, outputs, error);
    for (size_t i = 0; i < s->output_count && status == CLARUS_OK; i++)
        status = prepare_output(s, i, outputs[i], b, error);
    if (status == CLARUS_OK)
        status = stage_run(&s->stages, last, b->in, b->out, &s->cancelled, error);
    for (size_t i = 0; i < s->output_count && status == CLARUS_OK; i++)
        if (b->carried[s->input_count + i])
            convert_from_float(outputs[i]->dtype, b->carried[s->input_count + i], outputs[i]->count,
                               outputs[i]->data);
    return status;
}

static clarus_status execute(clarus_session *s, const clarus_tensor *const *inputs, clarus_tensor **outputs,
                             clarus_error *error)
{
    size_t both = s->input_count + s->output_count;
    border b = {memory_alloc(s->context, s->input_count, sizeof *b.in),
                memory_alloc(s->context, s->output_count, sizeof *b.out),
                memory_calloc(s->context, both, sizeof *b.carried),
                memory_alloc(s->context, s->input_count, sizeof *b.shapes)};
    clarus_status status =
        b.in && b.out && b.carried && b.shapes ? CLARUS_OK : error_memory(error, "session");
    for (size_t i = 0; i < s->input_count && status == CLARUS_OK; i++)
        status = carry_input(s, i, inputs[i], &b, error);
    if (status == CLARUS_OK)
        status = run_stages(s, &b, outputs, error);
    for (size_t i = 0; b.carried && i < both; i++)
        memory_free(s->context, b.carried[i]);
    memory_free(s->context, b.carried);
    memory_free(s->context, b.in);
    memory_free(s->context, b.out);
    memory_free(s->context, b.shapes);
    return status;
}

clarus_status clarus_session_run(clarus_session *session, const clarus_tensor *const *inputs,
                                 size_t input_count, clarus_tensor **outputs, size_t output_count,
                                 clarus_error *error)
{
    if (!session || !outputs)
        return error_set(error, CLARUS_E_ARGUMENT, "session: session or outputs is NULL");
    memset(outputs, 0, output_count * sizeof *outputs);
    if (output_count != session->output_count)
        return error_set(error, CLARUS_E_ARGUMENT,
                         "session: room for %zu outputs was given, the model has %zu", output_count,
                         session->output_count);
    clarus_status status = check_inputs(session, inputs, input_count, error);
    if (status != CLARUS_OK)
        return status;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    if (!atomic_load(&session->cancelled))
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

int clarus_session_is_planned(const clarus_session *session)
{
    return session->last != NULL;
}

const clarus_value_info *clarus_session_input(const clarus_session *session, size_t i)
{
    return i < session->input_count ? &session->inputs[i] : NULL;
}

const clarus_value_info *clarus_session_output(const clarus_session *session, size_t i)
{
    return i < session->output_count ? &session->outputs[i] : NULL;
}

const clarus_device_info *clarus_session_device(const clarus_session *session)
{
    return &session->device->info;
}

clarus_math clarus_session_math(const clarus_session *session)
{
    return session->stages.math;
}

uint64_t clarus_session_macs(const clarus_session *session)
{
    const lowered_graph *graph = session_graph(session);
    uint64_t macs = 0;
    for (size_t i = 0; graph && i < graph->op_count; i++)
        macs += op_macs(graph, &graph->ops[i]);
    return macs;
}

int clarus_session_narrows_float64(const clarus_session *session)
{
    const lowered_graph *graph = session_graph(session);
    return graph && graph->narrows;
}

uint64_t clarus_session_launches(const clarus_session *session)
{
    return session->last && session->last->plan ? session->last->plan->launch_count : 0;
}

const char *clarus_session_plan(clarus_session *session)
{
    if (!session->last)
        return "shapes or values are not known before the first run\n";
    if (!session->text && session->last->plan)
        session->text = plan_text(session->last->plan);
    return session->text ? session->text : "the reference device runs the lowered graph as it is\n";
}

const lowered_graph *session_graph(const clarus_session *session)
{
    return session->last ? session->last->graph : NULL;
}

/* ---- profile ----------------------------------------------------------------------------------- */

static uint64_t value_bytes(const lowered_graph *graph, size_t value)
{
    int64_t count = 0;
    shape_count(&graph->values[value].shape, &count);
    return (uint64_t)count * clarus_dtype_size(graph->values[value].dtype);
}

/* A launch that prepares an operation, such as a copy into another layout, moves what its buffers hold. */
static void describe_preparation(const plan *plan, const launch *l, clarus_layer_time *layer)
{
    for (size_t a = 0; a < l->arg_count; a++) {
        if (l->args[a].kind != ARG_BUFFER)
            continue;
        const plan_buffer *b = &plan->buffers[l->args[a].buffer];
        uint64_t bytes = b->count * clarus_dtype_size(b->dtype);
        *(l->args[a].buffer == l->writes ? &layer->written_bytes : &layer->read_bytes) += bytes;
    }
}

/* The operation's own work belongs to its last launch. */
static clarus_layer_time describe_launch(const clarus_session *s, size_t i)
{
    const plan *plan = s->last->plan;
    const lowered_graph *graph = s->last->graph;
    const launch *l = &plan->launches[i];
    const lowered_op *op = &graph->ops[l->op];
    clarus_layer_time layer = {.name = op->name, .kernel = launch_name(l), .ms = s->launch_ms[i]};
    if (i + 1 < plan->launch_count && plan->launches[i + 1].op == l->op) {
        describe_preparation(plan, l, &layer);
        return layer;
    }
    layer.macs = op_macs(graph, op);
    layer.written_bytes = value_bytes(graph, op->output);
    for (size_t k = 0; k < op->input_count; k++)
        layer.read_bytes += value_bytes(graph, op->inputs[k]);
    return layer;
}

/* Runs once, so that the last stage and its inputs are on the device. */
static clarus_status run_for_profile(clarus_session *s, const clarus_tensor *const *inputs,
                                     size_t input_count, clarus_error *error)
{
    clarus_tensor **outputs = memory_calloc(s->context, s->output_count, sizeof *outputs);
    if (!outputs)
        return error_memory(error, "profile");
    clarus_status status = clarus_session_run(s, inputs, input_count, outputs, s->output_count, error);
    for (size_t i = 0; i < s->output_count; i++)
        clarus_tensor_free(outputs[i]);
    memory_free(s->context, outputs);
    return status;
}

clarus_status clarus_session_profile(clarus_session *session, const clarus_tensor *const *inputs,
                                     size_t input_count, const clarus_layer_time **layers,
                                     size_t *layer_count, clarus_error *error)
{
    if (!session || !layers || !layer_count)
        return error_set(error, CLARUS_E_ARGUMENT, "profile: session, layers or layer_count is NULL");
    *layers = NULL;
    *layer_count = 0;
    if (device_is_reference(session->device))
        return error_set(error, CLARUS_E_UNSUPPORTED,
                         "profile: the reference device has no launches to time");
    clarus_status status = run_for_profile(session, inputs, input_count, error);
    if (status != CLARUS_OK)
        return status;
    size_t count = session->last->plan->launch_count;
    if (!session->layers)
        session->layers = memory_calloc(session->context, count, sizeof *session->layers);
    if (!session->launch_ms)
        session->launch_ms = memory_calloc(session->context, count, sizeof *session->launch_ms);
    if (!session->layers || !session->launch_ms)
        return error_memory(error, "profile");
    cpu_float_env env;
    cpu_float_env_enter(&env);
    status = exec_profile(session->last->exec, session->launch_ms, error);
    cpu_float_env_leave(&env);
    if (status != CLARUS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        session->layers[i] = describe_launch(session, i);
    *layers = session->layers;
    *layer_count = count;
    return CLARUS_OK;
}
