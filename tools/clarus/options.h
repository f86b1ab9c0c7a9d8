/* Command-line options as a table, from which they are parsed and --help is printed. */
#ifndef CLARUS_OPTIONS_H
#define CLARUS_OPTIONS_H

#include <stddef.h>

typedef enum option_kind {
    OPTION_GROUP,   /* a heading of --help, in `name` */
    OPTION_FLAG,    /* int, set to 1 */
    OPTION_TEXT,    /* const char * */
    OPTION_INTEGER, /* long, lowest to highest */
    OPTION_NUMBER,  /* double, lowest to highest */
    OPTION_LIST     /* text_list: every occurrence is appended */
} option_kind;

typedef struct option {
    const char *name;     /* without dashes */
    const char *argument; /* as --help shows it; NULL for flags */
    option_kind kind;
    void *value;
    long lowest, highest;
    const char *help; /* wrapped by --help */
} option;

typedef struct text_list {
    const char **items;
    size_t count;
} text_list;

/* One command's line in words. */
typedef struct usage {
    const char *command;
    const char *arguments;   /* after the options, as "PATH..." */
    const char *description; /* paragraphs, wrapped */
    const char *examples;    /* printed as they are; may be NULL */
    size_t fewest, most;     /* positional arguments */
} usage;

/* Parses argv[1..]; what is not an option goes to *positional, "-" included, and everything after "--".
 * Options may stand anywhere. Returns -1 to go on; otherwise the program's exit code, after printing help or
 * a message. The lists' arrays are allocated once and live as long as the program. */
int options_parse(const usage *usage, const option *table, size_t count, int argc, char **argv,
                  text_list *positional);

/* text as a finite number, in whole; also a fraction such as "1/255". 0 if it is none. */
int parse_number(const char *text, double *value);
/* Prints text wrapped to 80 columns, its lines but the first indented; newlines in it are kept. */
void print_wrapped(const char *text, int column, int indent);

#endif
