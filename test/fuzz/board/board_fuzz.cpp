// SPDX-License-Identifier: Apache-2.0
// Any bytes as a board's device tree: an error, or a board whose numbers can be used as they are.
#include <cstring>
#include <vector>

#include "bare/board.hpp"
#include "base/assert.hpp"
#include "base/bits.hpp"

namespace {

using namespace gimbal;

void check(const bare::Region& region)
{
    u64 end = 0;
    GIMBAL_ASSERT(region.size != 0 && !add_overflows(region.base, region.size, end));
}

void check(const bare::BoardInterrupt& interrupt) { GIMBAL_ASSERT(interrupt.intid >= 16 && interrupt.intid < 1020); }

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::vector<u64> words((size + 7) / sizeof(u64));
    if (size != 0) std::memcpy(words.data(), data, size);
    const std::span bytes(reinterpret_cast<const u8*>(words.data()), words.size() * sizeof(u64));
    bare::Board board;
    if (const auto read = bare::read_board(bytes, board); !read) {
        GIMBAL_ASSERT(bare::board_error_text(read.error())[0] != '\0');
        return 0;
    }
    GIMBAL_ASSERT(board.tree_size <= bytes.size() && !board.memory.empty() && !board.cpus.empty());
    for (const auto& region : board.memory) check(region);
    for (const auto& region : board.reserved) check(region);
    for (const auto& region : board.redistributors) check(region);
    for (const auto& slot : board.virtio) {
        check(slot.registers);
        check(slot.interrupt);
    }
    check(board.distributor);
    check(board.console);
    check(board.gic_maintenance);
    check(board.virtual_timer);
    check(board.hypervisor_timer);
    if (board.console_interrupt) check(*board.console_interrupt);
    GIMBAL_ASSERT(board.redistributor_stride >= bare::Board::default_redistributor_stride);
    return 0;
}
