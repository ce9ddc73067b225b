// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/access_sequence.hpp"

#include "arch/aarch64/control.hpp"
#include "arch/aarch64/pstate.hpp"
#include "base/bits.hpp"

namespace gimbal::el2 {

using aarch64::Addressing;
using aarch64::ContextFrame;
using aarch64::Esr;
using aarch64::FaultStatus;
using aarch64::LoadStore;
using aarch64::LoadStoreKind;
using aarch64::SctlrEl1;
using aarch64::Spsr;

namespace {

constexpr u32 dc_zva = 0xD50B'7420; // and Rt
constexpr u32 rt_mask = 0x1F;
constexpr u64 address_mask = low_mask(56); // without the bits that may hold a tag

u64 extended(u64 value, aarch64::IndexExtend how)
{
    switch (how) {
    case aarch64::IndexExtend::uxtw: return value & low_mask(32);
    case aarch64::IndexExtend::sxtw: return static_cast<u64>(sign_extend(value & low_mask(32), 32));
    case aarch64::IndexExtend::lsl:
    case aarch64::IndexExtend::sxtx: return value;
    }
    return value;
}

El1Exception data_abort(FaultStatus status, bool write, u64 far)
{
    return {aarch64::make_data_abort(true, {.fsc = status, .wnr = write}), far, true};
}

bool is_exclusive(LoadStoreKind kind)
{
    return kind == LoadStoreKind::load_exclusive || kind == LoadStoreKind::store_exclusive;
}

bool is_load(LoadStoreKind kind) { return kind == LoadStoreKind::load || kind == LoadStoreKind::load_exclusive; }

} // namespace

bool big_endian_data(const Trap& trap, Spsr spsr)
{
    if (Spsr::nrw::get(spsr)) return Spsr::d::get(spsr); // CPSR.E stands there
    const SctlrEl1 sctlr{trap.sctlr};
    return Spsr::el::get(spsr) == 0 ? SctlrEl1::e0e::get(sctlr) : SctlrEl1::ee::get(sctlr);
}

AccessSequence::Start AccessSequence::start(const Trap& trap, Gpa device_page, const ContextFrame& frame,
                                            GuestView& guest)
{
    const std::optional<u32> word = guest.fetch(frame.elr);
    if (!word) return Start::nothing;
    if ((*word & ~rt_mask) == dc_zva) return plan_zero_block(trap, device_page, frame, guest, *word);
    const std::optional<LoadStore> operation = aarch64::decode_load_store(*word);
    if (!operation) return Start::refused;
    if (operation->kind == LoadStoreKind::prefetch) return Start::nothing;
    operation_ = *operation;
    zero_ = false;
    plan_address(frame, guest);
    total_ = static_cast<u16>(operation_.total_bytes());
    if (!covers(trap.far)) return Start::nothing;
    if (is_exclusive(operation_.kind)) {
        // A device has no exclusive monitor. The manual leaves the choice to us; Normal memory alone must have one.
        exception_ = data_abort(FaultStatus::unsupported_exclusive, !is_load(operation_.kind), trap.far);
        return Start::fault;
    }
    return begin(trap, device_page, frame, guest);
}

AccessSequence::Start AccessSequence::start_described(const Trap& trap, Gpa device_page, const ContextFrame& frame,
                                                      GuestView& guest)
{
    operation_ = {};
    operation_.kind = Esr::wnr::get(trap.esr) ? LoadStoreKind::store : LoadStoreKind::load;
    operation_.element_log2 = Esr::sas::get(trap.esr);
    operation_.sign_extend = Esr::sse::get(trap.esr);
    operation_.wide = Esr::sf::get(trap.esr);
    operation_.rt = Esr::srt::get(trap.esr);
    zero_ = false;
    address_ = trap.far;
    total_ = static_cast<u16>(operation_.total_bytes());
    return begin(trap, device_page, frame, guest);
}

AccessSequence::Start AccessSequence::plan_zero_block(const Trap& trap, Gpa device_page, const ContextFrame& frame,
                                                      GuestView& guest, u32 word)
{
    const unsigned block = guest.zero_block_bytes();
    operation_ = {};
    operation_.kind = LoadStoreKind::store;
    operation_.element_log2 = block < 8 ? 2 : 3;
    zero_ = true;
    address_ = align_down(frame.gpr(word & rt_mask), block);
    total_ = static_cast<u16>(block);
    if (!covers(trap.far)) return Start::nothing;
    return begin(trap, device_page, frame, guest);
}

AccessSequence::Start AccessSequence::begin(const Trap& trap, Gpa device_page, const ContextFrame& frame,
                                            GuestView& guest)
{
    // A pair of words is compared and swapped as one doubleword; other pairs are two accesses.
    const bool joined = operation_.kind == LoadStoreKind::compare_and_swap;
    const unsigned unit = joined ? operation_.total_bytes() : operation_.element_bytes();
    const unsigned natural = unit < 8 ? unit : 8;
    chunk_ = static_cast<u8>(is_aligned(address_, natural) ? natural : 1);
    position_ = 0;
    writing_ = operation_.kind == LoadStoreKind::store;
    big_endian_ = big_endian_data(trap, {frame.spsr});
    if (!find_pages(trap, device_page, guest)) return Start::fault;
    gather(frame, guest);
    return Start::ready;
}

/// Whether the fault that was reported can be one of the access that was decoded.
bool AccessSequence::covers(u64 far) const { return ((far - address_) & address_mask) < total_; }

u64 AccessSequence::read_base(const ContextFrame& frame, GuestView& guest) const
{
    if (operation_.rn != ContextFrame::zero_register) return frame.x[operation_.rn];
    const Spsr spsr{frame.spsr};
    return Spsr::el::get(spsr) == 0 || !Spsr::spsel::get(spsr) ? frame.sp_el0 : guest.read_sp_el1();
}

void AccessSequence::write_base(ContextFrame& frame, GuestView& guest) const
{
    const Spsr spsr{frame.spsr};
    if (operation_.rn != ContextFrame::zero_register)
        frame.x[operation_.rn] = base_after_;
    else if (Spsr::el::get(spsr) == 0 || !Spsr::spsel::get(spsr))
        frame.sp_el0 = base_after_;
    else
        guest.write_sp_el1(base_after_);
}

void AccessSequence::plan_address(const ContextFrame& frame, GuestView& guest)
{
    const auto offset = static_cast<u64>(operation_.offset);
    if (operation_.addressing == Addressing::literal) {
        address_ = frame.elr + offset;
        return;
    }
    const u64 base = read_base(frame, guest);
    const u64 index = frame.gpr(operation_.rm);
    address_ = base;
    switch (operation_.addressing) {
    case Addressing::offset: address_ = base + offset; break;
    case Addressing::pre_index: address_ = base_after_ = base + offset; break;
    case Addressing::post_index: base_after_ = base + offset; break;
    case Addressing::post_register:
        base_after_ = base + (operation_.rm == ContextFrame::zero_register ? operation_.total_bytes() : index);
        break;
    case Addressing::register_offset: address_ = base + (extended(index, operation_.extend) << operation_.shift); break;
    case Addressing::literal: break;
    }
}

/// The pages of the first and the last byte: one is known from the fault, another one is looked up. False: it faults.
bool AccessSequence::find_pages(const Trap& trap, Gpa device_page, GuestView& guest)
{
    const u64 last = address_ + total_ - 1;
    const u64 page_of_fault = align_down(trap.far, page_bytes) & address_mask;
    const bool first_faulted = page_of_fault == (align_down(address_, page_bytes) & address_mask);
    pages_[0] = pages_[1] = device_page;
    device_page_[0] = device_page_[1] = true;
    if (align_down(address_, page_bytes) == align_down(last, page_bytes)) return true;
    const u64 other = first_faulted ? align_down(last, page_bytes) : address_;
    const bool write = !is_load(operation_.kind);
    const auto found = guest.translate(other, write ? Direction::write : Direction::read, operation_.unprivileged);
    if (!found) {
        exception_ = data_abort(found.error(), write, other);
        return false;
    }
    const unsigned which = first_faulted ? 1 : 0;
    pages_[which] = {align_down(found->gpa.value, page_bytes)};
    device_page_[which] = false;
    return true;
}

Gpa AccessSequence::gpa_at(unsigned position) const
{
    const u64 va = address_ + position;
    const bool first = align_down(va, page_bytes) == align_down(address_, page_bytes);
    return pages_[first ? 0 : 1] + (va & (page_bytes - 1));
}

u64 AccessSequence::chunk_value() const
{
    if (zero_) return 0;
    u64 value = 0;
    for (unsigned i = 0; i < chunk_; ++i) value |= u64{bytes_[position_ + i]} << (8 * i);
    return value;
}

void AccessSequence::set_chunk(u64 value)
{
    for (unsigned i = 0; i < chunk_; ++i) bytes_[position_ + i] = static_cast<u8>(value >> (8 * i));
}

/// Does the next part if it is in RAM.
bool AccessSequence::do_in_memory(GuestView& guest)
{
    const bool first = align_down(address_ + position_, page_bytes) == align_down(address_, page_bytes);
    if (device_page_[first ? 0 : 1] || zero_) return false;
    const std::span<u8> part(bytes_ + position_, chunk_);
    return writing_ ? guest.write_memory(gpa_at(position_), part) : guest.read_memory(gpa_at(position_), part);
}

bool AccessSequence::step(GuestView& guest, Exit& exit)
{
    while (position_ < total_ || begin_write_back()) {
        if (!do_in_memory(guest)) {
            exit.kind = ExitKind::mmio;
            exit.mmio.gpa = gpa_at(position_);
            exit.mmio.data = writing_ ? chunk_value() : 0;
            exit.mmio.size = static_cast<AccessSize>(chunk_);
            exit.mmio.direction = writing_ ? Direction::write : Direction::read;
            return true;
        }
        position_ = static_cast<u16>(position_ + chunk_);
    }
    return false;
}

void AccessSequence::answer(u64 value)
{
    if (!writing_) set_chunk(value);
    position_ = static_cast<u16>(position_ + chunk_);
}

void AccessSequence::finish(ContextFrame& frame, GuestView& guest)
{
    switch (operation_.kind) {
    case LoadStoreKind::load:
        if (operation_.vector)
            scatter_vectors(guest);
        else
            scatter_general(frame);
        break;
    case LoadStoreKind::atomic: frame.set_gpr(operation_.rt, old_[0]); break;
    case LoadStoreKind::compare_and_swap:
        for (unsigned i = 0; i < operation_.count; ++i) frame.set_gpr(operation_.rs + i, old_[i]);
        break;
    case LoadStoreKind::store:
    case LoadStoreKind::load_exclusive:
    case LoadStoreKind::store_exclusive:
    case LoadStoreKind::prefetch: break;
    }
    if (operation_.writes_back()) write_base(frame, guest);
}

} // namespace gimbal::el2
