/* Elementary functions: errors on a sample of all floats, special values, and division and square root from
 * integers against the processor's. sweep_functions.c looks at all floats. */
#include "elementary.h"
#include "test.h"
#include "ulp.h"

static uint64_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static float float_of(uint32_t bits)
{
    return as_real((int32_t)bits);
}

static int same(float a, float b)
{
    return (a != a && b != b) || as_ints(a) == as_ints(b);
}

/* Every 1021st float, which is about 2^22 of them. */
static void test_accuracy(void)
{
    static const struct {
        const char *name;
        float (*function)(float);
        double (*reference)(double);
    } elementary[] = {
#define ELEMENTARY_FUNCTION(name, function, reference) {#name, function, reference},
        ELEMENTARY_FUNCTIONS
#undef ELEMENTARY_FUNCTION
    };
    for (size_t i = 0; i < sizeof elementary / sizeof *elementary; i++) {
        double worst = 0;
        float where = 0;
        for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 1021) {
            float x = float_of((uint32_t)bits);
            double error = ulp_error(elementary[i].function(x), elementary[i].reference((double)x));
            if (error > worst) {
                worst = error;
                where = x;
            }
        }
        CHECK(worst <= 2, "%s: %g ULP at %a", elementary[i].name, worst, (double)where);
    }
}

/* What is cheaper for numbers of one sign, or where NaN comes anyway, has the same bits. */
static void test_shortcuts(void)
{
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 1021) {
        float x = float_of((uint32_t)bits), e = clarus_exp_falling(x), y = x * clarus_gate(x);
        CHECK(!(x <= 0) || same(e, clarus_exp(x)), "e^%a is %a", (double)x, (double)e);
        CHECK(same(y, x * clarus_sigmoid(x)), "silu(%a) is %a", (double)x, (double)y);
    }
}

static void test_pow_accuracy(void)
{
    double worst = 0;
    float worst_x = 0, worst_y = 0;
    for (int i = 0; i < 2000000; i++) {
        float x = float_of(random_bits() & 0x7fffffff);
        float y = (float)(int32_t)random_bits() * 0x1p-24f;
        if (i % 2)
            y /= fabsf(log2f(x)) + 0x1p-10f; /* results of all exponents */
        double error = ulp_error(clarus_pow(x, y), pow((double)x, (double)y));
        if (error > worst) {
            worst = error;
            worst_x = x;
            worst_y = y;
        }
    }
    CHECK(worst <= 2, "pow(%a, %a): %g ULP", (double)worst_x, (double)worst_y, worst);
}

/* All pairs of special values agree with the C library. */
static void test_special(void)
{
    static const float values[] = {
        0.0f,        -0.0f,        1.0f,        -1.0f,      2.0f,        -2.0f,
        3.0f,        -3.0f,        0.5f,        -0.5f,      2.5f,        INFINITY,
        -INFINITY,   NAN,          1e30f,       -1e30f,     0x1p-149f,   -0x1p-149f,
        16777215.0f, -16777215.0f, 16777216.0f, 8388607.5f, -8388607.5f, 0x1.fffffep127f,
        1e-30f};
    enum { COUNT = sizeof values / sizeof *values };
    for (int i = 0; i < COUNT; i++) {
        float x = values[i];
        CHECK(ulp_error(clarus_exp(x), exp((double)x)) <= 2, "exp(%a) is %a", (double)x,
              (double)clarus_exp(x));
        CHECK(ulp_error(clarus_log(x), log((double)x)) <= 2, "log(%a) is %a", (double)x,
              (double)clarus_log(x));
        CHECK(ulp_error(clarus_tanh(x), tanh((double)x)) <= 2, "tanh(%a) is %a", (double)x,
              (double)clarus_tanh(x));
        CHECK(ulp_error(clarus_erf(x), erf((double)x)) <= 2, "erf(%a) is %a", (double)x,
              (double)clarus_erf(x));
        for (int j = 0; j < COUNT; j++) {
            float y = values[j], power = clarus_pow(x, y);
            CHECK(ulp_error(power, pow((double)x, (double)y)) <= 2, "pow(%a, %a) is %a", (double)x, (double)y,
                  (double)power);
            CHECK(same(clarus_soft_div(x, y), x / y), "%a / %a is %a", (double)x, (double)y,
                  (double)clarus_soft_div(x, y));
        }
        CHECK(same(clarus_soft_sqrt(x), sqrtf(x)), "sqrt(%a) is %a", (double)x, (double)clarus_soft_sqrt(x));
    }
}

static void check_division(float x, float y)
{
    float q = clarus_soft_div(x, y);
    CHECK(same(q, x / y), "%a / %a is %a", (double)x, (double)y, (double)q);
}

static void test_division(void)
{
    for (int i = 0; i < 3000000; i++) {
        uint32_t x = random_bits(), y = random_bits();
        check_division(float_of(x), float_of(y));
        /* a quotient about where results become subnormal or overflow, then significands near their ends */
        uint32_t exponent = y >> 23 & 0xff, other = (exponent + (i % 2 ? 127 : 130) + x % 9 - 4) & 0xff;
        check_division(float_of((x & 0x807fffff) | exponent << 23), float_of((y & 0x7fffff) | other << 23));
        check_division(float_of((x & 0xff800007) ^ (i % 3 ? 0x7fffff : 0)),
                       float_of((y & 0xff800007) ^ (i % 5 ? 0 : 0x7fffff)));
    }
    for (uint32_t n = 1; n < 3000; n++) /* ties among subnormal results */
        for (uint32_t d = 1; d < 65; d++)
            check_division(float_of(n), (float)d);
}

static void test_square_root(void)
{
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 997) {
        float x = float_of((uint32_t)bits), y = clarus_soft_sqrt(x);
        CHECK(same(y, sqrtf(x)), "sqrt(%a) is %a", (double)x, (double)y);
    }
    for (uint32_t n = 1; n < 5000; n++) {
        float squares[] = {(float)n * (float)n, nextafterf((float)n * (float)n, 0), float_of(n),
                           float_of(n + 0x7fe000)};
        for (int i = 0; i < 4; i++)
            CHECK(same(clarus_soft_sqrt(squares[i]), sqrtf(squares[i])), "sqrt(%a)", (double)squares[i]);
    }
}

/* Zeros are ordered, a NaN wins; clip lets it pass. */
static void test_min_max(void)
{
    CHECK(same(clarus_min(0.0f, -0.0f), -0.0f) && same(clarus_min(-0.0f, 0.0f), -0.0f), "min of zeros");
    CHECK(same(clarus_max(0.0f, -0.0f), 0.0f) && same(clarus_max(-0.0f, 0.0f), 0.0f), "max of zeros");
    CHECK(same(clarus_min(-3.0f, -3.0f), -3.0f) && same(clarus_max(-3.0f, -3.0f), -3.0f), "of equals");
    CHECK(same(clarus_min(2.0f, -3.0f), -3.0f) && same(clarus_max(-INFINITY, 5.0f), 5.0f), "of unequals");
    CHECK(isnan(clarus_min(NAN, 1.0f)) && isnan(clarus_min(1.0f, NAN)), "min with NaN");
    CHECK(isnan(clarus_max(NAN, 1.0f)) && isnan(clarus_max(1.0f, NAN)), "max with NaN");
    CHECK(isnan(clarus_clip(NAN, 0.0f, 1.0f)), "clip of NaN");
    CHECK(same(clarus_clip(-0.0f, 0.0f, 6.0f), -0.0f), "clip of -0");
    CHECK(same(clarus_clip(3.0f, 2.0f, 1.0f), 1.0f) && same(clarus_clip(0.0f, 2.0f, 1.0f), 1.0f),
          "bounds crossed");
}

int main(void)
{
    test_accuracy();
    test_shortcuts();
    test_pow_accuracy();
    test_special();
    test_division();
    test_square_root();
    test_min_max();
    return test_result();
}
