/* An OpenCL driver that fails on demand, for what no hardware does when asked. CLARUS_FAKE chooses:
 *
 *    exit            the driver ends the process
 *    no_platform     the driver loads and has no platform
 *    no_device       one platform without a device
 *    build_failure   a GPU whose compiler refuses every program, with a log
 *    wrong_result    a GPU that computes nothing: buffers read as zeros
 *
 * It has just the calls that the library makes on the way to a self-test. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_ext.h>
#include <CL/cl_icd.h>

#include <stdlib.h>
#include <string.h>

/* The loader finds our functions through the first field of every object. Objects have no state, so one
 * of each kind does. */
static cl_icd_dispatch functions;

struct _cl_platform_id {
    cl_icd_dispatch *dispatch;
};
struct _cl_device_id {
    cl_icd_dispatch *dispatch;
};
struct _cl_context {
    cl_icd_dispatch *dispatch;
};
struct _cl_command_queue {
    cl_icd_dispatch *dispatch;
};
struct _cl_program {
    cl_icd_dispatch *dispatch;
};
struct _cl_kernel {
    cl_icd_dispatch *dispatch;
};
struct _cl_mem {
    cl_icd_dispatch *dispatch;
};

static struct _cl_platform_id the_platform = {&functions};
static struct _cl_device_id the_device = {&functions};
static struct _cl_context the_context = {&functions};
static struct _cl_command_queue the_queue = {&functions};
static struct _cl_program the_program = {&functions};
static struct _cl_kernel the_kernel = {&functions};
static struct _cl_mem the_memory = {&functions};

static int is_case(const char *name)
{
    const char *wanted = getenv("CLARUS_FAKE");
    return wanted && strcmp(wanted, name) == 0;
}

/* ---- Questions ---- */

static cl_int answer(const void *value, size_t bytes, size_t size, void *out, size_t *needed)
{
    if (needed)
        *needed = bytes;
    if (out && size < bytes)
        return CL_INVALID_VALUE;
    if (out)
        memcpy(out, value, bytes);
    return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t size, void *out, size_t *needed)
{
    return answer(text, strlen(text) + 1, size, out, needed);
}

static cl_int answer_uint(cl_uint value, size_t size, void *out, size_t *needed)
{
    return answer(&value, sizeof value, size, out, needed);
}

static cl_int answer_ulong(cl_ulong value, size_t size, void *out, size_t *needed)
{
    return answer(&value, sizeof value, size, out, needed);
}

static cl_int platform_info(cl_platform_id platform, cl_platform_info what, size_t size, void *out,
                            size_t *needed)
{
    (void)platform;
    switch (what) {
    case CL_PLATFORM_NAME:
        return answer_text("Fake", size, out, needed);
    case CL_PLATFORM_VENDOR:
        return answer_text("Clarus tests", size, out, needed);
    case CL_PLATFORM_VERSION:
        return answer_text("OpenCL 1.2 fake", size, out, needed);
    case CL_PLATFORM_PROFILE:
        return answer_text("FULL_PROFILE", size, out, needed);
    case CL_PLATFORM_EXTENSIONS:
        return answer_text("cl_khr_icd", size, out, needed);
    case CL_PLATFORM_ICD_SUFFIX_KHR:
        return answer_text("FAKE", size, out, needed);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_int device_ids(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *out,
                         cl_uint *count)
{
    (void)platform;
    if (is_case("no_device") || !(type & CL_DEVICE_TYPE_GPU)) {
        if (count)
            *count = 0;
        return CL_DEVICE_NOT_FOUND;
    }
    if (count)
        *count = 1;
    if (out && room)
        *out = &the_device;
    return CL_SUCCESS;
}

static cl_int device_info(cl_device_id device, cl_device_info what, size_t size, void *out, size_t *needed)
{
    (void)device;
    switch (what) {
    case CL_DEVICE_NAME: /* with what a terminal must not see */
        return answer_text("  Fake GPU\033[31m\n", size, out, needed);
    case CL_DEVICE_VENDOR:
        return answer_text("Clarus tests", size, out, needed);
    case CL_DEVICE_VERSION:
        return answer_text("OpenCL 1.2 fake", size, out, needed);
    case CL_DRIVER_VERSION:
        return answer_text("1", size, out, needed);
    case CL_DEVICE_EXTENSIONS:
        return answer_text("", size, out, needed);
    case CL_DEVICE_TYPE:
        return answer_ulong(CL_DEVICE_TYPE_GPU, size, out, needed);
    case CL_DEVICE_SINGLE_FP_CONFIG:
        return answer_ulong(CL_FP_ROUND_TO_NEAREST | CL_FP_FMA | CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT, size,
                            out, needed);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        return answer_ulong(1 << 30, size, out, needed);
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE:
        return answer_uint(CL_TRUE, size, out, needed);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return answer_uint(4, size, out, needed);
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
        return answer_uint(1, size, out, needed);
    case CL_DEVICE_PLATFORM: {
        cl_platform_id platform = &the_platform;
        return answer(&platform, sizeof(cl_platform_id), size, out, needed);
    }
    default:
        return CL_INVALID_VALUE;
    }
}

/* ---- Objects ---- */

static cl_context create_context(const cl_context_properties *properties, cl_uint count,
                                 const cl_device_id *devices,
                                 void (*notify)(const char *, const void *, size_t, void *), void *user,
                                 cl_int *code)
{
    (void)properties, (void)count, (void)devices, (void)notify, (void)user;
    if (code)
        *code = CL_SUCCESS;
    return &the_context;
}

static cl_command_queue create_queue(cl_context context, cl_device_id device,
                                     cl_command_queue_properties properties, cl_int *code)
{
    (void)context, (void)device, (void)properties;
    if (code)
        *code = CL_SUCCESS;
    return &the_queue;
}

static cl_mem create_buffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
    (void)context, (void)flags, (void)size, (void)host;
    if (code)
        *code = CL_SUCCESS;
    return &the_memory;
}

static cl_program create_program(cl_context context, cl_uint count, const char **texts, const size_t *lengths,
                                 cl_int *code)
{
    (void)context, (void)count, (void)texts, (void)lengths;
    if (code)
        *code = CL_SUCCESS;
    return &the_program;
}

static cl_int build_program(cl_program program, cl_uint count, const cl_device_id *devices,
                            const char *options, void (*notify)(cl_program, void *), void *user)
{
    (void)program, (void)count, (void)devices, (void)options, (void)notify, (void)user;
    return is_case("build_failure") ? CL_BUILD_PROGRAM_FAILURE : CL_SUCCESS;
}

static cl_int build_info(cl_program program, cl_device_id device, cl_program_build_info what, size_t size,
                         void *out, size_t *needed)
{
    (void)program, (void)device;
    return what == CL_PROGRAM_BUILD_LOG ? answer_text("line 7: error: no such luck\n", size, out, needed)
                                        : CL_INVALID_VALUE;
}

static cl_int program_info(cl_program program, cl_program_info what, size_t size, void *out, size_t *needed)
{
    (void)program;
    return what == CL_PROGRAM_BINARY_SIZES ? answer_ulong(0, size, out, needed) : CL_INVALID_VALUE;
}

static cl_kernel create_kernel(cl_program program, const char *name, cl_int *code)
{
    (void)program, (void)name;
    if (code)
        *code = CL_SUCCESS;
    return &the_kernel;
}

static cl_int set_argument(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
    (void)kernel, (void)index, (void)size, (void)value;
    return CL_SUCCESS;
}

static cl_int release_context(cl_context object)
{
    (void)object;
    return CL_SUCCESS;
}

static cl_int release_queue(cl_command_queue object)
{
    (void)object;
    return CL_SUCCESS;
}

static cl_int release_memory(cl_mem object)
{
    (void)object;
    return CL_SUCCESS;
}

static cl_int release_program(cl_program object)
{
    (void)object;
    return CL_SUCCESS;
}

static cl_int release_kernel(cl_kernel object)
{
    (void)object;
    return CL_SUCCESS;
}

/* ---- Work ---- */

static cl_int launch(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,
                     const size_t *global, const size_t *local, cl_uint count, const cl_event *waits,
                     cl_event *event)
{
    (void)queue, (void)kernel, (void)dimensions, (void)offset, (void)global, (void)local;
    (void)count, (void)waits, (void)event;
    return CL_SUCCESS;
}

static cl_int read_buffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t size,
                          void *out, cl_uint count, const cl_event *waits, cl_event *event)
{
    (void)queue, (void)memory, (void)blocking, (void)offset, (void)count, (void)waits, (void)event;
    memset(out, 0, size);
    return CL_SUCCESS;
}

static cl_int finish(cl_command_queue queue)
{
    (void)queue;
    return CL_SUCCESS;
}

/* ---- What the loader asks for ---- */

static cl_int platform_ids(cl_uint room, cl_platform_id *out, cl_uint *count)
{
    if (is_case("exit"))
        exit(1);
    if (is_case("no_platform")) {
        if (count)
            *count = 0;
        return CL_PLATFORM_NOT_FOUND_KHR;
    }
    if (count)
        *count = 1;
    if (out && room)
        *out = &the_platform;
    return CL_SUCCESS;
}

__attribute__((visibility("default"))) CL_API_ENTRY void *CL_API_CALL
clGetExtensionFunctionAddress(const char *name)
{
    if (strcmp(name, "clIcdGetPlatformIDsKHR") == 0)
        return (void *)platform_ids;
    if (strcmp(name, "clGetPlatformInfo") == 0)
        return (void *)platform_info;
    return NULL;
}

__attribute__((constructor)) static void fill_functions(void)
{
    functions.clGetPlatformInfo = platform_info;
    functions.clGetDeviceIDs = device_ids;
    functions.clGetDeviceInfo = device_info;
    functions.clCreateContext = create_context;
    functions.clReleaseContext = release_context;
    functions.clCreateCommandQueue = create_queue;
    functions.clReleaseCommandQueue = release_queue;
    functions.clCreateBuffer = create_buffer;
    functions.clReleaseMemObject = release_memory;
    functions.clCreateProgramWithSource = create_program;
    functions.clBuildProgram = build_program;
    functions.clGetProgramBuildInfo = build_info;
    functions.clGetProgramInfo = program_info;
    functions.clReleaseProgram = release_program;
    functions.clCreateKernel = create_kernel;
    functions.clReleaseKernel = release_kernel;
    functions.clSetKernelArg = set_argument;
    functions.clEnqueueNDRangeKernel = launch;
    functions.clEnqueueReadBuffer = read_buffer;
    functions.clFinish = finish;
}
