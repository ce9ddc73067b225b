// SPDX-License-Identifier: Apache-2.0
#include "device/gicv3/state.hpp"

#include "arch/aarch64/mpidr.hpp"
#include "base/assert.hpp"
#include "base/bits.hpp"
#include "device/gicv3/registers.hpp"

namespace gimbal::gicv3 {
namespace {

constexpr u32 intid_bit(u32 intid) { return u32{1} << (intid % bank_size); }
constexpr u32 sgi_bits = 0xFFFF;

} // namespace

State::State(const Config& config) : config_(config)
{
    GIMBAL_ASSERT(config.cpus >= 1 && config.cpus <= max_vcpus);
    GIMBAL_ASSERT(config.intids >= 64 && config.intids <= 992 && config.intids % bank_size == 0);
    reset();
}

void State::reset()
{
    control_ = 0;
    for (InterruptBank& bank : spis_) {
        // The inputs are the devices' and outlive a reset of the controller.
        const u32 line = bank.line;
        bank = InterruptBank{};
        bank.line = line;
    }
    for (Route& route : routes_) route = Route{};
    for (u32 i = 0; i < config_.cpus; ++i) reset_cpu({i});
}

void State::reset_cpu(VcpuId vcpu)
{
    redistributors_[vcpu.value] = Redistributor{};
    redistributors_[vcpu.value].bank.edge = sgi_bits;
    if (port_ == nullptr) return;
    port_->reset(vcpu);
    changed_all(); // a 1-of-N interrupt may have to find another CPU
}

bool State::is_target(VcpuId vcpu, u32 intid, Group group) const
{
    const Route& route = routes_[intid];
    if (!route.any) return route.vcpu == vcpu.value;
    for (u32 i = 0; i < config_.cpus; ++i) {
        if (!redistributors_[i].asleep && port_ != nullptr && port_->accepts({i}, group)) return i == vcpu.value;
    }
    return false;
}

void State::consider(const InterruptBank& bank, u32 ready, u32 base, std::optional<Candidate>& best, VcpuId vcpu) const
{
    for (; ready != 0; ready &= ready - 1) {
        const u32 index = static_cast<u32>(std::countr_zero(ready));
        const u8 priority = bank.priority[index];
        if (best && best->priority <= priority) continue;
        const Group group = test_bit(bank.group, index) ? Group::group1 : Group::group0;
        if (base >= first_spi && !is_target(vcpu, base + index, group)) continue;
        best = Candidate{base + index, priority, group};
    }
}

std::optional<Candidate> State::highest_pending(VcpuId vcpu, bool takes_group0, bool takes_group1) const
{
    const Redistributor& own = redistributors_[vcpu.value];
    if (own.asleep) return std::nullopt;
    const bool group0 = takes_group0 && (control_ & gicd_ctlr::enable_grp0) != 0;
    const bool group1 = takes_group1 && (control_ & gicd_ctlr::enable_grp1) != 0;
    std::optional<Candidate> best;
    consider(own.bank, own.bank.ready(group0, group1), 0, best, vcpu);
    for (u32 i = 1; i < config_.intids / bank_size; ++i)
        consider(spis_[i], spis_[i].ready(group0, group1), i * bank_size, best, vcpu);
    return best;
}

void State::acknowledge(VcpuId vcpu, u32 intid)
{
    InterruptBank& bank = *this->bank(vcpu, intid / bank_size);
    bank.active |= intid_bit(intid);
    bank.latch &= ~intid_bit(intid);
    set_holder(intid, vcpu);
}

void State::deactivate(VcpuId vcpu, u32 intid)
{
    InterruptBank* bank = this->bank(vcpu, intid / bank_size);
    if (bank == nullptr) return;
    bank->active &= ~intid_bit(intid);
    changed_interrupt(vcpu, intid);
}

std::optional<Group> State::group_of(VcpuId vcpu, u32 intid) const
{
    const InterruptBank* bank = this->bank(vcpu, intid / bank_size);
    if (bank == nullptr) return std::nullopt;
    return (bank->group & intid_bit(intid)) != 0 ? Group::group1 : Group::group0;
}

void State::set_line(VcpuId vcpu, u32 intid, bool level)
{
    InterruptBank* bank = this->bank(vcpu, intid / bank_size);
    if (bank == nullptr) return;
    bank->set_line(intid_bit(intid), level);
    changed_interrupt(vcpu, intid);
}

void State::set_route(u32 intid, u64 raw)
{
    Route& route = routes_[intid];
    route.raw = raw & (aarch64::MpidrEl1::affinity_mask | gicd_irouter::routing_mode);
    route.any = (raw & gicd_irouter::routing_mode) != 0;
    const u32 index = aarch64::index_of_affinity(raw & aarch64::MpidrEl1::affinity_mask);
    route.vcpu = index < config_.cpus ? index : Route::no_vcpu;
    changed_all();
}

void State::set_control(u32 value)
{
    control_ = value & (gicd_ctlr::enable_grp0 | gicd_ctlr::enable_grp1);
    changed_all();
}

void State::changed(VcpuId vcpu)
{
    if (port_ != nullptr) port_->update(vcpu);
}

void State::changed_spi(u32 intid)
{
    const Route& route = routes_[intid];
    if (route.any) {
        for (u32 i = 0; i < config_.cpus; ++i) port_->update_interrupt({i}, intid);
        return;
    }
    if (route.vcpu != Route::no_vcpu) port_->update_interrupt({route.vcpu}, intid);
    // It may still be in a list register of the CPU that it was routed to before.
    const bool listed = (spis_[intid / bank_size].listed & intid_bit(intid)) != 0;
    if (listed && holders_[intid] != route.vcpu) port_->update_interrupt(holder(intid), intid);
}

void State::changed_all()
{
    for (u32 i = 0; i < config_.cpus; ++i) changed({i});
}

} // namespace gimbal::gicv3
