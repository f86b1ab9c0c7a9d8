/* Data that a kernel checks. Each operation has an int in the buffer of faults, 0 as long as all is well. Of several
 * faults the one at the smallest position stays, whatever the order of the work-items: it is kept as INT_MAX - position. */
inline void fault_at(volatile __global int *fault, int position)
{
    atomic_max(fault, INT_MAX - position);
}

/* An index in -extent .. extent - 1 as one in 0 .. extent - 1. Another is a fault, and 0 in its place. */
inline int fault_index(long index, int extent, volatile __global int *fault, int position)
{
    if (index < -(long)extent || index >= extent) {
        fault_at(fault, position);
        return 0;
    }
    return (int)(index < 0 ? index + extent : index);
}
