// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <type_traits>

#include "base/bits.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"
#include "engine/translator/core/crc32.hpp"

namespace gimbal::translator::interpreter {

namespace {

template <class T> constexpr unsigned width = sizeof(T) * 8;
template <class T> using Signed = std::make_signed_t<T>;

template <class T> T not_(T a) { return ~a; }
template <class T> T neg(T a) { return T{0} - a; }
template <class T> T clz(T a) { return static_cast<T>(std::countl_zero(a)); }
template <class T> T ctz(T a) { return static_cast<T>(std::countr_zero(a)); }
template <class T> T cls(T a)
{
    const T folded = static_cast<T>(a ^ static_cast<T>(static_cast<Signed<T>>(a) >> (width<T> - 1)));
    return static_cast<T>(std::countl_zero(folded) - 1);
}
template <class T> T swap_all(T a)
{
    if constexpr (sizeof(T) == 4)
        return __builtin_bswap32(a);
    else
        return __builtin_bswap64(a);
}
template <class T> T swap_halves(T a)
{
    constexpr T low = static_cast<T>(0x00FF'00FF'00FF'00FFULL);
    return static_cast<T>((a & low) << 8 | (a >> 8 & low));
}
template <class T> T swap_words(T a)
{
    if constexpr (sizeof(T) == 4)
        return __builtin_bswap32(a);
    else
        return std::rotl(__builtin_bswap64(a), 32);
}
template <class T> T bit_reverse(T a)
{
    constexpr T ones = static_cast<T>(0x5555'5555'5555'5555ULL);
    constexpr T twos = static_cast<T>(0x3333'3333'3333'3333ULL);
    constexpr T fours = static_cast<T>(0x0F0F'0F0F'0F0F'0F0FULL);
    a = static_cast<T>((a & ones) << 1 | (a >> 1 & ones));
    a = static_cast<T>((a & twos) << 2 | (a >> 2 & twos));
    a = static_cast<T>((a & fours) << 4 | (a >> 4 & fours));
    return swap_all(a);
}

template <class T, T (*f)(T)> const Op* unary(const Op* op, CpuState* state)
{
    put(state, op->d, f(get<T>(state, op->a)));
    GIMBAL_CONTINUE(op + 1);
}

template <class To, class From> const Op* sign_extension(const Op* op, CpuState* state)
{
    put(state, op->d, static_cast<To>(static_cast<Signed<To>>(static_cast<Signed<From>>(get<From>(state, op->a)))));
    GIMBAL_CONTINUE(op + 1);
}

/// sub: position; imm: mask of the width
template <class T> const Op* extract_u(const Op* op, CpuState* state)
{
    put(state, op->d, static_cast<T>(get<T>(state, op->a) >> op->sub) & op->imm);
    GIMBAL_CONTINUE(op + 1);
}

/// sub: bits above the field; extra: bits outside the field
template <class T> const Op* extract_s(const Op* op, CpuState* state)
{
    const T raised = static_cast<T>(get<T>(state, op->a) << op->sub);
    put(state, op->d, static_cast<T>(static_cast<Signed<T>>(raised) >> op->extra));
    GIMBAL_CONTINUE(op + 1);
}

template <class T> Handler choose(ir::Opcode op, unsigned size)
{
    using enum ir::Opcode;
    if (op == ir::Opcode::not_) return &unary<T, interpreter::not_<T>>;
    if (op == ir::Opcode::neg) return &unary<T, interpreter::neg<T>>;
    if (op == ir::Opcode::clz) return &unary<T, interpreter::clz<T>>;
    if (op == ir::Opcode::ctz) return &unary<T, interpreter::ctz<T>>;
    if (op == ir::Opcode::cls) return &unary<T, interpreter::cls<T>>;
    if (op == ir::Opcode::bit_reverse) return &unary<T, interpreter::bit_reverse<T>>;
    if (op == ir::Opcode::extract_u) return &interpreter::extract_u<T>;
    if (op == ir::Opcode::extract_s) return &interpreter::extract_s<T>;
    if (op == byte_swap) {
        if (size == 2) return &unary<T, swap_halves<T>>;
        if (size == 4) return &unary<T, swap_words<T>>;
        return size == 8 && sizeof(T) == 8 ? &unary<T, swap_all<T>> : nullptr;
    }
    if (op == sext) {
        if (size == 8) return &sign_extension<T, u8>;
        if (size == 16) return &sign_extension<T, u16>;
        return size == 32 ? &sign_extension<T, u32> : nullptr;
    }
    return nullptr;
}

template <class T, bool castagnoli> const Op* crc32(const Op* op, CpuState* state)
{
    put(state, op->d, crc32_update(get<u32>(state, op->a), get<T>(state, op->b), sizeof(T), castagnoli));
    GIMBAL_CONTINUE(op + 1);
}

} // namespace

Handler unary_handler(ir::Opcode op, unsigned bits, unsigned size)
{
    return bits == 64 ? choose<u64>(op, size) : choose<u32>(op, size);
}

Handler crc32_handler(unsigned data_bytes, bool castagnoli)
{
    switch (data_bytes) {
    case 1: return castagnoli ? &crc32<u8, true> : &crc32<u8, false>;
    case 2: return castagnoli ? &crc32<u16, true> : &crc32<u16, false>;
    case 4: return castagnoli ? &crc32<u32, true> : &crc32<u32, false>;
    case 8: return castagnoli ? &crc32<u64, true> : &crc32<u64, false>;
    }
    return nullptr;
}

} // namespace gimbal::translator::interpreter
