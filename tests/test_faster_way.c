#include "faster_way.h"
#include "test.h"

/* Runs with the given times of both ways; how often way 0 was taken. */
static int take(faster_way *f, int runs, double first, double second)
{
    int taken = 0;
    for (int i = 0; i < runs; i++) {
        int way = faster_way_next(f);
        taken += way == 0;
        faster_way_took(f, way, way == 0 ? first : second);
    }
    return taken;
}

static void the_faster_way_is_taken(void)
{
    faster_way f = {0}, g = {0};
    int taken = take(&f, 1000, 5, 7);
    CHECK(taken > 985 && taken < 1000, "way 0 was taken %d times of 1000, though it is faster", taken);
    taken = take(&g, 1000, 300, 20);
    CHECK(taken > 2 && taken < 15, "way 0 was taken %d times of 1000, though it is slower", taken);
}

static void a_change_is_noticed(void)
{
    faster_way f = {0};
    take(&f, 5000, 5, 7);
    int taken = take(&f, 100, 300, 20); /* suddenly much slower */
    CHECK(taken < 10, "way 0 was taken %d times of 100 after it had become slow", taken);
    taken = take(&f, 3000, 5, 7);
    CHECK(taken > 2000, "way 0 was taken %d times of 3000 after it had become fast again", taken);
}

static void the_first_time_does_not_count(void)
{
    faster_way f = {0};
    faster_way_took(&f, faster_way_next(&f), 5000); /* compiles */
    CHECK(take(&f, 100, 5, 7) > 95, "a slow start was held against way 0");
}

int main(void)
{
    the_faster_way_is_taken();
    a_change_is_noticed();
    the_first_time_does_not_count();
    return test_result();
}
