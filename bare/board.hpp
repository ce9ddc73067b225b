// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>

#include "bare/tree_walk.hpp"
#include "base/result.hpp"

namespace gimbal::bare {

/// At most `capacity` values, in the order they were added.
template <class T, usize capacity>
class FixedList {
public:
    /// False: it is full.
    bool add(const T& value)
    {
        if (size_ == capacity) return false;
        values_[size_++] = value;
        return true;
    }
    usize size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const T& operator[](usize index) const { return values_[index]; }
    const T* begin() const { return values_.data(); }
    const T* end() const { return values_.data() + size_; }

private:
    std::array<T, capacity> values_{};
    usize size_{};
};

/// An interrupt as the GIC counts: SGIs from 0, PPIs from 16, SPIs from 32.
struct BoardInterrupt {
    u32 intid{};
    bool edge{}; ///< Else by level.
    bool operator==(const BoardInterrupt&) const = default;
};

struct BoardCpu {
    u64 affinity{};   ///< MPIDR's, Aff3 in bits 39 to 32.
    bool can_start{}; ///< By PSCI.
};

enum class PsciConduit : u8 { smc, hvc };

struct BoardVirtio {
    Region registers;
    BoardInterrupt interrupt;
};

/// What the hypervisor needs to know of the machine it runs on.
struct Board {
    static constexpr u64 default_redistributor_stride = 0x2'0000; // IHI 0069: two frames of 64 KiB

    usize tree_size{};              ///< Bytes of the device tree itself, which lies in memory.
    FixedList<Region, 16> memory;   ///< As the tree lists it; none is empty.
    FixedList<Region, 32> reserved; ///< Not for us, inside memory or not.
    FixedList<BoardCpu, 64> cpus;   ///< The enabled ones.
    std::optional<PsciConduit> psci;
    Region distributor;
    FixedList<Region, 8> redistributors;
    u64 redistributor_stride{default_redistributor_stride};
    BoardInterrupt gic_maintenance; ///< 25 if the tree does not say.
    Region console;                 ///< A PL011.
    std::optional<BoardInterrupt> console_interrupt;
    std::optional<Region> clock;       ///< A PL031.
    BoardInterrupt virtual_timer;      ///< A guest's.
    BoardInterrupt hypervisor_timer;   ///< EL2's physical timer.
    FixedList<BoardVirtio, 64> virtio; ///< Only those with an interrupt at the GIC.
    StrView bootargs;                  ///< /chosen's; lies in the tree.
};

enum class BoardError : u8 {
    bad_tree,
    too_many, ///< CPUs, regions or devices than a list holds.
    no_memory,
    no_cpu,
    old_gic, ///< GICv2.
    no_gic,
    bad_gic, ///< Without redistributors, or with addresses that lead nowhere.
    no_console,
    no_timer,
};
const char* board_error_text(BoardError error);

/// Reads the flattened device tree at the start of `tree`, which may be larger than it and starts on an 8-byte
/// boundary. Whatever the bytes are, they are only read, and only inside `tree`. On an error `board` is half filled.
/// The MMU may still be off.
Result<void, BoardError> read_board(std::span<const u8> tree, Board& board);

} // namespace gimbal::bare
