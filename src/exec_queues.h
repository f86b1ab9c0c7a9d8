/* The queues of one executor: one for everything, and where the device has them one for each core.
 *
 * A CPU's driver takes 10 to 30 us from one launch to the next in a queue: it collects its threads, wakes
 * them again and may give a short launch to one of them alone. With a queue for each core, every core works
 * through its own list of launches; where one needs what the others wrote in the launch before, it waits at
 * the gate of kernels/share.h, which takes less than 1 us. Only kernels with SHARE in their parameters can do
 * so; all other commands go to the main queue, and the queues wait for each other's events where a run
 * changes between them. */
#ifndef CLARUS_EXEC_QUEUES_H
#define CLARUS_EXEC_QUEUES_H

#include "device.h"
#include "faster_way.h"
#include "plan.h"

typedef struct exec_queues {
    cl_command_queue main, core[DEVICE_CORES];
    size_t core_count;                 /* 0: only the main queue is used */
    faster_way faster;                 /* way 0: on the cores */
    int uses_cores;                    /* this run */
    double started_ms;                 /* this run */
    int on_cores;                      /* the last command went to the cores */
    cl_event last[DEVICE_CORES], fork; /* the cores' last commands; what their next ones wait for, or NULL */
    uint32_t arrivals;                 /* at the gate, when all that was launched is done */
    cl_int given_up;                   /* read back from the gate by the last run */
} exec_queues;

clarus_status exec_queues_create(clarus_device *device, const plan *plan, exec_queues *queues,
                                 clarus_error *error);
void exec_queues_release(exec_queues *queues);

/* Around a run, or around launches that the caller times, which go the way that runs go. Cores that
 * work for two runs at once could wait for each other for ever, so in a process one run at a time has them.
 */
void exec_queues_begin(exec_queues *queues);
void exec_queues_end(exec_queues *queues);
void exec_queues_begin_timing(exec_queues *queues);
void exec_queues_end_timing(exec_queues *queues);

/* Launches on the cores if the kernel shares its work (`who` is its argument's number, or -1), else on the
 * main queue. */
cl_int exec_queues_launch(exec_queues *queues, const launch *launch, cl_kernel kernel, int who);
/* The main queue waits for the cores: to be called before a command is put there. */
cl_int exec_queues_join(exec_queues *queues);
/* Waits for everything; with cores, asks whether one gave up at the gate of `counters`. */
cl_int exec_queues_finish(exec_queues *queues, cl_mem counters);
/* Waits for everything, whatever its state, and does without the cores from now on: after a failure they may
 * stand at different launches. The counters are zero again. */
void exec_queues_abandon(exec_queues *queues, cl_mem counters, size_t bytes);

#endif
