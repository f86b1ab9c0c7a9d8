#include "json.h"

#include "utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static void write_text(FILE *file, const char *text)
{
    putc('"', file);
    while (*text) {
        uint32_t point;
        size_t length = utf8_decode(text, &point);
        if (length == 0) {
            fprintf(file, "\\\\x%02x", (unsigned char)*text);
            length = 1;
        } else if (point == '"' || point == '\\') {
            fprintf(file, "\\%c", (char)point);
        } else if (point < 0x20 || point == 0x7F) {
            fprintf(file, "\\u%04x", (unsigned)point);
        } else {
            fwrite(text, 1, length, file);
        }
        text += length;
    }
    putc('"', file);
}

static void begin_value(json *j, const char *key)
{
    if (j->needs_comma)
        putc(',', j->file);
    if (key) {
        write_text(j->file, key);
        putc(':', j->file);
    }
    j->needs_comma = 1;
}

void json_open(json *j, const char *key, char bracket)
{
    begin_value(j, key);
    putc(bracket, j->file);
    j->needs_comma = 0;
}

void json_close(json *j, char bracket)
{
    putc(bracket, j->file);
    j->needs_comma = 1;
}

void json_end(json *j)
{
    fputs("}\n", j->file);
    j->needs_comma = 0;
}

void json_text(json *j, const char *key, const char *text)
{
    begin_value(j, key);
    write_text(j->file, text);
}

void json_integer(json *j, const char *key, int64_t value)
{
    begin_value(j, key);
    fprintf(j->file, "%" PRId64, value);
}

void json_unsigned(json *j, const char *key, uint64_t value)
{
    begin_value(j, key);
    fprintf(j->file, "%" PRIu64, value);
}

void json_fixed(json *j, const char *key, double value, int decimals)
{
    if (!isfinite(value)) {
        json_null(j, key);
        return;
    }
    begin_value(j, key);
    fprintf(j->file, "%.*f", decimals, value);
}

void json_float(json *j, const char *key, float value)
{
    char text[32];
    if (!isfinite(value)) {
        json_null(j, key);
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    begin_value(j, key);
    fputs(text, j->file);
}

void json_bool(json *j, const char *key, int value)
{
    begin_value(j, key);
    fputs(value ? "true" : "false", j->file);
}

void json_null(json *j, const char *key)
{
    begin_value(j, key);
    fputs("null", j->file);
}
