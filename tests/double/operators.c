/* Which function computes which operator. */
#include "double.h"

#include <string.h>

double_op double_find(const char *domain, const char *op_type)
{
    static const struct {
        const char *name;
        double_op function;
    } table[] = {
#define OPERATOR(name, function) {#name, function},
#include "ops.def"
#undef OPERATOR
    };
    if (!op_type || (domain && domain[0] && strcmp(domain, "ai.onnx") != 0))
        return NULL;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (strcmp(table[k].name, op_type) == 0)
            return table[k].function;
    return NULL;
}
