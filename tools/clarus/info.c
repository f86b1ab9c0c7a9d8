/* clarus info: what a model takes, gives and consists of. */
#include "command.h"
#include "json.h"
#include "output.h"
#include "shapes.h"

#include <stdlib.h>

static const usage about = {
    .command = "info",
    .arguments = "MODEL",
    .description =
        "Prints inputs, outputs, operators, parameters and multiply-adds of an .onnx file or a model "
        "folder. Ends with 3 and one line per node if something in it is not supported.",
    .examples = "  clarus info resnet50.onnx\n"
                "  clarus info net.onnx --shape input=1x3x320x320 --json\n"
                "  clarus info net.onnx --plan --device cpu\n",
    .fewest = 1,
    .most = 1,
};

typedef struct inspection {
    common_options common;
    text_list shape_texts;
    clarus_shape *shapes;
    long batch;
    int plan;
    const char *path, *output_path;
    clarus_context *context;
    clarus_model *model;
    clarus_session *session; /* NULL if the model cannot be planned */
    output output;
} inspection;

static void print_values(FILE *file, const char *title, size_t count, const clarus_model *model,
                         const clarus_value_info *(*get)(const clarus_model *, size_t))
{
    char text[SHAPE_WORDS];
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "%-13s ", i ? "" : title);
        print_plain(file, get(model, i)->name);
        fputs(": ", file);
        print_plain(file, shape_words(get(model, i), text));
        putc('\n', file);
    }
}

static void print_operators(FILE *file, const clarus_model *model)
{
    enum { WIDTH = 80, INDENT = 13 };
    int column = fprintf(file, "%-13s", "operators");
    for (size_t i = 0; i < clarus_model_operator_count(model); i++) {
        char text[256];
        size_t times = 0;
        const char *name = clarus_model_operator(model, i, &times);
        int length = snprintf(text, sizeof text, "%s %zu", name, times);
        if (column + length + 3 > WIDTH)
            column = fprintf(file, "\n%*s", INDENT - 1, "") - 1;
        putc(' ', file);
        print_plain(file, text);
        if (i + 1 < clarus_model_operator_count(model))
            putc(',', file);
        column += length + 2;
    }
    putc('\n', file);
}

static void print_for_people(const inspection *in)
{
    FILE *file = in->output.file;
    const clarus_model *m = in->model;
    fprintf(file, "%-13s ", "model");
    print_plain(file, in->path);
    fprintf(file, "\n%-13s %lld\n", "opset", (long long)clarus_model_opset(m));
    if (*clarus_model_description(m)) {
        fprintf(file, "%-13s ", "description");
        print_plain(file, clarus_model_description(m));
        putc('\n', file);
    }
    print_values(file, "inputs", clarus_model_input_count(m), m, clarus_model_input);
    print_values(file, "outputs", clarus_model_output_count(m), m, clarus_model_output);
    print_operators(file, m);
    fprintf(file, "%-13s %llu\n", "parameters", (unsigned long long)clarus_model_parameters(m));
    if (in->session && clarus_session_is_planned(in->session))
        fprintf(file, "%-13s %llu\n", "multiply-adds", (unsigned long long)clarus_session_macs(in->session));
    if (in->session && clarus_session_narrows_float64(in->session))
        fprintf(file, "%-13s computed values are carried in float32\n", "float64");
    for (size_t i = 0; i < clarus_model_unsupported_count(m); i++) {
        fprintf(file, "%-13s ", i ? "" : "unsupported");
        print_plain(file, clarus_model_unsupported(m, i));
        putc('\n', file);
    }
}

static void json_values(json *j, const char *key, size_t count, const clarus_model *model,
                        const clarus_value_info *(*get)(const clarus_model *, size_t))
{
    json_open(j, key, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(j, NULL, '{');
        json_value_info(j, get(model, i));
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_json(const inspection *in)
{
    json out = {in->output.file, 0};
    const clarus_model *m = in->model;
    json_open(&out, NULL, '{');
    json_text(&out, "model", in->path);
    json_integer(&out, "opset", clarus_model_opset(m));
    json_text(&out, "description", clarus_model_description(m));
    json_values(&out, "inputs", clarus_model_input_count(m), m, clarus_model_input);
    json_values(&out, "outputs", clarus_model_output_count(m), m, clarus_model_output);
    json_open(&out, "operators", '{');
    for (size_t i = 0; i < clarus_model_operator_count(m); i++) {
        size_t times = 0;
        const char *name = clarus_model_operator(m, i, &times);
        json_unsigned(&out, name, times);
    }
    json_close(&out, '}');
    json_unsigned(&out, "parameters", clarus_model_parameters(m));
    if (in->session && clarus_session_is_planned(in->session))
        json_unsigned(&out, "macs", clarus_session_macs(in->session));
    else
        json_null(&out, "macs");
    if (in->session && clarus_session_narrows_float64(in->session))
        json_text(&out, "float64", "computed values are carried in float32");
    json_unsigned(&out, "labels", clarus_model_label_count(m));
    json_open(&out, "unsupported", '[');
    for (size_t i = 0; i < clarus_model_unsupported_count(m); i++)
        json_text(&out, NULL, clarus_model_unsupported(m, i));
    json_close(&out, ']');
    if (in->plan && in->session)
        json_text(&out, "plan", clarus_session_plan(in->session));
    json_end(&out);
}

/* A session counts multiply-adds; on the reference it costs no kernels. With --plan it is the device's. */
static int open_session(inspection *in)
{
    clarus_error error = {0};
    clarus_session_options options;
    common_options reference = in->common;
    reference.device = "reference";
    if (clarus_model_unsupported_count(in->model))
        return EXIT_MODEL;
    clarus_session_options_init(&options);
    int code = common_math(&in->common, &options.math);
    if (code != EXIT_OK)
        return code;
    options.batch = in->batch;
    options.shapes = in->shapes;
    options.shape_count = in->shape_texts.count;
    clarus_device *device = common_device(in->plan ? &in->common : &reference, in->context);
    if (!device)
        return EXIT_DEVICE;
    clarus_status status =
        clarus_session_create(in->context, device, in->model, &options, &in->session, &error);
    clarus_device_free(device);
    if (status == CLARUS_OK)
        return EXIT_OK;
    complain(&in->common, "%s", error.message);
    return exit_code_of(status);
}

static int inspect(inspection *in)
{
    in->context = common_context(&in->common, 0);
    if (!in->context)
        return EXIT_USAGE;
    in->model = common_model(&in->common, in->context, in->path);
    if (!in->model)
        return EXIT_MODEL;
    int code = shapes_parse(&in->common, in->model, &in->shape_texts, &in->shapes);
    if (code == EXIT_OK)
        code = open_session(in);
    if (code != EXIT_OK && code != EXIT_MODEL)
        return code;
    int written = output_open(&in->output, &in->common, in->output_path);
    if (written != EXIT_OK)
        return written;
    if (in->common.json)
        print_json(in);
    else
        print_for_people(in);
    if (in->plan && in->session && !in->common.json)
        fprintf(in->output.file, "plan\n%s", clarus_session_plan(in->session));
    written = output_close(&in->output, 1);
    return written != EXIT_OK ? written : code;
}

int command_info(int argc, char **argv)
{
    inspection in = {.common = {.command = about.command}};
    text_list paths;
    /* clang-format off */
    const option table[] = {
        {"Network", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"batch", "N", OPTION_INTEGER, &in.batch, 1, 65536,
         "the first dimension of the inputs where the network leaves it open (default 1)"},
        {"shape", "NAME=AxBxC", OPTION_LIST, &in.shape_texts, 0, 0,
         "the shape of an input with other open dimensions; may be repeated"},
        {"plan", NULL, OPTION_FLAG, &in.plan, 0, 0,
         "print the plan for the device too: operations, layouts, buffers, launches"},
        {"Output", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        {"output", "FILE", OPTION_TEXT, &in.output_path, 0, 0,
         "write to FILE, whole or not at all (default: standard output)"},
        OPTION_JSON(&in.common),
        OPTION_MESSAGES(&in.common),
        {"Device, for --plan", NULL, OPTION_GROUP, NULL, 0, 0, NULL},
        OPTION_DEVICE(&in.common),
        OPTION_MATH(&in.common),
        OPTION_THREADS(&in.common),
    };
    /* clang-format on */
    int code = options_parse(&about, table, sizeof table / sizeof *table, argc, argv, &paths);
    if (code == -1) {
        in.path = paths.items[0];
        code = inspect(&in);
    }
    clarus_session_free(in.session);
    clarus_model_free(in.model);
    clarus_context_free(in.context);
    free(in.shapes);
    free(in.shape_texts.items);
    free(paths.items);
    return code;
}
