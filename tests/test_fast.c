/* Math mode fast: matrix products by CLBlast against the oracle, under the bound of docs/numerics.md
 * section 11. test_fast DEVICE. CLBlast is not tuned for CPUs, so the test asks for it explicitly. */
#include "../fallback/oracle.h"
#include "exec.h"
#include "fast_matmul.h"
#include "layer.h"
#include "test.h"
#include "verify_cases.h"

#include <math.h>

enum { M = 5, N = 37, K = 515 };

static clarus_status build(lowered_graph *graph, clarus_error *error)
{
    shape x = {2, {M, K}}, w = {2, {N, K}}, y = {2, {M, N}}, bias = {1, {N}};
    size_t in[3];
    lowered_op *op;
    clarus_status status;
    if ((status = layer_add_input(graph, &x, &in[0], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &w, 1, &in[1], error)) != CLARUS_OK ||
        (status = verify_constant(graph, &bias, 2, &in[2], error)) != CLARUS_OK ||
        (status = layer_add_op(graph, OP_MATMUL, in, 3, &y, &op, error)) != CLARUS_OK)
        return status;
    op->as.matmul = (matmul_params){.m = M, .n = N, .k = K, .trans_b = 1};
    op->epilogue = (op_epilogue){1, 0, 1, ELTWISE_relu, 0.0f, 0.0f};
    return CLARUS_OK;
}

/* |y - y_exact| <= 2 (K + 8) 2^-24 (sum |x w| + |bias|) for every element. */
static void check_bound(const float *x, const float *w, const float *bias, const float *expected,
                        const float *got)
{
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) {
            double terms = fabs((double)bias[n]);
            for (int k = 0; k < K; k++)
                terms += fabs((double)x[m * K + k] * (double)w[n * K + k]);
            double bound = 2.0 * (K + 8) * 0x1p-24 * terms,
                   error = fabs((double)got[m * N + n] - (double)expected[m * N + n]);
            CHECK(error <= bound, "element %d, %d: error %g exceeds %g", m, n, error, bound);
        }
}

static clarus_status run(clarus_device *device, lowered_graph *graph, const void *const *in, void *out,
                         int *launches, clarus_error *error)
{
    device_params params = *device->params;
    params.clblast = 1;
    plan *plan = NULL;
    exec *exec = NULL;
    clarus_status status =
        plan_create(graph, &params, CLARUS_MATH_FAST, device->info.compute_units, &plan, error);
    if (status == CLARUS_OK)
        status = exec_create(device, plan, 1, 0, &exec, error);
    for (size_t i = 0; plan && i < plan->launch_count; i++)
        *launches += plan->launches[i].product != NULL;
    if (status == CLARUS_OK)
        status = exec_run(exec, in, &out, error);
    exec_free(exec);
    plan_free(plan);
    return status;
}

int main(int argc, char **argv)
{
    static float x[M * K], expected[M * N], got[M * N];
    clarus_context *context = NULL;
    clarus_device *device = NULL;
    lowered_graph *graph = NULL;
    clarus_error error = {CLARUS_OK, ""};
    int launches = 0;
    if (!fast_matmul_is_there())
        TEST_SKIP("there is no CLBlast");
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK)
        return 1;
    if (clarus_device_open(context, argc > 1 ? argv[1] : NULL, &device, &error) != CLARUS_OK)
        TEST_SKIP("%s", error.message);
    verify_random(x, M * K, 7);
    const void *in = x;
    void *out = expected;
    clarus_status status = lowered_create(context, &graph, &error);
    if (status == CLARUS_OK)
        status = build(graph, &error);
    if (status == CLARUS_OK)
        status = oracle_run(graph, 1, &in, &out, NULL, &error);
    if (status == CLARUS_OK)
        status = run(device, graph, &in, got, &launches, &error);
    CHECK(status == CLARUS_OK, "%s", error.message);
    CHECK(launches == 1, "CLBlast was asked %d times", launches);
    if (status == CLARUS_OK)
        check_bound(x, graph->values[1].data, graph->values[2].data, expected, got);
    lowered_free(graph);
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
