/* Every kernel against the oracle, bit for bit with guards, on one device: test_kernels DEVICE [FLOATS]. With
 * FLOATS as on a device whose vectors hold so many. Exit 77 if it is not there. */
#include "clarus.h"
#include "device.h"
#include "test.h"

static void pretend_vectors(clarus_device *device, int floats)
{
    device_identity *d = &device->identity;
    device_params_find(&(device_facts){d->type, floats, 0, d->platform_name, d->vendor, d->name}, &d->params);
}

static int report(void *user, const clarus_verify_line *line)
{
    (void)user;
    CHECK(line->equal, "%s, %s: %s", line->kernel, line->test, line->detail);
    return 0;
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : NULL;
    clarus_context *context = NULL;
    clarus_device *device = NULL;
    clarus_error error;
    if (clarus_context_create(NULL, &context, &error) != CLARUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    if (clarus_device_open(context, wanted, &device, &error) != CLARUS_OK)
        TEST_SKIP("device %s: %s", wanted ? wanted : "auto", error.message);
    if (argc > 2)
        pretend_vectors(device, atoi(argv[2]));
    clarus_status status = clarus_verify(context, device, report, NULL, &error);
    CHECK(status == CLARUS_OK, "%s", error.message);
    clarus_device_free(device);
    clarus_context_free(context);
    return test_result();
}
