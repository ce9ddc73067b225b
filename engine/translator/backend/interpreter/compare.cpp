// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include "engine/translator/backend/interpreter/control.hpp"
#include "engine/translator/backend/interpreter/handlers.hpp"

namespace gimbal::translator::interpreter {

namespace {

template <class T> using Signed = std::make_signed_t<T>;

template <class T> bool cmp_eq(T a, T b) { return a == b; }
template <class T> bool cmp_ne(T a, T b) { return a != b; }
template <class T> bool cmp_ltu(T a, T b) { return a < b; }
template <class T> bool cmp_leu(T a, T b) { return a <= b; }
template <class T> bool cmp_lts(T a, T b) { return static_cast<Signed<T>>(a) < static_cast<Signed<T>>(b); }
template <class T> bool cmp_les(T a, T b) { return static_cast<Signed<T>>(a) <= static_cast<Signed<T>>(b); }

template <class T> u32 nzcv_word(T result, bool carry, T overflow)
{
    constexpr unsigned top = sizeof(T) * 8 - 1;
    return static_cast<u32>(result >> top) << 31 | u32{result == 0} << 30 | u32{carry} << 29 |
           static_cast<u32>(overflow >> top) << 28;
}
template <class T> u32 nzcv_add(T a, T b)
{
    const T sum = a + b;
    return nzcv_word<T>(sum, sum < a, (a ^ sum) & (b ^ sum));
}
template <class T> u32 nzcv_sub(T a, T b)
{
    const T difference = a - b;
    return nzcv_word<T>(difference, a >= b, (a ^ b) & (a ^ difference));
}
template <class T> u32 nzcv_logic(T a, T) { return nzcv_word<T>(a, false, 0); }

/// The second operand: a register, or imm.
template <class T, bool immediate> T second(const Op* op, const CpuState* state)
{
    if constexpr (immediate)
        return static_cast<T>(op->imm);
    else
        return get<T>(state, op->b);
}

template <class T, bool (*f)(T, T), bool immediate> const Op* compare(const Op* op, CpuState* state)
{
    put(state, op->d, f(get<T>(state, op->a), second<T, immediate>(op, state)) ? 1 : 0);
    GIMBAL_CONTINUE(op + 1);
}

template <class T, bool (*f)(T, T), bool immediate> const Op* compare_exit(const Op* op, CpuState* state)
{
    if (f(get<T>(state, op->a), second<T, immediate>(op, state))) GIMBAL_LEAVE();
    GIMBAL_CONTINUE(op + 1);
}

template <class T, u32 (*f)(T, T), bool immediate> const Op* flags(const Op* op, CpuState* state)
{
    put_exact<u32>(state, op->d, f(get<T>(state, op->a), second<T, immediate>(op, state)));
    GIMBAL_CONTINUE(op + 1);
}

template <class T, u32 (*f)(T, T), bool immediate> const Op* flags_exit(const Op* op, CpuState* state)
{
    const u32 nzcv = f(get<T>(state, op->a), second<T, immediate>(op, state));
    put_exact<u32>(state, op->d, nzcv);
    if ((op->sub >> (nzcv >> 28) & 1) != 0) GIMBAL_LEAVE();
    GIMBAL_CONTINUE(op + 1);
}

template <class T> const Op* flags_add_carry(const Op* op, CpuState* state)
{
    const T a = get<T>(state, op->a);
    const T b = get<T>(state, op->b);
    T sum = 0;
    const bool first = __builtin_add_overflow(a, b, &sum);
    const T carry_in = get<u8>(state, op->c);
    const T total = static_cast<T>(sum + carry_in);
    put_exact<u32>(state, op->d, nzcv_word<T>(total, first || total < sum, (a ^ total) & (b ^ total)));
    GIMBAL_CONTINUE(op + 1);
}

const Op* flags_test(const Op* op, CpuState* state) // sub: condition_mask()
{
    put(state, op->d, op->sub >> (get<u32>(state, op->a) >> 28) & 1);
    GIMBAL_CONTINUE(op + 1);
}

const Op* flags_carry(const Op* op, CpuState* state)
{
    put(state, op->d, get<u32>(state, op->a) >> 29 & 1);
    GIMBAL_CONTINUE(op + 1);
}

const Op* flags_make(const Op* op, CpuState* state)
{
    put_exact<u32>(state, op->d, get<u32>(state, op->a) & 0xF000'0000);
    GIMBAL_CONTINUE(op + 1);
}

const Op* flags_bits(const Op* op, CpuState* state)
{
    put(state, op->d, get<u32>(state, op->a));
    GIMBAL_CONTINUE(op + 1);
}

/// Copies T at the chosen offset; integers narrower than 64 bits are zero-extended unless they are flags (`exact`).
template <class T, bool by_flags, bool exact> const Op* select(const Op* op, CpuState* state)
{
    const bool condition = by_flags ? (op->sub >> (get<u32>(state, op->a) >> 28) & 1) != 0 : get<u8>(state, op->a) != 0;
    const T if_true = get<T>(state, op->b);
    const T if_false = get<T>(state, op->c);
    if constexpr (exact)
        put_exact<T>(state, op->d, condition ? if_true : if_false);
    else
        put(state, op->d, condition ? if_true : if_false);
    GIMBAL_CONTINUE(op + 1);
}

template <bool by_flags> const Op* select_vector(const Op* op, CpuState* state)
{
    const bool condition = by_flags ? (op->sub >> (get<u32>(state, op->a) >> 28) & 1) != 0 : get<u8>(state, op->a) != 0;
    put_exact<V128>(state, op->d, get<V128>(state, condition ? op->b : op->c));
    GIMBAL_CONTINUE(op + 1);
}

#define GIMBAL_EACH_COMPARE(x) x(cmp_eq) x(cmp_ne) x(cmp_ltu) x(cmp_leu) x(cmp_lts) x(cmp_les)
#define GIMBAL_EACH_FLAGS(x) x(nzcv_add) x(nzcv_sub) x(nzcv_logic)

template <class T> Handler choose_compare(ir::Opcode op, bool imm)
{
#define GIMBAL_ROW(name)                                                                                               \
    if (op == ir::Opcode::name) return imm ? &compare<T, name<T>, true> : &compare<T, name<T>, false>;
    GIMBAL_EACH_COMPARE(GIMBAL_ROW)
#undef GIMBAL_ROW
    return nullptr;
}

template <class T> Handler choose_compare_exit(ir::Opcode op, bool imm)
{
#define GIMBAL_ROW(name)                                                                                               \
    if (op == ir::Opcode::name) return imm ? &compare_exit<T, name<T>, true> : &compare_exit<T, name<T>, false>;
    GIMBAL_EACH_COMPARE(GIMBAL_ROW)
#undef GIMBAL_ROW
    return nullptr;
}

template <class T> Handler choose_flags(ir::Opcode op, bool imm)
{
#define GIMBAL_ROW(name)                                                                                               \
    if (op == ir::Opcode::name) return imm ? &flags<T, name<T>, true> : &flags<T, name<T>, false>;
    GIMBAL_EACH_FLAGS(GIMBAL_ROW)
#undef GIMBAL_ROW
    if (op == ir::Opcode::nzcv_add_carry && !imm) return &flags_add_carry<T>;
    return nullptr;
}

template <class T> Handler choose_flags_exit(ir::Opcode op, bool imm)
{
#define GIMBAL_ROW(name)                                                                                               \
    if (op == ir::Opcode::name) return imm ? &flags_exit<T, name<T>, true> : &flags_exit<T, name<T>, false>;
    GIMBAL_EACH_FLAGS(GIMBAL_ROW)
#undef GIMBAL_ROW
    return nullptr;
}

} // namespace

u16 condition_mask(ir::Cond cond)
{
    u16 mask = 0;
    for (unsigned flags = 0; flags < 16; ++flags) {
        const bool n = (flags & 8) != 0;
        const bool z = (flags & 4) != 0;
        const bool c = (flags & 2) != 0;
        const bool v = (flags & 1) != 0;
        bool holds = true;
        switch (static_cast<ir::Cond>(static_cast<u8>(cond) & ~1U)) {
        case ir::Cond::eq: holds = z; break;
        case ir::Cond::cs: holds = c; break;
        case ir::Cond::mi: holds = n; break;
        case ir::Cond::vs: holds = v; break;
        case ir::Cond::hi: holds = c && !z; break;
        case ir::Cond::ge: holds = n == v; break;
        case ir::Cond::gt: holds = n == v && !z; break;
        case ir::Cond::al:
        case ir::Cond::ne:
        case ir::Cond::cc:
        case ir::Cond::pl:
        case ir::Cond::vc:
        case ir::Cond::ls:
        case ir::Cond::lt:
        case ir::Cond::le:
        case ir::Cond::nv: break;
        }
        if (cond < ir::Cond::al && (static_cast<u8>(cond) & 1) != 0) holds = !holds;
        if (holds) mask = static_cast<u16>(mask | 1U << flags);
    }
    return mask;
}

Handler compare_handler(ir::Opcode op, unsigned bits, bool immediate)
{
    return bits == 64 ? choose_compare<u64>(op, immediate) : choose_compare<u32>(op, immediate);
}

Handler compare_exit_handler(ir::Opcode op, unsigned bits, bool immediate)
{
    return bits == 64 ? choose_compare_exit<u64>(op, immediate) : choose_compare_exit<u32>(op, immediate);
}

Handler flags_handler(ir::Opcode op, unsigned bits, bool immediate)
{
    if (op == ir::Opcode::nzcv_make) return &flags_make;
    if (op == ir::Opcode::nzcv_bits) return &flags_bits;
    if (op == ir::Opcode::nzcv_carry) return &flags_carry;
    if (op == ir::Opcode::nzcv_test) return &flags_test;
    return bits == 64 ? choose_flags<u64>(op, immediate) : choose_flags<u32>(op, immediate);
}

Handler flags_exit_handler(ir::Opcode op, unsigned bits, bool immediate)
{
    return bits == 64 ? choose_flags_exit<u64>(op, immediate) : choose_flags_exit<u32>(op, immediate);
}

Handler select_handler(ir::Type type, bool by_flags)
{
    const unsigned bytes = ir::byte_size(type);
    if (bytes == 16) return by_flags ? &select_vector<true> : &select_vector<false>;
    if (type == ir::Type::nzcv) return by_flags ? &select<u32, true, true> : &select<u32, false, true>;
    if (bytes == 8) return by_flags ? &select<u64, true, false> : &select<u64, false, false>;
    if (bytes == 4) return by_flags ? &select<u32, true, false> : &select<u32, false, false>;
    if (bytes == 2) return by_flags ? &select<u16, true, false> : &select<u16, false, false>;
    return by_flags ? &select<u8, true, false> : &select<u8, false, false>;
}

} // namespace gimbal::translator::interpreter
