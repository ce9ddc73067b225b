// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "test/engine/translator/backend/machine.hpp"

namespace gimbal::translator::test {
namespace {

using ir::Builder;
using ir::Type;

TEST(Run, AddsOneOp)
{
    Machine m;
    m.state.x[1] = 40;
    m.state.x[2] = 2;
    m.run([](Builder& b) {
        b.write(x_offset(0), b.add(b.read(Type::i64, x_offset(1)), b.read(Type::i64, x_offset(2))));
    });
    EXPECT_EQ(m.state.x[0], 42U);
    if (m.interpreted) {
        EXPECT_EQ(m.op_count(Machine::code_base), 2U);
    }
    EXPECT_EQ(m.state.common.instructions, 1U);
    EXPECT_EQ(m.state.common.unwind, Unwind::event);
}

TEST(Run, LoopsWithFlags)
{
    Machine m;
    m.state.x[0] = 1'000'000;
    // 0: add x1, x1, #3; 4: subs x0, x0, #1; 8: b.ne 0
    m.block(Machine::code_base, 3, [](Builder& b) {
        b.write(x_offset(1), b.add_imm(b.read(Type::i64, x_offset(1)), 3));
        b.begin_instruction(1);
        const auto n = b.read(Type::i64, x_offset(0));
        const auto one = b.i64c(1);
        b.write(x_offset(0), b.sub(n, one));
        b.write(nzcv_offset, b.nzcv_sub(n, one));
        b.begin_instruction(2);
        b.exit_if(b.nzcv_test(b.read(Type::nzcv, nzcv_offset), ir::Cond::ne), 0);
        b.jump(12);
    });
    m.block(Machine::code_base + 12, 1, [](Builder& b) { b.event(ir::Event::hypercall, 7, 16); });
    m.start(Machine::code_base);
    EXPECT_EQ(m.state.x[1], 3'000'000U);
    EXPECT_EQ(m.state.x[0], 0U);
    EXPECT_EQ(m.state.common.instructions, 3'000'001U);
    EXPECT_EQ(m.state.common.pc, Machine::code_base + 16);
    EXPECT_EQ(m.state.common.unwind_payload, 7U);
    EXPECT_LE(m.lookups, 3U);
    if (m.interpreted) {
        EXPECT_EQ(m.op_count(Machine::code_base), 5U);
    }
}

} // namespace
} // namespace gimbal::translator::test
