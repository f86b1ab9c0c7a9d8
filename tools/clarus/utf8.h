/* UTF-8, read from bytes that may be anything. */
#ifndef CLARUS_UTF8_H
#define CLARUS_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence that begins the zero-terminated text, and its code point; 0 if there is
 * none. */
size_t utf8_decode(const char *text, uint32_t *point);

#endif
