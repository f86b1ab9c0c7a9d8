/* Files for a model's inputs or outputs, out of repeated [NAME=]FILE options. A file without a name goes to
 * the first of the ports that have the fewest files so far; so naming no port takes them in order, and giving
 * every port a second file makes a second set. */
#ifndef CLARUS_PORTS_H
#define CLARUS_PORTS_H

#include "command.h"

typedef struct ports {
    size_t count;     /* inputs or outputs */
    text_list *files; /* one list per port */
} ports;

typedef const clarus_value_info *(*port_getter)(const clarus_model *model, size_t i);

/* 0 after a message. */
int ports_assign(ports *p, const common_options *common, const clarus_model *model, size_t count,
                 port_getter get, const text_list *texts);
void ports_free(ports *p);

#endif
