// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "test/engine/translator/backend/machine.hpp"

namespace gimbal::translator::test {
namespace {

using ir::Builder;
using ir::Type;

constexpr u64 code = Machine::code_base;

void halt(Machine& m, u64 at, u64 payload)
{
    m.block(at, 1, [&](Builder& b) { b.event(ir::Event::breakpoint, payload, static_cast<u32>((at & 0xFFF) + 4)); });
}

u64 stack_pointer_seen[2];
u64 note_stack(CpuState&, u64 which, u64, u64)
{
    stack_pointer_seen[which] = reinterpret_cast<u64>(__builtin_frame_address(0));
    return 0;
}
constexpr ir::Helper note{
    "note", note_stack, Type::i64, 1, {false, false, false}
};

TEST(Control, TheStackDoesNotGrow)
{
    Machine m;
    m.map_ram();
    m.state.x[0] = 500'000;
    m.state.x[1] = Machine::ram_base;
    // A million and more ops in two blocks between two looks at the stack.
    m.block(code, 1, [](Builder& b) {
        b.call(note, b.i64c(0));
        b.jump(64);
    });
    m.block(code + 64, 3, [](Builder& b) {
        b.write(x_offset(2), b.load(Type::i64, b.read(Type::i64, x_offset(1)), {.size_log2 = 3}));
        b.begin_instruction(1);
        const auto left = b.add_imm(b.read(Type::i64, x_offset(0)), ~u64{0});
        b.write(x_offset(0), left);
        b.exit_if(b.cmp_ne(left, b.i64c(0)), 64);
        b.jump(128);
    });
    m.block(code + 128, 1, [](Builder& b) {
        b.call(note, b.i64c(1));
        b.event(ir::Event::breakpoint, 0, 132);
    });
    m.start(code);
    EXPECT_EQ(stack_pointer_seen[0], stack_pointer_seen[1]);
    EXPECT_EQ(m.state.common.instructions, 1 + 500'000 * 2 + 1U);
}

TEST(Control, LinksOutOfThePageFollowTheTranslation)
{
    Machine m;
    m.block(code, 1, [](Builder& b) { b.jump(0x1000); });
    halt(m, code + 0x1000, 1);
    halt(m, 0x90'0000, 2);
    m.start(code);
    EXPECT_EQ(m.state.common.unwind_payload, 1U);
    m.start(code); // by the link now
    EXPECT_EQ(m.state.common.unwind_payload, 1U);
    EXPECT_EQ(m.state.common.pc, code + 0x1004);
    EXPECT_EQ(m.lookups, 3U);
    // The page moves; the engine drops the fetch entry.
    m.pages[code + 0x1000] = 0x90'0000;
    m.fetch[((code + 0x1000) >> 12) % fetch_entries] = {};
    m.start(code);
    EXPECT_EQ(m.state.common.unwind_payload, 2U);
    m.start(code);
    EXPECT_EQ(m.state.common.unwind_payload, 2U);
    // And the same code runs at another address.
    m.pages[0x70'0000] = code;
    m.start(0x70'0000);
    EXPECT_EQ(m.state.common.pc, 0x70'1000U) << "nothing is mapped there";
}

TEST(Control, RetiredBlocksAreNotEntered)
{
    Machine m;
    m.block(code, 1, [](Builder& b) { b.jump(8); });
    halt(m, code + 8, 1);
    m.start(code);
    m.start(code);
    EXPECT_EQ(m.state.common.unwind_payload, 1U);
    m.retire(code + 8);
    halt(m, code + 8, 2);
    m.start(code);
    EXPECT_EQ(m.state.common.unwind_payload, 2U) << "by a link";
    const unsigned lookups = m.lookups;
    m.start(code);
    EXPECT_EQ(m.lookups, lookups + 1) << "linked anew";
    // The source goes first, then the target.
    m.retire(code);
    m.retired.clear();
    m.retire(code + 8);
    m.retired.clear();
}

TEST(Control, JumpRegisterUsesItsCacheAndSurvivesRetirement)
{
    Machine m;
    m.state.x[1] = code + 0x2008;
    m.block(code, 1, [](Builder& b) { b.jump_register(b.read(Type::i64, x_offset(1)), ir::JumpHint::ret); });
    halt(m, code + 0x2008, 1);
    m.start(code);
    m.start(code);
    EXPECT_EQ(m.lookups, 3U);
    EXPECT_EQ(m.state.common.pc, code + 0x200C);
    m.retire(code + 0x2008); // the cache still names it: its entry sends us on
    halt(m, code + 0x2008, 2);
    m.start(code);
    EXPECT_EQ(m.state.common.unwind_payload, 2U);
    m.state.x[1] = 0x1234'5678;
    m.start(code);
    EXPECT_EQ(m.state.common.pc, 0x1234'5678U);
    EXPECT_EQ(m.state.common.unwind, Unwind::synchronize);
}

TEST(Control, RequestsAreSeenOnBackwardAndIndirectEdgesOnly)
{
    Machine m;
    m.state.common.request.store(1);
    m.block(code, 1, [](Builder& b) { b.jump(8); });
    m.block(code + 8, 1, [](Builder& b) { b.jump(0); });
    m.start(code);
    EXPECT_EQ(m.state.common.unwind, Unwind::synchronize);
    EXPECT_EQ(m.state.common.pc, code);
    EXPECT_EQ(m.state.common.instructions, 2U);
    m.state.x[1] = code + 8;
    m.block(code, 1, [](Builder& b) { b.jump_register(b.read(Type::i64, x_offset(1)), ir::JumpHint::branch); });
    m.start(code);
    EXPECT_EQ(m.state.common.pc, code + 8);
    EXPECT_EQ(m.state.common.instructions, 3U);
}

TEST(Control, LoopsCountAndLeaveAtTheHeader)
{
    Machine m;
    auto build = [&] {
        m.block(code, 3, [](Builder& b) {
            b.write(x_offset(4), b.i64c(1)); // one instruction before the loop
            b.begin_instruction(2);
            b.event(ir::Event::breakpoint, 0, 12);
        });
        m.block(code + 0x20, 4, [](Builder& b) {
            b.read(Type::i64, x_offset(4));
            b.begin_instruction(1);
            b.loop_header();
            const auto left = b.add_imm(b.read(Type::i64, x_offset(0)), ~u64{0});
            b.write(x_offset(0), left);
            b.begin_instruction(2);
            b.loop_back_if(b.cmp_ne(left, b.i64c(0)));
            b.begin_instruction(3);
            b.synchronize(0x30);
        });
    };
    build();
    m.state.x[0] = 10;
    m.start(code + 0x20);
    EXPECT_EQ(m.state.common.instructions, 1 + 10 * 2 + 1U);
    m.state.common.instructions = 0;
    m.state.x[0] = 10;
    m.state.common.request.store(1);
    m.start(code + 0x20);
    EXPECT_EQ(m.state.common.pc, code + 0x24);
    EXPECT_EQ(m.state.common.instructions, 3U);
    EXPECT_EQ(m.state.x[0], 9U);
}

TEST(Control, TerminalsSetPcAndCount)
{
    Machine m;
    m.block(code, 2, [](Builder& b) {
        b.begin_instruction(1);
        b.event(ir::Event::exception, 5, 4); // at the instruction itself: not done
    });
    m.start(code);
    EXPECT_EQ(m.state.common.pc, code + 4);
    EXPECT_EQ(m.state.common.instructions, 1U);
    m.block(code, 2, [](Builder& b) {
        b.begin_instruction(1);
        b.event(ir::Event::hypercall, 5, 8);
    });
    m.start(code);
    EXPECT_EQ(m.state.common.pc, code + 8);
    EXPECT_EQ(m.state.common.instructions, 3U);
    m.state.x[1] = 0x1234;
    m.block(code, 1, [](Builder& b) { b.synchronize_register(b.read(Type::i64, x_offset(1))); });
    m.start(code);
    EXPECT_EQ(m.state.common.pc, 0x1234U);
    EXPECT_EQ(m.state.common.unwind, Unwind::synchronize);
}

TEST(Lowering, OneOpForATypicalInstruction)
{
    Machine m(BackendKind::interpreter);
    auto ops = [&](const std::function<void(Builder&)>& emit) {
        m.run(emit);
        return m.op_count(code) - 1;
    };
    auto x = [](Builder& b, unsigned n) { return b.read(Type::i64, x_offset(n)); };
    auto w = [](Builder& b, unsigned n) { return b.read(Type::i32, x_offset(n)); };
    m.map_ram();
    m.state.x[1] = Machine::ram_base;
    EXPECT_EQ(ops([&](Builder& b) { b.write(x_offset(0), b.zext(Type::i64, b.sub(w(b, 1), b.i32c(3)), 32)); }), 1U);
    EXPECT_EQ(ops([&](Builder& b) { b.write(x_offset(0), b.or_(b.i64c(0), x(b, 2))); }), 1U);
    EXPECT_EQ(
        ops([&](Builder& b) { b.write(x_offset(0), b.load(Type::i64, b.add_imm(x(b, 1), 16), {.size_log2 = 3})); }),
        1U);
    EXPECT_EQ(ops([&](Builder& b) { // ldr x0, [x1, #8]!
                  const auto address = b.add_imm(x(b, 1), 8);
                  const auto value = b.load(Type::i64, address, {.size_log2 = 3});
                  b.write(x_offset(1), address);
                  b.write(x_offset(0), value);
              }),
              3U - 1U);
    EXPECT_EQ(ops([&](Builder& b) { // movz, movk
                  b.write(x_offset(0), b.i64c(0x1234));
                  b.write(x_offset(0), b.deposit(x(b, 0), b.i64c(0x5678), 16, 16));
              }),
              1U);
    EXPECT_EQ(m.state.x[0], 0x5678'1234U);
    EXPECT_EQ(ops([&](Builder& b) { // cmp; b.eq
                  b.write(nzcv_offset, b.nzcv_sub(x(b, 0), x(b, 1)));
                  b.exit_if(b.nzcv_test(b.read(Type::nzcv, nzcv_offset), ir::Cond::eq), 64);
              }),
              1U);
    EXPECT_EQ(ops([&](Builder& b) { b.exit_if(b.cmp_eq(w(b, 0), b.i32c(0)), 64); }), 1U);
}

} // namespace
} // namespace gimbal::translator::test
