/* classify PHOTO...: prints the three likeliest labels of each photograph. */
#include <clarus.h>

#include <stdio.h>

static int next_picture(void *user, clarus_picture *picture)
{
    char ***paths = user;
    picture->path = *(*paths)++;
    return picture->path != NULL;
}

static int print_result(void *user, const clarus_result *result)
{
    (void)user;
    if (result->error.status != CLARUS_OK)
        printf("%s\n", result->error.message);
    for (size_t i = 0; i < result->top_count; i++)
        printf("%s: %s %.3f\n", result->picture->path, result->top[i].label, (double)result->top[i].score);
    return 0;
}

int main(int argc, char **argv)
{
    clarus_context *context = NULL;
    clarus_device *device = NULL;
    clarus_model *model = NULL;
    clarus_error error;
    clarus_classify_options options;
    char **paths = argv + (argc > 0);
    clarus_classify_options_init(&options);
    options.top = 3;

    int ok = clarus_context_create(NULL, &context, &error) == CLARUS_OK &&
             clarus_device_open(context, NULL, &device, &error) == CLARUS_OK &&
             clarus_model_load(context, clarus_default_model_path(context), &model, &error) == CLARUS_OK &&
             clarus_classify(context, device, model, &options, next_picture, &paths, print_result, NULL,
                             &error) == CLARUS_OK;
    if (!ok)
        fprintf(stderr, "classify: %s\n", error.message);

    clarus_model_free(model);
    clarus_device_free(device);
    clarus_context_free(context);
    return !ok;
}
