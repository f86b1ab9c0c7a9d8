/* A device's built programs: one per kernel file and defines, built once. Any thread. */
#ifndef CLARUS_PROGRAM_H
#define CLARUS_PROGRAM_H

#include "device.h"
#include "program_cache.h"

typedef struct program_table program_table;

clarus_status program_table_create(clarus_device *device, program_table **table, clarus_error *error);
void program_table_free(program_table *table);
/* Stores binaries of programs that have been used since they were last looked at. */
void program_table_store(program_table *table);
/* The key of something that depends on the source, the options, the device, its driver and Clarus. */
void program_table_key(const program_table *table, const char *purpose, const char *source,
                       const char *options, cache_key *key);

#endif
