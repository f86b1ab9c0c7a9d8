#include "options.h"

#include "command.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_WIDTH = 80, HELP_COLUMN = 26 };

/* ---- help -------------------------------------------------------------------------------------- */

void print_wrapped(const char *text, int column, int indent)
{
    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (column + length > HELP_WIDTH && column > indent) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        fwrite(text, 1, (size_t)length, stdout);
        column += length;
        text += length;
        if (*text == '\n') {
            printf("\n%*s", text[1] == '\n' ? 0 : indent, "");
            column = indent;
            text++;
        } else if (*text == ' ') {
            text++;
            /* The space is written only if the next word follows on the line. */
            if (column + 1 + (int)strcspn(text, " \n") > HELP_WIDTH) {
                printf("\n%*s", indent, "");
                column = indent;
            } else {
                putchar(' ');
                column++;
            }
        }
    }
    putchar('\n');
}

static void print_option(const option *o)
{
    if (o->kind == OPTION_GROUP) {
        printf("\n%s:\n", o->name);
        return;
    }
    int used = printf("  --%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    if (used + 2 > HELP_COLUMN) {
        putchar('\n');
        used = 0;
    }
    printf("%*s", HELP_COLUMN - used, "");
    print_wrapped(o->help, HELP_COLUMN, HELP_COLUMN);
}

static void print_help(const usage *usage, const option *table, size_t count)
{
    printf("Usage: clarus %s [OPTIONS]%s%s\n\n", usage->command, *usage->arguments ? " " : "",
           usage->arguments);
    print_wrapped(usage->description, 0, 0);
    for (size_t i = 0; i < count; i++)
        print_option(&table[i]);
    printf("  --help                  this text\n");
    if (usage->examples)
        printf("\nExamples:\n%s", usage->examples);
}

/* ---- values ------------------------------------------------------------------------------------ */

int parse_number(const char *text, double *value)
{
    char *end = NULL;
    double divisor = 1;
    errno = 0;
    *value = strtod(text, &end);
    if (end == text || errno == ERANGE)
        return 0;
    if (*end == '/') {
        const char *second = end + 1;
        divisor = strtod(second, &end);
        if (end == second || errno == ERANGE)
            return 0;
    }
    *value /= divisor;
    return *end == '\0' && isfinite(*value);
}

static int set_integer(const option *o, const char *text)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < o->lowest || value > o->highest)
        return 0;
    *(long *)o->value = value;
    return 1;
}

static int set_number(const option *o, const char *text)
{
    double value;
    if (!parse_number(text, &value) || value < (double)o->lowest || value > (double)o->highest)
        return 0;
    *(double *)o->value = value;
    return 1;
}

static void append(text_list *list, const char *text)
{
    list->items[list->count++] = text;
}

/* 0, or EXIT_USAGE after a message. */
static int set_value(const usage *usage, const option *o, const char *text)
{
    int ok = 1;
    if (o->kind == OPTION_TEXT)
        *(const char **)o->value = text;
    else if (o->kind == OPTION_LIST)
        append(o->value, text);
    else if (o->kind == OPTION_INTEGER)
        ok = set_integer(o, text);
    else
        ok = set_number(o, text);
    if (ok)
        return EXIT_OK;
    fprintf(stderr, "clarus %s: --%s: \"%s\" is not a %snumber from %ld to %ld\n", usage->command, o->name,
            text, o->kind == OPTION_INTEGER ? "whole " : "", o->lowest, o->highest);
    return EXIT_USAGE;
}

/* ---- parsing ----------------------------------------------------------------------------------- */

static const option *find_option(const option *table, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].kind != OPTION_GROUP && strlen(table[i].name) == length &&
            memcmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
}

static int refuse(const usage *usage, const char *argument, const char *why)
{
    fprintf(stderr, "clarus %s: %s: %s; see clarus %s --help\n", usage->command, argument, why,
            usage->command);
    return EXIT_USAGE;
}

/* Handles the option at argv[*i]; advances *i over its value. -1 to go on. */
static int parse_option(const usage *usage, const option *table, size_t count, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2, *value = strchr(name, '=');
    size_t length = value ? (size_t)(value - name) : strlen(name);
    const option *o = argv[*i][1] == '-' ? find_option(table, count, name, length) : NULL;
    if (!o)
        return refuse(usage, argv[*i], "unknown option");
    if (o->kind == OPTION_FLAG) {
        if (value)
            return refuse(usage, argv[*i], "this option takes no value");
        *(int *)o->value = 1;
        return -1;
    }
    if (value)
        value++;
    else if (++*i < argc)
        value = argv[*i];
    else
        return refuse(usage, argv[*i - 1], "a value is missing");
    int code = set_value(usage, o, value);
    return code == EXIT_OK ? -1 : code;
}

static int check_positional(const usage *usage, const text_list *positional)
{
    if (positional->count >= usage->fewest && positional->count <= usage->most)
        return -1;
    if (positional->count < usage->fewest)
        return refuse(usage, usage->arguments, "missing");
    return refuse(usage, positional->items[usage->most], "one argument too many");
}

static int make_list(text_list *list, int argc)
{
    list->count = 0;
    list->items = calloc((size_t)argc, sizeof *list->items);
    return list->items != NULL;
}

int options_parse(const usage *usage, const option *table, size_t count, int argc, char **argv,
                  text_list *positional)
{
    int ok = make_list(positional, argc), code = -1;
    for (size_t k = 0; k < count; k++)
        if (table[k].kind == OPTION_LIST)
            ok = ok && make_list(table[k].value, argc);
    if (!ok)
        return refuse(usage, "options", "out of memory");
    for (int i = 1, only_arguments = 0; i < argc && code == -1; i++) {
        if (only_arguments || argv[i][0] != '-' || !argv[i][1]) {
            append(positional, argv[i]);
        } else if (strcmp(argv[i], "--") == 0) {
            only_arguments = 1;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(usage, table, count);
            return fflush(stdout) == 0 ? EXIT_OK : EXIT_OUTPUT;
        } else {
            code = parse_option(usage, table, count, argc, argv, &i);
        }
    }
    return code == -1 ? check_positional(usage, positional) : code;
}
