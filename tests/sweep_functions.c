/* Largest error in ULP of every elementary function of kernels/functions.h over all floats (pow: over 2^28
 * pairs), against the C library in double precision, whose own error is below 2^-27 of a float's ULP. Run by
 * hand; its figures stand in docs/numerics.md section 7. Usage: sweep_functions [threads [step]]
 *
 * Floats are taken in blocks, a pass over a block for each of: the function, the reference, the error. The
 * first and the last vectorise; an error that is not below the largest so far is computed again, with all
 * special cases. */
#include "elementary.h"

#include "cpu.h"
#include "ulp.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 2048 };

typedef struct sweep {
    void (*block)(const float *x, float *y, double *exact); /* BLOCK results, and what they should be */
    int64_t step;
    pthread_mutex_t lock;
    double worst;
    float where;
} sweep;

/* One function for each row of the table: called by pointer, a function would not be a vector's. */
#define ELEMENTARY_FUNCTION(name, function, reference)                                                       \
    static void block_##name(const float *x, float *y, double *exact)                                        \
    {                                                                                                        \
        for (int k = 0; k < BLOCK; k++)                                                                      \
            y[k] = function(x[k]);                                                                           \
        for (int k = 0; k < BLOCK; k++)                                                                      \
            exact[k] = reference((double)x[k]);                                                              \
    }
ELEMENTARY_FUNCTIONS
#undef ELEMENTARY_FUNCTION

static const struct {
    const char *name;
    void (*block)(const float *x, float *y, double *exact);
} blocks[] = {
#define ELEMENTARY_FUNCTION(name, function, reference) {#name, block_##name},
    ELEMENTARY_FUNCTIONS
#undef ELEMENTARY_FUNCTION
};

static void raise_worst(sweep *s, double error, float x)
{
    pthread_mutex_lock(&s->lock);
    if (error > s->worst) {
        s->worst = error;
        s->where = x;
    }
    pthread_mutex_unlock(&s->lock);
}

/* ulp_error for normal and subnormal numbers, 0 for two NaNs and for equals of the same sign; else it may be
 * too large. */
static void screen(const float *y, const double *exact, double *error)
{
    for (int k = 0; k < BLOCK; k++) {
        uint64_t bits, sign, least = (uint64_t)(FLT_MIN_EXP - 1 + 1023) << 52;
        double unit, value = (double)y[k];
        memcpy(&bits, &exact[k], sizeof bits);
        memcpy(&sign, &value, sizeof sign);
        sign = (sign ^ bits) >> 63;
        bits &= 0x7ff0000000000000u;
        bits = (bits < least ? least : bits) - ((uint64_t)(FLT_MANT_DIG - 1) << 52);
        memcpy(&unit, &bits, sizeof unit);
        double distance = fabs(value - exact[k]) / unit;
        distance = value == exact[k] ? (sign ? INFINITY : 0) : distance;
        error[k] = value != value && exact[k] != exact[k] ? 0 : distance;
    }
}

/* Blocks of floats that differ in their low bits. */
static void sweep_range(void *user, int64_t begin, int64_t end)
{
    sweep *s = user;
    float x[BLOCK], y[BLOCK];
    double exact[BLOCK], error[BLOCK], worst = 0;
    float where = 0;
    for (int64_t n = begin; n < end; n++) {
        for (int64_t k = 0; k < BLOCK; k++)
            x[k] = as_real((int32_t)(uint32_t)((n * BLOCK + k) * s->step));
        s->block(x, y, exact);
        screen(y, exact, error);
        for (int k = 0; k < BLOCK; k++) {
            if (error[k] <= worst)
                continue;
            double sure = ulp_error(y[k], exact[k]);
            where = sure > worst ? x[k] : where;
            worst = sure > worst ? sure : worst;
        }
    }
    raise_worst(s, worst, where);
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
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        sweep s = {blocks[i].block, step, PTHREAD_MUTEX_INITIALIZER, 0, 0};
        int64_t floats = ((int64_t)1 << 32) / step;
        cpu_parallel(threads, (floats + BLOCK - 1) / BLOCK, sweep_range, &s);
        printf("%-8s %.3f ULP at %a\n", blocks[i].name, s.worst, (double)s.where);
        fflush(stdout);
    }
    sweep s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    cpu_parallel(threads, 1 << 18, sweep_pow, &s);
    printf("%-8s %.3f ULP at base %a\n", "pow", s.worst, (double)s.where);
    return 0;
}
