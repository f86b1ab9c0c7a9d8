/* PoCL makes a CPU an OpenCL device. When it does not: why, and what to do about it. */
#ifndef CLARUS_POCL_H
#define CLARUS_POCL_H

#include "../src/device_identity.h"

enum { POCL_ADVICE = 512 };

/* One line on what to install or set to get a CPU device. To be called when none is usable. */
void pocl_advice(const device_survey *survey, char text[POCL_ADVICE]);

/* 1 if looking for platforms would end the process: PoCL is installed, and calls abort where it cannot tell
 * how much memory there is, as in a chroot without /sys. */
int pocl_would_abort(void);

#endif
