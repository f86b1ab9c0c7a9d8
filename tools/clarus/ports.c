#include "ports.h"

#include <stdlib.h>
#include <string.h>

/* The port whose name, followed by '=', begins the text; count if there is none. */
static size_t find_named(const clarus_model *model, size_t count, port_getter get, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(get(model, i)->name);
        if (strncmp(text, get(model, i)->name, length) == 0 && text[length] == '=')
            return i;
    }
    return count;
}

static size_t find_emptiest(const ports *p)
{
    size_t best = 0;
    for (size_t i = 1; i < p->count; i++)
        if (p->files[i].count < p->files[best].count)
            best = i;
    return best;
}

int ports_assign(ports *p, const common_options *common, const clarus_model *model, size_t count,
                 port_getter get, const text_list *texts)
{
    p->count = count;
    p->files = calloc(count + 1, sizeof *p->files);
    int ok = p->files != NULL;
    for (size_t i = 0; i < count && ok; i++)
        ok = (p->files[i].items = calloc(texts->count + 1, sizeof *p->files[i].items)) != NULL;
    if (!ok) {
        complain(common, "out of memory");
        return 0;
    }
    for (size_t i = 0; i < texts->count && count; i++) {
        const char *text = texts->items[i];
        size_t port = find_named(model, count, get, text);
        if (port < count)
            text += strlen(get(model, port)->name) + 1;
        else
            port = find_emptiest(p);
        p->files[port].items[p->files[port].count++] = text;
    }
    return 1;
}

void ports_free(ports *p)
{
    for (size_t i = 0; p->files && i < p->count; i++)
        free(p->files[i].items);
    free(p->files);
    p->files = NULL;
}
