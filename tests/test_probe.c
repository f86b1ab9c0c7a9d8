/* The self-test: its cases are right, it passes on PoCL with the device's division and with the software
 * form, and it finds an arithmetic that is not the page's. */
#include "device_test.h"
#include "probe.h"
#include "program.h"

#include <fenv.h>
#include <math.h>
#include <pthread.h>

#ifdef __SSE__
#include <xmmintrin.h>
#endif

enum operation { FMA, MUL_ADD, SUB_MUL, ADD, MUL, DIV, SQRT, LESS, FLOOR };

/* By the host. */
static float compute(enum operation operation, float x, float y, float z)
{
    volatile float product = x * y;
    switch (operation) {
    case FMA:
        return fmaf(x, y, z);
    case MUL_ADD:
        return product + z;
    case SUB_MUL:
        return z - product;
    case ADD:
        return x + y;
    case MUL:
        return product;
    case DIV:
        return x / y;
    case SQRT:
        return sqrtf(x);
    case LESS:
        return x < y ? 1.0f : 0.0f;
    case FLOOR:
        return floorf(x);
    }
    return 0.0f;
}

static void check_case(const char *text, enum operation operation, float x, float y, float z, float expected)
{
    float result = compute(operation, x, y, z);
    uint32_t bits, expected_bits;
    memcpy(&bits, &result, sizeof bits);
    memcpy(&expected_bits, &expected, sizeof expected_bits);
    CHECK((result != result && expected != expected) || bits == expected_bits, "%s(%a, %a, %a) is %a, not %a",
          text, (double)x, (double)y, (double)z, (double)result, (double)expected);
}

static void test_cases(void)
{
#define CASE(property, operation, x, y, z, result) check_case(#operation, operation, x, y, z, result);
#include "probe_cases.def"
#undef CASE
}

static clarus_device *open_pocl(clarus_context *context)
{
    clarus_error error = {0};
    clarus_device *device = NULL;
    CHECK(clarus_device_open(context, "PoCL", &device, &error) == CLARUS_OK, "%s", error.message);
    return device;
}

static void check_report(const probe_report *report, const char *what)
{
    for (int i = 0; i < PROBE_PROPERTIES; i++)
        CHECK(!report->failed[i], "%s: %s: %s", what, probe_property_name((probe_property)i),
              report->detail[i]);
}

static void test_division(clarus_context *context)
{
    for (int own = 0; own < 2; own++) {
        clarus_device *device = open_pocl(context);
        if (!device)
            return;
        clarus_error error = {0};
        probe_report report = {0};
        CHECK(own <= device->correct_divide, "PoCL does not report its division as correctly rounded");
        /* A table of its own, so that the flag reaches the compiler. */
        program_table *programs = device->programs;
        device->correct_divide = own;
        CHECK(program_table_create(device, &device->programs, &error) == CLARUS_OK, "%s", error.message);
        CHECK(probe_arithmetic(device, &report, &error) == CLARUS_OK, "%s", error.message);
        check_report(&report, own ? "own division" : "software division");
        program_table_free(device->programs);
        device->programs = programs;
        clarus_device_free(device);
    }
}

/* ---- What must not matter, and what must ---- */

typedef struct spoiler {
    const char *name;
    const char *cache;
    int flush;   /* subnormals to zero */
    int upwards; /* rounding */
} spoiler;

static int spoil(const spoiler *s)
{
#ifdef __SSE__
    if (s->flush)
        _mm_setcsr(_mm_getcsr() | 0x8040); /* flush to zero, denormals are zero */
#else
    if (s->flush)
        return 0;
#endif
    return !s->upwards || fesetround(FE_UPWARD) == 0;
}

/* A driver's threads may take after the thread that first touches OpenCL: the library must not hand its
 * state on, and must give it back. */
static void *open_spoilt(void *user)
{
    const spoiler *s = user;
    clarus_context *context = make_context(s->cache, 0);
    if (spoil(s)) {
        volatile float tiny = 0x1p-126f, one = 1.0f, epsilon = 0x1p-30f;
        float half_before = tiny * 0.5f, sum_before = one + epsilon;
        clarus_device_free(open_pocl(context));
        CHECK(tiny * 0.5f == half_before && one + epsilon == sum_before, "%s: not given back", s->name);
        CHECK((half_before == 0.0f) == s->flush && (sum_before > 1.0f) == s->upwards, "%s: not spoilt",
              s->name);
    }
    clarus_context_free(context);
    return NULL;
}

static void run_spoilt(const void *user)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, open_spoilt, (void *)(uintptr_t)user) == 0, "no thread");
    pthread_join(thread, NULL);
}

static void test_spoilt(const char *cache)
{
    const spoiler spoilers[] = {{"flushing", cache, 1, 0}, {"upwards", cache, 0, 1}};
    for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++)
        in_child(spoilers[i].name, run_spoilt, &spoilers[i]);
}

/* PoCL told to flush subnormals: found, and admitted by the switch only, by name only. */
static void open_without_subnormals(const void *user)
{
    (void)user;
    clarus_error error = {0};
    clarus_device *device = NULL;
    clarus_context *context = make_context("", 0);
    setenv("POCL_EXTRA_BUILD_FLAGS", "-cl-denorms-are-zero", 1);
    unsetenv("CLARUS_ALLOW_FAILED");
    CHECK(clarus_device_open(context, "PoCL", &device, &error) == CLARUS_E_DEVICE, "opened");
    CHECK(strstr(error.message, "failed: self-test: subnormal: "), "%s", error.message);
    setenv("CLARUS_ALLOW_FAILED", "division", 1);
    CHECK(clarus_device_open(context, "PoCL", &device, &error) == CLARUS_E_DEVICE, "opened");
    setenv("CLARUS_ALLOW_FAILED", "subnormal", 1);
    CHECK(clarus_device_open(context, "PoCL", &device, &error) == CLARUS_OK, "%s", error.message);
    CHECK(device && strstr(clarus_device_get_info(device)->name, " (subnormal failed)"),
          "its name does not say so");
    clarus_device_free(device);
    if (clarus_device_open(context, "auto", &device, &error) == CLARUS_OK)
        CHECK(!strstr(clarus_device_get_info(device)->name, "(subnormal failed)"), "taken automatically");
    clarus_device_free(device);
    clarus_context_free(context);
}

int main(void)
{
    test_cases();
    if (!has_pocl())
        return test_result();
    clean_environment();
    const char *cache = make_folder();
    test_spoilt(cache);
    in_child("no subnormals", open_without_subnormals, NULL);
    clarus_context *context = make_context(cache, 0);
    test_division(context);
    clarus_context_free(context);
    remove_folder(cache);
    return test_result();
}
