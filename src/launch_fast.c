/* Matrix products in math mode `fast`: CLBlast, then bias, residual and function as element-wise launches. */
#include "fast_matmul.h"
#include "plan.h"

int plan_takes_fast_matmul(const plan *plan)
{
    return plan->fast && plan_device(plan)->clblast && fast_matmul_is_there();
}

static fast_matmul *describe(plan *plan, const matmul_params *m)
{
    size_t batches = 1;
    for (size_t d = 0; d < m->batch_rank; d++)
        batches *= (size_t)m->batch_dims[d];
    fast_matmul *product = plan_alloc(plan, 1, sizeof *product);
    size_t *offsets = plan_alloc(plan, batches * 3, sizeof *offsets);
    if (!product || !offsets)
        return NULL;
    for (size_t i = 0; i < batches; i++) {
        size_t rest = i, a = 0, b = 0;
        for (size_t d = m->batch_rank; d-- > 0; rest /= (size_t)m->batch_dims[d]) {
            size_t at = rest % (size_t)m->batch_dims[d];
            a += at * (size_t)m->a_strides[d];
            b += at * (size_t)m->b_strides[d];
        }
        offsets[i] = a * (size_t)(m->m * m->k);
        offsets[batches + i] = b * (size_t)(m->k * m->n);
        offsets[2 * batches + i] = i * (size_t)(m->m * m->n);
    }
    *product =
        (fast_matmul){(size_t)m->m, (size_t)m->n,      (size_t)m->k,         batches, m->trans_a, m->trans_b,
                      offsets,      offsets + batches, offsets + 2 * batches};
    return product;
}

/* y = function(x, other): a step of the epilogue. */
static clarus_status add_step(plan *plan, size_t op, eltwise_function function, float a, float b,
                              const operand *x, const operand *other, const operand *y, clarus_error *error)
{
    operand in[2] = {*x, other ? *other : *x};
    lowered_op step = {.kind = OP_ELTWISE, .input_count = other ? 2 : 1, .as.eltwise = {function, a, b}};
    size_t first = plan->launch_count;
    clarus_status status = launch_eltwise(plan, op, &step, in, y, error);
    for (size_t i = first; i < plan->launch_count; i++)
        plan->launches[i].writes = y->buffer;
    return status;
}

/* A buffer like the output, for what a step hands to the next. */
static clarus_status next_operand(plan *plan, const operand *out, int is_last, operand *next,
                                  clarus_error *error)
{
    *next = *out;
    int64_t count = 0;
    shape_count(&out->shape, &count);
    return is_last ? CLARUS_OK : plan_temporary(plan, CLARUS_FLOAT32, (size_t)count, &next->buffer, error);
}

clarus_status launch_fast_matmul(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                 const operand *out, clarus_error *error)
{
    const op_epilogue *e = &what->epilogue;
    int steps = e->has_bias + e->has_residual + e->has_function;
    operand current, next;
    clarus_status status = next_operand(plan, out, steps == 0, &current, error);
    if (status != CLARUS_OK)
        return status;
    launch *launch;
    if ((status = plan_add_launch(plan, KERNEL_matmul, op, &launch, error)) != CLARUS_OK)
        return status;
    launch_grid(launch, 1, 1, 1);
    launch->product = describe(plan, &what->as.matmul);
    if (!launch->product)
        return error_memory(error, "matrix product");
    launch_buffer(launch, in[0].buffer);
    launch_buffer(launch, in[1].buffer);
    launch_buffer(launch, current.buffer);
    launch->writes = current.buffer;

    const struct {
        int present;
        eltwise_function function;
        const operand *other;
    } epilogue[] = {
        {e->has_bias, ELTWISE_add, &in[2]},
        {e->has_residual, ELTWISE_add, &in[what->input_count - 1]},
        {e->has_function, e->function, NULL},
    };
    for (size_t i = 0; i < sizeof epilogue / sizeof *epilogue && status == CLARUS_OK; i++) {
        if (!epilogue[i].present)
            continue;
        if ((status = next_operand(plan, out, --steps == 0, &next, error)) == CLARUS_OK)
            status = add_step(plan, op, epilogue[i].function, e->a, e->b, &current, epilogue[i].other, &next,
                              error);
        current = next;
    }
    return status;
}
