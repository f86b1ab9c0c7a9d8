/* The kernels that are embedded in the library, from the one table in kernels/registry.def. */
#ifndef CLARUS_KERNEL_REGISTRY_H
#define CLARUS_KERNEL_REGISTRY_H

typedef enum kernel_id {
#define KERNEL(name, file, summary) KERNEL_##name,
#include "registry.def"
#undef KERNEL
    KERNEL_COUNT
} kernel_id;

typedef struct kernel_entry {
    const char *name; /* the __kernel function */
    const char *file; /* kernels/FILE.cl, without folder and suffix */
    const char *summary;
} kernel_entry;

/* Never NULL for a valid number. */
const kernel_entry *kernel_get(kernel_id kernel);
/* The file's text with its #includes resolved, zero-terminated. */
const char *kernel_source(kernel_id kernel);

#endif
