// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "base/types.hpp"

namespace gimbal::translator::x86_64 {

/// Memory for host code, mapped twice: once writable, once executable, never both. Chunks are handed out and taken
/// back by any thread.
class CodeArena {
public:
    static constexpr usize granule = 64;              ///< Chunks start at multiples of it and share no cache line.
    static constexpr usize size_max = usize{1} << 30; ///< Any place in it reaches any other by a 32-bit displacement.

    struct Chunk {
        u32 offset{};
        u32 size{};
    };

    /// `size` bytes of address space, as much of it backed as is in use. Null: the host refuses.
    static std::unique_ptr<CodeArena> create(usize size);
    ~CodeArena();
    CodeArena(const CodeArena&) = delete;
    CodeArena& operator=(const CodeArena&) = delete;

    /// At least `bytes`; nullopt: there is no room in one piece.
    std::optional<Chunk> take(usize bytes);
    void give(Chunk chunk);

    u8* writable(u32 offset) const { return writable_ + offset; }
    const u8* executable(u32 offset) const { return executable_ + offset; }

private:
    CodeArena(u8* writable, u8* executable, usize size);
    void add_free(u32 offset, u32 size);

    u8* const writable_;
    const u8* const executable_;
    const usize size_;
    std::mutex mutex_;                      // what follows
    std::map<u32, u32> free_;               // offset -> size; no two touch
    std::set<std::pair<u32, u32>> by_size_; // the same, as (size, offset)
};

} // namespace gimbal::translator::x86_64
