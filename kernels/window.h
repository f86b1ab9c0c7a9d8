/* The taps of a window along one axis: tap k lies at `at` + k * step. Those inside an extent are one run, which is
 * computed, so that a kernel much larger than its input costs no more than the input. */

inline int first_tap(int at, int step)
{
    return at >= 0 ? 0 : step == 1 ? -at : (step - 1 - at) / step;
}

/* Behind the last tap below `extent`, of `taps` there are. */
inline int end_tap(int at, int step, int extent, int taps)
{
    const int room = extent - at;
    return room <= 0 ? 0 : min(taps, step == 1 ? room : (room - 1) / step + 1);
}
