#include "conv_tile.h"

#include <string.h>

/* Sums, weights and one input must fit in registers: 24 to 28 sums of 32 registers, 12 of 16; and so must the
 * places of the pixels in those for addresses. */
static const conv_tile conv_tiles[] = {
    {6, 4, 0}, {9, 3, 0}, {7, 3, 0}, {5, 4, 0}, {10, 2, 0}, {7, 2, 0}, {10, 1, 0}, {4, 6, 0},
    {1, 8, 0}, {6, 2, 0}, {4, 3, 0}, {3, 4, 0}, {4, 2, 0},  {3, 2, 0}, {1, 4, 0},
};

/* Half cycles, measured: two multiply-adds a cycle, four cycles of latency; each pixel's and each block's
 * load delays the multiply-adds a little on top. What a tile takes besides its products is its end, and
 * unless the pixels follow each other finding them, which is dear when there are more than there are
 * registers for addresses. */
static double tile_cost(const conv_tile *tile, const conv_extent *e)
{
    enum { END = 250, PLACE = 20, FAR_PLACE = 100, PLACES = 9 };
    double sums = (double)(tile->pixels * tile->blocks);
    double product = (sums < 8 ? 8 : sums) + 0.35 * tile->pixels + 0.6 * tile->blocks;
    double find = tile->flat ? 0 : tile->pixels * (tile->pixels > PLACES ? FAR_PLACE : PLACE);
    int64_t lists = tile->flat ? e->images : 1, pixels = e->images * e->pixels / lists;
    return (double)(lists * div_up(pixels, tile->pixels) * div_up(e->blocks, tile->blocks)) *
           (product * (double)e->products + END + find);
}

double conv_tile_reuse(const plan *plan, kernel_id kernel, const char *defines)
{
    const double REUSE = 0.9;
    for (size_t i = 0; i < plan->launch_count; i++)
        if (plan->launches[i].kernel == kernel &&
            strncmp(plan->launches[i].defines, defines, strlen(defines)) == 0)
            return REUSE;
    return 1;
}

void conv_tile_define(launch *launch, const conv_tile *tile, int64_t x_pixel, int lanes)
{
    launch_define(launch, "-DTP=%d -DTC=%d -DLANES=%d", tile->pixels, tile->blocks, lanes);
    if (x_pixel > 0)
        launch_define(launch, "-DXPIXEL=%lld -DFLAT=%d", (long long)x_pixel, tile->flat);
}

static int fits(const device_params *device, const conv_tile *tile)
{
    enum { OTHERS = 4 }; /* registers that tile_registers leaves for weights and an input */
    int sums = tile->pixels * tile->blocks;
    return sums <= device->tile_registers && sums + tile->blocks + 1 <= device->tile_registers + OTHERS;
}

conv_tile conv_tile_choose(const plan *plan, kernel_id kernel, const conv_extent *extent)
{
    const size_t count = sizeof conv_tiles / sizeof *conv_tiles;
    const device_params *device = plan_device(plan);
    conv_tile best = {1, 4, 0};
    double best_cost = 1e300;
    for (size_t i = 0; i < count * (extent->may_be_flat ? 2 : 1); i++) {
        conv_tile tile = conv_tiles[i % count];
        tile.flat = i >= count;
        if (!fits(device, &tile))
            continue;
        launch trial = {0};
        conv_tile_define(&trial, &tile, extent->x_pixel, device->lanes);
        double cost = tile_cost(&tile, extent) * conv_tile_reuse(plan, kernel, trial.defines);
        if (cost < best_cost) {
            best_cost = cost;
            best = tile;
        }
    }
    return best;
}

/* On a CPU runs are long enough that an item's own cost, about some hundred multiply-adds of a vector, does
 * not count, and leave enough items to share among cores. On a GPU every tile is an item of its own. */
void conv_grid_set_run(const plan *plan, int64_t wish, int64_t tile_work, conv_grid *grid)
{
    enum { WORK = 8000, ITEMS = 8 };
    int64_t least = div_up(WORK, tile_work);
    int64_t most =
        plan->parallel == 1 ? grid->tiles : grid->tiles * grid->planes / ((int64_t)plan->parallel * ITEMS);
    int64_t run = min64(wish > least ? wish : least, most > 1 ? most : 1);
    grid->run = plan_device(plan)->near_bytes == 0 ? 1 : div_up(grid->tiles, div_up(grid->tiles, run));
}

/* A run reads one slice of the input for all planes, a plane one slice of the weights for all runs. Whichever
 * of the two is larger as a whole is the one to read once: its slice stays in the core's cache while the
 * other passes by. A run's slice of the input has to fit there in either case; where all the weights do too,
 * runs need not be long, and short ones share out better. */
void conv_grid_set_order(const plan *plan, const conv_tile *tile, int64_t group_in, int64_t group_out,
                         int64_t taps, conv_grid *grid)
{
    int64_t input = tile->pixels * group_in, weights = group_in * group_out * taps;
    int64_t near = plan_device(plan)->near_bytes / (int64_t)sizeof(float);
    grid->planes_first = near > 0 && input * grid->tiles > weights;
    conv_grid_set_run(plan, grid->planes_first && weights <= near ? 1 : near / input,
                      input * tile->blocks * taps, grid);
}
