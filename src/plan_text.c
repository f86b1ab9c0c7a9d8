/* The plan for people: one line per launch, then the memory. */
#include "plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct text {
    const clarus_context *context;
    char *data;
    size_t length, capacity;
    int failed;
} text;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
append(text *t, const char *format, ...)
{
    enum { LINE = 1024 };
    if (t->failed || !memory_grow(t->context, (void **)&t->data, &t->capacity, t->length + LINE, 1)) {
        t->failed = 1;
        return;
    }
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->data + t->length, LINE, format, args);
    va_end(args);
    if (n > 0)
        t->length += (size_t)(n < LINE ? n : LINE - 1);
}

static void append_buffer(text *t, const plan *plan, size_t number)
{
    static const char *const kinds[] = {"input", "output", "temporary", "constant"};
    const plan_buffer *b = &plan->buffers[number];
    append(t, " %zu(memory %zu, %s %s)", number, b->memory, kinds[b->kind], clarus_dtype_name(b->dtype));
}

static void append_launch(text *t, const plan *plan, size_t number)
{
    const launch *l = &plan->launches[number];
    const lowered_op *op = &plan->graph->ops[l->op];
    char shape[SHAPE_TEXT];
    append(t, "%zu %s \"%s\" -> %s: %s %s, groups %zux%zux%zu of %zux%zux%zu, buffers", number,
           op_kind_name(op->kind), op->name, shape_text(&plan->graph->values[op->output].shape, shape),
           launch_name(l), l->defines, l->global[0] / l->local[0], l->global[1] / l->local[1],
           l->global[2] / l->local[2], l->local[0], l->local[1], l->local[2]);
    for (size_t a = 0; a < l->arg_count; a++)
        if (l->args[a].kind == ARG_BUFFER && l->args[a].buffer != l->writes)
            append_buffer(t, plan, l->args[a].buffer);
    append(t, " ->");
    append_buffer(t, plan, l->writes);
    const layout *y = &plan->buffers[l->writes].what.layout;
    if (y->kind == LAYOUT_BLOCKED)
        append(t, " blocked, halo %lld %lld %lld %lld", (long long)y->top, (long long)y->left,
               (long long)y->bottom, (long long)y->right);
    append(t, "\n");
}

char *plan_text(const plan *plan)
{
    text t = {.context = plan->graph->context};
    append(&t, "device parameters: %s%s\n", plan->device->name, plan->plain ? ", plain" : "");
    for (size_t i = 0; i < plan->launch_count; i++)
        append_launch(&t, plan, i);
    size_t total = 0;
    for (size_t m = 0; m < plan->memory_count; m++)
        total += plan->memory_bytes[m];
    append(&t, "%zu launches, %zu buffers in %zu memories, %zu bytes\n", plan->launch_count,
           plan->buffer_count, plan->memory_count, total);
    if (!t.failed)
        return t.data;
    memory_free(plan->graph->context, t.data);
    return NULL;
}
