/* What the library makes of drivers that fail, with the driver of tests/fake_driver. */
#include "device_test.h"

static const char *vendors; /* folder with the fake driver's .icd file */

typedef struct fake_case {
    const char *name;
    const char *wanted;
    const char *message; /* part of the error, or of the reason where the device opens */
    size_t devices;      /* in the list, the reference included */
    clarus_device_status status;
    int with_pocl;
} fake_case;

static void check_open(clarus_context *context, const fake_case *c)
{
    clarus_error error = {0};
    clarus_device *device = NULL;
    clarus_status status = clarus_device_open(context, c->wanted, &device, &error);
    if (c->with_pocl) {
        CHECK(status == CLARUS_OK, "%s: %s", c->name, error.message);
        const clarus_device_info *info = status == CLARUS_OK ? clarus_device_get_info(device) : NULL;
        CHECK(info && info->is_auto && info->type == CLARUS_DEVICE_CPU, "%s", c->name);
        CHECK(info && strstr(info->reason, c->message), "%s: reason %s", c->name, info ? info->reason : "");
    } else {
        CHECK(status == CLARUS_E_DEVICE && error.status == CLARUS_E_DEVICE, "%s: status %d", c->name, status);
        CHECK(strstr(error.message, c->message), "%s: message %s", c->name, error.message);
    }
    clarus_device_free(device);
}

static void check_list(clarus_context *context, const fake_case *c)
{
    clarus_error error = {0};
    clarus_device_list *list = NULL;
    CHECK(clarus_device_list_create(context, &list, &error) == CLARUS_OK, "%s: %s", c->name, error.message);
    if (!list)
        return;
    size_t count = clarus_device_list_count(list);
    CHECK(count == c->devices, "%s: %zu devices", c->name, count);
    CHECK(!clarus_device_list_get(list, count), "%s: a device behind the last", c->name);
    for (size_t i = 0; i < count; i++) {
        const clarus_device_info *info = clarus_device_list_get(list, i);
        CHECK(info->index == (int)i, "%s: index %d at %zu", c->name, info->index, i);
        if (strcmp(info->platform, "Fake") != 0)
            continue;
        CHECK(i == 0 && info->status == c->status && !info->is_auto, "%s: %d at %zu", c->name, info->status,
              i);
        CHECK(strcmp(info->name, "Fake GPU?[31m") == 0, "%s: name %s", c->name, info->name);
        CHECK(strstr(info->reason, c->message), "%s: reason %s", c->name, info->reason);
    }
    CHECK(clarus_device_list_get(list, count - 1)->type == CLARUS_DEVICE_REFERENCE, "%s", c->name);
    CHECK((*clarus_device_list_advice(list) == 0) == c->with_pocl, "%s: %s", c->name,
          clarus_device_list_advice(list));
    clarus_device_list_free(list);
}

static void run_case(const void *user)
{
    const fake_case *c = user;
    setenv("OCL_ICD_VENDORS", vendors, 1);
    setenv("CLARUS_FAKE", c->name, 1);
    clarus_context *context = make_context("", 0);
    check_open(context, c);
    check_list(context, c);
    clarus_context_free(context);
}

static int driver_is_loaded(void)
{
    char line[4096];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        found |= strstr(line, FAKE_DRIVER) != NULL;
    if (maps)
        fclose(maps);
    return found;
}

/* The reference needs no driver, and loads none. */
static void open_reference(const void *user)
{
    (void)user;
    setenv("OCL_ICD_VENDORS", vendors, 1);
    setenv("CLARUS_FAKE", "no_device", 1);
    clarus_context *context = make_context("", 0);
    clarus_device *device = NULL;
    CHECK(clarus_device_open(context, "reference", &device, NULL) == CLARUS_OK && !driver_is_loaded(),
          "a driver is loaded");
    clarus_device_free(device);
    CHECK(clarus_device_open(context, "fake", &device, NULL) == CLARUS_E_DEVICE && driver_is_loaded(),
          "no driver is loaded");
    clarus_context_free(context);
}

int main(void)
{
    static const fake_case alone[] = {
        {"no_platform", NULL, "PoCL is not among the OpenCL drivers", 1, CLARUS_DEVICE_OK, 0},
        {"no_device", NULL, "no usable OpenCL device", 1, CLARUS_DEVICE_OK, 0},
        {"no_device", "GPU", "there is none of this number or name", 1, CLARUS_DEVICE_OK, 0},
        {"build_failure", NULL, "no such luck", 2, CLARUS_DEVICE_UNUSABLE, 0},
        {"build_failure", "fake", "line 7: error: no such luck", 2, CLARUS_DEVICE_UNUSABLE, 0},
        {"wrong_result", NULL, "self-test: fma: ", 2, CLARUS_DEVICE_FAILED, 0},
        {"wrong_result", "0", "self-test: fma: ", 2, CLARUS_DEVICE_FAILED, 0},
        {"wrong_result", "FAKE", "convolution: output channel 0", 2, CLARUS_DEVICE_FAILED, 0},
    };
    static const fake_case with_pocl[] = {
        {"no_platform", NULL, "the first choice", 2, CLARUS_DEVICE_OK, 1},
        {"build_failure", NULL, "no such luck", 3, CLARUS_DEVICE_UNUSABLE, 1},
        {"wrong_result", NULL, "self-test: fma: ", 3, CLARUS_DEVICE_FAILED, 1},
    };
    int pocl = has_pocl();
    clean_environment();
    vendors = make_folder();
    write_text(vendors, "fake.icd", "%s\n", FAKE_DRIVER);
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        in_child(alone[i].name, run_case, &alone[i]);
    in_child("reference", open_reference, NULL);
    if (pocl) {
        add_pocl(vendors);
        for (size_t i = 0; i < sizeof with_pocl / sizeof *with_pocl; i++)
            in_child(with_pocl[i].name, run_case, &with_pocl[i]);
    }
    remove_folder(vendors);
    return test_result();
}
