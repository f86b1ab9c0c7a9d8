/* The public header in strict C11, and through test_header.cpp in C++17, linked against the shared library.
 */
#include <clarus.h>

#include "test.h"

int main(void)
{
    clarus_context_options options;
    clarus_context_options_init(&options);
    CHECK(options.struct_size == sizeof options, "struct_size is %u", (unsigned)options.struct_size);
    options.threads = 2;

    clarus_context *context = NULL;
    clarus_error error;
    CHECK(clarus_context_create(&options, &context, &error) == CLARUS_OK, "%s", error.message);
    CHECK(clarus_context_threads(context) == 2, "%d threads", clarus_context_threads(context));
    clarus_context_free(context);

    options.struct_size = 1;
    CHECK(clarus_context_create(&options, &context, &error) == CLARUS_E_ARGUMENT && !context,
          "a struct_size of 1 was accepted");
    CHECK(strchr(error.message, '1'), "the message names no number: %s", error.message);

    clarus_preprocess preprocess;
    clarus_preprocess_init(&preprocess);
    CHECK(preprocess.decode.struct_size == sizeof preprocess.decode, "decode options are not set up");
    return test_result();
}
