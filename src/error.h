/* Statuses and messages. A function that fails returns `error_set(error, status, format, ...)`. */
#ifndef CLARUS_ERROR_H
#define CLARUS_ERROR_H

#include "clarus.h"

/* Fills *error if error is not NULL, control characters and invalid UTF-8 in the text replaced by '?',
 * and returns status. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
clarus_status
error_set(clarus_error *error, clarus_status status, const char *format, ...);

/* Puts text such as "model.onnx: " in front of the message.
 * Does nothing if error is NULL. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void error_prefix(clarus_error *error, const char *format, ...);

#endif
