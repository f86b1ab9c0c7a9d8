/* A device's built programs: one per kernel file and defines, built once. Any thread. */
#ifndef CLARUS_PROGRAM_H
#define CLARUS_PROGRAM_H

#include "device.h"

typedef struct program_table program_table;

clarus_status program_table_create(clarus_device *device, program_table **table, clarus_error *error);
void program_table_free(program_table *table);

#endif
