/* The launches of a session, each timed by itself, and how near each is to its limit: the device's
 * multiply-add peak, or the bandwidth of traffic like the layer's, whichever takes longer for the layer's
 * work. */
#ifndef CLARUS_LAYERS_H
#define CLARUS_LAYERS_H

#include "command.h"

#include <stdio.h>

typedef struct layer {
    const clarus_layer_time *time;
    double gflops, gbytes_per_s;
    double bandwidth;         /* GB/s of traffic like this layer's; NAN: not known, or nothing to move */
    int is_memory;            /* the nearer limit is the bandwidth */
    double fraction_of_limit; /* NAN: not known */
} layer;

typedef struct layers {
    layer *items; /* free() */
    size_t count;
    double ms; /* all together */
} layers;

/* peak: the device's, in GFLOP/s; NAN if it is not known. EXIT_OK, or a message and its exit code. The times
 * belong to the session. */
int layers_measure(const common_options *common, clarus_device *device, clarus_session *session,
                   const clarus_tensor *const *inputs, size_t input_count, double peak, layers *layers);
/* As a table for people, JSON lines or comma-separated values. */
void layers_print(const layers *layers, const common_options *common, double peak, FILE *file);

#endif
