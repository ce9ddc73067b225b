// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/assert.hpp"
#include "device/gicv3/list_register_model.hpp"

namespace gimbal::gicv3 {

/// The ICH_* registers of the CPU that executes the call. `n` is below what ICH_VTR_EL2 announces. Writes take effect
/// at the latest with the exception return into the guest; no barrier is needed in between.
template <class P>
concept IchPort = requires(P port, unsigned n, u64 value, u32 word, Group group) {
    { port.vtr() } -> std::same_as<u64>;
    { port.read_lr(n) } -> std::same_as<u64>;
    port.write_lr(n, value);
    { port.read_apr(group, n) } -> std::same_as<u32>; // ICH_AP0R<n>_EL2, ICH_AP1R<n>_EL2
    port.write_apr(group, n, word);
    { port.read_vmcr() } -> std::same_as<u64>;
    port.write_vmcr(value);
    port.write_hcr(value);
};

/// The CPU interface as list registers: a GICv3's virtual CPU interface shows the guest what State has, so that
/// acknowledgement, priority drop and deactivation need no exit.
///
/// A list register is on loan from State: what is in one is marked there as listed, no other CPU is shown it, and each
/// exit on which something has changed brings the news back. Interrupts that do not fit stay in State, and a
/// maintenance interrupt asks for them. If not even the active ones fit, the group registers trap and are emulated
/// until they do.
///
/// Exit and entry of a vCPU, all on its CPU:
///   load  { before_entry  (guest)  after_exit  { raise_ppi | maintenance | read | write }* }*  put | sleep
/// Between before_entry() and the exception return, interrupts stay masked at EL2: a kick that comes in between must
/// still end the guest's run.
template <IchPort Port>
class ListRegisters final : public ListRegisterModel, public CpuInterface, public aarch64::IccPort {
public:
    /// Constructed on a CPU whose virtual interface is like those of all others.
    ListRegisters(State& state, CpuInterruptSink& sink, ListRegisterHost& host, Port port = {})
        : ListRegisterModel(state, sink, host, IchVtr{port.vtr()}), port_(port)
    {
    }

    void update(VcpuId vcpu) override { ListRegisterModel::update(vcpu); }
    void update_interrupt(VcpuId vcpu, u32 intid) override { ListRegisterModel::update_interrupt(vcpu, intid); }
    bool accepts(VcpuId vcpu, Group group) const override { return ListRegisterModel::accepts(vcpu, group); }
    void reset(VcpuId vcpu) override { ListRegisterModel::reset(vcpu); }

    /// This CPU's interface becomes the vCPU's. Its list registers are empty before, as put() leaves them, and at boot
    /// after clear().
    void load(VcpuId vcpu);
    /// Takes the vCPU off this CPU, after after_exit().
    void put(VcpuId vcpu) { unload(vcpu, false); }
    /// The same before the vCPU sleeps, and before anybody asks its slot whether it should: from here on, the sink
    /// knows exactly whether its inputs are high, and is told of each change. Allowed after put() too.
    void sleep(VcpuId vcpu) { unload(vcpu, true); }
    /// Once per CPU, before its first load().
    void clear();

    void before_entry(VcpuId vcpu)
    {
        Cpu& own = cpu(vcpu);
        own.in_guest.store(true, MemoryOrder::seq_cst);
        if (own.changed.load(MemoryOrder::seq_cst) != nothing) sync(vcpu);
    }

    void after_exit(VcpuId vcpu)
    {
        Cpu& own = cpu(vcpu);
        own.in_guest.store(false, MemoryOrder::release);
        if (own.used != 0) collect(vcpu);
    }

    /// This CPU has taken the physical interrupt behind a PPI of the loaded vCPU, dropped its priority and left it
    /// active. It may stand for after_exit(), which makes a timer that fires again and again cheap.
    void raise_ppi(VcpuId vcpu, Intid ppi)
    {
        Cpu& own = cpu(vcpu);
        if (own.in_guest.load(MemoryOrder::relaxed)) {
            if (fire_again(own, ppi.value)) return;
            after_exit(vcpu);
        }
        raise(vcpu, ppi.value);
    }
    /// This CPU has taken the maintenance interrupt. It is level-sensitive and stays high until the next entry.
    void maintenance(VcpuId vcpu);

    /// The ICC registers that trap: always those that generate SGIs, and ICC_DIR_EL1; the others while ICH_HCR_EL2 asks
    /// for it. The owner, on its CPU.
    Result<u64, RegisterError> read(VcpuId vcpu, aarch64::SysReg reg) override;
    Result<void, RegisterError> write(VcpuId vcpu, aarch64::SysReg reg, u64 value) override;

private:
    void collect(VcpuId vcpu);
    void sync(VcpuId vcpu);
    bool fire_again(Cpu& own, u32 ppi);
    void raise(VcpuId vcpu, u32 ppi);
    bool add_one(VcpuId vcpu, u32 intid); ///< False: the long way, choose_anew().
    void choose_anew(VcpuId vcpu);
    void write_registers(Cpu& own);
    u64 read_registers(Cpu& own); ///< The active priorities go to `own`; ICH_VMCR_EL2 is returned.
    void unload(VcpuId vcpu, bool sleeps);
    IccRegisters begin_emulation(VcpuId vcpu);
    void end_emulation(VcpuId vcpu, const IccRegisters& registers);

    [[no_unique_address]] Port port_;
};

template <IchPort Port>
void ListRegisters<Port>::clear()
{
    for (unsigned n = 0; n < list_registers(); ++n) port_.write_lr(n, 0);
    port_.write_hcr(0);
}

template <IchPort Port>
void ListRegisters<Port>::write_registers(Cpu& own)
{
    port_.write_vmcr(own.vmcr);
    for (unsigned n = 0; n < active_priority_registers(); ++n) {
        port_.write_apr(Group::group0, n, own.apr[0][n]);
        port_.write_apr(Group::group1, n, own.apr[1][n]);
    }
    own.stale = false;
}

template <IchPort Port>
u64 ListRegisters<Port>::read_registers(Cpu& own)
{
    for (unsigned n = 0; n < active_priority_registers(); ++n) {
        own.apr[0][n] = port_.read_apr(Group::group0, n);
        own.apr[1][n] = port_.read_apr(Group::group1, n);
    }
    return port_.read_vmcr();
}

template <IchPort Port>
void ListRegisters<Port>::load(VcpuId vcpu)
{
    SpinGuard guard(state().lock());
    Cpu& own = cpu(vcpu);
    own.loaded = true;
    tell_sink(vcpu, false, false); // nobody keeps it up to date from here on: what was high may end unseen
    write_registers(own);
    own.hcr = idle_hcr(own);
    port_.write_hcr(own.hcr);
    resume_hardware(vcpu);
}

template <IchPort Port>
void ListRegisters<Port>::unload(VcpuId vcpu, bool sleeps)
{
    SpinGuard guard(state().lock());
    Cpu& own = cpu(vcpu);
    if (own.loaded) {
        if (!own.stale) note_enables(vcpu, read_registers(own));
        for (u32 left = own.used; left != 0; left &= left - 1)
            port_.write_lr(static_cast<unsigned>(std::countr_zero(left)), 0);
        port_.write_hcr(0);
        take_back(vcpu);
    }
    if (sleeps) signal(vcpu); // before the physical interrupts go: they count
    if (own.loaded) park_hardware(vcpu);
    own.loaded = false;
}

template <IchPort Port>
void ListRegisters<Port>::collect(VcpuId vcpu)
{
    Cpu& own = cpu(vcpu);
    if (std::has_single_bit(own.used)) {
        const auto n = static_cast<unsigned>(std::countr_zero(own.used));
        const IchLr lr{port_.read_lr(n)};
        if (lr.is_free() && lr.intid() < first_spi && end_private(vcpu, n, lr)) return;
    }
    u64 now[max_list_registers];
    u32 differing = 0;
    for (u32 left = own.used; left != 0; left &= left - 1) {
        const auto n = static_cast<unsigned>(std::countr_zero(left));
        now[n] = port_.read_lr(n);
        if (now[n] != own.lr[n]) differing |= u32{1} << n;
    }
    if (differing != 0) fold(vcpu, now, differing);
    if (own.waiting_hardware != 0) withdraw_lowered(vcpu);
}

template <IchPort Port>
void ListRegisters<Port>::sync(VcpuId vcpu)
{
    SpinGuard guard(state().lock());
    const u32 changed = cpu(vcpu).changed.load(MemoryOrder::relaxed);
    if (changed == nothing) return; // before_entry() looked without the lock, and update() has taken its word back
    if (changed == everything || !add_one(vcpu, changed - 1)) choose_anew(vcpu);
}

template <IchPort Port>
bool ListRegisters<Port>::add_one(VcpuId vcpu, u32 intid)
{
    Cpu& own = cpu(vcpu);
    InterruptBank& bank = *state().bank(vcpu, intid / bank_size);
    if (is_held(vcpu, intid)) return false;
    const u64 lr = quick_entry(own, bank, intid, false);
    if (lr == 0) return false;
    if (intid >= first_spi) {
        if (!state().is_target(vcpu, intid, IchLr::group1::get({lr}) ? Group::group1 : Group::group0)) return false;
        state().set_holder(intid, vcpu);
    }
    const auto n = static_cast<unsigned>(std::countr_one(own.used));
    port_.write_lr(n, lr);
    add(own, bank, n, {lr});
    own.changed.store(nothing, MemoryOrder::relaxed);
    return true;
}

template <IchPort Port>
void ListRegisters<Port>::choose_anew(VcpuId vcpu)
{
    Cpu& own = cpu(vcpu);
    if (own.stale) write_registers(own);
    settle_hardware(vcpu);
    Plan next;
    make_plan(vcpu, next);
    for (unsigned n = 0; n < list_registers(); ++n)
        if (next.lr[n] != own.lr[n]) port_.write_lr(n, next.lr[n]);
    if (next.hcr != own.hcr) port_.write_hcr(next.hcr);
    commit(vcpu, next);
}

template <IchPort Port>
bool ListRegisters<Port>::fire_again(Cpu& own, u32 ppi)
{
    // The guest has ended the one before, and nothing else is listed: to the model it looks as if this had been that
    // one all the time.
    if (!std::has_single_bit(own.used)) return false;
    const auto n = static_cast<unsigned>(std::countr_zero(own.used));
    const IchLr lr{own.lr[n]};
    if (lr.intid() != ppi || !lr.is_hardware() || !lr.is_pending() || !IchLr{port_.read_lr(n)}.is_free()) return false;
    port_.write_lr(n, lr.raw);
    own.in_guest.store(false, MemoryOrder::release);
    return true;
}

template <IchPort Port>
void ListRegisters<Port>::raise(VcpuId vcpu, u32 ppi)
{
    SpinGuard guard(state().lock());
    GIMBAL_ASSERT(ppi < first_spi && pintid(ppi) != 0);
    Cpu& own = cpu(vcpu);
    InterruptBank& bank = state().redistributor(vcpu).bank;
    const u32 mask = u32{1} << ppi;
    own.ppis.held |= mask;
    bank.set_line(mask, true);
    const bool quick = own.loaded && own.changed.load(MemoryOrder::relaxed) == nothing;
    const u64 lr = quick ? quick_entry(own, bank, ppi, true) : 0;
    if (lr == 0) {
        state().changed(vcpu);
        return;
    }
    const auto n = static_cast<unsigned>(std::countr_one(own.used));
    port_.write_lr(n, lr);
    add(own, bank, n, {lr});
}

template <IchPort Port>
void ListRegisters<Port>::maintenance(VcpuId vcpu)
{
    SpinGuard guard(state().lock());
    Cpu& own = cpu(vcpu);
    if (!own.loaded) return; // it was asserted when the vCPU left
    if (!own.stale) note_enables(vcpu, port_.read_vmcr());
    own.changed.store(everything, MemoryOrder::relaxed);
}

template <IchPort Port>
IccRegisters ListRegisters<Port>::begin_emulation(VcpuId vcpu)
{
    Cpu& own = cpu(vcpu);
    if (own.loaded && !own.stale) note_enables(vcpu, read_registers(own));
    release_all(vcpu);
    return icc_of(own);
}

template <IchPort Port>
void ListRegisters<Port>::end_emulation(VcpuId vcpu, const IccRegisters& registers)
{
    Cpu& own = cpu(vcpu);
    store_icc(vcpu, registers);
    if (own.loaded) write_registers(own);
}

template <IchPort Port>
Result<u64, RegisterError> ListRegisters<Port>::read(VcpuId vcpu, aarch64::SysReg reg)
{
    SpinGuard guard(state().lock());
    IccRegisters registers = begin_emulation(vcpu);
    auto value = read_icc(state(), vcpu, registers, reg);
    end_emulation(vcpu, registers);
    return value;
}

template <IchPort Port>
Result<void, RegisterError> ListRegisters<Port>::write(VcpuId vcpu, aarch64::SysReg reg, u64 value)
{
    SpinGuard guard(state().lock());
    if (generate_sgi(state(), vcpu, reg, value)) return {};
    IccRegisters registers = begin_emulation(vcpu);
    auto written = write_icc(state(), vcpu, registers, reg, value);
    end_emulation(vcpu, registers);
    return written;
}

} // namespace gimbal::gicv3
