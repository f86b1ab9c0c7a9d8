#include "fast_matmul.h"
#include "error.h"

#ifdef CLARUS_HAVE_CLBLAST
#include <clblast_c.h>

int fast_matmul_is_built(void)
{
    return 1;
}

static clarus_status enqueue_one(const fast_matmul *p, size_t i, cl_command_queue queue, cl_mem a, cl_mem b,
                                 cl_mem y, clarus_error *error)
{
    CLBlastStatusCode code =
        CLBlastSgemm(CLBlastLayoutRowMajor, p->trans_a ? CLBlastTransposeYes : CLBlastTransposeNo,
                     p->trans_b ? CLBlastTransposeYes : CLBlastTransposeNo, p->m, p->n, p->k, 1.0f, a,
                     p->a_offsets[i], p->trans_a ? p->m : p->k, b, p->b_offsets[i], p->trans_b ? p->k : p->n,
                     0.0f, y, p->y_offsets[i], p->n, &queue, NULL);
    return code == CLBlastSuccess
               ? CLARUS_OK
               : error_set(error, CLARUS_E_OPENCL, "CLBlast: SGEMM %zux%zux%zu failed with status %d", p->m,
                           p->n, p->k, (int)code);
}

clarus_status fast_matmul_enqueue(const fast_matmul *product, cl_command_queue queue, cl_mem a, cl_mem b,
                                  cl_mem y, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < product->batches && status == CLARUS_OK; i++)
        status = enqueue_one(product, i, queue, a, b, y, error);
    return status;
}
#else
int fast_matmul_is_built(void)
{
    return 0;
}

clarus_status fast_matmul_enqueue(const fast_matmul *product, cl_command_queue queue, cl_mem a, cl_mem b,
                                  cl_mem y, clarus_error *error)
{
    (void)product, (void)queue, (void)a, (void)b, (void)y;
    return error_set(error, CLARUS_E_INTERNAL, "CLBlast is not part of this build");
}
#endif
