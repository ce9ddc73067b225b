// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/x86_64/code_arena.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/bits.hpp"

namespace gimbal::translator::x86_64 {

std::unique_ptr<CodeArena> CodeArena::create(usize size)
{
    size = align_up(std::min(size, size_max), usize{1} << 16);
    const int file = ::memfd_create("gimbal-code", MFD_CLOEXEC);
    if (file < 0) return nullptr;
    void* writable = MAP_FAILED;
    void* executable = MAP_FAILED;
    if (::ftruncate(file, static_cast<off_t>(size)) == 0) {
        writable = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        executable = ::mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    }
    ::close(file);
    if (writable != MAP_FAILED && executable != MAP_FAILED)
        return std::unique_ptr<CodeArena>(
            new CodeArena(static_cast<u8*>(writable), static_cast<u8*>(executable), size));
    if (writable != MAP_FAILED) ::munmap(writable, size);
    if (executable != MAP_FAILED) ::munmap(executable, size);
    return nullptr;
}

CodeArena::CodeArena(u8* writable, u8* executable, usize size)
    : writable_(writable), executable_(executable), size_(size)
{
    add_free(0, static_cast<u32>(size));
}

CodeArena::~CodeArena()
{
    ::munmap(writable_, size_);
    ::munmap(const_cast<u8*>(executable_), size_);
}

void CodeArena::add_free(u32 offset, u32 size)
{
    free_.emplace(offset, size);
    by_size_.emplace(size, offset);
}

std::optional<CodeArena::Chunk> CodeArena::take(usize bytes)
{
    if (bytes == 0 || bytes > size_) return std::nullopt;
    const u32 size = static_cast<u32>(align_up(bytes, granule));
    const std::lock_guard lock(mutex_);
    const auto found = by_size_.lower_bound({size, 0});
    if (found == by_size_.end()) return std::nullopt;
    const auto [whole, offset] = *found;
    by_size_.erase(found);
    free_.erase(offset);
    if (whole > size) add_free(offset + size, whole - size);
    return Chunk{offset, size};
}

void CodeArena::give(Chunk chunk)
{
    const std::lock_guard lock(mutex_);
    auto next = free_.lower_bound(chunk.offset);
    if (next != free_.end() && next->first == chunk.offset + chunk.size) {
        chunk.size += next->second;
        by_size_.erase({next->second, next->first});
        next = free_.erase(next);
    }
    if (next != free_.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == chunk.offset) {
            chunk = {before->first, before->second + chunk.size};
            by_size_.erase({before->second, before->first});
            free_.erase(before);
        }
    }
    add_free(chunk.offset, chunk.size);
}

} // namespace gimbal::translator::x86_64
