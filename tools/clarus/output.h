/* Where results go: standard output, or a file that appears whole or not at all. */
#ifndef CLARUS_OUTPUT_H
#define CLARUS_OUTPUT_H

#include "command.h"

#include <stdio.h>

typedef struct output {
    const common_options *common;
    FILE *file;
    const char *path;          /* NULL: standard output */
    char target[4096];         /* path with symbolic links resolved */
    char temporary[4096 + 32]; /* "" if the file is written in place */
    int is_terminal;           /* shared with the progress bar */
    int failure;               /* errno of the first failed write */
} output;

/* path NULL: standard output. A path that exists and is no regular file (a pipe, a device) is written to in
 * place. EXIT_OK, or EXIT_OUTPUT after a message. */
int output_open(output *out, const common_options *common, const char *path);
/* Before a result is printed: takes the progress bar out of the way where both go to the terminal. */
void output_begin(const output *out);
/* Hands what was printed on; 0 if that failed, so that long work can stop early. */
int output_flush(output *out);
/* Ends the output; with keep 0 the file is left as it was before. EXIT_OK, or EXIT_OUTPUT after a message. */
int output_close(output *out, int keep);

/* Text for people: control characters and bytes that are not UTF-8 become '?'. */
void print_plain(FILE *file, const char *text);
/* A field of comma-separated values, in quotes where needed. */
void print_csv(FILE *file, const char *text);

#endif
