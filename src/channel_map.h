/* Which channels of which values a value consists of.
 *
 * Concatenations, slices and shuffles of channels (a transposition between two changes of shape) move whole
 * planes, [H, W] of one channel of one image. A chain of them comes down to a table: plane p of the result is
 * plane q of one of the values that the chain begins with, its sources. So what lies between need not be
 * computed. */
#ifndef CLARUS_CHANNEL_MAP_H
#define CLARUS_CHANNEL_MAP_H

#include "lowered.h"

enum { CHANNEL_SOURCES = 8 }; /* that one channel block of a result may have */

/* A plane of a source [N, C, H, W], counted as n * C + c. */
typedef struct plane_origin {
    size_t source; /* value number */
    int64_t plane;
} plane_origin;

typedef struct channel_map {
    int64_t batch, height, width; /* of all sources */
    int64_t count;                /* planes */
    plane_origin *origins;        /* in row-major order of the value that the map is of */
} channel_map;

/* The map of what a MOVE or VIEW writes, by the maps of its inputs (one per value of the graph; NULL: it is a
 * source); NULL in *out if not every plane comes whole from a source of four axes. In the graph's memory. */
clarus_status channel_map_make(lowered_graph *graph, channel_map *const *maps, const lowered_op *op,
                               channel_map **out, clarus_error *error);
/* If the value of this shape is [N, C, H, W], its channels have the same origins in every image (channel c
 * has origins[c], whose plane is a channel of the source's first image), and no block of too many sources. */
int channel_map_is_regular(const lowered_graph *graph, const channel_map *map, const shape *shape);
/* If it is, and the channels are those of whole blocks of one source, one after the other: the first block;
 * else -1. */
int64_t channel_map_first_block(const channel_map *map, const shape *shape);

#endif
