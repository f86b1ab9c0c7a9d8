#include "fast_matmul.h"
#include "error.h"

#ifdef CLARUS_HAVE_CLBLAST
#include <clblast_c.h>

#include <dlfcn.h>
#include <string.h>

typedef __typeof__(CLBlastSgemm) sgemm_fn;

/* Opened when it is wanted, and never closed: linked, its 4 MB of tables would be part of every start. */
static sgemm_fn *find_sgemm(void)
{
    void *library = dlopen(CLARUS_HAVE_CLBLAST, RTLD_LAZY | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "CLBlastSgemm") : NULL;
    sgemm_fn *function;
    memcpy(&function, &symbol, sizeof function);
    return function;
}

int fast_matmul_is_there(void)
{
    return find_sgemm() != NULL;
}

static clarus_status enqueue_one(sgemm_fn *sgemm, const fast_matmul *p, size_t i, cl_command_queue queue,
                                 cl_mem a, cl_mem b, cl_mem y, clarus_error *error)
{
    CLBlastStatusCode code =
        sgemm(CLBlastLayoutRowMajor, p->trans_a ? CLBlastTransposeYes : CLBlastTransposeNo,
              p->trans_b ? CLBlastTransposeYes : CLBlastTransposeNo, p->m, p->n, p->k, 1.0f, a,
              p->a_offsets[i], p->trans_a ? p->m : p->k, b, p->b_offsets[i], p->trans_b ? p->k : p->n, 0.0f,
              y, p->y_offsets[i], p->n, &queue, NULL);
    return code == CLBlastSuccess
               ? CLARUS_OK
               : error_set(error, CLARUS_E_OPENCL, "CLBlast: SGEMM %zux%zux%zu failed with status %d", p->m,
                           p->n, p->k, (int)code);
}

clarus_status fast_matmul_enqueue(const fast_matmul *product, cl_command_queue queue, cl_mem a, cl_mem b,
                                  cl_mem y, clarus_error *error)
{
    sgemm_fn *sgemm = find_sgemm();
    clarus_status status = sgemm ? CLARUS_OK : error_set(error, CLARUS_E_INTERNAL, "CLBlast is gone");
    for (size_t i = 0; i < product->batches && status == CLARUS_OK; i++)
        status = enqueue_one(sgemm, product, i, queue, a, b, y, error);
    return status;
}
#else
int fast_matmul_is_there(void)
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
