/* What follows a sum: + bias, + residual, function (docs/numerics.md section 4).
 *
 * FUNCTION: an ELTWISE_ number; undefined: identity, relu or clip, chosen at run time, so that the usual
 * layers of a network share one variant of a kernel. */
enum { EPILOGUE_IDENTITY, EPILOGUE_RELU, EPILOGUE_CLIP };

#ifdef FUNCTION
#include "functions.h"
enum {
#define ELTWISE(name, arity, expression) ELTWISE_##name,
#include "eltwise.def"
#undef ELTWISE
};

inline float epilogue_scalar(float x, float a, float b)
{
    const float y = 0.0f, z = 0.0f;
    switch (FUNCTION) {
#define ELTWISE(name, arity, expression) \
    case ELTWISE_##name: \
        return expression;
#include "eltwise.def"
#undef ELTWISE
    }
    return x;
}

inline floatv epilogue_function(floatv x, int function, float a, float b)
{
#if LANES == 1
    return epilogue_scalar(x, a, b);
#else
    union {
        floatv v;
        float s[LANES];
    } t;
    t.v = x;
    for (int i = 0; i < LANES; i++)
        t.s[i] = epilogue_scalar(t.s[i], a, b);
    return t.v;
#endif
}
#else
inline floatv epilogue_function(floatv x, int function, float a, float b)
{
    if (function == EPILOGUE_RELU)
        return x < (floatv)(0.0f) ? (floatv)(0.0f) : x;
    if (function == EPILOGUE_CLIP) {
        x = x < (floatv)(a) ? (floatv)(a) : x;
        return x > (floatv)(b) ? (floatv)(b) : x;
    }
    return x;
}
#endif
