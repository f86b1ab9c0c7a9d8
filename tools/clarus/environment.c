#include "environment.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void environment_check_streams(void)
{
    for (int stream = 0; stream <= 2; stream++)
        if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", O_RDONLY); /* takes the lowest free number; writing to it fails, as it should */
    signal(SIGPIPE, SIG_IGN);
}

static int returns;

static void report_exit(void)
{
    if (returns)
        return;
    fputs("clarus: an OpenCL driver ended the process\n", stderr); /* and has said why */
    _exit(EXIT_DEVICE);
}

void environment_watch_exit(void)
{
    atexit(report_exit);
}

void environment_returns(void)
{
    returns = 1;
}

static int is_writable(const char *folder)
{
    struct stat info;
    return stat(folder, &info) == 0 && S_ISDIR(info.st_mode) && access(folder, W_OK | X_OK) == 0;
}

/* Whether PoCL can keep its cache where it would by itself: in $XDG_CACHE_HOME, which it makes, or in the
 * home. */
static int has_cache_home(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache)
        return is_writable(cache) || (mkdir(cache, 0700) == 0 && is_writable(cache));
    return home && *home == '/' && is_writable(home);
}

/* PoCL 3.1 takes an empty variable for a folder, and aborts. */
static void unset_if_empty(const char *name)
{
    const char *value = getenv(name);
    if (value && !*value)
        unsetenv(name);
}

/* Ours alone, and a folder, not a link that somebody put there. */
static int is_private(const char *folder)
{
    struct stat info;
    return lstat(folder, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
           (info.st_mode & 077) == 0;
}

void environment_set_up(void)
{
    const char *temporary = getenv("TMPDIR");
    char path[4096];
    unset_if_empty("POCL_CACHE_DIR");
    unset_if_empty("XDG_CACHE_HOME");
    if (getenv("POCL_CACHE_DIR") || has_cache_home())
        return;
    int length = snprintf(path, sizeof path, "%s/clarus-pocl-%ld",
                          temporary && *temporary == '/' ? temporary : "/tmp", (long)geteuid());
    if (length < 0 || (size_t)length >= sizeof path)
        return;
    if ((mkdir(path, 0700) == 0 || errno == EEXIST) && is_private(path))
        setenv("POCL_CACHE_DIR", path, 1);
}
