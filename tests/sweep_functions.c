/* Largest error in ULP of every elementary function of kernels/functions.h over all floats (pow: over a
 * grid), against the C library in double precision. Run by hand; its figures stand in docs/numerics.md
 * section 7. Usage: sweep_functions [threads] */
#include "elementary.h"

#include "cpu.h"
#include "ulp.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct sweep {
    float (*function)(float);
    double (*reference)(double);
    int64_t step;
    pthread_mutex_t lock;
    double worst;
    float where;
} sweep;

static void raise_worst(sweep *s, double error, float x)
{
    pthread_mutex_lock(&s->lock);
    if (error > s->worst) {
        s->worst = error;
        s->where = x;
    }
    pthread_mutex_unlock(&s->lock);
}

/* A range of the upper 16 bits. */
static void sweep_range(void *user, int64_t begin, int64_t end)
{
    sweep *s = user;
    for (int64_t high = begin; high < end; high++) {
        double worst = 0;
        float where = 0;
        for (int64_t low = high % s->step; low < 65536; low += s->step) {
            float x = as_real((int32_t)(uint32_t)(high << 16 | low));
            double error = ulp_error(s->function(x), s->reference((double)x));
            if (error > worst) {
                worst = error;
                where = x;
            }
        }
        raise_worst(s, worst, where);
    }
}

/* Bases spread over all exponents, and exponents that keep the result in or just out of range. */
static void sweep_pow(void *user, int64_t begin, int64_t end)
{
    sweep *s = user;
    for (int64_t i = begin; i < end; i++) {
        uint64_t random = (uint64_t)i * 0x9e3779b97f4a7c15u;
        double worst = 0;
        float where = 0;
        for (int n = 0; n < 1024; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            float x = as_real((int32_t)(random >> 33)),
                  y = (float)((double)(random & 0xffffff) / 65536 - 128);
            y /= n % 3 ? 1 : fabsf(log2f(x)) + 0x1p-20f;
            double error = ulp_error(clarus_pow(x, y), pow((double)x, (double)y));
            if (error > worst) {
                worst = error;
                where = x;
            }
        }
        raise_worst(s, worst, where);
    }
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1, step = argc > 2 ? atoi(argv[2]) : 1;
    if (threads < 1 || step < 1) {
        fputs("usage: sweep_functions [threads [step]]\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < ELEMENTARY; i++) {
        sweep s = {elementary[i].function, elementary[i].reference, step, PTHREAD_MUTEX_INITIALIZER, 0, 0};
        cpu_parallel(threads, 65536, sweep_range, &s);
        printf("%-8s %.3f ULP at %a\n", elementary[i].name, s.worst, (double)s.where);
        fflush(stdout);
    }
    sweep s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    cpu_parallel(threads, 1 << 18, sweep_pow, &s);
    printf("%-8s %.3f ULP at base %a\n", "pow", s.worst, (double)s.where);
    return 0;
}
