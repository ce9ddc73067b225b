// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/types.hpp"

// A64 loads and stores as a hypervisor needs them whose syndrome does not describe the access (DDI 0487, "Loads and
// Stores"). Registers are numbers here; their values are somebody else's.
namespace gimbal::aarch64 {

enum class LoadStoreKind : u8 {
    load,
    store,
    load_exclusive,
    store_exclusive,
    atomic,           ///< LD<op>, ST<op>, SWP
    compare_and_swap, ///< CAS, CASP
    prefetch,
};

/// The address is that of the base register plus `offset` or a register, but for post-index forms, which add
/// afterwards. Write-back is part of the pre- and post-index forms.
enum class Addressing : u8 {
    offset,
    pre_index,
    post_index,
    post_register,   ///< Structures: adds Rm.
    register_offset, ///< Rm extended by `extend`, shifted left by `shift`
    literal,         ///< PC plus `offset`
};

/// The option field of register-offset forms.
enum class IndexExtend : u8 { uxtw = 2, lsl = 3, sxtw = 6, sxtx = 7 };

/// opc of LD<op>, then SWP.
enum class AtomicOperation : u8 {
    add,
    clear,
    exclusive_or,
    set,
    signed_max,
    signed_min,
    unsigned_max,
    unsigned_min,
    swap
};

/// How elements and V registers belong together.
enum class VectorLayout : u8 {
    whole,     ///< Each element is a register; the rest of it is zeroed.
    lanes,     ///< Multiple structures: lane by lane.
    lane,      ///< Single structure: one lane of each register; the others stay.
    replicate, ///< LD<n>R: all lanes of a register get its element.
};

/// One instruction: `count` elements of 1 << element_log2 bytes, one behind the other in memory.
struct LoadStore {
    LoadStoreKind kind{};
    Addressing addressing{};
    bool vector{};
    bool sign_extend{};
    bool wide{};         ///< General registers: the destination is an X register.
    bool unprivileged{}; ///< LDTR, STTR
    u8 element_log2{};   ///< 0..3 and, for V registers, 4
    u8 count{1};         ///< 1..64
    u8 rt{};
    u8 rt2{}; ///< Pairs
    u8 rs{};  ///< Atomics: the operand. CAS: what is expected, and where the old value goes.
    u8 rn{};
    u8 rm{};
    IndexExtend extend{IndexExtend::lsl};
    u8 shift{};
    AtomicOperation operation{};
    VectorLayout layout{};
    u8 structure{1}; ///< lanes, lane, replicate: registers that take turns in memory, 1..4
    u8 lanes{1};     ///< lanes, replicate: of each register
    u8 lane{};       ///< lane: its index
    i64 offset{};    ///< Bytes; for post_index what is added afterwards.

    unsigned element_bytes() const { return 1U << element_log2; }
    unsigned total_bytes() const { return unsigned{count} << element_log2; }
    bool writes_back() const
    {
        return addressing == Addressing::pre_index || addressing == Addressing::post_index ||
               addressing == Addressing::post_register;
    }
};

/// Nothing for a word that is no load or store, is unallocated, or belongs to an extension that a guest is never
/// offered (SVE, MTE, LS64, LSE128, MOPS).
std::optional<LoadStore> decode_load_store(u32 word);

/// The rows of load_store.inc, for tests: the encodings that each covers, of which some may be unallocated.
enum class LoadStoreShape : u8;
struct LoadStoreRow {
    u32 mask;
    u32 value;
    LoadStoreShape shape;
};
const LoadStoreRow* find_load_store_row(u32 word);

} // namespace gimbal::aarch64
