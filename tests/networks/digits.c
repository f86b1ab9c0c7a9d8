/* The networks for handwritten digits on the pictures of mnist-t10k, of which ONNX Runtime calls as many
 * right (the one of opset 1, which it does not take, has the weights of the one of opset 8), and on the
 * digits in mnist.tar.gz.
 *
 *     digits [--device D]           1,000 pictures; all 10,000 with CLARUS_TEST_ALL=1 */
#include "npy.h"
#include "tensor.h"

#include "../test.h"

#include <string.h>
#include <zlib.h>

enum { PATH_SIZE = 1024, SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, PICTURES = 10000, SOME = 1000 };
enum { IDX_IMAGES = 16, IDX_LABELS = 8 }; /* bytes of the files' headers */

typedef struct network {
    const char *model;
    float scale, mean, std;
    int right_of_some, right_of_all;
} network;

static const network networks[] = {
    {"mnist-8", 1, 0, 1, 987, 9891},
    {"mnist-opset1", 1, 0, 1, 987, 9891},
    {"mnist-pytorch-opset9", 1 / 255.0f, 0.1307f, 0.3081f, 986, 9840},
};

typedef struct fixture {
    const char *data;
    clarus_context *context;
    clarus_device *device;
} fixture;

static size_t read_gzip(const char *data, const char *name, unsigned char *out, size_t room)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", data, name);
    gzFile file = gzopen(path, "rb");
    int size = file ? gzread(file, out, (unsigned)room) : -1;
    if (file)
        gzclose(file);
    CHECK(size > 0, "%s cannot be read", path);
    return size > 0 ? (size_t)size : 0;
}

/* ---- one network ---- */

static clarus_session *open_network(fixture *f, const char *name)
{
    char path[PATH_SIZE];
    clarus_model *model = NULL;
    clarus_session *session = NULL;
    clarus_session_options options;
    clarus_error error = {CLARUS_OK, ""};
    clarus_session_options_init(&options);
    options.math = CLARUS_MATH_EXACT;
    snprintf(path, sizeof path, "%s/nets/mnist/%s.onnx", f->data, name);
    if (clarus_model_load(f->context, path, &model, &error) == CLARUS_OK)
        clarus_session_create(f->context, f->device, model, &options, &session, &error);
    CHECK(session, "%s: %s", name, error.message);
    clarus_model_free(model);
    return session;
}

/* The likeliest digit; -1 if it fails. */
static int recognise(fixture *f, clarus_session *session, float *pixels)
{
    const int64_t dims[] = {1, 1, SIDE, SIDE};
    clarus_tensor *input = NULL, *output = NULL;
    clarus_error error = {CLARUS_OK, ""};
    int best = -1;
    if (clarus_tensor_view(f->context, CLARUS_FLOAT32, 4, dims, pixels, sizeof(float[PIXELS]), &input,
                           &error) == CLARUS_OK) {
        const clarus_tensor *inputs[] = {input};
        if (clarus_session_run(session, inputs, 1, &output, 1, &error) == CLARUS_OK) {
            const float *scores = clarus_tensor_const_data(output);
            best = 0;
            for (int k = 1; k < CLASSES; k++)
                best = scores[k] > scores[best] ? k : best;
        }
    }
    CHECK(best >= 0, "%s", error.message);
    clarus_tensor_free(input);
    clarus_tensor_free(output);
    return best;
}

static void test_network(fixture *f, const network *n, const unsigned char *images,
                         const unsigned char *labels)
{
    int right = 0, all = getenv("CLARUS_TEST_ALL") != NULL, wanted = all ? n->right_of_all : n->right_of_some;
    clarus_session *session = open_network(f, n->model);
    for (int i = 0; session && i < (all ? PICTURES : SOME); i++) {
        float pixels[PIXELS];
        for (int k = 0; k < PIXELS; k++)
            pixels[k] = ((float)images[IDX_IMAGES + i * PIXELS + k] * n->scale - n->mean) / n->std;
        right += recognise(f, session, pixels) == labels[IDX_LABELS + i];
    }
    printf("%-24s %d of %d right\n", n->model, right, all ? PICTURES : SOME);
    CHECK(abs(right - wanted) <= 1, "%s: %d right, expected %d", n->model, right, wanted);
    clarus_session_free(session);
}

/* ---- mnist.tar.gz: NumPy's archives of inputs and outputs, the files in them not compressed ---- */

enum { TAR_BLOCK = 512, ZIP_HEADER = 30 };

static size_t little_endian(const unsigned char *bytes, int count)
{
    size_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

/* The array of a name in a zip archive, as integers; 0 if it is not there. */
static int read_array(fixture *f, const unsigned char *zip, size_t size, const char *name, int32_t *out,
                      size_t count)
{
    for (size_t at = 0; at + ZIP_HEADER < size && memcmp(zip + at, "PK\3\4", 4) == 0;) {
        size_t bytes = little_endian(zip + at + 22, 4), name_size = little_endian(zip + at + 26, 2);
        size_t start = at + ZIP_HEADER + name_size + little_endian(zip + at + 28, 2);
        clarus_tensor *tensor = NULL;
        if (start + bytes > size)
            return 0;
        if (name_size == strlen(name) && memcmp(zip + at + ZIP_HEADER, name, name_size) == 0 &&
            npy_parse(f->context, zip + start, bytes, &tensor, NULL) == CLARUS_OK) {
            int good = clarus_tensor_dtype(tensor) == CLARUS_INT32 && clarus_tensor_count(tensor) == count;
            if (good)
                memcpy(out, clarus_tensor_const_data(tensor), count * sizeof *out);
            clarus_tensor_free(tensor);
            return good;
        }
        at = start + bytes;
    }
    return 0;
}

static void test_digit(fixture *f, clarus_session *session, const unsigned char *zip, size_t size,
                       const char *name)
{
    int32_t inputs[PIXELS], outputs[CLASSES];
    float pixels[PIXELS];
    int good = read_array(f, zip, size, "inputs.npy", inputs, PIXELS) &&
               read_array(f, zip, size, "outputs.npy", outputs, CLASSES);
    CHECK(good, "%s cannot be read", name);
    for (int k = 0; good && k < PIXELS; k++)
        pixels[k] = (float)inputs[k];
    int digit = good ? recognise(f, session, pixels) : -1;
    CHECK(!good || (digit >= 0 && outputs[digit] == 1), "%s: recognised as %d", name, digit);
}

static void test_archive(fixture *f)
{
    static unsigned char tar[1 << 20];
    size_t size = read_gzip(f->data, "nets/mnist/mnist.tar.gz", tar, sizeof tar), digits = 0;
    clarus_session *session = open_network(f, "mnist-opset1");
    for (size_t at = 0; session && at + TAR_BLOCK < size && tar[at];) {
        const char *name = (const char *)tar + at;
        size_t bytes = (size_t)strtoul(name + 124, NULL, 8), length = strnlen(name, 100);
        if (bytes <= size - at - TAR_BLOCK && length > 4 && memcmp(name + length - 4, ".npz", 4) == 0) {
            test_digit(f, session, tar + at + TAR_BLOCK, bytes, name);
            digits++;
        }
        at += TAR_BLOCK + (bytes + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
    CHECK(digits == 3, "mnist.tar.gz: %zu digits", digits);
    clarus_session_free(session);
}

int main(int argc, char **argv)
{
    static unsigned char images[IDX_IMAGES + PICTURES * PIXELS + 1], labels[IDX_LABELS + PICTURES + 1];
    fixture f = {.data = getenv("CLARUS_TEST_DATA")};
    clarus_error error;
    if (!f.data)
        TEST_SKIP("CLARUS_TEST_DATA is not set");
    if (clarus_context_create(NULL, &f.context, &error) != CLARUS_OK ||
        clarus_device_open(f.context, argc == 3 ? argv[2] : NULL, &f.device, &error) != CLARUS_OK)
        TEST_SKIP("%s", error.message);
    int read = read_gzip(f.data, "mnist-t10k/t10k-images-idx3-ubyte.gz", images, sizeof images) ==
                   IDX_IMAGES + PICTURES * PIXELS &&
               read_gzip(f.data, "mnist-t10k/t10k-labels-idx1-ubyte.gz", labels, sizeof labels) ==
                   IDX_LABELS + PICTURES;
    CHECK(read, "the pictures are not those of MNIST");
    for (size_t k = 0; read && k < sizeof networks / sizeof *networks; k++)
        test_network(&f, &networks[k], images, labels);
    test_archive(&f);
    clarus_device_free(f.device);
    clarus_context_free(f.context);
    return test_result();
}
