/* What every test program needs: CHECK counts failures and goes on, TEST_MAIN reports. */
#ifndef CLARUS_TEST_H
#define CLARUS_TEST_H

#include <stdio.h>
#include <stdlib.h>

/* Threads check, too. */
#ifdef __cplusplus
#include <atomic>
static std::atomic<int> test_checks, test_failures;
#else
static _Atomic int test_checks, test_failures;
#endif

#define CHECK(condition, ...)                                                                                \
    do {                                                                                                     \
        test_checks++;                                                                                       \
        if (!(condition)) {                                                                                  \
            test_failures++;                                                                                 \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                  \
            fprintf(stderr, __VA_ARGS__);                                                                    \
            fputc('\n', stderr);                                                                             \
        }                                                                                                    \
    } while (0)

/* A prerequisite that is absent: says so, and the test counts as skipped. */
#define TEST_SKIP(...)                                                                                       \
    do {                                                                                                     \
        fprintf(stderr, "skipped: " __VA_ARGS__);                                                            \
        fputc('\n', stderr);                                                                                 \
        exit(77);                                                                                            \
    } while (0)

/* A test that checked nothing has failed. */
static inline int test_result(void)
{
    printf("%d checks, %d failures\n", (int)test_checks, (int)test_failures);
    return test_failures || !test_checks;
}

#endif
