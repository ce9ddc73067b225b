// SPDX-License-Identifier: Apache-2.0
#include "bare/board.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
extern "C" {
#include <libfdt.h>
}

#include "vm/device_tree/aarch64.hpp"
#include "vm/device_tree/writer.hpp"

namespace gimbal::bare {
namespace {

using device_tree::Writer;

/// A tree on an 8-byte boundary with room to grow.
struct Blob {
    std::vector<u64> words = std::vector<u64>(4096);
    std::span<u8> bytes() { return {reinterpret_cast<u8*>(words.data()), words.size() * sizeof(u64)}; }
};

/// What a test wants otherwise than usual; each is called inside the node it is named after.
struct Changes {
    std::function<void(Writer&)> chosen = [](Writer& tree) { tree.string("stdout-path", "serial1:115200n8"); };
    std::function<void(Writer&)> gic = [](Writer& tree) {
        tree.string("compatible", "arm,gic-v3");
        tree.cells("#interrupt-cells", 3);
        tree.cells("#redistributor-regions", 2);
        tree.cells("reg", 0x10'0000, 0x1'0000, 0x20'0000, 0x4'0000, 0x30'0000, 0x4'0000);
        tree.cells("interrupts", 1, 8, 4);
    };
    std::function<void(Writer&)> timer = [](Writer& tree) {
        tree.cells("interrupts", 1, 13, 4, 1, 14, 4, 1, 12, 8, 1, 9, 1);
    };
    std::function<void(Writer&)> last = [](Writer&) {}; // at the end of the root
    const char* cpu_status = "okay";
    bool has_memory{true};
};

constexpr u32 gic_phandle = 7;

void write_uart(Writer& tree, u64 address, const char* status)
{
    tree.begin("serial", address);
    tree.string("compatible", "arm,pl011");
    tree.string("status", status);
    tree.cells("reg", address, 0x1000);
    tree.cells("interrupts", 0, address >> 12, 4);
    tree.end();
}

/// Devices on a bus with other addresses and other cells than the root's, as on real boards.
void write_bus(Writer& tree, const Changes& changes)
{
    tree.begin("soc");
    tree.string("compatible", "simple-bus");
    tree.cells("#address-cells", 1);
    tree.cells("#size-cells", 1);
    tree.cells("ranges", 0x8000'0000, 0, 0xf000'0000, 0x1000, 0, 0x1, 0, 0x1000'0000);
    write_uart(tree, 0x1000, "disabled"); // TrustZone's
    write_uart(tree, 0x2000, "okay");
    write_uart(tree, 0x3000, "okay");
    tree.begin("interrupt-controller", 0x10'0000);
    tree.cells("phandle", gic_phandle);
    changes.gic(tree);
    tree.end();
    tree.begin("virtio", 0x4000);
    tree.string("compatible", "virtio,mmio");
    tree.cells("reg", 0x4000, 0x200);
    tree.cells("interrupts", 0, 9, 1);
    tree.end();
    tree.begin("virtio", 0x5000); // not at the GIC
    tree.string("compatible", "virtio,mmio");
    tree.cells("reg", 0x5000, 0x200);
    tree.cells("interrupt-parent", gic_phandle + 1);
    tree.cells("interrupts", 3);
    tree.end();
    tree.end();
}

void write_cpus(Writer& tree, const char* status)
{
    tree.begin("cpus");
    tree.cells("#address-cells", 2);
    tree.cells("#size-cells", 0);
    for (const u64 affinity : {u64{0}, u64{0x1'0000'0100}}) {
        tree.begin("cpu", affinity);
        tree.string("device_type", "cpu");
        tree.address("reg", affinity);
        tree.string("status", status);
        tree.string("enable-method", affinity == 0 ? "spin-table" : "psci");
        tree.end();
    }
    tree.begin("cpu-map");
    tree.end();
    tree.end();
}

Blob write_tree(const Changes& changes = {})
{
    Blob blob;
    Writer tree(blob.bytes());
    tree.begin("");
    tree.cells("#address-cells", 2);
    tree.cells("#size-cells", 2);
    tree.cells("interrupt-parent", gic_phandle);
    tree.begin("chosen");
    changes.chosen(tree);
    tree.end();
    tree.begin("aliases");
    tree.string("serial0", "/soc/serial@2000");
    tree.string("serial1", "/soc/serial@3000");
    tree.end();
    write_cpus(tree, changes.cpu_status);
    if (changes.has_memory) {
        tree.begin("memory", 0x8000'0000);
        tree.string("device_type", "memory");
        tree.cells("reg", 0, 0x8000'0000, 0, 0x4000'0000, 0, 0, 0, 0, 8, 0, 1, 0);
        tree.end();
    }
    tree.begin("reserved-memory");
    tree.cells("#address-cells", 2);
    tree.cells("#size-cells", 2);
    tree.flag("ranges");
    tree.begin("firmware", 0x8000'0000);
    tree.region("reg", 0x8000'0000, 0x10'0000);
    tree.end();
    tree.begin("anywhere");
    tree.address("size", 0x10'0000);
    tree.end();
    tree.end();
    tree.begin("psci");
    tree.strings("compatible", "arm,psci-1.0", "arm,psci-0.2");
    tree.string("method", "smc");
    tree.end();
    write_bus(tree, changes);
    tree.begin("timer");
    tree.string("compatible", "arm,armv8-timer");
    changes.timer(tree);
    tree.end();
    changes.last(tree);
    tree.end();
    EXPECT_NE(tree.finish(), 0U);
    return blob;
}

Board board_of(Blob& blob)
{
    Board board;
    const auto read = read_board(blob.bytes(), board);
    EXPECT_TRUE(read) << (read ? "" : board_error_text(read.error()));
    return board;
}

BoardError error_of(Blob blob)
{
    Board board;
    const auto read = read_board(blob.bytes(), board);
    EXPECT_FALSE(read);
    return read ? BoardError{} : read.error();
}

TEST(Board, memory_and_what_is_reserved_of_it)
{
    Blob blob = write_tree();
    ASSERT_EQ(fdt_open_into(blob.words.data(), blob.words.data(), static_cast<int>(blob.bytes().size())), 0);
    ASSERT_EQ(fdt_add_mem_rsv(blob.words.data(), 0x9000'0000, 0x2000), 0);
    const Board board = board_of(blob);
    ASSERT_EQ(board.memory.size(), 2U); // the empty one is none
    EXPECT_EQ(board.memory[0], (Region{0x8000'0000, 0x4000'0000}));
    EXPECT_EQ(board.memory[1], (Region{0x8'0000'0000, 0x1'0000'0000}));
    ASSERT_EQ(board.reserved.size(), 2U);
    EXPECT_EQ(board.reserved[0], (Region{0x9000'0000, 0x2000}));
    EXPECT_EQ(board.reserved[1], (Region{0x8000'0000, 0x10'0000}));
}

TEST(Board, cpus_and_how_they_start)
{
    Blob blob = write_tree();
    const Board board = board_of(blob);
    ASSERT_EQ(board.cpus.size(), 2U);
    EXPECT_EQ(board.cpus[0].affinity, 0U);
    EXPECT_FALSE(board.cpus[0].can_start);
    EXPECT_EQ(board.cpus[1].affinity, 0x1'0000'0100U);
    EXPECT_TRUE(board.cpus[1].can_start);
    EXPECT_EQ(board.psci, PsciConduit::smc);
}

TEST(Board, addresses_are_translated_through_the_bus)
{
    Blob blob = write_tree();
    const Board board = board_of(blob);
    EXPECT_EQ(board.distributor, (Region{0x1'0010'0000, 0x1'0000}));
    ASSERT_EQ(board.redistributors.size(), 2U);
    EXPECT_EQ(board.redistributors[1], (Region{0x1'0030'0000, 0x4'0000}));
    EXPECT_EQ(board.redistributor_stride, 0x2'0000U);
}

TEST(Board, interrupts_as_the_gic_counts_them)
{
    Blob blob = write_tree();
    const Board board = board_of(blob);
    EXPECT_EQ(board.gic_maintenance, (BoardInterrupt{24, false}));
    EXPECT_EQ(board.virtual_timer, (BoardInterrupt{28, false}));
    EXPECT_EQ(board.hypervisor_timer, (BoardInterrupt{25, true}));
    ASSERT_EQ(board.virtio.size(), 1U); // the one at another controller is not ours
    EXPECT_EQ(board.virtio[0].registers, (Region{0x1'0000'4000, 0x200}));
    EXPECT_EQ(board.virtio[0].interrupt, (BoardInterrupt{41, true}));
}

TEST(Board, the_console_is_the_one_that_chosen_names)
{
    const auto console = [](const char* path) {
        Changes changes;
        changes.chosen = [path](Writer& tree) {
            if (path != nullptr) tree.string("stdout-path", path);
        };
        Blob blob = write_tree(changes);
        const Board board = board_of(blob);
        EXPECT_EQ(board.console_interrupt, (BoardInterrupt{32 + static_cast<u32>(board.console.base >> 12 & 0xf)}));
        return board.console;
    };
    constexpr Region first{0x1'0000'2000, 0x1000};
    constexpr Region second{0x1'0000'3000, 0x1000};
    EXPECT_EQ(console("serial1:115200n8"), second);
    EXPECT_EQ(console("/soc/serial@3000"), second);
    EXPECT_EQ(console("serial0"), first);
    EXPECT_EQ(console(nullptr), first); // never the disabled one
    EXPECT_EQ(console("/nowhere"), first);
    EXPECT_EQ(console("serial9"), first);
    EXPECT_EQ(console(""), first);
    EXPECT_EQ(console("an-alias-that-is-longer-than-any-that-there-can-be"), first);
}

TEST(Board, a_gicv2_is_told_from_no_gic)
{
    Changes changes;
    changes.gic = [](Writer& tree) { tree.string("compatible", "arm,gic-400"); };
    EXPECT_EQ(error_of(write_tree(changes)), BoardError::old_gic);
    EXPECT_NE(std::string(board_error_text(BoardError::old_gic)).find("GICv3"), std::string::npos);
    changes.gic = [](Writer&) {};
    EXPECT_EQ(error_of(write_tree(changes)), BoardError::no_gic);
}

TEST(Board, a_gicv3_that_makes_no_sense)
{
    const auto refused = [](const std::function<void(Writer&)>& gic) {
        Changes changes;
        changes.gic = [&](Writer& tree) {
            tree.string("compatible", "arm,gic-v3");
            gic(tree);
        };
        return error_of(write_tree(changes));
    };
    EXPECT_EQ(refused([](Writer&) {}), BoardError::bad_gic);
    EXPECT_EQ(refused([](Writer& tree) { tree.cells("#interrupt-cells", 1); }), BoardError::bad_gic);
    EXPECT_EQ(refused([](Writer& tree) {
                  tree.cells("#interrupt-cells", 3);
                  tree.cells("reg", 0x10'0000, 0x1'0000); // no redistributors
              }),
              BoardError::bad_gic);
    EXPECT_EQ(refused([](Writer& tree) {
                  tree.cells("#interrupt-cells", 3);
                  tree.cells("reg", 0x7000'0000, 0x1'0000, 0x7100'0000, 0x4'0000); // below the bus
              }),
              BoardError::bad_gic);
    EXPECT_EQ(refused([](Writer& tree) {
                  tree.cells("#interrupt-cells", 3);
                  tree.cells("#redistributor-regions", ~u32{0});
                  tree.cells("reg", 0x10'0000, 0x1'0000, 0x20'0000, 0x4'0000);
              }),
              BoardError::bad_gic);
}

TEST(Board, what_else_must_be_there)
{
    Changes changes;
    changes.has_memory = false;
    EXPECT_EQ(error_of(write_tree(changes)), BoardError::no_memory);
    changes = {};
    changes.cpu_status = "disabled";
    EXPECT_EQ(error_of(write_tree(changes)), BoardError::no_cpu);
    changes = {};
    changes.timer = [](Writer& tree) { tree.cells("interrupts", 1, 13, 4); };
    EXPECT_EQ(error_of(write_tree(changes)), BoardError::no_timer);
}

TEST(Board, more_than_a_list_holds_is_an_error)
{
    Changes changes;
    changes.last = [](Writer& tree) {
        for (u64 i = 0; i < 17; ++i) {
            tree.begin("memory", i << 40);
            tree.string("device_type", "memory");
            tree.region("reg", i << 40, 0x1000);
            tree.end();
        }
    };
    EXPECT_EQ(error_of(write_tree(changes)), BoardError::too_many);
}

TEST(Board, nodes_nested_beyond_all_reason_are_passed_over)
{
    Changes changes;
    changes.last = [](Writer& tree) {
        for (unsigned i = 0; i < 100; ++i) tree.begin("deep");
        tree.string("device_type", "memory");
        for (unsigned i = 0; i < 100; ++i) tree.end();
        tree.begin("memory", 0);
        tree.string("device_type", "memory");
        tree.region("reg", 0x100'0000'0000, 0x1000);
        tree.end();
    };
    Blob blob = write_tree(changes);
    EXPECT_EQ(board_of(blob).memory.size(), 3U);
}

TEST(Board, a_bus_whose_ranges_have_entries_of_no_cells_leads_nowhere)
{
    Changes changes;
    changes.last = [](Writer& tree) {
        for (unsigned i = 0; i < 2; ++i) {
            tree.begin("bus");
            tree.cells("#address-cells", 0);
            tree.cells("#size-cells", 0);
            tree.cells("ranges", 1);
        }
        tree.begin("bus");
        tree.cells("#address-cells", 1);
        tree.cells("#size-cells", 1);
        tree.cells("ranges", 0, 0x1000); // to address zero of the bus above
        tree.begin("memory", 0);
        tree.string("device_type", "memory");
        tree.cells("reg", 0, 0x1000);
        for (unsigned i = 0; i < 4; ++i) tree.end();
    };
    Blob blob = write_tree(changes);
    EXPECT_EQ(board_of(blob).memory.size(), 2U);
}

TEST(Board, no_tree_at_all)
{
    Board board;
    EXPECT_EQ(read_board({}, board).error(), BoardError::bad_tree);
    Blob zeros;
    EXPECT_EQ(read_board(zeros.bytes(), board).error(), BoardError::bad_tree);
    Blob blob = write_tree();
    EXPECT_EQ(read_board(blob.bytes().first(100), board).error(), BoardError::bad_tree);
    std::copy(blob.bytes().begin(), blob.bytes().end() - 4, zeros.bytes().begin() + 4);
    EXPECT_EQ(read_board(zeros.bytes().subspan(4), board).error(), BoardError::bad_tree);
}

TEST(Board, any_byte_may_be_wrong)
{
    Blob good = write_tree();
    const usize size = fdt_totalsize(good.words.data());
    // Of the right size, so that the sanitizers see each access beyond it.
    std::vector<u64> exact(good.words.begin(), good.words.begin() + static_cast<std::ptrdiff_t>((size + 7) / 8));
    const std::span bytes(reinterpret_cast<u8*>(exact.data()), exact.size() * sizeof(u64));
    constexpr u8 changes[] = {1, 0x80, 0xff};
    for (usize at = 0; at < size; ++at) {
        const u8 was = bytes[at];
        bytes[at] ^= changes[at % std::size(changes)];
        Board board;
        (void)read_board(bytes, board); // whatever comes of it
        bytes[at] = was;
    }
}

TEST(Board, reads_the_tree_that_our_own_guests_get)
{
    Blob blob;
    device_tree::Aarch64Machine machine;
    machine.cpu_count = 4;
    machine.memory_size = u64{1} << 30;
    machine.virtio_slots = 3;
    ASSERT_TRUE(device_tree::write(blob.bytes(), machine));
    const Board board = board_of(blob);
    EXPECT_EQ(board.cpus.size(), 4U);
    EXPECT_EQ(board.memory[0], (Region{0x4000'0000, u64{1} << 30}));
    EXPECT_EQ(board.virtio.size(), 2U);
    EXPECT_EQ(board.psci, PsciConduit::hvc);
    EXPECT_EQ(board.console, (Region{0x900'0000, 0x1000}));
}

TEST(Board, each_error_has_its_text)
{
    for (unsigned i = 0; i <= static_cast<unsigned>(BoardError::no_timer); ++i)
        EXPECT_GT(std::string(board_error_text(static_cast<BoardError>(i))).size(), 20U);
}

} // namespace
} // namespace gimbal::bare
