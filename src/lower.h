/* Lowering: from the model's nodes to the operations of docs/numerics.md, for given input shapes.
 *
 * One function per ONNX operator (lower_*.c, listed in operators.c) reads its node through the lowering,
 * emits operations, and binds the node's outputs. An operation whose inputs are all constant is computed on
 * the spot, so that the shape arithmetic of exporters disappears.
 *
 * The first error sticks: from then on nothing is emitted, numbers are LOWER_NONE and shapes scalar, and the
 * driver reports the error with the node's name in front. So the functions need not check after each step. */
#ifndef CLARUS_LOWER_H
#define CLARUS_LOWER_H

#include "graph.h"
#include "lowered.h"
#include "operators.h"

#define LOWER_NONE SIZE_MAX

/* What a value of the model is: a value of the lowered graph, and the type that the model gives it. A
 * constant in float64 is there in float32 too once it is computed with. */
typedef struct binding {
    size_t number;
    clarus_dtype dtype;
    size_t narrow;
} binding;

/* Facts about an operation that the passes need and that its lowered form does not show. */
typedef enum note_kind { NOTE_BATCH_NORM, NOTE_PAD, NOTE_QUANTISED } note_kind;

typedef struct lower_note {
    note_kind kind;
    size_t value;                             /* the operation's output */
    const float *scale, *offset, *mean, *var; /* NOTE_BATCH_NORM: one value per channel */
    float epsilon;
    int64_t begin[CLARUS_MAX_RANK], end[CLARUS_MAX_RANK]; /* NOTE_PAD: zeros before and behind each axis */
    size_t centred; /* NOTE_QUANTISED: the integers less their zero point, in float32 */
    float zero;
} lower_note;

/* A value of the model that was computed beforehand: a constant to the lowering. */
typedef struct known_value {
    size_t value;                 /* of the model */
    clarus_dtype dtype, declared; /* that data has, and that the model gives it (lowered_value.declared) */
    shape shape;
    const void *data; /* outlives the lowered graph */
} known_value;

/* Values of the model that the lowering has to know and does not. */
enum { LOWER_MISSING = 16 };

typedef struct lower_missing {
    size_t values[LOWER_MISSING];
    size_t count;
} lower_missing;

/* What is to be lowered. */
typedef struct lower_request {
    const shape *shapes; /* of the graph's inputs */
    const known_value *known;
    size_t known_count;
    const size_t *targets; /* values of the model to compute; NULL: its outputs */
    size_t target_count;
} lower_request;

struct lowering {
    const graph *model;
    const lower_request *request;
    lowered_graph *out;
    binding *bindings;     /* per value of the model */
    unsigned char *needed; /* per value of the model: a target depends on it */
    lower_missing *missing;
    lower_note *notes;
    size_t note_count, note_capacity;
    uint64_t folded_bytes; /* of computed constants */
    const graph_node *node;
    const operator_row *row;
    clarus_dtype carried; /* the node's type, if it is carried as float32: half precision, float64; or 0 */
    int narrows;          /* the node takes constants in float64 as float32 */
    clarus_status status;
    clarus_error *error;
};

/* ---- Errors */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void lower_error(lowering *l, clarus_status status, const char *format, ...);

/* ---- The node at hand */
int lower_has_input(const lowering *l, size_t i);
/* Number of input i; an error if it is left out. float64 comes as float32, if the node is not folded. */
size_t lower_input(lowering *l, size_t i);
/* The type that the model gives input i. */
clarus_dtype lower_input_type(const lowering *l, size_t i);
int64_t lower_int(lowering *l, const char *name, int64_t otherwise);
float lower_float(lowering *l, const char *name, float otherwise);
const char *lower_string(lowering *l, const char *name, const char *otherwise);
/* NULL if the attribute is absent. */
const int64_t *lower_ints(lowering *l, const char *name, size_t *count);
const float *lower_floats(lowering *l, const char *name, size_t *count);
/* Elements of input i, which decides about shapes or about what is computed. If it is not constant, NULL, and
 * the value is noted as missing: the graph can be lowered again once it is known (stage.h). */
const void *lower_known(lowering *l, size_t i);
/* Such an input as integers: count of them, written to values, which has room for `room`. */
size_t lower_int_input(lowering *l, size_t i, int64_t *values, size_t room);
/* The same of floats. */
size_t lower_float_input(lowering *l, size_t i, float *values, size_t room);
/* An axis attribute's or input's value in 0 .. rank - 1. */
size_t lower_axis(lowering *l, int64_t axis, size_t rank);

/* ---- Values of the lowered graph */
shape lower_shape(const lowering *l, size_t number);
clarus_dtype lower_dtype(const lowering *l, size_t number);
int lower_is_constant(const lowering *l, size_t number);
/* Its elements if it is constant, else NULL. They may be in a file up to now. */
const void *lower_data(lowering *l, size_t number);
int64_t lower_count(const lowering *l, size_t number);
/* data is not copied. */
size_t lower_constant(lowering *l, clarus_dtype dtype, const shape *shape, const void *data);
/* A tensor of the model, half precision widened. */
size_t lower_tensor(lowering *l, const graph_tensor *tensor, const char *name);
/* Zero-filled memory of the lowered graph. All that is asked for stays below an eighth of the context's
 * max_model_bytes, since a few bytes of a model can ask for any amount. */
void *lower_memory(lowering *l, int64_t count, size_t size);
size_t lower_scalar(lowering *l, float value);
size_t lower_int64s(lowering *l, const int64_t *values, size_t count);

/* ---- Emitting */
/* Adds the operation, whose kind, inputs, epilogue and parameters are set, with an output of this type and
 * shape, or computes it if its inputs are constant. Returns the output. */
size_t lower_emit(lowering *l, const lowered_op *op, clarus_dtype dtype, const shape *shape);
/* An element-wise function of float32, or its integer form where x is an integer. */
size_t lower_unary(lowering *l, eltwise_function function, size_t x, float a, float b);
/* With broadcasting. */
size_t lower_binary(lowering *l, eltwise_function function, size_t x, size_t y);
/* A function of typed.def with broadcasting; dtype is the result's. */
size_t lower_typed(lowering *l, typed_function function, size_t *inputs, clarus_dtype dtype);
/* x in another type, as ONNX's Cast; x itself if it has that type. Only constants become float64. */
size_t lower_convert(lowering *l, size_t x, clarus_dtype dtype);
size_t lower_mul_add(lowering *l, size_t x, size_t y, size_t z);
/* The same elements in another shape of as many. */
size_t lower_view(lowering *l, size_t x, const shape *shape);
/* One part that covers the whole output of this shape. */
size_t lower_move(lowering *l, size_t x, const move_part *part, const shape *shape);
size_t lower_transpose(lowering *l, size_t x, const size_t *axes);
/* axes[i] != 0: reduced; the extents become 1. */
size_t lower_reduce_axes(lowering *l, reduce_function function, size_t x, const unsigned char *axes);
/* NULL if out of memory. The pointer is valid until the next note. */
lower_note *lower_add_note(lowering *l, note_kind kind, size_t value);

/* ---- Binding the node's outputs */
/* Half-precision nodes: rounded, unless the operator's row says that it is such a value already. */
void lower_bind(lowering *l, size_t output, size_t number);
/* The value as it is, with this type of the model. */
void lower_bind_as(lowering *l, size_t output, size_t number, clarus_dtype dtype);

/* ---- The driver */
/* CLARUS_E_UNSUPPORTED with a count in *missing: to be tried again when those values are known. */
clarus_status lower_graph(const graph *model, const lower_request *request, lowered_graph **out,
                          lower_missing *missing, clarus_error *error);
/* fuse.c: the passes of numerics.md section 8. */
clarus_status fuse_graph(lowered_graph *graph, const lower_note *notes, size_t note_count,
                         clarus_error *error);

#endif
