#include "file.h"
#include "test.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static clarus_context *context;
static char folder[] = "/tmp/clarus-test-file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void round_trips(void)
{
    static const size_t sizes[] = {0, 1, 4095, 65536, 300001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i], got = 99;
        char *data = malloc(size + 1);
        for (size_t k = 0; k < size; k++)
            data[k] = (char)(k * 31 + i);
        clarus_error error = {0};
        void *bytes = NULL;
        CHECK(file_write(in_folder("a"), data, size, &error) == CLARUS_OK, "%s", error.message);
        CHECK(file_read(context, in_folder("a"), size, &bytes, &got, &error) == CLARUS_OK, "%s",
              error.message);
        CHECK(got == size && bytes && memcmp(bytes, data, size) == 0 && ((char *)bytes)[size] == 0,
              "%zu of %zu bytes", got, size);
        memory_free(context, bytes);
        free(data);
    }
}

static void *fill_pipe(void *path)
{
    int file = open(path, O_WRONLY);
    for (int i = 0; i < 5000; i++)
        if (write(file, "0123456789abcdefghij", 20) != 20)
            break;
    close(file);
    return NULL;
}

static void reads_pipes(void)
{
    signal(SIGPIPE, SIG_IGN); /* the writer may be left without a reader */
    for (int limited = 0; limited < 2; limited++) {
        pthread_t writer;
        char path[256];
        strcpy(path, in_folder("pipe"));
        CHECK(mkfifo(path, 0600) == 0, "mkfifo");
        pthread_create(&writer, NULL, fill_pipe, path);
        clarus_error error = {0};
        void *bytes = NULL;
        size_t size = 1;
        clarus_status status = file_read(context, path, limited ? 70000 : 100000, &bytes, &size, &error);
        pthread_join(writer, NULL);
        if (limited) {
            CHECK(status == CLARUS_E_LIMIT && !bytes && !size, "%s", clarus_status_name(status));
            CHECK(strstr(error.message, "limit of 70000"), "%s", error.message);
        } else {
            CHECK(status == CLARUS_OK && size == 100000, "%s: %zu", error.message, size);
            CHECK(bytes && memcmp((char *)bytes + 99980, "0123456789abcdefghij", 20) == 0, "content");
        }
        memory_free(context, bytes);
        unlink(path);
    }
}

static void read_fails(const char *path, uint64_t limit, clarus_status expected, const char *reason)
{
    clarus_error error = {0};
    void *bytes = &error;
    size_t size = 1;
    clarus_status status = file_read(context, path, limit, &bytes, &size, &error);
    CHECK(status == expected && !bytes && !size, "%s: %s", path, clarus_status_name(status));
    CHECK(strstr(error.message, path) && strstr(error.message, reason), "%s", error.message);
}

static void write_fails(const char *path, const char *reason)
{
    clarus_error error = {0};
    clarus_status status = file_write(path, "x", 1, &error);
    CHECK(status == CLARUS_E_IO, "%s: %s", path, clarus_status_name(status));
    CHECK(strstr(error.message, path) && strstr(error.message, reason), "%s", error.message);
}

static void refusals_name_path_and_reason(void)
{
    read_fails(in_folder("absent"), 10, CLARUS_E_IO, "No such file");
    read_fails(folder, 10, CLARUS_E_IO, "is a directory");
    read_fails("/dev/zero", 10, CLARUS_E_IO, "is a device");
    CHECK(file_write(in_folder("eleven"), "hello world", 11, NULL) == CLARUS_OK, "write");
    read_fails(in_folder("eleven"), 10, CLARUS_E_LIMIT, "11 bytes, more than the limit of 10");
    read_fails("/proc/self/status", 10, CLARUS_E_LIMIT, "limit of 10");
    write_fails(folder, "is a directory");
    write_fails("/dev/null", "is a device");
    write_fails(in_folder("absent/a"), "No such file");
}

/* The link stays, what it names is replaced, and nothing is left beside it. */
static void writes_through_links(void)
{
    char target[256], link[256];
    strcpy(target, in_folder("target"));
    strcpy(link, in_folder("link"));
    CHECK(file_write(target, "old", 3, NULL) == CLARUS_OK && symlink(target, link) == 0, "set-up");
    CHECK(file_write(link, "newer", 5, NULL) == CLARUS_OK, "write");
    struct stat info;
    CHECK(lstat(link, &info) == 0 && S_ISLNK(info.st_mode), "the link was replaced");
    CHECK(stat(target, &info) == 0 && info.st_size == 5, "the target was not replaced");
    mode_t mask = umask(0);
    umask(mask);
    CHECK((info.st_mode & 0777) == (0666 & ~mask), "mode %o", (unsigned)info.st_mode);
}

int main(void)
{
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK || !mkdtemp(folder))
        return 1;
    round_trips();
    reads_pipes();
    refusals_name_path_and_reason();
    writes_through_links();
    static const char *const names[] = {"a", "eleven", "target", "link"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    CHECK(rmdir(folder) == 0, "temporary files were left in %s", folder);
    clarus_context_free(context);
    return test_result();
}
