#include "shape.h"
#include "test.h"

#include <string.h>

static void counts_are_checked(void)
{
    int64_t count = -1;
    shape ok = {3, {2, 3, 4}}, zero = {2, {0, 5}}, scalar = {0, {0}};
    CHECK(shape_count(&ok, &count) && count == 24, "%lld", (long long)count);
    CHECK(shape_count(&zero, &count) && count == 0, "%lld", (long long)count);
    CHECK(shape_count(&scalar, &count) && count == 1, "%lld", (long long)count);
    shape huge = {2, {INT64_MAX / 2, 3}}, negative = {1, {-1}}, hidden = {3, {0, INT64_MAX, 3}};
    CHECK(!shape_count(&huge, &count), "overflow was accepted");
    CHECK(!shape_count(&negative, &count), "a negative dimension was accepted");
    CHECK(!shape_count(&hidden, &count), "an overflow hidden by a zero was accepted");
}

static void shapes_broadcast(void)
{
    shape a = {3, {5, 1, 4}}, b = {2, {3, 1}}, c = {1, {2}}, out;
    CHECK(shape_broadcast(&a, &b, &out) && out.rank == 3 && out.dims[0] == 5 && out.dims[1] == 3 &&
              out.dims[2] == 4,
          "wrong shape");
    CHECK(!shape_broadcast(&a, &c, &out), "4 against 2 was accepted");
    char text[SHAPE_TEXT];
    CHECK(strcmp(shape_text(&a, text), "5x1x4") == 0, "%s", text);
    CHECK(shape_axis(-1, 3) == 2 && shape_axis(3, 3) == -1 && shape_axis(-4, 3) == -1, "axis");
}

int main(void)
{
    counts_are_checked();
    shapes_broadcast();
    return test_result();
}
