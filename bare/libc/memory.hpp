// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"
#include "base/types.hpp"

/// What compilers and libfdt expect of a C library (ISO C17, 7.24), under names of our own, so that hosts can test it.
/// Bare images export it under C's names. Words are only read and written where they are aligned: these functions work
/// before the MMU is on, where memory is of Device type.
namespace gimbal::libc {

namespace detail {

using Word [[gnu::may_alias]] = u64;
inline constexpr usize word_size = sizeof(Word);
inline constexpr usize block_words = 8;

inline usize misalignment(const void* address)
{
    return static_cast<usize>(reinterpret_cast<std::uintptr_t>(address) % word_size);
}

inline void copy_words(Word* to, const Word* from, usize count)
{
    for (; count >= block_words; count -= block_words, to += block_words, from += block_words) {
        Word block[block_words];
        for (usize i = 0; i < block_words; ++i) block[i] = from[i];
        for (usize i = 0; i < block_words; ++i) to[i] = block[i];
    }
    for (usize i = 0; i < count; ++i) to[i] = from[i];
}

inline void copy_up(u8* to, const u8* from, usize size)
{
    if (misalignment(to) == misalignment(from)) {
        for (; size != 0 && misalignment(to) != 0; --size) *to++ = *from++;
        const usize words = size / word_size;
        copy_words(reinterpret_cast<Word*>(to), reinterpret_cast<const Word*>(from), words);
        to += words * word_size;
        from += words * word_size;
        size -= words * word_size;
    }
    for (; size != 0; --size) *to++ = *from++;
}

inline void copy_down(u8* to, const u8* from, usize size)
{
    while (size != 0) {
        --size;
        to[size] = from[size];
    }
}

} // namespace detail

inline void* memcpy(void* to, const void* from, usize size)
{
    detail::copy_up(static_cast<u8*>(to), static_cast<const u8*>(from), size);
    return to;
}

inline void* memmove(void* to, const void* from, usize size)
{
    auto* const out = static_cast<u8*>(to);
    const auto* const in = static_cast<const u8*>(from);
    // A block's words are all read before any is written, so that going up is right for any target below the source.
    if (reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from) >= size)
        detail::copy_up(out, in, size);
    else
        detail::copy_down(out, in, size);
    return to;
}

inline void* memset(void* to, int value, usize size)
{
    auto* out = static_cast<u8*>(to);
    const u8 byte = static_cast<u8>(value);
    for (; size != 0 && detail::misalignment(out) != 0; --size) *out++ = byte;
    auto* words = reinterpret_cast<detail::Word*>(out);
    const u64 word = byte * u64{0x0101'0101'0101'0101};
    for (; size >= detail::word_size; size -= detail::word_size) *words++ = word;
    out = reinterpret_cast<u8*>(words);
    for (; size != 0; --size) *out++ = byte;
    return to;
}

inline int memcmp(const void* a, const void* b, usize size)
{
    const auto* const left = static_cast<const u8*>(a);
    const auto* const right = static_cast<const u8*>(b);
    for (usize i = 0; i < size; ++i)
        if (left[i] != right[i]) return left[i] - right[i];
    return 0;
}

/// Null if `value`, as an unsigned char, is not there.
inline const void* memchr(const void* in, int value, usize size)
{
    const auto* const bytes = static_cast<const u8*>(in);
    for (usize i = 0; i < size; ++i)
        if (bytes[i] == static_cast<u8>(value)) return bytes + i;
    return nullptr;
}

} // namespace gimbal::libc
