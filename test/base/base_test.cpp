// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/bits.hpp"
#include "base/field.hpp"
#include "base/intrusive_list.hpp"
#include "base/log_ring.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "base/spinlock.hpp"
#include "base/str_view.hpp"

namespace gimbal {
namespace {

static_assert(low_mask(0) == 0 && low_mask(64) == ~u64{0} && low_mask(12) == 0xfff);
static_assert(bits(0xabcd, 4, 8) == 0xbc && test_bit(0x10, 4) && !test_bit(0x10, 5));
static_assert(sign_extend(0x80, 8) == -128 && sign_extend(0x7f, 8) == 127 && sign_extend(~u64{0}, 64) == -1);
static_assert(align_up(1, 16) == 16 && align_down(31, 16) == 16 && is_aligned(32, 16));

struct Register {
    u64 raw{};
    using low = Field<Register, 0, 4>;
    using high = Field<Register, 60, 4, u8>;
};
static_assert(Register::high::get(Register::high::set({0x5}, 0xa)) == 0xa);
static_assert(Register::low::set({0xff}, 0).raw == 0xf0);
static_assert(Register::low::set({0}, 0x1f).raw == 0xf); // never beyond the field

enum class Error { bad };
Result<int, Error> checked(int value)
{
    if (value < 0) return fail(Error::bad);
    return value;
}
Result<int, Error> twice(int value)
{
    GIMBAL_TRY(checked_value, checked(value));
    return 2 * checked_value;
}
Result<void, Error> all(int a, int b)
{
    GIMBAL_TRY_VOID(twice(a));
    GIMBAL_TRY_VOID(twice(b));
    return {};
}

TEST(Results, TryPassesTheErrorUp)
{
    EXPECT_EQ(*twice(4), 8);
    EXPECT_EQ(twice(-1).error(), Error::bad);
    EXPECT_TRUE(all(1, 2).has_value());
    EXPECT_FALSE(all(1, -2).has_value());
}

TEST(Bits, OverflowIsReported)
{
    u64 out = 0;
    EXPECT_FALSE(add_overflows(1, 2, out));
    EXPECT_EQ(out, 3U);
    EXPECT_TRUE(add_overflows(~u64{0}, 1, out));
    EXPECT_TRUE(mul_overflows(bit(63), 2, out));
}

TEST(Atomics, ReadModifyWriteReturnsTheOldValue)
{
    Atomic<u32> word{5};
    EXPECT_EQ(word.fetch_add(2), 5U);
    EXPECT_EQ(word.fetch_sub(1), 7U);
    EXPECT_EQ(word.fetch_or(8), 6U);
    EXPECT_EQ(word.fetch_and(12), 14U);
    EXPECT_EQ(word.exchange(1), 12U);
    u32 expected = 2;
    EXPECT_FALSE(word.compare_exchange(expected, 3));
    EXPECT_EQ(expected, 1U);
    EXPECT_TRUE(word.compare_exchange(expected, 3));
    EXPECT_EQ(word.load(), 3U);
}

TEST(SpinLocks, ExcludeEachOther)
{
    SpinLock lock;
    u64 counter = 0;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (unsigned i = 0; i < 10'000; ++i) {
                SpinGuard guard(lock);
                ++counter;
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(counter, 40'000U);
    SpinGuard guard(lock);
    EXPECT_FALSE(lock.try_lock());
}

struct Item : ListLink<> {
    explicit Item(int n) : number(n) {}
    int number;
};

TEST(IntrusiveLists, KeepTheirOrder)
{
    IntrusiveList<Item> list;
    Item one(1);
    Item two(2);
    Item three(3);
    EXPECT_EQ(list.front(), nullptr);
    EXPECT_EQ(list.back(), nullptr);
    list.push_back(two);
    list.push_back(three);
    list.push_front(one);
    std::vector<int> seen;
    for (const Item& item : list) seen.push_back(item.number);
    EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(list.begin()->number, 1);
    list.remove(two);
    EXPECT_FALSE(two.is_linked());
    EXPECT_EQ(list.back(), &three);
    EXPECT_EQ(list.pop_front(), &one);
    EXPECT_EQ(list.pop_front(), &three);
    EXPECT_EQ(list.pop_front(), nullptr);
    EXPECT_TRUE(list.empty());
}

TEST(IntrusiveListsDeathTest, MisuseIsAFaultOfOurOwn)
{
    const auto link_twice = [] {
        IntrusiveList<Item> list;
        Item item(1);
        list.push_back(item);
        list.push_back(item);
    };
    EXPECT_DEATH(link_twice(), "internal error");
}

struct Counted {
    explicit Counted(int& count) : count_(count) { ++count_; }
    ~Counted() { --count_; }
    int& count_;
};

TEST(Pools, GiveOutWhatTheyHaveAndTakeItBack)
{
    int alive = 0;
    Pool<Counted, 3> pool;
    Counted* a = pool.create(alive);
    Counted* b = pool.create(alive);
    Counted* c = pool.create(alive);
    EXPECT_EQ(pool.create(alive), nullptr);
    EXPECT_EQ(alive, 3);
    EXPECT_EQ(pool.available(), 0U);
    pool.destroy(b);
    EXPECT_EQ(alive, 2);
    EXPECT_EQ(pool.create(alive), b);
    pool.destroy(a);
    pool.destroy(b);
    pool.destroy(c);
    EXPECT_EQ(pool.available(), 3U);
    EXPECT_EQ(alive, 0);
}

TEST(PoolsDeathTest, ReturningTwiceIsAFaultOfOurOwn)
{
    const auto return_twice = [] {
        Pool<int, 2> pool;
        int* item = pool.create(1);
        pool.destroy(item);
        pool.destroy(item);
    };
    EXPECT_DEATH(return_twice(), "internal error");
}

TEST(StrViews, CutAndCompare)
{
    StrView text = "root=/dev/vda  ro";
    EXPECT_TRUE(text.starts_with("root="));
    EXPECT_FALSE(text.starts_with("root=/dev/vda  ro and more"));
    EXPECT_TRUE(text.ends_with("ro"));
    EXPECT_EQ(text.find('/'), 5U);
    EXPECT_EQ(text.find('!'), StrView::npos);
    EXPECT_TRUE(text.take_until(' ') == "root=/dev/vda");
    EXPECT_TRUE(text.trimmed() == "ro");
    EXPECT_TRUE(text.take_until('=') == " ro");
    EXPECT_TRUE(text.empty());
    EXPECT_TRUE(StrView("abc").substr(1, 1) == "b");
    EXPECT_TRUE(StrView("abc").substr(7) == "");
    EXPECT_FALSE(StrView("abc") == "abd");
    EXPECT_EQ(StrView("abc")[2], 'c');
    EXPECT_TRUE(StrView("   ").trimmed().empty());
}

TEST(StrViews, NumbersAreWholeOrNothing)
{
    EXPECT_EQ(parse_u64("0"), u64{0});
    EXPECT_EQ(parse_u64("18446744073709551615"), ~u64{0});
    EXPECT_EQ(parse_u64("0xFfffffffffffffff"), ~u64{0});
    for (const char* bad : {"", "0x", "-1", "+1", "1k", "12 ", "0xg", "18446744073709551616", "0x10000000000000000"})
        EXPECT_FALSE(parse_u64(bad).has_value()) << bad;
}

TEST(LogRings, KeepOrderAndContent)
{
    LogRing<4> ring;
    LogRecord out;
    EXPECT_FALSE(ring.pop(out));
    ring.push({
        LogLevel::warning, 3, "first", {1, 2, 3}
    });
    ring.push({LogLevel::info, 0, "second", {}});
    ASSERT_TRUE(ring.pop(out));
    EXPECT_STREQ(out.text, "first");
    EXPECT_EQ(out.level, LogLevel::warning);
    EXPECT_EQ(out.suppressed, 3U);
    EXPECT_EQ(out.arguments[2], 3U);
    ASSERT_TRUE(ring.pop(out));
    EXPECT_STREQ(out.text, "second");
    EXPECT_FALSE(ring.pop(out));
    EXPECT_EQ(ring.lost(), 0U);
}

TEST(LogRings, TheOldestAreLostAndCounted)
{
    LogRing<4> ring;
    for (u64 i = 0; i < 10; ++i) ring.push({LogLevel::info, 0, "x", {i}});
    LogRecord out;
    for (u64 i = 6; i < 10; ++i) {
        ASSERT_TRUE(ring.pop(out));
        EXPECT_EQ(out.arguments[0], i);
    }
    EXPECT_FALSE(ring.pop(out));
    EXPECT_EQ(ring.lost(), 6U);
}

TEST(LogRings, RecordsAreNeverTorn)
{
    LogRing<16> ring;
    constexpr unsigned writers = 3;
    constexpr u64 each = 20'000;
    Atomic<unsigned> running{writers};
    std::vector<std::thread> threads;
    for (unsigned w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            for (u64 i = 0; i < each; ++i) {
                const u64 mark = w * each + i;
                ring.push({
                    LogLevel::info, 0, "x", {mark, mark, ~mark}
                });
            }
            running.fetch_sub(1);
        });
    u64 taken = 0;
    LogRecord out;
    while (true) {
        const bool writers_are_done = running.load() == 0;
        if (!ring.pop(out)) {
            if (writers_are_done) break;
            continue;
        }
        ++taken;
        ASSERT_EQ(out.arguments[0], out.arguments[1]);
        ASSERT_EQ(out.arguments[0], ~out.arguments[2]);
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(taken + ring.lost(), writers * each);
}

TEST(LogSites, ThinOutWhatAGuestRepeats)
{
    LogSite site;
    unsigned admitted = 0;
    u64 accounted = 0;
    for (unsigned i = 0; i < 1024; ++i) {
        u32 suppressed = 0;
        if (!site.admit(suppressed)) continue;
        ++admitted;
        accounted += 1 + suppressed;
    }
    EXPECT_EQ(admitted, LogSite::burst + 7); // 16, 32, ... 1024
    EXPECT_EQ(accounted, 1024U);
}

} // namespace
} // namespace gimbal
