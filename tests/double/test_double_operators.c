/* The second oracle itself against the expected outputs of ONNX's operator tests: what judges the lowering
 * must be right on its own. */
#include "double.h"

#include "../test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 32, PATH_SIZE = 4096 };

static size_t agreed, differed;

/* NULL if there is no such file; a tensor that cannot be read (a sequence, a string) ends the test. */
static dtensor *file_tensor(const char *folder, const char *prefix, int k, int *unreadable)
{
    char path[PATH_SIZE];
    static uint8_t bytes[1 << 22];
    snprintf(path, sizeof path, "%s/test_data_set_0/%s_%d.pb", folder, prefix, k);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    Onnx__Tensor *proto = onnx__tensor__unpack(NULL, size, bytes);
    dtensor *t = proto && proto->has_data_type ? tensor_read(proto, NULL) : NULL;
    if (proto)
        onnx__tensor__free_unpacked(proto, NULL);
    *unreadable = *unreadable || !t;
    return t;
}

/* Integers may be off by what float32 may make of them, where values stand between two. */
static int differs(const dtensor *a, const dtensor *b)
{
    if (a->dtype != b->dtype || !shape_equal(&a->shape, &b->shape))
        return 1;
    for (int64_t k = 0; k < a->count; k++) {
        if (a->i ? a->i[k] != b->i[k] && fabs((double)a->i[k] - (double)b->i[k]) > get(a, k).e
                 : !(a->v[k] == b->v[k] || (isnan(a->v[k]) && isnan(b->v[k])) ||
                     fabs(a->v[k] - b->v[k]) <=
                         1e-5 + (a->dtype == CLARUS_BFLOAT16 ? 1e-2 : 1e-3) * fabs(b->v[k])))
            return 1;
    }
    return 0;
}

static void run_test(const char *folder, const char *name)
{
    char path[PATH_SIZE], message[DOUBLE_MESSAGE] = "";
    dtensor *inputs[MOST] = {NULL}, *expected[MOST] = {NULL}, *actual[MOST] = {NULL};
    size_t in = 0, out = 0;
    int unreadable = 0, wrong = -1;
    while (in < MOST && (inputs[in] = file_tensor(folder, "input", (int)in, &unreadable)))
        in++;
    while (out < MOST && (expected[out] = file_tensor(folder, "output", (int)out, &unreadable)))
        out++;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    int status =
        unreadable ? DOUBLE_UNKNOWN : double_run(path, inputs, in, actual, out, NULL, NULL, 1, message);
    for (size_t k = 0; k < out && status == DOUBLE_OK; k++)
        if (differs(actual[k], expected[k]))
            wrong = (int)k;
    CHECK(status == DOUBLE_OK, "%s: %s", name, unreadable ? "a tensor cannot be read" : message);
    CHECK(wrong < 0, "%s: output %d differs", name, wrong);
    if (status == DOUBLE_OK && wrong < 0)
        agreed++;
    else
        differed++;
    for (size_t k = 0; k < MOST; k++) {
        dtensor_free(inputs[k]);
        dtensor_free(expected[k]);
        dtensor_free(actual[k]);
    }
}

int main(void)
{
    const char *data = getenv("CLARUS_TEST_DATA");
    char path[PATH_SIZE / 2], name[256];
    if (!data)
        TEST_SKIP("CLARUS_TEST_DATA is not set");
    snprintf(path, sizeof path, "%s/conformance/IN_SCOPE.txt", data);
    FILE *scope = fopen(path, "r");
    if (!scope)
        TEST_SKIP("no %s", path);
    while (fgets(name, sizeof name, scope)) {
        char folder[PATH_SIZE - 64];
        name[strcspn(name, "\r\n")] = 0;
        snprintf(folder, sizeof folder, "%s/conformance/node/%s", data, name);
        if (name[0])
            run_test(folder, name);
    }
    fclose(scope);
    printf("%zu tests agree, %zu do not\n", agreed, differed);
    return test_result();
}
