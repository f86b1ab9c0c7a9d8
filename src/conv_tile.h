/* How conv2d.cl, depthwise.cl and matmul.cl divide their work: tiles for the registers, work-groups for the
 * caches. To them the rows of a matrix are pixels, and its columns channels. */
#ifndef CLARUS_CONV_TILE_H
#define CLARUS_CONV_TILE_H

#include "plan.h"

typedef struct conv_tile {
    int pixels, blocks; /* of 16 channels */
    int flat;           /* the input's pixels follow each other, image by image */
} conv_tile;

/* A convolution as far as the choice of a tile needs it. */
typedef struct conv_extent {
    int64_t images, pixels; /* of an image */
    int64_t blocks;         /* channel blocks of a group */
    int64_t products;       /* that a sum has: channels of a group by kernel positions */
    int64_t x_pixel;        /* conv2d: elements between neighbouring pixels of the input; else 0 */
    int may_be_flat;
} conv_extent;

/* How the tiles of all planes become work-groups. A plane is an output tile of a group. */
typedef struct conv_grid {
    int64_t tiles, planes; /* tiles of a plane; planes */
    int64_t run;           /* tiles that one work-item computes one after the other */
    int planes_first;      /* 1: the planes of a run follow each other, 0: the runs of a plane do */
} conv_grid;

/* The tile for `kernel`, conv2d or matmul, that takes the fewest cycles. */
conv_tile conv_tile_choose(const plan *plan, kernel_id kernel, const conv_extent *extent);
/* The tile as -D. */
void conv_tile_define(launch *launch, const conv_tile *tile, int64_t x_pixel, int lanes);
/* Costs are multiplied by it: a variant of the kernel, whatever its FUNCTION, that another layer of the plan
 * uses already is worth a little, since every variant has to be compiled. */
double conv_tile_reuse(const plan *plan, kernel_id kernel, const char *defines);
/* Sets run: `wish` tiles, or more or fewer as work-groups need it. tile_work: multiply-adds of a vector. */
void conv_grid_set_run(const plan *plan, int64_t wish, int64_t tile_work, conv_grid *grid);
/* Sets run and planes_first from tiles and planes. */
void conv_grid_set_order(const plan *plan, const conv_tile *tile, int64_t group_in, int64_t group_out,
                         int64_t taps, conv_grid *grid);

#endif
