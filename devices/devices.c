/* Looks devices up in devices.def: every row whose conditions hold overrides the fields that it names. */
#include "device_params.h"

/* 0 and NULL match everything. */
typedef struct row_match {
    enum { ANY, CPU, GPU, ACCELERATOR } type;
    int float_width;
    const char *platform, *vendor, *device;
} row_match;

typedef enum row_field {
    NO_FIELD, /* ends a row's list */
    FIELD_ALIAS,
    FIELD_RANK,
    FIELD_LANES,
    FIELD_TILE_REGISTERS,
    FIELD_GROUP_SIZE,
    FIELD_NEAR_BYTES,
    FIELD_LOCAL_BYTES,
    FIELD_CLBLAST,
    FIELD_BINARIES,
    FIELD_CORE_QUEUES,
    FIELD_BUILTINS_GUARD
} row_field;

typedef struct row_setting {
    row_field field;
    int number;
    const char *text;
} row_setting;

enum { ROW_SETTINGS = 8 };

static const struct {
    const char *name;
    row_match where;
    row_setting set[ROW_SETTINGS];
} rows[] = {
#define ROW(name, where, ...) {name, where, __VA_ARGS__},
#define WHERE(...)                                                                                           \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define SET(...)                                                                                             \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define ALIAS(text)                                                                                          \
    {                                                                                                        \
        FIELD_ALIAS, 0, text                                                                                 \
    }
#define RANK(n)                                                                                              \
    {                                                                                                        \
        FIELD_RANK, n, NULL                                                                                  \
    }
#define LANES(n)                                                                                             \
    {                                                                                                        \
        FIELD_LANES, n, NULL                                                                                 \
    }
#define TILE_REGISTERS(n)                                                                                    \
    {                                                                                                        \
        FIELD_TILE_REGISTERS, n, NULL                                                                        \
    }
#define GROUP_SIZE(n)                                                                                        \
    {                                                                                                        \
        FIELD_GROUP_SIZE, n, NULL                                                                            \
    }
#define NEAR_BYTES(n)                                                                                        \
    {                                                                                                        \
        FIELD_NEAR_BYTES, n, NULL                                                                            \
    }
#define LOCAL_BYTES(n)                                                                                       \
    {                                                                                                        \
        FIELD_LOCAL_BYTES, n, NULL                                                                           \
    }
#define CLBLAST(n)                                                                                           \
    {                                                                                                        \
        FIELD_CLBLAST, n, NULL                                                                               \
    }
#define BINARIES(n)                                                                                          \
    {                                                                                                        \
        FIELD_BINARIES, n, NULL                                                                              \
    }
#define CORE_QUEUES(n)                                                                                       \
    {                                                                                                        \
        FIELD_CORE_QUEUES, n, NULL                                                                           \
    }
#define BUILTINS_GUARD(text)                                                                                 \
    {                                                                                                        \
        FIELD_BUILTINS_GUARD, 0, text                                                                        \
    }
#include "devices.def"
};

/* Not tolower, which asks the locale. */
static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int begins_with(const char *text, const char *part)
{
    while (*part && lower(*text) == lower(*part)) {
        text++;
        part++;
    }
    return !*part;
}

int device_name_contains(const char *text, const char *part)
{
    for (; *text; text++)
        if (begins_with(text, part))
            return 1;
    return !*part;
}

static int type_matches(const row_match *where, clarus_device_type type)
{
    switch (where->type) {
    case CPU:
        return type == CLARUS_DEVICE_CPU;
    case GPU:
        return type == CLARUS_DEVICE_GPU;
    case ACCELERATOR:
        return type == CLARUS_DEVICE_ACCELERATOR;
    default:
        return 1;
    }
}

static int row_matches(const row_match *where, const device_facts *facts)
{
    return type_matches(where, facts->type) &&
           (!where->float_width || where->float_width == facts->float_width) &&
           (!where->platform || device_name_contains(facts->platform, where->platform)) &&
           (!where->vendor || device_name_contains(facts->vendor, where->vendor)) &&
           (!where->device || device_name_contains(facts->device, where->device));
}

static void apply(const row_setting *setting, device_params *params)
{
    switch (setting->field) {
    case FIELD_ALIAS:
        params->alias = setting->text;
        break;
    case FIELD_RANK:
        params->rank = setting->number;
        break;
    case FIELD_LANES:
        params->lanes = setting->number;
        break;
    case FIELD_TILE_REGISTERS:
        params->tile_registers = setting->number;
        break;
    case FIELD_GROUP_SIZE:
        params->group_size = setting->number;
        break;
    case FIELD_NEAR_BYTES:
        params->near_bytes = setting->number;
        break;
    case FIELD_LOCAL_BYTES:
        params->local_bytes = setting->number;
        break;
    case FIELD_CLBLAST:
        params->clblast = setting->number;
        break;
    case FIELD_BINARIES:
        params->binaries = (device_binaries)setting->number;
        break;
    case FIELD_CORE_QUEUES:
        params->core_queues = setting->number;
        break;
    case FIELD_BUILTINS_GUARD:
        params->builtins_guard = setting->text;
        break;
    case NO_FIELD:
        break;
    }
}

void device_params_find(const device_facts *facts, device_params *params)
{
    *params = (device_params){.alias = "", .builtins_guard = ""};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!row_matches(&rows[i].where, facts))
            continue;
        params->name = rows[i].name;
        for (size_t s = 0; s < ROW_SETTINGS && rows[i].set[s].field; s++)
            apply(&rows[i].set[s], params);
    }
    if (params->local_bytes > facts->local_bytes)
        params->local_bytes = facts->local_bytes;
}
