#include "utf8.h"

size_t utf8_decode(const char *text, uint32_t *point)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000}; /* for a length: shorter forms only */
    const unsigned char *s = (const unsigned char *)text;
    size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (length == 0)
        return 0;
    uint32_t p = length == 1 ? s[0] : s[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        p = p << 6 | (s[i] & 0x3F);
    }
    if (p < lowest[length] || p > 0x10FFFF || (p >= 0xD800 && p < 0xE000))
        return 0;
    *point = p;
    return length;
}
