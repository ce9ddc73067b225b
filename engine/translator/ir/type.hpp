// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

namespace gimbal::ir {

/// Integers are kept zero-extended in their 64-bit home, so that truncation and zero extension cost nothing.
enum class Type : u8 { none, i1, i8, i16, i32, i64, i128, f16, f32, f64, v128, v256, nzcv };

/// Size of a value in bytes; i1 takes one, NZCV four (bits 31:28, the rest zero).
constexpr unsigned byte_size(Type type)
{
    switch (type) {
    case Type::none: return 0;
    case Type::i1:
    case Type::i8: return 1;
    case Type::i16:
    case Type::f16: return 2;
    case Type::i32:
    case Type::f32:
    case Type::nzcv: return 4;
    case Type::i64:
    case Type::f64: return 8;
    case Type::i128:
    case Type::v128: return 16;
    case Type::v256: return 32;
    }
    return 0;
}

constexpr bool is_vector(Type type) { return type == Type::i128 || type == Type::v128 || type == Type::v256; }

/// AArch64 condition codes; `al` and `nv` are both always true.
enum class Cond : u8 { eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le, al, nv };

enum class Fence : u8 {
    load_load,   ///< Earlier loads before later loads.
    store_store, ///< Earlier stores before later stores.
    load_any,    ///< Earlier loads before later loads and stores (DMB LD, LDAR-like).
    full,        ///< Everything, store-to-load included.
};

/// Whether a memory access takes part in ordering: plain, or with one-way barriers.
enum class Order : u8 { plain, acquire, acquire_pc, release, acquire_release };

enum class Align : u8 {
    any,      ///< Unaligned is fine on Normal memory; Device memory faults (the slow path knows).
    natural,  ///< An address that is not a multiple of `size` is an alignment fault on any memory.
    check_16, ///< As natural, but for 16 bytes whatever the size.
    normal,   ///< As any, but any access to Device memory is an alignment fault (DC ZVA).
};

/// Which translation rights a memory access uses: the current level's, or EL0's (LDTR, STTR).
enum class Privilege : u8 { current, unprivileged };

enum class Atomic : u8 { swap, add, clear, exclusive_or, set, max_signed, min_signed, max_unsigned, min_unsigned };

/// Everything a memory operation carries beside its address and data.
struct MemOp {
    u8 size_log2{}; ///< 0..4: 1 to 16 bytes
    Align align{Align::any};
    Order order{Order::plain};
    Privilege privilege{Privilege::current};
    bool big_endian{};
    bool is_write{}; ///< Of an access that both reads and writes: it needs write permission.
    u8 parts_log2{}; ///< For the guest it is this many accesses side by side: a device sees each, and Device memory
                     ///< asks for the alignment of one.

    constexpr unsigned size() const { return 1U << size_log2; }
    constexpr unsigned part_size() const { return size() >> parts_log2; }
    /// 16 bits.
    constexpr u64 pack() const
    {
        return u64{size_log2} | u64{parts_log2} << 3 | static_cast<u64>(align) << 6 | static_cast<u64>(order) << 8 |
               static_cast<u64>(privilege) << 11 | u64{big_endian} << 12 | u64{is_write} << 13;
    }
    static constexpr MemOp unpack(u64 raw)
    {
        return {static_cast<u8>(raw & 7),
                static_cast<Align>((raw >> 6) & 3),
                static_cast<Order>((raw >> 8) & 7),
                static_cast<Privilege>((raw >> 11) & 1),
                ((raw >> 12) & 1) != 0,
                ((raw >> 13) & 1) != 0,
                static_cast<u8>((raw >> 3) & 7)};
    }
};

/// Why a block hands control to the engine; what the payload means is the guest ISA's business.
enum class Event : u8 {
    exception,       ///< Take the exception that the payload describes.
    system_register, ///< An access that the VM answers.
    hypercall,
    secure_call,
    wait_for_interrupt,
    wait_for_event,
    breakpoint, ///< A debugger of ours.
};

enum class JumpHint : u8 { branch, call, ret };

} // namespace gimbal::ir
