/* How the work of a convolution is dealt out: items 0 .. items - 1, each taken by one work-item. An item is a run of tiles of
 * one plane of the output, and where a work-item has fewer lanes than a channel block and no neighbours for the
 * others, one part of the block. s: see share_work of launch_conv.c, which writes it.
 *
 * Where work-items are plenty (workers is 0) each takes the item of its own number. On a CPU there are as many
 * workers as cores. Each has a part of the list, the same one in every launch, so that it finds in its core's
 * cache what it wrote before; whoever is done takes what is left of the others' parts. Nobody waits, and no item
 * depends on another. counters: how much of each worker's part is taken, 16 ints apart, 0 between launches. */
inline int share_next(volatile __global int *counters, __global const int *restrict s, int *turn)
{
    const int workers = s[0], items = s[1], worker = get_global_id(1);
    if (workers == 0)
        return (*turn)++ == 0 && worker < items ? worker : -1;
    for (; *turn < workers; ++*turn) {
        const int owner = (worker + *turn) % workers;
        const int begin = (long)items * owner / workers, end = (long)items * (owner + 1) / workers;
        const int taken = atomic_inc(counters + owner * 16);
        if (taken < end - begin)
            return begin + taken;
        if (taken == end - begin + workers - 1) /* the last one that looks here */
            counters[owner * 16] = 0;
    }
    return -1;
}

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
