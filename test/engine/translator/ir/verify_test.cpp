// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/ir/verify.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "engine/translator/ir/builder.hpp"
#include "engine/translator/ir/print.hpp"

namespace gimbal::ir {
namespace {

u64 nothing(translator::CpuState&, u64, u64, u64) { return 0; }
constexpr Helper writer{
    "writer", nothing, Type::i64, 1, {true, true, false}
};
constexpr Helper unwinder{
    "unwinder", nothing, Type::none, 0, {true, false, true}
};

/// The rule that a block breaks, or "".
std::string broken(const std::function<void(Builder&)>& emit, u16 count = 2)
{
    Block block;
    block.guest_count = count;
    Builder builder(block);
    emit(builder);
    const auto verdict = verify(block);
    if (verdict) return "";
    EXPECT_NE(print(verdict.error(), block), "");
    return verdict.error().rule;
}

TEST(Verify, AcceptsAnOrdinaryBlock)
{
    EXPECT_EQ(broken([](Builder& b) {
                  const Value address = b.read(Type::i64, 100);
                  const Value first = b.load(Type::i64, address, {.size_log2 = 3});
                  const Value second = b.load(Type::i64, b.add_imm(address, 8), {.size_log2 = 3});
                  b.write(100, first);
                  b.write(108, second);
                  b.begin_instruction(1);
                  b.store(address, first, {.size_log2 = 3});
                  b.exit_if(b.cmp_eq(first, second), -8);
                  b.jump(8);
              }),
              "");
}

TEST(Verify, NoFaultAfterAWriteOfTheSameInstruction)
{
    const std::string rule = "a faulting operation after a change of guest state";
    auto with = [&](const std::function<void(Builder&)>& change, const std::function<void(Builder&)>& fault) {
        return broken([&](Builder& b) {
            change(b);
            fault(b);
            b.jump(4);
        });
    };
    auto write = [](Builder& b) { b.write(100, b.i64c(1)); };
    auto call = [](Builder& b) { b.call(writer, b.i64c(1)); };
    auto clear = [](Builder& b) { b.clear_exclusive(); };
    auto fence = [](Builder& b) { b.fence(Fence::full); };
    auto load = [](Builder& b) { b.load(Type::i64, b.i64c(0), {.size_log2 = 3}); };
    auto unwind = [](Builder& b) { b.call(unwinder); };
    EXPECT_EQ(with(write, load), rule);
    EXPECT_EQ(with(write, unwind), rule);
    EXPECT_EQ(with(call, load), rule);
    EXPECT_EQ(with(clear, load), rule);
    EXPECT_EQ(with(fence, load), "");
    EXPECT_EQ(with(load, write), "");
    EXPECT_EQ(broken([&](Builder& b) {
                  write(b);
                  b.begin_instruction(1);
                  load(b);
                  b.jump(8);
              }),
              "");
}

TEST(Verify, Structure)
{
    EXPECT_EQ(broken([](Builder&) {}), "the block is empty");
    EXPECT_EQ(broken([](Builder& b) { b.i64c(1); }), "the block does not end with a terminal");
    EXPECT_EQ(broken([](Builder& b) {
                  b.jump(4);
                  b.block().insts.push_back(b.block().insts[0]);
              }),
              "a terminal is not at the end");
    EXPECT_EQ(broken([](Builder& b) {
                  b.loop_header();
                  b.loop_header();
                  b.jump(4);
              }),
              "a second loop header");
    EXPECT_EQ(broken([](Builder& b) {
                  b.write(8, b.i64c(1));
                  b.loop_header();
                  b.jump(4);
              }),
              "a loop header after a write");
    EXPECT_EQ(broken([](Builder& b) {
                  b.loop_back_if(b.i1c(true));
                  b.jump(4);
              }),
              "a way back without a loop header");
    EXPECT_EQ(broken([](Builder& b) {
                  b.begin_instruction(2);
                  b.jump(4);
              }),
              "no such guest instruction");
    EXPECT_EQ(broken([](Builder& b) {
                  b.begin_instruction(1);
                  b.i64c(0);
                  b.begin_instruction(0);
                  b.jump(4);
              }),
              "guest instructions are out of order");
    EXPECT_EQ(broken([](Builder& b) { b.jump(2); }), "a target is not aligned");
    EXPECT_EQ(broken([](Builder& b) { b.jump(i64{1} << 40); }), "a target is out of range");
    EXPECT_EQ(broken([](Builder& b) { b.event(Event::exception, 0, 4100); }), "an event resumes outside the page");
    EXPECT_EQ(broken(
                  [](Builder& b) {
                      b.begin_instruction(1024);
                      b.jump(4);
                  },
                  2000),
              "the guest instruction is not in the block's page");
}

TEST(Verify, Arguments)
{
    EXPECT_EQ(broken([](Builder& b) {
                  b.block().insts.push_back({.op = Opcode::neg, .type = Type::i64});
                  b.jump(4);
              }),
              "an argument is missing");
    EXPECT_EQ(broken([](Builder& b) {
                  b.block().insts.push_back({.op = Opcode::neg, .type = Type::i64, .args = {Value{1}}});
                  b.jump(4);
              }),
              "an argument is used before its definition");
    EXPECT_EQ(broken([](Builder& b) {
                  const Value one = b.i64c(1);
                  b.block().insts.push_back({
                      .op = Opcode::neg, .type = Type::i64, .args = {one, one}
                  });
                  b.jump(4);
              }),
              "too many arguments");
    EXPECT_EQ(broken([](Builder& b) {
                  b.fence(Fence::full);
                  b.block().insts.push_back({.op = Opcode::neg, .type = Type::i64, .args = {Value{0}}});
                  b.jump(4);
              }),
              "an argument has no value");
}

TEST(Verify, Types)
{
    auto rejects = [](const std::function<void(Builder&)>& emit) {
        return !broken([&](Builder& b) {
                    emit(b);
                    b.jump(4);
                }).empty();
    };
    EXPECT_TRUE(rejects([](Builder& b) { b.add(b.i64c(1), b.i32c(1)); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.add(b.constant(Type::i8, 1), b.constant(Type::i8, 1)); }));
    EXPECT_FALSE(rejects([](Builder& b) { b.and_(b.i1c(true), b.i1c(false)); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.load(Type::i32, b.i32c(0), {.size_log2 = 2}); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.load(Type::i32, b.i64c(0), {.size_log2 = 3}); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.store(b.i64c(0), b.i32c(0), {.size_log2 = 3}); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.extract_u(b.i32c(1), 20, 13); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.exit_if(b.i32c(1), 8); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.select(b.i1c(true), b.i32c(1), b.i64c(1)); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.nzcv_test(b.i32c(1), Cond::eq); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.vec_element(Type::i64, b.read(Type::v128, 0x200), 64, 2); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.funnel_shr(b.i32c(1), b.i32c(1), 32); }));
    EXPECT_TRUE(rejects([](Builder& b) { b.zext(Type::i64, b.i32c(1), 33); }));
    EXPECT_TRUE(
        rejects([](Builder& b) { b.atomic_cas(Type::i64, b.i64c(0), b.i64c(0), b.i32c(0), {.size_log2 = 3}); }));
}

TEST(Print, ReadsLikeText)
{
    Block block;
    block.guest_offset = 0x40;
    block.guest_count = 1;
    Builder b(block);
    const Value a = b.read(Type::i64, 16);
    b.write(24, b.add(a, b.i64c(0x10)));
    b.store(a, a, {.size_log2 = 3, .order = Order::release});
    b.jump(-4);
    EXPECT_EQ(print(block), "block at page+0x40, 1 instructions\n"
                            " page+0x40:\n"
                            "    %0 = read.i64 [16]\n"
                            "    %1 = constant.i64 0x10\n"
                            "    %2 = add.i64 %0, %1\n"
                            "    write.i64 %2 -> [24]\n"
                            "    store.i64 %0, %0 size 8 release\n"
                            "    jump -> page-0x4\n");
}

} // namespace
} // namespace gimbal::ir
