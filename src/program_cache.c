/* One file per key, named by it: header, then data. The header's checksum finds what was cut off or damaged;
 * files are written under another name and renamed, so that processes may share the folder.
 *
 * What is loaded here is run as code. So folder and file must be the caller's own and writable for
 * nobody else, or they are as good as absent. */
#include "program_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct cache_header {
    char magic[8];
    cache_key key;
    unsigned char checksum[16];
    uint64_t size_bytes;
} cache_header;

enum { MAX_ENTRY_BYTES = 256 << 20, FILE_NAME = 64 };

static const char magic[8] = "CLARUS1";

static void hash(const void *bytes, size_t size_bytes, unsigned char out[16])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size_bytes));
    memcpy(out, canonical.digest, 16);
}

/* The hash of the texts' hashes. */
void cache_key_make(const char *const *texts, size_t count, cache_key *key)
{
    unsigned char hashes[CACHE_KEY_TEXTS][16] = {{0}};
    for (size_t i = 0; i < count && i < CACHE_KEY_TEXTS; i++)
        hash(texts[i], strlen(texts[i]), hashes[i]);
    hash(hashes, sizeof hashes, key->bytes);
}

static void make_header(const cache_key *key, const void *bytes, size_t size_bytes, cache_header *header)
{
    *header = (cache_header){.key = *key, .size_bytes = size_bytes};
    memcpy(header->magic, magic, sizeof magic);
    hash(bytes, size_bytes, header->checksum);
}

static void file_name(const cache_key *key, char name[FILE_NAME])
{
    size_t length = 0;
    for (; length < 2 * sizeof key->bytes; length += 2)
        snprintf(name + length, FILE_NAME - length, "%02x", key->bytes[length / 2]);
    snprintf(name + length, FILE_NAME - length, ".bin");
}

static int is_private(int fd, mode_t type)
{
    struct stat s;
    return !fstat(fd, &s) && (s.st_mode & S_IFMT) == type && s.st_uid == geteuid() &&
           !(s.st_mode & (S_IWGRP | S_IWOTH));
}

/* The folder, open; -1 if there is none to be trusted. */
static int open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && !is_private(fd, S_IFDIR)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The folder and those above it, as far as they are missing. */
static void make_folder(const char *path)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof part)
        return;
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) && errno != EEXIST)
            return;
    }
}

/* ---- Loading ---- */

static int read_all(int fd, void *bytes, size_t size_bytes)
{
    char *to = bytes;
    while (size_bytes) {
        ssize_t n = read(fd, to, size_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        to += n;
        size_bytes -= (size_t)n;
    }
    return 1;
}

static int load_file(clarus_context *context, int fd, const cache_key *key, void **bytes, size_t *size_bytes)
{
    cache_header header, expected;
    if (!is_private(fd, S_IFREG) || !read_all(fd, &header, sizeof header) ||
        header.size_bytes > MAX_ENTRY_BYTES)
        return 0;
    size_t size = (size_t)header.size_bytes;
    void *data = memory_alloc(context, size, 1);
    if (data && read_all(fd, data, size)) {
        make_header(key, data, size, &expected);
        if (memcmp(&header, &expected, sizeof header) == 0) {
            *bytes = data;
            *size_bytes = size;
            return 1;
        }
    }
    memory_free(context, data);
    return 0;
}

int program_cache_load(clarus_context *context, const cache_key *key, void **bytes, size_t *size_bytes)
{
    if (!context->cache_dir)
        return 0;
    int folder = open_folder(context->cache_dir);
    if (folder < 0)
        return 0;
    char name[FILE_NAME];
    file_name(key, name);
    /* A pipe must not make us wait. */
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int loaded = fd >= 0 && load_file(context, fd, key, bytes, size_bytes);
    if (fd >= 0)
        close(fd);
    close(folder);
    return loaded;
}

/* ---- Storing ---- */

static int write_all(int fd, const void *bytes, size_t size_bytes)
{
    const char *from = bytes;
    while (size_bytes) {
        ssize_t n = write(fd, from, size_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        from += n;
        size_bytes -= (size_t)n;
    }
    return 1;
}

void program_cache_store(clarus_context *context, const cache_key *key, const void *bytes, size_t size_bytes)
{
    uint64_t random;
    if (!context->cache_dir || size_bytes > MAX_ENTRY_BYTES ||
        getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return;
    make_folder(context->cache_dir);
    int folder = open_folder(context->cache_dir);
    if (folder < 0)
        return;
    char name[FILE_NAME], draft[FILE_NAME];
    cache_header header;
    file_name(key, name);
    snprintf(draft, sizeof draft, "draft-%016llx", (unsigned long long)random);
    make_header(key, bytes, size_bytes, &header);
    int fd = openat(folder, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        int written = write_all(fd, &header, sizeof header) && write_all(fd, bytes, size_bytes);
        written = !close(fd) && written;
        if (!written || renameat(folder, draft, folder, name))
            unlinkat(folder, draft, 0);
    }
    close(folder);
}

void cpu_read_flags(char flags[CPU_FLAGS])
{
    flags[0] = '\0';
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return;
    char line[CPU_FLAGS];
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "flags", 5) == 0 || strncmp(line, "Features", 8) == 0) {
            memcpy(flags, line, sizeof line);
            break;
        }
    fclose(file);
}
