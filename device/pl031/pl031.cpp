// SPDX-License-Identifier: Apache-2.0
#include "device/pl031/pl031.hpp"

namespace gimbal {
namespace {

constexpr u32 part_number = 0x031;

enum class Register : u16 {
    dr = 0x000,
    mr = 0x004,
    lr = 0x008,
    cr = 0x00C,
    imsc = 0x010,
    ris = 0x014,
    mis = 0x018,
    icr = 0x01C,
};

} // namespace

void Pl031::arm()
{
    // The counter is 32 bits wide and wraps: every match lies at most 2^32 - 1 seconds ahead.
    if (match_set_)
        clock_.set_alarm(clock_.seconds() + static_cast<u32>(match_ - now()));
    else
        clock_.set_alarm(std::nullopt);
}

void Pl031::match()
{
    // An alarm that comes a little late has passed the match; one that is early is more than half the range away.
    if (!match_set_ || static_cast<i32>(now() - match_) < 0) return;
    match_set_ = false;
    raised_ = true;
    update_line();
}

void Pl031::alarm_due()
{
    SpinGuard guard(lock_);
    match();
    if (match_set_) arm();
}

void Pl031::reset()
{
    SpinGuard guard(lock_);
    offset_ = load_ = match_ = 0;
    match_written_ = match_set_ = raised_ = unmasked_ = false;
    arm();
    update_line();
}

Result<u64, BusError> Pl031::read(const AccessContext&, u64 offset, AccessSize size)
{
    if (offset % 4 != 0 || size != AccessSize::bytes_4) return fail(BusError::bad_access);
    SpinGuard guard(lock_);
    switch (static_cast<Register>(offset)) {
    case Register::dr: return now();
    case Register::mr: return match_;
    case Register::lr: return load_;
    case Register::cr: return 1U; // running
    case Register::imsc: return unmasked_ ? 1U : 0U;
    case Register::ris: return raised_ ? 1U : 0U;
    case Register::mis: return raised_ && unmasked_ ? 1U : 0U;
    case Register::icr: return 0U; // write-only
    }
    const std::optional<u8> id = primecell::id_register(offset, part_number, 0);
    if (!id) return fail(BusError::bad_access);
    return *id;
}

Result<void, BusError> Pl031::write(const AccessContext&, u64 offset, AccessSize size, u64 value)
{
    if (offset % 4 != 0 || size != AccessSize::bytes_4) return fail(BusError::bad_access);
    SpinGuard guard(lock_);
    switch (static_cast<Register>(offset)) {
    case Register::mr:
        match_ = static_cast<u32>(value);
        match_written_ = match_set_ = true;
        arm();
        return {};
    case Register::lr:
        load_ = static_cast<u32>(value);
        offset_ = load_ - static_cast<u32>(clock_.seconds());
        match_set_ = match_written_; // the comparison never stops: a clock set back meets the match again
        arm();
        return {};
    case Register::imsc:
        unmasked_ = (value & 1) != 0;
        update_line();
        return {};
    case Register::icr:
        if ((value & 1) != 0) raised_ = false;
        update_line();
        return {};
    case Register::cr: return {}; // once it runs, writes have no effect
    case Register::dr:
    case Register::ris:
    case Register::mis: return {}; // read-only
    }
    if (!primecell::id_register(offset, part_number, 0)) return fail(BusError::bad_access);
    return {};
}

} // namespace gimbal
