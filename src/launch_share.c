/* The arguments of kernels/share.h, and the grid that goes with them: on a CPU one worker for each core, else
 * a work-item for each item. */
#include "plan.h"

#include <string.h>

/* Zeros whenever no launch is under way, so one buffer serves all launches. */
static clarus_status find_counters(plan *plan, clarus_error *error)
{
    if (plan->counters != SIZE_MAX)
        return CLARUS_OK;
    size_t count = SHARE_TAKEN + (size_t)plan->parallel * SHARE_APART;
    int32_t *none = plan_alloc(plan, count, sizeof *none);
    if (!none)
        return error_memory(error, "counters");
    memset(none, 0, count * sizeof *none);
    return plan_constant(plan, CLARUS_INT32, none, count, &plan->counters, error);
}

clarus_status launch_share(plan *plan, launch *launch, int64_t items, const int64_t *rest, size_t rest_count,
                           clarus_error *error)
{
    enum { MOST = 8 };
    int64_t workers = plan_device(plan)->near_bytes > 0 ? plan->parallel : 0, table[MOST] = {workers, items};
    for (size_t i = 0; i < rest_count; i++)
        table[2 + i] = rest[i];
    clarus_status status = find_counters(plan, error);
    if (status != CLARUS_OK)
        return status;
    launch_buffer(launch, plan->counters);
    status = launch_table(plan, launch, table, 2 + rest_count, error);
    launch_who(launch);
    if (workers)
        launch_grid(launch, 1, (size_t)workers, 1);
    return status;
}

clarus_status launch_share_grid(plan *plan, launch *launch, clarus_error *error)
{
    int64_t items = INT32_MAX;
    const int64_t rest[] = {(int64_t)launch->global[0], (int64_t)launch->global[1]};
    if (plan_device(plan)->near_bytes > 0) {
        const shape grid = {3, {rest[0], rest[1], (int64_t)launch->global[2]}};
        if (!shape_count(&grid, &items))
            return error_set(error, CLARUS_E_LIMIT, "node \"%s\": too many work-items",
                             plan->graph->ops[launch->op].name);
    }
    return launch_share(plan, launch, items, rest, sizeof rest / sizeof *rest, error);
}
