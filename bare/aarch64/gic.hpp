// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "bare/aarch64/registers.hpp"
#include "bare/board.hpp"

namespace gimbal::bare {

/// The board's GICv3 (IHI 0069) as the hypervisor uses it: non-secure Group 1, affinity routing, system registers,
/// EOImode 1, so that a guest may deactivate what the hypervisor has acknowledged.
class PhysicalGic {
public:
    static constexpr u32 kick_sgi = 1;
    static constexpr u32 scheduler_ppi = 26; ///< CNTHP
    static constexpr u32 spurious = 1020;    ///< This and above: nothing to take.

    /// `board` outlives this object; its frames are mapped as Device memory.
    explicit PhysicalGic(const Board& board) : board_(board) {}

    /// Once, on the first CPU.
    void start_distributor();
    /// On each CPU. False: it has no redistributor.
    bool start_cpu(u64 mpidr);

    /// PPIs and SGIs of the CPU that calls; `redistributor` as start_cpu() found it.
    void enable_private(u32 intid, bool enabled);
    void set_private_active(u32 intid, bool active);
    void enable_spi(u32 intid, u64 mpidr);

    static u32 acknowledge() { return static_cast<u32>(read_register<aarch64::SysReg::icc_iar1_el1>() & 0xFF'FFFF); }
    static void drop_priority(u32 intid) { write_register<aarch64::SysReg::icc_eoir1_el1>(intid); }
    static void deactivate(u32 intid) { write_register<aarch64::SysReg::icc_dir_el1>(intid); }
    static void kick(u64 mpidr);

private:
    u64 find_redistributor(u64 mpidr) const;
    u64 own_redistributor() const;

    u64 distributor() const { return board_.distributor.base; }
    const Board& board_;
};

} // namespace gimbal::bare
