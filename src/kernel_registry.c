#include "kernel_registry.h"
#include "kernel_sources.h" /* generated: const char kernel_source_FILE[] */

static const kernel_entry entries[] = {
#define KERNEL(name, file, summary) {#name, #file, summary},
#include "registry.def"
#undef KERNEL
};

static const char *const sources[] = {
#define KERNEL(name, file, summary) kernel_source_##file,
#include "registry.def"
#undef KERNEL
};

const kernel_entry *kernel_get(kernel_id kernel)
{
    return &entries[kernel];
}

const char *kernel_source(kernel_id kernel)
{
    return sources[kernel];
}
