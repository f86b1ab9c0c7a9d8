/* make_files FOLDER: the pictures, networks and tensors that the command-line tests use.
 *
 * The colour networks take the mean of each channel over the picture, so that a red, a green and a blue
 * picture have scores known beforehand. */
#include "onnx_builder.h"

#include <png.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *folder;
static int failed;

static const char *in_folder(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size)
        failed = 1;
    if (file && fclose(file) != 0)
        failed = 1;
}

static void make_folder(const char *name)
{
    failed |= mkdir(in_folder(name), 0777) != 0;
}

/* A picture of one colour, with some noise around it. */
static void make_picture(const char *name, unsigned width, unsigned height, const unsigned char colour[3],
                         unsigned noise)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};
    unsigned char *pixels = malloc((size_t)width * height * 3);
    unsigned state = width;
    if (!pixels)
        abort();
    for (size_t i = 0; i < (size_t)width * height * 3; i++) {
        state = state * 1664525u + 1013904223u;
        pixels[i] = (unsigned char)(colour[i % 3] ^ (state >> 24) % (noise + 1));
    }
    failed |= !png_image_write_to_file(&image, in_folder(name), 0, pixels, 0, NULL);
    free(pixels);
}

/* The first `size` bytes of a file as another. */
static void truncate_copy(const char *from, const char *to, size_t size)
{
    char bytes[4096];
    FILE *file = fopen(in_folder(from), "rb");
    size_t got = file ? fread(bytes, 1, size < sizeof bytes ? size : sizeof bytes, file) : 0;
    failed |= got != size;
    if (file)
        fclose(file);
    write_file(to, bytes, got);
}

static void make_pictures(void)
{
    static const unsigned char red[] = {250, 10, 10}, green[] = {10, 250, 10}, blue[] = {10, 10, 250};
    make_folder("pictures");
    make_folder("pictures/more");
    make_folder("pictures/.hidden");
    make_folder("empty");
    make_picture("pictures/red.png", 40, 30, red, 0);
    make_picture("pictures/green.PNG", 32, 32, green, 7);
    make_picture("pictures/more/blue.png", 90, 33, blue, 15);
    make_picture("pictures/more/noise.png", 50, 60, red, 255);
    make_picture("pictures/.hidden/red.png", 32, 32, red, 0);
    make_picture("pictures/.red.png", 32, 32, red, 0);
    truncate_copy("pictures/more/noise.png", "pictures/more/broken.png", 1000);
    write_file("pictures/notes.txt", "not a picture\n", 14);
    write_file("labels.txt", "red\ngreen\nblue\n", 15);
    write_file("two.txt", "red\ngreen\n", 10);
}

/* [batch, channels, 32, 32] to the mean of each channel, [batch, channels]; with `last` as one more operator.
 */
static void make_colour_model(const char *name, int64_t batch, int64_t channels, const char *last)
{
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 4, (int64_t[]){batch, channels, 32, 32});
    builder_node(&b, "GlobalAveragePool", "x", "mean");
    builder_node(&b, "Flatten", "mean", last ? "flat" : "y");
    if (last)
        builder_node(&b, last, "flat", "y");
    builder_output(&b, "y");
    builder_finish(&b);
    write_file(name, b.bytes, b.size);
    builder_free(&b);
}

/* A small convolutional network with an open batch: its digests look at every pixel. */
static void make_conv_model(const char *name)
{
    static float weights[8 * 3 * 3 * 3], dense[3 * 8];
    builder b;
    for (int i = 0; i < 8 * 27; i++)
        weights[i] = (float)(i * 37 % 101 - 50) / 64.0f;
    for (int i = 0; i < 24; i++)
        dense[i] = (float)(i * 29 % 31 - 15) / 16.0f;
    builder_start(&b, 13);
    builder_input(&b, "x", CLARUS_FLOAT32, 4, (int64_t[]){-1, 3, 32, 32});
    builder_initializer(&b, "w", CLARUS_FLOAT32, 4, (int64_t[]){8, 3, 3, 3}, weights);
    builder_initializer(&b, "d", CLARUS_FLOAT32, 2, (int64_t[]){3, 8}, dense);
    builder_ints(&b, builder_node(&b, "Conv", "x w", "c"), "pads", 4, (int64_t[]){1, 1, 1, 1});
    builder_node(&b, "Relu", "c", "r");
    builder_node(&b, "GlobalAveragePool", "r", "p");
    builder_node(&b, "Flatten", "p", "f");
    builder_int(&b, builder_node(&b, "Gemm", "f d", "y"), "transB", 1);
    builder_output(&b, "y");
    builder_finish(&b);
    write_file(name, b.bytes, b.size);
    builder_free(&b);
}

/* Two inputs, two outputs: a + b and a - b. */
static void make_sum_model(const char *name, clarus_dtype dtype)
{
    builder b;
    builder_start(&b, 13);
    builder_input(&b, "a", dtype, 2, (int64_t[]){2, 3});
    builder_input(&b, "b", dtype, 2, (int64_t[]){2, 3});
    builder_node(&b, "Add", "a b", "sum");
    builder_node(&b, "Sub", "a b", "difference");
    builder_output(&b, "sum");
    builder_output(&b, "difference");
    builder_finish(&b);
    write_file(name, b.bytes, b.size);
    builder_free(&b);
}

/* One node of each kind that is refused. */
static void make_refused_model(const char *name)
{
    static const struct {
        const char *name, *op, *domain;
    } nodes[] = {{"optimiser", "Adam", "ai.onnx.preview.training"},
                 {"loss", "SoftmaxCrossEntropyLoss", ""},
                 {"words", "StringSplit", ""},
                 {"list", "SequenceConstruct", ""},
                 {"dice", "RandomNormalLike", ""},
                 {"memory", "LSTM", ""},
                 {"again", "Loop", ""}};
    builder b;
    builder_start(&b, 20);
    builder_input(&b, "x", CLARUS_FLOAT32, 1, (int64_t[]){2});
    builder_node(&b, "Relu", "x", "y");
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        Onnx__Node *node = builder_node(&b, nodes[i].op, "y", nodes[i].name);
        node->name = builder_text(&b, nodes[i].name);
        node->domain = builder_text(&b, nodes[i].domain);
        builder_output(&b, nodes[i].name);
    }
    builder_finish(&b);
    write_file(name, b.bytes, b.size);
    builder_free(&b);
}

/* A tensor whose element i is a + b * i, as .npy. */
static void make_tensor(clarus_context *context, const char *name, size_t rank, const int64_t *dims, float a,
                        float b)
{
    clarus_tensor *tensor = NULL;
    if (clarus_tensor_create(context, CLARUS_FLOAT32, rank, dims, &tensor, NULL) != CLARUS_OK) {
        failed = 1;
        return;
    }
    float *values = clarus_tensor_data(tensor);
    for (size_t i = 0; i < clarus_tensor_count(tensor); i++)
        values[i] = a + b * (float)i;
    failed |= clarus_tensor_save(tensor, in_folder(name), NULL) != CLARUS_OK;
    clarus_tensor_free(tensor);
}

/* The same as a TensorProto. */
static void make_proto(const char *name, float a, float step)
{
    builder b;
    float values[6];
    for (int i = 0; i < 6; i++)
        values[i] = a + step * (float)i;
    builder_start(&b, 13);
    Onnx__Tensor *t = builder_tensor(&b, CLARUS_FLOAT32, 2, (int64_t[]){2, 3}, values);
    size_t size = onnx__tensor__get_packed_size(t);
    uint8_t *bytes = builder_alloc(&b, size);
    onnx__tensor__pack(t, bytes);
    write_file(name, bytes, size);
    builder_free(&b);
}

static void make_tensors(void)
{
    static const int64_t dims[] = {2, 3}, flat[] = {6}, pair[] = {2, 3, 32, 32};
    static const int64_t single[] = {1, 3, 32, 32};
    clarus_context *context = NULL;
    if (clarus_context_create(NULL, &context, NULL) != CLARUS_OK) {
        failed = 1;
        return;
    }
    make_tensor(context, "a.npy", 2, dims, 1, 1);
    make_tensor(context, "b.npy", 2, dims, 0.5f, 0);
    make_tensor(context, "sum.npy", 2, dims, 1.5f, 1);
    make_tensor(context, "flat.npy", 1, flat, 0, 0);
    make_tensor(context, "single.npy", 4, single, 1, 0);
    make_tensor(context, "pair.npy", 4, pair, 1, 0);
    make_proto("a.pb", 1, 1);
    make_proto("difference.pb", 0.5f, 1);
    clarus_context_free(context);
}

int main(int argc, char **argv)
{
    static const char config[] = "{\"clarus_description\": \"Names colours.\","
                                 " \"id2label\": {\"0\": \"red\", \"1\": \"green\", \"2\": \"blue\"}}\n";
    static const char preprocessor[] =
        "{\"do_resize\": true, \"size\": {\"height\": 32, \"width\": 32}, \"resample\": 2,"
        " \"do_rescale\": true, \"rescale_factor\": 0.00392156862745098, \"do_normalize\": false}\n";
    if (argc != 2)
        return 2;
    folder = argv[1];
    make_pictures();
    make_folder("colours");
    write_file("colours/config.json", config, sizeof config - 1);
    write_file("colours/preprocessor_config.json", preprocessor, sizeof preprocessor - 1);
    make_colour_model("colours/model.onnx", -1, 3, NULL);
    make_colour_model("fixed.onnx", 1, 3, NULL);
    make_colour_model("softmax.onnx", -1, 3, "Softmax");
    make_colour_model("grey.onnx", 1, 1, NULL);
    make_colour_model("strange.onnx", 1, 3, "Frobnicate");
    make_conv_model("conv.onnx");
    make_sum_model("sum.onnx", CLARUS_FLOAT32);
    make_sum_model("double.onnx", CLARUS_FLOAT64);
    make_refused_model("refused.onnx");
    make_tensors();
    if (failed)
        fprintf(stderr, "make_files: a file could not be made in %s\n", folder);
    return failed;
}
