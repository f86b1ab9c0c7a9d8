/* clarus run: tensors in, tensors out. */
#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "output.h"
#include "ports.h"
#include "shapes.h"

#include <stdlib.h>
#include <string.h>

static const usage about = {
    .command = "run",
    .arguments = "MODEL",
    .description =
        "Runs an .onnx file or model folder on tensors. Every input needs a file: .npy, or a TensorProto of "
        "ONNX (.pb). Files without NAME= are taken in the model's order; giving every input a second file "
        "makes "
        "a second set, and so on. Prints each output's type, shape and digest.",
    .examples = "  clarus run net.onnx --input x.npy --output y.npy\n"
                "  clarus run net.onnx --input input_0.pb --expect output_0.pb --rtol 1e-3 --json\n",
    .fewest = 1,
    .most = 1,
};

typedef struct running {
    common_options common;
    const char *path;
    text_list input_texts, output_texts, expect_texts;
    double rtol, atol;
    ports inputs, outputs, expected;
    clarus_context *context;
    device_opening opening;
    clarus_device *device;
    clarus_model *model;
    clarus_session *session;
    size_t input_count, output_count;
    clarus_tensor **in, **out;
    clarus_shape *shapes; /* of the first set */
    output output;
} running;

static clarus_session *volatile interrupted_session;

static void cancel(void)
{
    if (interrupted_session)
        clarus_session_cancel(interrupted_session);
}

/* ---- files ------------------------------------------------------------------------------------- */

static int complain_of_inputs(const running *r)
{
    char text[SHAPE_WORDS];
    complain(&r->common, "%s: every input needs a file (--input [NAME=]FILE); the model has", r->path);
    for (size_t i = 0; i < r->input_count; i++) {
        const clarus_value_info *info = clarus_model_input(r->model, i);
        fprintf(stderr, "  %s: ", info->name);
        fprintf(stderr, "%s%s\n", shape_words(info, text), r->inputs.files[i].count ? "" : ", missing");
    }
    return EXIT_USAGE;
}

static int check_count(const running *r, const char *option, const ports *p, port_getter get, size_t sets)
{
    for (size_t i = 0; i < p->count; i++) {
        size_t count = p->files[i].count;
        if (count == 0 || count == sets)
            continue;
        complain(&r->common, "--%s: %zu files for \"%s\", but there are %zu sets of inputs", option, count,
                 get(r->model, i)->name, sets);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

static int assign_files(running *r, size_t *sets)
{
    r->input_count = clarus_model_input_count(r->model);
    r->output_count = clarus_model_output_count(r->model);
    if (!ports_assign(&r->inputs, &r->common, r->model, r->input_count, clarus_model_input,
                      &r->input_texts) ||
        !ports_assign(&r->outputs, &r->common, r->model, r->output_count, clarus_model_output,
                      &r->output_texts) ||
        !ports_assign(&r->expected, &r->common, r->model, r->output_count, clarus_model_output,
                      &r->expect_texts))
        return EXIT_USAGE;
    *sets = r->input_count ? r->inputs.files[0].count : 1;
    for (size_t i = 0; i < r->input_count; i++)
        if (r->inputs.files[i].count != *sets || !*sets)
            return complain_of_inputs(r);
    int code = check_count(r, "output", &r->outputs, clarus_model_output, *sets);
    return code != EXIT_OK ? code : check_count(r, "expect", &r->expected, clarus_model_output, *sets);
}

/* Half precision and float64 are also taken from float32. */
static int takes_type(clarus_dtype wanted, clarus_dtype given)
{
    return wanted == given ||
           (given == CLARUS_FLOAT32 &&
            (wanted == CLARUS_FLOAT16 || wanted == CLARUS_BFLOAT16 || wanted == CLARUS_FLOAT64));
}

/* Whether the tensor may be this input; what is open fits anything. */
static int fits(const clarus_tensor *tensor, const clarus_value_info *info)
{
    if (!takes_type(info->dtype, clarus_tensor_dtype(tensor)) || clarus_tensor_rank(tensor) != info->rank)
        return 0;
    for (size_t i = 0; i < info->rank; i++)
        if (info->shape[i] >= 0 && clarus_tensor_shape(tensor)[i] != info->shape[i])
            return 0;
    return 1;
}

static const char *tensor_words(const clarus_tensor *tensor, char *text)
{
    clarus_value_info info = {.dtype = clarus_tensor_dtype(tensor), .rank = clarus_tensor_rank(tensor)};
    memcpy(info.shape, clarus_tensor_shape(tensor), info.rank * sizeof *info.shape);
    return shape_words(&info, text);
}

static int load_inputs(running *r, size_t set)
{
    for (size_t i = 0; i < r->input_count; i++) {
        clarus_error error = {0};
        char wanted[SHAPE_WORDS], given[SHAPE_WORDS];
        const clarus_value_info *info = clarus_model_input(r->model, i);
        const char *path = r->inputs.files[i].items[set];
        if (clarus_tensor_load(r->context, path, &r->in[i], &error) != CLARUS_OK) {
            complain(&r->common, "input \"%s\": %s", info->name, error.message);
            return EXIT_USAGE;
        }
        if (!fits(r->in[i], info)) {
            complain(&r->common, "input \"%s\": %s is %s, expected %s", info->name, path,
                     tensor_words(r->in[i], given), shape_words(info, wanted));
            return EXIT_USAGE;
        }
    }
    return EXIT_OK;
}

static void free_tensors(clarus_tensor **tensors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        clarus_tensor_free(tensors[i]);
        tensors[i] = NULL;
    }
}

/* ---- running ----------------------------------------------------------------------------------- */

/* Planned for the first set's shapes; the session plans others when they come. */
static int open_session(running *r)
{
    clarus_error error = {0};
    clarus_session_options options;
    if (r->session)
        return EXIT_OK;
    clarus_session_options_init(&options);
    int code = common_math(&r->common, &options.math);
    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < r->input_count; i++) {
        clarus_shape *s = &r->shapes[i];
        s->name = clarus_model_input(r->model, i)->name;
        s->rank = clarus_tensor_rank(r->in[i]);
        memcpy(s->dims, clarus_tensor_shape(r->in[i]), s->rank * sizeof *s->dims);
    }
    options.shapes = r->shapes;
    options.shape_count = r->input_count;
    clarus_status status =
        clarus_session_create(r->context, r->device, r->model, &options, &r->session, &error);
    interrupted_session = r->session;
    if (status != CLARUS_OK)
        complain(&r->common, "%s", error.message);
    return exit_code_of(status);
}

/* Compares one output with its file, if it has one; *worst is the largest excess. */
static int compare(running *r, size_t i, size_t set, double *worst)
{
    clarus_tensor *wanted = NULL;
    clarus_error error = {0};
    const char *path = r->expected.files[i].items[set];
    if (clarus_tensor_load(r->context, path, &wanted, &error) != CLARUS_OK) {
        complain(&r->common, "--expect: %s", error.message);
        return EXIT_USAGE;
    }
    clarus_status status = clarus_tensor_compare(r->out[i], wanted, r->rtol, r->atol, worst, &error);
    clarus_tensor_free(wanted);
    if (status != CLARUS_OK)
        complain(&r->common, "output \"%s\" differs from %s: %s", clarus_model_output(r->model, i)->name,
                 path, error.message);
    return exit_code_of(status);
}

static void print_output(running *r, json *j, size_t i, const clarus_digest *digest, int expected, int equal,
                         double worst)
{
    const char *name = clarus_model_output(r->model, i)->name;
    char words[SHAPE_WORDS];
    if (!r->common.json) {
        print_plain(r->output.file, name);
        fprintf(r->output.file, ": %s, digest %s%s\n", tensor_words(r->out[i], words), digest->hex,
                !expected ? ""
                : equal   ? ", as expected"
                          : ", DIFFERS");
        return;
    }
    json_open(j, NULL, '{');
    json_text(j, "name", name);
    json_text(j, "dtype", clarus_dtype_name(clarus_tensor_dtype(r->out[i])));
    json_open(j, "shape", '[');
    for (size_t k = 0; k < clarus_tensor_rank(r->out[i]); k++)
        json_integer(j, NULL, clarus_tensor_shape(r->out[i])[k]);
    json_close(j, ']');
    json_text(j, "digest", digest->hex);
    if (expected) {
        json_bool(j, "as_expected", equal);
        json_fixed(j, "excess", worst, 9);
    }
    json_close(j, '}');
}

/* Saves, compares and prints the outputs of one set. */
static int hand_out(running *r, size_t set)
{
    json j = {r->output.file, 0};
    int code = EXIT_OK;
    if (r->common.json) {
        json_open(&j, NULL, '{');
        json_open(&j, "outputs", '[');
    }
    for (size_t i = 0; i < r->output_count; i++) {
        clarus_error error = {0};
        clarus_digest digest;
        double worst = 0;
        int expected = r->expected.files[i].count > 0;
        int compared = expected ? compare(r, i, set, &worst) : EXIT_OK;
        if (compared != EXIT_OK && code != EXIT_OUTPUT)
            code = compared;
        if (r->outputs.files[i].count &&
            clarus_tensor_save(r->out[i], r->outputs.files[i].items[set], &error) != CLARUS_OK) {
            complain(&r->common, "--output: %s", error.message);
            code = EXIT_OUTPUT;
        }
        clarus_tensors_digest((const clarus_tensor *const *)&r->out[i], 1, 0, 1, &digest, NULL);
        print_output(r, &j, i, &digest, expected, compared == EXIT_OK, worst);
    }
    if (r->common.json) {
        json_close(&j, ']');
        json_text(&j, "device", clarus_session_device(r->session)->name);
        json_text(&j, "math", math_name(clarus_session_math(r->session)));
        json_integer(&j, "numerics", clarus_numerics_version());
        json_end(&j);
    }
    return code;
}

static int run_set(running *r, size_t set)
{
    clarus_error error = {0};
    int code = load_inputs(r, set);
    if (code == EXIT_OK)
        code = open_session(r);
    if (code != EXIT_OK)
        return code;
    clarus_status status = clarus_session_run(r->session, (const clarus_tensor *const *)r->in, r->input_count,
                                              r->out, r->output_count, &error);
    if (status == CLARUS_OK)
        return hand_out(r, set);
    complain(&r->common, "%s", error.message);
    return exit_code_of(status);
}

/* A set that differs does not keep the next from running; any other failure does. */
static int run_sets(running *r, size_t sets)
{
    int result = EXIT_OK;
    for (size_t set = 0; set < sets && !interrupt_seen(); set++) {
        int code = run_set(r, set);
        free_tensors(r->in, r->input_count);
        free_tensors(r->out, r->output_count);
        if (code != EXIT_OK)
            result = code;
        if (code != EXIT_OK && code != EXIT_DIFFERED)
            break;
    }
    return result;
}

static int set_up_and_run(running *r)
{
    size_t sets = 0;
    r->context = common_context(&r->common, 0);
    if (!r->context)
        return EXIT_USAGE;
    device_opening_begin(&r->opening, &r->common, r->context);
    r->model = common_runnable_model(&r->common, r->context, r->path);
    if (!r->model)
        return EXIT_MODEL;
    int code = assign_files(r, &sets);
    if (code != EXIT_OK)
        return code;
    r->device = device_opening_take(&r->opening);
    if (!r->device)
        return EXIT_DEVICE;
    r->in = calloc(r->input_count + 1, sizeof(clarus_tensor *));
    r->out = calloc(r->output_count + 1, sizeof(clarus_tensor *));
    r->shapes = calloc(r->input_count + 1, sizeof *r->shapes);
    if (!r->in || !r->out || !r->shapes) {
        complain(&r->common, "out of memory");
        return EXIT_MODEL;
    }
    interrupt_watch(cancel);
    code = output_open(&r->output, &r->common, NULL);
    if (code == EXIT_OK) {
        code = run_sets(r, sets);
        int written = output_close(&r->output, 1);
        code = written != EXIT_OK ? written : code;
    }
    return code;
}

int command_run(int argc, char **argv)
{
    running r = {.common = {.command = about.command}, .rtol = 1e-3, .atol = 1e-5};
    text_list paths;
    /* clang-format off */
    const option table[] = {
        {"Tensors", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"input", "[NAME=]FILE", OPTION_LIST, &r.input_texts, 0, 0, "a .npy or .pb file; may be repeated"},
        {"output", "[NAME=]FILE", OPTION_LIST, &r.output_texts, 0, 0,
         "write this output to a .npy file, whole or not at all; may be repeated"},
        {"expect", "[NAME=]FILE", OPTION_LIST, &r.expect_texts, 0, 0,
         "compare this output with a .npy or .pb file, and end with 5 if it differs; may be repeated"},
        {"rtol", "R", OPTION_NUMBER, &r.rtol, 0, 1000000,
         "relative tolerance (default 1e-3): |output - expected| may be up to atol + rtol * |expected|"},
        {"atol", "A", OPTION_NUMBER, &r.atol, 0, 1000000, "absolute tolerance (default 1e-5)"},
        {"Output", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        OPTION_JSON(&r.common),
        OPTION_MESSAGES(&r.common),
        {"Device", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        OPTION_DEVICE(&r.common),
        OPTION_MATH(&r.common),
        OPTION_THREADS(&r.common),
    };
    /* clang-format on */
    int code = options_parse(&about, table, sizeof table / sizeof *table, argc, argv, &paths);
    if (code == -1) {
        r.path = paths.items[0];
        code = set_up_and_run(&r);
    }
    interrupted_session = NULL;
    ports_free(&r.inputs);
    ports_free(&r.outputs);
    ports_free(&r.expected);
    free(r.in);
    free(r.out);
    free(r.shapes);
    clarus_session_free(r.session);
    clarus_model_free(r.model);
    device_opening_end(&r.opening);
    clarus_device_free(r.device);
    clarus_context_free(r.context);
    free(r.input_texts.items);
    free(r.output_texts.items);
    free(r.expect_texts.items);
    free(paths.items);
    return code;
}
