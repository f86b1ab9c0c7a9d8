/* Packing: how constants are brought into the forms that kernels read.
 *
 * A form takes its constant in pieces that follow each other, so that threads share the work and only a few
 * pieces are in memory in both forms. */
#ifndef CLARUS_PACKING_H
#define CLARUS_PACKING_H

#include "lowered.h"

typedef struct packing_form {
    int64_t (*pieces)(const void *what);
    /* The piece's first element in the constant; of `pieces` the end of the last one. */
    int64_t (*first)(const void *what, int64_t piece);
    /* Writes everything in `out` that belongs to the piece, padding included. */
    void (*pack)(const void *what, int64_t piece, const float *from, float *out);
} packing_form;

typedef struct packing {
    const packing_form *form;
    const void *what; /* the form's parameters */
    size_t value;     /* the constant, float32 */
} packing;

/* Packs packings[i] to out[i], from up to `threads` threads. */
clarus_status packing_run(const lowered_graph *graph, const packing *const *packings, float *const *out,
                          size_t count, int threads, clarus_error *error);

/* Weights [O][I / groups][taps]. For Winograd's algorithm each position is a group of its own. */
typedef struct weight_packing {
    size_t value;
    int64_t outputs;                                  /* O, all groups together */
    int64_t groups, group_out, group_in, taps, width; /* width: output channels of a tile */
    int64_t tiles;                                    /* of a group */
} weight_packing;

/* To [group][tile of outputs][block][tap][channel][tile width], zeros beyond O. */
extern const packing_form packing_tiles;
/* Depthwise: to [block of outputs][tap][channel of the output's group][16]. */
extern const packing_form packing_depthwise;
/* Transformed for Winograd's algorithm, to [36][group][tile of outputs][channel][tile width] and
 * [group][tile of outputs][36][channel][tile width]. */
extern const packing_form packing_positions_first, packing_tiles_first;

/* A second factor [K][N] or, transposed, [N][K] to [matrix][tile][K][width], zeros beyond N. */
typedef struct matrix_packing {
    int64_t matrices, n, k, width;
} matrix_packing;

extern const packing_form packing_matrix, packing_transposed_matrix;

#endif
