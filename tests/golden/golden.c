/* Golden digests: the bits of some layers and small networks, as docs/numerics.md section 12 has it. A digest
 * that changes is a change of numerics: it demands a new numerics version, a line in the changelog, and then
 *
 *     golden --update digests.txt
 *
 * Otherwise: golden [--device D] digests.txt compares the device's bits with the file. */
#include "clarus.h"
#include "model_text.h"

#include "../generate.h"
#include "../test.h"

#include <stdlib.h>
#include <string.h>

typedef struct golden_case {
    const char *name, *text;
} golden_case;

static const golden_case cases[] = {
#define GOLDEN(name, text) {name, text},
#include "cases.def"
#undef GOLDEN
};
enum { CASES = sizeof cases / sizeof *cases, MOST_INPUTS = 4 };

static clarus_status make_inputs(clarus_context *context, const clarus_model *model, clarus_tensor **inputs,
                                 clarus_error *error)
{
    for (size_t k = 0; k < clarus_model_input_count(model); k++) {
        const clarus_value_info *info = clarus_model_input(model, k);
        clarus_status status =
            clarus_tensor_create(context, CLARUS_FLOAT32, info->rank, info->shape, &inputs[k], error);
        if (status != CLARUS_OK)
            return status;
        generate(77 + k, clarus_tensor_count(inputs[k]), 0, 1, clarus_tensor_data(inputs[k]));
    }
    return CLARUS_OK;
}

static clarus_status run(clarus_context *context, clarus_device *device, const clarus_model *model,
                         clarus_digest *digest, clarus_error *error)
{
    clarus_tensor *inputs[MOST_INPUTS] = {NULL}, *output = NULL;
    clarus_session *session = NULL;
    clarus_session_options options;
    clarus_session_options_init(&options);
    options.math = CLARUS_MATH_EXACT;
    clarus_status status = make_inputs(context, model, inputs, error);
    if (status == CLARUS_OK)
        status = clarus_session_create(context, device, model, &options, &session, error);
    if (status == CLARUS_OK)
        status = clarus_session_run(session, (const clarus_tensor *const *)inputs,
                                    clarus_model_input_count(model), &output, 1, error);
    if (status == CLARUS_OK)
        status = clarus_tensors_digest((const clarus_tensor *const *)&output, 1, 0, 1, digest, error);
    clarus_session_free(session);
    clarus_tensor_free(output);
    for (size_t k = 0; k < MOST_INPUTS; k++)
        clarus_tensor_free(inputs[k]);
    return status;
}

static int compute(clarus_context *context, clarus_device *device, const golden_case *c,
                   clarus_digest *digest)
{
    size_t size = 0;
    clarus_model *model = NULL;
    clarus_error error = {CLARUS_OK, "the text is wrong"};
    void *bytes = model_text_pack(c->text, &size);
    clarus_status status = CLARUS_E_FORMAT;
    if (bytes)
        status = clarus_model_parse(context, bytes, size, &model, &error);
    if (status == CLARUS_OK)
        status = run(context, device, model, digest, &error);
    CHECK(status == CLARUS_OK, "%s: %s", c->name, error.message);
    clarus_model_free(model);
    free(bytes);
    return status == CLARUS_OK;
}

/* The digest that the file has for a name: "DIGEST NAME" a line, after the numerics version. */
static int expected(const char *path, const char *name, char digest[33])
{
    char line[256];
    FILE *file = fopen(path, "r");
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        found = strlen(line) > 33 && line[32] == ' ' && strcmp(line + 33, name) == 0;
    }
    if (file)
        fclose(file);
    if (found)
        memcpy(digest, line, 32);
    digest[32] = 0;
    return found;
}

static int update(const char *path, const clarus_digest *digests, const int *computed)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return 0;
    fprintf(file, "numerics %d\n", clarus_numerics_version());
    for (size_t k = 0; k < CASES; k++)
        if (computed[k])
            fprintf(file, "%s %s\n", digests[k].hex, cases[k].name);
    return fclose(file) == 0;
}

static void check_version(const char *path)
{
    int version = 0;
    FILE *file = fopen(path, "r");
    CHECK(file && fscanf(file, "numerics %d", &version) == 1 && version == clarus_numerics_version(),
          "%s is of numerics %d, the library of %d", path, version, clarus_numerics_version());
    if (file)
        fclose(file);
}

int main(int argc, char **argv)
{
    const char *device_name = NULL, *path = argv[argc - 1];
    static clarus_digest digests[CASES];
    static int computed[CASES];
    int updating = argc == 3 && strcmp(argv[1], "--update") == 0;
    clarus_context *context = NULL;
    clarus_device *device = NULL;
    clarus_error error;
    if (argc == 4 && strcmp(argv[1], "--device") == 0)
        device_name = argv[2];
    else if (argc != 2 && !updating) {
        fprintf(stderr, "usage: golden [--device D | --update] FILE\n");
        return 2;
    }
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, updating ? "reference" : device_name, &device, &error) != CLARUS_OK)
        TEST_SKIP("%s", error.message);
    for (size_t k = 0; k < CASES; k++)
        computed[k] = compute(context, device, &cases[k], &digests[k]);
    if (!updating)
        check_version(path);
    for (size_t k = 0; k < CASES && !updating; k++) {
        char want[33];
        CHECK(expected(path, cases[k].name, want), "%s: %s has no digest of it", cases[k].name, path);
        CHECK(!computed[k] || strcmp(want, digests[k].hex) == 0, "%s: %s, not %s", cases[k].name,
              digests[k].hex, want);
    }
    if (updating)
        CHECK(update(path, digests, computed), "%s cannot be written", path);
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
