// SPDX-License-Identifier: Apache-2.0
#include "vm/device_tree/aarch64.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
extern "C" {
#include <libfdt.h>
}

#include "vm/aarch64/board.hpp"

namespace gimbal::device_tree {
namespace {

/// A tree read back with libfdt's checked, read-only calls.
class Tree {
public:
    explicit Tree(const Aarch64Machine& machine) : blob_(1 << 20)
    {
        const auto size = write(blob_, machine);
        if (!size) return;
        blob_.resize(*size);
        valid_ = fdt_check_full(blob_.data(), blob_.size()) == 0;
    }
    bool valid() const { return valid_; }
    bool has(const char* path) const { return fdt_path_offset(blob_.data(), path) >= 0; }

    std::string text(const char* path, const char* name) const
    {
        int size = 0;
        const void* const value = fdt_getprop(blob_.data(), fdt_path_offset(blob_.data(), path), name, &size);
        return value == nullptr ? "none" : std::string(static_cast<const char*>(value), static_cast<usize>(size));
    }
    std::vector<u32> cells(const char* path, const char* name) const
    {
        const std::string raw = text(path, name);
        std::vector<u32> values(raw.size() / 4);
        for (usize i = 0; i < values.size(); ++i)
            values[i] = fdt32_ld(reinterpret_cast<const fdt32_t*>(raw.data()) + i);
        return values;
    }

private:
    std::vector<u8> blob_;
    bool valid_{};
};

using Cells = std::vector<u32>;
using namespace std::string_literals;

constexpr std::string_view bootargs = "console=ttyAMA0 quiet";

Aarch64Machine machine()
{
    Aarch64Machine result;
    result.memory_size = u64{5} << 30;
    result.bootargs = bootargs;
    result.kaslr_seed = 0x1122'3344'5566'7788;
    result.rng_seed.fill(0xa5);
    return result;
}

TEST(DeviceTree, memory_and_chosen)
{
    const Tree tree(machine());
    ASSERT_TRUE(tree.valid());
    EXPECT_EQ(tree.cells("/memory@40000000", "reg"), (Cells{0, 0x4000'0000, 1, 0x4000'0000}));
    EXPECT_EQ(tree.text("/chosen", "bootargs"), std::string(bootargs) + '\0');
    EXPECT_EQ(tree.text("/chosen", "stdout-path"), "/pl011@9000000\0"s);
    EXPECT_TRUE(tree.has("/pl011@9000000"));
    EXPECT_EQ(tree.cells("/chosen", "kaslr-seed"), (Cells{0x1122'3344, 0x5566'7788}));
    EXPECT_EQ(tree.text("/chosen", "rng-seed"), std::string(32, '\xa5'));
    EXPECT_EQ(tree.text("/chosen", "linux,initrd-start"), "none");
}

TEST(DeviceTree, initrd)
{
    Aarch64Machine with = machine();
    with.initrd = {0x4800'0000};
    with.initrd_size = 0x1234;
    const Tree tree(with);
    ASSERT_TRUE(tree.valid());
    EXPECT_EQ(tree.cells("/chosen", "linux,initrd-start"), (Cells{0, 0x4800'0000}));
    EXPECT_EQ(tree.cells("/chosen", "linux,initrd-end"), (Cells{0, 0x4800'1234}));
}

TEST(DeviceTree, processors_start_through_psci)
{
    Aarch64Machine many = machine();
    many.cpu_count = 18;
    const Tree tree(many);
    ASSERT_TRUE(tree.valid());
    EXPECT_EQ(tree.cells("/cpus/cpu@0", "reg"), Cells{0});
    EXPECT_EQ(tree.cells("/cpus/cpu@101", "reg"), Cells{0x101}); // the eighteenth: cluster 1, core 1
    EXPECT_FALSE(tree.has("/cpus/cpu@102"));
    EXPECT_EQ(tree.text("/cpus/cpu@f", "enable-method"), "psci\0"s);
    EXPECT_EQ(tree.text("/psci", "method"), "hvc\0"s);
    EXPECT_EQ(tree.text("/psci", "compatible"), "arm,psci-1.0\0arm,psci-0.2\0"s);
}

TEST(DeviceTree, interrupts)
{
    const Tree tree(machine());
    ASSERT_TRUE(tree.valid());
    EXPECT_EQ(tree.cells("/intc@8000000", "reg"), (Cells{0, 0x0800'0000, 0, 0x1'0000, 0, 0x080a'0000, 0, 0xf6'0000}));
    EXPECT_EQ(tree.cells("/intc@8000000", "phandle"), tree.cells("/", "interrupt-parent"));
    EXPECT_EQ(tree.cells("/timer", "interrupts"), (Cells{1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4}));
    EXPECT_EQ(tree.cells("/pl011@9000000", "interrupts"), (Cells{0, 1, 4}));
    const Cells clock = tree.cells("/apb-pclk", "phandle");
    EXPECT_EQ(tree.cells("/pl011@9000000", "clocks"), (Cells{clock[0], clock[0]}));
}

TEST(DeviceTree, the_power_key_is_on_line_3_of_the_gpio)
{
    Aarch64Machine with = machine();
    EXPECT_FALSE(Tree(with).has("/gpio-keys"));
    with.has_power_key = true;
    const Tree tree(with);
    ASSERT_TRUE(tree.valid());
    EXPECT_EQ(tree.text("/pl061@9030000", "compatible"), "arm,pl061\0arm,primecell\0"s);
    EXPECT_EQ(tree.cells("/pl061@9030000", "interrupts"), (Cells{0, 7, 4}));
    EXPECT_EQ(tree.cells("/pl061@9030000", "#gpio-cells"), Cells{2});
    EXPECT_EQ(tree.text("/pl061@9030000", "gpio-controller"), "");
    const Cells gpio = tree.cells("/pl061@9030000", "phandle");
    EXPECT_EQ(tree.cells("/gpio-keys/poweroff", "gpios"), (Cells{gpio[0], 3, 0}));
    EXPECT_EQ(tree.cells("/gpio-keys/poweroff", "linux,code"), Cells{116}); // KEY_POWER
}

TEST(DeviceTree, only_what_is_there)
{
    Aarch64Machine with = machine();
    EXPECT_FALSE(Tree(with).has("/pl031@9010000"));
    EXPECT_FALSE(Tree(with).has("/virtio_mmio@a000000"));
    with.has_clock = true;
    with.virtio_slots = 0x8000'0001;
    const Tree tree(with);
    ASSERT_TRUE(tree.valid());
    EXPECT_EQ(tree.cells("/pl031@9010000", "interrupts"), (Cells{0, 2, 4}));
    EXPECT_EQ(tree.cells("/virtio_mmio@a000000", "reg"), (Cells{0, 0x0a00'0000, 0, 0x200}));
    EXPECT_EQ(tree.cells("/virtio_mmio@a003e00", "interrupts"), (Cells{0, 47, 4}));
    EXPECT_FALSE(tree.has("/virtio_mmio@a000200"));
}

TEST(DeviceTree, refuses_bad_machines)
{
    std::vector<u8> out(1 << 20);
    const auto error = [&](auto change) {
        Aarch64Machine bad = machine();
        change(bad);
        const auto size = write(out, bad);
        EXPECT_FALSE(size);
        return size ? Error{} : size.error();
    };
    EXPECT_EQ(error([](auto& m) { m.cpu_count = 0; }), Error::bad_cpu_count);
    EXPECT_EQ(error([](auto& m) { m.cpu_count = board::aarch64::max_cpus + 1; }), Error::bad_cpu_count);
    EXPECT_EQ(error([](auto& m) { m.memory_size = 0; }), Error::bad_memory);
    EXPECT_EQ(error([](auto& m) { m.memory_size = u64{1} << 40; }), Error::bad_memory);
    EXPECT_EQ(error([](auto& m) { m.bootargs = std::string_view("a\0b", 3); }), Error::bad_bootargs);
    static const std::string long_args(max_bootargs + 1, 'x');
    EXPECT_EQ(error([](auto& m) { m.bootargs = long_args; }), Error::bad_bootargs);
    EXPECT_EQ(error([](auto& m) {
                  m.initrd = {0x4000'0000};
                  m.initrd_size = m.memory_size + 1;
              }),
              Error::bad_initrd);
    EXPECT_EQ(error([](auto& m) { m.initrd_size = 1; }), Error::bad_initrd);
}

TEST(DeviceTree, the_largest_machine_fits_and_small_buffers_are_refused)
{
    Aarch64Machine largest = machine();
    largest.cpu_count = board::aarch64::max_cpus;
    largest.virtio_slots = ~u32{0};
    static const std::string long_args(max_bootargs, 'x');
    largest.bootargs = long_args;
    std::vector<u8> out(128 << 10);
    const auto full = write(out, largest);
    ASSERT_TRUE(full);
    for (usize size = 0; size < *full; size += 97) {
        std::vector<u8> small(size);
        const auto refused = write(small, largest);
        ASSERT_FALSE(refused) << size;
        EXPECT_EQ(refused.error(), Error::no_space);
    }
}

TEST(DeviceTree, pci_bus_of_the_channels)
{
    EXPECT_FALSE(Tree(machine()).has("/pcie@3f000000"));
    Aarch64Machine with = machine();
    with.has_pci = true;
    const Tree tree(with);
    ASSERT_TRUE(tree.valid());
    EXPECT_EQ(tree.text("/pcie@3f000000", "compatible"), "pci-host-ecam-generic\0"s);
    EXPECT_EQ(tree.cells("/pcie@3f000000", "reg"), (Cells{0, 0x3f00'0000, 0, 0x10'0000}));
    EXPECT_EQ(tree.cells("/pcie@3f000000", "bus-range"), (Cells{0, 0}));
    EXPECT_EQ(tree.cells("/pcie@3f000000", "ranges"),
              (Cells{0x0200'0000, 0, 0x1000'0000, 0, 0x1000'0000, 0, 0x100'0000, //
                     0x4200'0000, 0, 0x1100'0000, 0, 0x1100'0000, 0, 0x2dff'0000}));
    const Cells map = tree.cells("/pcie@3f000000", "interrupt-map");
    ASSERT_EQ(map.size(), 32U);
    for (u32 device = 0; device < 4; ++device) {
        const Cells entry(map.begin() + device * 8, map.begin() + device * 8 + 8);
        EXPECT_EQ(entry, (Cells{device << 11, 0, 0, 1, tree.cells("/intc@8000000", "phandle")[0], 0, 3 + device, 4}));
    }
    EXPECT_EQ(tree.cells("/intc@8000000", "#address-cells"), Cells{0});
}

} // namespace
} // namespace gimbal::device_tree
