/* Which device: all of them examined (the list), the one asked for, or the first in the order of rank that
 * passes. */
#include "cpu.h"
#include "device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct list_entry {
    device_identity identity; /* info's strings point here */
    clarus_device_info info;
} list_entry;

struct clarus_device_list {
    clarus_context *context;
    list_entry *entries;
    size_t count;
    char advice[sizeof((clarus_error *)0)->message];
};

/* ---- The list ---- */

size_t clarus_device_list_count(const clarus_device_list *list)
{
    return list->count;
}

const clarus_device_info *clarus_device_list_get(const clarus_device_list *list, size_t i)
{
    return i < list->count ? &list->entries[i].info : NULL;
}

const char *clarus_device_list_advice(const clarus_device_list *list)
{
    return list->advice;
}

void clarus_device_list_free(clarus_device_list *list)
{
    if (!list)
        return;
    clarus_context *context = list->context;
    memory_free(context, list->entries);
    memory_free(context, list);
    clarus_context_free(context);
}

/* Takes the entry's device up, or says why not. */
static clarus_status fill_entry(clarus_context *context, list_entry *entry, const device_identity *identity,
                                int index)
{
    clarus_device *device;
    clarus_device_status state;
    clarus_error why = {0};
    clarus_status status = device_examine(context, identity, index, &device, &state, &why);
    entry->identity = *identity;
    if (status == CLARUS_OK) {
        entry->identity = device->identity;
        clarus_device_free(device);
    }
    device_identity_info(&entry->identity, &entry->info);
    entry->info.index = index;
    entry->info.status = state;
    if (status != CLARUS_OK)
        memcpy(entry->identity.reason, why.message, sizeof why.message);
    return status == CLARUS_E_MEMORY ? status : CLARUS_OK;
}

static void mark_auto(clarus_device_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clarus_device_info *info = &list->entries[i].info;
        if (info->status == CLARUS_DEVICE_OK && info->type != CLARUS_DEVICE_REFERENCE) {
            info->is_auto = 1;
            return;
        }
    }
}

static clarus_status list_create(clarus_context *context, clarus_device_list **list, clarus_error *error)
{
    device_identity *identities = NULL;
    size_t count = 0;
    device_survey survey;
    clarus_status status = device_enumerate(context, &identities, &count, &survey, error);
    if (status != CLARUS_OK)
        return status;
    clarus_device_list *l = memory_calloc(context, 1, sizeof *l);
    if (l)
        l->entries = memory_calloc(context, count, sizeof *l->entries);
    status = l && l->entries ? CLARUS_OK : error_memory(error, "device list");
    if (l)
        l->context = context_retain(context);
    for (size_t i = 0; i < count && status == CLARUS_OK; i++, l->count++)
        if ((status = fill_entry(context, &l->entries[i], &identities[i], (int)i)) != CLARUS_OK)
            error_memory(error, "device list");
    memory_free(context, identities);
    if (status != CLARUS_OK) {
        clarus_device_list_free(l);
        return status;
    }
    mark_auto(l);
    *list = l;
    return CLARUS_OK;
}

clarus_status clarus_device_list_create(clarus_context *context, clarus_device_list **list,
                                        clarus_error *error)
{
    if (!context || !list)
        return error_set(error, CLARUS_E_ARGUMENT, "device list: %s is NULL", context ? "list" : "context");
    *list = NULL;
    cpu_float_env env;
    cpu_float_env_enter(&env);
    clarus_status status = list_create(context, list, error);
    cpu_float_env_leave(&env);
    return status;
}

/* ---- One device asked for ---- */

/* 1 and the number if text is nothing but digits. */
static int parse_index(const char *text, size_t *index)
{
    char *end;
    if (*text < '0' || *text > '9')
        return 0;
    unsigned long number = strtoul(text, &end, 10);
    *index = (size_t)number;
    return *end == '\0';
}

static int is_called(const device_identity *identity, const char *wanted)
{
    return device_name_contains(identity->name, wanted) ||
           device_name_contains(identity->platform_name, wanted) ||
           device_name_contains(identity->params.alias, wanted);
}

static clarus_status find_wanted(const device_identity *identities, size_t count, const char *wanted,
                                 size_t *at, clarus_error *error)
{
    if (parse_index(wanted, at)) {
        if (*at < count)
            return CLARUS_OK;
        return error_set(error, CLARUS_E_DEVICE, "device %s: there are only %zu, numbered from 0", wanted,
                         count);
    }
    for (*at = 0; *at < count; ++*at)
        if (is_called(&identities[*at], wanted))
            return CLARUS_OK;
    return error_set(error, CLARUS_E_DEVICE, "device \"%s\": none of the %zu devices is called so", wanted,
                     count);
}

static clarus_status open_wanted(clarus_context *context, const device_identity *identities, size_t count,
                                 const char *wanted, clarus_device **device, clarus_error *error)
{
    size_t at;
    clarus_device_status state;
    clarus_status status = find_wanted(identities, count, wanted, &at, error);
    if (status != CLARUS_OK)
        return status;
    status = device_examine(context, &identities[at], (int)at, device, &state, error);
    if (status == CLARUS_OK || status == CLARUS_E_MEMORY)
        return status;
    error_prefix(error, "device %zu (%s) is %s: ", at, identities[at].name,
                 state == CLARUS_DEVICE_FAILED ? "failed" : "unusable");
    if (error)
        error->status = CLARUS_E_DEVICE;
    return CLARUS_E_DEVICE;
}

/* ---- The automatic choice ---- */

/* Appends to text of `size` bytes what fits. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

static clarus_status open_auto(clarus_context *context, const device_identity *identities, size_t count,
                               clarus_device **device, clarus_error *error)
{
    char passed_over[sizeof error->message] = "";
    for (size_t i = 0; i < count; i++) {
        clarus_error why;
        clarus_device_status state;
        if (!identities[i].platform)
            continue;
        if (device_examine(context, &identities[i], (int)i, device, &state, &why) == CLARUS_OK) {
            char *reason = (*device)->identity.reason;
            snprintf(reason, sizeof identities->reason, "first in the order of preference%s%s",
                     *passed_over ? " that passes: " : "", passed_over);
            (*device)->info.is_auto = 1;
            return CLARUS_OK;
        }
        append(passed_over, sizeof passed_over, "%s%zu (%s) is %s: %s", *passed_over ? "; " : "", i,
               identities[i].name, state == CLARUS_DEVICE_FAILED ? "failed" : "unusable", why.message);
    }
    return error_set(error, CLARUS_E_DEVICE, "no usable device: %s",
                     *passed_over ? passed_over : "OpenCL shows none");
}

clarus_status clarus_device_open(clarus_context *context, const char *wanted, clarus_device **device,
                                 clarus_error *error)
{
    if (!context || !device)
        return error_set(error, CLARUS_E_ARGUMENT, "device: %s is NULL", context ? "device" : "context");
    *device = NULL;
    if (!wanted || !*wanted)
        wanted = getenv("CLARUS_DEVICE");
    if (!wanted || !*wanted)
        wanted = "auto";
    cpu_float_env env;
    cpu_float_env_enter(&env);
    device_identity *identities = NULL;
    size_t count = 0;
    device_survey survey;
    clarus_status status = device_enumerate(context, &identities, &count, &survey, error);
    if (status == CLARUS_OK)
        status = strcmp(wanted, "auto") == 0 ? open_auto(context, identities, count, device, error)
                                             : open_wanted(context, identities, count, wanted, device, error);
    memory_free(context, identities);
    cpu_float_env_leave(&env);
    return status;
}
