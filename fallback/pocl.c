/* The loader tells nothing of what it could not use, so this looks where it looks: the .icd files of its
 * folder, each of which names a driver's library; whether those load; whether PoCL is among them; and, if it
 * is there but has no device, whether it has a folder to keep its cache in, without which it shows none. */
#include "pocl.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char platform_name[] = "Portable Computing Language";
static const char default_folder[] = "/etc/OpenCL/vendors";
static const char install[] = "install it (Debian, Ubuntu: apt install pocl-opencl-icd)";

typedef struct icd_findings {
    size_t icds;
    int has_pocl;
    char broken[PATH_MAX]; /* an .icd file whose library does not load; PoCL's if there are several */
    int broken_is_pocl;
    char why[256];
} icd_findings;

static const char *vendor_folder(void)
{
    const char *path = getenv("OCL_ICD_VENDORS");
    if (!path || !*path)
        path = getenv("OPENCL_VENDOR_PATH");
    return path && *path ? path : default_folder;
}

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* The library that an .icd file names. */
static int read_icd(const char *path, char library[PATH_MAX])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    int ok = fgets(library, PATH_MAX, file) != NULL;
    fclose(file);
    if (ok)
        library[strcspn(library, "\r\n")] = '\0';
    return ok && *library;
}

/* Loads what the loader has loaded, or tried to; it stays, since some drivers do not survive unloading. */
static void examine_icd(const char *path, icd_findings *findings)
{
    char library[PATH_MAX];
    if (!read_icd(path, library))
        return;
    int is_pocl = device_name_contains(library, "pocl");
    findings->icds++;
    findings->has_pocl |= is_pocl;
    if (dlopen(library, RTLD_LAZY | RTLD_LOCAL) || (findings->broken[0] && !is_pocl))
        return;
    const char *why = dlerror();
    findings->broken_is_pocl = is_pocl;
    snprintf(findings->broken, sizeof findings->broken, "%s", path);
    snprintf(findings->why, sizeof findings->why, "%.*s", (int)sizeof findings->why - 1, why ? why : library);
}

static void examine_folder(const char *path, icd_findings *findings)
{
    if (ends_with(path, ".icd")) {
        examine_icd(path, findings);
        return;
    }
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char file[PATH_MAX];
        int length = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (length > 0 && (size_t)length < sizeof file && ends_with(file, ".icd"))
            examine_icd(file, findings);
    }
    closedir(folder);
}

int pocl_would_abort(void)
{
    icd_findings found = {0};
    /* Where Linux tells of the cores; hwloc, which PoCL asks for the size of memory, needs one of the two. */
    if (!access("/sys/devices/system/cpu", X_OK) || !access("/sys/bus/cpu/devices", X_OK))
        return 0;
    examine_folder(vendor_folder(), &found);
    return found.has_pocl;
}

/* 1 if the folder exists, or the first one above it that does, and can be written to. */
static int is_writable(const char *path)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return 0;
    struct stat s;
    while (stat(part, &s)) {
        char *slash = strrchr(part, '/');
        if (!slash)
            return 0;
        slash[slash == part] = '\0'; /* keeps the root's own */
    }
    return S_ISDIR(s.st_mode) && !access(part, W_OK | X_OK);
}

/* PoCL's platform is there without a device. */
static void explain_no_device(char text[POCL_ADVICE])
{
    const char *cache = getenv("POCL_CACHE_DIR"), *variable = "XDG_CACHE_HOME", *home = getenv(variable);
    if (!home || !*home)
        home = getenv(variable = "HOME");
    if (cache && !is_writable(cache))
        snprintf(text, POCL_ADVICE,
                 "PoCL shows no device: POCL_CACHE_DIR is %.200s, which cannot be written to; set it to a "
                 "folder that can",
                 cache);
    else if (!cache && (!home || !is_writable(home)))
        snprintf(text, POCL_ADVICE,
                 "PoCL shows no device: its cache has no folder that can be written to (%s is %.200s); set "
                 "POCL_CACHE_DIR to one, as in POCL_CACHE_DIR=/tmp/pocl",
                 variable, home ? home : "not set");
    else
        snprintf(
            text, POCL_ADVICE,
            "PoCL shows no device: see what it says with POCL_DEBUG=all, and that POCL_DEVICES is not set");
}

void pocl_advice(const device_survey *survey, char text[POCL_ADVICE])
{
    if (pocl_would_abort()) {
        snprintf(text, POCL_ADVICE,
                 "no driver is asked, since PoCL, which is among them, would end the process without "
                 "/sys/devices/system/cpu: mount /sys (mount -t sysfs sysfs /sys)");
        return;
    }
    if (device_name_contains(survey->empty, platform_name)) {
        explain_no_device(text);
        return;
    }
    icd_findings found = {0};
    const char *folder = vendor_folder();
    examine_folder(folder, &found);
    if (found.broken[0] && (found.broken_is_pocl || !found.has_pocl))
        snprintf(text, POCL_ADVICE, "the OpenCL driver of %.200s does not load (%.150s): reinstall %s",
                 found.broken, found.why,
                 found.broken_is_pocl ? "pocl-opencl-icd" : "it, or install PoCL (pocl-opencl-icd)");
    else if (strcmp(folder, default_folder) != 0 && !found.has_pocl)
        snprintf(text, POCL_ADVICE,
                 "PoCL is not among the OpenCL drivers of OCL_ICD_VENDORS=%.200s: unset it, or %s", folder,
                 install);
    else if (!found.icds)
        snprintf(text, POCL_ADVICE,
                 "no OpenCL driver is installed (%s is empty); PoCL makes the CPU a device: %s", folder,
                 install);
    else if (!found.has_pocl)
        snprintf(text, POCL_ADVICE, "PoCL, which makes the CPU an OpenCL device, is not installed: %s",
                 install);
    else
        snprintf(text, POCL_ADVICE, "PoCL is installed and loads, but its device is not usable%s",
                 survey->has_cpu ? ": see its reason" : " or not shown: see POCL_DEBUG=all");
}
