/* The plan: how one device executes a lowered graph. Layouts, buffers and launches, as data.
 *
 * A plan is made without touching OpenCL (plan.c asks each operation's launcher, launch_*.c, for its
 * launches); exec.c then allocates the buffers, builds the kernels and runs it. */
#ifndef CLARUS_PLAN_H
#define CLARUS_PLAN_H

#include "channel_map.h"
#include "kernel_registry.h"
#include "layout.h"
#include "lowered.h"
#include "packing.h"

#include "../devices/device_params.h"

enum { LAUNCH_ARGS = 24, LAUNCH_DEFINES = 256 };

typedef enum arg_kind { ARG_BUFFER, ARG_INT, ARG_FLOAT, ARG_TABLE, ARG_LOCAL, ARG_WHO } arg_kind;

typedef struct launch_arg {
    arg_kind kind;
    size_t buffer;        /* ARG_BUFFER: plan buffer number, passed as a cl_mem */
    int32_t i;            /* ARG_INT */
    float f;              /* ARG_FLOAT */
    const int32_t *table; /* ARG_TABLE: passed as a __global const int buffer of its own */
    size_t table_count;
    size_t local_bytes; /* ARG_LOCAL: local memory of the work-group */
                        /* ARG_WHO: the executor gives it at each launch, see kernels/share.h */
} launch_arg;

typedef struct launch {
    kernel_id kernel;
    char defines[LAUNCH_DEFINES]; /* "-DFUNCTION=ELTWISE_relu" */
    launch_arg args[LAUNCH_ARGS];
    size_t arg_count;
    size_t global[3], local[3];        /* always three dimensions */
    const struct fast_matmul *product; /* math mode `fast`: CLBlast's work instead; args are a, b and y */
    size_t op;                         /* the lowered operation it belongs to */
    size_t writes;                     /* the buffer that it writes; set by plan.c if the launcher does not */
    size_t checks; /* the buffer whose elements it checks, or SIZE_MAX; see launch_fault */
} launch;

/* Where a value lies: which buffer, and how in it. */
typedef struct operand {
    size_t buffer;
    clarus_dtype dtype;
    shape shape;
    layout layout;
} operand;

typedef struct plan plan;

/* For launchers: appends a launch of `kernel` for operation `op`, with nothing set. */
clarus_status plan_add_launch(plan *plan, kernel_id kernel, size_t op, launch **out, clarus_error *error);
/* Appends to launch->defines; printf-style. Too long a text is CLARUS_E_INTERNAL at build time. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void launch_define(launch *launch, const char *format, ...);
void launch_buffer(launch *launch, size_t buffer);
void launch_int(launch *launch, int64_t value); /* value fits in 31 bits: plan.c bounds every buffer */
void launch_float(launch *launch, float value);
void launch_local(launch *launch, size_t bytes);
void launch_who(launch *launch);
/* The OpenCL name of the unsigned integer as large as an element, for kernels that only move bits. */
const char *launch_element(clarus_dtype dtype);
/* -DELEMENT, -DWORD and -DFLOATING for kernels that compute on elements of this type (kernels/element.h). */
void launch_define_type(launch *launch, clarus_dtype dtype);
/* Copies the table into the plan; CLARUS_E_LIMIT if a value needs more than 31 bits. */
clarus_status launch_table(plan *plan, launch *launch, const int64_t *table, size_t count,
                           clarus_error *error);
/* Passes the buffer of faults and the operation's place in it: a kernel that finds data which it cannot take
 * leaves the position there (kernels/fault.h), and the run fails with fault_set's error. `checks` is the
 * buffer that the positions count in, kept until the run ends so that the error can name the element. */
clarus_status launch_fault(plan *plan, launch *launch, size_t checks, clarus_error *error);
void launch_grid(launch *launch, size_t x, size_t y, size_t z); /* local 1x1x1 */
/* A grid in work-groups of neighbouring work-items where the device wants them: along dimension 0, then 1. */
void launch_groups(const plan *plan, launch *launch, int64_t x, int64_t y, int64_t z);
/* How many of `count` things of `work` elements each a work-item takes: some thousand elements' worth, a
 * multiple of `unit`, on CPUs; 1 on GPUs. */
int64_t plan_share(const plan *plan, int64_t count, int64_t work, int64_t unit);
const device_params *plan_device(const plan *plan);
/* A buffer that holds `count` elements of constant data (packed weights, constant operands), written once.
 * The data is given by a plan-owned pointer. */
clarus_status plan_constant(plan *plan, clarus_dtype dtype, const void *data, size_t count, size_t *buffer,
                            clarus_error *error);
/* A buffer for a constant that is packed when the device's memory is there. What the packing points to lives
 * as long as the plan (plan_alloc). */
clarus_status plan_packed(plan *plan, size_t count, const packing *packing, size_t *buffer,
                          clarus_error *error);
/* A buffer for an intermediate result of one operation. */
clarus_status plan_temporary(plan *plan, clarus_dtype dtype, size_t count, size_t *buffer,
                             clarus_error *error);
/* Memory that lives as long as the plan. */
void *plan_alloc(plan *plan, size_t count, size_t size);

/* Every buffer has this many elements of slack behind it, so that the last tile's vectors may read past the
 * end. */
enum { BUFFER_SLACK = 4096 };

typedef enum buffer_kind { BUFFER_INPUT, BUFFER_OUTPUT, BUFFER_TEMPORARY, BUFFER_CONSTANT } buffer_kind;

/* A buffer of the plan, before memory is shared: it lives from the launch that writes it to the last that
 * reads it. Buffers with the same `memory` share memory. */
typedef struct plan_buffer {
    buffer_kind kind;
    clarus_dtype dtype;
    size_t count;       /* elements, slack excluded */
    size_t first, last; /* launches between which it is alive */
    size_t memory;      /* number of its memory */
    int zeroed;         /* has a halo, which must be zero: shares memory only with equals */
    operand what;       /* shape and layout, for zeroed ones and for the dump */
    const void *data;   /* BUFFER_CONSTANT: its elements, or NULL and packing */
    packing packing;
} plan_buffer;

struct plan {
    lowered_graph *graph;
    const device_params *device;
    int fast;     /* math mode `fast` */
    int parallel; /* work-groups that the device runs at once */
    int plain;    /* CLARUS_PLAN=plain: row-major, nothing shared; the first tool when digests differ */
    struct placement *placements;
    channel_map **maps; /* per value: how its channels come from others', or NULL */
    plan_buffer *buffers;
    size_t buffer_count, buffer_capacity;
    launch *launches;
    size_t launch_count, launch_capacity;
    size_t memory_count;
    size_t *memory_bytes;     /* bytes of each shared memory, slack included */
    size_t *inputs, *outputs; /* buffers, row-major, in the graph's order */
    size_t counters;          /* buffer of kernels/share.h; SIZE_MAX: no launch shares its work */
    int checks_data;          /* a launch checks values that come with the data */
    size_t faults;            /* buffer with one int32 per operation; SIZE_MAX: no launch checks anything */
};

/* The graph stays the caller's and must outlive the plan; its arena holds the plan's tables. */
clarus_status plan_create(lowered_graph *graph, const device_params *device, clarus_math math, int parallel,
                          plan **out, clarus_error *error);
void plan_free(plan *plan);
/* plan_memory.c: gives every buffer its memory; checks that whatever a launch reads was written and has not
 * been overwritten since. */
clarus_status plan_share_memory(plan *plan, clarus_error *error);
clarus_status plan_check_memory(const plan *plan, clarus_error *error);
/* The kernel's name, or "clblast". */
const char *launch_name(const launch *launch);
/* One line per launch, then the memory. NULL if out of memory; the caller frees it with memory_free. */
char *plan_text(const plan *plan);

/* Which kernel convolutions go to. BLOCKED ones take their first input in the layout that conv_input_layout
 * says. */
typedef enum conv_route { CONV_BLOCKED, CONV_DEPTHWISE, CONV_ANY } conv_route;
conv_route conv_choose_route(const lowered_graph *graph, const lowered_op *what);
/* For layout.group of the input or output, of so many channels, of a convolution that takes BLOCKED values.
 */
int64_t conv_blocks_group(const lowered_graph *graph, const lowered_op *what, int64_t channels);
/* Gives the halo that the convolution reads. */
void conv_input_halo(const conv_params *conv, layout *layout);

/* Launchers, one per kind of operation: append the launches that compute `out` from `in`. Layouts are given.
 * launch_conv.c, launch_pool.c, launch_matmul.c: */
clarus_status launch_conv(plan *plan, size_t op, const lowered_op *what, const operand *in,
                          const operand *out, clarus_error *error);
clarus_status launch_pool(plan *plan, size_t op, const lowered_op *what, const operand *in,
                          const operand *out, clarus_error *error);
clarus_status launch_matmul(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error);
/* launch_share.c: the arguments that SHARE of kernels/share.h stands for. `rest` follows the numbers of
 * workers and items in its table. On a CPU this sets the grid: a worker for each core. */
enum { SHARE_ARRIVALS = 0, SHARE_GIVEN_UP = 16, SHARE_TAKEN = 32, SHARE_APART = 16 }; /* as there */
clarus_status launch_share(plan *plan, launch *launch, int64_t items, const int64_t *rest, size_t rest_count,
                           clarus_error *error);
/* The same for a kernel that works on a grid: on a CPU the places of the grid set so far become the items. */
clarus_status launch_share_grid(plan *plan, launch *launch, clarus_error *error);
/* launch_fast.c: matrix products by CLBlast. */
int plan_takes_fast_matmul(const plan *plan);
clarus_status launch_fast_matmul(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                 const operand *out, clarus_error *error);
/* The function of an epilogue (kernels/epilogue.h): a -D where it is a rare one, and its two parameters. */
void launch_epilogue(launch *launch, const op_epilogue *epilogue);
/* launch_generic.c: any layout. */
clarus_status launch_eltwise(plan *plan, size_t op, const lowered_op *what, const operand *in,
                             const operand *out, clarus_error *error);
clarus_status launch_reduce(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error); /* PLAIN in and out, or BLOCKED in with
                                                          H and W (and no other axis) reduced, out PLAIN */
clarus_status launch_softmax(plan *plan, size_t op, const lowered_op *what, const operand *in,
                             const operand *out, clarus_error *error); /* PLAIN */
clarus_status launch_layer_norm(plan *plan, size_t op, const lowered_op *what, const operand *in,
                                const operand *out, clarus_error *error); /* PLAIN */
clarus_status launch_move(plan *plan, size_t op, const lowered_op *what, const operand *in,
                          const operand *out, clarus_error *error); /* PLAIN */
/* launch_channels.c: a BLOCKED value whose channels come from others by a regular map; for each channel,
 * where its source lies, BLOCKED too. */
clarus_status launch_channels(plan *plan, size_t op, const channel_map *map, const operand *const *operands,
                              const operand *out, clarus_error *error);
/* launch_channels.c: from one BLOCKED layout to another whose groups of channels begin elsewhere. */
clarus_status launch_regroup(plan *plan, size_t op, const operand *in, const operand *out,
                             clarus_error *error);
/* launch_index.c: PLAIN, elements of any size. */
clarus_status launch_gather(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error);
clarus_status launch_scatter(plan *plan, size_t op, const lowered_op *what, const operand *in,
                             const operand *out, clarus_error *error);
/* launch_line.c: along an axis, PLAIN, elements of any type. */
clarus_status launch_top(plan *plan, size_t op, const lowered_op *what, const operand *in, const operand *out,
                         clarus_error *error);
clarus_status launch_scan(plan *plan, size_t op, const lowered_op *what, const operand *in,
                          const operand *out, clarus_error *error);
/* launch_sample.c: PLAIN. */
clarus_status launch_sample(plan *plan, size_t op, const lowered_op *what, const operand *in,
                            const operand *out, clarus_error *error);
clarus_status launch_roi_align(plan *plan, size_t op, const lowered_op *what, const operand *in,
                               const operand *out, clarus_error *error);
clarus_status launch_resample(plan *plan, size_t op, const lowered_op *what, const operand *in,
                              const operand *out, clarus_error *error);
/* launch_typed.c */
clarus_status launch_typed(plan *plan, size_t op, const lowered_op *what, const operand *in,
                           const operand *out, clarus_error *error); /* PLAIN */
/* For launchers of what walks strided views: an operand with the axes of the output, steps of 0 along those
 * where it is broadcast; the kernels' table of `count` views, which become rows of elements, and the grid. */
clarus_status launch_broadcast(const operand *in, const view *out, const char *name, view *v,
                               clarus_error *error);
clarus_status launch_views(plan *plan, launch *launch, view *views, size_t count, clarus_error *error);
/* Copies a value from one layout to another (same shape). */
clarus_status launch_reorder(plan *plan, size_t op, const operand *in, const operand *out,
                             clarus_error *error);

#endif
