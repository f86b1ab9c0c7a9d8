/* Lines are cut into words; each makes one message, and all of them are packed at the end. Everything that
 * the messages refer to lives in one list of allocations. */
#include "model_text.h"

#include "clarus.h"
#include "onnx.pb-c.h"

#include "../generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256, MOST_DIMS = 8, LINE = 512 };

typedef struct builder {
    void *owned[8 * MOST];
    size_t owned_count;
    Onnx__Graph graph;
    Onnx__ValueInfo *inputs[MOST], *outputs[MOST];
    Onnx__Tensor *tensors[MOST];
    Onnx__Node *nodes[MOST];
    int64_t opset;
    const char *wrong; /* the first line that could not be understood */
} builder;

static void *own(builder *b, size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory || b->owned_count == sizeof b->owned / sizeof *b->owned) {
        fprintf(stderr, "model text: out of memory or too long\n");
        exit(1);
    }
    return b->owned[b->owned_count++] = memory;
}

static char *own_text(builder *b, const char *text)
{
    return strcpy(own(b, strlen(text) + 1, 1), text);
}

/* "1,64,14", or "1," */
static size_t parse_ints(const char *text, int64_t values[MOST_DIMS])
{
    size_t count = 0;
    for (char *end; count < MOST_DIMS && *text; text = end + (*end == ',')) {
        values[count] = strtoll(text, &end, 10);
        if (end == text)
            break;
        count++;
    }
    return count;
}

/* The type of this name; float32 without one. */
static clarus_dtype parse_type(builder *b, const char *name)
{
    if (!name)
        return CLARUS_FLOAT32;
    for (int type = CLARUS_FLOAT32; type <= CLARUS_BFLOAT16; type++)
        if (strcmp(clarus_dtype_name((clarus_dtype)type), name) == 0)
            return (clarus_dtype)type;
    b->wrong = "type";
    return CLARUS_FLOAT32;
}

static Onnx__ValueInfo *make_value(builder *b, const char *name, const char *dims, const char *dtype)
{
    Onnx__ValueInfo *info = own(b, 1, sizeof *info);
    onnx__value_info__init(info);
    info->name = own_text(b, name);
    if (!dims)
        return info;
    int64_t extents[MOST_DIMS];
    size_t rank = parse_ints(dims, extents);
    info->type = own(b, 1, sizeof *info->type);
    onnx__type__init(info->type);
    Onnx__TensorType *type = info->type->tensor_type = own(b, 1, sizeof *type);
    onnx__tensor_type__init(type);
    type->has_elem_type = 1;
    type->elem_type = (int32_t)parse_type(b, dtype);
    type->shape = own(b, 1, sizeof *type->shape);
    onnx__tensor_shape__init(type->shape);
    type->shape->n_dim = rank;
    type->shape->dim = own(b, rank, sizeof *type->shape->dim);
    for (size_t d = 0; d < rank; d++) {
        type->shape->dim[d] = own(b, 1, sizeof **type->shape->dim);
        onnx__dimension__init(type->shape->dim[d]);
        type->shape->dim[d]->has_dim_value = 1;
        type->shape->dim[d]->dim_value = extents[d];
    }
    return info;
}

static Onnx__Tensor *make_tensor(builder *b, const char *name, const int64_t *dims, size_t rank,
                                 clarus_dtype dtype)
{
    Onnx__Tensor *t = own(b, 1, sizeof *t);
    size_t count = 1;
    onnx__tensor__init(t);
    t->name = own_text(b, name);
    t->n_dims = rank;
    t->dims = own(b, rank, sizeof *t->dims);
    for (size_t d = 0; d < rank; d++)
        count *= (size_t)(t->dims[d] = dims[d]);
    t->has_data_type = t->has_raw_data = 1;
    t->data_type = (int32_t)dtype;
    t->raw_data.len = count * clarus_dtype_size(dtype);
    t->raw_data.data = own(b, t->raw_data.len, 1);
    return b->tensors[b->graph.n_initializer++] = t;
}

static void make_weight(builder *b, const char *name, const char *dims, int is_scale)
{
    int64_t extents[MOST_DIMS];
    size_t rank = parse_ints(dims, extents), fan_in = 1, count;
    uint64_t seed = 1000 + b->graph.n_initializer;
    Onnx__Tensor *t = make_tensor(b, name, extents, rank, CLARUS_FLOAT32);
    for (size_t d = 1; d < rank; d++)
        fan_in *= (size_t)extents[d];
    count = t->raw_data.len / sizeof(float);
    double deviation = is_scale ? 0.5 / sqrt(3.0) : rank < 2 ? 0.2 : sqrt(2.0 / (double)fan_in);
    generate(seed, count, is_scale, deviation, (float *)(void *)t->raw_data.data);
}

static void make_ints(builder *b, const char *name, const char *count, const char *list)
{
    int64_t values[MOST_DIMS], size = strtoll(count, NULL, 10);
    if (parse_ints(list, values) != (size_t)size)
        return;
    Onnx__Tensor *t = make_tensor(b, name, &size, 1, CLARUS_INT64);
    memcpy(t->raw_data.data, values, t->raw_data.len);
}

static void make_number(builder *b, const char *name, const char *value)
{
    float number = strtof(value, NULL);
    memcpy(make_tensor(b, name, NULL, 0, CLARUS_FLOAT32)->raw_data.data, &number, sizeof number);
}

static Onnx__Attribute *make_attribute(builder *b, char *text)
{
    enum { FLOAT = 1, INT = 2, STRING = 3, INTS = 7 };
    Onnx__Attribute *a = own(b, 1, sizeof *a);
    char *value = strchr(text, '=');
    onnx__attribute__init(a);
    *value++ = 0;
    a->name = own_text(b, text);
    a->has_type = 1;
    if (strchr("-0123456789", *value) == NULL) {
        a->type = STRING;
        a->has_s = 1;
        a->s.len = strlen(value);
        a->s.data = (uint8_t *)own_text(b, value);
    } else if (strchr(value, '.')) {
        a->type = FLOAT;
        a->has_f = 1;
        a->f = strtof(value, NULL);
    } else if (strchr(value, ',')) {
        a->type = INTS;
        a->ints = own(b, MOST_DIMS, sizeof *a->ints);
        a->n_ints = parse_ints(value, a->ints);
    } else {
        a->type = INT;
        a->has_i = 1;
        a->i = strtoll(value, NULL, 10);
    }
    return a;
}

/* "x,w,b": names, "" where one is left out. */
static char **make_names(builder *b, const char *list, size_t *count)
{
    char **names = own(b, MOST_DIMS, sizeof *names), *copy = own_text(b, list);
    *count = 0;
    for (char *name = copy; name && *count < MOST_DIMS;) {
        char *comma = strchr(name, ',');
        if (comma)
            *comma++ = 0;
        names[(*count)++] = name;
        name = comma;
    }
    return names;
}

static void make_node(builder *b, char **words, size_t count)
{
    Onnx__Node *node = own(b, 1, sizeof *node);
    onnx__node__init(node);
    node->op_type = own_text(b, words[1]);
    char *dot = strrchr(node->op_type, '.');
    if (dot) {
        node->domain = node->op_type;
        node->op_type = dot + 1;
        *dot = 0;
    }
    node->input = make_names(b, words[2], &node->n_input);
    node->output = make_names(b, words[3], &node->n_output);
    node->attribute = own(b, count, sizeof *node->attribute);
    for (size_t k = 4; k < count; k++) {
        if (strchr(words[k], '='))
            node->attribute[node->n_attribute++] = make_attribute(b, words[k]);
        else
            b->wrong = "node";
    }
    b->nodes[b->graph.n_node++] = node;
}

static void make_line(builder *b, char *line)
{
    char *words[16], *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(line, " ", &rest); word && count < 16; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (!count)
        return;
    if (strcmp(words[0], "opset") == 0 && count == 2)
        b->opset = strtoll(words[1], NULL, 10);
    else if (strcmp(words[0], "input") == 0 && (count == 3 || count == 4))
        b->inputs[b->graph.n_input++] = make_value(b, words[1], words[2], count == 4 ? words[3] : NULL);
    else if (strcmp(words[0], "output") == 0 && count == 2)
        b->outputs[b->graph.n_output++] = make_value(b, words[1], NULL, NULL);
    else if (strcmp(words[0], "weight") == 0 && count == 3)
        make_weight(b, words[1], words[2], 0);
    else if (strcmp(words[0], "scale") == 0 && count == 3)
        make_weight(b, words[1], words[2], 1);
    else if (strcmp(words[0], "ints") == 0 && count == 4)
        make_ints(b, words[1], words[2], words[3]);
    else if (strcmp(words[0], "number") == 0 && count == 3)
        make_number(b, words[1], words[2]);
    else if (strcmp(words[0], "node") == 0 && count >= 4)
        make_node(b, words, count);
    else
        b->wrong = "line";
}

static void *pack(builder *b, size_t *size)
{
    Onnx__OperatorSetId opset = ONNX__OPERATOR_SET_ID__INIT, microsoft = opset;
    Onnx__OperatorSetId *imports[] = {&opset, &microsoft};
    Onnx__Model model = ONNX__MODEL__INIT;
    b->graph.node = b->nodes;
    b->graph.initializer = b->tensors;
    b->graph.input = b->inputs;
    b->graph.output = b->outputs;
    opset.has_version = model.has_ir_version = 1;
    opset.version = b->opset;
    opset.domain = "";
    microsoft.has_version = 1;
    microsoft.version = 1;
    microsoft.domain = "com.microsoft";
    model.ir_version = 9;
    model.graph = &b->graph;
    model.n_opset_import = 2;
    model.opset_import = imports;
    *size = onnx__model__get_packed_size(&model);
    uint8_t *bytes = malloc(*size);
    if (bytes)
        onnx__model__pack(&model, bytes);
    return bytes;
}

void *model_text_pack(const char *text, size_t *size)
{
    builder *b = calloc(1, sizeof *b);
    void *bytes = NULL;
    if (!b)
        return NULL;
    b->opset = 20;
    onnx__graph__init(&b->graph);
    b->graph.name = "test";
    while (*text && !b->wrong) {
        char line[LINE];
        size_t length = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        make_line(b, line);
        if (b->wrong)
            fprintf(stderr, "model text: \"%.*s\" is not understood\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
    if (!b->wrong)
        bytes = pack(b, size);
    for (size_t k = 0; k < b->owned_count; k++)
        free(b->owned[k]);
    free(b);
    return bytes;
}
