// SPDX-License-Identifier: Apache-2.0
#include "vm/device_tree/writer.hpp"

extern "C" {
#include <libfdt.h>
}

namespace gimbal::device_tree {
namespace {

constexpr usize largest_value = usize{1} << 20;

void put_be32(u8* out, u32 value)
{
    for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<u8>(value >> (24 - 8 * i));
}

void copy(u8* out, std::span<const char> text)
{
    for (usize i = 0; i < text.size(); ++i) out[i] = static_cast<u8>(text[i]);
}

} // namespace

Writer::Writer(std::span<u8> buffer) : buffer_(buffer)
{
    constexpr usize largest_blob = 0x7fff'ffff; // libfdt counts in int
    if (buffer_.size() > largest_blob) buffer_ = buffer_.first(largest_blob);
    failed_ =
        fdt_create(buffer_.data(), static_cast<int>(buffer_.size())) != 0 || fdt_finish_reservemap(buffer_.data()) != 0;
}

usize Writer::length(const char* text)
{
    usize count = 0;
    while (text[count] != '\0') ++count;
    return count;
}

void Writer::begin(const char* name)
{
    if (!failed_) failed_ = fdt_begin_node(buffer_.data(), name) != 0;
}

void Writer::begin(const char* name, u64 unit_address)
{
    std::array<char, 64> full{};
    const usize stem = length(name);
    unsigned digits = 1;
    while (digits < 16 && (unit_address >> (4 * digits)) != 0) ++digits;
    if (stem + 1 + digits >= full.size()) {
        failed_ = true;
        return;
    }
    for (usize i = 0; i < stem; ++i) full[i] = name[i];
    full[stem] = '@';
    for (unsigned i = 0; i < digits; ++i)
        full[stem + 1 + i] = "0123456789abcdef"[(unit_address >> (4 * (digits - 1 - i))) & 0xf];
    begin(full.data());
}

void Writer::end()
{
    if (!failed_) failed_ = fdt_end_node(buffer_.data()) != 0;
}

u8* Writer::property(const char* name, usize size)
{
    void* value = nullptr;
    if (!failed_)
        failed_ =
            size > largest_value || fdt_property_placeholder(buffer_.data(), name, static_cast<int>(size), &value) != 0;
    return failed_ ? nullptr : static_cast<u8*>(value);
}

void Writer::flag(const char* name) { property(name, 0); }

void Writer::bytes(const char* name, std::span<const u8> value)
{
    u8* const out = property(name, value.size());
    if (out == nullptr) return;
    for (usize i = 0; i < value.size(); ++i) out[i] = value[i];
}

void Writer::text(const char* name, std::span<const char> value)
{
    u8* const out = property(name, value.size() + 1);
    if (out == nullptr) return;
    copy(out, value);
    out[value.size()] = 0;
}

void Writer::strings(const char* name, const char* first, const char* second)
{
    const usize first_size = length(first) + 1;
    const usize second_size = length(second) + 1;
    u8* const out = property(name, first_size + second_size);
    if (out == nullptr) return;
    copy(out, {first, first_size});
    copy(out + first_size, {second, second_size});
}

void Writer::address(const char* name, u64 value) { cells(name, value >> 32, value); }

void Writer::write_cells(const char* name, std::span<const u32> values)
{
    u8* const out = property(name, values.size() * 4);
    if (out == nullptr) return;
    for (usize i = 0; i < values.size(); ++i) put_be32(out + 4 * i, values[i]);
}

u32 Writer::phandle()
{
    cells("phandle", next_phandle_);
    return next_phandle_++;
}

u32 Writer::finish()
{
    if (!failed_) failed_ = fdt_finish(buffer_.data()) != 0;
    return failed_ ? 0 : fdt_totalsize(buffer_.data());
}

} // namespace gimbal::device_tree
