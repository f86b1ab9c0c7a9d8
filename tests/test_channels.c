/* What movements along the channel axis cost: launches of small networks' plans, counted by kernel. */
#include "golden/model_text.h"
#include "model.h"
#include "plan.h"
#include "test.h"

#include <stdlib.h>

static clarus_context *context;

static clarus_status make_plan(const clarus_model *model, lowered_graph **graph, plan **plan,
                               clarus_error *error)
{
    const device_facts cpu = {CLARUS_DEVICE_CPU, 16, 0, "", "", ""};
    device_params params;
    shape shapes[4];
    device_params_find(&cpu, &params);
    clarus_status status = model_bind(model, NULL, shapes, NULL, error);
    if (status == CLARUS_OK)
        status = model_lower(model, shapes, graph, error);
    return status == CLARUS_OK ? plan_create(*graph, &params, CLARUS_MATH_EXACT, 2, plan, error) : status;
}

/* Movements are launches of `channels`, of blocked values, and of `transpose` and `move`, which the row-major
 * input and output need, too. */
static void expect(const char *name, const char *text, size_t gathers, size_t others)
{
    clarus_error error = {CLARUS_OK, "the text is wrong"};
    clarus_model *model = NULL;
    lowered_graph *graph = NULL;
    plan *plan = NULL;
    size_t size = 0, counts[2] = {0};
    void *bytes = model_text_pack(text, &size);
    clarus_status status = bytes ? clarus_model_parse(context, bytes, size, &model, &error) : CLARUS_E_FORMAT;
    if (status == CLARUS_OK)
        status = make_plan(model, &graph, &plan, &error);
    CHECK(status == CLARUS_OK, "%s: %s", name, error.message);
    for (size_t i = 0; plan && i < plan->launch_count; i++) {
        kernel_id kernel = plan->launches[i].kernel;
        counts[0] += kernel == KERNEL_channels;
        counts[1] += kernel == KERNEL_move || kernel == KERNEL_transpose;
    }
    CHECK(counts[0] == gathers && counts[1] == others, "%s: %zu gathers and %zu other movements", name,
          counts[0], counts[1]);
    plan_free(plan);
    lowered_free(graph);
    clarus_model_free(model);
    free(bytes);
}

/* Two convolutions' outputs a and b of so many channels, from a blocked value; then the rest, which writes z;
 * one transposition brings the input into blocks, one the output out of them. */
#define NETWORK(a, b, rest)                                                                                  \
    "input x 1,32,9,9\nweight wa " a ",32,1,1\nweight wb " b                                                 \
    ",32,1,1\nnode Conv x,wa a\nnode Conv x,wb b\n" rest "output z\n"

static void concatenations_that_grow_are_free(void)
{
    expect("whole blocks",
           NETWORK("32", "16",
                   "node Concat a,b c axis=1\nweight w1 32,48,3,3\nnode Conv c,w1 d pads=1,1,1,1\n"
                   "node Concat a,b,d e axis=1\nweight w2 32,80,1,1\nnode Conv e,w2 f\n"
                   "node Concat a,b,d,f g axis=1\nweight w3 16,112,1,1\nnode Conv g,w3 z\n"),
           0, 2);
    expect("odd parts, each concatenation one launch",
           NETWORK("12", "19",
                   "node Concat a,b c axis=1\nweight w1 12,31,1,1\nnode Conv c,w1 d\n"
                   "node Concat a,b,d e axis=1\nweight w2 16,43,1,1\nnode Conv e,w2 z\n"),
           2, 2);
}

static void shuffles_are_one_launch_each_result(void)
{
    expect("concatenation, shuffle, split",
           NETWORK("29", "29",
                   "node Concat a,b c axis=1\nints s5 5 1,2,29,9,9\nints s4 4 1,58,9,9\nnode Reshape c,s5 d\n"
                   "node Transpose d e perm=0,2,1,3,4\nnode Reshape e,s4 f\nnode Split f g,h axis=1\n"
                   "weight w1 16,29,1,1\nweight w2 16,29,1,1\nnode Conv g,w1 i\nnode Conv h,w2 j\n"
                   "node Add i,j z\n"),
           2, 2);
}

static void whole_blocks_are_seen_where_they_lie(void)
{
    expect("split",
           NETWORK("64", "16",
                   "node Split a g,h axis=1\nweight w1 16,32,3,3\nweight w2 16,32,1,1\n"
                   "node Conv g,w1 i pads=1,1,1,1\nnode Conv h,w2 j\nnode Add i,j k\nnode Add k,b z\n"),
           0, 2);
}

int main(void)
{
    clarus_error error = {CLARUS_OK, ""};
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK)
        return 1;
    concatenations_that_grow_are_free();
    shuffles_are_one_launch_each_result();
    whole_blocks_are_seen_where_they_lie();
    clarus_context_free(context);
    return test_result();
}
