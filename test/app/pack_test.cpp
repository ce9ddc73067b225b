// SPDX-License-Identifier: Apache-2.0
// `gimbal pack` as a user meets it: what the image holds, read as the hypervisor reads it, and what bad input gets.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" {
#include <libfdt.h>
}

#include "bare/board.hpp"
#include "bare/payload_reader.hpp"
#include "test/app/command_fixture.hpp"

namespace gimbal::test {
namespace {

namespace payload = bare::payload;

constexpr u64 hypervisor_size = 0x5000; // in memory; its file is smaller

Bytes hypervisor(u32 version = payload::version, u32 parts = 0)
{
    Bytes image = arm64_image({.image_size = hypervisor_size});
    const payload::Identity identity{payload::Identity::expected_magic, version, parts};
    std::memcpy(image.data() + payload::Identity::offset, &identity, sizeof(identity));
    return image;
}

class Pack : public Command {
protected:
    std::string text_file(const std::string& name, const std::string& text) const
    {
        return file(name, Bytes(text.begin(), text.end()));
    }
    /// A VM's file, for a kernel beside it.
    std::string vm(const std::string& name, const std::string& more = {}) const
    {
        file("Image", arm64_image({.image_size = 0x1'0000}));
        return text_file(name, "kernel = 'Image'\nmemory = '16M'\n" + more);
    }
    std::string options(const Bytes& bytes = hypervisor()) const
    {
        return " --target el2 -o " + folder_ + "packed --hypervisor " + file("el2.bin", bytes);
    }
    Outcome pack(const std::string& arguments) const { return run("pack " + arguments); }
    void expect_pack_refused(const std::string& arguments, const std::string& message) const
    {
        const Outcome outcome = pack(arguments);
        EXPECT_EQ(outcome.status, 2) << arguments;
        EXPECT_THAT(outcome.error, testing::StartsWith("gimbal: ")) << arguments;
        EXPECT_THAT(outcome.error, HasSubstr(message)) << arguments;
        EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
        EXPECT_FALSE(std::filesystem::exists(folder_ + "packed")) << arguments;
    }

    /// The image; reader() is of its payload.
    void load_image()
    {
        std::ifstream stream(folder_ + "packed", std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
        image_.resize(bytes.size() / sizeof(u64));
        std::memcpy(image_.data(), bytes.data(), bytes.size());
        size_ = bytes.size();
    }
    std::span<const u8> image() const { return {reinterpret_cast<const u8*>(image_.data()), size_}; }
    Result<payload::Reader, payload::Error> reader() const
    {
        return payload::Reader::open(image().subspan(payload::offset_behind(hypervisor_size)));
    }
    std::vector<u64> image_;
    usize size_{};
};

std::string property(std::span<const u8> tree, const char* path, const char* name)
{
    int size = 0;
    const void* const value = fdt_getprop(tree.data(), fdt_path_offset(tree.data(), path), name, &size);
    return value == nullptr ? "none" : std::string(static_cast<const char*>(value), static_cast<usize>(size));
}

TEST_F(Pack, the_image_holds_what_the_files_say)
{
    file("initrd", Bytes(5000, 0x77));
    const std::string web = vm("web.toml", "cpus = 2\ninitrd = 'initrd'\ncmdline = 'quiet'\n"
                                           "[type1]\npriority = 5\naffinity = [0, 2]\nbudget = 40\n");
    const std::string db = vm("db.toml", "name = 'the database'\n");
    const Outcome outcome = pack(web + " " + db + options());
    ASSERT_EQ(outcome.status, 0) << outcome.error;
    load_image();
    EXPECT_EQ(image_[2], size_) << "image_size covers the payload";
    const auto read = reader();
    ASSERT_TRUE(read) << payload::error_text(read.error());
    ASSERT_EQ(read->vms().size(), 2U);
    const payload::Vm& first = read->vms()[0];
    EXPECT_TRUE(payload::name(first) == "web");
    EXPECT_EQ(first.memory_size, u64{16} << 20);
    EXPECT_EQ(first.cpu_count, 2U);
    EXPECT_EQ(first.priority, 5U);
    EXPECT_EQ(first.budget, 40U);
    EXPECT_EQ(first.affinity, 5U);
    EXPECT_EQ(first.entry, 0x4000'0000U);
    ASSERT_EQ(first.piece_count, 3U);
    const auto tree = read->bytes(first.pieces[0]);
    EXPECT_EQ(first.arguments[0], first.pieces[0].gpa);
    EXPECT_EQ(property(tree, "/chosen", "bootargs"), std::string("quiet\0", 6));
    EXPECT_EQ(read->bytes(first.pieces[1]).size(), 5000U);
    EXPECT_EQ(read->bytes(first.pieces[1])[4999], 0x77);
    EXPECT_EQ(read->bytes(first.pieces[2]).size(), 0x1000U); // what is zero behind the file is not in the image
    const payload::Vm& second = read->vms()[1];
    EXPECT_TRUE(payload::name(second) == "the database");
    EXPECT_EQ(second.priority, 1U);
    EXPECT_EQ(second.budget, 0U);
    EXPECT_EQ(second.affinity, 0U);
    const auto second_tree = read->bytes(second.pieces[0]);
    EXPECT_EQ(property(second_tree, "/chosen", "bootargs"), std::string("console=ttyAMA0\0", 16));
    EXPECT_NE(property(tree, "/chosen", "rng-seed"), property(second_tree, "/chosen", "rng-seed"));
}

TEST_F(Pack, guests_are_told_of_what_the_hypervisor_has)
{
    const auto tree_for = [&](u32 parts) {
        EXPECT_EQ(pack(vm("a.toml") + options(hypervisor(payload::version, parts))).status, 0);
        load_image();
        const auto read = reader();
        const auto tree = read->bytes(read->vms()[0].pieces[0]);
        bare::Board board; // the hypervisor's reader understands its own guests' trees
        EXPECT_TRUE(bare::read_board(tree, board));
        return Bytes(tree.begin(), tree.end());
    };
    const Bytes without = tree_for(0);
    EXPECT_EQ(property(without, "/pl031@9010000", "compatible"), "none");
    EXPECT_EQ(property(without, "/gpio-keys", "compatible"), "none");
    EXPECT_NE(property(without, "/pl011@9000000", "compatible"), "none");
    const Bytes with = tree_for(payload::part_clock | payload::part_power_key);
    EXPECT_NE(property(with, "/pl031@9010000", "compatible"), "none");
    EXPECT_NE(property(with, "/gpio-keys", "compatible"), "none");
}

TEST_F(Pack, compressed_kernels_are_unpacked_and_elf_segments_stay_apart)
{
    const Bytes kernel = elf({
        {.offset = 0x1000, .virtual_address = 0x4008'0000, .physical_address = 0x4008'0000, .file_size = 0x100},
        {.offset = 0x1800, .virtual_address = 0x4028'0000, .physical_address = 0x4028'0000, .file_size = 0x80 },
    });
    file("vmlinux.gz", gzip(kernel));
    const std::string config = text_file("a.toml", "kernel = 'vmlinux.gz'\nmemory = '16M'\n");
    ASSERT_EQ(pack(config + options()).status, 0);
    load_image();
    const auto read = reader();
    ASSERT_TRUE(read);
    const payload::Vm& packed = read->vms()[0];
    ASSERT_EQ(packed.piece_count, 3U);
    EXPECT_EQ(packed.pieces[1].gpa, 0x4008'0000U);
    EXPECT_EQ(packed.pieces[2].gpa, 0x4028'0000U);
    EXPECT_EQ(packed.pieces[2].size, 0x80U);
}

TEST_F(Pack, the_report_says_how_to_boot_it)
{
    const std::string line = std::string(command) + " pack " + vm("a.toml", "[type1]\naffinity = [3]\n") + options() +
                             " >" + folder_ + "report";
    ASSERT_EQ(std::system(line.c_str()), 0);
    std::ifstream stream(folder_ + "report");
    const std::string report{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_THAT(report, HasSubstr("  a: 16 MiB, 1 vCPU on CPU 3, priority 1\n"));
    EXPECT_THAT(report, HasSubstr("-M virt,virtualization=on,gic-version=3"));
    EXPECT_THAT(report, HasSubstr("-smp 4 -m 128M"));
    EXPECT_THAT(report, HasSubstr("-kernel " + folder_ + "packed\n"));
}

TEST_F(Pack, bad_usage)
{
    const std::string good = vm("a.toml");
    expect_pack_refused("", "no virtual machine is given");
    expect_pack_refused(good, "no target is given; use --target el2");
    expect_pack_refused(good + " --target el2", "no place for the image is given; use -o FILE");
    expect_pack_refused(good + " --target lvz -o " + folder_ + "packed", "there is no target 'lvz'; expected el2");
    expect_pack_refused(good + " --target el2 --target el2 -o x", "--target is given twice");
    expect_pack_refused(good + " --targt el2", "unknown option '--targt'; did you mean '--target'?");
    expect_pack_refused(good + options() + " --cpus 2", "unknown option '--cpus'; see 'gimbal pack --help'");
    expect_pack_refused(good + " --target el2 -o ''", "-o: it is empty");
    std::string many;
    for (unsigned i = 0; i <= payload::max_vms; ++i) many += " " + good;
    expect_pack_refused(many + options(), "at most 16 virtual machines; 17 are given");
}

TEST_F(Pack, bad_virtual_machines)
{
    expect_pack_refused(folder_ + "missing.toml" + options(), "configuration '" + folder_ + "missing.toml'");
    expect_pack_refused(text_file("none.toml", "cpus = 1\n") + options(), "none.toml: it names no 'kernel'");
    expect_pack_refused(text_file("far.toml", "kernel = 'far'\n") + options(), "far.toml: kernel '");
    expect_pack_refused(text_file("odd.toml", "kernel = 'odd.toml'\n") + options(),
                        "it is a text file; expected an arm64");
    expect_pack_refused(vm("two.toml") + " " + vm("two.toml") + options(), "the name 'two' is that of '");
    expect_pack_refused(vm("esc.toml", "name = \"a\\u001bb\"\n") + options(), "'a?b' is no name for a VM of an image");
    expect_pack_refused(vm("long.toml", "name = '" + std::string(64, 'x') + "'\n") + options(), "1 to 63 printable");
    expect_pack_refused(vm("small.toml", "[type1]\npriority = 99\n") + options(), "'99' is no priority");
    expect_pack_refused(vm("small.toml", "[type1]\nbudget = 0\n") + options(), "'0' is no budget; expected 1 to 100");
    expect_pack_refused(vm("small.toml", "[type1]\nbudget = 101\n") + options(), "'101' is no budget");
    file("loong", loongarch_image());
    expect_pack_refused(text_file("la.toml", "kernel = 'loong'\n") + options(), "it is for loongarch64");
    file("big", Bytes(17 << 20));
    expect_pack_refused(vm("big.toml", "initrd = 'big'\n") + options(), "give the guest more --memory");
}

TEST_F(Pack, what_the_hypervisor_does_not_have_is_refused)
{
    expect_pack_refused(vm("a.toml", "[[disk]]\npath = 'x'\n") + options(), "[[disk]] asks for a disk");
    expect_pack_refused(vm("a.toml", "[[net]]\nmode = 'user'\n") + options(), "[[net]] asks for a network");
    expect_pack_refused(vm("a.toml", "console = 'virtio'\n") + options(), "asks for a virtio console");
    expect_pack_refused(vm("a.toml", "[type1]\npassthrough = ['virtio_mmio@a000000']\n") + options(),
                        "passthrough asks");
}

std::string channels(const std::string& list) { return "[type1]\nchannels = [" + list + "]\n"; }

TEST_F(Pack, vms_that_name_the_same_channel_are_joined)
{
    const std::string one =
        vm("one.toml", channels("{ name = 'left', size = '64K' }, { name = 'right', size = '1M' }"));
    const std::string two = vm("two.toml", channels("{ name = 'right', size = '1M' }"));
    const std::string three = vm("three.toml", channels("{ name = 'left', size = '64K' }"));
    const std::string none = vm("none.toml");
    const Outcome outcome = pack(one + " " + none + " " + two + " " + three + options());
    ASSERT_EQ(outcome.status, 0) << outcome.error;
    load_image();
    const auto read = reader();
    ASSERT_TRUE(read) << payload::error_text(read.error());
    ASSERT_EQ(read->channels().size(), 2U);
    const payload::Channel& left = read->channels()[0];
    EXPECT_STREQ(left.name.data(), "left");
    EXPECT_EQ(left.size, 0x1'0000U);
    EXPECT_EQ(left.vms, (std::array<u32, 2>{0, 3}));
    EXPECT_EQ(left.slots, (std::array<u32, 2>{0, 0}));
    const payload::Channel& right = read->channels()[1];
    EXPECT_EQ(right.vms, (std::array<u32, 2>{0, 2}));
    EXPECT_EQ(right.slots, (std::array<u32, 2>{1, 0})); // where each one's file has it
    const auto bus_of = [&](usize index) {
        return property(read->bytes(read->vms()[index].pieces[0]), "/pcie@3f000000", "compatible");
    };
    EXPECT_EQ(bus_of(0), std::string("pci-host-ecam-generic\0", 22));
    EXPECT_EQ(bus_of(1), "none");
}

TEST_F(Pack, channels_that_cannot_be_joined)
{
    const std::string one = vm("one.toml", channels("{ name = 'c', size = '64K' }"));
    const std::string two = vm("two.toml", channels("{ name = 'c', size = '64K' }"));
    expect_pack_refused(one + options(),
                        "one.toml: channel 'c': no other VM of this image names it; a channel has two ends");
    expect_pack_refused(one + " " + two + " " + vm("three.toml", channels("{ name = 'c', size = '64K' }")) + options(),
                        "three.toml: channel 'c': it joins '");
    expect_pack_refused(one + " " + vm("big.toml", channels("{ name = 'c', size = '128K' }")) + options(),
                        "big.toml: channel 'c': its size is 128 KiB here and 64 KiB in '");
    expect_pack_refused(vm("own.toml", channels("{ name = 'c', size = '64K' }, { name = 'c', size = '64K' }")) +
                            options(),
                        "own.toml: channel 'c': this VM names it twice");
    for (const char* size : {"2K", "96K", "32M", "0B"})
        expect_pack_refused(vm("odd.toml", channels("{ name = 'c', size = '" + std::string(size) + "' }")) + options(),
                            "expected a power of two from 4 KiB to 16 MiB");
    expect_pack_refused(vm("long.toml", channels("{ name = '" + std::string(32, 'x') + "', size = '64K' }")) +
                            options(),
                        "expected 1 to 31 printable ASCII characters");
    std::string many;
    for (char name = 'a'; name <= 'i'; ++name) many += std::string("{ name = '") + name + "', size = '64K' }, ";
    expect_pack_refused(vm("many.toml", channels(many)) + options(), "it names 9 channels; a VM has at most 8");
}

TEST_F(Pack, kernels_of_more_segments_than_an_image_holds)
{
    std::vector<ElfSegment> segments;
    for (u64 i = 0; i < payload::max_pieces; ++i)
        segments.push_back({.offset = 0x1000,
                            .virtual_address = 0x4008'0000 + i * 0x1000,
                            .physical_address = 0x4008'0000 + i * 0x1000});
    file("vmlinux", elf(segments));
    expect_pack_refused(text_file("a.toml", "kernel = 'vmlinux'\n") + options(), "it has 16 segments");
}

TEST_F(Pack, bad_hypervisors)
{
    const std::string good = vm("a.toml");
    expect_pack_refused(good + options({}), "it is an empty file");
    expect_pack_refused(good + options(Bytes{'#', '!', '/', 'x', '\n'}), "it is a script; expected a gimbal-el2.bin");
    expect_pack_refused(good + options(arm64_image()), "it is an arm64 Image, but no hypervisor of gimbal");
    expect_pack_refused(good + options(arm64_image({}, 0x40)), "it is an arm64 Image, but no hypervisor of gimbal");
    expect_pack_refused(good + options(hypervisor(payload::version + 1)),
                        "it reads virtual machines of format " + std::to_string(payload::version + 1) +
                            ", and this command writes format " + std::to_string(payload::version));
    Bytes cut = hypervisor();
    put<u64>(cut, 16, 0x800);
    expect_pack_refused(good + options(cut), "it is damaged");
    put<u64>(cut, 16, u64{1} << 50);
    expect_pack_refused(good + options(cut), "it is damaged");
    expect_pack_refused(good + " --target el2 -o " + folder_ + "packed --hypervisor " + folder_ + "none",
                        "No such file");
    expect_pack_refused(good + " --target el2 -o " + folder_ + "packed --hypervisor " + folder_, "it is a directory");
    ASSERT_EQ(pack(good + options()).status, 0);
    std::filesystem::rename(folder_ + "packed", folder_ + "once");
    expect_pack_refused(good + " --target el2 -o " + folder_ + "packed --hypervisor " + folder_ + "once",
                        "it has been packed already");
}

TEST_F(Pack, bad_places_for_the_image)
{
    const std::string good = vm("a.toml") + " --target el2 --hypervisor " + file("el2.bin", hypervisor());
    expect_pack_refused(good + " -o /nowhere/packed", "image '/nowhere/packed'");
    expect_pack_refused(good + " -o " + folder_, "it is a directory");
    for (const char* const input : {"a.toml", "Image", "el2.bin"}) {
        const auto before = std::filesystem::file_size(folder_ + input);
        expect_pack_refused(good + " -o " + folder_ + input, "it is also an input");
        EXPECT_EQ(std::filesystem::file_size(folder_ + input), before);
    }
    EXPECT_EQ(pack(good + " -o /dev/full").status, 2);
}

} // namespace
} // namespace gimbal::test
