#include "clarus.h"
#include "test.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static clarus_context *context;
static char folder[] = "/tmp/clarus-test-tensor-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static clarus_tensor *wrap(clarus_dtype dtype, size_t rank, const int64_t *dims, void *data, size_t size)
{
    clarus_tensor *tensor = NULL;
    clarus_error error = {0};
    CHECK(clarus_tensor_view(context, dtype, rank, dims, data, size, &tensor, &error) == CLARUS_OK, "%s",
          error.message);
    return tensor;
}

static void creates_within_limits(void)
{
    const int64_t good[] = {2, 3}, negative[] = {2, -3}, huge[] = {INT64_MAX, 2},
                  large[] = {1 << 20, 1 << 14};
    clarus_tensor *tensor = NULL;
    clarus_error error = {0};
    CHECK(clarus_tensor_create(context, CLARUS_FLOAT32, 2, good, &tensor, &error) == CLARUS_OK, "%s",
          error.message);
    CHECK(clarus_tensor_count(tensor) == 6 && clarus_tensor_size_bytes(tensor) == 24, "size");
    for (size_t i = 0; i < 6; i++)
        CHECK(((float *)clarus_tensor_data(tensor))[i] == 0, "element %zu is not zero", i);
    clarus_tensor_free(tensor);
    CHECK(clarus_tensor_create(context, CLARUS_FLOAT32, 2, negative, &tensor, &error) == CLARUS_E_SHAPE,
          "negative");
    CHECK(clarus_tensor_create(context, CLARUS_FLOAT32, 2, huge, &tensor, &error) == CLARUS_E_SHAPE, "huge");
    CHECK(clarus_tensor_create(context, CLARUS_FLOAT32, 2, large, &tensor, &error) == CLARUS_E_LIMIT,
          "large");
    CHECK(clarus_tensor_create(context, (clarus_dtype)99, 2, good, &tensor, &error) == CLARUS_E_ARGUMENT,
          "type");
    CHECK(clarus_tensor_create(context, CLARUS_FLOAT32, 9, good, &tensor, &error) == CLARUS_E_ARGUMENT,
          "rank");
    float data[6];
    CHECK(clarus_tensor_view(context, CLARUS_FLOAT32, 2, good, data, 20, &tensor, &error) == CLARUS_E_SHAPE,
          "view of the wrong size");
    CHECK(!tensor, "a failure leaves a tensor");
}

static void round_trips(void)
{
    static const clarus_dtype types[] = {CLARUS_FLOAT32, CLARUS_FLOAT64, CLARUS_FLOAT16, CLARUS_UINT8,
                                         CLARUS_INT8,    CLARUS_UINT16,  CLARUS_INT16,   CLARUS_UINT32,
                                         CLARUS_INT32,   CLARUS_UINT64,  CLARUS_INT64,   CLARUS_BOOL};
    static const int64_t dims[CLARUS_MAX_RANK] = {1, 2, 3, 1, 5, 1, 1, 2};
    static unsigned char bytes[60 * 8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 37);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (size_t rank = 0; rank <= CLARUS_MAX_RANK; rank++) {
            size_t count = 1;
            for (size_t k = 0; k < rank; k++)
                count *= (size_t)dims[k];
            clarus_tensor *out = wrap(types[i], rank, dims, bytes, count * clarus_dtype_size(types[i]));
            clarus_tensor *in = NULL;
            clarus_error error = {0};
            CHECK(clarus_tensor_save(out, in_folder("a.npy"), &error) == CLARUS_OK, "%s", error.message);
            CHECK(clarus_tensor_load(context, in_folder("a.npy"), &in, &error) == CLARUS_OK, "%s",
                  error.message);
            CHECK(in && clarus_tensor_dtype(in) == types[i] && clarus_tensor_rank(in) == rank &&
                      clarus_tensor_count(in) == count &&
                      memcmp(clarus_tensor_shape(in), dims, rank * sizeof *dims) == 0 &&
                      memcmp(clarus_tensor_data(in), bytes, clarus_tensor_size_bytes(in)) == 0,
                  "%s of rank %zu came back different", clarus_dtype_name(types[i]), rank);
            clarus_tensor_free(in);
            clarus_tensor_free(out);
        }
    }
}

/* A file of version 1 or 2 with this header and some data. */
static clarus_status load_header(int version, const char *header, size_t data_bytes, clarus_tensor **tensor,
                                 clarus_error *error)
{
    char bytes[1024] = "\x93NUMPY";
    size_t length = strlen(header), prefix = version == 1 ? 10 : 12;
    bytes[6] = (char)version;
    bytes[8] = (char)(length & 255);
    bytes[9] = (char)(length >> 8);
    memcpy(bytes + prefix, header, length);
    FILE *file = fopen(in_folder("h.npy"), "wb");
    fwrite(bytes, 1, prefix + length + data_bytes, file);
    fclose(file);
    return clarus_tensor_load(context, in_folder("h.npy"), tensor, error);
}

static void reads_what_numpy_writes(void)
{
    static const struct {
        const char *header;
        size_t data_bytes;
        clarus_status status;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     \n", 24, CLARUS_OK},
        {"{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}\n", 24, CLARUS_OK},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }\n", 24, CLARUS_OK},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", 1, CLARUS_OK},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }\n", 0, CLARUS_OK},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", 24, CLARUS_E_UNSUPPORTED},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24, CLARUS_E_UNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }\n", 24, CLARUS_E_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 23, CLARUS_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 28, CLARUS_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }\n", 0,
         CLARUS_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n", 0,
         CLARUS_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }\n", 0, CLARUS_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }\n", 4, CLARUS_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, }\n", 4, CLARUS_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }\n", 4, CLARUS_E_FORMAT},
        {"{'descr': '<f4", 0, CLARUS_E_FORMAT},
        {"", 0, CLARUS_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int version = 1; version <= 2; version++) {
            clarus_tensor *tensor = NULL;
            clarus_error error = {0};
            clarus_status status =
                load_header(version, cases[i].header, cases[i].data_bytes, &tensor, &error);
            CHECK(status == cases[i].status, "case %zu: %s %s", i, clarus_status_name(status), error.message);
            CHECK((tensor != NULL) == (status == CLARUS_OK), "case %zu: tensor %p", i, (void *)tensor);
            CHECK(status == CLARUS_OK || strstr(error.message, "h.npy: "), "case %zu: %s", i, error.message);
            clarus_tensor_free(tensor);
        }
    }
}

/* Every prefix of a file is refused, and read within its bounds (the sanitizers look on). */
static void refuses_truncated_files(void)
{
    float data[4] = {1, 2, 3, 4};
    const int64_t dims[] = {4};
    char bytes[512];
    clarus_error error = {0};
    clarus_tensor *tensor = wrap(CLARUS_FLOAT32, 1, dims, data, sizeof data), *in = NULL;
    CHECK(clarus_tensor_save(tensor, in_folder("a.npy"), &error) == CLARUS_OK, "%s", error.message);
    FILE *file = fopen(in_folder("a.npy"), "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    CHECK(size % 64 == 16, "data starts at %zu", size - 16);
    for (size_t n = 0; n < size; n++) {
        file = fopen(in_folder("t.npy"), "wb");
        fwrite(bytes, 1, n, file);
        fclose(file);
        clarus_status status = clarus_tensor_load(context, in_folder("t.npy"), &in, &error);
        CHECK(status != CLARUS_OK && !in, "%zu of %zu bytes were read as a tensor", n, size);
    }
    clarus_tensor_free(tensor);
}

static void compare(clarus_dtype dtype, void *a, void *b, size_t size, double rtol, double atol,
                    clarus_status expected, double expected_worst)
{
    const int64_t dims[] = {(int64_t)(size / clarus_dtype_size(dtype))};
    clarus_tensor *left = wrap(dtype, 1, dims, a, size), *right = wrap(dtype, 1, dims, b, size);
    double worst = 99;
    clarus_error error = {0};
    clarus_status status = clarus_tensor_compare(left, right, rtol, atol, &worst, &error);
    CHECK(status == expected, "%s: %s %s", clarus_dtype_name(dtype), clarus_status_name(status),
          error.message);
    CHECK(worst == expected_worst || fabs(worst - expected_worst) < 1e-12, "%s: worst %.17g, expected %.17g",
          clarus_dtype_name(dtype), worst, expected_worst);
    clarus_tensor_free(left);
    clarus_tensor_free(right);
}

static void compares(void)
{
    float a[] = {1, 2, NAN, INFINITY}, near[] = {1, 2.5f, NAN, INFINITY}, no_nan[] = {1, 2, 0, INFINITY},
          negative[] = {1, 2, NAN, -INFINITY};
    compare(CLARUS_FLOAT32, a, a, sizeof a, 0, 0, CLARUS_OK, 0);
    compare(CLARUS_FLOAT32, a, near, sizeof a, 0, 0.5, CLARUS_OK, 0);
    compare(CLARUS_FLOAT32, a, near, sizeof a, 0, 0.25, CLARUS_E_MISMATCH, 0.25);
    compare(CLARUS_FLOAT32, a, near, sizeof a, 0.1, 0.25, CLARUS_OK, 0);
    compare(CLARUS_FLOAT32, a, no_nan, sizeof a, 1, 1, CLARUS_E_MISMATCH, (double)INFINITY);
    compare(CLARUS_FLOAT32, a, negative, sizeof a, 1, 1, CLARUS_E_MISMATCH, (double)INFINITY);
    uint16_t half[] = {0x3C00, 0x0001, 0xC000}, half_other[] = {0x3C00, 0x0003, 0xC000};
    compare(CLARUS_FLOAT16, half, half_other, sizeof half, 0, 0, CLARUS_E_MISMATCH, ldexp(2, -24));
    int64_t large[] = {INT64_MAX}, large_other[] = {INT64_MAX - 1};
    compare(CLARUS_INT64, large, large_other, sizeof large, 0, 0, CLARUS_E_MISMATCH, 1);
    int64_t lowest[] = {INT64_MIN};
    compare(CLARUS_INT64, large, lowest, sizeof large, 0, 0, CLARUS_E_MISMATCH, ldexp(1, 64));
    uint8_t small[] = {3, 250}, small_other[] = {5, 250};
    compare(CLARUS_UINT8, small, small_other, sizeof small, 0, 2, CLARUS_OK, 0);

    const int64_t flat[] = {4}, square[] = {2, 2};
    clarus_tensor *x = wrap(CLARUS_FLOAT32, 1, flat, a, sizeof a),
                  *y = wrap(CLARUS_FLOAT32, 2, square, a, 16);
    clarus_error error = {0};
    CHECK(clarus_tensor_compare(x, y, 9, 9, NULL, &error) == CLARUS_E_MISMATCH &&
              strcmp(error.message, "compare: shape 4, expected 2x2") == 0,
          "%s", error.message);
    CHECK(clarus_tensor_compare(x, x, -1, 0, NULL, &error) == CLARUS_E_ARGUMENT, "negative rtol");
    CHECK(clarus_tensor_compare(x, x, (double)NAN, 0, NULL, &error) == CLARUS_E_ARGUMENT, "rtol is NaN");
    clarus_tensor_free(x);
    clarus_tensor_free(y);
}

int main(void)
{
    clarus_error error = {0};
    CHECK(mkdtemp(folder) != NULL, "%s", folder);
    CHECK(clarus_context_create(NULL, &context, &error) == CLARUS_OK, "%s", error.message);
    creates_within_limits();
    round_trips();
    reads_what_numpy_writes();
    refuses_truncated_files();
    compares();
    clarus_context_free(context);
    static const char *const made[] = {"a.npy", "h.npy", "t.npy"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        unlink(in_folder(made[i]));
    rmdir(folder);
    return test_result();
}
