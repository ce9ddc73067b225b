// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/types.hpp"

/// Strings as in ISO C17, 7.24, and POSIX's strnlen; see memory.hpp.
namespace gimbal::libc {

inline usize strnlen(const char* text, usize limit)
{
    usize length = 0;
    while (length < limit && text[length] != '\0') ++length;
    return length;
}

inline usize strlen(const char* text) { return strnlen(text, ~usize{0}); }

/// The first `limit` characters at most.
inline int strncmp(const char* a, const char* b, usize limit)
{
    for (usize i = 0; i < limit; ++i) {
        if (a[i] != b[i]) return static_cast<u8>(a[i]) - static_cast<u8>(b[i]);
        if (a[i] == '\0') break;
    }
    return 0;
}

inline int strcmp(const char* a, const char* b) { return strncmp(a, b, ~usize{0}); }

/// The first, or null; the NUL that ends `text` can be looked for too.
inline const char* strchr(const char* text, int value)
{
    for (;; ++text) {
        if (*text == static_cast<char>(value)) return text;
        if (*text == '\0') return nullptr;
    }
}

/// The last.
inline const char* strrchr(const char* text, int value)
{
    const char* found = nullptr;
    for (;; ++text) {
        if (*text == static_cast<char>(value)) found = text;
        if (*text == '\0') return found;
    }
}

} // namespace gimbal::libc
