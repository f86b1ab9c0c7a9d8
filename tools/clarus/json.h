/* One JSON object per line, written as it goes. Numbers do not depend on the locale, which the program never
 * sets; those that are not finite become null. A byte that is not UTF-8 (paths may hold any) is written as
 * the four characters \xXX, XX the byte, so that the output is always valid. */
#ifndef CLARUS_JSON_H
#define CLARUS_JSON_H

#include <stdint.h>
#include <stdio.h>

typedef struct json {
    FILE *file;
    int needs_comma;
} json;

/* bracket: '{' or '['. key NULL: an element of an array, or the object that is the line. */
void json_open(json *j, const char *key, char bracket);
void json_close(json *j, char bracket);
/* The end of the outermost object and of the line. */
void json_end(json *j);
void json_text(json *j, const char *key, const char *text);
void json_integer(json *j, const char *key, int64_t value);
void json_unsigned(json *j, const char *key, uint64_t value);
/* With so many decimals. */
void json_fixed(json *j, const char *key, double value, int decimals);
/* The shortest text that reads back as the same float. */
void json_float(json *j, const char *key, float value);
void json_bool(json *j, const char *key, int value);
void json_null(json *j, const char *key);

#endif
