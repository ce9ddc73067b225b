// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/mpidr.hpp"
#include "device/gicv3/bank_registers.hpp"
#include "device/gicv3/gicv3.hpp"

namespace gimbal::gicv3 {
namespace {

constexpr u64 priority_end = gicd::ipriorityr + bank_size;
constexpr u64 config_end = gicd::icfgr + 8;

constexpr bool is_priority(u64 offset) { return offset >= gicd::ipriorityr && offset < priority_end; }
constexpr bool is_typer(u64 offset) { return offset >= gicr::typer && offset < gicr::typer + 8; }
// SGIs and PPIs fill the first word of each block.
constexpr bool is_block(u64 offset)
{
    return offset >= gicd::igroupr && offset < gicd::ipriorityr && offset % 0x80 == 0;
}

} // namespace

u64 Redistributors::size() const { return state_.cpus() * gicr::size; }

u64 Redistributors::typer(VcpuId vcpu) const
{
    // Affinity_Value has Aff3 right above Aff2, unlike MPIDR.
    const u64 mpidr = aarch64::mpidr_of_index(vcpu.value).affinity();
    const u64 affinity = bits(mpidr, 32, 8) << 24 | bits(mpidr, 0, 24);
    const u64 last = vcpu.value + 1 == state_.cpus() ? gicr_typer::last : 0;
    return affinity << gicr_typer::affinity_shift | u64{vcpu.value} << gicr_typer::processor_number_shift | last;
}

u64 Redistributors::read_control(VcpuId vcpu, u64 offset) const
{
    switch (offset) {
    case gicr::iidr: return iidr_value;
    case gicr::pidr2: return pidr2_value;
    case gicr::waker:
        return state_.redistributor(vcpu).asleep ? gicr_waker::processor_sleep | gicr_waker::children_asleep : 0;
    }
    return 0; // GICR_CTLR without LPIs, and RES0
}

Result<Redistributors::Place, BusError> Redistributors::locate(u64 offset) const
{
    const VcpuId vcpu{static_cast<u32>(offset / gicr::size)};
    if (vcpu.value >= state_.cpus()) return fail(BusError::unclaimed);
    offset %= gicr::size;
    return Place{.vcpu = vcpu, .in_sgi_frame = offset >= gicr::sgi_base, .reg = offset % gicr::sgi_base};
}

Result<u64, BusError> Redistributors::read(const AccessContext&, u64 offset, AccessSize size)
{
    GIMBAL_TRY(place, locate(offset));
    const auto& [vcpu, in_sgi_frame, reg] = place;

    SpinGuard guard(state_.lock());
    if (!in_sgi_frame && is_typer(reg) && size >= AccessSize::bytes_4)
        return bits(typer(vcpu), reg % 8 * 8, byte_count(size) * 8);
    const InterruptBank& bank = state_.redistributor(vcpu).bank;
    if (in_sgi_frame && is_priority(reg) && (size == AccessSize::bytes_1 || size == AccessSize::bytes_4))
        return read_priorities(bank, static_cast<unsigned>(reg - gicd::ipriorityr), size);
    if (size != AccessSize::bytes_4) return fail(BusError::bad_access);
    if (!in_sgi_frame) return read_control(vcpu, reg);
    if (is_block(reg)) return read_block(bank, static_cast<BankBlock>(reg / 0x80));
    if (reg >= gicd::icfgr && reg < config_end) return read_config(bank, reg == gicd::icfgr ? 0 : 1);
    return u64{0}; // RES0
}

void Redistributors::write_control(VcpuId vcpu, u64 offset, u32 value)
{
    if (offset != gicr::waker) return; // read-only or RES0
    state_.redistributor(vcpu).asleep = (value & gicr_waker::processor_sleep) != 0;
    state_.changed_all(); // 1-of-N interrupts move to a CPU that is awake
}

Result<void, BusError> Redistributors::write(const AccessContext&, u64 offset, AccessSize size, u64 value)
{
    GIMBAL_TRY(place, locate(offset));
    const auto& [vcpu, in_sgi_frame, reg] = place;

    SpinGuard guard(state_.lock());
    if (!in_sgi_frame && is_typer(reg) && size >= AccessSize::bytes_4) return {}; // read-only
    InterruptBank& bank = state_.redistributor(vcpu).bank;
    if (in_sgi_frame && is_priority(reg) && (size == AccessSize::bytes_1 || size == AccessSize::bytes_4)) {
        write_priorities(bank, static_cast<unsigned>(reg - gicd::ipriorityr), size, value);
        state_.changed(vcpu);
        return {};
    }
    if (size != AccessSize::bytes_4) return fail(BusError::bad_access);
    if (!in_sgi_frame) {
        write_control(vcpu, reg, static_cast<u32>(value));
        return {};
    }
    if (is_block(reg))
        write_block(bank, static_cast<BankBlock>(reg / 0x80), static_cast<u32>(value));
    else if (reg == gicd::icfgr + 4) // the SGIs' word, icfgr, is read-only: always edge
        write_config(bank, 1, static_cast<u32>(value));
    state_.changed(vcpu);
    return {};
}

} // namespace gimbal::gicv3
