/* Whole networks of CLARUS_TEST_DATA with the inputs and outputs that their authors give. */
#ifndef CLARUS_TEST_NETWORK_SET_H
#define CLARUS_TEST_NETWORK_SET_H

#include "clarus.h"

typedef enum network_input {
    INPUT_FILE,  /* a tensor file of the data folder */
    INPUT_RAMP,  /* 0, 1/n, 2/n, ... as ONNX's light tests have it */
    INPUT_NOISE, /* nets/arch/README.md: seed 12345, mean 0, deviation 1 */
    INPUT_PHOTO  /* the same noise, scaled to 0..255 as a network that takes pixels expects it */
} network_input;

enum {
    NETWORK_SLOW = 1,   /* only with CLARUS_TEST_ALL=1 */
    NETWORK_LARGE = 4,  /* on devices; in double precision with CLARUS_TEST_ALL=1 only */
    NETWORK_RECIPE = 2, /* weights are generated: nets/arch */
    NETWORK_INTEGER = 8 /* quantised: compared node by node only */
};

typedef struct network {
    const char *model; /* in the data folder */
    network_input input;
    const char *input_file, *expected; /* NULL: none */
    double rtol, atol;
    int flags;
} network;

extern const network networks[];
extern const size_t network_count;

/* A place for generated weights, removed by network_scratch_free. */
typedef struct network_scratch {
    char folder[64];
    char model[512], weights[512]; /* "" when there is none */
} network_scratch;

/* Path of the model file, its weights generated beside it if need be. 0 if it is not there. */
int network_open(const network *n, const char *data, network_scratch *scratch, char path[4096]);
void network_close(network_scratch *scratch);
/* The network's only input. */
clarus_status network_input_create(const network *n, const char *data, clarus_context *context,
                                   const clarus_model *model, clarus_tensor **tensor, clarus_error *error);
#endif
