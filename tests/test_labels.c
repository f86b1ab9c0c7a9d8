#include "labels.h"
#include "test.h"

#include <string.h>

static clarus_context *context;

/* names: what is expected, joined by '|'; NULL: an error that says `message`. */
static void parse(const char *text, const char *names, const char *message)
{
    clarus_labels *labels = NULL;
    clarus_error error = {0};
    char joined[256] = "";
    clarus_status status = labels_parse(context, text, strlen(text), &labels, &error);
    CHECK((status == CLARUS_OK) == (names != NULL), "%s: %s", text, error.message);
    CHECK((labels != NULL) == (names != NULL), "%s: labels %p", text, (void *)labels);
    if (!labels) {
        CHECK(message && strstr(error.message, message), "%s: \"%s\"", text, error.message);
        return;
    }
    for (size_t i = 0; i < clarus_labels_count(labels); i++)
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s", i ? "|" : "",
                 clarus_labels_names(labels)[i]);
    CHECK(names && strcmp(joined, names) == 0, "%s: \"%s\", expected \"%s\"", text, joined, names);
    clarus_labels_free(labels);
}

int main(void)
{
    clarus_error error = {0};
    CHECK(clarus_context_create(NULL, &context, &error) == CLARUS_OK, "%s", error.message);

    parse("cat\ndog", "cat|dog", NULL);
    parse("cat\ndog\n\n", "cat|dog", NULL);
    parse("cat\r\ndog\r\n", "cat|dog", NULL);
    parse("\xEF\xBB\xBFone\n\nthree\n", "one||three", NULL);
    parse("n01440764 tench, Tinca tinca\n", "n01440764 tench, Tinca tinca", NULL);
    parse("[\"cat\", \"d\\u00f6g\"]", "cat|d\xC3\xB6g", NULL);
    parse("{\"1\": \"dog\", \"0\": \"cat\"}", "cat|dog", NULL);
    parse("{\"2\": \"bird\", \"0\": \"cat\"}", "cat||bird", NULL);
    parse("{\"model_type\": \"x\", \"id2label\": {\"0\": \"cat\"}}", "cat", NULL);

    parse("", NULL, "0 names");
    parse("\n\n", NULL, "0 names");
    parse("[]", NULL, "0 names");
    parse("[\"cat\"", NULL, "not valid JSON");
    parse("[\"cat\", 3]", NULL, "element 1 is not a string");
    parse("{\"cat\": \"0\"}", NULL, "\"cat\" is not a class number");
    parse("{\"0\": 1}", NULL, "\"0\" is not a class number");
    parse("{\"-1\": \"cat\"}", NULL, "\"-1\" is not a class number");
    parse("{\"99999999999999999999\": \"cat\"}", NULL, "is not a class number");

    clarus_labels *labels = NULL;
    CHECK(labels_parse(context, "a\0b", 3, &labels, &error) == CLARUS_E_FORMAT, "a zero byte");
    CHECK(clarus_labels_load(context, "/nonexistent/labels", &labels, &error) == CLARUS_E_IO &&
              strstr(error.message, "/nonexistent/labels"),
          "%s", error.message);
    clarus_context_free(context);
    return test_result();
}
