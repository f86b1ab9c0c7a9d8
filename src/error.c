#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
    [CLARUS_OK] = "CLARUS_OK",
    [CLARUS_E_ARGUMENT] = "CLARUS_E_ARGUMENT",
    [CLARUS_E_MEMORY] = "CLARUS_E_MEMORY",
    [CLARUS_E_LIMIT] = "CLARUS_E_LIMIT",
    [CLARUS_E_IO] = "CLARUS_E_IO",
    [CLARUS_E_FORMAT] = "CLARUS_E_FORMAT",
    [CLARUS_E_UNSUPPORTED] = "CLARUS_E_UNSUPPORTED",
    [CLARUS_E_SHAPE] = "CLARUS_E_SHAPE",
    [CLARUS_E_DEVICE] = "CLARUS_E_DEVICE",
    [CLARUS_E_OPENCL] = "CLARUS_E_OPENCL",
    [CLARUS_E_CANCELLED] = "CLARUS_E_CANCELLED",
    [CLARUS_E_TIMEOUT] = "CLARUS_E_TIMEOUT",
    [CLARUS_E_MISMATCH] = "CLARUS_E_MISMATCH",
    [CLARUS_E_INTERNAL] = "CLARUS_E_INTERNAL",
};

const char *clarus_status_name(clarus_status status)
{
    size_t i = (size_t)status;
    return i < sizeof status_names / sizeof *status_names ? status_names[i] : "unknown status";
}

/* Length of the valid UTF-8 sequence at s, or 0. */
static size_t utf8_length(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : (s[0] >> 5) == 6 ? 2 : (s[0] >> 4) == 14 ? 3 : (s[0] >> 3) == 30 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

/* Messages quote names out of untrusted files: keep them on one line and free of terminal escapes. */
static void make_printable(char *text)
{
    unsigned char *s = (unsigned char *)text;
    while (*s) {
        size_t n = utf8_length(s);
        if (n == 0 || *s < 0x20 || *s == 0x7F) {
            *s = '?';
            n = 1;
        }
        s += n;
    }
}

clarus_status error_set(clarus_error *error, clarus_status status, const char *format, ...)
{
    if (!error)
        return status;
    error->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    make_printable(error->message);
    return status;
}

void error_prefix(clarus_error *error, const char *format, ...)
{
    if (!error)
        return;
    char prefix[sizeof error->message];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    if (length <= 0 || (size_t)length >= sizeof prefix)
        return;
    size_t used = (size_t)length, room = sizeof error->message - used;
    memmove(error->message + used, error->message, room);
    memcpy(error->message, prefix, used);
    error->message[sizeof error->message - 1] = '\0';
    make_printable(error->message);
}
