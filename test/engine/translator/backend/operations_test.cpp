// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <functional>

#include "base/bits.hpp"
#include "test/engine/translator/backend/machine.hpp"

// Each integer and flag operation against plain C++, with operands in registers and as constants, fused and not.
namespace gimbal::translator::test {
namespace {

using ir::Builder;
using ir::Opcode;
using ir::Type;
using ir::Value;

constexpr u64 numbers[] = {0,
                           1,
                           2,
                           31,
                           32,
                           63,
                           64,
                           0x7FFF'FFFF,
                           0x8000'0000,
                           0xFFFF'FFFF,
                           0x1'0000'0000,
                           0x0123'4567'89AB'CDEF,
                           0x7FFF'FFFF'FFFF'FFFF,
                           0x8000'0000'0000'0000,
                           ~u64{0}};

/// Runs one operation on operands `a` and `b`; `constants` tells which of them the block knows.
u64 compute(Type type, u64 a, u64 b, unsigned constants, bool fuse,
            const std::function<Value(Builder&, Value, Value)>& op)
{
    Machine m(backend_under_test(), fuse);
    m.state.x[1] = a;
    m.state.x[2] = b;
    m.run([&](Builder& builder) {
        const u64 mask = low_mask(ir::byte_size(type) * 8);
        const Value x = (constants & 1) != 0 ? builder.constant(type, a & mask) : builder.read(type, x_offset(1));
        const Value y = (constants & 2) != 0 ? builder.constant(type, b & mask) : builder.read(type, x_offset(2));
        Value result = op(builder, x, y);
        const Type made = builder.type_of(result);
        if (made == Type::nzcv) result = builder.nzcv_bits(result);
        if (ir::byte_size(builder.type_of(result)) < 8)
            result = builder.zext(Type::i64, result, ir::byte_size(builder.type_of(result)) * 8);
        builder.write(x_offset(0), result);
    });
    return m.state.x[0];
}

void check(Type type, const char* what, const std::function<Value(Builder&, Value, Value)>& op,
           const std::function<u64(u64, u64)>& expected)
{
    const u64 mask = low_mask(ir::byte_size(type) * 8);
    for (const u64 a : numbers)
        for (const u64 b : numbers)
            for (unsigned constants = 0; constants < 4; ++constants)
                for (const bool fuse : {true, false})
                    ASSERT_EQ(compute(type, a, b, constants, fuse, op), expected(a & mask, b & mask))
                        << what << " " << std::hex << a << " " << b << " constants " << constants << " fuse " << fuse;
}

i64 s(u64 value, unsigned width) { return sign_extend(value, width); }

void binary_deposit_check(Type type, unsigned lsb, unsigned field)
{
    const u64 mask = low_mask(field) << lsb;
    check(
        type, "deposit", [=](Builder& b, Value x, Value y) { return b.deposit(x, y, lsb, field); },
        [=](u64 a, u64 b) { return (a & ~mask) | (b << lsb & mask); });
}

class Integers : public testing::TestWithParam<Type> {
protected:
    Type type() const { return GetParam(); }
    unsigned width() const { return ir::byte_size(type()) * 8; }
    u64 cut(u64 value) const { return value & low_mask(width()); }
    void binary(const char* what, Value (Builder::*op)(Value, Value), const std::function<u64(u64, u64)>& expected)
    {
        check(
            type(), what, [op](Builder& b, Value x, Value y) { return (b.*op)(x, y); },
            [&](u64 a, u64 b) { return cut(expected(a, b)); });
    }
    void unary(const char* what, const std::function<Value(Builder&, Value)>& op,
               const std::function<u64(u64)>& expected)
    {
        check(
            type(), what, [&](Builder& b, Value x, Value) { return op(b, x); },
            [&](u64 a, u64) { return cut(expected(a)); });
    }
};

TEST_P(Integers, Arithmetic)
{
    const unsigned w = width();
    binary("add", &Builder::add, [](u64 a, u64 b) { return a + b; });
    binary("sub", &Builder::sub, [](u64 a, u64 b) { return a - b; });
    binary("mul", &Builder::mul, [](u64 a, u64 b) { return a * b; });
    binary("mul_high_u", &Builder::mul_high_u, [w](u64 a, u64 b) { return static_cast<u64>((u128{a} * b) >> w); });
    binary("mul_high_s", &Builder::mul_high_s,
           [w](u64 a, u64 b) { return static_cast<u64>((i128{s(a, w)} * s(b, w)) >> w); });
    binary("div_u", &Builder::div_u, [](u64 a, u64 b) { return b == 0 ? 0 : a / b; });
    binary("rem_u", &Builder::rem_u, [](u64 a, u64 b) { return b == 0 ? a : a % b; });
    binary("div_s", &Builder::div_s,
           [w](u64 a, u64 b) { return b == 0 ? 0 : static_cast<u64>(i128{s(a, w)} / s(b, w)); });
    binary("rem_s", &Builder::rem_s,
           [w](u64 a, u64 b) { return b == 0 ? a : static_cast<u64>(i128{s(a, w)} % s(b, w)); });
    check(
        type(), "add_carry", [](Builder& b, Value x, Value y) { return b.add_carry(x, y, b.cmp_eq(x, y)); },
        [&](u64 a, u64 b) { return cut(a + b + (a == b ? 1 : 0)); });
}

TEST_P(Integers, Logic)
{
    binary("and", &Builder::and_, [](u64 a, u64 b) { return a & b; });
    binary("or", &Builder::or_, [](u64 a, u64 b) { return a | b; });
    binary("xor", &Builder::xor_, [](u64 a, u64 b) { return a ^ b; });
    binary("and_not", &Builder::and_not, [](u64 a, u64 b) { return a & ~b; });
    binary("or_not", &Builder::or_not, [](u64 a, u64 b) { return a | ~b; });
    binary("xor_not", &Builder::xor_not, [](u64 a, u64 b) { return a ^ ~b; });
    unary("not", [](Builder& b, Value x) { return b.not_(x); }, [](u64 a) { return ~a; });
    unary("neg", [](Builder& b, Value x) { return b.neg(x); }, [](u64 a) { return 0 - a; });
}

TEST_P(Integers, Shifts)
{
    const unsigned w = width();
    binary("shl", &Builder::shl, [w](u64 a, u64 b) { return a << (b % w); });
    binary("shr_u", &Builder::shr_u, [w](u64 a, u64 b) { return a >> (b % w); });
    binary("shr_s", &Builder::shr_s, [w](u64 a, u64 b) { return static_cast<u64>(s(a, w) >> (b % w)); });
    binary("rotr", &Builder::rotr, [w](u64 a, u64 b) { return b % w == 0 ? a : a >> (b % w) | a << (w - b % w); });
    for (const unsigned lsb : {0U, 1U, 13U, w - 1})
        check(
            type(), "funnel_shr", [lsb](Builder& b, Value x, Value y) { return b.funnel_shr(x, y, lsb); },
            [&](u64 a, u64 b) { return cut(static_cast<u64>((u128{a} << w | b) >> lsb)); });
}

TEST_P(Integers, Bits)
{
    const unsigned w = width();
    unary(
        "clz", [](Builder& b, Value x) { return b.clz(x); },
        [w](u64 a) { return static_cast<u64>(std::countl_zero(a)) - (64 - w); });
    unary(
        "ctz", [](Builder& b, Value x) { return b.ctz(x); },
        [w](u64 a) { return a == 0 ? w : static_cast<u64>(std::countr_zero(a)); });
    unary(
        "cls", [](Builder& b, Value x) { return b.cls(x); },
        [w](u64 a) {
            u64 count = 0;
            while (count + 1 < w && test_bit(a, static_cast<unsigned>(w - 2 - count)) == test_bit(a, w - 1)) ++count;
            return count;
        });
    unary(
        "bit_reverse", [](Builder& b, Value x) { return b.bit_reverse(x); },
        [w](u64 a) {
            u64 reversed = 0;
            for (unsigned i = 0; i < w; ++i) reversed |= (a >> i & 1) << (w - 1 - i);
            return reversed;
        });
    for (unsigned unit = 2; unit <= w / 8; unit *= 2)
        unary(
            "byte_swap", [unit](Builder& b, Value x) { return b.byte_swap(x, unit); },
            [unit](u64 a) {
                u64 swapped = 0;
                for (unsigned i = 0; i < 8; ++i) swapped |= (a >> (i * 8) & 0xFF) << ((i ^ (unit - 1)) * 8);
                return swapped;
            });
}

TEST_P(Integers, Fields)
{
    const unsigned w = width();
    for (const unsigned lsb : {0U, 5U, w - 1})
        for (const unsigned field : {1U, w / 2, w}) {
            if (lsb + field > w) continue;
            unary(
                "extract_u", [=](Builder& b, Value x) { return b.extract_u(x, lsb, field); },
                [=](u64 a) { return bits(a, lsb, field); });
            unary(
                "extract_s", [=](Builder& b, Value x) { return b.extract_s(x, lsb, field); },
                [=](u64 a) { return static_cast<u64>(s(bits(a, lsb, field), field)); });
            binary_deposit_check(type(), lsb, field);
        }
    for (const unsigned from : {1U, 7U, 8U, 16U, 24U, 32U}) {
        unary(
            "sext", [=, this](Builder& b, Value x) { return b.sext(type(), x, from); },
            [=](u64 a) { return static_cast<u64>(s(a & low_mask(from), from)); });
        unary(
            "zext", [=, this](Builder& b, Value x) { return b.zext(type(), x, from); },
            [=](u64 a) { return a & low_mask(from); });
    }
}

TEST_P(Integers, ComparisonAndFlags)
{
    const unsigned w = width();
    auto compare = [&](Opcode op, const std::function<bool(u64, u64)>& expected) {
        check(
            type(), "compare", [op](Builder& b, Value x, Value y) { return b.cmp(op, x, y); },
            [&](u64 a, u64 b) { return expected(a, b) ? 1U : 0U; });
    };
    compare(Opcode::cmp_eq, [](u64 a, u64 b) { return a == b; });
    compare(Opcode::cmp_ne, [](u64 a, u64 b) { return a != b; });
    compare(Opcode::cmp_ltu, [](u64 a, u64 b) { return a < b; });
    compare(Opcode::cmp_leu, [](u64 a, u64 b) { return a <= b; });
    compare(Opcode::cmp_lts, [w](u64 a, u64 b) { return s(a, w) < s(b, w); });
    compare(Opcode::cmp_les, [w](u64 a, u64 b) { return s(a, w) <= s(b, w); });
    // AddWithCarry() of the Arm ARM, shared/functions/integer
    auto flags = [this, w](u64 a, u64 b, u64 carry) {
        const u128 sum = u128{a} + b + carry;
        const u64 result = cut(static_cast<u64>(sum));
        const bool overflow = i128{s(a, w)} + s(b, w) + static_cast<i128>(carry) != s(result, w);
        return result >> (w - 1) << 31 | u64{result == 0} << 30 | u64{(sum >> w) != 0} << 29 | u64{overflow} << 28;
    };
    check(
        type(), "nzcv_add", [](Builder& b, Value x, Value y) { return b.nzcv_add(x, y); },
        [&](u64 a, u64 b) { return flags(a, b, 0); });
    check(
        type(), "nzcv_sub", [](Builder& b, Value x, Value y) { return b.nzcv_sub(x, y); },
        [&](u64 a, u64 b) { return flags(a, cut(~b), 1); });
    check(
        type(), "nzcv_add_carry", [](Builder& b, Value x, Value y) { return b.nzcv_add_carry(x, y, b.i1c(true)); },
        [&](u64 a, u64 b) { return flags(a, b, 1); });
    check(
        type(), "nzcv_logic", [](Builder& b, Value x, Value) { return b.nzcv_logic(x); },
        [&](u64 a, u64) { return a >> (w - 1) << 31 | u64{a == 0} << 30; });
    check(
        type(), "select",
        [](Builder& b, Value x, Value y) { return b.select(b.nzcv_test(b.nzcv_sub(x, y), ir::Cond::hi), x, y); },
        [](u64 a, u64 b) { return a > b ? a : b; });
}

INSTANTIATE_TEST_SUITE_P(Widths, Integers, testing::Values(Type::i32, Type::i64));

TEST(Conditions, All)
{
    // ConditionHolds() of the Arm ARM
    for (unsigned cond = 0; cond < 16; ++cond)
        for (u32 nzcv = 0; nzcv < 16; ++nzcv) {
            const bool n = (nzcv & 8) != 0, z = (nzcv & 4) != 0, c = (nzcv & 2) != 0, v = (nzcv & 1) != 0;
            const bool by_pair[] = {z, c, n, v, c && !z, n == v, n == v && !z, true};
            const bool expected = by_pair[cond / 2] != (cond % 2 == 1 && cond != 15);
            Machine m;
            m.state.nzcv = nzcv << 28;
            m.run([&](Builder& b) {
                const Value holds = b.nzcv_test(b.read(Type::nzcv, nzcv_offset), static_cast<ir::Cond>(cond));
                b.write(x_offset(0), b.select(holds, b.i64c(1), b.i64c(2)));
            });
            EXPECT_EQ(m.state.x[0], expected ? 1U : 2U) << cond << " " << nzcv;
        }
}

TEST(Crc32, CheckValues)
{
    // CRC-32 and CRC-32C of "123456789" (the usual check values)
    for (const bool castagnoli : {false, true}) {
        Machine m;
        m.run([&](Builder& b) {
            Value acc = b.i32c(0xFFFF'FFFF);
            acc = b.crc32(acc, b.i64c(0x3837'3635'3433'3231), 8, castagnoli);
            acc = b.crc32(acc, b.i32c('9'), 1, castagnoli);
            b.write(x_offset(0), b.zext(Type::i64, b.not_(acc), 32));
        });
        EXPECT_EQ(m.state.x[0], castagnoli ? 0xE306'9283U : 0xCBF4'3926U);
    }
}

} // namespace
} // namespace gimbal::translator::test
