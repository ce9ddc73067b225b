// SPDX-License-Identifier: Apache-2.0
// The board that the image is for: the device tree as the peer QEMU itself writes it.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bare/board.hpp"

namespace gimbal::bare {
namespace {

std::string program()
{
    const char* const build = std::getenv("GIMBAL_BINARY_DIR");
    return std::string(build == nullptr ? "." : build) + "/../peer/qemu-system-aarch64";
}

std::vector<u64> tree_of(const std::string& machine)
{
    const std::string path = testing::TempDir() + "gimbal_board_" + std::to_string(::getpid()) + ".dtb";
    const std::string line = program() + " -M virt,virtualization=on," + machine + ",dumpdtb=" + path +
                             " -cpu max -smp 4 -m 1024 -nic none -display none >/dev/null 2>&1";
    EXPECT_EQ(std::system(line.c_str()), 0);
    std::ifstream stream(path, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
    std::filesystem::remove(path);
    std::vector<u64> words(bytes.size() / sizeof(u64));
    std::copy_n(bytes.begin(), words.size() * sizeof(u64), reinterpret_cast<char*>(words.data()));
    return words;
}

std::span<const u8> bytes_of(const std::vector<u64>& words)
{
    return {reinterpret_cast<const u8*>(words.data()), words.size() * sizeof(u64)};
}

class PeerBoard : public testing::Test {
protected:
    void SetUp() override
    {
        if (!std::filesystem::exists(program())) GTEST_SKIP() << "no peer: run `make peer` first";
    }
};

TEST_F(PeerBoard, virt_with_gicv3)
{
    const auto tree = tree_of("gic-version=3");
    Board board;
    const auto read = read_board(bytes_of(tree), board);
    ASSERT_TRUE(read) << board_error_text(read.error());
    ASSERT_EQ(board.memory.size(), 1U);
    EXPECT_EQ(board.memory[0], (Region{0x4000'0000, 0x4000'0000}));
    EXPECT_TRUE(board.reserved.empty());
    ASSERT_EQ(board.cpus.size(), 4U);
    EXPECT_EQ(board.cpus[3].affinity, 3U);
    EXPECT_TRUE(board.cpus[3].can_start);
    EXPECT_EQ(board.psci, PsciConduit::smc);
    EXPECT_EQ(board.distributor, (Region{0x800'0000, 0x1'0000}));
    ASSERT_EQ(board.redistributors.size(), 1U);
    EXPECT_EQ(board.redistributors[0], (Region{0x80a'0000, 0xf6'0000}));
    EXPECT_EQ(board.gic_maintenance, (BoardInterrupt{25}));
    EXPECT_EQ(board.console, (Region{0x900'0000, 0x1000}));
    EXPECT_EQ(board.console_interrupt, (BoardInterrupt{33}));
    EXPECT_EQ(board.virtual_timer, (BoardInterrupt{27}));
    EXPECT_EQ(board.hypervisor_timer, (BoardInterrupt{26}));
    EXPECT_EQ(board.virtio.size(), 32U);
}

TEST_F(PeerBoard, virt_with_gicv2_is_refused)
{
    const auto tree = tree_of("gic-version=2");
    Board board;
    const auto read = read_board(bytes_of(tree), board);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error(), BoardError::old_gic);
}

} // namespace
} // namespace gimbal::bare
