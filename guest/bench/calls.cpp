// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdlib>
#include <memory>

#include "guest/bench/bench.hpp"

// Calls, returns and branches by register.
namespace gimbal::bench {
namespace {

[[gnu::noinline]] u64 fibonacci(u64 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

// Three leaves and a caller that keeps values across the calls, as compiled code mostly looks.
[[gnu::noinline]] u64 leaf_add(u64 a, u64 b)
{
    asm volatile("");
    return a + b;
}

[[gnu::noinline]] u64 leaf_xor(u64 a, u64 b)
{
    asm volatile("");
    return a ^ (b << 3);
}

[[gnu::noinline]] u64 leaf_mul(u64 a, u64 b)
{
    asm volatile("");
    return a * (b | 1);
}

[[gnu::noinline]] u64 middle(u64 a, u64 b)
{
    const u64 first = leaf_add(a, b);
    const u64 second = leaf_xor(b, first);
    return leaf_mul(first, second) + a;
}

using Leaf = u64 (*)(u64, u64);
constexpr Leaf leaves[] = {leaf_add, leaf_xor, leaf_mul, middle};

enum class Op : u8 { push, add, multiply, swap, duplicate, drop, decrement_jump, end };

/// A stack machine with one indirect branch per instruction.
[[gnu::noinline]] u64 interpret(const u8* code, u64 counter)
{
    static const void* const labels[] = {&&push, &&add, &&multiply, &&swap, &&duplicate, &&drop, &&jump, &&end};
    u64 stack[16] = {1, 2};
    u64* top = stack + 1;
    const u8* pc = code;
#define NEXT goto* labels[*pc++]
    NEXT;
push:
    *++top = *pc++;
    NEXT;
add:
    top[-1] += top[0];
    --top;
    NEXT;
multiply:
    top[-1] *= top[0] | 1;
    --top;
    NEXT;
swap: {
    const u64 held = top[0];
    top[0] = top[-1];
    top[-1] = held;
    NEXT;
}
duplicate:
    top[1] = top[0];
    ++top;
    NEXT;
drop:
    --top;
    NEXT;
jump:
    pc = --counter == 0 ? pc + 1 : code + *pc;
    NEXT;
end:
    return top[0] + 3 * top[-1];
#undef NEXT
}

int compare(const void* left, const void* right)
{
    const u64 a = *static_cast<const u64*>(left);
    const u64 b = *static_cast<const u64*>(right);
    return (a > b) - (a < b);
}

} // namespace

u64 run_recursion(const Job& job, Stopwatch& watch)
{
    u64 sum = 0;
    u64 depth = 24;
    const u64 rounds = job.rounds(80);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        opaque(depth);
        sum += fibonacci(depth);
    }
    watch.stop();
    return sum;
}

u64 run_calls(const Job& job, Stopwatch& watch)
{
    u64 sum = 1;
    const u64 rounds = job.rounds(3'000'000);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) sum = middle(sum, i);
    watch.stop();
    return sum;
}

u64 run_indirect(const Job& job, Stopwatch& watch)
{
    Sequence sequence(5);
    u8 order[256];
    for (u8& which : order) which = static_cast<u8>(sequence.below(4));
    u64 sum = 1;
    const u64 rounds = job.rounds(4'000'000);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) sum = leaves[order[i & 0xFF]](sum, i);
    watch.stop();
    return sum;
}

u64 run_interpreter(const Job& job, Stopwatch& watch)
{
    using enum Op;
    const auto code = [](auto... words) { return std::array<u8, sizeof...(words)>{static_cast<u8>(words)...}; };
    const auto program = code(push, 7, add, duplicate, push, 13, multiply, swap, push, 3, add, multiply, duplicate,
                              swap, drop, push, 1, swap, add, push, 5, add, swap, decrement_jump, 0, end);
    // Two values stay on the stack from round to round: what a round pushes beyond them it drops again.
    const u64 rounds = job.rounds(500'000);
    watch.start();
    const u64 result = interpret(program.data(), rounds);
    watch.stop();
    return result;
}

u64 run_sort(const Job& job, Stopwatch& watch)
{
    constexpr usize count = 20'000;
    const std::unique_ptr<u64[]> values(new u64[count]);
    u64 sum = 0;
    const u64 rounds = job.rounds(16);
    for (u64 round = 0; round < rounds; ++round) {
        Sequence sequence(round);
        for (usize i = 0; i < count; ++i) values[i] = sequence.next();
        watch.start();
        std::qsort(values.get(), count, sizeof(u64), compare);
        watch.stop();
        for (usize i = 1; i < count; ++i) {
            if (values[i - 1] > values[i]) give_up("qsort did not sort");
            sum = mix(sum + values[i]);
        }
    }
    return sum;
}

} // namespace gimbal::bench
