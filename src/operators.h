/* The operators that Clarus knows: one row per operator and range of opsets. */
#ifndef CLARUS_OPERATORS_H
#define CLARUS_OPERATORS_H

#include "graph.h"

typedef struct lowering lowering;

/* Flags: results of half-precision operands are such values already and need no rounding; elements are only
 * moved or converted, so that constants may be float64. */
enum { OPERATOR_KEEPS_HALF = 1, OPERATOR_MOVES = 2 };

typedef struct operator_row {
    const char *name;
    int64_t first_opset, last_opset;
    void (*lower)(lowering *l);
    int parameter;  /* what tells operators with the same function apart, such as the element-wise function */
    size_t outputs; /* further ones must be left out or unused */
    unsigned flags;
} operator_row;

/* All rows, by name and opset; NULL behind the last. */
const operator_row *operator_row_at(size_t i);
/* The node's row, or NULL. */
const operator_row *operator_find(const graph_node *node);
/* Why the node cannot run, in a few words written to text (of size bytes); 0 if it can, as far as is known
 * before its shapes are. */
int operator_unsupported(const graph *graph, const graph_node *node, char *text, size_t size);

#endif
