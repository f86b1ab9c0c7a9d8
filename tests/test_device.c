/* Devices as they are on this machine: names, numbers, threads, a shared cache, many threads at once, and
 * what is said when one is missing. With PoCL, and whatever else is installed. */
#include "device.h"
#include "device_test.h"
#include "program.h"

#include <pthread.h>
#include <sched.h>

static const char *cache; /* shared by all cases, so that programs are compiled once */

static clarus_device *open_device(clarus_context *context, const char *wanted)
{
    clarus_error error = {0};
    clarus_device *device = NULL;
    clarus_status status = clarus_device_open(context, wanted, &device, &error);
    CHECK(status == CLARUS_OK, "%s: %s", wanted ? wanted : "auto", error.message);
    return device;
}

static void check_refused(clarus_context *context, const char *wanted, const char *message)
{
    clarus_error error = {0};
    clarus_device *device = NULL;
    clarus_status status = clarus_device_open(context, wanted, &device, &error);
    CHECK(status == CLARUS_E_DEVICE && !device, "%s: %d", wanted ? wanted : "auto", status);
    CHECK(strstr(error.message, message), "%s: %s", wanted ? wanted : "auto", error.message);
    CHECK(!strchr(error.message, '\n'), "%s: more than one line", error.message);
}

/* ---- Choosing ---- */

static void test_names(const void *user)
{
    (void)user;
    unsetenv("CLARUS_DEVICE");
    clarus_context *context = make_context(cache, 0);
    clarus_device *device = open_device(context, NULL);
    if (device) {
        const clarus_device_info *info = clarus_device_get_info(device);
        char number[16], part[8];
        snprintf(number, sizeof number, "%d", info->index);
        snprintf(part, sizeof part, "%.7s", info->name);
        CHECK(info->is_auto && *info->reason && info->status == CLARUS_DEVICE_OK, "reason \"%s\"",
              info->reason);
        const char *const names[] = {number, part, info->platform};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            clarus_device *same = open_device(context, names[i]);
            CHECK(same && strcmp(clarus_device_get_info(same)->name, info->name) == 0, "%s", names[i]);
            CHECK(same && !clarus_device_get_info(same)->is_auto, "%s is automatic", names[i]);
            clarus_device_free(same);
        }
    }
    clarus_device_free(device);
    clarus_device_free(open_device(context, "pocl"));
    clarus_device_free(open_device(context, "PORTABLE COMPUTING"));
    check_refused(context, "99", "device \"99\": there is none");
    check_refused(context, "99999999999999999999999", "there is none");
    check_refused(context, "no such thing", "device \"no such thing\": there is none");
    setenv("CLARUS_DEVICE", "reference", 1);
    device = open_device(context, NULL);
    CHECK(device && device_is_reference(device) && clarus_device_get_info(device)->index == -1,
          "CLARUS_DEVICE is not heeded");
    clarus_context_free(context); /* the device keeps it */
    double gflops;
    clarus_error error;
    CHECK(clarus_device_peak(device, &gflops, &error) == CLARUS_E_UNSUPPORTED, "the reference has a peak");
    CHECK(clarus_device_bandwidth(device, 1, 1, &gflops, &error) == CLARUS_E_UNSUPPORTED,
          "the reference has a bandwidth");
    clarus_device_free(device);
    clarus_device_free(NULL);
    clarus_device_list_free(NULL);
}

static void test_list(const void *user)
{
    (void)user;
    clarus_context *context = make_context(cache, 0);
    clarus_device_list *list = NULL;
    clarus_error error = {0};
    CHECK(clarus_device_list_create(context, &list, &error) == CLARUS_OK, "%s", error.message);
    int automatic = 0, pocl = 0;
    for (size_t i = 0; list && i < clarus_device_list_count(list); i++) {
        const clarus_device_info *info = clarus_device_list_get(list, i);
        printf("%d %s | %s | %s: status %d%s: %s\n", info->index, info->name, info->platform, info->driver,
               info->status, info->is_auto ? ", auto" : "", info->reason);
        CHECK(info->index == (int)i && info->status != CLARUS_DEVICE_UNEXAMINED && *info->reason, "%zu", i);
        automatic += info->is_auto;
        pocl |=
            strcmp(info->platform, "Portable Computing Language") == 0 && info->status == CLARUS_DEVICE_OK;
        /* The self-test is about bits; simulators and software renderers rank behind everything else. */
        if (strstr(info->name, "llvmpipe"))
            CHECK(i > 0 && info->status == CLARUS_DEVICE_FAILED &&
                      strstr(info->reason, "self-test: subnormal: "),
                  "llvmpipe is %zu, %s", i, info->reason);
        if (strstr(info->name, "Oclgrind"))
            CHECK(i > 0 && !info->is_auto, "Oclgrind is %zu", i);
    }
    CHECK(automatic == 1, "%d devices are automatic", automatic);
    CHECK(pocl, "PoCL does not pass");
    clarus_device_list_free(list);
    clarus_context_free(context);
}

/* llvmpipe, where Mesa is installed, poses as a GPU. */
static void test_list_with_llvmpipe(const void *user)
{
    setenv("RUSTICL_ENABLE", "llvmpipe", 1);
    setenv("RUSTICL_DEVICE_TYPE", "gpu", 1);
    unsetenv("CLARUS_ALLOW_FAILED");
    test_list(user);
}

/* ---- Threads ---- */

/* A copy, sums of four and of many, less than a vector, nothing at all. */
static void test_bandwidth(clarus_device *device)
{
    static const uint64_t traffic[][2] = {{8192, 8192}, {40000, 10000}, {1 << 20, 64}, {1, 1}, {0, 0}};
    for (size_t i = 0; device && i < sizeof traffic / sizeof *traffic; i++) {
        double gbytes_per_s = 0;
        clarus_error error = {0};
        clarus_status status =
            clarus_device_bandwidth(device, traffic[i][0], traffic[i][1], &gbytes_per_s, &error);
        CHECK(status == CLARUS_OK, "%s", error.message);
        CHECK(gbytes_per_s > 0.001 && gbytes_per_s < 1e5, "%g GB/s for traffic %zu", gbytes_per_s, i);
    }
}

static void test_thread_limit(const void *user)
{
    (void)user;
    clarus_context *context = make_context(cache, 1);
    clarus_device *device = open_device(context, "pocl");
    CHECK(device && clarus_device_get_info(device)->compute_units == 1, "not limited");
    double gflops = 0;
    clarus_error error = {0};
    CHECK(device && clarus_device_peak(device, &gflops, &error) == CLARUS_OK, "%s", error.message);
    CHECK(gflops > 0.1, "peak of %g GFLOP/s", gflops);
    test_bandwidth(device);
    clarus_device_free(device);
    clarus_context_free(context);
}

static void test_one_cpu(const void *user)
{
    (void)user;
    cpu_set_t set;
    CPU_ZERO(&set);
    int cpu = sched_getcpu();
    CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &set);
    CHECK(sched_setaffinity(0, sizeof set, &set) == 0, "cannot be confined to a CPU");
    unsetenv("CLARUS_THREADS");
    clarus_context *context = make_context(cache, 0);
    CHECK(clarus_context_threads(context) == 1, "%d threads", clarus_context_threads(context));
    clarus_device_free(open_device(context, "pocl"));
    clarus_context_free(context);
}

enum { OPENERS = 8 };

/* Opens the device by itself, and builds on the one that all share. */
static void *open_and_build(void *user)
{
    clarus_device *shared = user, *own = open_device(shared->context, "pocl");
    clarus_error error = {0};
    cl_kernel kernel = NULL;
    CHECK(device_kernel(shared, KERNEL_peak, "-DCLARUS_LANES=4 -DACCUMULATORS=2", &kernel, &error) ==
              CLARUS_OK,
          "%s", error.message);
    if (kernel)
        clReleaseKernel(kernel);
    device_store_programs(shared);
    clarus_device_free(own);
    return NULL;
}

/* Before any other call, so that the drivers are loaded by eight threads at once. */
static void *open_first(void *user)
{
    clarus_device_free(open_device(user, "pocl"));
    return NULL;
}

static void test_many_threads(const void *user)
{
    (void)user;
    pthread_t threads[OPENERS];
    clarus_context *context = make_context(cache, 0);
    for (int i = 0; i < OPENERS; i++)
        CHECK(pthread_create(&threads[i], NULL, open_first, context) == 0, "thread %d", i);
    for (int i = 0; i < OPENERS; i++)
        pthread_join(threads[i], NULL);
    clarus_device *device = open_device(context, "pocl");
    for (int i = 0; device && i < OPENERS; i++)
        CHECK(pthread_create(&threads[i], NULL, open_and_build, device) == 0, "thread %d", i);
    for (int i = 0; device && i < OPENERS; i++)
        pthread_join(threads[i], NULL);
    clarus_device_free(device);
    clarus_context_free(context);
}

/* ---- Programs ---- */

static void test_build_failure(const void *user)
{
    (void)user;
    clarus_context *context = make_context(cache, 0);
    clarus_device *device = open_device(context, "pocl");
    clarus_error error = {0};
    cl_kernel kernel = NULL;
    CHECK(device &&
              device_kernel(device, KERNEL_peak, "-DCLARUS_LANES=3.5", &kernel, &error) == CLARUS_E_OPENCL,
          "built");
    CHECK(!kernel && strstr(error.message, "peak.cl: building for ") && strstr(error.message, "error"), "%s",
          error.message);
    char defines[1024];
    memset(defines, ' ', sizeof defines);
    defines[sizeof defines - 1] = '\0';
    CHECK(device && device_kernel(device, KERNEL_peak, defines, &kernel, &error) == CLARUS_E_INTERNAL,
          "built");
    clarus_device_free(device);
    clarus_context_free(context);
}

/* Runs the kernel once and gives its only result. */
static float run_peak(clarus_context *context)
{
    float operands[2] = {2.0f, 3.0f}, result = 0;
    cl_int rounds = 1;
    size_t one = 1;
    clarus_error error = {0};
    cl_kernel kernel = NULL;
    cl_command_queue queue = NULL;
    clarus_device *device = open_device(context, "pocl");
    if (!device || device_kernel(device, KERNEL_peak, "-DACCUMULATORS=1", &kernel, &error) != CLARUS_OK ||
        device_create_queue(device, device->id, &queue, &error) != CLARUS_OK) {
        CHECK(0, "%s", error.message);
        return 0;
    }
    cl_mem from = clCreateBuffer(device->cl, CL_MEM_COPY_HOST_PTR, sizeof operands, operands, NULL);
    cl_mem to = clCreateBuffer(device->cl, 0, sizeof result, NULL, NULL);
    clSetKernelArg(kernel, 0, sizeof(cl_mem), &from);
    clSetKernelArg(kernel, 1, sizeof(cl_mem), &to);
    clSetKernelArg(kernel, 2, sizeof rounds, &rounds);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL);
    clEnqueueReadBuffer(queue, to, CL_TRUE, 0, sizeof result, &result, 0, NULL, NULL);
    device_store_programs(device);
    clReleaseMemObject(from);
    clReleaseMemObject(to);
    clReleaseCommandQueue(queue);
    clReleaseKernel(kernel);
    clarus_device_free(device);
    return result;
}

/* Cold, from the cache, from a cache that is damaged, from none: always the same. */
static void test_program_cache(const void *user)
{
    (void)user;
    char *folder = make_folder(), command[256];
    clarus_context *context = make_context(folder, 0);
    CHECK(run_peak(context) == 24.0f, "compiled");
    CHECK(run_peak(context) == 24.0f, "from the cache");
    snprintf(command, sizeof command, "test $(ls %s | wc -l) -ge 3", folder);
    CHECK(system(command) == 0, "fewer than three files in %s", folder);
    snprintf(command, sizeof command, "for f in %s/*; do truncate -s -7 $f; done", folder);
    CHECK(system(command) == 0 && run_peak(context) == 24.0f, "from truncated files");
    snprintf(command, sizeof command,
             "for f in %s/*; do printf x | dd of=$f bs=1 seek=200 conv=notrunc status=none; done", folder);
    CHECK(system(command) == 0 && run_peak(context) == 24.0f, "from damaged files");
    clarus_context_free(context);
    context = make_context("/proc/none", 0);
    CHECK(run_peak(context) == 24.0f, "without a cache");
    clarus_context_free(context);
    remove_folder(folder);
}

/* PoCL's binaries take long to get: while the device is open there is the self-test's verdict alone. */
static void test_late_binaries(const void *user)
{
    (void)user;
    char *folder = make_folder(), command[256];
    clarus_context *context = make_context(folder, 0);
    clarus_device *device = open_device(context, "pocl");
    if (device)
        device_store_programs(device);
    snprintf(command, sizeof command, "test $(ls %s | wc -l) -eq 1", folder);
    CHECK(system(command) == 0, "binaries were taken at once");
    clarus_device_free(device);
    snprintf(command, sizeof command, "test $(ls %s | wc -l) -ge 2", folder);
    CHECK(system(command) == 0, "no binaries were taken");
    clarus_context_free(context);
    remove_folder(folder);
}

/* ---- What is missing ---- */

typedef struct missing_case {
    const char *icd; /* content of the only .icd file; NULL: none */
    const char *message;
} missing_case;

static void check_missing(const void *user)
{
    const missing_case *c = user;
    char *vendors = make_folder();
    if (c->icd)
        write_text(vendors, "driver.icd", "%s\n", c->icd);
    setenv("OCL_ICD_VENDORS", vendors, 1);
    clarus_context *context = make_context("", 0);
    check_refused(context, NULL, c->message);
    check_refused(context, "pocl", c->message);
    clarus_device_list *list = NULL;
    clarus_error error = {0};
    CHECK(clarus_device_list_create(context, &list, &error) == CLARUS_OK, "%s", error.message);
    CHECK(list && strstr(clarus_device_list_advice(list), c->message), "%s", clarus_device_list_advice(list));
    CHECK(list && clarus_device_list_count(list) == 1, "%zu devices", clarus_device_list_count(list));
    clarus_device_list_free(list);
    clarus_device_free(open_device(context, "reference"));
    clarus_context_free(context);
    remove_folder(vendors);
}

static void test_missing(void)
{
    static const missing_case cases[] = {
        {NULL, "PoCL is not among the OpenCL drivers of OCL_ICD_VENDORS="},
        {"libno-such-driver.so", "driver.icd does not load (libno-such-driver.so: cannot open"},
        {"libpocl-of-another-time.so", "reinstall pocl-opencl-icd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        in_child(cases[i].message, check_missing, &cases[i]);
}

/* As nobody without a home: PoCL then has no place for its cache. */
static void check_homeless(const void *user)
{
    const char *pocl_cache = user;
    setenv("HOME", "/nonexistent", 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("POCL_CACHE_DIR");
    if (pocl_cache)
        setenv("POCL_CACHE_DIR", pocl_cache, 1);
    CHECK(setgid(65534) == 0 && setuid(65534) == 0, "cannot become nobody");
    clarus_context *context = make_context("", 0);
    if (!pocl_cache)
        check_refused(context, "pocl", "set POCL_CACHE_DIR");
    else if (strcmp(pocl_cache, "/proc/pocl") == 0)
        check_refused(context, "pocl", "POCL_CACHE_DIR is /proc/pocl, which cannot be written to");
    else
        clarus_device_free(open_device(context, "pocl"));
    clarus_context_free(context);
}

static void test_homeless(void)
{
    if (geteuid() != 0)
        return;
    char *folder = make_folder();
    CHECK(chown(folder, 65534, 65534) == 0, "%s", folder);
    in_child("nobody", check_homeless, NULL);
    in_child("nobody, unwritable cache", check_homeless, "/proc/pocl");
    in_child("nobody, cache", check_homeless, folder);
    remove_folder(folder);
}

int main(void)
{
    if (!has_pocl())
        TEST_SKIP("PoCL is not there");
    clean_environment();
    cache = make_folder();
    test_missing();
    test_homeless();
    in_child("names", test_names, NULL);
    in_child("list", test_list, NULL);
    in_child("list with llvmpipe", test_list_with_llvmpipe, NULL);
    in_child("thread limit", test_thread_limit, NULL);
    in_child("one CPU", test_one_cpu, NULL);
    in_child("many threads", test_many_threads, NULL);
    in_child("build failure", test_build_failure, NULL);
    in_child("program cache", test_program_cache, NULL);
    in_child("late binaries", test_late_binaries, NULL);
    remove_folder(cache);
    return test_result();
}
