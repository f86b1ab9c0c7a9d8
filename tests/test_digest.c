#include "clarus.h"
#include "test.h"

#include <string.h>
#include <xxhash.h>

static clarus_context *context;

static clarus_tensor *wrap(clarus_dtype dtype, size_t rank, const int64_t *dims, void *data, size_t size)
{
    clarus_tensor *tensor = NULL;
    clarus_error error = {0};
    CHECK(clarus_tensor_view(context, dtype, rank, dims, data, size, &tensor, &error) == CLARUS_OK, "%s",
          error.message);
    return tensor;
}

static void digest_of(const clarus_tensor *const *tensors, size_t count, int64_t item, int64_t items,
                      clarus_digest *digest)
{
    clarus_error error = {0};
    CHECK(clarus_tensors_digest(tensors, count, item, items, digest, &error) == CLARUS_OK, "%s",
          error.message);
}

/* The hash of plain bytes, in one call of the hash library. */
static void expected_of(const void *bytes, size_t size, char *hex)
{
    XXH128_canonical_t hash;
    XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes, size));
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash.digest[i]);
}

static void equals_the_hash_of_the_bytes(void)
{
    static const size_t sizes[] = {1, 7, 4096, 16383, 16384, 16385, 100000};
    static unsigned char bytes[100000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t dims[] = {(int64_t)sizes[i]};
        char expected[33];
        clarus_digest digest;
        clarus_tensor *tensor = wrap(CLARUS_UINT8, 1, dims, bytes, sizes[i]);
        digest_of((const clarus_tensor *const *)&tensor, 1, 0, 1, &digest);
        expected_of(bytes, sizes[i], expected);
        CHECK(strcmp(digest.hex, expected) == 0, "%zu bytes: %s, expected %s", sizes[i], digest.hex,
              expected);
        clarus_tensor_free(tensor);
    }
    clarus_digest empty;
    digest_of(NULL, 0, 0, 1, &empty);
    CHECK(strcmp(empty.hex, "99aa06d3014798d86001c324468d497f") == 0, "%s", empty.hex);
}

static void parts_equal_pictures_on_their_own(void)
{
    float scores[12], features[24];
    for (int i = 0; i < 24; i++) {
        features[i] = (float)i * 0.37f;
        if (i < 12)
            scores[i] = (float)(i * i) - 5;
    }
    const int64_t batch_scores[] = {3, 4}, batch_features[] = {3, 2, 4}, one_scores[] = {1, 4},
                  one_features[] = {1, 2, 4};
    clarus_tensor *batch[2] = {wrap(CLARUS_FLOAT32, 2, batch_scores, scores, sizeof scores),
                               wrap(CLARUS_FLOAT32, 3, batch_features, features, sizeof features)};
    for (int64_t item = 0; item < 3; item++) {
        clarus_tensor *one[2] = {wrap(CLARUS_FLOAT32, 2, one_scores, scores + 4 * item, 16),
                                 wrap(CLARUS_FLOAT32, 3, one_features, features + 8 * item, 32)};
        clarus_digest part, alone;
        digest_of((const clarus_tensor *const *)batch, 2, item, 3, &part);
        digest_of((const clarus_tensor *const *)one, 2, 0, 1, &alone);
        CHECK(strcmp(part.hex, alone.hex) == 0, "item %d: %s and %s", (int)item, part.hex, alone.hex);
        clarus_tensor_free(one[0]);
        clarus_tensor_free(one[1]);
    }
    clarus_digest digest;
    clarus_error error = {0};
    CHECK(clarus_tensors_digest((const clarus_tensor *const *)batch, 2, 0, 2, &digest, &error) ==
              CLARUS_E_SHAPE,
          "3 pictures in 2 parts");
    CHECK(clarus_tensors_digest((const clarus_tensor *const *)batch, 2, 3, 3, &digest, &error) ==
              CLARUS_E_ARGUMENT,
          "part 3 of 3");
    clarus_tensor_free(batch[0]);
    clarus_tensor_free(batch[1]);
}

/* Two arrays that differ in the payload of a NaN only have one digest; an infinity is not taken for one. */
static void same_digest(clarus_dtype dtype, void *a, void *b, size_t size, int expected)
{
    int64_t dims[] = {(int64_t)(size / clarus_dtype_size(dtype))};
    clarus_tensor *left = wrap(dtype, 1, dims, a, size), *right = wrap(dtype, 1, dims, b, size);
    clarus_digest x, y;
    digest_of((const clarus_tensor *const *)&left, 1, 0, 1, &x);
    digest_of((const clarus_tensor *const *)&right, 1, 0, 1, &y);
    CHECK((strcmp(x.hex, y.hex) == 0) == expected, "%s: %s and %s", clarus_dtype_name(dtype), x.hex, y.hex);
    clarus_tensor_free(left);
    clarus_tensor_free(right);
}

static void every_nan_is_one(void)
{
    uint32_t f32[] = {0x7FC00000, 0x3F800000}, f32_other[] = {0xFF800001, 0x3F800000},
             f32_infinite[] = {0x7F800000, 0x3F800000};
    same_digest(CLARUS_FLOAT32, f32, f32_other, sizeof f32, 1);
    same_digest(CLARUS_FLOAT32, f32, f32_infinite, sizeof f32, 0);
    uint16_t f16[] = {0x7E00, 1}, f16_other[] = {0xFC01, 1}, f16_infinite[] = {0xFC00, 1};
    same_digest(CLARUS_FLOAT16, f16, f16_other, sizeof f16, 1);
    same_digest(CLARUS_FLOAT16, f16, f16_infinite, sizeof f16, 0);
    uint64_t f64[] = {UINT64_C(0x7FF8000000000000)}, f64_other[] = {UINT64_C(0xFFF0000000000001)},
             f64_infinite[] = {UINT64_C(0x7FF0000000000000)};
    same_digest(CLARUS_FLOAT64, f64, f64_other, sizeof f64, 1);
    same_digest(CLARUS_FLOAT64, f64, f64_infinite, sizeof f64, 0);
    uint32_t i32[] = {0x7FC00000}, i32_other[] = {0x7FC00001};
    same_digest(CLARUS_INT32, i32, i32_other, sizeof i32, 0);
}

int main(void)
{
    clarus_error error = {0};
    CHECK(clarus_context_create(NULL, &context, &error) == CLARUS_OK, "%s", error.message);
    equals_the_hash_of_the_bytes();
    parts_equal_pictures_on_their_own();
    every_nan_is_one();
    clarus_context_free(context);
    return test_result();
}
