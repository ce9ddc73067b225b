// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>

#include "guest/bench/bench.hpp"

#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__x86_64__)
#include <immintrin.h>
#endif

// 128-bit vectors, in the compiler's own vector types: NEON on AArch64, SSE2 on x86-64.
namespace gimbal::bench {
namespace {

using F32x4 [[gnu::vector_size(16)]] = float;
using F64x2 [[gnu::vector_size(16)]] = double;
using U32x4 [[gnu::vector_size(16)]] = u32;
using U16x8 [[gnu::vector_size(16)]] = u16;
using U8x16 [[gnu::vector_size(16)]] = u8;

constexpr usize count = 1024; // vectors in an array: 16 KiB

template <class Vector>
struct Array {
    std::unique_ptr<Vector[]> data{new Vector[count]};

    template <class Value>
    void fill(u64 seed, u64 bound, Value divisor)
    {
        Sequence sequence(seed);
        for (usize i = 0; i < count; ++i)
            for (usize lane = 0; lane < sizeof(Vector) / sizeof(Value); ++lane)
                data[i][lane] = static_cast<Value>(static_cast<Value>(sequence.below(bound)) / divisor);
    }

    [[nodiscard]] u64 sum() const
    {
        u64 result = 0;
        for (usize i = 0; i < count; ++i) {
            u64 halves[2];
            std::memcpy(halves, &data[i], sizeof halves);
            result = mix(mix(result + halves[0]) + halves[1]);
        }
        return result;
    }

    Vector& operator[](usize i) { return data[i]; }
};

// a * b + c in one rounding, in each lane.
#if defined(__aarch64__)
bool has_fused() { return true; }
F32x4 fused(F32x4 a, F32x4 b, F32x4 c) { return vfmaq_f32(c, a, b); }
#define FUSED_TARGET
#elif defined(__x86_64__)
bool has_fused() { return __builtin_cpu_supports("fma") != 0; }
#define FUSED_TARGET [[gnu::target("fma")]]
FUSED_TARGET inline F32x4 fused(F32x4 a, F32x4 b, F32x4 c) { return _mm_fmadd_ps(a, b, c); }
#else
bool has_fused() { return true; }
#define FUSED_TARGET
F32x4 fused(F32x4 a, F32x4 b, F32x4 c)
{
    for (int lane = 0; lane < 4; ++lane) c[lane] = std::fmaf(a[lane], b[lane], c[lane]);
    return c;
}
#endif

FUSED_TARGET void fused_rounds(Array<F32x4>& x, Array<F32x4>& y, u64 rounds)
{
    for (u64 round = 0; round < rounds; ++round) {
        const float scale = 0.5F + static_cast<float>(round & 7) / 16.0F;
        const F32x4 factor{scale, scale, scale, scale};
        for (usize i = 0; i < count; ++i) y[i] = fused(y[i], factor, x[i]);
    }
}

} // namespace

u64 run_saxpy(const Job& job, Stopwatch& watch)
{
    Array<F32x4> x;
    Array<F32x4> y;
    x.fill<float>(23, 1000, 8.0F);
    y.fill<float>(29, 1000, 8.0F);
    const u64 rounds = job.rounds(4000);
    watch.start();
    for (u64 round = 0; round < rounds; ++round) {
        const float scale = 0.25F + static_cast<float>(round & 15) / 64.0F;
        const F32x4 factor{scale, scale, scale, scale};
        for (usize i = 0; i < count; ++i) y[i] = y[i] * factor + x[i];
    }
    watch.stop();
    return y.sum();
}

u64 run_dot(const Job& job, Stopwatch& watch)
{
    Array<F64x2> x;
    Array<F64x2> y;
    x.fill<double>(31, 1000, 7.0);
    y.fill<double>(37, 1000, 9.0);
    u64 sum = 0;
    const u64 rounds = job.rounds(3000);
    watch.start();
    for (u64 round = 0; round < rounds; ++round) {
        F64x2 first{};
        F64x2 second{};
        for (usize i = 0; i < count; i += 2) {
            first += x[i] * y[i];
            second += x[i + 1] / y[i + 1 - (i & 2)] - x[i];
        }
        const F64x2 total = first + second;
        x[round % count] = total * 0x1p-20;
        y[round % count] += 1.0;
        sum = mix(sum + std::bit_cast<u64>(total[0] + total[1]));
    }
    watch.stop();
    return sum;
}

u64 run_fused(const Job& job, Stopwatch& watch)
{
    if (!has_fused()) give_up("this CPU has no fused multiply-add");
    Array<F32x4> x;
    Array<F32x4> y;
    x.fill<float>(41, 1000, 3.0F);
    y.fill<float>(43, 1000, 3.0F);
    const u64 rounds = job.rounds(4000);
    watch.start();
    fused_rounds(x, y, rounds);
    watch.stop();
    return y.sum();
}

u64 run_pixels(const Job& job, Stopwatch& watch)
{
    // Blends of 8-bit pixels in 16 bits, with a threshold: widening, multiplying, narrowing, comparing, choosing.
    Array<U8x16> from;
    Array<U8x16> to;
    from.fill<u8>(47, 256, 1);
    to.fill<u8>(53, 256, 1);
    const u64 rounds = job.rounds(2000);
    watch.start();
    for (u64 round = 0; round < rounds; ++round) {
        const u16 alpha = static_cast<u16>(round & 0xFF);
        for (usize i = 0; i < count; ++i) {
            U16x8 low;
            U16x8 high;
            const U8x16 zero{};
            const auto a_low =
                __builtin_shufflevector(from[i], zero, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            const auto a_high =
                __builtin_shufflevector(from[i], zero, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            const auto b_low =
                __builtin_shufflevector(to[i], zero, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            const auto b_high =
                __builtin_shufflevector(to[i], zero, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            low = std::bit_cast<U16x8>(a_low) * alpha + std::bit_cast<U16x8>(b_low) * static_cast<u16>(255 - alpha);
            high = std::bit_cast<U16x8>(a_high) * alpha + std::bit_cast<U16x8>(b_high) * static_cast<u16>(255 - alpha);
            const auto low_bytes = std::bit_cast<U8x16>(low >> 8);
            const auto high_bytes = std::bit_cast<U8x16>(high >> 8);
            const U8x16 mixed = __builtin_shufflevector(low_bytes, high_bytes, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20,
                                                        22, 24, 26, 28, 30);
            const auto dark = std::bit_cast<U8x16>(mixed < (zero + 16));
            to[i] = (mixed & ~dark) | (from[i] & dark);
        }
    }
    watch.stop();
    return to.sum();
}

u64 run_lanes(const Job& job, Stopwatch& watch)
{
    // Additions, rotations and permutations of 32-bit lanes, as in a stream cipher.
    Array<U32x4> state;
    state.fill<u32>(59, 1 << 20, 1);
    const auto rotated = [](U32x4 value, u32 by) { return (value << by) | (value >> (32 - by)); };
    const u64 rounds = job.rounds(6400);
    watch.start();
    for (u64 round = 0; round < rounds; ++round) {
        for (usize i = 0; i + 3 < count; i += 4) {
            U32x4 a = state[i];
            U32x4 b = state[i + 1];
            U32x4 c = state[i + 2];
            U32x4 d = state[i + 3];
            a += b;
            d = rotated(d ^ a, 16);
            c += d;
            b = rotated(b ^ c, 12);
            a += b;
            d = rotated(d ^ a, 8);
            c += d;
            b = rotated(b ^ c, 7);
            state[i] = a;
            state[i + 1] = __builtin_shufflevector(b, b, 1, 2, 3, 0);
            state[i + 2] = __builtin_shufflevector(c, c, 2, 3, 0, 1);
            state[i + 3] = __builtin_shufflevector(d, d, 3, 0, 1, 2);
        }
    }
    watch.stop();
    return state.sum();
}

} // namespace gimbal::bench
