/* How the work of a launch is dealt out: items 0 .. items - 1, each taken by one work-item.
 *
 * Where work-items are plenty (workers is 0) each takes the item of its own number. On a CPU there are as many
 * workers as cores. Each has a part of the list, the same one in every launch, so that it finds in its core's
 * cache what it wrote before; whoever is done takes what is left of the others' parts. No item depends on another.
 *
 * A core that has a queue of its own (exec_queues.h) begins a launch while others may still be busy with the one before;
 * then it waits at the gate until all have arrived there. The wait is bounded: a worker out of patience gives up for
 * all, does nothing from then on, and the run begins again without such queues.
 *
 * A kernel has SHARE in its parameters, and its body stands in FOR_EACH_ITEM(item). counters: see below, 16 ints apart;
 * share: see launch_share.c, which writes it; who: the worker, or -1 for what its place in the grid says, and how
 * many arrivals it waits for. */
#define SHARE volatile __global int *counters, __global const int *restrict share, int2 who
#define FOR_EACH_ITEM(item) \
    for (int turn = -1, item; (item = share_next(counters, share, who, &turn)) >= 0;)

enum { ARRIVALS = 0, GIVEN_UP = 16, TAKEN = 32, PATIENCE = 1 << 30 };

inline int share_gate(volatile __global int *counters, int arrivals)
{
    for (int polls = 0; (int)((uint)counters[ARRIVALS] - (uint)arrivals) < 0 && !counters[GIVEN_UP]; polls++)
        if (polls == PATIENCE)
            counters[GIVEN_UP] = 1;
    atomic_or(counters + ARRIVALS, 0); /* what the others wrote before they arrived is seen from here on */
    return !counters[GIVEN_UP];
}

inline int share_next(volatile __global int *counters, __global const int *restrict s, int2 who, int *turn)
{
    const int workers = s[0], items = s[1], worker = who.x < 0 ? (int)get_global_id(1) : who.x;
    if (workers == 0)
        return ++*turn == 0 && worker < items ? worker : -1;
    if (*turn < 0) {
        if (who.x >= 0 && !share_gate(counters, who.y))
            return -1;
        *turn = 0;
    }
    for (; *turn < workers; ++*turn) {
        const int owner = (worker + *turn) % workers;
        const int begin = (long)items * owner / workers, end = (long)items * (owner + 1) / workers;
        const int taken = atomic_inc(counters + TAKEN + owner * 16);
        if (taken < end - begin)
            return begin + taken;
        if (taken == end - begin + workers - 1) /* the last one that looks here */
            counters[TAKEN + owner * 16] = 0;
    }
    if (who.x >= 0)
        atomic_inc(counters + ARRIVALS);
    return -1;
}

/* The place in a grid of three dimensions, the first one fastest: what get_global_id would be. */
inline int3 share_place(int item, __global const int *restrict s)
{
    if (s[0] == 0)
        return (int3)(get_global_id(0), get_global_id(1), get_global_id(2));
    return (int3)(item % s[2], item / s[2] % s[3], item / s[2] / s[3]);
}

/* A piece of some rows: elements begin .. end - 1 of rows first .. last - 1, at place `outer` of the other axes. Where the grid
 * reaches beyond there are none. */
typedef struct row_piece {
    int begin, end, first, last, outer;
} row_piece;

inline row_piece share_rows(int item, __global const int *restrict s, int length, int rows, int piece, int group)
{
    const int3 where = share_place(item, s);
    const int begin = where.x * piece, first = where.y * group;
    const row_piece at = {begin, length - begin < piece ? length : begin + piece,
                          first, rows - first < group ? rows : first + group, where.z};
    return at;
}
