/* make_corpus FOLDER: the golden models as files, seeds for fuzz_onnx. */
#include "../golden/model_text.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const texts[] = {
#define GOLDEN(name, text) text,
#include "../golden/cases.def"
#undef GOLDEN
};

int main(int argc, char **argv)
{
    int bad = argc != 2;
    for (size_t k = 0; !bad && k < sizeof texts / sizeof *texts; k++) {
        char path[4096];
        size_t size = 0;
        void *bytes = model_text_pack(texts[k], &size);
        snprintf(path, sizeof path, "%s/%zu.onnx", argv[1], k);
        FILE *file = bytes ? fopen(path, "wb") : NULL;
        bad = !file || fwrite(bytes, 1, size, file) != size;
        bad |= file && fclose(file) != 0;
        free(bytes);
    }
    if (bad)
        fprintf(stderr, "usage: make_corpus FOLDER\n");
    return bad;
}
