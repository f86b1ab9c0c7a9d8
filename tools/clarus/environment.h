/* What the program may do to its process and the library may not. */
#ifndef CLARUS_ENVIRONMENT_H
#define CLARUS_ENVIRONMENT_H

/* Fills closed standard streams, so that no result lands in a file that is opened later; writing to a closed
 * pipe becomes an error that is reported. */
void environment_check_streams(void);
/* A driver may end the process by exit, as LLVM does when a disk is full; then the exit code is EXIT_DEVICE,
 * until environment_returns. */
void environment_watch_exit(void);
void environment_returns(void);
/* PoCL shows no device if it finds no folder for its cache. Where there is neither POCL_CACHE_DIR nor a home
 * that can be written, gives it a private one, the same at every run. Before the first OpenCL call. */
void environment_set_up(void);

#endif
