/* The driver binds the model's inputs and initializers, lowers the needed nodes in order, and runs the
 * passes. */
#include "lower.h"

#include "../fallback/oracle.h"
#include "convert.h"
#include "dtype.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void lower_error(lowering *l, clarus_status status, const char *format, ...)
{
    if (l->status != CLARUS_OK)
        return;
    char text[sizeof l->error->message];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    l->status = error_set(l->error, status, "%s", text);
}

static size_t fail_memory(lowering *l)
{
    lower_error(l, CLARUS_E_MEMORY, "out of memory");
    return LOWER_NONE;
}

/* ---- The node at hand */

int lower_has_input(const lowering *l, size_t i)
{
    return i < l->node->input_count && l->node->inputs[i] != GRAPH_NONE;
}

/* A constant in float64 as float32, made once. */
static size_t narrowed(lowering *l, binding *b)
{
    if (b->narrow == LOWER_NONE)
        b->narrow = lower_convert(l, b->number, CLARUS_FLOAT32);
    return b->narrow;
}

size_t lower_input(lowering *l, size_t i)
{
    binding *b = lower_has_input(l, i) ? &l->bindings[l->node->inputs[i]] : NULL;
    size_t number = b ? b->number : LOWER_NONE;
    if (l->narrows && lower_dtype(l, number) == CLARUS_FLOAT64)
        number = narrowed(l, b);
    if (!lower_has_input(l, i))
        lower_error(l, CLARUS_E_FORMAT, "input %zu is missing", i);
    else if (number == LOWER_NONE)
        lower_error(l, CLARUS_E_UNSUPPORTED, "input \"%s\" comes from an output that is not supported",
                    l->node->input_names[i]);
    return number;
}

clarus_dtype lower_input_type(const lowering *l, size_t i)
{
    return lower_has_input(l, i) ? l->bindings[l->node->inputs[i]].dtype : (clarus_dtype)0;
}

static const graph_attribute *find_attribute(lowering *l, const char *name, attribute_kind kind)
{
    const graph_attribute *a = node_attribute(l->node, name);
    if (!a || a->kind == kind)
        return a;
    lower_error(l, CLARUS_E_FORMAT, "attribute \"%s\" has a wrong type", name);
    return NULL;
}

int64_t lower_int(lowering *l, const char *name, int64_t otherwise)
{
    const graph_attribute *a = find_attribute(l, name, ATTRIBUTE_INT);
    return a ? a->as.i : otherwise;
}

float lower_float(lowering *l, const char *name, float otherwise)
{
    const graph_attribute *a = find_attribute(l, name, ATTRIBUTE_FLOAT);
    return a ? a->as.f : otherwise;
}

const char *lower_string(lowering *l, const char *name, const char *otherwise)
{
    const graph_attribute *a = find_attribute(l, name, ATTRIBUTE_STRING);
    return a ? a->as.string : otherwise;
}

const int64_t *lower_ints(lowering *l, const char *name, size_t *count)
{
    static const int64_t none = 0;
    const graph_attribute *a = find_attribute(l, name, ATTRIBUTE_INTS);
    *count = a ? a->count : 0;
    return !a ? NULL : a->count ? a->as.ints : &none;
}

const float *lower_floats(lowering *l, const char *name, size_t *count)
{
    const graph_attribute *a = find_attribute(l, name, ATTRIBUTE_FLOATS);
    *count = a ? a->count : 0;
    return a ? a->as.floats : NULL;
}

/* Several values may be missed by one node, before anything else goes wrong. */
static void miss(lowering *l, size_t value)
{
    lower_missing *m = l->missing;
    if (l->status != CLARUS_OK && !m->count)
        return;
    for (size_t i = 0; i < m->count; i++)
        if (m->values[i] == value)
            return;
    if (m->count < LOWER_MISSING)
        m->values[m->count++] = value;
    lower_error(l, CLARUS_E_UNSUPPORTED, "value \"%s\" must be known beforehand",
                l->model->values[value].name);
}

const void *lower_known(lowering *l, size_t i)
{
    size_t x = lower_input(l, i);
    const void *data = lower_data(l, x);
    if (!data && x != LOWER_NONE)
        miss(l, l->node->inputs[i]);
    return data;
}

size_t lower_int_input(lowering *l, size_t i, int64_t *values, size_t room)
{
    const void *data = lower_known(l, i);
    if (l->status != CLARUS_OK)
        return 0;
    size_t x = lower_input(l, i), count = (size_t)lower_count(l, x);
    clarus_dtype dtype = lower_dtype(l, x);
    if (dtype != CLARUS_INT64 && dtype != CLARUS_INT32)
        lower_error(l, CLARUS_E_FORMAT, "input \"%s\" is %s, not an integer", l->node->input_names[i],
                    clarus_dtype_name(dtype));
    else if (count > room)
        lower_error(l, CLARUS_E_UNSUPPORTED, "input \"%s\" has %zu values, at most %zu are supported",
                    l->node->input_names[i], count, room);
    if (l->status != CLARUS_OK)
        return 0;
    for (size_t k = 0; k < count; k++)
        values[k] = dtype == CLARUS_INT64 ? ((const int64_t *)data)[k] : ((const int32_t *)data)[k];
    return count;
}

size_t lower_float_input(lowering *l, size_t i, float *values, size_t room)
{
    const void *data = lower_known(l, i);
    if (l->status != CLARUS_OK)
        return 0;
    size_t x = lower_input(l, i), count = (size_t)lower_count(l, x);
    if (lower_dtype(l, x) != CLARUS_FLOAT32)
        lower_error(l, CLARUS_E_FORMAT, "input \"%s\" is %s, not float32", l->node->input_names[i],
                    clarus_dtype_name(lower_dtype(l, x)));
    else if (count > room)
        lower_error(l, CLARUS_E_UNSUPPORTED, "input \"%s\" has %zu values, at most %zu are supported",
                    l->node->input_names[i], count, room);
    if (l->status != CLARUS_OK)
        return 0;
    memcpy(values, data, count * sizeof *values);
    return count;
}

size_t lower_axis(lowering *l, int64_t axis, size_t rank)
{
    int found = shape_axis(axis, rank);
    if (found < 0)
        lower_error(l, CLARUS_E_SHAPE, "axis %lld of a value of %zu dimensions", (long long)axis, rank);
    return found < 0 ? 0 : (size_t)found;
}

/* ---- Values */

shape lower_shape(const lowering *l, size_t number)
{
    return number == LOWER_NONE ? (shape){.rank = 0} : l->out->values[number].shape;
}

clarus_dtype lower_dtype(const lowering *l, size_t number)
{
    return number == LOWER_NONE ? CLARUS_FLOAT32 : l->out->values[number].dtype;
}

int lower_is_constant(const lowering *l, size_t number)
{
    return number != LOWER_NONE && l->out->values[number].kind == VALUE_CONSTANT;
}

const void *lower_data(lowering *l, size_t number)
{
    if (!lower_is_constant(l, number))
        return NULL;
    if (l->status == CLARUS_OK)
        l->status = lowered_load(l->out, number, l->error);
    return l->out->values[number].data;
}

int64_t lower_count(const lowering *l, size_t number)
{
    int64_t count = 0;
    if (number != LOWER_NONE)
        shape_count(&l->out->values[number].shape, &count);
    return count;
}

size_t lower_constant(lowering *l, clarus_dtype dtype, const shape *shape, const void *data)
{
    size_t number;
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    l->status = lowered_add_value(l->out, VALUE_CONSTANT, dtype, shape, data,
                                  l->node ? l->node->name : "constant", &number, l->error);
    return l->status == CLARUS_OK ? number : LOWER_NONE;
}

size_t lower_tensor(lowering *l, const graph_tensor *tensor, const char *name)
{
    size_t number;
    const void *data = tensor->data; /* NULL if it is in a file, which float32 alone can be */
    clarus_dtype dtype = convert_kept(tensor->dtype);
    if (!dtype)
        lower_error(l, CLARUS_E_UNSUPPORTED, "the type of \"%s\" is not supported", name);
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    if (dtype != tensor->dtype) {
        float *wide = lowered_alloc(l->out, tensor->count, sizeof *wide);
        if (!wide)
            return fail_memory(l);
        convert_to_float(tensor->dtype, data, tensor->count, wide);
        data = wide;
    }
    l->status =
        lowered_add_value(l->out, VALUE_CONSTANT, dtype, &tensor->shape, data, name, &number, l->error);
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    l->out->values[number].file = tensor->file;
    l->out->values[number].offset = tensor->offset;
    return number;
}

void *lower_memory(lowering *l, int64_t count, size_t size)
{
    uint64_t limit = l->out->context->max_model_bytes / 8;
    if (l->status != CLARUS_OK)
        return NULL;
    if ((uint64_t)count > (limit - l->folded_bytes) / size) {
        lower_error(l, CLARUS_E_LIMIT, "computed constants exceed the limit of %llu bytes",
                    (unsigned long long)limit);
        return NULL;
    }
    void *memory = lowered_alloc(l->out, (size_t)count, size);
    if (!memory) {
        fail_memory(l);
        return NULL;
    }
    l->folded_bytes += (uint64_t)count * size;
    return memset(memory, 0, (size_t)count * size);
}

size_t lower_scalar(lowering *l, float value)
{
    shape scalar = {.rank = 0};
    float *data = lower_memory(l, 1, sizeof *data);
    if (!data)
        return LOWER_NONE;
    *data = value;
    return lower_constant(l, CLARUS_FLOAT32, &scalar, data);
}

size_t lower_int64s(lowering *l, const int64_t *values, size_t count)
{
    shape row = {.rank = 1, .dims = {(int64_t)count}};
    int64_t *data = lower_memory(l, (int64_t)count, sizeof *data);
    if (!data)
        return LOWER_NONE;
    memcpy(data, values, count * sizeof *data);
    return lower_constant(l, CLARUS_INT64, &row, data);
}

/* ---- Emitting */

/* Computes an operation whose inputs are constant; its output becomes a constant. A view keeps its data. */
static void fold_op(lowering *l, const lowered_op *op)
{
    lowered_value *out = &l->out->values[op->output];
    const void **inputs = memory_alloc(l->out->context, op->input_count, sizeof *inputs);
    if (!inputs) {
        fail_memory(l);
        return;
    }
    for (size_t i = 0; i < op->input_count && op->kind != OP_VIEW; i++)
        inputs[i] = lower_data(l, op->inputs[i]);
    if (op->kind == OP_VIEW) {
        const lowered_value *in = &l->out->values[op->inputs[0]];
        out->data = in->data;
        out->file = in->file;
        out->offset = in->offset;
    } else if (l->status == CLARUS_OK) {
        void *data = lower_memory(l, lower_count(l, op->output), clarus_dtype_size(out->dtype));
        out->data = data;
        if (data)
            l->status = oracle_op(l->out, op, inputs, data, l->out->context->threads, l->error);
    }
    out->kind = VALUE_CONSTANT;
    memory_free(l->out->context, inputs);
}

static int is_constant_op(const lowering *l, const lowered_op *op)
{
    for (size_t i = 0; i < op->input_count; i++)
        if (!lower_is_constant(l, op->inputs[i]))
            return 0;
    return 1;
}

/* Most kinds of operations compute float32. */
static void check_types(lowering *l, const lowered_op *op)
{
    int moves = op->kind == OP_MOVE || op->kind == OP_GATHER || op->kind == OP_SCATTER ||
                op->kind == OP_TOP || op->kind == OP_SCAN || op->kind == OP_VIEW;
    if (moves || op->kind == OP_TYPED)
        return;
    int has_indices = op->kind == OP_RESAMPLE || op->kind == OP_ROI_ALIGN; /* the second input */
    for (size_t i = 0; i < op->input_count; i++)
        if (!(has_indices && i == 1) && lower_dtype(l, op->inputs[i]) != CLARUS_FLOAT32)
            lower_error(l, CLARUS_E_UNSUPPORTED, "%s of %s is not supported", op_kind_name(op->kind),
                        clarus_dtype_name(lower_dtype(l, op->inputs[i])));
}

size_t lower_emit(lowering *l, const lowered_op *op, clarus_dtype dtype, const shape *shape)
{
    size_t number;
    lowered_op *added;
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    check_types(l, op);
    if (l->status == CLARUS_OK)
        l->status =
            lowered_add_value(l->out, VALUE_TEMPORARY, dtype, shape, NULL, l->node->name, &number, l->error);
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    lowered_op complete = *op;
    complete.output = number;
    complete.name = l->node->name;
    if (is_constant_op(l, op)) {
        fold_op(l, &complete);
    } else {
        l->status = lowered_add_op(l->out, op->kind, op->inputs, op->input_count, number, l->node->name,
                                   &added, l->error);
        if (l->status == CLARUS_OK) {
            complete.inputs = added->inputs;
            complete.name = added->name;
            *added = complete;
        }
    }
    return l->status == CLARUS_OK ? number : LOWER_NONE;
}

/* The integer form of a function of floats. */
static typed_function integer_form(lowering *l, eltwise_function function, clarus_dtype dtype)
{
    typed_function form = typed_find(eltwise_name(function));
    if (form == TYPED_COUNT || !dtype_integer(dtype).bits) {
        lower_error(l, CLARUS_E_UNSUPPORTED, "%s of %s is not supported", eltwise_name(function),
                    clarus_dtype_name(dtype));
        return TYPED_identity;
    }
    return form;
}

size_t lower_unary(lowering *l, eltwise_function function, size_t x, float a, float b)
{
    shape out = lower_shape(l, x);
    lowered_op op = {.kind = OP_ELTWISE, .inputs = &x, .input_count = 1};
    if (lower_dtype(l, x) != CLARUS_FLOAT32)
        return lower_typed(l, integer_form(l, function, lower_dtype(l, x)), &x, lower_dtype(l, x));
    op.as.eltwise = (eltwise_params){function, a, b};
    return lower_emit(l, &op, lower_dtype(l, x), &out);
}

/* The operands broadcast to the output's shape; those from `first` on are of one type. */
static size_t emit_broadcast(lowering *l, const lowered_op *op, size_t first, clarus_dtype dtype)
{
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    shape out = lower_shape(l, op->inputs[0]);
    clarus_dtype type = lower_dtype(l, op->inputs[first]);
    for (size_t i = 1; i < op->input_count && l->status == CLARUS_OK; i++) {
        shape left = out, right = lower_shape(l, op->inputs[i]);
        if (!shape_broadcast(&left, &right, &out))
            lower_error(l, CLARUS_E_SHAPE, "shapes %s and %s do not fit each other", shape_text(&left, a),
                        shape_text(&right, b));
        if (i >= first && lower_dtype(l, op->inputs[i]) != type)
            lower_error(l, CLARUS_E_SHAPE, "operands of %s and %s", clarus_dtype_name(type),
                        clarus_dtype_name(lower_dtype(l, op->inputs[i])));
    }
    return lower_emit(l, op, dtype, &out);
}

size_t lower_typed(lowering *l, typed_function function, size_t *inputs, clarus_dtype dtype)
{
    const typed_info *info = typed_get(function);
    lowered_op op = {.kind = OP_TYPED, .inputs = inputs, .input_count = (size_t)info->operands};
    clarus_dtype type = lower_dtype(l, inputs[0]);
    int moves = info->family == FAMILY_SELECTION, converts = info->family == FAMILY_CONVERSION;
    op.as.typed.function = function;
    if (moves ? type != CLARUS_BOOL : !converts && type == CLARUS_FLOAT64)
        lower_error(l, CLARUS_E_UNSUPPORTED, "%s of %s is not supported", info->name,
                    clarus_dtype_name(type));
    return emit_broadcast(l, &op, moves ? 1 : 0, dtype);
}

size_t lower_convert(lowering *l, size_t x, clarus_dtype dtype)
{
    if (dtype == CLARUS_FLOAT64 && !lower_is_constant(l, x))
        dtype = CLARUS_FLOAT32;
    if (lower_dtype(l, x) == dtype)
        return x;
    if (!clarus_dtype_size(dtype) || convert_is_half(dtype))
        lower_error(l, CLARUS_E_UNSUPPORTED, "a conversion to %s is not supported", clarus_dtype_name(dtype));
    return lower_typed(l, TYPED_cast, &x, dtype);
}

size_t lower_binary(lowering *l, eltwise_function function, size_t x, size_t y)
{
    size_t inputs[] = {x, y};
    lowered_op op = {.kind = OP_ELTWISE, .inputs = inputs, .input_count = 2};
    if (lower_dtype(l, x) != CLARUS_FLOAT32)
        return lower_typed(l, integer_form(l, function, lower_dtype(l, x)), inputs, lower_dtype(l, x));
    op.as.eltwise.function = function;
    return emit_broadcast(l, &op, 0, CLARUS_FLOAT32);
}

size_t lower_mul_add(lowering *l, size_t x, size_t y, size_t z)
{
    size_t inputs[] = {x, y, z};
    lowered_op op = {.kind = OP_ELTWISE, .inputs = inputs, .input_count = 3};
    op.as.eltwise.function = ELTWISE_mul_add;
    return emit_broadcast(l, &op, 0, CLARUS_FLOAT32);
}

size_t lower_view(lowering *l, size_t x, const shape *shape)
{
    lowered_op op = {.kind = OP_VIEW, .inputs = &x, .input_count = 1};
    return lower_emit(l, &op, lower_dtype(l, x), shape);
}

/* If the part is the whole of x in its order: axes of extent 1 alone change places. */
static int keeps_order(lowering *l, size_t x, const move_part *part, const shape *out)
{
    int64_t count;
    if (!shape_count(out, &count) || count != lower_count(l, x) || part->from_offset || part->to_offset)
        return 0;
    for (size_t k = 0; k < part->rank; k++)
        if (part->dims[k] != 1 && part->from_strides[k] != part->to_strides[k])
            return 0;
    return 1;
}

size_t lower_move(lowering *l, size_t x, const move_part *part, const shape *shape)
{
    if (l->status == CLARUS_OK && keeps_order(l, x, part, shape))
        return lower_view(l, x, shape);
    lowered_op op = {.kind = OP_MOVE, .inputs = &x, .input_count = 1};
    op.as.move = (move_params){.covers = 1, .concat_axis = -1};
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    op.as.move.parts = lowered_alloc(l->out, 1, sizeof *part);
    if (!op.as.move.parts)
        return fail_memory(l);
    *op.as.move.parts = *part;
    return lower_emit(l, &op, lower_dtype(l, x), shape);
}

size_t lower_transpose(lowering *l, size_t x, const size_t *axes)
{
    shape in = lower_shape(l, x), out = in;
    int64_t strides[CLARUS_MAX_RANK];
    move_part part = {.rank = in.rank};
    shape_strides(&in, strides);
    for (size_t i = 0; i < in.rank; i++) {
        out.dims[i] = part.dims[i] = in.dims[axes[i]];
        part.from_strides[i] = strides[axes[i]];
    }
    shape_strides(&out, part.to_strides);
    return lower_move(l, x, &part, &out);
}

size_t lower_reduce_axes(lowering *l, reduce_function function, size_t x, const unsigned char *axes)
{
    shape out = lower_shape(l, x);
    lowered_op op = {.kind = OP_REDUCE, .inputs = &x, .input_count = 1};
    op.as.reduce.function = function;
    memcpy(op.as.reduce.reduced, axes, out.rank);
    for (size_t i = 0; i < out.rank; i++)
        if (axes[i])
            out.dims[i] = 1;
    return lower_emit(l, &op, lower_dtype(l, x), &out);
}

lower_note *lower_add_note(lowering *l, note_kind kind, size_t value)
{
    if (l->status != CLARUS_OK)
        return NULL;
    if (!memory_grow(l->out->context, (void **)&l->notes, &l->note_capacity, l->note_count + 1,
                     sizeof *l->notes)) {
        fail_memory(l);
        return NULL;
    }
    lower_note *note = &l->notes[l->note_count++];
    *note = (lower_note){.kind = kind, .value = value};
    return note;
}

/* ---- Binding */

void lower_bind_as(lowering *l, size_t output, size_t number, clarus_dtype dtype)
{
    if (l->status != CLARUS_OK || output >= l->node->output_count || l->node->outputs[output] == GRAPH_NONE)
        return;
    binding *bound = &l->bindings[l->node->outputs[output]];
    if (bound->number != LOWER_NONE) /* known beforehand, unlike another output of the node */
        return;
    *bound = (binding){number, dtype, LOWER_NONE};
    l->out->narrows |= dtype == CLARUS_FLOAT64 && lower_dtype(l, number) == CLARUS_FLOAT32;
    lowered_value *value = &l->out->values[number];
    if (value->kind == VALUE_TEMPORARY && strcmp(value->name, l->node->name) == 0) { /* made by this node */
        const char *name = arena_strdup(&l->out->arena, l->node->output_names[output]);
        value->name = name ? name : value->name;
    }
}

void lower_bind(lowering *l, size_t output, size_t number)
{
    clarus_dtype dtype = lower_dtype(l, number);
    if (dtype == CLARUS_FLOAT32 && l->carried) {
        dtype = l->carried;
        if (convert_is_half(dtype) && !(l->row->flags & OPERATOR_KEEPS_HALF))
            number = lower_unary(l, convert_rounding(dtype), number, 0, 0);
    }
    lower_bind_as(l, output, number, dtype);
}

/* ---- The driver */

static clarus_status bind_inputs(lowering *l)
{
    const graph *model = l->model;
    l->out->inputs = lowered_alloc(l->out, model->input_count, sizeof *l->out->inputs);
    if (!l->out->inputs)
        return error_memory(l->error, "graph inputs");
    for (size_t i = 0; i < model->input_count && l->status == CLARUS_OK; i++) {
        const graph_port *port = &model->inputs[i];
        clarus_dtype dtype = convert_computed(port->info.dtype);
        size_t number;
        l->status = lowered_add_value(l->out, VALUE_INPUT, dtype, &l->request->shapes[i], NULL,
                                      port->info.name, &number, l->error);
        if (l->status != CLARUS_OK)
            break;
        l->out->values[number].declared = port->info.dtype;
        l->out->narrows |= port->info.dtype == CLARUS_FLOAT64;
        l->bindings[port->value] = (binding){number, port->info.dtype, LOWER_NONE};
        l->out->inputs[l->out->input_count++] = number;
    }
    return l->status;
}

/* A known input stays an input of the lowered graph, which nothing reads. */
static clarus_status bind_known(lowering *l)
{
    for (size_t i = 0; i < l->request->known_count && l->status == CLARUS_OK; i++) {
        const known_value *k = &l->request->known[i];
        size_t number;
        l->status = lowered_add_value(l->out, VALUE_CONSTANT, k->dtype, &k->shape, k->data,
                                      l->model->values[k->value].name, &number, l->error);
        if (l->status == CLARUS_OK)
            l->bindings[k->value] = (binding){number, k->declared, LOWER_NONE};
    }
    return l->status;
}

static size_t target_count(const lowering *l)
{
    return l->request->targets ? l->request->target_count : l->model->output_count;
}

static size_t target_value(const lowering *l, size_t i)
{
    return l->request->targets ? l->request->targets[i] : l->model->outputs[i].value;
}

static int is_needed(const lowering *l, const graph_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE && l->needed[node->outputs[i]] &&
            l->bindings[node->outputs[i]].number == LOWER_NONE)
            return 1;
    return 0;
}

/* What is known of a condition before anything is lowered: 0 or 1, or -1. */
static int peek_condition(const lowering *l, size_t value)
{
    const graph_tensor *tensor = l->model->values[value].tensor;
    size_t number = l->bindings[value].number;
    const unsigned char *data = lower_is_constant(l, number) ? l->out->values[number].data : NULL;
    if (tensor && tensor->dtype == CLARUS_BOOL && tensor->count == 1)
        data = tensor->data;
    else if (lower_dtype(l, number) != CLARUS_BOOL || lower_count(l, number) != 1)
        data = NULL;
    return data ? *data != 0 : -1;
}

/* Of an If the branch that is taken, and neither as long as that is not known. */
static int needs_input(const lowering *l, const graph_node *node, size_t i)
{
    return i == 0 || node->branch_inputs == 0 ||
           peek_condition(l, node->inputs[0]) == (i <= node->branch_inputs);
}

static void need(lowering *l, const graph_node *node)
{
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != GRAPH_NONE && needs_input(l, node, i))
            l->needed[node->inputs[i]] = 1;
}

/* Walks back from `count` values to what is known. */
static void mark_needed(lowering *l, const size_t *values, size_t count)
{
    memset(l->needed, 0, l->model->value_count);
    for (size_t i = 0; i < count; i++)
        l->needed[values ? values[i] : target_value(l, i)] = 1;
    for (size_t n = l->model->node_count; n-- > 0;)
        if (is_needed(l, &l->model->nodes[n]))
            need(l, &l->model->nodes[n]);
}

/* The condition of the first needed If whose branch is not known, so that no other decides about it;
 * GRAPH_NONE if all are. Those that are inputs are asked for at once. */
static size_t open_condition(lowering *l)
{
    size_t first = GRAPH_NONE;
    for (size_t n = 0; n < l->model->node_count; n++) {
        const graph_node *node = &l->model->nodes[n];
        size_t c = node->branch_inputs ? node->inputs[0] : GRAPH_NONE;
        if (c == GRAPH_NONE || !is_needed(l, node) || peek_condition(l, c) >= 0)
            continue;
        first = first == GRAPH_NONE ? c : first;
        const graph_value *value = &l->model->values[c];
        if (value->node == GRAPH_NONE && !value->tensor && !lower_is_constant(l, l->bindings[c].number))
            miss(l, c);
    }
    return first;
}

/* Initializers are bound when first used, so that those of nodes not needed cost nothing. */
static void bind_constant(lowering *l, size_t number)
{
    const graph_value *value = &l->model->values[number];
    binding *bound = &l->bindings[number];
    if (value->tensor && bound->number == LOWER_NONE)
        *bound = (binding){lower_tensor(l, value->tensor, value->name), value->tensor->dtype, LOWER_NONE};
}

/* The first operand in floating point decides what the node computes in. float64 is float32, unless a node of
 * constants only moves or converts it. */
static void bind_inputs_of_node(lowering *l)
{
    clarus_dtype first = (clarus_dtype)0;
    l->narrows = !(l->row->flags & OPERATOR_MOVES);
    for (size_t i = 0; i < l->node->input_count && l->status == CLARUS_OK; i++) {
        if (!lower_has_input(l, i))
            continue;
        bind_constant(l, l->node->inputs[i]);
        const binding *b = &l->bindings[l->node->inputs[i]];
        if (!first && convert_computed(b->dtype) == CLARUS_FLOAT32)
            first = b->dtype;
        l->narrows |= b->number != LOWER_NONE && !lower_is_constant(l, b->number);
    }
    l->carried = first == CLARUS_FLOAT32 ? (clarus_dtype)0 : first;
}

/* The condition of an If, which must be known: 0 or 1, or -1 on failure. */
static int read_condition(lowering *l, size_t value)
{
    bind_constant(l, value);
    size_t number = l->bindings[value].number;
    const unsigned char *data = lower_data(l, number);
    if (number == LOWER_NONE)
        lower_error(l, CLARUS_E_UNSUPPORTED, "condition \"%s\" is not supported",
                    l->model->values[value].name);
    else if (lower_dtype(l, number) != CLARUS_BOOL || lower_count(l, number) != 1)
        lower_error(l, CLARUS_E_SHAPE, "condition \"%s\" is not one bool", l->model->values[value].name);
    else if (!data)
        miss(l, value);
    return l->status == CLARUS_OK ? *data != 0 : -1;
}

/* The nodes of the branch that is taken stand before it. */
void lower_if(lowering *l)
{
    size_t outputs = l->node->output_count;
    int taken = read_condition(l, l->node->inputs[0]);
    for (size_t i = 0; i < outputs && l->status == CLARUS_OK; i++) {
        size_t from = 1 + i + (taken ? 0 : outputs);
        lower_bind_as(l, i, lower_input(l, from), lower_input_type(l, from));
    }
}

static void check_operand(lowering *l)
{
    clarus_dtype dtype = lower_input_type(l, l->row->flags & OPERATOR_CHOOSES ? 1 : 0);
    if (dtype && !(l->row->types & TYPE_BIT(dtype)))
        lower_error(l, CLARUS_E_UNSUPPORTED, "operands of %s are not supported", clarus_dtype_name(dtype));
}

static clarus_status lower_node(lowering *l, const graph_node *node)
{
    char text[NODE_TEXT];
    l->node = node;
    l->row = operator_find(node);
    if (!l->row)
        lower_error(l, CLARUS_E_UNSUPPORTED, "the operator is not supported");
    else
        bind_inputs_of_node(l);
    if (l->status == CLARUS_OK)
        check_operand(l);
    if (l->status == CLARUS_OK)
        l->row->lower(l);
    l->node = NULL;
    if (l->status != CLARUS_OK)
        error_prefix(l->error, "%s: ", node_text(node, text));
    return l->status;
}

/* An output of the lowered graph is written by an operation and is no other output: else it becomes a copy.
 */
static int needs_copy(const lowering *l, size_t number)
{
    if (l->out->values[number].kind != VALUE_TEMPORARY)
        return 1;
    for (size_t i = 0; i < l->out->output_count; i++)
        if (l->out->outputs[i] == number)
            return 1;
    return 0;
}

static size_t copy_value(lowering *l, size_t number, const char *name)
{
    size_t copy;
    lowered_op *op;
    const lowered_value from = l->out->values[number];
    l->status =
        lowered_add_value(l->out, VALUE_TEMPORARY, from.dtype, &from.shape, NULL, name, &copy, l->error);
    if (l->status == CLARUS_OK)
        l->status = lowered_add_op(l->out, OP_MOVE, &number, 1, copy, name, &op, l->error);
    move_part *part = l->status == CLARUS_OK ? lowered_alloc(l->out, 1, sizeof *part) : NULL;
    if (l->status == CLARUS_OK && !part)
        fail_memory(l);
    if (l->status != CLARUS_OK)
        return LOWER_NONE;
    *part = (move_part){.rank = from.shape.rank};
    memcpy(part->dims, from.shape.dims, sizeof part->dims);
    shape_strides(&from.shape, part->from_strides);
    shape_strides(&from.shape, part->to_strides);
    op->as.move = (move_params){.parts = part, .covers = 1, .concat_axis = -1};
    return copy;
}

static clarus_status bind_outputs(lowering *l)
{
    l->out->outputs = lowered_alloc(l->out, target_count(l), sizeof *l->out->outputs);
    if (!l->out->outputs)
        return error_memory(l->error, "graph outputs");
    for (size_t i = 0; i < target_count(l) && l->status == CLARUS_OK; i++) {
        const graph_value *target = &l->model->values[target_value(l, i)];
        binding bound = l->bindings[target_value(l, i)];
        if (bound.number == LOWER_NONE && target->tensor) {
            bound =
                (binding){lower_tensor(l, target->tensor, target->name), target->tensor->dtype, LOWER_NONE};
        } else if (bound.number == LOWER_NONE) {
            lower_error(l, CLARUS_E_UNSUPPORTED, "graph output \"%s\" is not supported", target->name);
        }
        if (l->status == CLARUS_OK && needs_copy(l, bound.number))
            bound.number = copy_value(l, bound.number, target->name);
        if (l->status != CLARUS_OK)
            break;
        l->out->values[bound.number].declared = bound.dtype;
        l->out->values[bound.number].name = arena_strdup(&l->out->arena, target->name);
        if (!l->out->values[bound.number].name)
            return error_memory(l->error, "graph outputs");
        l->out->outputs[l->out->output_count++] = bound.number;
    }
    return l->status;
}

static clarus_status lower_needed(lowering *l)
{
    for (size_t n = 0; n < l->model->node_count && l->status == CLARUS_OK; n++)
        if (is_needed(l, &l->model->nodes[n]))
            lower_node(l, &l->model->nodes[n]);
    return l->status;
}

/* Conditions are lowered before anything that they decide about, so that nothing is for a branch that is not
 * taken. */
static clarus_status settle_conditions(lowering *l)
{
    enum { MOST = 1000 };
    size_t settled = 0, condition;
    mark_needed(l, NULL, target_count(l));
    while ((condition = open_condition(l)) != GRAPH_NONE && l->status == CLARUS_OK) {
        if (settled++ == MOST)
            lower_error(l, CLARUS_E_LIMIT, "more than %d conditions are computed", MOST);
        mark_needed(l, &condition, 1);
        if (lower_needed(l) == CLARUS_OK)
            read_condition(l, condition);
        mark_needed(l, NULL, target_count(l));
    }
    return l->status;
}

static clarus_status lower_nodes(lowering *l)
{
    l->bindings = memory_alloc(l->out->context, l->model->value_count, sizeof *l->bindings);
    l->needed = memory_calloc(l->out->context, l->model->value_count, 1);
    if (!l->bindings || !l->needed)
        return error_memory(l->error, "graph");
    for (size_t i = 0; i < l->model->value_count; i++)
        l->bindings[i] = (binding){LOWER_NONE, (clarus_dtype)0, LOWER_NONE};
    clarus_status status = bind_inputs(l);
    if (status == CLARUS_OK)
        status = bind_known(l);
    if (status != CLARUS_OK)
        return status;
    status = settle_conditions(l);
    if (status == CLARUS_OK)
        status = lower_needed(l);
    return status == CLARUS_OK ? bind_outputs(l) : status;
}

clarus_status lower_graph(const graph *model, const lower_request *request, lowered_graph **out,
                          lower_missing *missing, clarus_error *error)
{
    clarus_error local;
    lowering l = {.model = model, .request = request, .missing = missing, .error = error ? error : &local};
    *out = NULL;
    missing->count = 0;
    clarus_status status = lowered_create(model->context, &l.out, error);
    if (status == CLARUS_OK)
        status = lower_nodes(&l);
    if (status == CLARUS_OK)
        status = fuse_graph(l.out, l.notes, l.note_count, error);
    memory_free(model->context, l.bindings);
    memory_free(model->context, l.needed);
    memory_free(model->context, l.notes);
    if (status == CLARUS_OK)
        *out = l.out;
    else
        lowered_free(l.out);
    return status;
}
