// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/core/code_cache.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gimbal::translator {
namespace {

constexpr u64 ram_base = 0x4000'0000;
constexpr u64 ram_size = u64{4} << 20;
constexpr usize block_bytes = 1000;
constexpr u32 alive = 0x600D'B10C;

/// Knows whether it is still there. A reader that meets one that is not has found freed memory.
struct FakeBlock final : LoweredBlock {
    ~FakeBlock() override { canary.store(0); }
    void retire() override {}
    Atomic<u32> canary{alive};
};

class CodeCacheTest : public testing::Test {
protected:
    CodeCacheTest() : ram_(ram_size + 4096)
    {
        u8* const aligned = reinterpret_cast<u8*>((reinterpret_cast<u64>(ram_.data()) + 4095) & ~u64{4095});
        EXPECT_TRUE(memory_.map({{ram_base}, ram_size, aligned, false, false}));
    }

    /// A block of one instruction, as memory has it now.
    std::unique_ptr<FakeBlock> translate(u64 address, u64 mode = 0)
    {
        auto block = std::make_unique<FakeBlock>();
        block->physical_address = address;
        block->mode_key = mode;
        block->guest_count = 1;
        block->guest_words = {memory_.load<u32>({address}).value_or(0)};
        block->host_bytes = block_bytes;
        return block;
    }
    void change(u64 address)
    {
        EXPECT_TRUE(memory_.store<u32>({address}, memory_.load<u32>({address}).value_or(0) + 1));
    }

    std::vector<u8> ram_;
    GuestMemory memory_;
};

TEST_F(CodeCacheTest, OnlyBlocksWhoseBytesChangedAreRetired)
{
    CodeCache cache(memory_, 1 << 20);
    LoweredBlock* const kept = cache.insert(translate(ram_base));
    ASSERT_NE(cache.insert(translate(ram_base + 4)), nullptr);
    change(ram_base + 4);
    cache.invalidate_changed(ram_base, 64);
    EXPECT_EQ(cache.find(ram_base, 0), kept);
    EXPECT_EQ(cache.find(ram_base + 4, 0), nullptr);
    EXPECT_EQ(cache.stats().invalidations, 1U);
}

TEST_F(CodeCacheTest, CodeThatChangedWhileItWasTranslatedIsNotPublished)
{
    // Another vCPU stores and invalidates between this one's translation and its publication.
    CodeCache cache(memory_, 1 << 20);
    auto late = translate(ram_base);
    change(ram_base);
    cache.invalidate_changed(ram_base, 64);
    EXPECT_EQ(cache.insert(std::move(late)), nullptr);
    EXPECT_NE(cache.insert(translate(ram_base)), nullptr);
}

TEST_F(CodeCacheTest, EvictionTakesTheOldestAndAPartOnly)
{
    constexpr u64 limit_blocks = 640;
    CodeCache cache(memory_, limit_blocks * block_bytes);
    for (u64 i = 0; i <= limit_blocks; ++i) ASSERT_NE(cache.insert(translate(ram_base + 4 * i)), nullptr);
    const CodeCacheStats stats = cache.stats();
    EXPECT_GT(stats.evictions, 0U);
    EXPECT_LE(stats.evictions, limit_blocks / 32);
    EXPECT_EQ(stats.invalidations, 0U);
    EXPECT_LE(stats.code_bytes, limit_blocks * block_bytes);
    for (u64 i = 0; i <= limit_blocks; ++i)
        EXPECT_EQ(cache.find(ram_base + 4 * i, 0) == nullptr, i < stats.evictions) << i;
}

TEST_F(CodeCacheTest, AllOfItIsComparedHoweverManyPages)
{
    CodeCache cache(memory_, 1 << 24);
    for (u64 at = ram_base; at < ram_base + ram_size; at += 4096) ASSERT_NE(cache.insert(translate(at)), nullptr);
    for (u64 at = ram_base; at < ram_base + ram_size; at += 8192) change(at);
    // Each change was reported by GuestMemory only if the cache observes it, which this one does not.
    EXPECT_EQ(cache.stats().invalidations, 0U);
    cache.invalidate_all_changed();
    for (u64 at = ram_base; at < ram_base + ram_size; at += 4096)
        EXPECT_EQ(cache.find(at, 0) == nullptr, (at & 4096) == 0) << at;
}

TEST_F(CodeCacheTest, ARetiredBlockStaysUntilItsReadersHaveLookedUp)
{
    CodeCache cache(memory_, 1 << 20);
    const unsigned reader = cache.add_reader();
    u64 seen = 0;
    cache.enter(reader);
    cache.quiescent(reader, seen);
    auto* const block = static_cast<FakeBlock*>(cache.insert(translate(ram_base)));
    change(ram_base);
    cache.invalidate_all_changed();
    EXPECT_TRUE(cache.stale(seen));
    EXPECT_EQ(cache.stats().retired_blocks, 1U);
    EXPECT_EQ(block->canary.load(), alive);
    cache.quiescent(reader, seen);
    EXPECT_EQ(cache.stats().retired_blocks, 0U);
    cache.leave(reader);
    cache.remove_reader(reader);
}

TEST_F(CodeCacheTest, ReadersWritersAndEvictionTogether)
{
    // Rule 6 with everything at once: a reader never meets freed memory, nor a block older than an invalidation that it
    // knows of.
    constexpr u64 places = 512;
    constexpr u64 rounds = 20'000;
    constexpr unsigned reader_count = 3;
    CodeCache cache(memory_, 200 * block_bytes);
    Atomic<u32> version[places]{}; // of each place, published after its invalidation
    Atomic<u64> failures{0};
    Atomic<bool> done{false};
    std::vector<std::thread> readers;
    for (unsigned n = 0; n < reader_count; ++n)
        readers.emplace_back([&, n] {
            const unsigned reader = cache.add_reader();
            u64 seen = 0;
            u64 random = n + 1;
            while (!done.load(MemoryOrder::relaxed)) {
                cache.enter(reader);
                if (cache.stale(seen)) cache.quiescent(reader, seen);
                for (unsigned i = 0; i < 16; ++i) {
                    random = random * 6364136223846793005 + 1442695040888963407;
                    const u64 place = (random >> 33) % places;
                    const u64 address = ram_base + place * 64;
                    const u32 known = version[place].load(MemoryOrder::acquire);
                    LoweredBlock* block = cache.find(address, 0);
                    if (block == nullptr) block = cache.insert(translate(address));
                    if (block == nullptr) continue; // changed just then
                    if (static_cast<FakeBlock*>(block)->canary.load() != alive || block->guest_words[0] < known)
                        failures.fetch_add(1);
                }
                cache.leave(reader);
            }
            cache.remove_reader(reader);
        });
    // The readers may not have had a CPU yet.
    const auto idle = [&] { return cache.stats().evictions == 0 || cache.stats().invalidations == 0; };
    for (u64 i = 0; i < rounds || idle(); ++i) {
        const u64 place = i * 7 % places;
        change(ram_base + place * 64);
        if (i % 64 == 0)
            cache.invalidate_all_changed();
        else
            cache.invalidate_changed(ram_base + place * 64, 64);
        version[place].fetch_add(1, MemoryOrder::release);
    }
    done.store(true);
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(failures.load(), 0U);
    EXPECT_EQ(cache.stats().retired_blocks, 0U);
    EXPECT_GT(cache.stats().evictions, 0U);
    EXPECT_GT(cache.stats().invalidations, 0U);
}

} // namespace
} // namespace gimbal::translator
