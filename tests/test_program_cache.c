/* The cache folder: what is stored comes back, whatever is wrong with it does not. */
#include "device_test.h"
#include "program_cache.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static cache_key make_key(const char *a, const char *b)
{
    cache_key key;
    cache_key_make((const char *const[]){a, b}, 2, &key);
    return key;
}

static const cache_key *default_key(void)
{
    static const char *const texts[] = {"source", "options"};
    static _Thread_local cache_key key;
    cache_key_make(texts, 2, &key);
    return &key;
}

static void store_text(clarus_context *context, const char *text)
{
    program_cache_store(context, default_key(), text, strlen(text));
}

/* 1 if exactly this text comes back. */
static int holds(clarus_context *context, const char *text)
{
    void *bytes = NULL;
    size_t size = 0;
    int found = program_cache_load(context, default_key(), &bytes, &size);
    int same = found && size == strlen(text) && memcmp(bytes, text, size) == 0;
    if (found)
        memory_free(context, bytes);
    return same;
}

static int holds_something(clarus_context *context)
{
    void *bytes = NULL;
    size_t size = 0;
    int found = program_cache_load(context, default_key(), &bytes, &size);
    if (found)
        memory_free(context, bytes);
    return found;
}

/* Path of the only file in the folder; "" if there is another number of them. */
static const char *only_file(const char *folder)
{
    static char path[512];
    DIR *dir = opendir(folder);
    int count = 0;
    path[0] = '\0';
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%.200s", folder, entry->d_name);
            count++;
        }
    if (dir)
        closedir(dir);
    return count == 1 ? path : "";
}

static void test_keys(void)
{
    cache_key a = make_key("ab", "c"), b = make_key("a", "bc"), c = make_key("c", "ab"),
              again = make_key("ab", "c");
    CHECK(memcmp(&a, &b, sizeof a) != 0 && memcmp(&a, &c, sizeof a) != 0, "equal keys of different texts");
    CHECK(memcmp(&a, &again, sizeof a) == 0, "different keys of equal texts");
}

static void test_round_trip(void)
{
    char *folder = make_folder(), path[128];
    snprintf(path, sizeof path, "%s/deep/down", folder);
    clarus_context *context = make_context(path, 1);
    struct stat s;
    CHECK(!holds_something(context), "found in a folder that does not exist");
    store_text(context, "first");
    CHECK(holds(context, "first"), "not found");
    CHECK(stat(path, &s) == 0 && (s.st_mode & 07777) == 0700, "folder's mode is %o", (unsigned)s.st_mode);
    CHECK(stat(only_file(path), &s) == 0 && (s.st_mode & 07777) == 0600, "file's mode is %o",
          (unsigned)s.st_mode);
    store_text(context, "a longer second");
    CHECK(holds(context, "a longer second"), "not replaced");
    CHECK(*only_file(path), "a draft was left behind");
    clarus_context_free(context);
    context = make_context("", 1);
    store_text(context, "nowhere");
    CHECK(!holds_something(context), "found without a folder");
    clarus_context_free(context);
    remove_folder(folder);
}

/* Every byte that is changed and every length that is cut to must be noticed. */
static void test_damage(void)
{
    char *folder = make_folder();
    clarus_context *context = make_context(folder, 1);
    unsigned char whole[256], part[256];
    store_text(context, "text to be damaged");
    FILE *file = fopen(only_file(folder), "rb");
    size_t size = file ? fread(whole, 1, sizeof whole, file) : 0;
    if (file)
        fclose(file);
    CHECK(size > strlen("text to be damaged") && size < sizeof whole, "%zu bytes", size);
    for (size_t i = 0; i < 2 * size; i++) {
        memcpy(part, whole, size);
        part[i % size] ^= 0x10;
        file = fopen(only_file(folder), "wb");
        CHECK(file, "%s", only_file(folder));
        if (!file)
            break;
        fwrite(i < size ? part : whole, 1, i < size ? size : i - size, file);
        fclose(file);
        CHECK(!holds_something(context), i < size ? "changed byte %zu" : "cut to %zu",
              i < size ? i : i - size);
    }
    store_text(context, "mended");
    CHECK(holds(context, "mended"), "a damaged file is not replaced");
    clarus_context_free(context);
    remove_folder(folder);
}

static void test_trust(void)
{
    char *folder = make_folder();
    clarus_context *context = make_context(folder, 1);
    store_text(context, "text");
    char file[512];
    snprintf(file, sizeof file, "%s", only_file(folder));
    chmod(folder, 0770);
    CHECK(!holds_something(context), "folder is writable for the group");
    store_text(context, "changed");
    chmod(folder, 0703);
    CHECK(!holds_something(context), "folder is writable for others");
    chmod(folder, 0700);
    CHECK(holds(context, "text"), "stored in a folder that others can write to");
    chmod(file, 0660);
    CHECK(!holds_something(context), "file is writable for the group");
    chmod(file, 0600);
    if (geteuid() == 0) {
        CHECK(chown(folder, 65534, 65534) == 0 && !holds_something(context), "another user's folder");
        CHECK(chown(folder, 0, 0) == 0 && chown(file, 65534, 65534) == 0 && !holds_something(context),
              "another user's file");
        CHECK(chown(file, 0, 0) == 0, "%s", file);
    }
    CHECK(holds(context, "text"), "not found");
    char elsewhere[600];
    snprintf(elsewhere, sizeof elsewhere, "%s.real", file);
    CHECK(rename(file, elsewhere) == 0 && symlink(elsewhere, file) == 0 && !holds_something(context),
          "a link was followed");
    CHECK(unlink(file) == 0 && mkfifo(file, 0600) == 0 && !holds_something(context), "a pipe was read");
    CHECK(unlink(file) == 0 && mkdir(file, 0700) == 0 && !holds_something(context), "a folder was read");
    store_text(context, "text");
    CHECK(!holds_something(context), "a folder was replaced");
    clarus_context_free(context);
    remove_folder(folder);
}

/* As another user, for whom permissions count. */
static void store_without_rights(const void *user)
{
    clarus_context *context = make_context(user, 1);
    CHECK(setgid(65534) == 0 && setuid(65534) == 0, "cannot become nobody");
    store_text(context, "text");
    CHECK(!holds_something(context), "stored without rights");
    clarus_context_free(context);
}

static void test_no_room(void)
{
    char *folder = make_folder();
    if (geteuid() == 0)
        in_child("without rights", store_without_rights, folder);
    clarus_context *context = make_context("/dev/null/clarus", 1);
    store_text(context, "text");
    CHECK(!holds_something(context), "stored below a device");
    clarus_context_free(context);
    context = make_context("/proc/clarus", 1);
    store_text(context, "text");
    CHECK(!holds_something(context), "stored in /proc");
    clarus_context_free(context);
    remove_folder(folder);
}

/* A file that may not grow is what a full disk looks like. */
static void store_in_full(const void *user)
{
    static char large[1 << 16];
    clarus_context *context = make_context(user, 1);
    memset(large, 'x', sizeof large - 1);
    store_text(context, "before");
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {4096, 4096};
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0, "no limit");
    store_text(context, large);
    CHECK(holds(context, "before"), "what was there is lost");
    CHECK(*only_file(user), "a draft was left behind");
    clarus_context_free(context);
}

static void test_full(void)
{
    char *folder = make_folder();
    in_child("full", store_in_full, folder);
    remove_folder(folder);
}

enum { PROCESSES = 3, WRITERS = 4, ROUNDS = 100 };
static const char one[] = "the one", other[] = "the other, which is longer";

/* Counts what is neither the one nor the other. */
static void *write_and_read(void *user)
{
    clarus_context *context = user;
    size_t wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        void *bytes = NULL;
        size_t size = 0;
        store_text(context, i % 2 ? one : other);
        int found = program_cache_load(context, default_key(), &bytes, &size);
        wrong += !found || !((size == strlen(one) && !memcmp(bytes, one, size)) ||
                             (size == strlen(other) && !memcmp(bytes, other, size)));
        memory_free(context, bytes);
    }
    return (void *)(uintptr_t)wrong;
}

static void share(const void *user)
{
    clarus_context *context = make_context(user, 1);
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&threads[i], NULL, write_and_read, context) == 0, "thread %d", i);
    for (int i = 0; i < WRITERS; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        CHECK(!wrong, "%zu of %d reads were wrong", (size_t)(uintptr_t)wrong, ROUNDS);
    }
    clarus_context_free(context);
}

/* Processes with threads, all on one key. */
static void test_shared(void)
{
    char *folder = make_folder();
    pid_t children[PROCESSES];
    fflush(NULL);
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0) {
            test_failures = 0;
            share(folder);
            _exit(test_failures != 0);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0, "process %d: %d", i, status);
    }
    CHECK(*only_file(folder), "a draft was left behind");
    remove_folder(folder);
}

int main(void)
{
    test_keys();
    test_round_trip();
    test_damage();
    test_trust();
    test_no_room();
    test_full();
    test_shared();
    return test_result();
}
