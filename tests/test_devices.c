/* The rows of devices/devices.def: every kind of device gets parameters that the kernels can be built with,
 * and the special rows override the general ones. */
#include "test.h"

#include "../devices/device_params.h"

static void check_legal(const device_facts *facts)
{
    device_params p;
    device_params_find(facts, &p);
    int lanes_fit = p.lanes == 1 || p.lanes == 4 || p.lanes == 8 || p.lanes == 16;
    CHECK(lanes_fit, "%s: %d lanes", p.name, p.lanes);
    CHECK(p.group_size > 0 && (p.group_size == 1 || p.lanes * p.group_size % 16 == 0) &&
              p.lanes * p.group_size <= 256,
          "%s: groups of %d", p.name, p.group_size);
    CHECK(p.tile_registers > 0 && p.tile_registers <= 256, "%s: %d registers", p.name, p.tile_registers);
    CHECK(p.alias && p.name, "no name");
    CHECK(p.rank >= 0 && p.rank <= 9, "%s: rank %d", p.name, p.rank);
}

static const clarus_device_type types[] = {CLARUS_DEVICE_CPU, CLARUS_DEVICE_GPU, CLARUS_DEVICE_ACCELERATOR};

static void test_legal(void)
{
    static const char *const names[][3] = {
        {"", "", ""},
        {"Portable Computing Language", "GenuineIntel", "pthread-skylake-avx512"},
        {"NVIDIA CUDA", "NVIDIA Corporation", "NVIDIA H100"},
        {"Oclgrind", "Oclgrind", "Oclgrind Simulator"},
        {"rusticl", "Mesa/X.org", "llvmpipe (LLVM 15.0.6, 256 bits)"},
        {"Intel(R) OpenCL", "Intel(R) Corporation", "Intel(R) Xeon(R) Processor"},
    };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (int width = 0; width <= 32; width++)
            for (size_t n = 0; n < sizeof names / sizeof *names; n++)
                check_legal(&(device_facts){types[t], width, 1 << 20, names[n][0], names[n][1], names[n][2]});
}

static device_params find(clarus_device_type type, int width, const char *platform, const char *device)
{
    device_params p;
    device_params_find(&(device_facts){type, width, 1 << 20, platform, "", device}, &p);
    return p;
}

static void test_overriding(void)
{
    device_params wide = find(CLARUS_DEVICE_CPU, 16, "", ""), narrow = find(CLARUS_DEVICE_CPU, 4, "", "");
    CHECK(wide.lanes == 16 && wide.group_size == 1, "%d lanes, groups of %d", wide.lanes, wide.group_size);
    CHECK(wide.tile_registers > narrow.tile_registers, "%d and %d registers", wide.tile_registers,
          narrow.tile_registers);
    CHECK(wide.lanes == narrow.lanes && wide.rank == narrow.rank, "a special row changed more than it says");
    CHECK(find(CLARUS_DEVICE_GPU, 1, "", "").lanes == 1, "a GPU with vectors");
}

static void test_ranks(void)
{
    int gpu = find(CLARUS_DEVICE_GPU, 1, "", "").rank,
        accelerator = find(CLARUS_DEVICE_ACCELERATOR, 1, "", "").rank;
    int cpu = find(CLARUS_DEVICE_CPU, 8, "", "").rank;
    CHECK(gpu < accelerator && accelerator < cpu, "%d, %d, %d", gpu, accelerator, cpu);
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        CHECK(find(types[t], 4, "rusticl", "llvmpipe (LLVM 15.0.6, 256 bits)").rank > cpu, "llvmpipe");
        CHECK(find(types[t], 4, "OCLGRIND", "Oclgrind Simulator").rank > cpu, "Oclgrind");
    }
}

static void test_names(void)
{
    CHECK(device_name_contains("NVIDIA CUDA", "cuda") && device_name_contains("abc", "C"), "case counts");
    CHECK(device_name_contains("aab", "ab") && device_name_contains("", "") && device_name_contains("a", ""),
          "part");
    CHECK(!device_name_contains("ab", "abc") && !device_name_contains("", "a"), "longer than the text");
}

int main(void)
{
    test_legal();
    test_overriding();
    test_ranks();
    test_names();
    return test_result();
}
