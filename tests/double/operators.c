/* Which function computes which operator. */
#include "double.h"

#include <string.h>

double_op double_find(const char *domain, const char *op_type)
{
    static const struct {
        const char *domain, *name;
        double_op function;
    } table[] = {
#define OPERATOR(name, function) {"", #name, function},
#define MICROSOFT(name, function) {"com.microsoft", #name, function},
#include "ops.def"
#undef OPERATOR
    };
    domain = domain && strcmp(domain, "ai.onnx") != 0 ? domain : "";
    for (size_t k = 0; op_type && k < sizeof table / sizeof *table; k++)
        if (strcmp(table[k].domain, domain) == 0 && strcmp(table[k].name, op_type) == 0)
            return table[k].function;
    return NULL;
}
