// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <type_traits>

#include "base/bits.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"

namespace gimbal::translator::interpreter {

namespace {

template <class T> constexpr unsigned width = sizeof(T) * 8;
template <class T> using Signed = std::make_signed_t<T>;
template <class T> using Twice = std::conditional_t<sizeof(T) == 4, u64, u128>;
template <class T> using SignedTwice = std::conditional_t<sizeof(T) == 4, i64, i128>;

template <class T> T add(T a, T b) { return a + b; }
template <class T> T sub(T a, T b) { return a - b; }
template <class T> T mul(T a, T b) { return a * b; }
template <class T> T mul_high_u(T a, T b) { return static_cast<T>((Twice<T>{a} * b) >> width<T>); }
template <class T> T mul_high_s(T a, T b)
{
    return static_cast<T>((SignedTwice<T>{static_cast<Signed<T>>(a)} * static_cast<Signed<T>>(b)) >> width<T>);
}
template <class T> T div_u(T a, T b) { return b == 0 ? 0 : a / b; }
template <class T> T div_s(T a, T b)
{
    if (b == 0) return 0;
    if (b == static_cast<T>(-1)) return T{0} - a;
    return static_cast<T>(static_cast<Signed<T>>(a) / static_cast<Signed<T>>(b));
}
template <class T> T rem_u(T a, T b) { return b == 0 ? a : a % b; }
template <class T> T rem_s(T a, T b)
{
    if (b == 0) return a;
    if (b == static_cast<T>(-1)) return 0;
    return static_cast<T>(static_cast<Signed<T>>(a) % static_cast<Signed<T>>(b));
}
template <class T> T and_(T a, T b) { return a & b; }
template <class T> T or_(T a, T b) { return a | b; }
template <class T> T xor_(T a, T b) { return a ^ b; }
template <class T> T and_not(T a, T b) { return a & ~b; }
template <class T> T or_not(T a, T b) { return a | ~b; }
template <class T> T xor_not(T a, T b) { return a ^ ~b; }
template <class T> T shl(T a, T b) { return a << (b % width<T>); }
template <class T> T shr_u(T a, T b) { return a >> (b % width<T>); }
template <class T> T shr_s(T a, T b) { return static_cast<T>(static_cast<Signed<T>>(a) >> (b % width<T>)); }
template <class T> T rotr(T a, T b) { return std::rotr(a, static_cast<int>(b % width<T>)); }

template <class T, T (*f)(T, T)> const Op* registers(const Op* op, CpuState* state)
{
    put(state, op->d, f(get<T>(state, op->a), get<T>(state, op->b)));
    GIMBAL_CONTINUE(op + 1);
}

template <class T, T (*f)(T, T)> const Op* immediate_b(const Op* op, CpuState* state)
{
    put(state, op->d, f(get<T>(state, op->a), static_cast<T>(op->imm)));
    GIMBAL_CONTINUE(op + 1);
}

template <class T> const Op* add_carry(const Op* op, CpuState* state)
{
    put(state, op->d, static_cast<T>(get<T>(state, op->a) + get<T>(state, op->b) + get<u8>(state, op->c)));
    GIMBAL_CONTINUE(op + 1);
}

template <class T> const Op* funnel_shr(const Op* op, CpuState* state)
{
    const T high = get<T>(state, op->a);
    const T low = get<T>(state, op->b);
    const unsigned amount = op->sub;
    put(state, op->d, amount == 0 ? low : static_cast<T>(low >> amount | high << (width<T> - amount)));
    GIMBAL_CONTINUE(op + 1);
}

/// imm: the field's mask in place; sub: its position
template <class T> const Op* deposit(const Op* op, CpuState* state)
{
    const T mask = static_cast<T>(op->imm);
    const T into = get<T>(state, op->a);
    put(state, op->d, static_cast<T>((into & ~mask) | (static_cast<T>(get<T>(state, op->b) << op->sub) & mask)));
    GIMBAL_CONTINUE(op + 1);
}

template <class T> Handler choose(ir::Opcode op, bool imm)
{
    using enum ir::Opcode;
#define GIMBAL_BINARY(name)                                                                                            \
    if (op == name) return imm ? &immediate_b<T, interpreter::name<T>> : &registers<T, interpreter::name<T>>;
    GIMBAL_BINARY(add)
    GIMBAL_BINARY(sub)
    GIMBAL_BINARY(mul)
    GIMBAL_BINARY(and_)
    GIMBAL_BINARY(or_)
    GIMBAL_BINARY(xor_)
    GIMBAL_BINARY(and_not)
    GIMBAL_BINARY(or_not)
    GIMBAL_BINARY(xor_not)
    GIMBAL_BINARY(shl)
    GIMBAL_BINARY(shr_u)
    GIMBAL_BINARY(shr_s)
    GIMBAL_BINARY(rotr)
    GIMBAL_BINARY(mul_high_u)
    GIMBAL_BINARY(mul_high_s)
    GIMBAL_BINARY(div_u)
    GIMBAL_BINARY(div_s)
    GIMBAL_BINARY(rem_u)
    GIMBAL_BINARY(rem_s)
#undef GIMBAL_BINARY
    if (imm) return nullptr;
    if (op == ir::Opcode::add_carry) return &interpreter::add_carry<T>;
    if (op == ir::Opcode::funnel_shr) return &interpreter::funnel_shr<T>;
    if (op == ir::Opcode::deposit) return &interpreter::deposit<T>;
    return nullptr;
}

} // namespace

Handler integer_handler(ir::Opcode op, unsigned bits, bool immediate)
{
    return bits == 64 ? choose<u64>(op, immediate) : choose<u32>(op, immediate);
}

} // namespace gimbal::translator::interpreter
