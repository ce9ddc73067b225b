// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <thread>

#include "test/engine/translator/backend/machine.hpp"

namespace gimbal::translator::test {
namespace {

using ir::Builder;
using ir::MemOp;
using ir::Type;

constexpr u64 base = Machine::ram_base;

void fill(Machine& m)
{
    for (usize i = 0; i < Machine::ram_size; ++i) m.ram[i] = static_cast<u8>(i * 7 + (i >> 8));
}

Type type_of_size(unsigned log2) { return log2 == 4 ? Type::v128 : log2 == 3 ? Type::i64 : Type::i32; }

/// Loads and stores through the fast path and through the runtime agree with the bytes, whatever the form.
TEST(Memory, LoadsAndStores)
{
    for (const bool mapped : {true, false})
        for (unsigned log2 = 0; log2 <= 4; ++log2)
            for (const bool big : {false, true})
                for (const u64 offset : {u64{0}, u64{16}, u64{3}, u64{0xFF0}, u64{0xFFF}}) {
                    Machine m;
                    fill(m);
                    if (mapped) m.map_ram();
                    m.state.x[1] = base - 0x40 + offset;
                    m.state.x[2] = 0x10;
                    const MemOp op{.size_log2 = static_cast<u8>(log2), .big_endian = big};
                    m.run([&](Builder& b) {
                        const auto address =
                            b.add(b.read(Type::i64, x_offset(1)), b.shl(b.read(Type::i64, x_offset(2)), b.i64c(2)));
                        const auto value = b.load(type_of_size(log2), address, op);
                        b.store(b.add_imm(address, 0x1000), value, op);
                        if (log2 == 4)
                            b.write(v_offset(0), value);
                        else
                            b.write(x_offset(0), log2 == 3 ? value : b.zext(Type::i64, value, 32));
                    });
                    const unsigned size = 1U << log2;
                    EXPECT_EQ(std::memcmp(m.host(base + offset), m.host(base + offset + 0x1000), size), 0);
                    V128 loaded{m.state.x[0], 0};
                    if (log2 == 4) loaded = m.state.v[0];
                    u8 bytes[16];
                    std::memcpy(bytes, &loaded, 16);
                    for (unsigned i = 0; i < 16; ++i) {
                        const u8 expected = i < size ? *m.host(base + offset + (big ? size - 1 - i : i)) : u8{0};
                        EXPECT_EQ(bytes[i], expected) << "size " << size << " offset " << offset;
                    }
                    const bool crosses = (offset & 0xFFF) + size > 0x1000;
                    EXPECT_EQ(m.slow_accesses, mapped && !crosses ? 0U : 2U);
                }
}

TEST(Memory, AlignmentMisses)
{
    Machine m;
    m.map_ram();
    m.state.x[1] = base + 4;
    auto load = [](ir::Align align) {
        return [align](Builder& b) {
            b.write(x_offset(0), b.load(Type::i64, b.read(Type::i64, x_offset(1)), {.size_log2 = 3, .align = align}));
        };
    };
    m.run(load(ir::Align::any));
    EXPECT_EQ(m.slow_accesses, 0U);
    m.run(load(ir::Align::natural));
    EXPECT_EQ(m.slow_accesses, 1U);
    m.state.x[1] = base + 8;
    m.run(load(ir::Align::natural));
    EXPECT_EQ(m.slow_accesses, 1U);
    m.run(load(ir::Align::check_16));
    EXPECT_EQ(m.slow_accesses, 2U);
}

TEST(Memory, WriteNeedsItsOwnTag)
{
    Machine m;
    m.map_ram(false);
    m.state.x[1] = base;
    m.run([](Builder& b) {
        const auto address = b.read(Type::i64, x_offset(1));
        b.write(x_offset(0), b.load(Type::i64, address, {.size_log2 = 3}));
    });
    EXPECT_EQ(m.slow_accesses, 0U);
    m.run([](Builder& b) { b.store(b.read(Type::i64, x_offset(1)), b.i64c(1), {.size_log2 = 3}); });
    EXPECT_EQ(m.slow_accesses, 1U);
    m.run([](Builder& b) { b.probe(b.read(Type::i64, x_offset(1)), {.size_log2 = 3, .is_write = true}, 16); });
    EXPECT_EQ(m.slow_accesses, 2U);
}

TEST(Memory, FaultLeavesTheInstructionUndone)
{
    Machine m;
    m.faults = true;
    m.state.x[1] = base;
    m.block(Machine::code_base + 8, 3, [](Builder& b) {
        b.write(x_offset(3), b.i64c(1));
        b.begin_instruction(1);
        const auto address = b.read(Type::i64, x_offset(1));
        const auto value = b.load(Type::i64, b.add_imm(address, 8), {.size_log2 = 3});
        b.write(x_offset(1), b.add_imm(address, 8));
        b.write(x_offset(0), value);
        b.begin_instruction(2);
        b.jump(0);
    });
    m.start(Machine::code_base + 8);
    EXPECT_EQ(m.state.common.unwind, Unwind::access);
    EXPECT_EQ(m.state.common.pc, Machine::code_base + 12);
    EXPECT_EQ(m.state.common.instructions, 1U);
    EXPECT_EQ(m.state.x[3], 1U);
    EXPECT_EQ(m.state.x[1], base);
}

class Exclusives : public testing::TestWithParam<bool> {
protected:
    Exclusives()
    {
        if (GetParam()) m.map_ram();
        m.state.x[1] = base + 64;
    }
    void load(Type type = Type::i64, u8 log2 = 3)
    {
        m.run([&](Builder& b) {
            const auto value = b.load_exclusive(type, b.read(Type::i64, x_offset(1)), {.size_log2 = log2});
            b.write(x_offset(2),
                    type == Type::i128 ? b.high_half(value) : b.zext(Type::i64, value, log2 == 3 ? 64 : 32));
        });
    }
    u64 store(u64 value)
    {
        m.run([&](Builder& b) {
            const auto failed = b.store_exclusive(b.read(Type::i64, x_offset(1)), b.i64c(value), {.size_log2 = 3});
            b.write(x_offset(0), b.zext(Type::i64, failed, 32));
        });
        return m.state.x[0];
    }
    u64 word()
    {
        u64 value;
        std::memcpy(&value, m.host(m.state.x[1]), 8);
        return value;
    }
    Machine m;
};

TEST_P(Exclusives, StoreOnceAfterALoad)
{
    EXPECT_EQ(store(1), 1U);
    load();
    EXPECT_EQ(store(2), 0U);
    EXPECT_EQ(word(), 2U);
    EXPECT_EQ(store(3), 1U);
    EXPECT_EQ(word(), 2U);
}

TEST_P(Exclusives, AnotherAddressFailsAndDisarms)
{
    load();
    m.state.x[1] += 8;
    EXPECT_EQ(store(1), 1U);
    m.state.x[1] -= 8;
    if (GetParam()) {
        EXPECT_EQ(store(1), 1U);
    }
}

TEST_P(Exclusives, CleanedByClearExclusive)
{
    load();
    m.run([](Builder& b) { b.clear_exclusive(); });
    EXPECT_EQ(store(1), 1U);
}

INSTANTIATE_TEST_SUITE_P(FastAndSlow, Exclusives, testing::Bool());

TEST(Exclusive, FailsIfTheValueOrSizeChanged)
{
    Machine m;
    m.map_ram();
    m.state.x[1] = base;
    auto exclusive = [&](u8 store_log2) {
        m.run([&](Builder& b) {
            const auto address = b.read(Type::i64, x_offset(1));
            b.write(x_offset(2), b.load_exclusive(Type::i64, address, {.size_log2 = 3}));
            b.begin_instruction(0);
        });
        if (store_log2 == 3) m.ram[0] ^= 1;
        m.run([&](Builder& b) {
            const auto failed = b.store_exclusive(b.read(Type::i64, x_offset(1)), b.i64c(9), {.size_log2 = store_log2});
            b.write(x_offset(0), b.zext(Type::i64, failed, 32));
        });
        return m.state.x[0];
    };
    EXPECT_EQ(exclusive(3), 1U);
    EXPECT_EQ(exclusive(2), 1U);
}

TEST(Exclusive, Pairs)
{
    Machine m;
    m.map_ram();
    fill(m);
    m.state.x[1] = base + 32;
    m.run([](Builder& b) {
        const auto address = b.read(Type::i64, x_offset(1));
        const auto old = b.load_exclusive(Type::i128, address, {.size_log2 = 4});
        const auto failed = b.store_exclusive(address, b.pair(b.high_half(old), b.low_half(old)), {.size_log2 = 4});
        b.write(x_offset(2), b.low_half(old));
        b.write(x_offset(3), b.high_half(old));
        b.write(x_offset(0), b.zext(Type::i64, failed, 32));
    });
    u64 now[2];
    std::memcpy(now, m.host(base + 32), 16);
    EXPECT_EQ(m.state.x[0], 0U);
    EXPECT_EQ(now[0], m.state.x[3]);
    EXPECT_EQ(now[1], m.state.x[2]);
}

TEST(Atomics, EachKindAndSize)
{
    using S = ir::Atomic;
    for (unsigned log2 = 0; log2 <= 3; ++log2)
        for (const bool big : {false, true})
            for (unsigned kind = 0; kind < 9; ++kind) {
                const unsigned width = 8U << log2;
                const u64 mask = low_mask(width);
                const u64 old = (u64{1} << (width - 1) | 0x50) & mask;
                const u64 operand = 0x31;
                Machine m;
                m.map_ram();
                m.state.x[1] = base;
                const MemOp op{.size_log2 = static_cast<u8>(log2), .align = ir::Align::natural, .big_endian = big};
                const Type type = log2 == 3 ? Type::i64 : Type::i32;
                m.run([&](Builder& b) {
                    b.store(b.read(Type::i64, x_offset(1)), b.constant(type, old), op);
                    const auto was = b.atomic_rmw(static_cast<S>(kind), type, b.read(Type::i64, x_offset(1)),
                                                  b.constant(type, operand), op);
                    const auto now = b.load(type, b.read(Type::i64, x_offset(1)), op);
                    b.write(x_offset(2), b.zext(Type::i64, was, log2 == 3 ? 64 : 32));
                    b.write(x_offset(3), b.zext(Type::i64, now, log2 == 3 ? 64 : 32));
                });
                const u64 expected[] = {operand,
                                        (old + operand) & mask,
                                        old & ~operand,
                                        old ^ operand,
                                        old | operand,
                                        operand /* smax: old is negative */,
                                        old,
                                        old,
                                        operand};
                EXPECT_EQ(m.state.x[2], old);
                EXPECT_EQ(m.state.x[3], expected[kind]) << "kind " << kind << " size " << (1U << log2);
                EXPECT_EQ(m.slow_accesses, 0U);
            }
}

TEST(Atomics, CompareAndSwap)
{
    for (const bool equal : {true, false}) {
        Machine m;
        m.map_ram();
        m.state.x[1] = base;
        m.ram[0] = equal ? 5 : 6;
        m.run([](Builder& b) {
            const auto address = b.read(Type::i64, x_offset(1));
            const auto old = b.atomic_cas(Type::i64, address, b.i64c(5), b.i64c(77), {.size_log2 = 3});
            b.write(x_offset(0), old);
        });
        EXPECT_EQ(m.state.x[0], equal ? 5U : 6U);
        EXPECT_EQ(m.ram[0], equal ? 77 : 6);
    }
}

TEST(Atomics, TwoThreadsAdd)
{
    Machine a;
    auto b = std::make_unique<Machine>();
    a.map_ram();
    b->tlb = a.tlb;
    b->state.common.tlb[0].entries = b->tlb.data();
    constexpr u64 rounds = 20'000;
    auto work = [](Machine& m) {
        m.state.x[0] = rounds;
        m.state.x[1] = base;
        m.block(Machine::code_base, 2, [](Builder& build) {
            const auto address = build.read(Type::i64, x_offset(1));
            build.write(x_offset(2),
                        build.atomic_rmw(ir::Atomic::add, Type::i64, address, build.i64c(1), {.size_log2 = 3}));
            build.begin_instruction(1);
            const auto left = build.add_imm(build.read(Type::i64, x_offset(0)), ~u64{0});
            build.write(x_offset(0), left);
            build.exit_if(build.cmp_ne(left, build.i64c(0)), 0);
            build.event(ir::Event::breakpoint, 0, 8);
        });
        m.start(Machine::code_base);
    };
    std::thread other([&] { work(*b); });
    work(a);
    other.join();
    u64 sum;
    std::memcpy(&sum, a.ram, 8);
    EXPECT_EQ(sum, 2 * rounds);
}

} // namespace
} // namespace gimbal::translator::test
