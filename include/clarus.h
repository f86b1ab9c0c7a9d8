/* clarus.h - run ONNX image networks on decoded photographs through OpenCL.
 *
 * This is the whole public interface of libclarus. It reads from top to bottom:
 *
 *    1  Introduction          6  Images            11  Convolution and dense on their own
 *    2  Version               7  Tensors           12  Measuring and verifying
 *    3  Errors                8  Models
 *    4  Context               9  Sessions
 *    5  Devices              10  Classifying
 *
 * ============================================================================================
 * 1  Introduction
 * ============================================================================================
 * Five objects do the work. A context holds limits, the number of threads, the cache folder, the
 * allocator and the log callback. A device is one OpenCL device (or the plain C reference) that
 * passed its self-test. A model is a checked ONNX network. A session is that model, planned for one
 * device and one set of input shapes, with its buffers. An image is decoded pixels.
 *
 *     clarus_context *ctx = NULL;  clarus_device *device = NULL;
 *     clarus_model *model = NULL;  clarus_session *session = NULL;
 *     clarus_error error;
 *     if (clarus_context_create(NULL, &ctx, &error) != CLARUS_OK ||
 *         clarus_device_open(ctx, NULL, &device, &error) != CLARUS_OK ||
 *         clarus_model_load(ctx, "resnet50.onnx", &model, &error) != CLARUS_OK ||
 *         clarus_session_create(ctx, device, model, NULL, &session, &error) != CLARUS_OK)
 *         fprintf(stderr, "%s\n", error.message);
 *
 * Exactness. In the default mode, CLARUS_MATH_EXACT, the outputs are a function of the input bytes,
 * the model's bytes, the options and the numerics version alone: never of the device, the driver,
 * the number of threads or the batch size. docs/numerics.md specifies every operation.
 *
 * Return values. A function that can fail returns a clarus_status, gives its result through a pointer
 * (set to NULL or zero on failure) and takes an optional clarus_error, filled when the caller passes
 * one and the call fails. The library never prints, exits or aborts.
 *
 * Ownership. Whoever creates an object frees it; every free function accepts NULL. Objects keep what
 * they were made from alive: a context may be freed while its devices or models are in use. Pointers
 * returned by getters stay valid as long as the object that they were asked from.
 *
 * Threads. A context, a device, a model and an image, which never changes once made, may be used by any
 * number of threads at once. A session, a tensor, a convolution, a dense layer and a buffer may be used by
 * one thread at a time; several sessions of one model may run side by side. No function changes global state:
 * computing calls set the default floating-point environment for their duration and restore the caller's. A
 * process that forks after its first call must not use the library in the child, which may only exec or exit.
 *
 * Options structs begin with struct_size. Set them up with their _init function and change what
 * is needed: a zero (or NULL) field means the default.
 */
#ifndef CLARUS_H
#define CLARUS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(CLARUS_BUILDING) && (defined(__GNUC__) || defined(__clang__))
#define CLARUS_API __attribute__((visibility("default")))
#else
#define CLARUS_API
#endif

/* ============================================================================================
 * 2  Version
 * ============================================================================================ */

#define CLARUS_VERSION_MAJOR 0
#define CLARUS_VERSION_MINOR 1
#define CLARUS_VERSION_PATCH 0

/* The version of the loaded library, as "0.1.0". */
CLARUS_API const char *clarus_version(void);

/* The numerics version: equal versions promise equal bits. It changes only deliberately. */
CLARUS_API int clarus_numerics_version(void);

/* Versions of the decoders in use, as "libjpeg-turbo 2.1.5, libpng 1.6.39". */
CLARUS_API const char *clarus_decoder_versions(void);

/* ============================================================================================
 * 3  Errors
 * ============================================================================================ */

typedef enum clarus_status {
    CLARUS_OK = 0,
    CLARUS_E_ARGUMENT,    /* a parameter of the call is wrong */
    CLARUS_E_MEMORY,      /* host or device memory ran out */
    CLARUS_E_LIMIT,       /* a size exceeds a limit of the context that the caller can raise */
    CLARUS_E_IO,          /* a file cannot be opened, read or written */
    CLARUS_E_FORMAT,      /* a picture, model, tensor or JSON file is malformed */
    CLARUS_E_UNSUPPORTED, /* well-formed, but uses a feature that Clarus does not have */
    CLARUS_E_SHAPE,       /* shapes or types do not fit each other */
    CLARUS_E_DEVICE,      /* no usable device, or the one asked for is not usable */
    CLARUS_E_OPENCL,      /* an OpenCL call failed; the message names call and code */
    CLARUS_E_CANCELLED,   /* a callback or clarus_session_cancel asked to stop */
    CLARUS_E_TIMEOUT,     /* the deadline passed */
    CLARUS_E_MISMATCH,    /* a comparison differed */
    CLARUS_E_INTERNAL     /* a broken promise inside Clarus; please report it */
} clarus_status;

/* Owned by the caller; safe on the stack. message is one UTF-8 line without a newline that names the
 * thing and the numbers, for instance "conv2d: kernel 5x5 is larger than the padded input 4x4". */
typedef struct clarus_error {
    clarus_status status;
    char message[1024];
} clarus_error;

/* The name of a status, as "CLARUS_E_LIMIT"; never NULL. */
CLARUS_API const char *clarus_status_name(clarus_status status);

/* ============================================================================================
 * 4  Context
 * ============================================================================================ */

typedef struct clarus_context clarus_context;

typedef enum clarus_log_level { CLARUS_LOG_INFO = 1, CLARUS_LOG_WARNING = 2 } clarus_log_level;

/* Receives one line of text, without a newline. May be called from any thread, one call at a time. */
typedef void (*clarus_log_fn)(void *user, clarus_log_level level, const char *line);

/* Replaces malloc and free. allocate returns memory aligned for any type, or NULL. Both may be called
 * from several threads at once. Memory that drivers and decoders allocate does not pass through it. */
typedef struct clarus_allocator {
    void *(*allocate)(void *user, size_t size_bytes);
    void (*release)(void *user, void *memory);
    void *user;
} clarus_allocator;

typedef struct clarus_context_options {
    size_t struct_size;
    int threads;                       /* CPU threads for computing, decoding and packing;
                                          default: CLARUS_THREADS, else affinity mask and CPU quota */
    uint64_t max_pixels;               /* largest width x height of one picture; default 128 Mi pixels */
    uint64_t max_file_bytes;           /* largest picture, label or JSON file; default 1 GiB */
    uint64_t max_model_bytes;          /* largest model file and its external data together; default 16 GiB */
    uint64_t max_tensor_bytes;         /* largest single tensor; default 8 GiB */
    const char *cache_dir;             /* folder of the program cache; default $XDG_CACHE_HOME/clarus, else
                                          $HOME/.cache/clarus; "" switches the cache off */
    const clarus_allocator *allocator; /* copied; default malloc and free */
    clarus_log_fn log;                 /* default: log lines are dropped */
    void *log_user;
} clarus_context_options;

static inline void clarus_context_options_init(clarus_context_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* options may be NULL: all defaults. */
CLARUS_API clarus_status clarus_context_create(const clarus_context_options *options,
                                               clarus_context **context, clarus_error *error);
CLARUS_API void clarus_context_free(clarus_context *context);

/* The number of CPU threads in use, at least 1. */
CLARUS_API int clarus_context_threads(const clarus_context *context);

/* ============================================================================================
 * 5  Devices
 * ============================================================================================ */

typedef struct clarus_device clarus_device;
typedef struct clarus_device_list clarus_device_list;

typedef enum clarus_device_type {
    CLARUS_DEVICE_REFERENCE = 0, /* the plain C implementation of docs/numerics.md */
    CLARUS_DEVICE_CPU,
    CLARUS_DEVICE_GPU,
    CLARUS_DEVICE_ACCELERATOR
} clarus_device_type;

typedef enum clarus_device_status {
    CLARUS_DEVICE_OK = 0,   /* passed every test */
    CLARUS_DEVICE_FAILED,   /* works, but a property of the arithmetic or a kernel is wrong */
    CLARUS_DEVICE_UNUSABLE, /* cannot be used at all: no compiler, not available, driver error */
    CLARUS_DEVICE_UNEXAMINED
} clarus_device_status;

typedef struct clarus_device_info {
    int index; /* as `clarus devices` prints it; usable as a name for clarus_device_open; -1 on a reference
                * that was opened by its name, since no device was looked for */
    const char *name;
    const char *platform;
    const char *vendor;
    const char *driver; /* driver version */
    clarus_device_type type;
    clarus_device_status status;
    const char *reason; /* why it was chosen, failed, or was passed over; "" if nothing to say */
    int is_auto;        /* 1 on the device that an automatic choice takes */
    int compute_units;
    uint64_t memory_bytes;
} clarus_device_info;

/* Examines every device of every OpenCL platform, best first, and lists the reference device last.
 * With no platform or no device the list still has the reference, and
 * clarus_device_list_advice says what to install or set. Loads every driver: takes time and memory. */
CLARUS_API clarus_status clarus_device_list_create(clarus_context *context, clarus_device_list **list,
                                                   clarus_error *error);
CLARUS_API size_t clarus_device_list_count(const clarus_device_list *list);
/* NULL when i is out of range. */
CLARUS_API const clarus_device_info *clarus_device_list_get(const clarus_device_list *list, size_t i);
/* What to install or set to get a usable CPU device; "" when one is there. */
CLARUS_API const char *clarus_device_list_advice(const clarus_device_list *list);
CLARUS_API void clarus_device_list_free(clarus_device_list *list);

/* wanted: NULL or "" for CLARUS_DEVICE, else "auto"; "auto" examines devices in rank order (GPU, other
 * accelerator, CPU; simulators last) and takes the first that passes its self-test; "reference", which loads
 * no driver; an index; or part of the device's or platform's name, any case. Fails with CLARUS_E_DEVICE and
 * the reason if a device asked for is missing or fails its self-test, or if no device is usable. */
CLARUS_API clarus_status clarus_device_open(clarus_context *context, const char *wanted,
                                            clarus_device **device, clarus_error *error);
CLARUS_API const clarus_device_info *clarus_device_get_info(const clarus_device *device);
/* Of the last reference: with some drivers it keeps what was compiled for the next start, which takes as long
 * as compiling did. */
CLARUS_API void clarus_device_free(clarus_device *device);

/* ============================================================================================
 * 6  Images
 * ============================================================================================
 * Pixels are 8 bits per channel, interleaved (HWC), 1 channel (grey) or 3 (red, green, blue), rows
 * without padding. */

typedef struct clarus_image clarus_image;

/* Pillow's filters; equal to its `resize` byte for byte. */
typedef enum clarus_resample {
    CLARUS_RESAMPLE_DEFAULT = 0, /* bilinear */
    CLARUS_RESAMPLE_NEAREST,
    CLARUS_RESAMPLE_BILINEAR,
    CLARUS_RESAMPLE_BICUBIC,
    CLARUS_RESAMPLE_LANCZOS
} clarus_resample;

typedef struct clarus_decode_options {
    size_t struct_size;
    int channels;           /* 1 or 3; default 3 */
    int ignore_orientation; /* 1: leave the EXIF orientation unapplied */
    int alpha_discard;      /* 1: drop alpha; default: composite over the background */
    uint8_t background[3];  /* with has_background: colour under transparent pixels */
    int has_background;     /* 0: white */
} clarus_decode_options;

static inline void clarus_decode_options_init(clarus_decode_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* Decodes a JPEG or PNG file, recognised by its content. Errors name the path and the reason:
 * CLARUS_E_IO, CLARUS_E_FORMAT (damaged or truncated), CLARUS_E_UNSUPPORTED, CLARUS_E_LIMIT. */
CLARUS_API clarus_status clarus_image_load(clarus_context *context, const char *path,
                                           const clarus_decode_options *options, clarus_image **image,
                                           clarus_error *error);
/* The same from memory; name stands for the path in messages (NULL: "image"). */
CLARUS_API clarus_status clarus_image_decode(clarus_context *context, const void *bytes, size_t size_bytes,
                                             const char *name, const clarus_decode_options *options,
                                             clarus_image **image, clarus_error *error);
/* Copies raw pixels; stride_bytes is the distance between rows, at least width * channels. */
CLARUS_API clarus_status clarus_image_from_pixels(clarus_context *context, const uint8_t *pixels,
                                                  size_t width, size_t height, int channels,
                                                  size_t stride_bytes, clarus_image **image,
                                                  clarus_error *error);
/* A new image of width x height, equal to Pillow's Image.resize((width, height), filter). */
CLARUS_API clarus_status clarus_image_resize(clarus_context *context, const clarus_image *image, size_t width,
                                             size_t height, clarus_resample filter, clarus_image **resized,
                                             clarus_error *error);
CLARUS_API size_t clarus_image_width(const clarus_image *image);
CLARUS_API size_t clarus_image_height(const clarus_image *image);
CLARUS_API int clarus_image_channels(const clarus_image *image);
CLARUS_API const uint8_t *clarus_image_pixels(const clarus_image *image);
CLARUS_API void clarus_image_free(clarus_image *image);

typedef enum clarus_channel_order {
    CLARUS_CHANNELS_DEFAULT = 0, /* rgb */
    CLARUS_CHANNELS_RGB,
    CLARUS_CHANNELS_BGR,
    CLARUS_CHANNELS_GRAY
} clarus_channel_order;

/* How the long side of a resize by the short one, and the offset of a centre crop, become integers;
 * docs/pictures.md shows who does what. */
typedef enum clarus_geometry {
    CLARUS_GEOMETRY_DEFAULT = 0, /* torchvision */
    CLARUS_GEOMETRY_TORCHVISION, /* side truncated; offset rounded, ties to even */
    CLARUS_GEOMETRY_HUGGINGFACE, /* side truncated; offset rounded down */
    CLARUS_GEOMETRY_ROUNDED      /* side rounded, ties to even; offset rounded down */
} clarus_geometry;

/* How a picture becomes a network's input:
 *   decode - orient - channels - resize - crop - x scale - mean / std - NCHW float32.
 * value = (pixel * scale - mean[c]) / std[c], rounded as docs/numerics.md says. */
typedef struct clarus_preprocess {
    size_t struct_size;
    size_t resize_short; /* short side after resizing; 0: not by the short side */
    size_t resize_width; /* exact size after resizing, both or neither */
    size_t resize_height;
    size_t crop_width; /* centre crop; 0: none */
    size_t crop_height;
    clarus_geometry geometry;
    clarus_channel_order channels;
    clarus_resample resample;
    int has_scale, has_mean, has_std;
    double scale;   /* default 1/255 */
    double mean[3]; /* default 0, in units after scaling */
    double std[3];  /* default 1 */
    clarus_decode_options decode;
} clarus_preprocess;

static inline void clarus_preprocess_init(clarus_preprocess *preprocess)
{
    memset(preprocess, 0, sizeof *preprocess);
    preprocess->struct_size = sizeof *preprocess;
    clarus_decode_options_init(&preprocess->decode);
}

/* Size of the prepared picture if it does not depend on the picture; both 0 otherwise. */
CLARUS_API void clarus_preprocess_output_size(const clarus_preprocess *preprocess, size_t *width,
                                              size_t *height);
/* Writes the prepared picture, channels x height x width floats in NCHW order, to out, which has room
 * for count floats. CLARUS_E_SHAPE if the prepared picture has another size than width x height. */
CLARUS_API clarus_status clarus_image_prepare(clarus_context *context, const clarus_image *image,
                                              const clarus_preprocess *preprocess, size_t width,
                                              size_t height, float *out, size_t count, clarus_error *error);

/* ============================================================================================
 * 7  Tensors
 * ============================================================================================ */

typedef enum clarus_dtype { /* ONNX's TensorProto.DataType numbers */
                            CLARUS_FLOAT32 = 1,
                            CLARUS_UINT8 = 2,
                            CLARUS_INT8 = 3,
                            CLARUS_UINT16 = 4,
                            CLARUS_INT16 = 5,
                            CLARUS_INT32 = 6,
                            CLARUS_INT64 = 7,
                            CLARUS_BOOL = 9,
                            CLARUS_FLOAT16 = 10,
                            CLARUS_FLOAT64 = 11,
                            CLARUS_UINT32 = 12,
                            CLARUS_UINT64 = 13,
                            CLARUS_BFLOAT16 = 16
} clarus_dtype;

#define CLARUS_MAX_RANK 8

/* A dense, row-major host array. A view does not own its data. */
typedef struct clarus_tensor clarus_tensor;

/* Bytes per element; 0 for an unknown type. */
CLARUS_API size_t clarus_dtype_size(clarus_dtype dtype);
/* As "float32"; "unknown" otherwise. */
CLARUS_API const char *clarus_dtype_name(clarus_dtype dtype);

/* A zero-filled tensor. */
CLARUS_API clarus_status clarus_tensor_create(clarus_context *context, clarus_dtype dtype, size_t rank,
                                              const int64_t *shape, clarus_tensor **tensor,
                                              clarus_error *error);
/* Wraps the caller's memory of size_bytes, which must be exactly the tensor's size and outlive it. */
CLARUS_API clarus_status clarus_tensor_view(clarus_context *context, clarus_dtype dtype, size_t rank,
                                            const int64_t *shape, void *data, size_t size_bytes,
                                            clarus_tensor **tensor, clarus_error *error);
/* Reads a NumPy .npy file (C order) or an ONNX TensorProto .pb file, told apart by content. */
CLARUS_API clarus_status clarus_tensor_load(clarus_context *context, const char *path, clarus_tensor **tensor,
                                            clarus_error *error);
/* Writes a .npy file, whole or not at all. */
CLARUS_API clarus_status clarus_tensor_save(const clarus_tensor *tensor, const char *path,
                                            clarus_error *error);
CLARUS_API clarus_dtype clarus_tensor_dtype(const clarus_tensor *tensor);
CLARUS_API size_t clarus_tensor_rank(const clarus_tensor *tensor);
CLARUS_API const int64_t *clarus_tensor_shape(const clarus_tensor *tensor);
CLARUS_API size_t clarus_tensor_count(const clarus_tensor *tensor); /* elements */
CLARUS_API size_t clarus_tensor_size_bytes(const clarus_tensor *tensor);
CLARUS_API void *clarus_tensor_data(clarus_tensor *tensor);
CLARUS_API const void *clarus_tensor_const_data(const clarus_tensor *tensor);
CLARUS_API void clarus_tensor_free(clarus_tensor *tensor);

/* Largest |a - b| - (atol + rtol * |b|) over all elements, so at most 0 when they agree; NaN agrees with NaN.
 * CLARUS_E_MISMATCH if they do not agree (the message names the worst element) or differ in type or
 * shape. */
CLARUS_API clarus_status clarus_tensor_compare(const clarus_tensor *a, const clarus_tensor *b, double rtol,
                                               double atol, double *worst, clarus_error *error);

/* 32 hexadecimal digits and a terminating zero. */
typedef struct clarus_digest {
    char hex[33];
} clarus_digest;

/* XXH3-128 over the tensors' elements in order, little-endian, every NaN as 0x7FC00000 (half: 0x7E00).
 * Item `item` of `items` takes only that part of dimension 0 (a picture's part of a batch); with items
 * 1 or less, everything. */
CLARUS_API clarus_status clarus_tensors_digest(const clarus_tensor *const *tensors, size_t count,
                                               int64_t item, int64_t items, clarus_digest *digest,
                                               clarus_error *error);

/* ============================================================================================
 * 8  Models
 * ============================================================================================ */

/* Immutable after loading, shared by threads. */
typedef struct clarus_model clarus_model;

typedef struct clarus_value_info {
    const char *name;
    clarus_dtype dtype;
    size_t rank;
    int64_t shape[CLARUS_MAX_RANK];      /* -1 where the model leaves it open */
    const char *symbol[CLARUS_MAX_RANK]; /* name of an open dimension, "" if it has none */
} clarus_value_info;

/* path: an .onnx file, or a folder with model.onnx and optionally preprocessor_config.json and
 * config.json (Hugging Face's layout). External data is read from inside the model's folder only.
 * Large weights stay in their files, which stay open as long as the model, and are read when a session is
 * made: files may be unlinked or replaced meanwhile, but not written to, which is CLARUS_E_IO. Unsupported
 * operators do not fail here: see clarus_model_unsupported. */
CLARUS_API clarus_status clarus_model_load(clarus_context *context, const char *path, clarus_model **model,
                                           clarus_error *error);
/* From memory; bytes are copied. External data is refused. */
CLARUS_API clarus_status clarus_model_parse(clarus_context *context, const void *bytes, size_t size_bytes,
                                            clarus_model **model, clarus_error *error);
CLARUS_API void clarus_model_free(clarus_model *model);

CLARUS_API size_t clarus_model_input_count(const clarus_model *model);
CLARUS_API size_t clarus_model_output_count(const clarus_model *model);
CLARUS_API const clarus_value_info *clarus_model_input(const clarus_model *model, size_t i);
CLARUS_API const clarus_value_info *clarus_model_output(const clarus_model *model, size_t i);

/* One line per input or output of a type that cannot be used, with the reason, and per node that cannot run,
 * naming node, operator, opset and reason; count 0 if all can. */
CLARUS_API size_t clarus_model_unsupported_count(const clarus_model *model);
CLARUS_API const char *clarus_model_unsupported(const clarus_model *model, size_t i);

/* Operator types and how often each occurs, sorted by name. */
CLARUS_API size_t clarus_model_operator_count(const clarus_model *model);
CLARUS_API const char *clarus_model_operator(const clarus_model *model, size_t i, size_t *occurrences);
/* Elements of all initialisers. */
CLARUS_API uint64_t clarus_model_parameters(const clarus_model *model);
/* Opset of the default domain; 0 if the model says none, and has no operators of it. */
CLARUS_API int64_t clarus_model_opset(const clarus_model *model);

/* 1 and the folder's preprocessing (Hugging Face rules), or 0 if the model brings none. */
CLARUS_API int clarus_model_preprocess(const clarus_model *model, clarus_preprocess *preprocess);
/* The name of class `index`, or NULL. */
CLARUS_API const char *clarus_model_label(const clarus_model *model, size_t index);
CLARUS_API size_t clarus_model_label_count(const clarus_model *model);
/* One sentence about the model from its config.json ("clarus_description"), or "". */
CLARUS_API const char *clarus_model_description(const clarus_model *model);
/* Folder of the network that comes with Clarus, found beside the library or in the source tree that it
 * was built from; NULL if it is not there. */
CLARUS_API const char *clarus_default_model_path(clarus_context *context);

/* ============================================================================================
 * 9  Sessions
 * ============================================================================================ */

typedef struct clarus_session clarus_session;

typedef enum clarus_math {
    CLARUS_MATH_DEFAULT = 0, /* CLARUS_MATH if set, else exact */
    CLARUS_MATH_EXACT,       /* as docs/numerics.md specifies */
    CLARUS_MATH_FAST         /* may use other summation orders and precisions; results are labelled */
} clarus_math;

typedef struct clarus_shape {
    const char *name; /* a graph input */
    size_t rank;
    int64_t dims[CLARUS_MAX_RANK];
} clarus_shape;

typedef struct clarus_session_options {
    size_t struct_size;
    clarus_math math;
    int64_t batch; /* value of an open first dimension of the inputs, default 1; CLARUS_E_ARGUMENT
                      if it is 2 or more and the model fixes another */
    const clarus_shape *shapes; /* shapes of inputs with other open dimensions, as far as known; copied */
    size_t shape_count;
} clarus_session_options;

static inline void clarus_session_options_init(clarus_session_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* Plans the model for the device and the shapes, packs weights and builds kernels. Where the options leave a
 * dimension open, or the network's shapes depend on what its inputs hold, that waits for the first run.
 * CLARUS_E_UNSUPPORTED lists unsupported nodes; CLARUS_E_SHAPE names a node whose shapes do not fit. */
CLARUS_API clarus_status clarus_session_create(clarus_context *context, clarus_device *device,
                                               const clarus_model *model,
                                               const clarus_session_options *options,
                                               clarus_session **session, clarus_error *error);
/* inputs: one tensor per graph input, in graph order, with shapes and types that the model allows, whatever
 * the session was created for: plans for the last few shapes are kept, so that each is planned once. Where
 * the type is float16 or bfloat16, float32 is taken as well and rounded to nearest even; where it is float64,
 * float32 is taken as well, and what is float64 is rounded to it. outputs: one pointer per graph output, each
 * set to a new tensor of the model's type that the caller frees (all NULL on failure). */
CLARUS_API clarus_status clarus_session_run(clarus_session *session, const clarus_tensor *const *inputs,
                                            size_t input_count, clarus_tensor **outputs, size_t output_count,
                                            clarus_error *error);
/* Makes a run in progress, or the next one, end with CLARUS_E_CANCELLED. From any thread, and from signal
 * handlers. What an OpenCL device has been given is done first: a run is given as a whole. */
CLARUS_API void clarus_session_cancel(clarus_session *session);
/* 1 if all shapes are known: those of the last run, or before it those of the creation. Until then what
 * follows has open dimensions and counts nothing. */
CLARUS_API int clarus_session_is_planned(const clarus_session *session);
/* Shapes and types of inputs and outputs as planned; -1 where a dimension is not known before the first run.
 * NULL when out of range. A run may change what is pointed to. */
CLARUS_API const clarus_value_info *clarus_session_input(const clarus_session *session, size_t i);
CLARUS_API const clarus_value_info *clarus_session_output(const clarus_session *session, size_t i);
CLARUS_API const clarus_device_info *clarus_session_device(const clarus_session *session);
/* CLARUS_MATH_EXACT or CLARUS_MATH_FAST. */
CLARUS_API clarus_math clarus_session_math(const clarus_session *session);
/* Multiply-adds of one run, counted from convolutions and matrix products. */
CLARUS_API uint64_t clarus_session_macs(const clarus_session *session);
/* 1 if the network computes values that it declares as float64: they are carried in float32. */
CLARUS_API int clarus_session_narrows_float64(const clarus_session *session);
/* Kernel launches of one run. */
CLARUS_API uint64_t clarus_session_launches(const clarus_session *session);
/* The plan as text, one operation per line: values, layouts, buffers, kernels. */
CLARUS_API const char *clarus_session_plan(clarus_session *session);
CLARUS_API void clarus_session_free(clarus_session *session);

typedef struct clarus_layer_time {
    const char *name; /* node name or operator and number */
    const char *kernel;
    double ms;
    uint64_t macs;
    uint64_t read_bytes; /* inputs and weights, each once */
    uint64_t written_bytes;
} clarus_layer_time;

/* Runs once with every launch timed by itself; slower than clarus_session_run. The array belongs to
 * the session and is valid until the next call. */
CLARUS_API clarus_status clarus_session_profile(clarus_session *session, const clarus_tensor *const *inputs,
                                                size_t input_count, const clarus_layer_time **layers,
                                                size_t *layer_count, clarus_error *error);

/* ============================================================================================
 * 10  Classifying
 * ============================================================================================ */

/* One picture: image, else bytes of a file, else the file at path. Memory stays valid until its result was
 * given to the sink. */
typedef struct clarus_picture {
    const char *path; /* also names the picture in messages */
    const void *bytes;
    size_t size_bytes;
    const clarus_image *image;
    void *user; /* handed to the sink */
} clarus_picture;

typedef struct clarus_score {
    int64_t index;
    const char *label; /* "" if the model and the options name none */
    float score;
} clarus_score;

typedef struct clarus_result {
    const clarus_picture *picture;
    clarus_error error;      /* status CLARUS_OK when all went well */
    const clarus_score *top; /* best first; equal scores: lower index first */
    size_t top_count;
    clarus_digest digest; /* over all outputs, this picture's part */
    clarus_device_info const *device;
    clarus_math math;
    double decode_ms, prepare_ms, infer_ms; /* infer: the batch's time divided by its pictures */
} clarus_result;

/* Fills *picture and returns 1, or returns 0 at the end, or -1 to cancel. Called from the thread that called
 * clarus_classify, bounded read-ahead before the results. */
typedef int (*clarus_source_fn)(void *user, clarus_picture *picture);
/* Receives results in the order of the source; returns 0 to go on, anything else to cancel. Called from
 * the thread that called clarus_classify. */
typedef int (*clarus_sink_fn)(void *user, const clarus_result *result);

typedef struct clarus_classify_options {
    size_t struct_size;
    size_t top;    /* default 5 */
    int64_t batch; /* default: chosen; never changes a result */
    clarus_math math;
    const clarus_preprocess *preprocess; /* default: the model's own, else torchvision's for its input size */
    const char *const *labels;           /* label_count names; default: the model's own */
    size_t label_count;
    uint64_t deadline_ms; /* stop with CLARUS_E_TIMEOUT after so long; default never */
} clarus_classify_options;

static inline void clarus_classify_options_init(clarus_classify_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* How clarus_classify prepares pictures when its options say nothing: as the model's folder says, else as
 * torchvision does for the input's size: inputs of 64 pixels or more are the centre of a picture whose
 * short side is 8/7 of theirs (256 for 224), smaller ones the whole picture; x 1/255, and for three channels
 * ImageNet's mean and deviation. Change single fields of it and hand it over in the options.
 * CLARUS_E_UNSUPPORTED if the model does not take pictures. */
CLARUS_API clarus_status clarus_classify_preprocess(const clarus_model *model, clarus_preprocess *preprocess,
                                                    clarus_error *error);

/* Names of classes from a file. */
typedef struct clarus_labels clarus_labels;

/* path: text with one name a line (empty lines at the end do not count), or JSON: an array of names, an
 * object {"0": name, ...}, or a config.json with such an object as "id2label". */
CLARUS_API clarus_status clarus_labels_load(clarus_context *context, const char *path, clarus_labels **labels,
                                            clarus_error *error);
CLARUS_API size_t clarus_labels_count(const clarus_labels *labels);
/* clarus_labels_count names, as clarus_classify_options takes them. */
CLARUS_API const char *const *clarus_labels_names(const clarus_labels *labels);
CLARUS_API void clarus_labels_free(clarus_labels *labels);

/* Pictures in, labels out. Decoding (in the context's threads) overlaps with computing. A picture that
 * cannot be decoded yields a result with its error, and the rest goes on: the call itself then still
 * returns CLARUS_OK. The model has one image input [N,C,H,W] and its first output holds one score per
 * class. Scores are the softmax of that output unless the network ends in one. */
CLARUS_API clarus_status clarus_classify(clarus_context *context, clarus_device *device,
                                         const clarus_model *model, const clarus_classify_options *options,
                                         clarus_source_fn source, void *source_user, clarus_sink_fn sink,
                                         void *sink_user, clarus_error *error);

/* ============================================================================================
 * 11  Convolution and dense on their own
 * ============================================================================================
 * Weights are packed once; run as often as wanted. Data are host arrays or buffers that stay on the
 * device, so that calls chain. All float32. */

typedef struct clarus_buffer clarus_buffer;
typedef struct clarus_conv2d clarus_conv2d;
typedef struct clarus_dense clarus_dense;

typedef enum clarus_activation {
    CLARUS_ACTIVATION_NONE = 0,
    CLARUS_ACTIVATION_RELU, /* x < 0 ? 0 : x */
    CLARUS_ACTIVATION_CLIP  /* between activation_min and activation_max */
} clarus_activation;

typedef struct clarus_conv2d_shape {
    size_t struct_size;
    int64_t batch, in_channels, height, width; /* input [batch, in_channels, height, width] */
    int64_t out_channels, kernel_h,
        kernel_w;                   /* weights [out_channels, in_channels / groups, kernel_h, kernel_w] */
    int64_t stride_h, stride_w;     /* default 1 */
    int64_t dilation_h, dilation_w; /* default 1 */
    int64_t groups;                 /* default 1 */
    int64_t pad_top, pad_left, pad_bottom, pad_right;
    clarus_activation activation;
    float activation_min, activation_max;
} clarus_conv2d_shape;

static inline void clarus_conv2d_shape_init(clarus_conv2d_shape *shape)
{
    memset(shape, 0, sizeof *shape);
    shape->struct_size = sizeof *shape;
}

/* count float32 on the device, zero-filled. */
CLARUS_API clarus_status clarus_buffer_create(clarus_context *context, clarus_device *device, size_t count,
                                              clarus_buffer **buffer, clarus_error *error);
CLARUS_API clarus_status clarus_buffer_write(clarus_buffer *buffer, const float *data, size_t count,
                                             clarus_error *error);
CLARUS_API clarus_status clarus_buffer_read(clarus_buffer *buffer, float *data, size_t count,
                                            clarus_error *error);
CLARUS_API void clarus_buffer_free(clarus_buffer *buffer);

/* weights as above, bias of out_channels values or NULL; both copied. */
CLARUS_API clarus_status clarus_conv2d_create(clarus_context *context, clarus_device *device,
                                              const clarus_conv2d_shape *shape, const float *weights,
                                              const float *bias, clarus_conv2d **conv, clarus_error *error);
/* Output height and width. */
CLARUS_API void clarus_conv2d_output_size(const clarus_conv2d *conv, int64_t *height, int64_t *width);
/* input, output: host arrays in NCHW order. residual: NULL, or an array of the output's shape that is
 * added before the activation. */
CLARUS_API clarus_status clarus_conv2d_run(clarus_conv2d *conv, const float *input, const float *residual,
                                           float *output, clarus_error *error);
/* The same on buffers in NCHW order; returns when the output is complete. */
CLARUS_API clarus_status clarus_conv2d_run_buffers(clarus_conv2d *conv, const clarus_buffer *input,
                                                   const clarus_buffer *residual, clarus_buffer *output,
                                                   clarus_error *error);
CLARUS_API void clarus_conv2d_free(clarus_conv2d *conv);
/* Create, run and free in one call. */
CLARUS_API clarus_status clarus_conv2d_once(clarus_context *context, clarus_device *device,
                                            const clarus_conv2d_shape *shape, const float *weights,
                                            const float *bias, const float *input, float *output,
                                            clarus_error *error);

/* output[rows, out_features] = input[rows, in_features] x weights^T + bias, weights
 * [out_features, in_features] row-major, bias NULL or out_features values; both copied. */
CLARUS_API clarus_status clarus_dense_create(clarus_context *context, clarus_device *device, int64_t rows,
                                             int64_t in_features, int64_t out_features, const float *weights,
                                             const float *bias, clarus_activation activation,
                                             clarus_dense **dense, clarus_error *error);
CLARUS_API clarus_status clarus_dense_run(clarus_dense *dense, const float *input, float *output,
                                          clarus_error *error);
CLARUS_API clarus_status clarus_dense_run_buffers(clarus_dense *dense, const clarus_buffer *input,
                                                  clarus_buffer *output, clarus_error *error);
CLARUS_API void clarus_dense_free(clarus_dense *dense);

/* ============================================================================================
 * 12  Measuring and verifying
 * ============================================================================================ */

/* The device's fused multiply-add peak in GFLOP/s (two per fma), measured now, in about 0.2 s. */
CLARUS_API clarus_status clarus_device_peak(clarus_device *device, double *gflops, clarus_error *error);
/* Bytes per second, in units of 10^9, of a simple kernel that reads so many bytes and writes so many, over
 * and over (in about 0.2 s): what fits in the caches stays there. It writes at most as much as it reads, and
 * little more than 256 MiB of either. */
CLARUS_API clarus_status clarus_device_bandwidth(clarus_device *device, uint64_t read_bytes,
                                                 uint64_t written_bytes, double *gbytes_per_s,
                                                 clarus_error *error);

typedef struct clarus_verify_line {
    const char *kernel; /* operation */
    const char *test;   /* its shapes */
    int equal;          /* 1: equal to the reference bit for bit */
    const char *detail; /* first difference or error; "" otherwise */
} clarus_verify_line;

/* Returns 0 to go on. */
typedef int (*clarus_verify_fn)(void *user, const clarus_verify_line *line);

/* Every kernel against the reference, bit for bit. CLARUS_E_MISMATCH if any test differed. */
CLARUS_API clarus_status clarus_verify(clarus_context *context, clarus_device *device,
                                       clarus_verify_fn report, void *user, clarus_error *error);

#ifdef __cplusplus
}
#endif
#endif /* CLARUS_H */
