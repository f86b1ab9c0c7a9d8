/* Opening devices: by name, by number, automatically, the reference. */
#include "clarus.h"
#include "device.h"
#include "test.h"

static void test_open(clarus_context *context, const char *wanted)
{
    clarus_error error = {0};
    clarus_device *device = NULL;
    clarus_status status = clarus_device_open(context, wanted, &device, &error);
    CHECK(status == CLARUS_OK, "%s: %s", wanted ? wanted : "auto", error.message);
    if (device) {
        const clarus_device_info *i = clarus_device_get_info(device);
        printf("%d %s | %s | %s | %s: %s\n", i->index, i->name, i->platform, i->vendor, i->driver, i->reason);
        if (!device_is_reference(device)) {
            cl_kernel kernel;
            cl_command_queue queue;
            status = device_kernel(device, KERNEL_fill, "-DLANES=1", &kernel, &error);
            CHECK(status == CLARUS_OK, "%s", error.message);
            if (kernel)
                clReleaseKernel(kernel);
            status = device_create_queue(device, 1, &queue, &error);
            CHECK(status == CLARUS_OK, "%s", error.message);
            if (queue)
                clReleaseCommandQueue(queue);
        }
    }
    clarus_device_free(device);
}

int main(void)
{
    clarus_context *context = NULL;
    clarus_error error;
    clarus_device *device;
    CHECK(clarus_context_create(NULL, &context, &error) == CLARUS_OK, "%s", error.message);
    test_open(context, NULL);
    test_open(context, "POCL");
    test_open(context, "portable");
    test_open(context, "0");
    test_open(context, "reference");
    CHECK(clarus_device_open(context, "7", &device, &error) == CLARUS_E_DEVICE, "opened");
    puts(error.message);
    CHECK(clarus_device_open(context, "no such thing", &device, &error) == CLARUS_E_DEVICE, "opened");
    puts(error.message);
    clarus_context_free(context);
    return test_result();
}
