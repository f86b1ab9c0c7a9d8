/* The options that override how pictures are prepared. */
#ifndef CLARUS_PREPROCESS_H
#define CLARUS_PREPROCESS_H

#include "command.h"

#include <limits.h>

typedef struct preprocess_options {
    const char *size, *crop, *mean, *std, *scale, *channels, *resample, *geometry;
} preprocess_options;

/* clang-format off */
#define PREPROCESS_OPTIONS(o) \
    {"Preparing pictures (default: as the model's folder says, else as torchvision)", NULL, OPTION_GROUP, NULL, 0, 0, NULL}, \
    {"size", "N|WxH", OPTION_TEXT, &(o)->size, 0, 0, \
     "resize the short side to N, or both (default: 8/7 of the network's input, so 256 for 224; inputs below 64: " \
     "the input's own size)"}, \
    {"crop", "N|WxH", OPTION_TEXT, &(o)->crop, 0, 0, \
     "cut the centre; 0: do not cut (default: the network's input)"}, \
    {"channels", "ORDER", OPTION_TEXT, &(o)->channels, 0, 0, \
     "rgb, bgr or gray (default: rgb; gray for networks with one input channel)"}, \
    {"resample", "FILTER", OPTION_TEXT, &(o)->resample, 0, 0, \
     "nearest, bilinear, bicubic or lanczos, as Pillow has them (default: bilinear)"}, \
    {"geometry", "RULE", OPTION_TEXT, &(o)->geometry, 0, 0, \
     "how the long side and the crop's offset become integers: torchvision, huggingface or rounded (default: torchvision; " \
     "a model's folder: huggingface)"}, \
    {"scale", "F", OPTION_TEXT, &(o)->scale, 0, 0, \
     "multiply bytes by F, such as 1/127.5 (default: 1/255)"}, \
    {"mean", "M[,M,M]", OPTION_TEXT, &(o)->mean, 0, 0, \
     "then subtract, one value or one per channel (default: 0; if none of scale, mean and std is given and the network " \
     "takes three channels, ImageNet's 0.485,0.456,0.406)"}, \
    {"std", "S[,S,S]", OPTION_TEXT, &(o)->std, 0, 0, \
     "then divide by (default: 1; ImageNet's 0.229,0.224,0.225 as above)"}
/* clang-format on */

/* The model's way, or the default one, with the options over it. EXIT_OK, or an exit code after a message. */
int preprocess_apply(const preprocess_options *options, const common_options *common,
                     const clarus_model *model, clarus_preprocess *preprocess);

#endif
