// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/atomic.hpp"
#include "base/types.hpp"
#include "engine/translator/fp/fp.hpp"
#include "engine/translator/ir/type.hpp"

namespace gimbal::translator {

class Runtime;       // the engine's side of slow paths (core/runtime.hpp)
struct LoweredBlock; // core/lowered_block.hpp

/// 16 bytes of guest vector or pair; element 0 is the least significant.
struct alignas(16) V128 {
    u64 lo{};
    u64 hi{};
};

/// One translation cached for the fast path. A tag is the virtual page as the guest wrote it (top byte included) in
/// the bits above the context's page size; any low bit set makes the compare fail, so that ~0 is "no entry".
struct TlbEntry {
    u64 read_tag{~u64{0}};
    u64 write_tag{~u64{0}};
    u64 addend{}; ///< host address = virtual address + addend, modulo 2^64
    u64 unused{};
};
inline constexpr unsigned tlb_entries_log2 = 10;
inline constexpr unsigned tlb_entries = 1U << tlb_entries_log2;

/// What the fast path looks at; points into the vCPU's current TLB context.
struct TlbView {
    TlbEntry* entries{};
    u64 page_mask{~u64{0xFFF}}; ///< Keeps the page number; its low zero bits are the context's smallest page.
    u64 index_shift{12};
};

/// Where this vCPU's current context fetches a 4 KiB page from; valid only for pages that it may execute. Filled by
/// Runtime::find_block; the engine drops entries at TLB maintenance.
struct FetchEntry {
    u64 virtual_page{~u64{0}}; ///< Address of the page as PC has it; ~0 is no entry.
    u64 physical_page{};
};
inline constexpr unsigned fetch_entries = 256; ///< Index: bits [19:12] of the address.

/// Target of an indirect jump, by physical address and mode, so that no translation change touches it.
struct JumpEntry {
    u64 physical_address{~u64{0}};
    u64 mode_key{};
    LoweredBlock* block{};
};
inline constexpr unsigned jump_entries = 4096; ///< Index: physical address bits [13:2].

/// Why a block stopped before its end, or what its terminal asks for. Set with `pc` exact.
enum class Unwind : u8 {
    none,
    event,       ///< ir::Event in unwind_event, its payload in unwind_payload.
    access,      ///< A memory access needs the VM (MMIO) or faulted; the engine's access record says which.
    synchronize, ///< Look the next block up anew; mode, mapping or interrupts may have changed.
};

inline constexpr unsigned temp_slots = 512;

/// The part of a vCPU's state that no guest ISA changes. Blocks address everything by its byte offset from here; an
/// ISA's registers follow in the same object (frontend/<isa>/guest_state.hpp). Owned by the vCPU's thread, but for
/// `request`.
struct CpuState {
    u64 pc_page{};           ///< Virtual address of the 4 KiB page that the running block is in.
    TlbView tlb[2]{};        ///< By ir::Privilege.
    FetchEntry* fetch{};     ///< The current context's array of fetch_entries.
    JumpEntry* jump_cache{}; ///< This vCPU's array of jump_entries; cleared when blocks are retired.
    Atomic<u32> request{};   ///< Non-zero: leave at the next poll. Any thread sets bits; the owner clears them.
    Unwind unwind{};
    ir::Event unwind_event{};
    u64 unwind_payload{};
    u64 pc{};           ///< Exact outside blocks and on unwinding.
    u64 instructions{}; ///< Guest instructions completed.
    u64 mode_key{};
    Runtime* runtime{};
    u64 exclusive_address{~u64{0}}; ///< Virtual address of the armed monitor; ~0 if open.
    u8* exclusive_host{};           ///< Where the monitored bytes are.
    V128 exclusive_value{};
    u32 exclusive_size{};
    fp::FpEnv fp{};           ///< Control and cumulative flags of scalar and vector floating point.
    u32 fp_saturated{};       ///< FPSR.QC
    V128 zero{};              ///< Stays zero: the operand that blocks use for constant 0.
    V128 temps[temp_slots]{}; ///< Values of the running block that have no register for a home.
};

} // namespace gimbal::translator
