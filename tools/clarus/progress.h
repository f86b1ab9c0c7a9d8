/* A progress bar on standard error, shown only when that is a terminal. The program has one. */
#ifndef CLARUS_PROGRESS_H
#define CLARUS_PROGRESS_H

#include <stddef.h>

/* total 0: not known yet. Shows nothing if `wanted` is 0 or standard error is no terminal. */
void progress_start(int wanted, const char *unit, size_t total);
void progress_set_total(size_t total);
/* Redraws, at most ten times a second. */
void progress_set_done(size_t done);
/* Clears the line, so that something else can be printed; the next progress_set_done draws it again. Any
 * thread. */
void progress_hide(void);
void progress_stop(void);

#endif
