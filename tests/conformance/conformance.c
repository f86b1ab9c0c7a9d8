/* Runs ONNX's operator tests through the public interface and keeps score.
 *
 *     conformance [--device D] [--passing FILE] [--update] [--all] [--json] [--verbose] [FOLDER]
 *
 * FOLDER, by default conformance in CLARUS_TEST_DATA, holds node/ and simple/, one folder per test with
 * model.onnx and test_data_set_N/{input,output}_K.pb, and IN_SCOPE.txt, the tests of node/ that an image
 * runtime should pass (simple/ is run whole). A test counts as
 *
 *     passed       every output agrees: |a - b| <= 1e-5 + 1e-3 |b|, integers are equal;
 *     unsupported  Clarus says so, naming the node;
 *     failed       anything else;
 *     skipped      not in scope, and not run without --all.
 *
 * FILE lists the tests that passed once, on the reference and on PoCL: one of them that does not pass makes
 * the exit status 1. --update adds what passes now; names leave the list by hand only. */
#include "clarus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096, MAX_TENSORS = 64 };

static const double relative = 1e-3, absolute = 1e-5;

typedef struct names {
    char **items;
    size_t count;
} names;

typedef enum verdict { PASSED, FAILED, UNSUPPORTED, SKIPPED, VERDICTS } verdict;

typedef struct tally {
    char name[64]; /* operator; "(several)" for graphs of more than one */
    size_t counts[VERDICTS];
} tally;

/* What is counted apart: the tests of node/ that are in scope, the others, and simple/. */
typedef enum part { IN_SCOPE, OUT_OF_SCOPE, SIMPLE, PARTS } part;

typedef struct runner {
    const char *folder;
    clarus_context *context;
    clarus_device *device;
    names scope, passing, passed;
    tally *operators;
    size_t operator_count;
    tally parts[PARTS], total;
    size_t fallen_back;
    int all, verbose;
} runner;

static void *allocate(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

static void names_add(names *list, const char *name)
{
    list->items = allocate(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count] = allocate(NULL, strlen(name) + 1);
    strcpy(list->items[list->count++], name);
}

static int names_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_sort(names *list)
{
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, names_compare);
}

static int names_contain(const names *list, const char *name)
{
    return list->count &&
           bsearch(&name, list->items, list->count, sizeof *list->items, names_compare) != NULL;
}

static void names_free(names *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

/* One name a line, sorted afterwards. 0 if the file cannot be read. */
static int names_read(names *list, const char *path)
{
    char line[PATH_SIZE];
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[0])
            names_add(list, line);
    }
    fclose(file);
    names_sort(list);
    return 1;
}

/* Sorted names in a folder that begin with `prefix`. */
static names folder_list(const char *path, const char *prefix)
{
    names list = {NULL, 0};
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            names_add(&list, entry->d_name);
    if (folder)
        closedir(folder);
    names_sort(&list);
    return list;
}

static void tensors_free(clarus_tensor **tensors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        clarus_tensor_free(tensors[i]);
}

/* Loads PREFIX_0.pb, PREFIX_1.pb, ... of a data set. */
static clarus_status tensors_load(runner *r, const char *folder, const char *prefix, clarus_tensor **tensors,
                                  size_t count, clarus_error *error)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH_SIZE + 64];
        snprintf(path, sizeof path, "%s/%s_%zu.pb", folder, prefix, i);
        clarus_status status = clarus_tensor_load(r->context, path, &tensors[i], error);
        if (status != CLARUS_OK)
            return status;
    }
    return CLARUS_OK;
}

static int is_float(clarus_dtype dtype)
{
    return dtype == CLARUS_FLOAT32 || dtype == CLARUS_FLOAT16 || dtype == CLARUS_FLOAT64 ||
           dtype == CLARUS_BFLOAT16;
}

static clarus_status compare(clarus_tensor **actual, clarus_tensor **expected, size_t count,
                             clarus_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int tolerant = is_float(clarus_tensor_dtype(expected[i]));
        clarus_status status = clarus_tensor_compare(actual[i], expected[i], tolerant ? relative : 0,
                                                     tolerant ? absolute : 0, NULL, error);
        if (status != CLARUS_OK)
            return status;
    }
    return CLARUS_OK;
}

static clarus_status session_for(runner *r, const clarus_model *model, clarus_tensor *const *inputs,
                                 size_t count, clarus_session **session, clarus_error *error)
{
    clarus_shape shapes[MAX_TENSORS];
    clarus_session_options options;
    for (size_t i = 0; i < count; i++) {
        shapes[i].name = clarus_model_input(model, i)->name;
        shapes[i].rank = clarus_tensor_rank(inputs[i]);
        memcpy(shapes[i].dims, clarus_tensor_shape(inputs[i]), shapes[i].rank * sizeof(int64_t));
    }
    clarus_session_options_init(&options);
    options.math = CLARUS_MATH_EXACT;
    options.shapes = shapes;
    options.shape_count = count;
    return clarus_session_create(r->context, r->device, model, &options, session, error);
}

static clarus_status run_data_set(runner *r, const clarus_model *model, const char *folder,
                                  clarus_error *error)
{
    clarus_tensor *inputs[MAX_TENSORS] = {NULL}, *expected[MAX_TENSORS] = {NULL};
    clarus_tensor *actual[MAX_TENSORS] = {NULL};
    clarus_session *session = NULL;
    size_t in = clarus_model_input_count(model), out = clarus_model_output_count(model);
    clarus_status status = CLARUS_E_UNSUPPORTED;
    if (in > MAX_TENSORS || out > MAX_TENSORS) {
        snprintf(error->message, sizeof error->message, "%zu inputs and %zu outputs are too many", in, out);
        return status;
    }
    if ((status = tensors_load(r, folder, "input", inputs, in, error)) != CLARUS_OK ||
        (status = tensors_load(r, folder, "output", expected, out, error)) != CLARUS_OK ||
        (status = session_for(r, model, inputs, in, &session, error)) != CLARUS_OK)
        goto done;
    status = clarus_session_run(session, (const clarus_tensor *const *)inputs, in, actual, out, error);
    if (status == CLARUS_OK)
        status = compare(actual, expected, out, error);
done:
    clarus_session_free(session);
    tensors_free(inputs, in);
    tensors_free(expected, out);
    tensors_free(actual, out);
    return status;
}

static clarus_status run_model(runner *r, const clarus_model *model, const char *folder, clarus_error *error)
{
    names sets = folder_list(folder, "test_data_set_");
    clarus_status status = CLARUS_OK;
    if (clarus_model_unsupported_count(model)) {
        snprintf(error->message, sizeof error->message, "%s", clarus_model_unsupported(model, 0));
        status = CLARUS_E_UNSUPPORTED;
    } else if (!sets.count) {
        snprintf(error->message, sizeof error->message, "no test_data_set_N");
        status = CLARUS_E_IO;
    }
    for (size_t i = 0; i < sets.count && status == CLARUS_OK; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", folder, sets.items[i]);
        status = run_data_set(r, model, path, error);
    }
    names_free(&sets);
    return status;
}

static tally *operator_tally(runner *r, const clarus_model *model)
{
    size_t count = model ? clarus_model_operator_count(model) : 0, occurrences;
    const char *name = count == 1 ? clarus_model_operator(model, 0, &occurrences)
                       : count    ? "(several)"
                                  : "(unread)";
    for (size_t i = 0; i < r->operator_count; i++)
        if (strncmp(r->operators[i].name, name, sizeof r->operators[i].name - 1) == 0)
            return &r->operators[i];
    r->operators = allocate(r->operators, (r->operator_count + 1) * sizeof *r->operators);
    tally *made = &r->operators[r->operator_count++];
    memset(made, 0, sizeof *made);
    snprintf(made->name, sizeof made->name, "%s", name);
    return made;
}

static void run_test(runner *r, const char *group, const char *name, part part)
{
    char folder[PATH_SIZE - 64], path[PATH_SIZE];
    clarus_model *model = NULL;
    clarus_error error = {CLARUS_OK, ""};
    snprintf(folder, sizeof folder, "%s/%s/%s", r->folder, group, name);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    clarus_status status = clarus_model_load(r->context, path, &model, &error);
    if (status == CLARUS_OK)
        status = run_model(r, model, folder, &error);
    verdict result = status == CLARUS_OK ? PASSED : status == CLARUS_E_UNSUPPORTED ? UNSUPPORTED : FAILED;
    operator_tally(r, model)->counts[result]++;
    r->parts[part].counts[result]++;
    r->total.counts[result]++;
    if (result == PASSED)
        names_add(&r->passed, name);
    else if (names_contain(&r->passing, name)) {
        r->fallen_back++;
        fprintf(stderr, "%s passed once and does not now: %s\n", name, error.message);
    } else if (r->verbose || result == FAILED)
        fprintf(stderr, "%s: %s: %s\n", result == FAILED ? "failed" : "unsupported", name, error.message);
    clarus_model_free(model);
}

static void run_node(runner *r)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/node", r->folder);
    names tests = folder_list(path, "test_");
    for (size_t i = 0; i < tests.count; i++) {
        int in_scope = names_contain(&r->scope, tests.items[i]);
        if (in_scope || r->all || names_contain(&r->passing, tests.items[i]))
            run_test(r, "node", tests.items[i], in_scope ? IN_SCOPE : OUT_OF_SCOPE);
        else
            r->total.counts[SKIPPED]++;
    }
    names_free(&tests);
}

static void run_simple(runner *r)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/simple", r->folder);
    names tests = folder_list(path, "test_");
    for (size_t i = 0; i < tests.count; i++)
        run_test(r, "simple", tests.items[i], SIMPLE);
    names_free(&tests);
}

static int tally_compare(const void *a, const void *b)
{
    return strcmp(((const tally *)a)->name, ((const tally *)b)->name);
}

static void print_row(const tally *row)
{
    printf("%-28s %7zu %7zu %12zu\n", row->name, row->counts[PASSED], row->counts[FAILED],
           row->counts[UNSUPPORTED]);
}

static void report(runner *r, int json)
{
    const size_t *counts = r->total.counts;
    if (json) {
        printf("{\"device\":\"%s\",\"passed\":%zu,\"failed\":%zu,\"unsupported\":%zu,\"skipped\":%zu}\n",
               clarus_device_get_info(r->device)->name, counts[PASSED], counts[FAILED], counts[UNSUPPORTED],
               counts[SKIPPED]);
        return;
    }
    if (r->operator_count)
        qsort(r->operators, r->operator_count, sizeof *r->operators, tally_compare);
    printf("%-28s %7s %7s %12s\n", "operator", "passed", "failed", "unsupported");
    for (size_t i = 0; i < r->operator_count; i++)
        print_row(&r->operators[i]);
    for (int i = 0; i < PARTS; i++) {
        static const char *const titles[PARTS] = {"in scope", "out of scope", "simple"};
        snprintf(r->parts[i].name, sizeof r->parts[i].name, "%s", titles[i]);
        print_row(&r->parts[i]);
    }
    snprintf(r->total.name, sizeof r->total.name, "total");
    print_row(&r->total);
    printf("%zu tests out of scope were skipped; device: %s\n", counts[SKIPPED],
           clarus_device_get_info(r->device)->name);
}

/* Writes the union of what passed once and what passes now. */
static int write_passing(runner *r, const char *path)
{
    for (size_t i = 0; i < r->passing.count; i++)
        names_add(&r->passed, r->passing.items[i]);
    names_sort(&r->passed);
    FILE *file = fopen(path, "w");
    if (!file)
        return 0;
    for (size_t i = 0; i < r->passed.count; i++)
        if (!i || strcmp(r->passed.items[i - 1], r->passed.items[i]) != 0)
            fprintf(file, "%s\n", r->passed.items[i]);
    return fclose(file) == 0;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: conformance [--device D] [--passing FILE] [--update] [--all] [--json] [--verbose] "
            "[FOLDER]\n");
    return 2;
}

static int prepare(runner *r, const char *device, const char *passing, int update)
{
    clarus_error error;
    char scope[PATH_SIZE];
    snprintf(scope, sizeof scope, "%s/IN_SCOPE.txt", r->folder);
    if (!names_read(&r->scope, scope)) {
        fprintf(stderr, "skipped: no %s\n", scope);
        return 77;
    }
    if (passing && !names_read(&r->passing, passing) && !update) {
        fprintf(stderr, "%s cannot be read\n", passing);
        return 2;
    }
    if (clarus_context_create(NULL, &r->context, &error) == CLARUS_OK &&
        clarus_device_open(r->context, device, &r->device, &error) == CLARUS_OK)
        return 0;
    fprintf(stderr, "%s\n", error.message);
    return 4;
}

int main(int argc, char **argv)
{
    runner r = {.folder = NULL};
    const char *device = NULL, *passing = NULL, *data = getenv("CLARUS_TEST_DATA");
    char folder[PATH_SIZE / 4];
    int update = 0, json = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--device") == 0 && i + 1 < argc)
            device = argv[++i];
        else if (strcmp(argv[i], "--passing") == 0 && i + 1 < argc)
            passing = argv[++i];
        else if (strcmp(argv[i], "--update") == 0)
            update = 1;
        else if (strcmp(argv[i], "--all") == 0)
            r.all = 1;
        else if (strcmp(argv[i], "--json") == 0)
            json = 1;
        else if (strcmp(argv[i], "--verbose") == 0)
            r.verbose = 1;
        else if (argv[i][0] != '-' && !r.folder)
            r.folder = argv[i];
        else
            return usage();
    }
    if (update && !passing)
        return usage();
    if (!r.folder && !data) {
        fprintf(stderr, "skipped: CLARUS_TEST_DATA is not set\n");
        return 77;
    }
    if (!r.folder)
        snprintf(folder, sizeof folder, "%s/conformance", data);
    r.folder = r.folder ? r.folder : folder;
    int status = prepare(&r, device, passing, update);
    if (status == 0) {
        run_node(&r);
        run_simple(&r);
        report(&r, json);
        status = r.fallen_back || !r.total.counts[PASSED];
        if (update && !write_passing(&r, passing))
            status = 1;
    }
    free(r.operators);
    names_free(&r.scope);
    names_free(&r.passing);
    names_free(&r.passed);
    clarus_device_free(r.device);
    clarus_context_free(r.context);
    return status;
}
