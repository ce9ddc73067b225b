// SPDX-License-Identifier: Apache-2.0
#include "device/gicv3/bank_registers.hpp"
#include "device/gicv3/gicv3.hpp"

namespace gimbal::gicv3 {
namespace {

constexpr bool is_priority(u64 offset) { return offset >= gicd::ipriorityr && offset < gicd::itargetsr; }
constexpr bool is_target(u64 offset) { return offset >= gicd::itargetsr && offset < gicd::icfgr; }
constexpr bool is_config(u64 offset) { return offset >= gicd::icfgr && offset < gicd::igrpmodr; }
constexpr bool is_block(u64 offset) { return offset >= gicd::igroupr && offset < gicd::ipriorityr; }
constexpr bool is_route(u64 offset) { return offset >= gicd::irouter && offset < gicd::irouter_end; }

/// Words everywhere, bytes where a register has one per INTID, doublewords for the routes.
constexpr bool takes(u64 offset, AccessSize size)
{
    switch (size) {
    case AccessSize::bytes_1: return is_priority(offset) || is_target(offset);
    case AccessSize::bytes_2: return false;
    case AccessSize::bytes_4: return true;
    case AccessSize::bytes_8: return is_route(offset);
    }
    return false;
}

constexpr u32 route_intid(u64 offset) { return static_cast<u32>((offset - gicd::irouter) / 8); }

// The bank that holds the INTID; SGIs and PPIs are the redistributors', so their words here are RES0 (ARE = 1).
template <class S>
auto* spi_bank(S& state, u64 intid)
{
    const u32 index = static_cast<u32>(intid / bank_size);
    return index == 0 ? nullptr : state.bank({0}, index);
}

} // namespace

u64 Distributor::read_word(u64 offset) const
{
    const State& state = state_;
    switch (offset) {
    case gicd::ctlr: return state.control() | gicd_ctlr::are | gicd_ctlr::ds;
    case gicd::typer: return gicd_typer(state.intids());
    case gicd::iidr: return iidr_value;
    case gicd::pidr2: return pidr2_value;
    }
    if (is_block(offset)) {
        const auto* bank = spi_bank(state, offset % 0x80 * 8);
        return bank != nullptr ? read_block(*bank, static_cast<BankBlock>(offset / 0x80)) : 0;
    }
    if (is_config(offset)) {
        const u64 intid = (offset - gicd::icfgr) * 4;
        const auto* bank = spi_bank(state, intid);
        return bank != nullptr ? read_config(*bank, intid % bank_size / 16) : 0;
    }
    return 0; // RES0
}

Result<u64, BusError> Distributor::read(const AccessContext&, u64 offset, AccessSize size)
{
    if (offset >= gicd::size || !takes(offset, size)) return fail(BusError::bad_access);
    SpinGuard guard(state_.lock());
    if (is_priority(offset)) {
        const u64 intid = offset - gicd::ipriorityr;
        const auto* bank = spi_bank(state_, intid);
        return bank != nullptr ? read_priorities(*bank, intid % bank_size, size) : 0;
    }
    if (is_route(offset)) {
        const u32 intid = route_intid(offset);
        if (intid < first_spi || intid >= state_.intids()) return u64{0};
        return bits(state_.route(intid).raw, offset % 8 * 8, byte_count(size) * 8);
    }
    return read_word(offset);
}

void Distributor::write_word(u64 offset, u32 value)
{
    if (offset == gicd::ctlr) {
        state_.set_control(value);
        return;
    }
    if (is_block(offset)) {
        auto* bank = spi_bank(state_, offset % 0x80 * 8);
        if (bank == nullptr) return;
        write_block(*bank, static_cast<BankBlock>(offset / 0x80), value);
    } else if (is_config(offset)) {
        const u64 intid = (offset - gicd::icfgr) * 4;
        auto* bank = spi_bank(state_, intid);
        if (bank == nullptr) return;
        write_config(*bank, intid % bank_size / 16, value);
    } else {
        return; // read-only or RES0
    }
    state_.changed_all();
}

Result<void, BusError> Distributor::write(const AccessContext&, u64 offset, AccessSize size, u64 value)
{
    if (offset >= gicd::size || !takes(offset, size)) return fail(BusError::bad_access);
    SpinGuard guard(state_.lock());
    if (is_priority(offset)) {
        const u64 intid = offset - gicd::ipriorityr;
        auto* bank = spi_bank(state_, intid);
        if (bank == nullptr) return {};
        write_priorities(*bank, intid % bank_size, size, value);
        state_.changed_all();
    } else if (is_route(offset)) {
        const u32 intid = route_intid(offset);
        if (intid < first_spi || intid >= state_.intids()) return {};
        const u64 written = low_mask(byte_count(size) * 8) << (offset % 8 * 8);
        state_.set_route(intid, (state_.route(intid).raw & ~written) | (value << (offset % 8 * 8) & written));
    } else {
        write_word(offset, static_cast<u32>(value));
    }
    return {};
}

} // namespace gimbal::gicv3
