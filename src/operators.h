/* The operators that Clarus knows: one row per operator and range of opsets. */
#ifndef CLARUS_OPERATORS_H
#define CLARUS_OPERATORS_H

#include "graph.h"

typedef struct lowering lowering;

/* Flags: results of half-precision operands are such values already and need no rounding; elements are only
 * moved or converted, so that constants may be float64; the first input is a condition. */
enum { OPERATOR_KEEPS_HALF = 1, OPERATOR_MOVES = 2, OPERATOR_CHOOSES = 4 };

/* Sets of element types: a bit for each clarus_dtype. */
#define TYPE_BIT(dtype) (1 << (dtype))
enum {
    TYPES_FLOAT = TYPE_BIT(CLARUS_FLOAT32) | TYPE_BIT(CLARUS_FLOAT16) | TYPE_BIT(CLARUS_BFLOAT16) |
                  TYPE_BIT(CLARUS_FLOAT64),
    TYPES_INTEGER = TYPE_BIT(CLARUS_INT8) | TYPE_BIT(CLARUS_INT16) | TYPE_BIT(CLARUS_INT32) |
                    TYPE_BIT(CLARUS_INT64) | TYPE_BIT(CLARUS_UINT8) | TYPE_BIT(CLARUS_UINT16) |
                    TYPE_BIT(CLARUS_UINT32) | TYPE_BIT(CLARUS_UINT64)
};

typedef struct operator_row {
    const char *name;
    int64_t first_opset, last_opset;
    void (*lower)(lowering *l);
    int parameter;  /* what tells operators with the same function apart, such as the element-wise function */
    size_t outputs; /* further ones must be left out or unused */
    int flags;
    int types; /* that the first input may have, or the second where the first is a condition */
} operator_row;

/* All rows, by name and opset; NULL behind the last. */
const operator_row *operator_row_at(size_t i);
/* The node's row, or NULL. */
const operator_row *operator_find(const graph_node *node);
/* Why the node cannot run, in a few words written to text (of size bytes); 0 if it can, as far as is known
 * before its shapes are. */
int operator_unsupported(const graph *graph, const graph_node *node, char *text, size_t size);

#endif
