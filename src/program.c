/* A list of programs under one lock. The lock is held while a program is built, so that two threads that
 * want the same one build it once; drivers that matter here serialise their compiler anyway.
 *
 * A program comes from its binary in the cache folder or from its source. Its binary is stored after a kernel
 * has run, and again when it has grown since: some drivers compile at the first launch, each kernel and
 * local size by itself. Where the driver compiles once more to give a binary, that waits until the device is
 * let go, so that the first result does not. */
#include "program.h"

#include "program_cache.h"

#include <stdio.h>

typedef struct program_entry {
    const char *file; /* kernels/FILE.cl, from the registry */
    char *defines;
    cl_program program;
    cache_key key;
    size_t stored_bytes; /* size of the binary in the cache folder; 0: none there */
    int used;            /* a kernel was made since the binary was last looked at */
} program_entry;

struct program_table {
    clarus_device *device;
    pthread_mutex_t lock;
    program_entry *entries;
    size_t count, capacity;
    char cpu_flags[CPU_FLAGS];
};

clarus_status program_table_create(clarus_device *device, program_table **table, clarus_error *error)
{
    program_table *t = memory_calloc(device->context, 1, sizeof *t);
    if (!t)
        return error_memory(error, "program table");
    t->device = device;
    pthread_mutex_init(&t->lock, NULL);
    cpu_read_flags(t->cpu_flags);
    *table = t;
    return CLARUS_OK;
}

void program_table_free(program_table *table)
{
    if (!table)
        return;
    clarus_context *context = table->device->context;
    for (size_t i = 0; i < table->count; i++) {
        clReleaseProgram(table->entries[i].program);
        memory_free(context, table->entries[i].defines);
    }
    pthread_mutex_destroy(&table->lock);
    memory_free(context, table->entries);
    memory_free(context, table);
}

void program_table_key(const program_table *table, const char *purpose, const char *source,
                       const char *options, cache_key *key)
{
    const device_identity *d = &table->device->identity;
    const char *const texts[] = {clarus_version(),    purpose,   source,  options,    d->platform_name,
                                 d->platform_version, d->vendor, d->name, d->version, d->driver,
                                 table->cpu_flags};
    cache_key_make(texts, sizeof texts / sizeof *texts, key);
}

/* ---- Building ---- */

enum { OPTIONS = 512 };

/* No flag here relaxes the arithmetic; docs/numerics.md forbids it. */
static clarus_status compose_options(const clarus_device *device, const char *defines,
                                     const char *builtins_guard, char *options, clarus_error *error)
{
    int length = snprintf(
        options, OPTIONS, "-cl-std=CL1.2 -w %s%s%s%s%s",
        device->correct_divide ? "-cl-fp32-correctly-rounded-divide-sqrt" : "-DCLARUS_SOFT_DIVIDE",
        *builtins_guard ? " -DCLARUS_BUILTINS -D" : "", builtins_guard, *defines ? " " : "", defines);
    if (length < 0 || length >= OPTIONS)
        return error_set(error, CLARUS_E_INTERNAL, "build options are longer than %d characters", OPTIONS);
    return CLARUS_OK;
}

/* The compiler's log, as much of it as a message holds, on one line. */
static clarus_status build_error(clarus_device *device, cl_program program, const char *file,
                                 const char *options, cl_int code, clarus_error *error)
{
    size_t size = 0;
    char *log = NULL;
    if (!clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) && size > 1)
        log = memory_calloc(device->context, size, 1);
    if (log && clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL))
        log[0] = '\0';
    if (log)
        log[size - 1] = '\0';
    for (char *c = log; c && *c; c++)
        if (*c == '\n')
            *c = ' ';
    clarus_status status = error_set(
        error, CLARUS_E_OPENCL, "%s.cl: building for %s with \"%s\" failed: %s (%d): %s", file,
        device->info.name, options, opencl_error_name(code), (int)code, log && *log ? log : "no log");
    memory_free(device->context, log);
    return status;
}

static clarus_status compile(clarus_device *device, kernel_id kernel, const char *options, cl_program *out,
                             clarus_error *error)
{
    const char *source = kernel_source(kernel);
    cl_int code;
    cl_program program = clCreateProgramWithSource(device->cl, 1, &source, NULL, &code);
    if (!program)
        return opencl_error(error, "clCreateProgramWithSource", code);
    code = clBuildProgram(program, 1, &device->id, options, NULL, NULL);
    if (code) {
        clarus_status status = build_error(device, program, kernel_get(kernel)->file, options, code, error);
        clReleaseProgram(program);
        return status;
    }
    *out = program;
    return CLARUS_OK;
}

/* 1 if a binary in the cache folder became a program. */
static int load(clarus_device *device, program_entry *entry, const char *options)
{
    void *bytes;
    size_t size;
    if (device->params->binaries == BINARIES_NEVER ||
        !program_cache_load(device->context, &entry->key, &bytes, &size))
        return 0;
    const unsigned char *binary = bytes;
    cl_int state = CL_SUCCESS, code;
    cl_program program = clCreateProgramWithBinary(device->cl, 1, &device->id, &size, &binary, &state, &code);
    memory_free(device->context, bytes);
    if (program && (code || state || clBuildProgram(program, 1, &device->id, options, NULL, NULL))) {
        clReleaseProgram(program);
        program = NULL;
    }
    entry->program = program;
    entry->stored_bytes = program ? size : 0;
    return program != NULL;
}

/* ---- The table ---- */

static program_entry *find(program_table *table, const char *file, const char *defines)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->entries[i].file, file) == 0 && strcmp(table->entries[i].defines, defines) == 0)
            return &table->entries[i];
    return NULL;
}

static clarus_status add(program_table *table, kernel_id kernel, const char *defines, program_entry **out,
                         clarus_error *error)
{
    clarus_device *device = table->device;
    char options[OPTIONS];
    void *entries = table->entries;
    int grown =
        memory_grow(device->context, &entries, &table->capacity, table->count + 1, sizeof *table->entries);
    table->entries = entries;
    if (!grown)
        return error_memory(error, "program table");
    const char *guard = device->params->builtins_guard;
    clarus_status status = compose_options(device, defines, guard, options, error);
    if (status != CLARUS_OK)
        return status;
    program_entry entry = {.file = kernel_get(kernel)->file,
                           .defines = memory_strdup(device->context, defines)};
    if (!entry.defines)
        return error_memory(error, "program table");
    program_table_key(table, "program", kernel_source(kernel), options, &entry.key);
    if (!load(device, &entry, options))
        status = compile(device, kernel, options, &entry.program, error);
    if (status == CLARUS_E_OPENCL && *guard && /* its header is another one than thought */
        (status = compose_options(device, defines, "", options, error)) == CLARUS_OK)
        status = compile(device, kernel, options, &entry.program, error);
    if (status != CLARUS_OK) {
        memory_free(device->context, entry.defines);
        return status;
    }
    *out = &table->entries[table->count++];
    **out = entry;
    return CLARUS_OK;
}

clarus_status device_kernel(clarus_device *device, kernel_id kernel, const char *defines, cl_kernel *out,
                            clarus_error *error)
{
    program_table *table = device->programs;
    const kernel_entry *what = kernel_get(kernel);
    clarus_status status = CLARUS_OK;
    cl_int code = CL_SUCCESS;
    *out = NULL;
    pthread_mutex_lock(&table->lock);
    program_entry *entry = find(table, what->file, defines);
    if (!entry)
        status = add(table, kernel, defines, &entry, error);
    if (status == CLARUS_OK) {
        entry->used = 1;
        *out = clCreateKernel(entry->program, what->name, &code);
        if (!*out)
            status = opencl_error(error, "clCreateKernel", code);
    }
    pthread_mutex_unlock(&table->lock);
    return status;
}

static void store(clarus_device *device, program_entry *entry)
{
    size_t size = 0;
    entry->used = 0;
    if (clGetProgramInfo(entry->program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) || !size ||
        size == entry->stored_bytes)
        return;
    unsigned char *bytes = memory_alloc(device->context, size, 1);
    if (bytes && !clGetProgramInfo(entry->program, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL)) {
        program_cache_store(device->context, &entry->key, bytes, size);
        entry->stored_bytes = size;
    }
    memory_free(device->context, bytes);
}

void program_table_store(program_table *table)
{
    clarus_device *device = table->device;
    if (!device->context->cache_dir || device->params->binaries == BINARIES_NEVER)
        return;
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].used)
            store(device, &table->entries[i]);
    pthread_mutex_unlock(&table->lock);
}

void device_store_programs(clarus_device *device)
{
    if (device->params->binaries == BINARIES_EARLY)
        program_table_store(device->programs);
}
