/* Launches of everything that is not a sum of products: element-wise functions, reductions, softmax,
 * movement.
 *
 * Values are strided views (layout.h). Axes that are contiguous in all views of an operation are merged; then
 * the two innermost ones, rows of elements, go to dimensions 0 and 1 and the others, flattened, to
 * dimension 2. */
#include "plan.h"

#include <math.h>
#include <string.h>

enum { OPERANDS = 3, TABLE = 17 + 5 * VIEW_RANK };

/* ---- strided views ----------------------------------------------------------------------------- */

/* Views with at least two axes: [..., rows, elements]. */
static void views_to_rows(view *views, size_t count)
{
    views_collapse(views, count);
    for (size_t i = 0; i < count && views[i].rank == 1; i++) {
        view *v = &views[i];
        v->rank = 2;
        v->dims[1] = v->dims[0];
        v->strides[1] = v->strides[0];
        v->dims[0] = 1;
        v->strides[0] = 0;
    }
}

/* The kernels' table: length, rows, piece, group, outer rank; then of each view its offset, its steps, its
 * row steps; then of each outer axis its extent and its steps. Sets the grid. */
clarus_status launch_views(plan *plan, launch *launch, view *views, size_t count, clarus_error *error)
{
    views_to_rows(views, count);
    int64_t table[TABLE];
    size_t outer = views[0].rank - 2, n = 0;
    int64_t rows = views[0].dims[outer], length = views[0].dims[outer + 1], rest = 1;
    int64_t piece = plan_share(plan, length, 1, LAYOUT_BLOCK), group = plan_share(plan, rows, length, 1);
    const int64_t head[] = {length, rows, piece, group, (int64_t)outer};
    memcpy(table, head, sizeof head);
    n = sizeof head / sizeof *head;
    for (size_t i = 0; i < count; i++)
        table[n++] = views[i].offset;
    for (size_t i = 0; i < count; i++)
        table[n++] = views[i].strides[outer + 1];
    for (size_t i = 0; i < count; i++)
        table[n++] = views[i].strides[outer];
    for (size_t k = 0; k < outer; k++) {
        rest *= views[0].dims[k];
        table[n++] = views[0].dims[k];
        for (size_t i = 0; i < count; i++)
            table[n++] = views[i].strides[k];
    }
    launch_groups(plan, launch, div_up(length, piece), div_up(rows, group), rest);
    clarus_status status = launch_share_grid(plan, launch, error);
    return status == CLARUS_OK ? launch_table(plan, launch, table, n, error) : status;
}

static clarus_status launch_copy(plan *plan, size_t op, view *from, view *to, size_t source, size_t target,
                                 clarus_error *error)
{
    view views[2] = {*to, *from};
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_move, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    launch_define(launch, "-DLANES=%d -DELEMENT=%s", plan_device(plan)->lanes,
                  launch_element(plan->buffers[target].dtype));
    launch_buffer(launch, target);
    launch_buffer(launch, source);
    return launch_views(plan, launch, views, 2, error);
}

/* ---- element-wise ------------------------------------------------------------------------------ */

/* An operand with the axes of the output: aligned at the right, steps of 0 along axes where it has extent 1.
 */
clarus_status launch_broadcast(const operand *in, const view *out, const char *name, view *v,
                               clarus_error *error)
{
    view own;
    layout_view(&in->layout, &in->shape, &own);
    *v = *out;
    v->offset = own.offset;
    for (size_t i = 0; i < out->rank; i++) {
        v->strides[i] = 0;
        if (i + own.rank < out->rank)
            continue;
        size_t k = i + own.rank - out->rank;
        if (own.dims[k] != 1 && own.dims[k] != out->dims[i])
            return error_set(error, CLARUS_E_INTERNAL,
                             "node \"%s\": an operand lies otherwise than the output", name);
        v->strides[i] = own.dims[k] == 1 ? 0 : own.strides[k];
    }
    return CLARUS_OK;
}

clarus_status launch_eltwise(plan *plan, size_t op, const lowered_op *what, const operand *in,
                             const operand *out, clarus_error *error)
{
    view views[1 + OPERANDS];
    clarus_status status = CLARUS_OK;
    layout_view(&out->layout, &out->shape, &views[0]);
    for (size_t i = 0; i < OPERANDS && status == CLARUS_OK; i++)
        status =
            launch_broadcast(&in[i < what->input_count ? i : 0], &views[0], what->name, &views[1 + i], error);
    launch *launch;
    if (status != CLARUS_OK ||
        (status = plan_add_launch(plan, KERNEL_eltwise, op, &launch, error)) != CLARUS_OK)
        return status;
    const eltwise_params *p = &what->as.eltwise;
    launch_define(launch, "-DLANES=%d -DOPERATION=OPERATION_%s", plan_device(plan)->lanes,
                  eltwise_name(p->function));
    launch_buffer(launch, out->buffer);
    for (size_t i = 0; i < OPERANDS; i++)
        launch_buffer(launch, in[i < what->input_count ? i : 0].buffer);
    if ((status = launch_views(plan, launch, views, 1 + OPERANDS, error)) != CLARUS_OK)
        return status;
    launch_float(launch, p->a);
    launch_float(launch, p->b);
    launch_epilogue(launch, &what->epilogue);
    return CLARUS_OK;
}

/* ---- movement ---------------------------------------------------------------------------------- */

static clarus_status launch_fill(plan *plan, size_t op, uint64_t value, const operand *out,
                                 clarus_error *error)
{
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_fill, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    int64_t count = layout_count(&out->layout, &out->shape), piece = plan_share(plan, count, 1, LAYOUT_BLOCK);
    int32_t bits[2]; /* low, high */
    memcpy(bits, &value, sizeof bits);
    launch_define(launch, "-DLANES=%d -DELEMENT=%s", plan_device(plan)->lanes, launch_element(out->dtype));
    launch_groups(plan, launch, div_up(count, piece), 1, 1);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    launch_int(launch, bits[0]);
    launch_int(launch, bits[1]);
    launch_int(launch, count);
    launch_int(launch, piece);
    return CLARUS_OK;
}

clarus_status launch_move(plan *plan, size_t op, const lowered_op *what, const operand *in,
                          const operand *out, clarus_error *error)
{
    const move_params *move = &what->as.move;
    clarus_status status = CLARUS_OK;
    if (!move->covers)
        status = launch_fill(plan, op, move->fill, out, error);
    for (size_t i = 0; i < what->input_count && status == CLARUS_OK; i++) {
        const move_part *part = &move->parts[i];
        view from = {.rank = part->rank, .offset = part->from_offset};
        view to = {.rank = part->rank, .offset = part->to_offset};
        int64_t count = 1;
        for (size_t k = 0; k < part->rank; k++) {
            count *= from.dims[k] = to.dims[k] = part->dims[k];
            from.strides[k] = part->from_strides[k];
            to.strides[k] = part->to_strides[k];
        }
        if (count)
            status = launch_copy(plan, op, &from, &to, in[i].buffer, out->buffer, error);
    }
    return status;
}

/* A row-major value of four axes as [N, blocks, H, W, channels of a block], from channel `first` on. */
static view split_channels(const operand *value, int64_t first, int64_t blocks, int64_t channels)
{
    layout_pitch p;
    layout_get_pitch(&value->layout, &value->shape, &p);
    const int64_t *d = value->shape.dims;
    return (view){.rank = 5,
                  .dims = {d[0], blocks, d[2], d[3], channels},
                  .strides = {p.image, LAYOUT_BLOCK * p.plane, p.row, 1, p.plane},
                  .offset = p.origin + first * p.plane};
}

/* Between row-major and blocked: whole blocks, then the channels that are left. */
static clarus_status launch_split_copy(plan *plan, size_t op, const operand *in, const operand *out,
                                       clarus_error *error)
{
    int to_blocked = out->layout.kind == LAYOUT_BLOCKED;
    const operand *plain = to_blocked ? in : out, *blocked = to_blocked ? out : in;
    int64_t channels = in->shape.dims[1], whole = channels / LAYOUT_BLOCK;
    clarus_status status = CLARUS_OK;
    for (int rest = 0; rest < 2 && status == CLARUS_OK; rest++) {
        int64_t blocks = rest ? 1 : whole, width = rest ? channels % LAYOUT_BLOCK : LAYOUT_BLOCK;
        if (blocks == 0 || width == 0)
            continue;
        view a = split_channels(plain, rest ? whole * LAYOUT_BLOCK : 0, blocks, width), b;
        layout_view(&blocked->layout, &blocked->shape, &b);
        b.offset += rest ? whole * b.strides[1] : 0;
        memcpy(b.dims, a.dims, sizeof b.dims);
        status =
            launch_copy(plan, op, to_blocked ? &a : &b, to_blocked ? &b : &a, in->buffer, out->buffer, error);
    }
    return status;
}

/* The same in registers, 16 channels by 16 pixels at a time. */
static clarus_status launch_transpose(plan *plan, size_t op, const operand *in, const operand *out,
                                      clarus_error *error)
{
    int to_blocked = out->layout.kind == LAYOUT_BLOCKED;
    const operand *plain = to_blocked ? in : out, *blocked = to_blocked ? out : in;
    const int64_t *d = in->shape.dims;
    layout_pitch p, b;
    layout_get_pitch(&plain->layout, &plain->shape, &p);
    layout_get_pitch(&blocked->layout, &blocked->shape, &b);
    int64_t blocks = div_up(d[1], LAYOUT_BLOCK), rows = d[2], width = d[3];
    if (!layout_has_halo(&in->layout) && !layout_has_halo(&out->layout)) { /* a plane is one row */
        width *= rows;
        rows = 1;
    }
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_transpose, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    launch_define(launch, "-DLANES=16 -DBLOCKED=%d", to_blocked);
    launch_grid(launch, (size_t)div_up(width, LAYOUT_BLOCK), (size_t)rows, (size_t)(d[0] * blocks));
    launch_buffer(launch, in->buffer);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    const int64_t table[] = {d[1],  blocks,   width,   p.origin, p.image, p.plane,
                             p.row, b.origin, b.image, b.plane,  b.row};
    return launch_table(plan, launch, table, sizeof table / sizeof *table, error);
}

clarus_status launch_reorder(plan *plan, size_t op, const operand *in, const operand *out,
                             clarus_error *error)
{
    if (in->layout.group != out->layout.group)
        return launch_regroup(plan, op, in, out, error);
    if (in->layout.kind == out->layout.kind) {
        view from, to;
        layout_view(&in->layout, &in->shape, &from);
        layout_view(&out->layout, &out->shape, &to);
        return launch_copy(plan, op, &from, &to, in->buffer, out->buffer, error);
    }
    enum { FEW = 4 };
    int pixels = in->shape.dims[2] * in->shape.dims[3] > FEW;
    return plan_device(plan)->lanes > 1 && pixels ? launch_transpose(plan, op, in, out, error)
                                                  : launch_split_copy(plan, op, in, out, error);
}

/* ---- reductions -------------------------------------------------------------------------------- */

/* What a reduction walks: the kept axes, the outputs that lie side by side, and the reduced axes. */
typedef struct reduction {
    view kept, reduced;
    int64_t side, block; /* outputs side by side, and elements from 16 of them to the next 16 */
    int64_t outputs, count;
} reduction;

static void add_axis(view *v, int64_t extent, int64_t stride)
{
    v->dims[v->rank] = extent;
    v->strides[v->rank++] = stride;
}

static int64_t view_count(const view *v)
{
    int64_t count = 1;
    for (size_t k = 0; k < v->rank; k++)
        count *= v->dims[k];
    return count;
}

/* Takes the innermost kept axis as outputs side by side if its elements are. */
static void find_side(reduction *r)
{
    size_t last = r->kept.rank - 1;
    r->side = 1;
    r->block = LAYOUT_BLOCK;
    if (r->kept.strides[last] == 1) {
        r->side = r->kept.dims[last];
        r->kept.rank = last;
    }
}

static reduction find_reduction(const reduce_params *p, const operand *in)
{
    reduction r = {0};
    view v;
    layout_view(&in->layout, &in->shape, &v);
    int blocked = in->layout.kind == LAYOUT_BLOCKED;
    for (size_t k = 0; k < v.rank; k++)
        if (k < in->shape.rank && p->reduced[k])
            add_axis(&r.reduced, v.dims[k], v.strides[k]);
        else if (!blocked || k == 0)
            add_axis(&r.kept, v.dims[k], v.strides[k]);
    r.kept.offset = v.offset;
    views_collapse(&r.reduced, 1);
    views_collapse(&r.kept, 1);
    if (blocked) { /* rows are images, channels lie side by side in their blocks */
        r.side = in->shape.dims[1];
        r.block = v.strides[1];
    } else {
        find_side(&r);
    }
    r.count = view_count(&r.reduced);
    r.outputs = view_count(&r.kept) * r.side;
    return r;
}

static size_t put_axes(int64_t *table, size_t n, const view *v, size_t rank)
{
    for (size_t k = 0; k < rank; k++) {
        table[n++] = v->dims[k];
        table[n++] = v->strides[k];
    }
    return n;
}

static void define_reduction(launch *launch, reduce_function function, int lanes)
{
    static const char *const names[] = {
        [REDUCE_SUM] = "SUM", [REDUCE_MEAN] = "SUM",  [REDUCE_MAX] = "MAX",
        [REDUCE_MIN] = "MIN", [REDUCE_PROD] = "PROD", [REDUCE_SUM_SQUARE] = "SUM_SQUARE",
        [REDUCE_L1] = "L1"};
    launch_define(launch, "-DLANES=%d -DREDUCTION=REDUCTION_%s -DMEAN=%d", lanes, names[function],
                  function == REDUCE_MEAN);
}

static clarus_status launch_along(plan *plan, size_t op, reduce_function function, reduction *r,
                                  const operand *in, const operand *out, clarus_error *error)
{
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_reduce_along, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    int64_t group = plan_share(plan, r->outputs, r->count, 1), table[TABLE];
    define_reduction(launch, function, plan_device(plan)->lanes);
    launch_groups(plan, launch, div_up(r->outputs, group), 1, 1);
    launch_buffer(launch, in->buffer);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    const int64_t head[] = {r->count, r->outputs, group, r->kept.offset, (int64_t)r->kept.rank};
    memcpy(table, head, sizeof head);
    size_t n = put_axes(table, sizeof head / sizeof *head, &r->kept, r->kept.rank);
    return launch_table(plan, launch, table, n, error);
}

static clarus_status launch_across(plan *plan, size_t op, reduce_function function, reduction *r,
                                   const operand *in, const operand *out, clarus_error *error)
{
    launch *launch;
    clarus_status status = plan_add_launch(plan, KERNEL_reduce_across, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    int lanes = r->side > 1 ? plan_device(plan)->lanes : 1;
    int64_t piece = r->side > 1 ? plan_share(plan, r->side, r->count, LAYOUT_BLOCK) : 1, table[TABLE];
    size_t last = r->reduced.rank - 1;
    int64_t length = r->reduced.dims[last], rows = length ? r->count / length : 0;
    define_reduction(launch, function, lanes);
    launch_groups(plan, launch, div_up(r->side, piece), r->outputs / r->side, 1);
    launch_buffer(launch, in->buffer);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    const int64_t head[] = {r->side,
                            piece,
                            r->block,
                            r->kept.offset,
                            (int64_t)r->kept.rank,
                            rows,
                            length,
                            r->reduced.strides[last],
                            (int64_t)last,
                            r->outputs / r->side};
    memcpy(table, head, sizeof head);
    size_t n = put_axes(table, sizeof head / sizeof *head, &r->kept, r->kept.rank);
    n = put_axes(table, n, &r->reduced, last);
    return launch_table(plan, launch, table, n, error);
}

/* The reduction of no elements, as bits of a float: nothing is read, since nothing was written. */
static uint64_t reduce_nothing(reduce_function function)
{
    float result = function == REDUCE_MAX    ? -INFINITY
                   : function == REDUCE_MIN  ? INFINITY
                   : function == REDUCE_PROD ? 1
                   : function == REDUCE_MEAN ? NAN
                                             : 0;
    uint32_t bits;
    memcpy(&bits, &result, sizeof bits);
    return bits;
}

clarus_status launch_reduce(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error)
{
    reduction r = find_reduction(&what->as.reduce, in);
    reduce_function function = what->as.reduce.function;
    if (r.count == 0)
        return launch_fill(plan, op, reduce_nothing(function), out, error);
    if (r.reduced.rank == 1 && r.reduced.strides[0] == 1 && r.side == 1)
        return launch_along(plan, op, function, &r, in, out, error);
    return launch_across(plan, op, function, &r, in, out, error);
}

clarus_status launch_softmax(plan *plan, size_t op, const lowered_op *what, const operand *in,
                             const operand *out, clarus_error *error)
{
    const shape *s = &in->shape;
    size_t axis = (size_t)what->as.softmax.axis;
    int64_t outer = 1, side = 1, n = s->dims[axis];
    for (size_t i = 0; i < axis; i++)
        outer *= s->dims[i];
    for (size_t i = axis + 1; i < s->rank; i++)
        side *= s->dims[i];
    launch *launch;
    clarus_status status =
        plan_add_launch(plan, side == 1 ? KERNEL_softmax_along : KERNEL_softmax_across, op, &launch, error);
    if (status != CLARUS_OK)
        return status;
    int64_t group = side == 1 ? plan_share(plan, outer, n, 1) : plan_share(plan, side, n, LAYOUT_BLOCK);
    launch_define(launch, "-DLANES=%d -DLOG=%d", plan_device(plan)->lanes, what->as.softmax.log);
    if (side == 1)
        launch_groups(plan, launch, div_up(outer, group), 1, 1);
    else
        launch_groups(plan, launch, div_up(side, group), outer, 1);
    launch_buffer(launch, in->buffer);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    launch_int(launch, n);
    launch_int(launch, outer);
    if (side > 1)
        launch_int(launch, side);
    launch_int(launch, group);
    return CLARUS_OK;
}

/* ---- layer normalisation ----------------------------------------------------------------------- */

/* What changes nothing when it is added: -0. */
static clarus_status no_bias(plan *plan, int64_t count, size_t *buffer, clarus_error *error)
{
    float *none = plan_alloc(plan, (size_t)count, sizeof *none);
    if (!none)
        return error_memory(error, "bias");
    for (int64_t i = 0; i < count; i++)
        none[i] = -0.0f;
    return plan_constant(plan, CLARUS_FLOAT32, none, (size_t)count, buffer, error);
}

clarus_status launch_layer_norm(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                const operand *out, clarus_error *error)
{
    const layer_norm_params *p = &what->as.layer_norm;
    int64_t count;
    shape_count(&out->shape, &count);
    int64_t rows = count / p->count, group = plan_share(plan, rows, p->count, 1);
    size_t bias = what->input_count > 2 ? in[2].buffer : SIZE_MAX;
    launch *launch;
    clarus_status status = bias == SIZE_MAX ? no_bias(plan, p->count, &bias, error) : CLARUS_OK;
    if (status != CLARUS_OK ||
        (status = plan_add_launch(plan, KERNEL_layer_norm, op, &launch, error)) != CLARUS_OK)
        return status;
    launch_define(launch, "-DLANES=%d", plan_device(plan)->lanes);
    launch_groups(plan, launch, div_up(rows, group), 1, 1);
    launch_buffer(launch, in[0].buffer);
    launch_buffer(launch, in[1].buffer);
    launch_buffer(launch, bias);
    launch_buffer(launch, out->buffer);
    if ((status = launch_share_grid(plan, launch, error)) != CLARUS_OK)
        return status;
    launch_int(launch, p->count);
    launch_int(launch, rows);
    launch_int(launch, group);
    launch_float(launch, p->epsilon);
    return CLARUS_OK;
}
