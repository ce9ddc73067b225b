// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/types.hpp"

namespace gimbal {

/// A read-only run of characters; std::string_view is not freestanding with our library. Owns nothing.
class StrView {
public:
    static constexpr usize npos = ~usize{0};

    constexpr StrView() = default;
    constexpr StrView(const char* data, usize size) : data_(data), size_(size) {}
    // NOLINTNEXTLINE(google-explicit-constructor): a literal is meant to pass for one.
    constexpr StrView(const char* literal) : data_(literal), size_(length(literal)) {}

    constexpr const char* data() const { return data_; }
    constexpr usize size() const { return size_; }
    constexpr bool empty() const { return size_ == 0; }
    constexpr const char* begin() const { return data_; }
    constexpr const char* end() const { return data_ + size_; }
    constexpr char operator[](usize index) const { return data_[index]; }

    /// Clipped to what there is: never out of range.
    constexpr StrView substr(usize from, usize count = npos) const
    {
        if (from >= size_) return {data_ + size_, 0};
        const usize rest = size_ - from;
        return {data_ + from, count < rest ? count : rest};
    }
    constexpr usize find(char wanted, usize from = 0) const
    {
        for (usize i = from; i < size_; ++i)
            if (data_[i] == wanted) return i;
        return npos;
    }
    constexpr bool starts_with(StrView prefix) const
    {
        return size_ >= prefix.size_ && substr(0, prefix.size_) == prefix;
    }
    constexpr bool ends_with(StrView suffix) const
    {
        return size_ >= suffix.size_ && substr(size_ - suffix.size_) == suffix;
    }
    /// Without blanks and tabs at either end.
    constexpr StrView trimmed() const
    {
        usize first = 0;
        usize last = size_;
        while (first < last && is_blank(data_[first])) ++first;
        while (last > first && is_blank(data_[last - 1])) --last;
        return substr(first, last - first);
    }
    /// Cuts off and returns what stands before the first `separator`; everything if there is none.
    constexpr StrView take_until(char separator)
    {
        const usize at = find(separator);
        const StrView head = substr(0, at);
        *this = at == npos ? StrView{data_ + size_, 0} : substr(at + 1);
        return head;
    }

    friend constexpr bool operator==(StrView a, StrView b)
    {
        if (a.size_ != b.size_) return false;
        for (usize i = 0; i < a.size_; ++i)
            if (a.data_[i] != b.data_[i]) return false;
        return true;
    }

private:
    static constexpr usize length(const char* text)
    {
        usize count = 0;
        while (text[count] != '\0') ++count;
        return count;
    }
    static constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

    const char* data_{""};
    usize size_{};
};

/// The whole of `text` as an unsigned number, decimal or with 0x; nothing on an empty text, another sign or overflow.
constexpr std::optional<u64> parse_u64(StrView text)
{
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) text = text.substr(2);
    if (text.empty()) return std::nullopt;
    const u64 base = hex ? 16 : 10;
    u64 value = 0;
    for (const char c : text) {
        u64 digit = 99;
        if (c >= '0' && c <= '9') digit = static_cast<u64>(c - '0');
        if (hex && c >= 'a' && c <= 'f') digit = static_cast<u64>(c - 'a') + 10;
        if (hex && c >= 'A' && c <= 'F') digit = static_cast<u64>(c - 'A') + 10;
        if (digit >= base) return std::nullopt;
        if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
            return std::nullopt;
    }
    return value;
}

} // namespace gimbal
