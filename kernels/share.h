/* How work is dealt out: the items 0 .. items - 1 of a launch, each taken by one work-item.
 *
 * Where work-items are plenty (workers is 0) each takes the item of its own number. On a CPU there are as many
 * workers as cores. Each has a part of the list, the same one in every launch, so that it finds in its core's
 * cache what it wrote before; whoever is done takes what is left of the others' parts. Nobody waits, and no item
 * depends on another. counters: how much of each worker's part is taken, 16 ints apart, 0 between launches. */
inline int share_next(volatile __global int *counters, int workers, int items, int *turn)
{
    const int worker = get_global_id(1);
    if (workers == 0)
        return (*turn)++ == 0 ? worker : items;
    for (; *turn < workers; ++*turn) {
        const int owner = (worker + *turn) % workers;
        const int begin = (long)items * owner / workers, end = (long)items * (owner + 1) / workers;
        const int taken = atomic_inc(counters + owner * 16);
        if (taken < end - begin)
            return begin + taken;
        if (taken == end - begin + workers - 1) /* the last one that looks here */
            counters[owner * 16] = 0;
    }
    return items;
}

/* The items of a convolution: parts of a channel block (LANES of 16), planes of the output, runs of tiles. */
typedef struct conv_item {
    int lane, plane, run;
} conv_item;

inline conv_item conv_item_at(int item, int parts, int planes, int runs, int planes_first)
{
    const int rest = item / parts;
    const conv_item at = {(get_global_id(0) + item % parts) * LANES, planes_first ? rest % planes : rest / runs,
                          planes_first ? rest / planes : rest % runs};
    return at;
}
