/* Which device: all of them examined (the list), the one asked for, or the first in the order of rank that
 * passes. */
#include "../fallback/pocl.h"
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
    char advice[POCL_ADVICE];
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

/* Takes the entry's device up and lets it go again, or says why not. */
static void fill_entry(clarus_context *context, list_entry *entry, const device_identity *identity, int index)
{
    clarus_device *device;
    clarus_device_status state;
    clarus_error why = {0};
    clarus_status status = device_examine(context, identity, index, &device, &state, &why);
    entry->identity = *identity;
    if (status == CLARUS_OK)
        entry->identity = device->identity;
    else
        memcpy(entry->identity.reason, why.message, sizeof why.message);
    if (status == CLARUS_OK)
        clarus_device_free(device);
    device_identity_info(&entry->identity, &entry->info);
    entry->info.index = index;
    entry->info.status = state;
}

/* Marks what an automatic choice would take, and says why the others that passed would not be taken. */
static void mark_auto(clarus_device_list *list)
{
    int taken = 0;
    for (size_t i = 0; i < list->count; i++) {
        list_entry *entry = &list->entries[i];
        if (entry->info.status != CLARUS_DEVICE_OK)
            continue;
        int by_name = !entry->identity.platform || entry->identity.admitted;
        entry->info.is_auto = !by_name && !taken;
        taken |= entry->info.is_auto;
        snprintf(entry->identity.reason, sizeof entry->identity.reason, "%s",
                 by_name               ? "passes; taken only when asked for"
                 : entry->info.is_auto ? "first in the order of preference that passes"
                                       : "passes; an earlier one is preferred");
    }
}

static int has_usable_cpu(const clarus_device_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->entries[i].info.type == CLARUS_DEVICE_CPU &&
            list->entries[i].info.status == CLARUS_DEVICE_OK)
            return 1;
    return 0;
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
        fill_entry(context, &l->entries[i], &identities[i], (int)i);
    memory_free(context, identities);
    if (status != CLARUS_OK) {
        clarus_device_list_free(l);
        return status;
    }
    mark_auto(l);
    if (!has_usable_cpu(l))
        pocl_advice(&survey, l->advice);
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

typedef struct device_choice {
    clarus_context *context;
    device_identity *identities; /* as device_enumerate has them */
    size_t count;
    device_survey survey;
} device_choice;

/* 1 and the number if text is nothing but digits. */
static int parse_index(const char *text, size_t *index)
{
    char *end;
    *index = 0;
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

/* With the advice on a CPU device, if none is there. */
static clarus_status not_found(const device_choice *choice, const char *wanted, clarus_error *error)
{
    char advice[POCL_ADVICE] = "";
    if (!choice->survey.has_cpu)
        pocl_advice(&choice->survey, advice);
    return error_set(error, CLARUS_E_DEVICE,
                     "device \"%.100s\": there is none of this number or name among %zu%s%s", wanted,
                     choice->count, *advice ? "; " : "", advice);
}

static clarus_status open_wanted(const device_choice *choice, const char *wanted, clarus_device **device,
                                 clarus_error *error)
{
    size_t at;
    int by_number = parse_index(wanted, &at);
    for (at = by_number ? at : 0; !by_number && at < choice->count; at++)
        if (is_called(&choice->identities[at], wanted))
            break;
    if (at >= choice->count)
        return not_found(choice, wanted, error);
    clarus_device_status state;
    const device_identity *identity = &choice->identities[at];
    clarus_status status = device_examine(choice->context, identity, (int)at, device, &state, error);
    if (status == CLARUS_OK) {
        snprintf((*device)->identity.reason, sizeof identity->reason, "asked for by %s \"%.100s\"",
                 by_number ? "number" : "name", wanted);
        return CLARUS_OK;
    }
    if (status == CLARUS_E_MEMORY)
        return status;
    error_prefix(error, "device %zu (%s) %s: ", at, identity->name,
                 state == CLARUS_DEVICE_FAILED ? "failed" : "is unusable");
    if (error)
        error->status = CLARUS_E_DEVICE;
    return CLARUS_E_DEVICE;
}

/* By its name, without a look at anything else: loading drivers costs time and memory. */
static clarus_status open_reference(clarus_context *context, clarus_device **device, clarus_error *error)
{
    device_identity identity;
    clarus_device_status state;
    device_describe_reference(context, &identity);
    snprintf(identity.reason, sizeof identity.reason, "asked for by name \"reference\"");
    return device_examine(context, &identity, -1, device, &state, error);
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

/* Why the device at `taken` was: those before it were not, those behind it not looked at. */
static void explain(const device_choice *choice, size_t taken, const char *passed_over, char *reason,
                    size_t size)
{
    reason[0] = '\0';
    append(reason, size, "%s", *passed_over ? "the first that passed" : "the first choice");
    for (size_t i = taken + 1, listed = 0; i < choice->count; i++)
        if (choice->identities[i].platform)
            append(reason, size, "%s%zu (%s)", listed++ ? ", " : "; not examined: ", i,
                   choice->identities[i].name);
    if (*passed_over)
        append(reason, size, "; not taken: %s", passed_over);
}

/* 1 if the device may be taken; else why not is appended. */
static int try_device(const device_choice *choice, size_t at, clarus_device **device, char *passed_over,
                      size_t size)
{
    clarus_error why = {0};
    clarus_device_status state;
    const device_identity *identity = &choice->identities[at];
    const char *separator = *passed_over ? "; " : "";
    if (device_examine(choice->context, identity, (int)at, device, &state, &why) != CLARUS_OK) {
        append(passed_over, size, "%s%zu (%s) %s: %s", separator, at, identity->name,
               state == CLARUS_DEVICE_FAILED ? "failed" : "is unusable", why.message);
        return 0;
    }
    if (!(*device)->identity.admitted)
        return 1;
    append(passed_over, size, "%s%zu (%s) is admitted by name only", separator, at, identity->name);
    clarus_device_free(*device);
    *device = NULL;
    return 0;
}

static clarus_status open_auto(const device_choice *choice, clarus_device **device, clarus_error *error)
{
    char passed_over[sizeof error->message] = "";
    for (size_t i = 0; i < choice->count; i++) {
        if (!choice->identities[i].platform ||
            !try_device(choice, i, device, passed_over, sizeof passed_over))
            continue;
        char *reason = (*device)->identity.reason;
        explain(choice, i, passed_over, reason, sizeof choice->identities->reason);
        (*device)->info.is_auto = 1;
        context_log(choice->context, CLARUS_LOG_INFO, "device %zu (%s): %s", i, (*device)->info.name, reason);
        return CLARUS_OK;
    }
    char advice[POCL_ADVICE];
    pocl_advice(&choice->survey, advice);
    return error_set(error, CLARUS_E_DEVICE, "no usable OpenCL device: %s%s%s", advice,
                     *passed_over ? "; " : "", passed_over);
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
    if (strcmp(wanted, "reference") == 0)
        return open_reference(context, device, error);
    cpu_float_env env;
    cpu_float_env_enter(&env);
    device_choice choice = {.context = context};
    clarus_status status =
        device_enumerate(context, &choice.identities, &choice.count, &choice.survey, error);
    if (status == CLARUS_OK)
        status = strcmp(wanted, "auto") == 0 ? open_auto(&choice, device, error)
                                             : open_wanted(&choice, wanted, device, error);
    memory_free(context, choice.identities);
    cpu_float_env_leave(&env);
    return status;
}
