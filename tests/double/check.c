/* The float32 run of the lowered graph against the walk of the file: see double.h, "Anchors". */
#include "double.h"

#include "model.h"
#include "stage.h"

#include "../../fallback/oracle.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest finite magnitude of a type. */
static double largest(clarus_dtype dtype)
{
    return dtype == CLARUS_FLOAT16 ? 65504 : dtype == CLARUS_FLOAT64 ? DBL_MAX : FLT_MAX;
}

double double_distance(double f, approx x, clarus_dtype dtype)
{
    if (!isfinite(x.e) || (isnan(f) && isnan(x.v)) || f == x.v)
        return 0;
    if (isnan(f) || isnan(x.v))
        return INFINITY;
    if (isinf(f)) /* float32 may overflow where double does not */
        return (f > 0) == (x.v > 0) && fabs(x.v) + x.e >= largest(dtype) ? 0 : INFINITY;
    return x.e > 0 ? fabs(f - x.v) / x.e : INFINITY;
}

/* ---- the float32 run, every value kept ---- */

typedef struct float_run {
    clarus_model *model;
    clarus_device *device;
    stage_cache stages;
    lowered_graph *graph; /* of the last stage */
    const void **data;    /* of each value */
    void **owned;
    int threads;
} float_run;

/* The input's elements; *wide holds them where the type is half precision, which the lowered graph has not.
 */
static const void *input_data(const clarus_tensor *input, float **wide)
{
    clarus_dtype dtype = clarus_tensor_dtype(input);
    size_t count = clarus_tensor_count(input);
    if (dtype != CLARUS_FLOAT16 && dtype != CLARUS_BFLOAT16)
        return clarus_tensor_const_data(input);
    *wide = need(count, sizeof **wide);
    for (size_t k = 0; k < count; k++)
        (*wide)[k] = (float)element_double(dtype, clarus_tensor_const_data(input), (int64_t)k);
    return *wide;
}

/* The last stage's graph: shapes may depend on what the inputs hold. */
static clarus_status float_lower(clarus_context *context, const char *path, clarus_tensor *const *inputs,
                                 size_t count, float_run *run, clarus_error *error)
{
    shape shapes[DOUBLE_INPUTS];
    const void *data[DOUBLE_INPUTS];
    float *wide[DOUBLE_INPUTS] = {NULL};
    stage *last = NULL;
    clarus_status status = clarus_model_load(context, path, &run->model, error);
    if (status == CLARUS_OK)
        status = clarus_device_open(context, "reference", &run->device, error);
    if (status != CLARUS_OK)
        return status;
    if (count > DOUBLE_INPUTS || count != clarus_model_input_count(run->model))
        return CLARUS_E_SHAPE;
    for (size_t k = 0; k < count; k++) {
        shapes[k].rank = clarus_tensor_rank(inputs[k]);
        memcpy(shapes[k].dims, clarus_tensor_shape(inputs[k]), shapes[k].rank * sizeof(int64_t));
        data[k] = input_data(inputs[k], &wide[k]);
    }
    run->stages = (stage_cache){
        .context = context, .device = run->device, .model = run->model, .math = CLARUS_MATH_EXACT};
    status = stage_reach(&run->stages, shapes, data, NULL, &last, error);
    run->graph = status == CLARUS_OK ? last->graph : NULL;
    for (size_t k = 0; k < count; k++)
        free(wide[k]);
    return status;
}

static clarus_status float_execute(float_run *run, clarus_tensor *const *inputs, clarus_error *error)
{
    lowered_graph *g = run->graph;
    clarus_status status = CLARUS_OK;
    for (size_t k = 0; k < g->value_count && status == CLARUS_OK; k++)
        status = lowered_load(g, k, error);
    run->data = need(g->value_count, sizeof *run->data);
    run->owned = need(g->value_count, sizeof *run->owned);
    for (size_t k = 0; k < g->value_count; k++)
        run->data[k] = g->values[k].data;
    for (size_t k = 0; k < g->input_count; k++) {
        float *wide = NULL;
        run->data[g->inputs[k]] = input_data(inputs[k], &wide);
        run->owned[g->inputs[k]] = wide;
    }
    for (size_t k = 0; k < g->op_count && status == CLARUS_OK; k++) {
        const lowered_op *op = &g->ops[k];
        const lowered_value *out = &g->values[op->output];
        const void **arguments = need(op->input_count, sizeof *arguments);
        int64_t elements = 0;
        shape_count(&out->shape, &elements);
        for (size_t i = 0; i < op->input_count; i++)
            arguments[i] = run->data[op->inputs[i]];
        run->data[op->output] = run->owned[op->output] =
            need((size_t)elements, clarus_dtype_size(out->dtype));
        status = oracle_op(g, op, arguments, run->owned[op->output], run->threads, error);
        free(arguments);
    }
    return status;
}

static void float_free(float_run *run)
{
    for (size_t k = 0; run->owned && k < run->graph->value_count; k++)
        free(run->owned[k]);
    free(run->owned);
    free(run->data);
    stage_cache_release(&run->stages);
    clarus_device_free(run->device);
    clarus_model_free(run->model);
}

/* ---- the comparison ---- */

typedef struct checker {
    const float_run *run;
    double_report *report;
    char *message;
    int failed;
} checker;

/* The lowered value that holds the model's value `name`: an output by its place, others by name. */
static size_t find_value(const checker *c, const char *name)
{
    const lowered_graph *g = c->run->graph;
    for (size_t k = 0; k < g->output_count; k++)
        if (strcmp(clarus_model_output(c->run->model, k)->name, name) == 0)
            return g->outputs[k];
    for (size_t k = 0; k < g->value_count; k++)
        if (g->values[k].kind == VALUE_TEMPORARY && strcmp(g->values[k].name, name) == 0)
            return k;
    return SIZE_MAX;
}

static void keep_worst(double *worst, char name[128], double value, const char *of)
{
    if (value > *worst) {
        *worst = value;
        snprintf(name, 128, "%s", of);
    }
}

static void compare_floats(checker *c, const char *name, const dtensor *t, clarus_dtype dtype,
                           const void *data)
{
    double worst = 0, errors = 0, bounds = 0;
    int64_t at = 0;
    for (int64_t k = 0; k < t->count; k++) {
        approx x = get(t, k);
        double f = element_double(dtype, data, k), distance = double_distance(f, x, t->dtype);
        if (distance > worst)
            worst = distance, at = k;
        c->report->unbounded += isfinite(x.e) ? 0 : 1;
        if (isfinite(f) && isfinite(x.v) && isfinite(x.e)) {
            errors += (f - x.v) * (f - x.v);
            bounds += x.e * x.e;
        }
    }
    keep_worst(&c->report->worst, c->report->worst_name, worst, name);
    if (bounds > 0)
        keep_worst(&c->report->worst_norm, c->report->worst_norm_name, sqrt(errors / bounds), name);
    if (worst > 1 && !c->failed) {
        c->failed = 1;
        snprintf(c->message, DOUBLE_MESSAGE, "%s[%lld]: %.9g in float32, %.17g in double, bound %.3g", name,
                 (long long)at, element_double(dtype, data, at), t->v[at], get(t, at).e);
    }
}

static void compare_integers(checker *c, const char *name, const dtensor *t, clarus_dtype dtype,
                             const void *data)
{
    for (int64_t k = 0; k < t->count && !c->failed; k++) {
        int64_t i = element_int(dtype, data, k);
        double steps = i == t->i[k] ? 0 : fabs((double)i - (double)t->i[k]), allowed = get(t, k).e;
        c->report->integers += 1;
        c->report->uncertain += allowed > 0;
        c->report->moved += steps > 0;
        if (steps > allowed) {
            c->failed = 1;
            snprintf(c->message, DOUBLE_MESSAGE, "%s[%lld]: %lld, not %lld, which may be off by %g", name,
                     (long long)k, (long long)i, (long long)t->i[k], allowed);
        }
    }
}

/* Compares a computed value with the float32 run's, and goes on from there. */
static void visit(void *user, const char *name, dtensor **t)
{
    checker *c = user;
    size_t number = find_value(c, name);
    c->report->nodes++;
    if (number == SIZE_MAX || c->failed)
        return;
    const lowered_value *value = &c->run->graph->values[number];
    if (!shape_equal(&value->shape, &(*t)->shape) ||
        dtype_is_float(value->dtype) != dtype_is_float((*t)->dtype)) {
        char a[SHAPE_TEXT], b[SHAPE_TEXT];
        c->failed = 1;
        snprintf(c->message, DOUBLE_MESSAGE, "%s: %s %s, not %s %s", name, clarus_dtype_name(value->dtype),
                 shape_text(&value->shape, a), clarus_dtype_name((*t)->dtype), shape_text(&(*t)->shape, b));
        return;
    }
    c->report->compared++;
    if ((*t)->v)
        compare_floats(c, name, *t, value->dtype, c->run->data[number]);
    else
        compare_integers(c, name, *t, value->dtype, c->run->data[number]);
    dtensor *anchor = dtensor_from(value->dtype, &value->shape, c->run->data[number]);
    anchor->dtype = (*t)->dtype;
    dtensor_free(*t);
    *t = anchor;
}

/* Largest difference over the root mean square of the double output. */
static double output_difference(const dtensor *t, clarus_dtype dtype, const void *data)
{
    double squares = 0, worst = 0;
    for (int64_t k = 0; k < t->count && t->v; k++) {
        squares += t->v[k] * t->v[k];
        worst = fmax(worst, fabs(element_double(dtype, data, k) - t->v[k]));
    }
    return squares > 0 ? worst / sqrt(squares / (double)t->count) : 0;
}

static int compare_runs(const char *path, const float_run *run, dtensor *const *inputs, size_t count,
                        int end_to_end, double_report *report, char *message)
{
    size_t outputs = run->graph->output_count;
    dtensor **computed = need(outputs, sizeof *computed);
    checker c = {run, report, message, 0};
    int status = double_run(path, inputs, count, computed, outputs, end_to_end ? NULL : visit, &c,
                            run->threads, message);
    for (size_t k = 0; k < outputs; k++) {
        size_t number = run->graph->outputs[k];
        if (status == DOUBLE_OK && end_to_end)
            report->end_to_end =
                fmax(report->end_to_end,
                     output_difference(computed[k], run->graph->values[number].dtype, run->data[number]));
        dtensor_free(computed[k]);
    }
    free(computed);
    return status == DOUBLE_OK && c.failed ? DOUBLE_BAD : status;
}

int double_check(clarus_context *context, const char *path, clarus_tensor *const *inputs, size_t input_count,
                 int end_to_end, double_report *report, char *message)
{
    float_run run = {.threads = clarus_context_threads(context)};
    dtensor *given[DOUBLE_INPUTS] = {NULL};
    clarus_error error = {CLARUS_OK, ""};
    memset(report, 0, sizeof *report);
    clarus_status made = float_lower(context, path, inputs, input_count, &run, &error);
    int status = made == CLARUS_OK ? DOUBLE_OK : DOUBLE_UNSUPPORTED;
    if (status == DOUBLE_OK && float_execute(&run, inputs, &error) != CLARUS_OK)
        status = DOUBLE_BAD;
    snprintf(message, DOUBLE_MESSAGE, "%s", error.message);
    for (size_t k = 0; status == DOUBLE_OK && k < input_count; k++) {
        shape s = {clarus_tensor_rank(inputs[k]), {0}};
        memcpy(s.dims, clarus_tensor_shape(inputs[k]), s.rank * sizeof(int64_t));
        given[k] = dtensor_from(clarus_tensor_dtype(inputs[k]), &s, clarus_tensor_const_data(inputs[k]));
    }
    if (status == DOUBLE_OK)
        status = compare_runs(path, &run, given, input_count, 0, report, message);
    if (status == DOUBLE_OK && end_to_end)
        status = compare_runs(path, &run, given, input_count, 1, report, message);
    for (size_t k = 0; k < DOUBLE_INPUTS; k++)
        dtensor_free(given[k]);
    float_free(&run);
    return status;
}
