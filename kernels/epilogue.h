/* What follows a sum: + bias, + residual, function (docs/numerics.md section 4). After lanes.h.
 *
 * FUNCTION: an ELTWISE_ number; undefined: clip to [a, b], which with infinite bounds is ReLU or the identity, so
 * that the usual layers of a network share one variant of a kernel. */
#ifdef FUNCTION
enum {
#define ELTWISE(name, arity, expression) ELTWISE_##name,
#include "eltwise.def"
#undef ELTWISE
};

inline floatv epilogue_function(floatv x, floatv a, floatv b)
{
    const floatv y = (floatv)(0.0f), z = (floatv)(0.0f); /* operands that no unary function has */
    switch (FUNCTION) {
#define ELTWISE(name, arity, expression) \
    case ELTWISE_##name: \
        return expression;
#include "eltwise.def"
#undef ELTWISE
    }
    return x;
}
#else
inline floatv epilogue_function(floatv x, floatv a, floatv b)
{
    return clarus_clip(x, a, b);
}
#endif
