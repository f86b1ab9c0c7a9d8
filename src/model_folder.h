/* What a model folder in the Hugging Face layout brings beside the network. */
#ifndef CLARUS_MODEL_FOLDER_H
#define CLARUS_MODEL_FOLDER_H

#include "context.h"

typedef struct model_folder {
    int has_preprocess;
    clarus_preprocess preprocess;
    char **labels; /* "" where the file names none */
    size_t label_count;
    char *description;
} model_folder;

/* Reads preprocessor_config.json and config.json, each if it is there. *folder is zero before, and is
 * released by the caller in any case. */
clarus_status model_folder_read(clarus_context *context, const char *path, model_folder *folder,
                                clarus_error *error);
void model_folder_release(const clarus_context *context, model_folder *folder);

#endif
