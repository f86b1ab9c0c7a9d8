/* Each operator takes the element types that its row says, and no others: a sample of it is run with all of
 * them, on the reference, all elements 1. And whatever type or shape a single input has, the node runs or is
 * refused. */
#include "golden/model_text.h"
#include "operators.h"
#include "test.h"

#include <string.h>

enum { TEXT = 1024, INPUTS = 8 };

static const struct sample {
    const char *op;
    int64_t opset;
    const char *inputs, *attributes;
} samples[] = {
#define SAMPLE(op, opset, inputs, attributes) {#op, opset, inputs, attributes},
#include "operator_samples.def"
#undef SAMPLE
};

enum { SAMPLES = sizeof samples / sizeof *samples };

static clarus_context *context;
static clarus_device *device;

static void add(char *text, const char *format, const char *a, const char *b, const char *c)
{
    size_t length = strlen(text);
    snprintf(text + length, TEXT - length, format, a, b, c);
}

static size_t list_length(const char *list, char separator)
{
    size_t count = *list != 0;
    for (; *list; list++)
        count += *list == separator;
    return count;
}

/* The type that an input's first letter stands for. */
static clarus_dtype type_of(char letter, clarus_dtype tried)
{
    return letter == 'f'   ? CLARUS_FLOAT32
           : letter == 'b' ? CLARUS_BOOL
           : letter == 'l' ? CLARUS_INT64
                           : tried;
}

/* An input that is not as the sample says. */
typedef struct change {
    size_t input;
    const char *shape;  /* NULL: the sample's */
    clarus_dtype dtype; /* 0: the sample's */
} change;

static const change unchanged = {SIZE_MAX, NULL, (clarus_dtype)0};

/* The sample as a model's text. */
static void write_text(const struct sample *s, clarus_dtype tried, const change *change, char text[TEXT])
{
    char inputs[TEXT], names[TEXT] = "", number[32], *rest = NULL;
    size_t count = 0;
    snprintf(text, TEXT, "opset %lld\n", (long long)s->opset);
    snprintf(inputs, sizeof inputs, "%s", s->inputs);
    for (char *input = strtok_r(inputs, " ", &rest); input; input = strtok_r(NULL, " ", &rest)) {
        char name[] = {(char)('a' + count), 0};
        if (*input == '=') {
            snprintf(number, sizeof number, "%zu", list_length(input + 1, ','));
            add(text, "ints %s %s %s\n", name, number, input + 1);
        } else if (*input != '.') {
            int differs = count == change->input;
            const char *shape = differs && change->shape ? change->shape : input[1] ? input + 1 : "-";
            clarus_dtype dtype = differs && change->dtype ? change->dtype : type_of(*input, tried);
            add(text, "input %s %s %s\n", name, shape, clarus_dtype_name(dtype));
        }
        add(names, "%s%s%s", count++ ? "," : "", *input == '.' ? "" : name, "");
    }
    add(text, "node %s %s y ", s->op, names, "");
    add(text, "%s\noutput y\n", s->attributes, "", "");
}

/* 1 as an element of this type, little-endian. */
static uint64_t one_of(clarus_dtype dtype)
{
    return dtype == CLARUS_FLOAT32    ? 0x3f800000
           : dtype == CLARUS_FLOAT64  ? UINT64_C(0x3ff0000000000000)
           : dtype == CLARUS_FLOAT16  ? 0x3c00
           : dtype == CLARUS_BFLOAT16 ? 0x3f80
                                      : 1;
}

static clarus_status make_inputs(const clarus_model *model, clarus_tensor **inputs, clarus_error *error)
{
    clarus_status status = CLARUS_OK;
    for (size_t i = 0; i < clarus_model_input_count(model) && status == CLARUS_OK; i++) {
        const clarus_value_info *info = clarus_model_input(model, i);
        uint64_t one = one_of(info->dtype);
        status = clarus_tensor_create(context, info->dtype, info->rank, info->shape, &inputs[i], error);
        for (size_t k = 0; status == CLARUS_OK && k < clarus_tensor_count(inputs[i]); k++) {
            size_t size = clarus_dtype_size(info->dtype);
            memcpy((char *)clarus_tensor_data(inputs[i]) + k * size, &one, size);
        }
    }
    return status;
}

/* The sample's status with this type. */
static clarus_status try_type(const struct sample *s, clarus_dtype tried, const change *change,
                              clarus_error *error)
{
    char text[TEXT];
    size_t size = 0;
    clarus_model *model = NULL;
    clarus_session *session = NULL;
    clarus_tensor *inputs[INPUTS] = {NULL}, *output = NULL;
    write_text(s, tried, change, text);
    void *bytes = model_text_pack(text, &size);
    clarus_status status = clarus_model_parse(context, bytes, size, &model, error);
    if (status == CLARUS_OK)
        status = clarus_session_create(context, device, model, NULL, &session, error);
    if (status == CLARUS_OK)
        status = make_inputs(model, inputs, error);
    if (status == CLARUS_OK)
        status = clarus_session_run(session, (const clarus_tensor *const *)inputs,
                                    clarus_model_input_count(model), &output, 1, error);
    for (size_t i = 0; i < INPUTS; i++)
        clarus_tensor_free(inputs[i]);
    clarus_tensor_free(output);
    clarus_session_free(session);
    clarus_model_free(model);
    free(bytes);
    return status;
}

/* Every type that the row has runs; every other is refused by that row. */
static void test_sample(const struct sample *s, const operator_row *row)
{
    for (clarus_dtype dtype = CLARUS_FLOAT32; dtype <= CLARUS_BFLOAT16; dtype++) {
        char refusal[64];
        clarus_error error = {CLARUS_OK, ""};
        if (!clarus_dtype_size(dtype))
            continue;
        clarus_status status = try_type(s, dtype, &unchanged, &error);
        snprintf(refusal, sizeof refusal, "operands of %s are not supported", clarus_dtype_name(dtype));
        if (row->types & TYPE_BIT(dtype))
            CHECK(status == CLARUS_OK, "%s of %s: %s", s->op, clarus_dtype_name(dtype), error.message);
        else
            CHECK(status == CLARUS_E_UNSUPPORTED && strstr(error.message, refusal), "%s of %s: %s", s->op,
                  clarus_dtype_name(dtype), error.message);
    }
}

static void try_change(const struct sample *s, clarus_dtype tried, const change *change)
{
    static const clarus_status fine[] = {CLARUS_OK,       CLARUS_E_SHAPE, CLARUS_E_UNSUPPORTED,
                                         CLARUS_E_FORMAT, CLARUS_E_LIMIT, CLARUS_E_ARGUMENT};
    clarus_error error = {CLARUS_OK, ""};
    clarus_status status = try_type(s, tried, change, &error);
    size_t i = 0;
    while (i < sizeof fine / sizeof *fine && fine[i] != status)
        i++;
    CHECK(i < sizeof fine / sizeof *fine, "%s, input %zu %s %s: %s", s->op, change->input,
          change->shape ? change->shape : "", clarus_dtype_name(change->dtype), error.message);
}

/* Each input in turn with another type, and with shapes that hardly fit. */
static void test_changes(const struct sample *s, const operator_row *row)
{
    static const char *const shapes[] = {"-",   "0",   "1",     "7",       "0,2",
                                         "2,0", "3,3", "1,0,3", "1,2,1,1", "2,1,2,3,1,2"};
    clarus_dtype tried = CLARUS_FLOAT32;
    while (!(row->types & TYPE_BIT(tried)))
        tried++;
    for (size_t input = 0; input < list_length(s->inputs, ' '); input++) {
        for (clarus_dtype dtype = CLARUS_FLOAT32; dtype <= CLARUS_BFLOAT16; dtype++)
            if (clarus_dtype_size(dtype))
                try_change(s, tried, &(change){input, NULL, dtype});
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            try_change(s, tried, &(change){input, shapes[i], (clarus_dtype)0});
    }
}

/* The row's sample; those without are operators whose operands are in sub-graphs or attributes. */
static const struct sample *find_sample(const operator_row *row)
{
    for (size_t i = 0; i < SAMPLES; i++)
        if (strcmp(samples[i].op, row->name) == 0 && samples[i].opset >= row->first_opset &&
            samples[i].opset <= row->last_opset)
            return &samples[i];
    return NULL;
}

int main(void)
{
    clarus_error error = {CLARUS_OK, ""};
    const operator_row *row;
    size_t used = 0;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, "reference", &device, &error) != CLARUS_OK) {
        CHECK(0, "%s", error.message);
        return test_result();
    }
    for (size_t i = 0; (row = operator_row_at(i)); i++) {
        const struct sample *sample = find_sample(row);
        int exempt = strcmp(row->name, "Constant") == 0 || strcmp(row->name, "ConstantOfShape") == 0 ||
                     strcmp(row->name, "If") == 0;
        CHECK(exempt == !sample, "%s from opset %lld: a sample is wanted in operator_samples.def", row->name,
              (long long)row->first_opset);
        used += sample != NULL;
        if (!sample)
            continue;
        test_sample(sample, row);
        test_changes(sample, row);
    }
    CHECK(used == SAMPLES, "%d samples, %zu of them used", SAMPLES, used);
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
