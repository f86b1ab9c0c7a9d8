/* Enumerates: every platform, every device of it, its texts, its row of devices.def; then a stable sort
 * by that row's rank, so that an index means the same device in every call. Drivers are not trusted: texts
 * are bounded and made printable, a device that does not answer is left out. */
#include "device_identity.h"

#include "../fallback/pocl.h"

#include <stdio.h>

enum { MOST_PLATFORMS = 64, MOST_DEVICES = 256 };

void device_identity_info(const device_identity *identity, clarus_device_info *info)
{
    *info = (clarus_device_info){
        .name = identity->name,
        .platform = identity->platform_name,
        .vendor = identity->vendor,
        .driver = identity->driver,
        .type = identity->type,
        .status = CLARUS_DEVICE_UNEXAMINED,
        .reason = identity->reason,
        .compute_units = identity->compute_units,
        .memory_bytes = identity->memory_bytes,
    };
}

/* ---- Texts ---- */

/* Without blanks and line ends around it, without control characters in it. */
static void tidy(char *text)
{
    size_t begin = strspn(text, " \t\r\n"), length = strlen(text);
    memmove(text, text + begin, length - begin + 1);
    length -= begin;
    while (length && strchr(" \t\r\n", text[length - 1]))
        text[--length] = '\0';
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
}

/* A driver's text may be longer than ours: then its beginning. */
static void read_text(void *object, cl_int (*query)(void *, cl_uint, size_t, void *, size_t *), cl_uint what,
                      char *text)
{
    char buffer[4096];
    size_t size = 0;
    text[0] = '\0';
    if (query(object, what, 0, NULL, &size) || !size || size > sizeof buffer ||
        query(object, what, size, buffer, NULL))
        return;
    buffer[size - 1] = '\0';
    snprintf(text, DEVICE_TEXT, "%.*s", DEVICE_TEXT - 1, buffer);
    tidy(text);
}

static cl_int query_platform(void *object, cl_uint what, size_t size, void *value, size_t *needed)
{
    return clGetPlatformInfo(object, what, size, value, needed);
}

static cl_int query_device(void *object, cl_uint what, size_t size, void *value, size_t *needed)
{
    return clGetDeviceInfo(object, what, size, value, needed);
}

/* ---- Devices ---- */

/* A simulator may claim to be everything at once. */
static clarus_device_type type_of(cl_device_type type)
{
    return type & CL_DEVICE_TYPE_CPU   ? CLARUS_DEVICE_CPU
           : type & CL_DEVICE_TYPE_GPU ? CLARUS_DEVICE_GPU
                                       : CLARUS_DEVICE_ACCELERATOR;
}

/* 0 if the driver does not say what kind of device it is. */
static int read_identity(cl_platform_id platform, cl_device_id id, device_identity *out)
{
    cl_device_type type = 0;
    cl_uint units = 1, width = 0;
    cl_ulong memory = 0, local = 0;
    if (clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL))
        return 0;
    clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, NULL);
    clGetDeviceInfo(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width, NULL);
    clGetDeviceInfo(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    *out = (device_identity){.platform = platform, .id = id, .type = type_of(type), .memory_bytes = memory};
    out->compute_units = units > INT32_MAX ? INT32_MAX : (int)units;
    read_text(platform, query_platform, CL_PLATFORM_NAME, out->platform_name);
    read_text(platform, query_platform, CL_PLATFORM_VERSION, out->platform_version);
    read_text(id, query_device, CL_DEVICE_NAME, out->name);
    read_text(id, query_device, CL_DEVICE_VENDOR, out->vendor);
    read_text(id, query_device, CL_DRIVER_VERSION, out->driver);
    read_text(id, query_device, CL_DEVICE_VERSION, out->version);
    device_params_find(&(device_facts){out->type, width > 1024 ? 0 : (int)width,
                                       local > INT32_MAX ? INT32_MAX : (int)local, out->platform_name,
                                       out->vendor, out->name},
                       &out->params);
    return 1;
}

typedef struct identity_array {
    device_identity *items;
    size_t count, capacity;
} identity_array;

/* Keeps the array sorted by rank; among equals the one that came first stays first. */
static int insert(clarus_context *context, identity_array *array, const device_identity *identity)
{
    void *items = array->items;
    int grown = memory_grow(context, &items, &array->capacity, array->count + 1, sizeof *array->items);
    array->items = items;
    if (!grown)
        return 0;
    size_t at = array->count++;
    for (; at > 0 && array->items[at - 1].params.rank > identity->params.rank; at--)
        array->items[at] = array->items[at - 1];
    array->items[at] = *identity;
    return 1;
}

static void note_empty(cl_platform_id platform, device_survey *survey)
{
    char name[DEVICE_TEXT];
    size_t used = strlen(survey->empty);
    read_text(platform, query_platform, CL_PLATFORM_NAME, name);
    snprintf(survey->empty + used, sizeof survey->empty - used, "%s\n", name);
}

static int add_platform(clarus_context *context, cl_platform_id platform, identity_array *array,
                        device_survey *survey)
{
    cl_device_id ids[MOST_DEVICES];
    cl_uint count = 0;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MOST_DEVICES, ids, &count))
        count = 0;
    if (!count)
        note_empty(platform, survey);
    for (cl_uint i = 0; i < count && i < MOST_DEVICES; i++) {
        device_identity identity;
        if (!read_identity(platform, ids[i], &identity))
            continue;
        survey->has_cpu |= identity.type == CLARUS_DEVICE_CPU;
        if (!insert(context, array, &identity))
            return 0;
    }
    return 1;
}

void device_describe_reference(const clarus_context *context, device_identity *out)
{
    *out = (device_identity){.type = CLARUS_DEVICE_REFERENCE, .compute_units = context->threads};
    snprintf(out->name, sizeof out->name, "reference");
    snprintf(out->platform_name, sizeof out->platform_name, "Clarus");
    snprintf(out->vendor, sizeof out->vendor, "Clarus");
    snprintf(out->driver, sizeof out->driver, "%d.%d.%d", CLARUS_VERSION_MAJOR, CLARUS_VERSION_MINOR,
             CLARUS_VERSION_PATCH);
    device_params_find(&(device_facts){out->type, 0, 0, out->platform_name, out->vendor, out->name},
                       &out->params);
    out->params.rank = INT32_MAX;
}

clarus_status device_enumerate(clarus_context *context, device_identity **identities, size_t *count,
                               device_survey *survey, clarus_error *error)
{
    cl_platform_id platforms[MOST_PLATFORMS];
    cl_uint platform_count = 0;
    identity_array array = {0};
    device_identity reference;
    *survey = (device_survey){0};
    /* Without any platform the loader reports an error, which is no error here. */
    if (pocl_would_abort() || clGetPlatformIDs(MOST_PLATFORMS, platforms, &platform_count))
        platform_count = 0;
    int ok = 1;
    for (cl_uint i = 0; ok && i < platform_count && i < MOST_PLATFORMS; i++)
        ok = add_platform(context, platforms[i], &array, survey);
    device_describe_reference(context, &reference);
    if (!ok || !insert(context, &array, &reference)) {
        memory_free(context, array.items);
        return error_memory(error, "device list");
    }
    *identities = array.items;
    *count = array.count;
    return CLARUS_OK;
}
