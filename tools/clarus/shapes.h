/* Shapes and types in words, and --shape. */
#ifndef CLARUS_SHAPES_H
#define CLARUS_SHAPES_H

#include "command.h"
#include "json.h"

/* "float32 Nx3x224x224"; an open dimension by its name, or "?". text has room for SHAPE_WORDS characters;
 * returned. */
enum { SHAPE_WORDS = 512 };
const char *shape_words(const clarus_value_info *info, char *text);
/* "name", "dtype" and "shape" (open dimensions as their name, or null) of an object that is open. */
void json_value_info(json *j, const clarus_value_info *info);

/* NAME=1x3x224x224 of every --shape into *shapes, an array to be freed with free. EXIT_OK or EXIT_USAGE after
 * a message. */
int shapes_parse(const common_options *common, const clarus_model *model, const text_list *texts,
                 clarus_shape **shapes);

#endif
