#include "exec.h"

#include "convert.h"
#include "cpu.h"
#include "exec_queues.h"
#include "fast_matmul.h"
#include "fault.h"
#include "samples.h"

#include <string.h>

/* Bytes in front of guarded memory: a multiple of every device's base address alignment. */
enum { GUARD_BYTES = 4096, GUARD_PATTERN = 0x5A };

struct exec {
    clarus_context *context;
    clarus_device *device;
    const plan *plan;
    exec_queues queues;
    cl_mem *parents;  /* one per memory, with the guard; equal to memories if not guarded */
    cl_mem *memories; /* one per memory */
    cl_kernel *kernels;
    cl_mem *tables;
    size_t table_count;
    int guarded, has_run;
};

/* ---- buffers ----------------------------------------------------------------------------------- */

static clarus_status fill(exec *exec, cl_mem memory, unsigned char byte, size_t bytes, clarus_error *error)
{
    cl_int code = clEnqueueFillBuffer(exec->queues.main, memory, &byte, 1, 0, bytes, 0, NULL, NULL);
    return code ? opencl_error(error, "clEnqueueFillBuffer", code) : CLARUS_OK;
}

static clarus_status create_memory(exec *exec, size_t m, clarus_error *error)
{
    size_t bytes = exec->plan->memory_bytes[m], guard = exec->guarded ? GUARD_BYTES : 0;
    cl_int code;
    exec->parents[m] = clCreateBuffer(exec->device->cl, CL_MEM_READ_WRITE, bytes + guard, NULL, &code);
    if (code) {
        exec->parents[m] = NULL;
        return opencl_error(error, "clCreateBuffer", code);
    }
    if (!guard) {
        exec->memories[m] = exec->parents[m];
        return CLARUS_OK;
    }
    clarus_status status = fill(exec, exec->parents[m], GUARD_PATTERN, bytes + guard, error);
    if (status != CLARUS_OK)
        return status;
    cl_buffer_region region = {guard, bytes};
    exec->memories[m] =
        clCreateSubBuffer(exec->parents[m], CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    return code ? opencl_error(error, "clCreateSubBuffer", code) : CLARUS_OK;
}

static clarus_status initialise_buffer(exec *exec, const plan_buffer *b, clarus_error *error)
{
    if (b->data && b->count) {
        cl_int code = clEnqueueWriteBuffer(exec->queues.main, exec->memories[b->memory], CL_TRUE, 0,
                                           b->count * clarus_dtype_size(b->dtype), b->data, 0, NULL, NULL);
        return code ? opencl_error(error, "clEnqueueWriteBuffer", code) : CLARUS_OK;
    }
    return b->zeroed ? fill(exec, exec->memories[b->memory], 0, exec->plan->memory_bytes[b->memory], error)
                     : CLARUS_OK;
}

/* Packed constants that are mapped at once: threads share all their pieces. */
typedef struct mapping {
    size_t *buffers;
    const packing **packings;
    float **mapped;
    size_t count;
} mapping;

/* Maps packed buffers from number `first` on, as many as stay within a bound; *next is the one behind them.
 */
static clarus_status map_buffers(exec *exec, size_t first, mapping *m, size_t *next, clarus_error *error)
{
    enum { MAPPED_AT_ONCE = 64 << 20 };
    size_t all = 0;
    m->count = 0;
    for (*next = first; *next < exec->plan->buffer_count; ++*next) {
        const plan_buffer *b = &exec->plan->buffers[*next];
        size_t bytes = b->count * sizeof(float);
        if (!b->packing.form || !bytes)
            continue;
        if (m->count && bytes > MAPPED_AT_ONCE - all)
            break;
        cl_int code;
        m->mapped[m->count] =
            clEnqueueMapBuffer(exec->queues.main, exec->memories[b->memory], CL_TRUE,
                               CL_MAP_WRITE_INVALIDATE_REGION, 0, bytes, 0, NULL, NULL, &code);
        if (code)
            return opencl_error(error, "clEnqueueMapBuffer", code);
        m->buffers[m->count] = *next;
        m->packings[m->count++] = &b->packing;
        all += bytes < MAPPED_AT_ONCE - all ? bytes : MAPPED_AT_ONCE - all;
    }
    return CLARUS_OK;
}

static clarus_status unmap_buffers(exec *exec, const mapping *m, clarus_error *error)
{
    cl_int failed = CL_SUCCESS;
    for (size_t i = 0; i < m->count; i++) {
        cl_int code = clEnqueueUnmapMemObject(exec->queues.main,
                                              exec->memories[exec->plan->buffers[m->buffers[i]].memory],
                                              m->mapped[i], 0, NULL, NULL);
        failed = failed ? failed : code;
    }
    return failed ? opencl_error(error, "clEnqueueUnmapMemObject", failed) : CLARUS_OK;
}

/* Packs straight into the device's memory where it can be mapped. */
static clarus_status pack_buffers(exec *exec, int threads, clarus_error *error)
{
    size_t count = exec->plan->buffer_count;
    mapping m = {memory_alloc(exec->context, count, sizeof *m.buffers),
                 memory_alloc(exec->context, count, sizeof *m.packings),
                 memory_alloc(exec->context, count, sizeof *m.mapped), 0};
    clarus_status status =
        m.buffers && m.packings && m.mapped ? CLARUS_OK : error_memory(error, "packed weights");
    for (size_t next = 0; next < count && status == CLARUS_OK;) {
        status = map_buffers(exec, next, &m, &next, error);
        if (status == CLARUS_OK)
            status = packing_run(exec->plan->graph, m.packings, m.mapped, m.count, threads, error);
        clarus_status unmapped = unmap_buffers(exec, &m, status == CLARUS_OK ? error : NULL);
        status = status == CLARUS_OK ? unmapped : status;
    }
    memory_free(exec->context, m.buffers);
    memory_free(exec->context, m.packings);
    memory_free(exec->context, m.mapped);
    return status;
}

static clarus_status create_memories(exec *exec, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t m = 0; m < exec->plan->memory_count && status == CLARUS_OK; m++)
        status = create_memory(exec, m, error);
    return status;
}

static clarus_status initialise_buffers(exec *exec, int threads, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t b = 0; b < exec->plan->buffer_count && status == CLARUS_OK; b++)
        status = initialise_buffer(exec, &exec->plan->buffers[b], error);
    return status == CLARUS_OK ? pack_buffers(exec, threads, error) : status;
}

/* ---- kernels ----------------------------------------------------------------------------------- */

static clarus_status set_table(exec *exec, const launch_arg *arg, cl_mem *memory, clarus_error *error)
{
    cl_int code;
    size_t bytes = (arg->table_count ? arg->table_count : 1) * sizeof *arg->table;
    *memory = clCreateBuffer(exec->device->cl, CL_MEM_READ_ONLY, bytes, NULL, &code);
    if (code) {
        *memory = NULL;
        return opencl_error(error, "clCreateBuffer", code);
    }
    exec->tables[exec->table_count++] = *memory;
    if (arg->table_count)
        code = clEnqueueWriteBuffer(exec->queues.main, *memory, CL_TRUE, 0, bytes, arg->table, 0, NULL, NULL);
    return code ? opencl_error(error, "clEnqueueWriteBuffer", code) : CLARUS_OK;
}

static clarus_status set_argument(exec *exec, cl_kernel kernel, cl_uint index, const launch_arg *arg,
                                  clarus_error *error)
{
    cl_int code = CL_SUCCESS;
    cl_mem memory;
    clarus_status status;
    switch (arg->kind) {
    case ARG_BUFFER:
        code = clSetKernelArg(kernel, index, sizeof(cl_mem),
                              &exec->memories[exec->plan->buffers[arg->buffer].memory]);
        break;
    case ARG_INT:
        code = clSetKernelArg(kernel, index, sizeof arg->i, &arg->i);
        break;
    case ARG_FLOAT:
        code = clSetKernelArg(kernel, index, sizeof arg->f, &arg->f);
        break;
    case ARG_WHO: /* at each launch */
        break;
    case ARG_LOCAL:
        code = clSetKernelArg(kernel, index, arg->local_bytes, NULL);
        break;
    case ARG_TABLE:
        if ((status = set_table(exec, arg, &memory, error)) != CLARUS_OK)
            return status;
        code = clSetKernelArg(kernel, index, sizeof(cl_mem), &memory);
        break;
    }
    return code ? opencl_error(error, "clSetKernelArg", code) : CLARUS_OK;
}

static clarus_status create_kernel(exec *exec, size_t i, clarus_error *error)
{
    const launch *l = &exec->plan->launches[i];
    if (l->product)
        return CLARUS_OK;
    clarus_status status = device_kernel(exec->device, l->kernel, l->defines, &exec->kernels[i], error);
    for (size_t a = 0; a < l->arg_count && status == CLARUS_OK; a++)
        status = set_argument(exec, exec->kernels[i], (cl_uint)a, &l->args[a], error);
    if (status != CLARUS_OK)
        error_prefix(error, "kernel %s (%s): ", launch_name(l), l->defines);
    return status;
}

static clarus_status create_kernels(exec *exec, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < exec->plan->launch_count && status == CLARUS_OK; i++)
        status = create_kernel(exec, i, error);
    return status;
}

/* Constants are packed while kernels are built: neither needs the other. */
typedef struct preparation {
    exec *exec;
    int threads;
    clarus_status status[2];
    clarus_error errors[2];
} preparation;

static void prepare_part(void *user, int64_t begin, int64_t end)
{
    preparation *p = user;
    for (int64_t i = begin; i < end; i++)
        p->status[i] = i == 0 ? initialise_buffers(p->exec, p->threads, &p->errors[i])
                              : create_kernels(p->exec, &p->errors[i]);
}

static clarus_status prepare(exec *exec, int threads, clarus_error *error)
{
    preparation p = {.exec = exec, .threads = threads};
    cpu_parallel(threads, 2, prepare_part, &p);
    int failed = p.status[0] == CLARUS_OK;
    if (error && p.status[failed] != CLARUS_OK)
        *error = p.errors[failed];
    return p.status[failed];
}

static size_t count_tables(const plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->launch_count; i++)
        for (size_t a = 0; a < plan->launches[i].arg_count; a++)
            count += plan->launches[i].args[a].kind == ARG_TABLE;
    return count;
}

clarus_status exec_create(clarus_device *device, const plan *plan, int threads, int guarded, exec **out,
                          clarus_error *error)
{
    *out = NULL;
    clarus_context *context = plan->graph->context;
    exec *e = memory_calloc(context, 1, sizeof *e);
    if (!e)
        return error_memory(error, "executor");
    *e = (exec){.context = context, .device = device, .plan = plan, .guarded = guarded};
    e->parents = memory_calloc(context, plan->memory_count, sizeof *e->parents);
    e->memories = memory_calloc(context, plan->memory_count, sizeof *e->memories);
    e->kernels = memory_calloc(context, plan->launch_count, sizeof *e->kernels);
    e->tables = memory_calloc(context, count_tables(plan), sizeof *e->tables);
    clarus_status status = CLARUS_OK;
    if (!e->parents || !e->memories || !e->kernels || !e->tables)
        status = error_memory(error, "executor");
    if (status == CLARUS_OK)
        status = exec_queues_create(device, plan, &e->queues, error);
    if (status == CLARUS_OK)
        status = create_memories(e, error);
    if (status == CLARUS_OK)
        status = prepare(e, threads, error);
    if (status != CLARUS_OK) {
        exec_free(e);
        return status;
    }
    *out = e;
    return CLARUS_OK;
}

void exec_free(exec *exec)
{
    if (!exec)
        return;
    const plan *plan = exec->plan;
    exec_queues_release(&exec->queues);
    for (size_t i = 0; exec->kernels && i < plan->launch_count; i++)
        if (exec->kernels[i])
            clReleaseKernel(exec->kernels[i]);
    for (size_t i = 0; i < exec->table_count; i++)
        clReleaseMemObject(exec->tables[i]);
    for (size_t m = 0; exec->memories && exec->parents && m < plan->memory_count; m++) {
        if (exec->memories[m] && exec->memories[m] != exec->parents[m])
            clReleaseMemObject(exec->memories[m]);
        if (exec->parents[m])
            clReleaseMemObject(exec->parents[m]);
    }
    memory_free(exec->context, exec->parents);
    memory_free(exec->context, exec->memories);
    memory_free(exec->context, exec->kernels);
    memory_free(exec->context, exec->tables);
    memory_free(exec->context, exec);
}

/* ---- running ----------------------------------------------------------------------------------- */

static cl_mem memory_of(const exec *exec, const launch_arg *arg)
{
    return exec->memories[exec->plan->buffers[arg->buffer].memory];
}

static int find_who(const launch *launch)
{
    for (size_t a = 0; a < launch->arg_count; a++)
        if (launch->args[a].kind == ARG_WHO)
            return (int)a;
    return -1;
}

static clarus_status join_queues(exec *exec, clarus_error *error)
{
    cl_int code = exec_queues_join(&exec->queues);
    return code ? opencl_error(error, "clEnqueueBarrierWithWaitList", code) : CLARUS_OK;
}

static clarus_status enqueue_product(exec *exec, const launch *l, clarus_error *error)
{
    clarus_status status = join_queues(exec, error);
    return status != CLARUS_OK
               ? status
               : fast_matmul_enqueue(l->product, exec->queues.main, memory_of(exec, &l->args[0]),
                                     memory_of(exec, &l->args[1]), memory_of(exec, &l->args[2]), error);
}

static clarus_status enqueue(exec *exec, size_t i, clarus_error *error)
{
    const launch *l = &exec->plan->launches[i];
    if (l->product)
        return enqueue_product(exec, l, error);
    cl_int code = exec_queues_launch(&exec->queues, l, exec->kernels[i], find_who(l));
    if (!code)
        return CLARUS_OK;
    clarus_status status = opencl_error(error, "clEnqueueNDRangeKernel", code);
    error_prefix(error, "node \"%s\", kernel %s: ", exec->plan->graph->ops[l->op].name, launch_name(l));
    return status;
}

/* An earlier run's faults may still stand there. */
static clarus_status clear_faults(exec *exec, clarus_error *error)
{
    if (!exec->plan->checks_data)
        return CLARUS_OK;
    const plan_buffer *b = &exec->plan->buffers[exec->plan->faults];
    cl_int code = clEnqueueWriteBuffer(exec->queues.main, exec->memories[b->memory], CL_FALSE, 0,
                                       b->count * sizeof(int32_t), b->data, 0, NULL, NULL);
    return code ? opencl_error(error, "clEnqueueWriteBuffer", code) : CLARUS_OK;
}

static clarus_status enqueue_all(exec *exec, clarus_error *error)
{
    clarus_status status = clear_faults(exec, error);
    for (size_t i = 0; i < exec->plan->launch_count && status == CLARUS_OK; i++)
        status = enqueue(exec, i, error);
    return status;
}

/* ---- faults ------------------------------------------------------------------------------------ */

static cl_int read_element(exec *exec, const plan_buffer *b, int64_t position, int64_t *value)
{
    size_t size = clarus_dtype_size(b->dtype);
    uint64_t element = 0;
    cl_int code = clEnqueueReadBuffer(exec->queues.main, exec->memories[b->memory], CL_TRUE,
                                      (size_t)position * size, size, &element, 0, NULL, NULL);
    convert_elements(b->dtype, &element, 1, CLARUS_INT64, value);
    return code;
}

/* The first operation's fault, as the oracle has it. */
static clarus_status report_fault(exec *exec, const int32_t *faults, clarus_error *error)
{
    const plan *plan = exec->plan;
    size_t op = 0, launch = 0;
    int64_t value = 0;
    while (!faults[op])
        op++;
    while (plan->launches[launch].op != op || plan->launches[launch].checks == SIZE_MAX)
        launch++;
    int64_t position = INT32_MAX - faults[op];
    cl_int code = read_element(exec, &plan->buffers[plan->launches[launch].checks], position, &value);
    return code ? opencl_error(error, "clEnqueueReadBuffer", code)
                : fault_set(&plan->graph->ops[op], position, value, error);
}

static clarus_status check_faults(exec *exec, clarus_error *error)
{
    const plan *plan = exec->plan;
    if (!plan->checks_data)
        return CLARUS_OK;
    const plan_buffer *b = &plan->buffers[plan->faults];
    int32_t *faults = memory_alloc(exec->context, b->count, sizeof *faults), found = 0;
    if (!faults)
        return error_memory(error, "faults");
    cl_int code = clEnqueueReadBuffer(exec->queues.main, exec->memories[b->memory], CL_TRUE, 0,
                                      b->count * sizeof *faults, faults, 0, NULL, NULL);
    for (size_t i = 0; i < b->count && !code; i++)
        found |= faults[i];
    clarus_status status = code    ? opencl_error(error, "clEnqueueReadBuffer", code)
                           : found ? report_fault(exec, faults, error)
                                   : CLARUS_OK;
    memory_free(exec->context, faults);
    return status;
}

/* The memory of kernels/share.h's counters, NULL if nothing is shared. */
static cl_mem counters(const exec *exec, size_t *bytes)
{
    const plan *plan = exec->plan;
    if (plan->counters == SIZE_MAX)
        return NULL;
    const plan_buffer *b = &plan->buffers[plan->counters];
    *bytes = b->count * sizeof(int32_t);
    return exec->memories[b->memory];
}

/* Nothing of the caller's may be in flight when a run has failed. */
static clarus_status abandon(exec *exec, clarus_status status)
{
    size_t bytes = 0;
    cl_mem memory = counters(exec, &bytes);
    exec_queues_abandon(&exec->queues, memory, bytes);
    return status;
}

static clarus_status finish(exec *exec, clarus_error *error)
{
    size_t bytes;
    cl_int code = exec_queues_finish(&exec->queues, counters(exec, &bytes));
    if (code)
        return abandon(exec, opencl_error(error, "clFinish", code));
    if (exec->queues.given_up)
        return CLARUS_OK; /* run_again looks after that */
    clarus_status status = check_faults(exec, error);
    if (status != CLARUS_OK)
        return status;
    if (!exec->has_run)
        device_store_programs(exec->device);
    exec->has_run = 1;
    return CLARUS_OK;
}

/* Bytes of a graph input or output. Its buffer may be larger: a blocked value of one pixel lies as a
 * row-major one, with unused lanes at its end. */
static size_t value_bytes(const plan *plan, size_t value)
{
    const lowered_value *v = &plan->graph->values[value];
    int64_t count = 0;
    return shape_count(&v->shape, &count) ? (size_t)count * clarus_dtype_size(v->dtype) : 0;
}

static size_t buffer_bytes(const plan_buffer *b)
{
    return b->count * clarus_dtype_size(b->dtype);
}

/* Where a run's inputs come from and its outputs go to: arrays of the host's, or buffers of the device's. */
typedef struct run_ends {
    const void *const *inputs;
    void *const *outputs;
    const cl_mem *input_buffers, *output_buffers; /* NULL: the arrays */
} run_ends;

static clarus_status take_input(exec *exec, const run_ends *ends, size_t i, clarus_error *error)
{
    const plan *plan = exec->plan;
    cl_mem to = exec->memories[plan->buffers[plan->inputs[i]].memory];
    size_t bytes = value_bytes(plan, plan->graph->inputs[i]);
    if (!bytes)
        return CLARUS_OK;
    cl_int code =
        ends->input_buffers
            ? clEnqueueCopyBuffer(exec->queues.main, ends->input_buffers[i], to, 0, 0, bytes, 0, NULL, NULL)
            : clEnqueueWriteBuffer(exec->queues.main, to, CL_FALSE, 0, bytes, ends->inputs[i], 0, NULL, NULL);
    return code ? opencl_error(error, "taking an input", code) : CLARUS_OK;
}

static clarus_status give_output(exec *exec, const run_ends *ends, size_t i, clarus_error *error)
{
    const plan *plan = exec->plan;
    cl_mem from = exec->memories[plan->buffers[plan->outputs[i]].memory];
    size_t bytes = value_bytes(plan, plan->graph->outputs[i]);
    if (!bytes)
        return CLARUS_OK;
    cl_int code = ends->output_buffers ? clEnqueueCopyBuffer(exec->queues.main, from, ends->output_buffers[i],
                                                             0, 0, bytes, 0, NULL, NULL)
                                       : clEnqueueReadBuffer(exec->queues.main, from, CL_FALSE, 0, bytes,
                                                             ends->outputs[i], 0, NULL, NULL);
    return code ? opencl_error(error, "giving an output", code) : CLARUS_OK;
}

static clarus_status run_once(exec *exec, const run_ends *ends, clarus_error *error)
{
    const lowered_graph *graph = exec->plan->graph;
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < graph->input_count && status == CLARUS_OK; i++)
        status = take_input(exec, ends, i, error);
    if (status == CLARUS_OK)
        status = enqueue_all(exec, error);
    if (status == CLARUS_OK)
        status = join_queues(exec, error);
    for (size_t i = 0; i < graph->output_count && status == CLARUS_OK; i++)
        status = give_output(exec, ends, i, error);
    return status == CLARUS_OK ? finish(exec, error) : abandon(exec, status);
}

static clarus_status run(exec *exec, const run_ends *ends, clarus_error *error)
{
    exec_queues_begin(&exec->queues);
    clarus_status status = run_once(exec, ends, error);
    if (status == CLARUS_OK && exec->queues.given_up) {
        abandon(exec, status);
        status = run_once(exec, ends, error);
    }
    exec_queues_end(&exec->queues);
    return status;
}

clarus_status exec_run(exec *exec, const void *const *inputs, void *const *outputs, clarus_error *error)
{
    const run_ends ends = {.inputs = inputs, .outputs = outputs};
    return run(exec, &ends, error);
}

clarus_status exec_run_buffers(exec *exec, const cl_mem *inputs, const cl_mem *outputs, clarus_error *error)
{
    const run_ends ends = {.input_buffers = inputs, .output_buffers = outputs};
    return run(exec, &ends, error);
}

/* One sample: `count` launches in a row, which pay for waking the queue once. */
static clarus_status time_launch(exec *exec, size_t launch, int count, double *ms, clarus_error *error)
{
    double start = clock_ms();
    clarus_status status = CLARUS_OK;
    for (int k = 0; k < count && status == CLARUS_OK; k++)
        status = enqueue(exec, launch, error);
    if (status == CLARUS_OK)
        status = finish(exec, error);
    if (status == CLARUS_OK && exec->queues.given_up)
        abandon(exec, status); /* the next samples are of the main queue */
    *ms = (clock_ms() - start) / count;
    return status;
}

clarus_status exec_profile(exec *exec, double *ms, clarus_error *error)
{
    enum { SAMPLES = 9, SAMPLE_MS = 3, MOST = 64 };
    double sorted[SAMPLES];
    clarus_status status = CLARUS_OK;
    exec_queues_begin_timing(&exec->queues);
    for (size_t i = 0; i < exec->plan->launch_count && status == CLARUS_OK; i++) {
        double sample = 0;
        status = time_launch(exec, i, 2, &sample, error);
        int count = sample * MOST < SAMPLE_MS ? MOST : 1 + (int)(SAMPLE_MS / sample);
        for (int k = 0; k < SAMPLES && status == CLARUS_OK; k++) {
            status = time_launch(exec, i, count, &sample, error);
            insert_sorted(sorted, k, sample);
        }
        ms[i] = sorted[SAMPLES / 2];
    }
    exec_queues_end_timing(&exec->queues);
    return status;
}

/* ---- guards ------------------------------------------------------------------------------------ */

static int all_bytes(const unsigned char *bytes, size_t from, size_t to, unsigned char value)
{
    for (size_t i = from; i < to; i++)
        if (bytes[i] != value)
            return 0;
    return 1;
}

/* The halo of a zeroed buffer that holds its memory alone: everything but the view's own elements is zero. */
static int halo_is_zero(clarus_context *context, const plan_buffer *b, const unsigned char *bytes)
{
    view v;
    layout_view(&b->what.layout, &b->what.shape, &v);
    unsigned char *inside = memory_calloc(context, b->count, 1);
    if (!inside)
        return 0;
    int64_t total = 1, clean = 1;
    for (size_t k = 0; k < v.rank; k++)
        total *= v.dims[k];
    for (int64_t i = 0; i < total; i++) {
        int64_t rest = i, at = v.offset;
        for (size_t k = v.rank; k-- > 0; rest /= v.dims[k])
            at += rest % v.dims[k] * v.strides[k];
        inside[at] = 1;
    }
    for (size_t i = 0; i < b->count && clean; i++)
        clean = inside[i] || all_bytes(bytes, i * 4, i * 4 + 4, 0);
    memory_free(context, inside);
    return (int)clean;
}

static clarus_status check_buffer(exec *exec, size_t number, clarus_error *error)
{
    const plan_buffer *b = &exec->plan->buffers[number];
    size_t bytes = exec->plan->memory_bytes[b->memory], used = buffer_bytes(b);
    unsigned char *copy = memory_alloc(exec->context, bytes + GUARD_BYTES, 1);
    if (!copy)
        return error_memory(error, "guard check");
    cl_int code = clEnqueueReadBuffer(exec->queues.main, exec->parents[b->memory], CL_TRUE, 0,
                                      bytes + GUARD_BYTES, copy, 0, NULL, NULL);
    clarus_status status = code ? opencl_error(error, "clEnqueueReadBuffer", code) : CLARUS_OK;
    unsigned char behind = b->zeroed ? 0 : GUARD_PATTERN;
    if (!code && (!all_bytes(copy, 0, GUARD_BYTES, GUARD_PATTERN) ||
                  !all_bytes(copy, GUARD_BYTES + used, GUARD_BYTES + bytes, behind)))
        status = error_set(error, CLARUS_E_MISMATCH, "buffer %zu was written outside its bounds", number);
    else if (!code && b->zeroed && !halo_is_zero(exec->context, b, copy + GUARD_BYTES))
        status = error_set(error, CLARUS_E_MISMATCH, "the halo of buffer %zu is no longer zero", number);
    memory_free(exec->context, copy);
    return status;
}

clarus_status exec_check_guards(exec *exec, clarus_error *error)
{
    const plan *plan = exec->plan;
    clarus_status status = CLARUS_OK;
    for (size_t b = 0; b < plan->buffer_count && status == CLARUS_OK; b++) {
        int alone = 1;
        for (size_t other = 0; other < plan->buffer_count; other++)
            alone &= other == b || plan->buffers[other].memory != plan->buffers[b].memory;
        if (alone)
            status = check_buffer(exec, b, error);
    }
    return status;
}
