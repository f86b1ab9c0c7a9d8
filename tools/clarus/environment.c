#include "environment.h"

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

/* Whether the folder, or the nearest one above it that exists, can be written. */
static int can_be_made(const char *folder)
{
    char path[4096];
    if (!folder || *folder != '/' || (size_t)snprintf(path, sizeof path, "%s", folder) >= sizeof path)
        return 0;
    for (;;) {
        struct stat info;
        if (stat(path, &info) == 0)
            return S_ISDIR(info.st_mode) && access(path, W_OK | X_OK) == 0;
        char *slash = strrchr(path, '/');
        if (slash == path)
            return access("/", W_OK | X_OK) == 0;
        *slash = '\0';
    }
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
    const char *given = getenv("POCL_CACHE_DIR"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const char *temporary = getenv("TMPDIR");
    char path[4096];
    if ((given && *given) || can_be_made(cache && *cache ? cache : home))
        return;
    int length = snprintf(path, sizeof path, "%s/clarus-pocl-%ld",
                          temporary && *temporary == '/' ? temporary : "/tmp", (long)geteuid());
    if (length < 0 || (size_t)length >= sizeof path)
        return;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return;
    if (is_private(path))
        setenv("POCL_CACHE_DIR", path, 1);
}
