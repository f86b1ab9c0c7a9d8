/* Items of a convolution (share.h): a run of tiles of one plane, and where a work-item has fewer lanes than a channel
 * block and no neighbours for the others, one part of the block. */
#include "share.h"

typedef struct conv_item {
    int lane, plane, first_tile, end_tile;
} conv_item;

inline conv_item conv_item_at(int item, __global const int *restrict s)
{
    const int parts = s[2], planes = s[3], runs = s[4], planes_first = s[5], tiles = s[6], run = s[7];
    const int rest = item / parts, first_tile = (planes_first ? rest / planes : rest % runs) * run;
    const conv_item at = {(get_global_id(0) + item % parts) * LANES, planes_first ? rest % planes : rest / runs,
                          first_tile, min(first_tile + run, tiles)};
    return at;
}
