/* A folder is searched recursively, links to folders followed (loops are recognised), and its pictures sorted
 * by the bytes of their paths. Files in it count as pictures by their suffix; hidden files and folders do not
 * count. */
#include "pictures.h"

#include "interrupt.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static int out_of_memory(const pictures *p)
{
    complain(p->common, "out of memory for the list of pictures");
    return 0;
}

static int add_path(pictures *p, const char *path)
{
    if (p->count == p->capacity) {
        size_t larger = p->capacity ? 2 * p->capacity : 64;
        char **paths = realloc(p->paths, larger * sizeof *paths);
        if (!paths)
            return out_of_memory(p);
        p->paths = paths;
        p->capacity = larger;
    }
    p->paths[p->count] = strdup(path);
    if (!p->paths[p->count])
        return out_of_memory(p);
    p->count++;
    return 1;
}

static int has_picture_suffix(const char *name)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return 1;
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One entry of the walk; 0 if memory is out. */
static int visit(pictures *p, FTS *walk, FTSENT *entry)
{
    int is_hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
    switch (entry->fts_info) {
    case FTS_D:
        if (is_hidden)
            fts_set(walk, entry, FTS_SKIP);
        return 1;
    case FTS_DC:
        tell(p->common, "%s: skipped, a link back to a folder above it", entry->fts_path);
        return 1;
    case FTS_DNR:
    case FTS_ERR:
        complain(p->common, "%s: cannot read the folder: %s", entry->fts_path, strerror(entry->fts_errno));
        p->unreadable++;
        return 1;
    case FTS_F:
    case FTS_NS: /* what cannot be looked at fails when it is decoded */
    case FTS_SLNONE:
        return is_hidden || !has_picture_suffix(entry->fts_name) || add_path(p, entry->fts_path);
    default:
        return 1;
    }
}

static int add_folder(pictures *p, char *path)
{
    char *roots[] = {path, NULL};
    size_t before = p->count, unreadable = p->unreadable;
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (!walk)
        return out_of_memory(p);
    int ok = 1;
    FTSENT *entry = NULL;
    while (ok && !interrupt_seen() && (entry = fts_read(walk)) != NULL)
        ok = visit(p, walk, entry);
    fts_close(walk);
    if (p->count > before)
        qsort(p->paths + before, p->count - before, sizeof *p->paths, compare_paths);
    else if (ok && p->unreadable == unreadable)
        tell(p->common, "%s: no pictures (.jpg, .jpeg, .jpe, .jfif, .png) in this folder", path);
    return ok;
}

static int add_argument(pictures *p, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return add_path(p, path);
    char *copy = strdup(path);
    if (!copy)
        return out_of_memory(p);
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/') /* paths below are joined with one slash */
        copy[--length] = '\0';
    int ok = add_folder(p, copy);
    free(copy);
    return ok;
}

/* Adds the arguments up to the next "-". */
static int add_arguments(pictures *p)
{
    while (p->next_argument < p->arguments->count && !p->in_list) {
        const char *argument = p->arguments->items[p->next_argument++];
        if (strcmp(argument, "-") == 0)
            p->in_list = 1;
        else if (!add_argument(p, argument))
            return 0;
    }
    return 1;
}

/* Adds what the next line of standard input names, or notes its end. */
static int add_line(pictures *p)
{
    char *line = NULL;
    size_t room = 0;
    errno = 0;
    ssize_t length = getline(&line, &room, stdin);
    int ok = 1;
    if (length < 0) {
        p->in_list = 0;
        ok = !ferror(stdin) && errno != ENOMEM;
        if (!ok && !interrupt_seen())
            complain(p->common, "standard input: cannot read: %s", strerror(errno));
    } else {
        if (length > 0 && line[length - 1] == '\n')
            line[--length] = '\0';
        ok = length == 0 || add_argument(p, line);
    }
    free(line);
    return ok;
}

int pictures_open(pictures *p, const common_options *common, const text_list *arguments)
{
    *p = (pictures){.common = common, .arguments = arguments};
    return add_arguments(p);
}

size_t pictures_total(const pictures *p)
{
    return p->in_list || p->next_argument < p->arguments->count ? 0 : p->count;
}

int pictures_next(pictures *p, const char **path)
{
    while (p->given == p->count) {
        if (!p->in_list && p->next_argument == p->arguments->count)
            return 0;
        if (interrupt_seen() || !(p->in_list ? add_line(p) : add_arguments(p)))
            return -1;
    }
    if (interrupt_seen())
        return -1;
    *path = p->paths[p->given++];
    return 1;
}

void pictures_done(pictures *p)
{
    free(p->paths[p->done]);
    p->paths[p->done++] = NULL;
}

void pictures_close(pictures *p)
{
    for (size_t i = p->done; i < p->count; i++)
        free(p->paths[i]);
    free(p->paths);
    p->paths = NULL;
}
