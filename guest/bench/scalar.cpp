// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <memory>

#include "guest/bench/bench.hpp"

// Scalar floating point. Nothing is contracted and nothing comes from a mathematics library, so that the results have
// the same bits on every machine.
namespace gimbal::bench {
namespace {

struct Body {
    double position[3];
    double velocity[3];
    double mass;
};

void advance(Body (&bodies)[5], double step)
{
    for (int i = 0; i < 5; ++i) {
        for (int k = i + 1; k < 5; ++k) {
            Body& a = bodies[i];
            Body& b = bodies[k];
            const double dx = a.position[0] - b.position[0];
            const double dy = a.position[1] - b.position[1];
            const double dz = a.position[2] - b.position[2];
            const double square = dx * dx + dy * dy + dz * dz + 0.01;
            const double force = step / (square * std::sqrt(square));
            a.velocity[0] -= dx * b.mass * force;
            a.velocity[1] -= dy * b.mass * force;
            a.velocity[2] -= dz * b.mass * force;
            b.velocity[0] += dx * a.mass * force;
            b.velocity[1] += dy * a.mass * force;
            b.velocity[2] += dz * a.mass * force;
        }
    }
    for (Body& body : bodies)
        for (int axis = 0; axis < 3; ++axis) body.position[axis] += step * body.velocity[axis];
}

/// How long a point of the plane stays small under z*z + c, in single precision.
u32 escape_time(float cx, float cy)
{
    float x = 0;
    float y = 0;
    u32 n = 0;
    for (; n < 200; ++n) {
        const float xx = x * x;
        const float yy = y * y;
        if (xx + yy > 4.0F) break;
        y = 2.0F * x * y + cy;
        x = xx - yy + cx;
    }
    return n;
}

} // namespace

u64 run_bodies(const Job& job, Stopwatch& watch)
{
    Sequence sequence(17);
    Body bodies[5];
    for (Body& body : bodies) {
        for (int axis = 0; axis < 3; ++axis) {
            body.position[axis] = static_cast<double>(sequence.below(2000)) / 100.0 - 10.0;
            body.velocity[axis] = static_cast<double>(sequence.below(200)) / 1000.0 - 0.1;
        }
        body.mass = static_cast<double>(sequence.below(100) + 1) / 50.0;
    }
    const u64 rounds = job.rounds(100'000);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) advance(bodies, 0.005);
    watch.stop();
    u64 sum = 0;
    for (const Body& body : bodies)
        for (const double value : body.position) sum = mix(sum + std::bit_cast<u64>(value));
    return sum;
}

u64 run_matrix(const Job& job, Stopwatch& watch)
{
    constexpr usize n = 96;
    const std::unique_ptr<double[]> a(new double[n * n]);
    const std::unique_ptr<double[]> b(new double[n * n]);
    const std::unique_ptr<double[]> c(new double[n * n]);
    Sequence sequence(19);
    for (usize i = 0; i < n * n; ++i) {
        a[i] = static_cast<double>(sequence.below(1000)) / 7.0;
        b[i] = static_cast<double>(sequence.below(1000)) / 11.0;
    }
    const u64 rounds = job.rounds(24);
    watch.start();
    for (u64 round = 0; round < rounds; ++round) {
        for (usize i = 0; i < n; ++i) {
            for (usize k = 0; k < n; ++k) {
                double sum = 0; // its order of additions is fixed, so this stays scalar
                for (usize m = 0; m < n; ++m) sum += a[i * n + m] * b[m * n + k];
                c[i * n + k] = sum;
            }
        }
        a[round % (n * n)] = c[(round * 31) % (n * n)] * 0x1p-20;
    }
    watch.stop();
    u64 sum = 0;
    for (usize i = 0; i < n * n; ++i) sum = mix(sum + std::bit_cast<u64>(c[i]));
    return sum;
}

u64 run_single(const Job& job, Stopwatch& watch)
{
    constexpr u64 columns = 128;
    const u64 rows = job.rounds(128);
    u64 sum = 0;
    watch.start();
    for (u64 row = 0; row < rows; ++row) {
        for (u64 column = 0; column < columns; ++column) {
            const float cx = static_cast<float>(column) / 64.0F - 1.5F;
            const float cy = static_cast<float>(row % columns) / 64.0F - 1.0F;
            sum += escape_time(cx, cy) * (column + 1);
        }
    }
    watch.stop();
    return sum;
}

} // namespace gimbal::bench
