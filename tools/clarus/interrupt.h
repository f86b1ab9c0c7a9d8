/* Ctrl-C and its like: the first asks the work to stop, so that unfinished files are removed; the second ends
 * the program at once. */
#ifndef CLARUS_INTERRUPT_H
#define CLARUS_INTERRUPT_H

/* From now on the first SIGINT, SIGTERM or SIGHUP is only noted. on_signal, if not NULL, is called from the
 * handler, and must be safe there. */
void interrupt_watch(void (*on_signal)(void));
int interrupt_seen(void);
/* If a signal was noted: ends the program by it, as the caller expects. */
void interrupt_finish(void);

#endif
