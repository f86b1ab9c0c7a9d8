/* The passes over the lowered graph (numerics.md section 8). One walk in order: each operation tries to
 * become part of the one that computes its input. What a fusion leaves without a reader is removed at the
 * end, and the rest numbered anew. */
#include "finite.h"
#include "lower.h"

#include <math.h>
#include <string.h>

typedef struct fusing {
    lowered_graph *graph;
    const lower_note **notes; /* per value, or NULL */
    size_t *writer;           /* per value: the operation that writes it, or LOWER_NONE */
    size_t *uses;             /* per value: how often it is read, graph outputs included */
    unsigned char *dead;      /* per operation */
    clarus_error *error;
} fusing;

static lowered_op *writer_of(const fusing *f, size_t value)
{
    return f->writer[value] == LOWER_NONE ? NULL : &f->graph->ops[f->writer[value]];
}

/* The operation that writes the value, if it is of one of these kinds (a set of bits), nothing else reads the
 * value, and no function follows it yet. */
static lowered_op *open_writer(const fusing *f, size_t value, unsigned kinds)
{
    lowered_op *op = writer_of(f, value);
    return op && (kinds >> op->kind & 1) && f->uses[value] == 1 && !op->epilogue.has_function ? op : NULL;
}

enum { SUMS = 1u << OP_CONV | 1u << OP_MATMUL };

/* The same of a value's writer or, behind a view that leaves the rows of N values whole, of a matrix product.
 */
static lowered_op *open_sum(const fusing *f, size_t value)
{
    lowered_op *op = open_writer(f, value, SUMS | 1u << OP_VIEW);
    if (!op || op->kind != OP_VIEW)
        return op;
    const shape *seen = &f->graph->values[value].shape;
    lowered_op *product = open_writer(f, op->inputs[0], 1u << OP_MATMUL);
    return product && seen->rank && seen->dims[seen->rank - 1] == product->as.matmul.n ? product : NULL;
}

static const lower_note *find_note(const fusing *f, note_kind kind, size_t value)
{
    return f->notes[value] && f->notes[value]->kind == kind ? f->notes[value] : NULL;
}

static const lowered_value *value_at(const fusing *f, size_t value)
{
    return &f->graph->values[value];
}

/* If the value is what `op` writes, or a view of it. */
static int shows(const fusing *f, size_t value, const lowered_op *op)
{
    const lowered_op *view = writer_of(f, value);
    return value == op->output || (view && view->kind == OP_VIEW && view->inputs[0] == op->output);
}

/* `op` is replaced by `into`, which takes its place and its output. */
static void absorb(fusing *f, size_t op, lowered_op *into)
{
    lowered_op merged = *into;
    size_t old = f->writer[into->output];
    for (size_t i = 0; i < f->graph->ops[op].input_count; i++) {
        size_t value = f->graph->ops[op].inputs[i];
        f->uses[value]--;
        if (shows(f, value, into))
            f->dead[f->writer[value]] = 1;
    }
    f->uses[into->output] = 0;
    merged.output = f->graph->ops[op].output;
    f->graph->ops[op] = merged;
    f->writer[merged.output] = op;
    f->dead[old] = 1;
}

/* A copy of the operation's inputs with one more at `at`. */
static int add_input(fusing *f, lowered_op *op, size_t at, size_t value)
{
    size_t *inputs = lowered_alloc(f->graph, op->input_count + 1, sizeof *inputs);
    if (!inputs)
        return 0;
    memcpy(inputs, op->inputs, at * sizeof *inputs);
    inputs[at] = value;
    memcpy(inputs + at + 1, op->inputs + at, (op->input_count - at) * sizeof *inputs);
    op->inputs = inputs;
    op->input_count++;
    f->uses[value]++;
    return 1;
}

static void replace_input(fusing *f, lowered_op *op, size_t at, size_t value)
{
    f->uses[op->inputs[at]]--;
    op->inputs[at] = value;
    f->uses[value]++;
}

/* ---- Batch normalisation into a convolution */

static size_t new_constant(fusing *f, const shape *shape, const float *data, const char *name)
{
    size_t number;
    if (lowered_add_value(f->graph, VALUE_CONSTANT, CLARUS_FLOAT32, shape, data, name, &number, f->error) !=
        CLARUS_OK)
        return LOWER_NONE;
    return number;
}

/* s of each channel, and b' = round32((b - mean) * s + offset), in binary64. */
static void fold_statistics(const lower_note *n, int64_t channels, const float *b, double *s, float *new_b)
{
    for (int64_t c = 0; c < channels; c++) {
        s[c] = (double)n->scale[c] / sqrt((double)n->var[c] + (double)n->epsilon);
        double shifted = ((b ? (double)b[c] : 0) - (double)n->mean[c]) * s[c];
        new_b[c] = (float)(shifted + (double)n->offset[c]);
    }
}

/* 1 if all elements are finite, 0 if not, -1 on failure. */
static int is_finite(fusing *f, size_t value, int64_t count)
{
    enum { CHUNK = 1 << 14 };
    float *chunk = memory_alloc(f->graph->context, CHUNK, sizeof *chunk);
    int finite = chunk ? 1 : -1;
    if (!chunk)
        error_memory(f->error, value_at(f, value)->name);
    for (int64_t first = 0; first < count && finite == 1; first += CHUNK) {
        int64_t size = count - first < CHUNK ? count - first : CHUNK;
        if (lowered_read(f->graph, value, first, size, chunk, f->error) != CLARUS_OK)
            finite = -1;
        else if (finite_count(chunk, size) < size)
            finite = 0;
    }
    memory_free(f->graph->context, chunk);
    return finite;
}

/* w' = round32(w * s), in binary64: at once, or each time that it is read if w is in a file. 1 if done, 0 if
 * it is not finite, -1 on failure. */
static int fold_weights(fusing *f, const lowered_value *w, const double *s, int64_t per_channel,
                        size_t *number)
{
    int64_t count = 0;
    shape_count(&w->shape, &count);
    float *data = NULL;
    if (w->data) {
        const float *from = w->data;
        if (!(data = lowered_alloc(f->graph, (size_t)count, sizeof *data))) {
            error_memory(f->error, w->name);
            return -1;
        }
        for (int64_t c = 0, i = 0; i < count; c++)
            for (int64_t end = i + per_channel; i < end; i++)
                data[i] = (float)((double)from[i] * s[c]);
        if (finite_count(data, count) < count)
            return 0;
    }
    *number = new_constant(f, &w->shape, data, w->name);
    if (*number == LOWER_NONE)
        return -1;
    if (data)
        return 1;
    lowered_value *folded = &f->graph->values[*number];
    folded->file = w->file;
    folded->offset = w->offset;
    folded->must_be_finite = w->must_be_finite;
    folded->scales = s;
    folded->per_scale = per_channel;
    return is_finite(f, *number, count);
}

/* 1 if done, 0 if it does not apply, -1 on failure. */
static int fold_batch_norm(fusing *f, size_t number)
{
    lowered_op *op = &f->graph->ops[number];
    const lower_note *note = find_note(f, NOTE_BATCH_NORM, op->output);
    lowered_op *conv = note ? open_writer(f, op->inputs[0], 1u << OP_CONV) : NULL;
    if (!conv || conv->epilogue.has_residual)
        return 0;
    size_t w_number = conv->inputs[1], b_number = conv->epilogue.has_bias ? conv->inputs[2] : LOWER_NONE;
    const lowered_value *b = b_number == LOWER_NONE ? NULL : value_at(f, b_number);
    if (value_at(f, w_number)->kind != VALUE_CONSTANT || (b && b->kind != VALUE_CONSTANT))
        return 0;
    if ((b && lowered_load(f->graph, b_number, f->error) != CLARUS_OK) ||
        (value_at(f, w_number)->scales && lowered_load(f->graph, w_number, f->error) != CLARUS_OK))
        return -1;
    const lowered_value w = *value_at(f, w_number);
    int64_t channels = conv->as.conv.out_channels, count = 0;
    shape b_shape = {.rank = 1, .dims = {channels}};
    shape_count(&w.shape, &count);
    double *s = lowered_alloc(f->graph, (size_t)channels, sizeof *s);
    float *new_b = lowered_alloc(f->graph, (size_t)channels, sizeof *new_b);
    if (!s || !new_b) {
        error_memory(f->error, op->name);
        return -1;
    }
    fold_statistics(note, channels, b ? b->data : NULL, s, new_b);
    int folded = fold_weights(f, &w, s, channels ? count / channels : 0, &w_number);
    if (folded != 1)
        return folded;
    b_number = new_constant(f, &b_shape, new_b, conv->name);
    if (b_number == LOWER_NONE)
        return -1;
    replace_input(f, conv, 1, w_number);
    if (conv->epilogue.has_bias) {
        replace_input(f, conv, 2, b_number);
    } else if (!add_input(f, conv, 2, b_number)) {
        error_memory(f->error, op->name);
        return -1;
    }
    conv->epilogue.has_bias = 1;
    absorb(f, number, conv);
    return 1;
}

/* ---- Additions: bias and residual */

/* A constant of one value per channel of a convolution, or a row of N values after a matrix product. */
static int is_bias(const fusing *f, const lowered_op *sum, size_t value)
{
    const lowered_value *v = value_at(f, value);
    const shape *out = &value_at(f, sum->output)->shape;
    int64_t channels = sum->kind == OP_CONV ? sum->as.conv.out_channels : sum->as.matmul.n, count;
    size_t behind = sum->kind == OP_CONV ? out->rank - 2 : 0; /* axes after the channels */
    if (v->kind != VALUE_CONSTANT || sum->epilogue.has_bias || sum->epilogue.has_residual)
        return 0;
    if (!shape_count(&v->shape, &count) || count != channels || v->shape.rank > out->rank)
        return 0;
    return v->shape.rank > behind && v->shape.dims[v->shape.rank - 1 - behind] == channels;
}

static int fuse_bias(fusing *f, size_t number, lowered_op *sum, size_t value)
{
    if (lowered_load(f->graph, value, f->error) != CLARUS_OK)
        return -1;
    const lowered_value *v = value_at(f, value);
    int64_t channels = sum->kind == OP_CONV ? sum->as.conv.out_channels : sum->as.matmul.n;
    shape row = {.rank = 1, .dims = {channels}};
    size_t bias = new_constant(f, &row, v->data, v->name);
    if (bias == LOWER_NONE)
        return -1;
    if (!add_input(f, sum, 2, bias)) {
        error_memory(f->error, sum->name);
        return -1;
    }
    sum->epilogue.has_bias = 1;
    absorb(f, number, sum);
    return 1;
}

/* Rows of a matrix product may be seen in another shape; channels and pixels may not. */
static int same_elements(const shape *a, const shape *b, op_kind kind)
{
    int64_t m, n;
    return kind == OP_MATMUL ? shape_count(a, &m) && shape_count(b, &n) && m == n : shape_equal(a, b);
}

static int fuse_residual(fusing *f, size_t number, lowered_op *sum, size_t value)
{
    const lowered_value *v = value_at(f, value), *out = value_at(f, f->graph->ops[number].output);
    const shape *sums = &value_at(f, sum->output)->shape;
    if (sum->epilogue.has_residual || v->kind == VALUE_CONSTANT || shows(f, value, sum) ||
        !shape_equal(&v->shape, &out->shape) || !same_elements(sums, &out->shape, sum->kind))
        return 0;
    if (!add_input(f, sum, sum->input_count, value)) {
        error_memory(f->error, sum->name);
        return -1;
    }
    sum->epilogue.has_residual = 1;
    absorb(f, number, sum);
    return 1;
}

/* Of two convolutions the later takes the other as its residual: less waits. */
static int fuse_add(fusing *f, size_t number)
{
    const lowered_op *add = &f->graph->ops[number];
    size_t x = add->inputs[0], y = add->inputs[1];
    lowered_op *left = open_sum(f, x), *right = open_sum(f, y);
    if (left && is_bias(f, left, y))
        return fuse_bias(f, number, left, y);
    if (right && is_bias(f, right, x))
        return fuse_bias(f, number, right, x);
    if (left && (!right || left > right))
        return fuse_residual(f, number, left, y);
    return right ? fuse_residual(f, number, right, x) : 0;
}

/* ---- Functions */

static int fuse_function(fusing *f, size_t number)
{
    const eltwise_params p = f->graph->ops[number].as.eltwise;
    size_t x = f->graph->ops[number].inputs[0];
    lowered_op *into = open_sum(f, x);
    if (!into && !(into = open_writer(f, x, 1u << OP_ELTWISE)))
        return 0;
    into->epilogue.has_function = 1;
    into->epilogue.function = p.function;
    into->epilogue.a = p.a;
    into->epilogue.b = p.b;
    absorb(f, number, into);
    return 1;
}

/* One reader of the value less; what no other value needs any more goes. */
static void release(fusing *f, size_t value)
{
    const lowered_op *op = writer_of(f, value);
    if (--f->uses[value] || !op)
        return;
    f->dead[f->writer[value]] = 1;
    for (size_t i = 0; i < op->input_count; i++)
        release(f, op->inputs[i]);
}

/* `op` becomes a function of x alone. */
static void become_function(fusing *f, lowered_op *op, size_t x, eltwise_params params)
{
    f->uses[x]++;
    for (size_t i = 0; i < op->input_count; i++)
        release(f, op->inputs[i]);
    op->inputs[0] = x;
    op->input_count = 1;
    op->as.eltwise = params;
}

/* x * sigmoid(x), the operands in either order. */
static int recognise_silu(fusing *f, size_t number)
{
    lowered_op *mul = &f->graph->ops[number];
    for (int side = 0; side < 2; side++) {
        size_t x = mul->inputs[side];
        const lowered_op *sigmoid = writer_of(f, mul->inputs[1 - side]);
        if (!sigmoid || sigmoid->kind != OP_ELTWISE || sigmoid->as.eltwise.function != ELTWISE_sigmoid ||
            sigmoid->epilogue.has_function || sigmoid->inputs[0] != x)
            continue;
        become_function(f, mul, x, (eltwise_params){.function = ELTWISE_silu});
        return 1;
    }
    return 0;
}

/* The value of a constant of one element, or NaN. */
static float single_at(const fusing *f, size_t value)
{
    const lowered_value *v = value_at(f, value);
    int64_t count;
    if (v->kind != VALUE_CONSTANT || !v->data || !shape_count(&v->shape, &count) || count != 1)
        return NAN;
    return *(const float *)v->data;
}

/* The operand that an operation has beside a single constant, which is *constant; LOWER_NONE if it has none.
 */
static size_t beside_constant(const fusing *f, const lowered_op *op, float *constant)
{
    for (int side = 0; side < 2; side++) {
        *constant = single_at(f, op->inputs[1 - side]);
        if (!isnan(*constant))
            return op->inputs[side];
    }
    return LOWER_NONE;
}

/* The element-wise operation of this function that writes the value, if nothing else reads it. */
static const lowered_op *sole_writer(const fusing *f, size_t value, eltwise_function function)
{
    const lowered_op *op = value == LOWER_NONE ? NULL : writer_of(f, value);
    return op && op->kind == OP_ELTWISE && op->as.eltwise.function == function && f->uses[value] == 1 ? op
                                                                                                      : NULL;
}

/* If the value is 1 + erf(x / divisor). */
static int is_erf_and_one(const fusing *f, size_t value, size_t x, float *divisor)
{
    float one;
    const lowered_op *add = sole_writer(f, value, ELTWISE_add);
    if (!add || add->epilogue.has_function)
        return 0;
    const lowered_op *div = sole_writer(f, beside_constant(f, add, &one), ELTWISE_div);
    if (!div || one != 1 || !div->epilogue.has_function || div->epilogue.function != ELTWISE_erf ||
        div->inputs[0] != x)
        return 0;
    *divisor = single_at(f, div->inputs[1]);
    return !isnan(*divisor) && shape_equal(&value_at(f, x)->shape, &value_at(f, value)->shape);
}

/* The product that is this value, if it may become part of another operation. */
static const lowered_op *open_product(const fusing *f, size_t value)
{
    const lowered_op *mul = sole_writer(f, value, ELTWISE_mul);
    return mul && mul->input_count == 2 && !mul->epilogue.has_function ? mul : NULL;
}

/* x * ((1 + erf(x / a)) * 0.5) or (x * (1 + erf(x / a))) * 0.5, factors in any order. */
static void recognise_gelu(fusing *f, size_t number)
{
    lowered_op *mul = &f->graph->ops[number];
    const shape *out = &value_at(f, mul->output)->shape;
    float half, divisor;
    size_t other = beside_constant(f, mul, &half);
    int halved_last = other != LOWER_NONE;
    for (int side = 0; side < 2; side++) {
        const lowered_op *inner = open_product(f, halved_last ? other : mul->inputs[1 - side]);
        size_t x = !inner ? LOWER_NONE : halved_last ? inner->inputs[side] : mul->inputs[side];
        size_t t = !inner        ? LOWER_NONE
                   : halved_last ? inner->inputs[1 - side]
                                 : beside_constant(f, inner, &half);
        if (t == LOWER_NONE || half != 0.5f || !is_erf_and_one(f, t, x, &divisor) ||
            !shape_equal(&value_at(f, x)->shape, out))
            continue;
        become_function(f, mul, x, (eltwise_params){ELTWISE_gelu, divisor, halved_last ? 1.0f : 0.5f});
        return;
    }
}

/* ---- Padding */

static window *window_of(lowered_op *op)
{
    return op->kind == OP_CONV ? &op->as.conv.window : op->kind == OP_POOL ? &op->as.pool.window : NULL;
}

/* Zeros around the spatial axes belong to a convolution's own padding, and to an average's if it counts them.
 */
static int merge_padding(fusing *f, size_t number)
{
    lowered_op *op = &f->graph->ops[number];
    window *w = window_of(op);
    const lower_note *note = w ? find_note(f, NOTE_PAD, op->inputs[0]) : NULL;
    if (!note || (op->kind == OP_POOL && op->as.pool.function == POOL_MAX))
        return 0;
    size_t spatial = value_at(f, op->inputs[0])->shape.rank - 2, first = SPATIAL - spatial;
    if (note->begin[0] || note->end[0] || note->begin[1] || note->end[1])
        return 0;
    for (size_t i = first; i < SPATIAL && op->kind == OP_POOL; i++)
        if (!op->as.pool.count_padding && (w->pad_begin[i] || w->pad_end[i]))
            return 0;
    for (size_t i = first; i < SPATIAL; i++) {
        int64_t begin = note->begin[2 + i - first], end = note->end[2 + i - first];
        w->pad_begin[i] += begin;
        w->pad_end[i] += end;
        w->in[i] -= begin + end;
    }
    if (op->kind == OP_POOL)
        op->as.pool.count_padding = 1;
    replace_input(f, op, 0, writer_of(f, op->inputs[0])->inputs[0]);
    return 1;
}

/* ---- The walk */

static int fuse_eltwise(fusing *f, size_t number)
{
    const lowered_op *op = &f->graph->ops[number];
    eltwise_function function = op->as.eltwise.function;
    int done = 0;
    if (function == ELTWISE_mul && !recognise_silu(f, number))
        recognise_gelu(f, number);
    if (function == ELTWISE_mul_add)
        done = fold_batch_norm(f, number);
    else if (function == ELTWISE_add)
        done = fuse_add(f, number);
    if (!done && op->input_count == 1)
        done = fuse_function(f, number);
    return done;
}

static clarus_status fuse_ops(fusing *f)
{
    for (size_t i = 0; i < f->graph->op_count; i++) {
        merge_padding(f, i);
        if (f->graph->ops[i].kind == OP_ELTWISE && fuse_eltwise(f, i) < 0)
            return f->error ? f->error->status : CLARUS_E_MEMORY;
    }
    return CLARUS_OK;
}

/* Drops operations that nothing reads, from the last on. */
static void drop_dead_ops(fusing *f)
{
    lowered_graph *g = f->graph;
    size_t kept = 0;
    for (size_t i = g->op_count; i-- > 0;) {
        if (f->dead[i] || f->uses[g->ops[i].output])
            continue;
        f->dead[i] = 1;
        for (size_t k = 0; k < g->ops[i].input_count; k++)
            f->uses[g->ops[i].inputs[k]]--;
    }
    for (size_t i = 0; i < g->op_count; i++)
        if (!f->dead[i])
            g->ops[kept++] = g->ops[i];
    g->op_count = kept;
}

/* Numbers the values that are left anew, in the old order; `writer` becomes the table of new numbers. */
static void number_values(fusing *f)
{
    lowered_graph *g = f->graph;
    size_t *renamed = f->writer, kept = 0;
    for (size_t i = 0; i < g->value_count; i++) {
        if (!f->uses[i] && g->values[i].kind != VALUE_INPUT)
            continue;
        g->values[kept] = g->values[i];
        renamed[i] = kept++;
    }
    g->value_count = kept;
    for (size_t i = 0; i < g->op_count; i++) {
        for (size_t k = 0; k < g->ops[i].input_count; k++)
            g->ops[i].inputs[k] = renamed[g->ops[i].inputs[k]];
        g->ops[i].output = renamed[g->ops[i].output];
    }
    for (size_t i = 0; i < g->input_count; i++)
        g->inputs[i] = renamed[g->inputs[i]];
    for (size_t i = 0; i < g->output_count; i++)
        g->outputs[i] = renamed[g->outputs[i]];
}

static void count_uses(fusing *f)
{
    const lowered_graph *g = f->graph;
    for (size_t i = 0; i < g->op_count; i++) {
        f->writer[g->ops[i].output] = i;
        for (size_t k = 0; k < g->ops[i].input_count; k++)
            f->uses[g->ops[i].inputs[k]]++;
    }
    for (size_t i = 0; i < g->output_count; i++)
        f->uses[g->outputs[i]]++;
}

clarus_status fuse_graph(lowered_graph *graph, const lower_note *notes, size_t note_count,
                         clarus_error *error)
{
    const clarus_context *context = graph->context;
    size_t most = graph->value_count + 2 * graph->op_count; /* a fusion adds at most two constants */
    fusing f = {graph,
                memory_calloc(context, most, sizeof *f.notes),
                memory_alloc(context, most, sizeof *f.writer),
                memory_calloc(context, most, sizeof *f.uses),
                memory_calloc(context, graph->op_count, 1),
                error};
    clarus_status status =
        f.notes && f.writer && f.uses && f.dead ? CLARUS_OK : error_memory(error, "lowered graph");
    if (status == CLARUS_OK) {
        for (size_t i = 0; i < most; i++)
            f.writer[i] = LOWER_NONE;
        for (size_t i = 0; i < note_count; i++)
            f.notes[notes[i].value] = &notes[i];
        count_uses(&f);
        status = fuse_ops(&f);
    }
    if (status == CLARUS_OK) {
        drop_dead_ops(&f);
        number_values(&f);
    }
    memory_free(context, f.notes);
    memory_free(context, f.writer);
    memory_free(context, f.uses);
    memory_free(context, f.dead);
    return status;
}
