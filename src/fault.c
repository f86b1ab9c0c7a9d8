#include "fault.h"

static clarus_status set_division(const lowered_op *op, int64_t position, int64_t value, clarus_error *error)
{
    return error_set(error, CLARUS_E_FORMAT,
                     value ? "node \"%s\": the lowest number is divided by -1, element %lld of the divisors"
                           : "node \"%s\": an integer is divided by 0, element %lld of the divisors",
                     op->name, (long long)position);
}

clarus_status fault_set(const lowered_op *op, int64_t position, int64_t value, clarus_error *error)
{
    if (op->kind == OP_TYPED)
        return set_division(op, position, value, error);
    const indexed_params *p = op->kind == OP_SCATTER ? &op->as.scatter.places : &op->as.gather;
    int64_t extent =
        op->kind == OP_ROI_ALIGN ? op->as.roi_align.batch : p->extents[position % (int64_t)p->components];
    return error_set(
        error, CLARUS_E_SHAPE,
        "node \"%s\": index %lld, element %lld of its indices, is outside an axis of %lld elements", op->name,
        (long long)value, (long long)position, (long long)extent);
}
