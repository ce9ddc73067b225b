// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/types.hpp"

namespace gimbal::selftest {

/// What a check found. The text says how much was done, what was wrong, or why nothing was done. Plain data: it stands
/// in memory that the child running the check shares with the parent.
struct Outcome {
    enum class Kind : u32 { unfinished, passed, failed, skipped };
    Kind kind{Kind::unfinished};
    char text[200]{};
};

[[gnu::format(printf, 1, 2)]] Outcome passed(const char* format, ...);
[[gnu::format(printf, 1, 2)]] Outcome failed(const char* format, ...);
[[gnu::format(printf, 1, 2)]] Outcome skipped(const char* format, ...);

/// The check's function fails with the text unless the condition holds.
#define SELFTEST_REQUIRE(condition, ...)                                                                               \
    do {                                                                                                               \
        if (!(condition)) return selftest::failed(__VA_ARGS__);                                                        \
    } while (false)

/// The check's function ends here unless this part of it passed.
#define SELFTEST_TRY(expression)                                                                                       \
    do {                                                                                                               \
        if (const selftest::Outcome selftest_part = (expression);                                                      \
            selftest_part.kind != selftest::Outcome::Kind::passed)                                                     \
            return selftest_part;                                                                                      \
    } while (false)

/// One check. Each runs in a process of its own, which may crash, and may leave threads and mappings behind.
struct Check {
    const char* name;
    Outcome (*run)();
    /// It changes the whole machine, so it runs only where the machine is a guest of its own.
    bool needs_guest{};
};

/// The value of a word `name=value` on the kernel's command line (natively: among the arguments); null without it. The
/// last one counts.
const char* word(const char* name);

/// The checks that every architecture has, and those of this one.
std::span<const Check> common_checks();
std::span<const Check> architecture_checks();

} // namespace gimbal::selftest
