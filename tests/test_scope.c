/* Branches of If and functions of the model: names, scopes, attributes, and what is refused. On the
 * reference. */
#include "test.h"

#include "onnx_builder.h"

#include <stdio.h>

static clarus_context *context;
static clarus_device *device;

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

static clarus_status load(builder *b, clarus_model **model, clarus_error *error)
{
    *error = (clarus_error){CLARUS_OK, ""};
    builder_finish(b);
    return clarus_model_parse(context, b->bytes, b->size, model, error);
}

static void expect_refusal(builder *b, clarus_status wanted, const char *text)
{
    clarus_model *model;
    clarus_error error;
    clarus_status status = load(b, &model, &error);
    CHECK(status == wanted && strstr(error.message, text), "%s: \"%s\" (wanted \"%s\")",
          clarus_status_name(status), error.message, text);
    clarus_model_free(model);
}

/* Runs the model on x and, where it has further inputs, conditions, and compares its output with y. */
static void expect(builder *b, size_t rank, const int64_t *dims, const float *x,
                   const unsigned char *conditions, const float *y)
{
    clarus_model *model;
    clarus_session *session = NULL;
    clarus_tensor *inputs[4] = {NULL}, *output = NULL;
    clarus_error error;
    clarus_status status = load(b, &model, &error);
    size_t count = model ? clarus_model_input_count(model) : 0, elements = 0;
    if (status == CLARUS_OK)
        status = clarus_session_create(context, device, model, NULL, &session, &error);
    if (status == CLARUS_OK)
        status = clarus_tensor_create(context, CLARUS_FLOAT32, rank, dims, &inputs[0], &error);
    if (status == CLARUS_OK) {
        elements = clarus_tensor_count(inputs[0]);
        memcpy(clarus_tensor_data(inputs[0]), x, elements * sizeof *x);
    }
    for (size_t i = 1; i < count && status == CLARUS_OK; i++) {
        status = clarus_tensor_create(context, CLARUS_BOOL, 0, NULL, &inputs[i], &error);
        if (status == CLARUS_OK)
            *(unsigned char *)clarus_tensor_data(inputs[i]) = conditions[i - 1];
    }
    if (status == CLARUS_OK)
        status = clarus_session_run(session, (const clarus_tensor *const *)inputs, count, &output, 1, &error);
    CHECK(status == CLARUS_OK, "%s", error.message);
    for (size_t i = 0; status == CLARUS_OK && i < elements; i++)
        CHECK(((const float *)clarus_tensor_const_data(output))[i] == y[i], "element %zu is %g, not %g", i,
              (double)((const float *)clarus_tensor_const_data(output))[i], (double)y[i]);
    clarus_tensor_free(output);
    for (size_t i = 0; i < 4; i++)
        clarus_tensor_free(inputs[i]);
    clarus_session_free(session);
    clarus_model_free(model);
}

static void start_sum(builder *b, const char *inputs, float c)
{
    builder_start(b, 13);
    builder_initializer(b, "c", CLARUS_FLOAT32, 0, NULL, &c);
    builder_node(b, "Add", inputs, "r");
    builder_output(b, "r");
}

/* ---- If */

/* p ? h + 10 : q ? (h + 100) : h + 1000, with h = -x; both branches and the one inside use the same names.
 * The If stands before what it needs. */
static void test_branches(void)
{
    builder b, then, other, inner_then, inner_other;
    start_sum(&then, "h c", 10);
    start_sum(&inner_then, "c h", 100);
    start_sum(&inner_other, "h c", 1000);
    builder_start(&other, 13);
    Onnx__Node *inner = builder_node(&other, "If", "q", "c");
    builder_graph_attribute(&other, inner, "then_branch", &inner_then);
    builder_graph_attribute(&other, inner, "else_branch", &inner_other);
    builder_output(&other, "c");
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 1, DIMS(2));
    builder_input(&b, "p", CLARUS_BOOL, 0, NULL);
    builder_input(&b, "q", CLARUS_BOOL, 0, NULL);
    Onnx__Node *outer = builder_node(&b, "If", "same", "y");
    builder_graph_attribute(&b, outer, "then_branch", &then);
    builder_graph_attribute(&b, outer, "else_branch", &other);
    builder_node(&b, "Identity", "p", "same");
    builder_node(&b, "Neg", "x", "h");
    builder_output(&b, "y");
    const float x[] = {1, 2};
    expect(&b, 1, DIMS(2), x, (const unsigned char[]){1, 0}, (const float[]){9, 8});
    expect(&b, 1, DIMS(2), x, (const unsigned char[]){1, 1}, (const float[]){9, 8});
    expect(&b, 1, DIMS(2), x, (const unsigned char[]){0, 1}, (const float[]){99, 98});
    expect(&b, 1, DIMS(2), x, (const unsigned char[]){0, 0}, (const float[]){999, 998});
    builder_free(&b);
    builder_free(&then);
    builder_free(&other);
    builder_free(&inner_then);
    builder_free(&inner_other);
}

/* What is not taken is not lowered: its shapes would not fit. A branch may be a value of the outer graph. */
static void test_branch_not_taken(void)
{
    builder b, then, other;
    builder_start(&then, 13);
    builder_initializer(&then, "s", CLARUS_INT64, 1, DIMS(1), DIMS(7));
    builder_node(&then, "Reshape", "x s", "r");
    builder_output(&then, "r");
    builder_start(&other, 13);
    builder_output(&other, "x");
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 1, DIMS(2));
    builder_initializer(&b, "no", CLARUS_BOOL, 0, NULL, "");
    Onnx__Node *node = builder_node(&b, "If", "no", "t");
    builder_graph_attribute(&b, node, "then_branch", &then);
    builder_graph_attribute(&b, node, "else_branch", &other);
    builder_node(&b, "Neg", "t", "y");
    builder_output(&b, "y");
    expect(&b, 1, DIMS(2), (const float[]){1, 2}, NULL, (const float[]){-1, -2});
    node->n_attribute = 1;
    expect_refusal(&b, CLARUS_E_FORMAT, "its else branch is not there");
    node->input[0] = builder_text(&b, "");
    expect_refusal(&b, CLARUS_E_FORMAT, "its condition is left out");
    builder_free(&b);
    builder_free(&then);
    builder_free(&other);
}

/* What only the other branch uses is neither lowered nor asked for, once the condition is known. */
static void test_use_of_branch_not_taken(void)
{
    builder b, then, other;
    start_sum(&then, "bad c", 1);
    start_sum(&other, "x c", 2);
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 1, DIMS(2));
    builder_input(&b, "p", CLARUS_BOOL, 0, NULL);
    builder_initializer(&b, "s", CLARUS_INT64, 1, DIMS(1), DIMS(7));
    Onnx__Node *node = builder_node(&b, "If", "p", "y");
    builder_graph_attribute(&b, node, "then_branch", &then);
    builder_graph_attribute(&b, node, "else_branch", &other);
    builder_node(&b, "Reshape", "x s", "bad");
    builder_output(&b, "y");
    expect(&b, 1, DIMS(2), (const float[]){1, 2}, (const unsigned char[]){0}, (const float[]){3, 4});
    node->input[0] = builder_text(&b, "x"); /* is not one bool */
    clarus_model *model = NULL;
    clarus_session *session = NULL;
    clarus_tensor *x = NULL, *p = NULL, *y = NULL;
    clarus_error error;
    CHECK(load(&b, &model, &error) == CLARUS_OK &&
              clarus_session_create(context, device, model, NULL, &session, &error) == CLARUS_OK &&
              clarus_tensor_create(context, CLARUS_FLOAT32, 1, DIMS(2), &x, &error) == CLARUS_OK &&
              clarus_tensor_create(context, CLARUS_BOOL, 0, NULL, &p, &error) == CLARUS_OK,
          "%s", error.message);
    if (session && x && p)
        CHECK(clarus_session_run(session, (const clarus_tensor *const[]){x, p}, 2, &y, 1, &error) ==
                      CLARUS_E_SHAPE &&
                  strstr(error.message, "condition \"x\" is not one bool"),
              "%s", error.message);
    clarus_tensor_free(x);
    clarus_tensor_free(p);
    clarus_session_free(session);
    clarus_model_free(model);
    builder_free(&b);
    builder_free(&then);
    builder_free(&other);
}

/* The same where the condition is computed, from a value or from a shape: what the other branch uses stands
 * before it. */
static void test_computed_conditions(void)
{
    static const struct {
        const char *op, *operands;
    } cases[] = {{"Not", "p"}, {"Equal", "size one"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        builder b, then, other;
        start_sum(&then, "bad c", 1);
        start_sum(&other, "x c", 2);
        builder_start(&b, 13);
        builder_input(&b, "x", CLARUS_FLOAT32, 1, DIMS(2));
        builder_input(&b, "p", CLARUS_BOOL, 0, NULL);
        builder_initializer(&b, "s", CLARUS_INT64, 1, DIMS(1), DIMS(7));
        builder_initializer(&b, "one", CLARUS_INT64, 0, NULL, DIMS(1));
        builder_node(&b, "Reshape", "x s", "bad");
        builder_node(&b, "Neg", "x", "negative");
        builder_node(&b, "Size", "negative", "size");
        builder_node(&b, cases[i].op, cases[i].operands, "chosen");
        Onnx__Node *node = builder_node(&b, "If", "chosen", "y");
        builder_graph_attribute(&b, node, "then_branch", &then);
        builder_graph_attribute(&b, node, "else_branch", &other);
        builder_output(&b, "y");
        expect(&b, 1, DIMS(2), (const float[]){1, 2}, (const unsigned char[]){1}, (const float[]){3, 4});
        builder_free(&b);
        builder_free(&then);
        builder_free(&other);
    }
}

/* ---- Functions */

/* f(a, b) = leaky(a; alpha) with alpha 0.5 by default; b is left out once. The function's opset is not the
 * model's: Softmax of opset 13 works along the last axis, of opset 11 over all but the first. */
static void test_function(void)
{
    builder b, body;
    builder_start(&body, 13);
    Onnx__Node *leaky = builder_node(&body, "LeakyRelu", "a", "l");
    builder_reference(&body, leaky, "alpha", 1, "slope");
    builder_node(&body, "Clip", "l b", "c");
    builder_node(&body, "Softmax", "z", "s");
    builder_node(&body, "Mul", "c s", "r");
    builder_node(&body, "Sub", "a a", "z");
    builder_start(&b, 11);
    Onnx__Function *f = builder_function(&b, "here", "f", "a b", "r", &body);
    Onnx__Attribute *alpha = builder_attribute(&b, leaky, "slope", 1);
    leaky->n_attribute--; /* it belongs to the function */
    alpha->has_f = 1;
    alpha->f = 0.5f;
    f->attribute_proto = &alpha;
    f->n_attribute_proto = 1;
    builder_input(&b, "x", CLARUS_FLOAT32, 3, DIMS(1, 2, 2));
    builder_initializer(&b, "low", CLARUS_FLOAT32, 0, NULL, &(float){-3});
    Onnx__Node *first = builder_node(&b, "f", "x low", "r");
    builder_float(&b, first, "slope", 0.25f);
    first->domain = builder_text(&b, "here");
    Onnx__Node *second = builder_node(&b, "f", "r", "y");
    second->domain = builder_text(&b, "here");
    builder_output(&b, "y");
    /* times a half each time, because there are two elements along the last axis */
    expect(&b, 3, DIMS(1, 2, 2), (const float[]){4, -8, -16, 0}, NULL,
           (const float[]){1, -0.25f, -0.375f, 0});
    char *three[] = {first->input[0], first->input[1], first->input[0]};
    first->input = three;
    first->n_input = 3;
    expect_refusal(&b, CLARUS_E_FORMAT, "function \"f\" has 2 inputs and 1 outputs, a call has 3 and 1");
    builder_free(&b);
    builder_free(&body);
}

/* A function that calls one, with a branch inside, and hands an input through. */
static void test_nested_functions(void)
{
    builder b, outer, inner, then, other;
    start_sum(&then, "v c", 1);
    start_sum(&other, "v c", 2);
    builder_start(&inner, 13);
    Onnx__Node *node = builder_node(&inner, "If", "flag", "w");
    builder_graph_attribute(&inner, node, "then_branch", &then);
    builder_graph_attribute(&inner, node, "else_branch", &other);
    builder_start(&outer, 13);
    builder_node(&outer, "g", "p q", "w same")->domain = builder_text(&outer, "here");
    builder_node(&outer, "Mul", "w same", "v");
    builder_start(&b, 13);
    builder_function(&b, "here", "g", "v flag", "w v", &inner);
    builder_function(&b, "here", "h", "p q", "v", &outer);
    builder_input(&b, "x", CLARUS_FLOAT32, 1, DIMS(2));
    builder_input(&b, "k", CLARUS_BOOL, 0, NULL);
    builder_node(&b, "h", "x k", "y")->domain = builder_text(&b, "here");
    builder_output(&b, "y");
    expect(&b, 1, DIMS(2), (const float[]){1, 2}, (const unsigned char[]){1}, (const float[]){2, 6});
    expect(&b, 1, DIMS(2), (const float[]){1, 2}, (const unsigned char[]){0}, (const float[]){3, 8});
    builder_free(&b);
    builder_free(&outer);
    builder_free(&inner);
    builder_free(&then);
    builder_free(&other);
}

/* f calls itself; f0 is called twice by f1, that twice by f2, and so on. */
static void test_endless_functions(void)
{
    enum { LEVELS = 20 };
    builder b, self, *levels = calloc(LEVELS, sizeof *levels);
    if (!levels)
        exit(1);
    builder_start(&self, 13);
    builder_node(&self, "f", "a", "r")->domain = builder_text(&self, "here");
    builder_start(&b, 13);
    builder_function(&b, "here", "f", "a", "r", &self);
    for (int k = 0; k < LEVELS; k++) {
        char name[16], below[16];
        snprintf(name, sizeof name, "f%d", k);
        snprintf(below, sizeof below, "f%d", k - 1);
        builder_start(&levels[k], 13);
        for (int twice = 0; twice < 2; twice++)
            builder_node(&levels[k], k ? below : "Relu", twice ? "m" : "a", twice ? "r" : "m")->domain =
                builder_text(&levels[k], k ? "here" : "");
        builder_function(&b, "here", name, "a", "r", &levels[k]);
    }
    builder_input(&b, "x", CLARUS_FLOAT32, 1, DIMS(2));
    Onnx__Node *call = builder_node(&b, "f", "x", "y");
    call->domain = builder_text(&b, "here");
    builder_output(&b, "y");
    expect_refusal(&b, CLARUS_E_LIMIT, "functions and branches nest deeper than");
    call->op_type = builder_text(&b, "f19");
    expect_refusal(&b, CLARUS_E_LIMIT, "calls of functions make more than");
    call->op_type = builder_text(&b, "f3");
    expect(&b, 1, DIMS(2), (const float[]){-1, 2}, NULL, (const float[]){0, 2});
    builder_free(&b);
    builder_free(&self);
    for (int k = 0; k < LEVELS; k++)
        builder_free(&levels[k]);
    free(levels);
}

/* Graphs in graphs, deeper than any stack should hold. */
static void test_deep_graphs(void)
{
    enum { LEVELS = 64 };
    builder *levels = calloc(LEVELS, sizeof *levels);
    if (!levels)
        exit(1);
    for (int k = 0; k < LEVELS; k++) {
        builder_start(&levels[k], 13);
        builder_output(&levels[k], "x");
        if (k == 0)
            continue;
        Onnx__Node *node = builder_node(&levels[k], "If", "p", "r");
        builder_graph_attribute(&levels[k], node, "then_branch", &levels[k - 1]);
        builder_graph_attribute(&levels[k], node, "else_branch", &levels[0]);
    }
    expect_refusal(&levels[LEVELS - 1], CLARUS_E_LIMIT, "messages nest deeper than");
    for (int k = 0; k < LEVELS; k++)
        builder_free(&levels[k]);
    free(levels);
}

int main(void)
{
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK ||
        clarus_device_open(context, "reference", &device, &error) != CLARUS_OK)
        return 1;
    test_branches();
    test_branch_not_taken();
    test_use_of_branch_not_taken();
    test_computed_conditions();
    test_function();
    test_nested_functions();
    test_endless_functions();
    test_deep_graphs();
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
