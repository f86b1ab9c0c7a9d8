/* The pictures that a command line names, one after the other: files, folders and lists on standard input. */
#ifndef CLARUS_PICTURES_H
#define CLARUS_PICTURES_H

#include "command.h"

#include <stdio.h>

typedef struct pictures {
    const common_options *common;
    const text_list *arguments;
    size_t next_argument;
    int in_list;  /* reading paths from standard input */
    char **paths; /* those that were given and are not done are kept */
    size_t count, capacity, given, done;
    size_t unreadable; /* folders that could not be read, complained of */
} pictures;

/* Searches the folders up to the first list. 0 after a message. */
int pictures_open(pictures *p, const common_options *common, const text_list *arguments);
/* How many pictures there are, or 0 if a list on standard input leaves that open. */
size_t pictures_total(const pictures *p);
/* 1 and the next path, 0 at the end, -1 after a message or a signal. The path lives until pictures_done was
 * called as often as pictures_next before it. */
int pictures_next(pictures *p, const char **path);
void pictures_done(pictures *p);
void pictures_close(pictures *p);

#endif
