/* Which of two ways to do the same work is faster, found out while doing it: the other way is tried now and
 * then, after longer and longer stretches while it loses, and at once when this one has become much slower.
 * The first time of all does not count: it warms up. */
#ifndef CLARUS_FASTER_WAY_H
#define CLARUS_FASTER_WAY_H

typedef struct faster_way {
    int is_warm;
    int way;      /* 0 or 1: the faster one so far */
    double ms[2]; /* what each takes, recent times counting more; 0: not known */
    int since;    /* times since the other way was tried */
    int wait;     /* so many until it is tried again */
} faster_way;

/* The way to take next, 0 at first. */
int faster_way_next(const faster_way *f);
/* What it took. */
void faster_way_took(faster_way *f, int way, double ms);

#endif
