#include "fault.h"

clarus_status fault_set(const lowered_op *op, int64_t position, int64_t value, clarus_error *error)
{
    const indexed_params *p = op->kind == OP_SCATTER ? &op->as.scatter.places : &op->as.gather;
    int64_t extent =
        op->kind == OP_ROI_ALIGN ? op->as.roi_align.batch : p->extents[position % (int64_t)p->components];
    return error_set(
        error, CLARUS_E_SHAPE,
        "node \"%s\": index %lld, element %lld of its indices, is outside an axis of %lld elements", op->name,
        (long long)value, (long long)position, (long long)extent);
}
