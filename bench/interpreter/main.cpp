// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>

#include "test/engine/translator/backend/machine.hpp"

// What guest-like instructions cost in the interpreter, in nanoseconds each. A loop of `body` instructions, a count
// down and a branch; the loop's own cost is shown in the row `empty loop` and taken from the others.
namespace gimbal::translator::test {
namespace {

using ir::Builder;
using ir::Type;

constexpr unsigned repeats = 16;
constexpr u64 rounds = 300'000;

/// CPU time of this thread: what else the machine does counts less.
double now()
{
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// Nanoseconds for each of `rounds` rounds of the block at code_base, the best of some attempts.
double best_round(Machine& m)
{
    double best = 1e18;
    for (int attempt = 0; attempt < 7; ++attempt) {
        m.state.x[0] = rounds;
        const double start = now();
        m.start(Machine::code_base);
        best = std::min(best, now() - start);
    }
    return best / static_cast<double>(rounds);
}

void step(Builder& b, u16 index)
{
    b.begin_instruction(index);
    const auto n = b.read(Type::i64, x_offset(0));
    const auto one = b.i64c(1);
    b.write(x_offset(0), b.sub(n, one));
    b.write(nzcv_offset, b.nzcv_sub(n, one));
    b.begin_instruction(static_cast<u16>(index + 1));
    b.exit_if(b.nzcv_test(b.read(Type::nzcv, nzcv_offset), ir::Cond::ne), 0);
    b.jump(0x800);
}

double measure(const std::function<void(Builder&, unsigned)>& body, unsigned count)
{
    Machine m;
    m.map_ram();
    for (unsigned i = 1; i < 32; ++i) m.state.x[i] = Machine::ram_base + 64 * i;
    m.block(Machine::code_base, static_cast<u16>(count + 2), [&](Builder& b) {
        for (unsigned i = 0; i < count; ++i) {
            b.begin_instruction(static_cast<u16>(i));
            body(b, i);
        }
        step(b, static_cast<u16>(count));
    });
    m.block(Machine::code_base + 0x800, 1, [](Builder& b) { b.event(ir::Event::breakpoint, 0, 0x804); });
    return best_round(m);
}

/// A round of blocks that jump to one another: `pages` apart, or by register.
double measure_jumps(bool by_register, u64 distance)
{
    Machine m;
    for (unsigned i = 0; i < repeats; ++i) {
        const u64 at = Machine::code_base + i * distance;
        m.block(at, 1, [&](Builder& b) {
            const i64 target = static_cast<i64>((at & 0xFFF) + distance);
            if (by_register)
                b.jump_register(b.add_imm(b.pc_page(), static_cast<u64>(target)), ir::JumpHint::branch);
            else
                b.jump(target);
        });
    }
    const u64 end = Machine::code_base + repeats * distance;
    m.block(end, 2, [&](Builder& b) {
        const auto n = b.read(Type::i64, x_offset(0));
        b.write(x_offset(0), b.add_imm(n, ~u64{0}));
        b.exit_if(b.cmp_ne(n, b.i64c(1)), static_cast<i64>((end & 0xFFF) - repeats * distance));
        b.event(ir::Event::breakpoint, 0, 4);
    });
    return best_round(m) / repeats;
}

} // namespace

int run()
{
    const double empty = measure([](Builder&, unsigned) {}, 0);
    std::printf("%-28s %6.2f ns\n", "empty loop (subs, b.ne)", empty);
    auto row = [&](const char* name, const std::function<void(Builder&, unsigned)>& body) {
        std::printf("%-28s %6.2f ns\n", name, (measure(body, repeats) - empty) / repeats);
    };
    auto x = [](unsigned i) { return x_offset(1 + i % 16); };
    row("add xd, xn, xm", [&](Builder& b, unsigned i) {
        b.write(x(i), b.add(b.read(Type::i64, x(i + 1)), b.read(Type::i64, x(i + 2))));
    });
    row("add wd, wn, #imm", [&](Builder& b, unsigned i) {
        b.write(x(i), b.zext(Type::i64, b.add_imm(b.read(Type::i32, x(i + 1)), 7), 32));
    });
    row("subs xd, xn, xm", [&](Builder& b, unsigned i) {
        const auto p = b.read(Type::i64, x(i + 1));
        const auto q = b.read(Type::i64, x(i + 2));
        b.write(x(i), b.sub(p, q));
        b.write(nzcv_offset, b.nzcv_sub(p, q));
    });
    row("csel xd, xn, xm", [&](Builder& b, unsigned i) {
        const auto condition = b.nzcv_test(b.read(Type::nzcv, nzcv_offset), ir::Cond::ne);
        b.write(x(i), b.select(condition, b.read(Type::i64, x(i + 1)), b.read(Type::i64, x(i + 2))));
    });
    row("ldr xt, [xn, #imm]", [&](Builder& b, unsigned i) {
        b.write(x(i), b.load(Type::i64, b.add_imm(b.read(Type::i64, x_offset(20)), 8 * i), {.size_log2 = 3}));
    });
    row("ldr xt, [xn], #8", [&](Builder& b, unsigned i) {
        const auto base = b.read(Type::i64, x_offset(20));
        const auto value = b.load(Type::i64, base, {.size_log2 = 3});
        b.write(x_offset(20), b.add_imm(base, (i & 1) != 0 ? ~u64{7} : 8));
        b.write(x(i), value);
    });
    row("str xt, [xn, #imm]", [&](Builder& b, unsigned i) {
        b.store(b.add_imm(b.read(Type::i64, x_offset(20)), 8 * i), b.read(Type::i64, x(i)), {.size_log2 = 3});
    });
    row("ldr qt, [xn, #imm]", [&](Builder& b, unsigned i) {
        b.write(v_offset(i), b.load(Type::v128, b.add_imm(b.read(Type::i64, x_offset(20)), 16 * i), {.size_log2 = 4}));
    });
    std::printf("%-28s %6.2f ns\n", "b, same page", measure_jumps(false, 64));
    std::printf("%-28s %6.2f ns\n", "b, other page", measure_jumps(false, 4096));
    std::printf("%-28s %6.2f ns\n", "br, same page", measure_jumps(true, 64));
    std::printf("%-28s %6.2f ns\n", "br, other page", measure_jumps(true, 4096));
    return 0;
}

} // namespace gimbal::translator::test

int main() { return gimbal::translator::test::run(); }
