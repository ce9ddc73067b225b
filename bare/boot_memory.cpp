// SPDX-License-Identifier: Apache-2.0
#include "bare/boot_memory.hpp"

#include "base/bits.hpp"

namespace gimbal::bare {

namespace {

constexpr u64 page = 4096;

/// The first byte at or after `from` that no obstacle covers.
template <class Each>
u64 skip_obstacles(u64 from, const Each& each_obstacle)
{
    for (bool moved = true; moved;) {
        moved = false;
        each_obstacle([&](const Region& obstacle) {
            if (from < obstacle.base || from - obstacle.base >= obstacle.size) return;
            from = obstacle.base + obstacle.size;
            moved = true;
        });
    }
    return from;
}

} // namespace

Region largest_free(const Board& board, std::span<const Region> taken)
{
    const auto each_obstacle = [&](auto&& visit) {
        for (const Region& region : board.reserved) visit(region);
        for (const Region& region : taken) visit(region);
    };
    Region best{};
    for (const Region& memory : board.memory) {
        const u64 end = memory.base + memory.size;
        for (u64 at = skip_obstacles(memory.base, each_obstacle); at < end;) {
            u64 stop = end;
            each_obstacle([&](const Region& obstacle) {
                if (obstacle.size != 0 && obstacle.base > at && obstacle.base < stop) stop = obstacle.base;
            });
            const u64 first = align_up(at, page);
            const u64 last = stop & ~(page - 1);
            if (first >= at && last > first && last - first > best.size) best = {first, last - first};
            at = skip_obstacles(stop, each_obstacle);
        }
    }
    return best;
}

} // namespace gimbal::bare
