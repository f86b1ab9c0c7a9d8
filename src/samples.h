/* Samples of a time, sorted as they come, for their median. */
#ifndef CLARUS_SAMPLES_H
#define CLARUS_SAMPLES_H

/* values holds `count` sorted ones and has room for one more. */
static inline void insert_sorted(double *values, int count, double value)
{
    for (; count > 0 && values[count - 1] > value; count--)
        values[count] = values[count - 1];
    values[count] = value;
}

#endif
