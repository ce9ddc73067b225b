// SPDX-License-Identifier: Apache-2.0
#include "device/pl061/pl061.hpp"

namespace gimbal {
namespace {

constexpr u32 part_number = 0x061;

enum class Register : u16 {
    data = 0x000, // to 0x3FC: address bits [9:2] are the mask
    dir = 0x400,
    is = 0x404,
    ibe = 0x408,
    iev = 0x40C,
    ie = 0x410,
    ris = 0x414,
    mis = 0x418,
    ic = 0x41C,
    afsel = 0x420,
};

constexpr bool is_data(u64 offset) { return offset < static_cast<u64>(Register::dir); }
constexpr u8 data_mask(u64 offset) { return static_cast<u8>(offset >> 2); }

} // namespace

u8 Pl061::raw_interrupts() const
{
    const u8 active_level = static_cast<u8>(~(data() ^ rising_));
    return static_cast<u8>((active_level & level_) | (latched_ & ~level_));
}

/// Latches the edges that GPIOIBE and GPIOIEV ask for.
void Pl061::edges(u8 before)
{
    const u8 changed = before ^ data();
    const u8 wanted = static_cast<u8>(both_ | ~(data() ^ rising_));
    latched_ = static_cast<u8>(latched_ | (changed & wanted & ~level_));
}

void Pl061::set_input(unsigned line, bool level)
{
    if (line >= line_count) return;
    SpinGuard guard(lock_);
    const u8 before = data();
    const u8 mask = static_cast<u8>(bit(line));
    in_ = static_cast<u8>(level ? in_ | mask : in_ & ~mask);
    edges(before);
    update_line();
}

void Pl061::reset()
{
    SpinGuard guard(lock_);
    out_ = direction_ = level_ = both_ = rising_ = enabled_ = latched_ = alternate_ = 0;
    update_line();
}

Result<u64, BusError> Pl061::read(const AccessContext&, u64 offset, AccessSize size)
{
    if (offset % 4 != 0 || size == AccessSize::bytes_8) return fail(BusError::bad_access);
    SpinGuard guard(lock_);
    if (is_data(offset)) return static_cast<u64>(data() & data_mask(offset));
    switch (static_cast<Register>(offset)) {
    case Register::data: break; // above
    case Register::dir: return direction_;
    case Register::is: return level_;
    case Register::ibe: return both_;
    case Register::iev: return rising_;
    case Register::ie: return enabled_;
    case Register::ris: return raw_interrupts();
    case Register::mis: return static_cast<u64>(raw_interrupts() & enabled_);
    case Register::ic: return 0U; // write-only
    case Register::afsel: return alternate_;
    }
    const std::optional<u8> id = primecell::id_register(offset, part_number, 0);
    if (!id) return fail(BusError::bad_access);
    return *id;
}

bool Pl061::write_register(u64 offset, u8 value)
{
    switch (static_cast<Register>(offset)) {
    case Register::data: return true; // masked writes were handled
    case Register::dir: direction_ = value; return true;
    case Register::is: level_ = value; return true;
    case Register::ibe: both_ = value; return true;
    case Register::iev: rising_ = value; return true;
    case Register::ie: enabled_ = value; return true;
    case Register::ic: latched_ = static_cast<u8>(latched_ & ~value); return true;
    case Register::afsel: alternate_ = value; return true;
    case Register::ris:
    case Register::mis: return true; // read-only
    }
    return primecell::id_register(offset, part_number, 0).has_value();
}

Result<void, BusError> Pl061::write(const AccessContext&, u64 offset, AccessSize size, u64 value)
{
    if (offset % 4 != 0 || size == AccessSize::bytes_8) return fail(BusError::bad_access);
    SpinGuard guard(lock_);
    const u8 before = data();
    if (is_data(offset)) {
        const u8 mask = data_mask(offset);
        out_ = static_cast<u8>((out_ & ~mask) | (static_cast<u8>(value) & mask));
    } else if (!write_register(offset, static_cast<u8>(value))) {
        return fail(BusError::bad_access);
    }
    edges(before);
    update_line();
    return {};
}

} // namespace gimbal
