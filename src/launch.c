/* Launches as data: what a launcher puts together one after the other. */
#include "plan.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

clarus_status plan_add_launch(plan *plan, kernel_id kernel, size_t op, launch **out, clarus_error *error)
{
    if (!memory_grow(plan->graph->context, (void **)&plan->launches, &plan->launch_capacity,
                     plan->launch_count + 1, sizeof *plan->launches))
        return error_memory(error, "launch");
    *out = &plan->launches[plan->launch_count++];
    memset(*out, 0, sizeof **out);
    (*out)->kernel = kernel;
    (*out)->op = op;
    (*out)->writes = (*out)->checks = SIZE_MAX;
    return CLARUS_OK;
}

void launch_define(launch *launch, const char *format, ...)
{
    size_t used = strlen(launch->defines);
    if (used && used + 1 < sizeof launch->defines)
        launch->defines[used++] = ' ';
    va_list args;
    va_start(args, format);
    vsnprintf(launch->defines + used, sizeof launch->defines - used, format, args);
    va_end(args);
}

const char *launch_name(const launch *launch)
{
    return launch->product ? "clblast" : kernel_get(launch->kernel)->name;
}

const char *launch_element(clarus_dtype dtype)
{
    static const char *const names[] = {[1] = "uchar", [2] = "ushort", [4] = "uint", [8] = "ulong"};
    return names[clarus_dtype_size(dtype)];
}

void launch_define_type(launch *launch, clarus_dtype dtype)
{
    static const struct {
        const char *element, *word;
    } types[] = {
        [CLARUS_FLOAT32] = {"float", "float"}, [CLARUS_UINT8] = {"uchar", "uint"},
        [CLARUS_INT8] = {"char", "uint"},      [CLARUS_UINT16] = {"ushort", "uint"},
        [CLARUS_INT16] = {"short", "uint"},    [CLARUS_INT32] = {"int", "uint"},
        [CLARUS_INT64] = {"long", "ulong"},    [CLARUS_BOOL] = {"uchar", "uint"},
        [CLARUS_UINT32] = {"uint", "uint"},    [CLARUS_UINT64] = {"ulong", "ulong"},
    };
    launch_define(launch, "-DELEMENT=%s -DWORD=%s -DFLOATING=%d", types[dtype].element, types[dtype].word,
                  dtype == CLARUS_FLOAT32);
}

static launch_arg *next_arg(launch *launch, arg_kind kind)
{
    launch_arg *arg = &launch->args[launch->arg_count++];
    arg->kind = kind;
    return arg;
}

void launch_buffer(launch *launch, size_t buffer)
{
    next_arg(launch, ARG_BUFFER)->buffer = buffer;
}

void launch_int(launch *launch, int64_t value)
{
    next_arg(launch, ARG_INT)->i = (int32_t)value;
}

void launch_float(launch *launch, float value)
{
    next_arg(launch, ARG_FLOAT)->f = value;
}

void launch_local(launch *launch, size_t bytes)
{
    next_arg(launch, ARG_LOCAL)->local_bytes = bytes;
}

void launch_who(launch *launch)
{
    next_arg(launch, ARG_WHO);
}

clarus_status launch_table(plan *plan, launch *launch, const int64_t *table, size_t count,
                           clarus_error *error)
{
    int32_t *copy = plan_alloc(plan, count, sizeof *copy);
    if (!copy)
        return error_memory(error, "launch table");
    for (size_t i = 0; i < count; i++) {
        if (table[i] < INT32_MIN || table[i] > INT32_MAX)
            return error_set(error, CLARUS_E_LIMIT,
                             "node \"%s\": a distance of %lld elements needs more than 31 bits",
                             plan->graph->ops[launch->op].name, (long long)table[i]);
        copy[i] = (int32_t)table[i];
    }
    launch_arg *arg = next_arg(launch, ARG_TABLE);
    arg->table = copy;
    arg->table_count = count;
    return CLARUS_OK;
}

clarus_status launch_fault(plan *plan, launch *launch, size_t checks, clarus_error *error)
{
    if (plan->faults == SIZE_MAX) {
        size_t count = plan->graph->op_count;
        int32_t *none = plan_alloc(plan, count, sizeof *none);
        if (!none)
            return error_memory(error, "faults");
        memset(none, 0, count * sizeof *none);
        clarus_status status = plan_constant(plan, CLARUS_INT32, none, count, &plan->faults, error);
        if (status != CLARUS_OK)
            return status;
    }
    if (plan->buffers[checks].kind != BUFFER_CONSTANT) { /* whose elements were checked when lowered */
        launch->checks = checks;
        plan->checks_data = 1;
    }
    launch_buffer(launch, plan->faults);
    launch_int(launch, (int64_t)launch->op);
    return CLARUS_OK;
}

void launch_grid(launch *launch, size_t x, size_t y, size_t z)
{
    const size_t grid[3] = {x, y, z};
    memcpy(launch->global, grid, sizeof grid);
    launch->local[0] = launch->local[1] = launch->local[2] = 1;
}

void launch_epilogue(launch *launch, const op_epilogue *epilogue)
{
    float a = -INFINITY, b = INFINITY; /* clip's bounds, as in kernels/epilogue.h */
    if (epilogue->has_function && epilogue->function == ELTWISE_relu) {
        a = 0;
    } else if (epilogue->has_function && epilogue->function != ELTWISE_identity) {
        a = epilogue->a;
        b = epilogue->b;
        if (epilogue->function != ELTWISE_clip)
            launch_define(launch, "-DFUNCTION=ELTWISE_%s", eltwise_name(epilogue->function));
    }
    launch_float(launch, a);
    launch_float(launch, b);
}

/* What a work-item of a CPU takes: about WORK elements. */
enum { WORK = 4096 };

static int64_t at_most(int64_t a, int64_t most)
{
    return a < most ? a : most;
}

void launch_groups(const plan *plan, launch *launch, int64_t x, int64_t y, int64_t z)
{
    int64_t left = plan_device(plan)->group_size, extents[2] = {x, y};
    launch_grid(launch, (size_t)x, (size_t)y, (size_t)z);
    for (int d = 0; d < 2; d++) {
        int64_t size = 1;
        while (size * 2 <= left && size < extents[d])
            size *= 2;
        launch->local[d] = (size_t)size;
        launch->global[d] = (size_t)(div_up(extents[d], size) * size);
        left /= size;
    }
}

int64_t plan_share(const plan *plan, int64_t count, int64_t work, int64_t unit)
{
    if (plan_device(plan)->lanes == 1)
        return 1;
    int64_t taken = at_most(div_up(count, unit), div_up(WORK, (work > 0 ? work : 1) * unit));
    return (taken > 0 ? taken : 1) * unit;
}
