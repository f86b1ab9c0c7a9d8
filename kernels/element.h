/* Elements of one type, to be compared and combined. The launcher defines
 *   ELEMENT   the type,
 *   WORD      the type of sums and products: float, or an unsigned integer, which wraps,
 *   FLOATING  1 for float. */
#define LANES 1
#include "lanes.h"

enum { COMBINE_REPLACE, COMBINE_ADD, COMBINE_MUL, COMBINE_MIN, COMBINE_MAX }; /* as in src/lowered.h */

inline ELEMENT element_combine(int function, ELEMENT x, ELEMENT y)
{
    switch (function) {
    case COMBINE_ADD:
        return (ELEMENT)((WORD)x + (WORD)y);
    case COMBINE_MUL:
        return (ELEMENT)((WORD)x * (WORD)y);
#if FLOATING
    case COMBINE_MIN:
        return clarus_min(x, y);
    case COMBINE_MAX:
        return clarus_max(x, y);
#else
    case COMBINE_MIN:
        return y < x ? y : x;
    case COMBINE_MAX:
        return y > x ? y : x;
#endif
    default:
        return y;
    }
}
