/* Launches of element-wise functions of integers, truth values and mixed types. */
#include "dtype.h"
#include "plan.h"

enum { OPERANDS = 3 };

/* How elements lie: where only bits count, as unsigned integers. */
static const char *stored_as(clarus_dtype dtype, typed_family family)
{
    return dtype == CLARUS_FLOAT32 && family != FAMILY_SELECTION ? "float" : launch_element(dtype);
}

static void define_types(launch *launch, typed_family family, clarus_dtype first, clarus_dtype rest,
                         clarus_dtype result)
{
    static const char *const names[] = {
        [FAMILY_INTEGER] = "INTEGER",       [FAMILY_DIVISION] = "DIVISION",
        [FAMILY_COMPARISON] = "COMPARISON", [FAMILY_CLASSIFICATION] = "CLASSIFICATION",
        [FAMILY_SELECTION] = "SELECTION",   [FAMILY_CONVERSION] = "CONVERSION"};
    integer_type from = dtype_integer(first), to = dtype_integer(result);
    launch_define(launch, "-DFAMILY_%s -DFIRST=%s -DREST=%s -DRESULT=%s", names[family],
                  stored_as(first, family), stored_as(rest, family), stored_as(result, family));
    launch_define(launch, "-DBITS=%d -DSIGNED=%d", from.bits, from.is_signed);
    if (family == FAMILY_CONVERSION)
        launch_define(launch, "-DTO_BITS=%d -DTO_SIGNED=%d", to.bits, to.is_signed);
}

clarus_status launch_typed(plan *plan, size_t op, const lowered_op *what, const operand *in,
                           const operand *out, clarus_error *error)
{
    size_t last = what->input_count - 1;
    typed_function function = what->as.typed.function;
    typed_family family = typed_get(function)->family;
    view views[1 + OPERANDS];
    launch *launch;
    clarus_status status = plan_add_launch(
        plan, family == FAMILY_DIVISION ? KERNEL_typed_division : KERNEL_typed, op, &launch, error);
    layout_view(&out->layout, &out->shape, &views[0]);
    for (size_t i = 0; i < OPERANDS && status == CLARUS_OK; i++)
        status = launch_broadcast(&in[i < last ? i : last], &views[0], what->name, &views[1 + i], error);
    if (status != CLARUS_OK)
        return status;
    define_types(launch, family, in[0].dtype, in[last].dtype, out->dtype);
    launch_buffer(launch, out->buffer);
    for (size_t i = 0; i < OPERANDS; i++)
        launch_buffer(launch, in[i < last ? i : last].buffer);
    if ((status = launch_views(plan, launch, views, 1 + OPERANDS, error)) != CLARUS_OK)
        return status;
    launch_int(launch, function);
    return family == FAMILY_DIVISION ? launch_fault(plan, launch, in[1].buffer, error) : CLARUS_OK;
}
