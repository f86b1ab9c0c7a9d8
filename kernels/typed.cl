/* An element-wise function of typed.def, with broadcasting.
 *
 *   out[j] = f(x[j], y[j], z[j]) for all positions j of a strided view of the output
 *
 * Rows are walked as in eltwise.cl, element by element; the function is chosen at run time, so that a pair of types
 * takes one variant. Elements lie as unsigned integers of their size, or as floats. typed_division tells faults:
 * positions among the elements of y.
 *
 * Parameters: FAMILY_... of typed.def; FIRST, REST, RESULT: how elements of x, of y and z, and of the output lie; BITS, SIGNED:
 * the type of x, or for a division of all (BITS 0: float); TO_BITS, TO_SIGNED: a conversion's result. */
#include "kernel.h"
#include "share.h"
#include "fault.h"
#include "strided.h"
#include "typed.h"

enum {
#define TYPED(number, text, operands, family) number,
#include "typed.def"
#undef TYPED
};

#if defined(FAMILY_INTEGER) || defined(FAMILY_DIVISION)

inline RESULT evaluate(int function, FIRST a, REST b, REST c)
{
    const int bits = BITS, is_signed = SIGNED;
    const uword x = typed_word(a, bits, is_signed), y = typed_word(b, bits, is_signed);
#define LESS(p, q) typed_less(p, q, is_signed)
    switch (function) {
#ifdef FAMILY_INTEGER
#define INTEGER(name, operands, expression) \
    case TYPED_##name: \
        return (RESULT)typed_wrap(expression, bits);
#else
#define DIVISION(name, operands, expression) \
    case TYPED_##name: \
        return (RESULT)typed_wrap(expression, bits);
#endif
#include "typed.def"
    }
    return (RESULT)x;
}

#elif defined(FAMILY_COMPARISON) || defined(FAMILY_CLASSIFICATION)

inline RESULT evaluate(int function, FIRST a, REST b, REST c)
{
#if BITS == 0
    const float x = a, y = b;
#define LESS(p, q) ((p) < (q))
#define CLASSIFICATION(name, operands, expression) \
    case TYPED_##name: \
        return expression;
#else
    const uword x = typed_word(a, BITS, SIGNED), y = typed_word(b, BITS, SIGNED);
#define LESS(p, q) typed_less(p, q, SIGNED)
#endif
    switch (function) {
#define COMPARISON(name, operands, expression) \
    case TYPED_##name: \
        return expression;
#include "typed.def"
    }
    return 0;
}

#elif defined(FAMILY_SELECTION)

inline RESULT evaluate(int function, FIRST a, REST b, REST c)
{
    return a ? b : c;
}

#else

inline RESULT evaluate(int function, FIRST a, REST b, REST c)
{
#if BITS == 0 && TO_BITS == 0
    return a;
#elif BITS == 0
    return (RESULT)typed_from_float(a, TO_BITS, TO_SIGNED);
#elif TO_BITS == 0
    return typed_to_float(typed_word(a, BITS, SIGNED), SIGNED);
#else
    const uword x = typed_word(a, BITS, SIGNED);
    return (RESULT)(TO_BITS == 1 ? x != 0 : x);
#endif
}

#endif

#ifdef FAMILY_DIVISION

/* A divisor that y / x is defined for: its own, or 1 and a fault. */
inline REST divisor(FIRST a, REST b, volatile __global int *fault, int position)
{
    if (!typed_indivisible(typed_word(a, BITS, SIGNED), typed_word(b, BITS, SIGNED), BITS, SIGNED))
        return b;
    fault_at(fault, position);
    return 1;
}
#define DIVISOR(a, b, position) divisor(a, b, fault, position)
CLARUS_KERNEL void typed_division(__global RESULT *out, __global const FIRST *x, __global const REST *y,
                                  __global const REST *z, SHARE, __global const int *restrict p, int function,
                                  volatile __global int *faults, int number)
#else
#define DIVISOR(a, b, position) (b)
CLARUS_KERNEL void typed(__global RESULT *out, __global const FIRST *x, __global const REST *y, __global const REST *z,
                         SHARE, __global const int *restrict p, int function)
#endif
{
    /* The table: see launch_generic.c, which writes it in this order. Four views: out, x, y, z. */
    const int length = p[0], rows = p[1], piece = p[2], group = p[3], rank = p[4];
    __global const int *offset = p + 5, *step = p + 9, *row_step = p + 13, *axes = p + 17;
#ifdef FAMILY_DIVISION
    volatile __global int *fault = faults + number;
#endif

    FOR_EACH_ITEM(item) {
        const row_piece at = share_rows(item, share, length, rows, piece, group);
        for (int row = at.first; row < at.last; row++) {
            const int to = offset[0] + strided_at(axes, rank, 4, 0, at.outer) + row * row_step[0];
            const int at_x = offset[1] + strided_at(axes, rank, 4, 1, at.outer) + row * row_step[1];
            const int at_y = offset[2] + strided_at(axes, rank, 4, 2, at.outer) + row * row_step[2];
            const int at_z = offset[3] + strided_at(axes, rank, 4, 3, at.outer) + row * row_step[3];
            for (int i = at.begin; i < at.end; i++) {
                const FIRST a = x[at_x + i * step[1]];
                const REST b = y[at_y + i * step[2]];
                out[to + i * step[0]] =
                    evaluate(function, a, DIVISOR(a, b, at_y + i * step[2]), z[at_z + i * step[3]]);
            }
        }
    }
}
