// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "arch/aarch64/context_frame.hpp"
#include "arch/aarch64/guest_system_registers.hpp"
#include "base/assert.hpp"
#include "base/atomic.hpp"
#include "engine/el2/debug_state.hpp"
#include "engine/el2/fp_state.hpp"
#include "engine/el2/pointer_keys.hpp"
#include "engine/el2/stage2.hpp"
#include "engine/el2/trap.hpp"
#include "engine/el2/vmid.hpp"
#include "vm/vcpu.hpp"
#include "vm/virtual_timer.hpp"

namespace gimbal::el2 {

/// Why a guest left: which of the four vectors.
enum class ExitCode : u8 { synchronous = 0, irq = 1, fiq = 2, serror = 3 };

/// What every vCPU of one VM refers to; outlives them.
struct VmParts {
    Stage2& stage2;
    VmidAllocator& vmids;
    VmidSlot& vmid;
    const VirtualTimers& timers; ///< The counter's offset.
};

/// The physical CPU under a vCPU: its registers, the world switch, its interrupts. bare/aarch64 has the real one.
template <class C, class V>
concept PhysicalCpu = requires(C cpu, V& vcpu, aarch64::ContextFrame& frame, VcpuId id, FpState& fp) {
    { cpu.index() } -> std::same_as<unsigned>;
    requires aarch64::RegisterPort<decltype(cpu.registers())>;
    /// The world switch; all interrupts masked before and after.
    { cpu.enter(frame) } -> std::same_as<ExitCode>;
    /// Serves one physical interrupt. True: the run loop should look at the world.
    { cpu.take_interrupt(vcpu) } -> std::same_as<bool>;
    { cpu.read_trap() } -> std::same_as<Trap>;
    cpu.load_fp(fp);
    cpu.save_fp(fp);
    cpu.trap_fp(true);
    { cpu.cptr(true) } -> std::same_as<u64>; ///< What trap_fp() puts into CPTR_EL2.
    { cpu.debug_counts() } -> std::same_as<DebugCounts>;
    { cpu.has_pointer_auth() } -> std::same_as<bool>;
    cpu.forget_deferred_error(); ///< VDISR_EL2, which a guest reaches as DISR_EL1
    cpu.flush_own_tlb();
    cpu.kick();
};

/// Which vCPU's state a physical CPU holds. Touched by that CPU only.
template <class V>
struct Residence {
    V* system{}; ///< System registers and interrupt interface
    V* fp{};     ///< FP and SIMD; a vCPU may leave them behind until somebody else needs the registers.
};

/// A vCPU of the engine `el2`: a guest at EL1 and EL0 on a physical CPU of its own Exception level 2. `Cpu` is the
/// physical CPU that it is bound to, `Interrupts` the list-register port of its VM.
///
/// The guest's system registers stay in the hardware until another vCPU needs it; FP and SIMD until another vCPU uses
/// them; an ordinary exit moves the general registers and nothing else. The virtual timer is the hardware's own, the
/// physical one traps and is the VM's.
template <class Cpu, class Interrupts>
class Vcpu final : public GuestView {
public:
    static constexpr EngineOwns owns{};
    static constexpr ExitKinds raises = TrapDecoder::raises | ExitKinds::of(ExitKind::host_interrupt, ExitKind::kicked);

    Vcpu(VcpuId id, const VmParts& vm, Interrupts& interrupts, Cpu& cpu, const aarch64::GuestSystemRegisters& at_reset)
        : id_(id), vm_(vm), interrupts_(interrupts), cpu_(cpu), at_reset_(at_reset), registers_(at_reset)
    {
    }

    VcpuId id() const { return id_; }

    Exit run(const Completion& answer)
    {
        Exit exit;
        if (cpu_.residence.system != this) [[unlikely]]
            enter_cpu();
        if (answer.kind != CompletionKind::none && decoder_.next(answer, frame_, *this, exit)) return exit;
        while (true) {
            if (kicked_.load(MemoryOrder::relaxed) && kicked_.exchange(false)) return Exit(ExitKind::kicked);
            interrupts_.before_entry(id_);
            const ExitCode code = cpu_.enter(frame_);
            interrupts_.after_exit(id_);
            switch (code) {
            case ExitCode::synchronous:
                if (decoder_.decode(cpu_.read_trap(), frame_, *this, exit)) return exit;
                break;
            case ExitCode::irq:
            case ExitCode::fiq:
                if (cpu_.take_interrupt(*this)) return Exit(ExitKind::host_interrupt);
                break;
            case ExitCode::serror: take_serror(); break;
            }
        }
    }

    void commit(const Completion& answer)
    {
        if (cpu_.residence.system != this) enter_cpu();
        decoder_.commit(answer, frame_, *this);
    }

    void reset(const VcpuEntry& entry)
    {
        if (cpu_.residence.fp == this) {
            cpu_.residence.fp = nullptr;
            cpu_.trap_fp(true);
        }
        leave_cpu(false);
        decoder_.discard();
        registers_ = at_reset_;
        frame_ = {};
        fp_ = {};
        debug_ = {};
        keys_ = {};
        uses_keys_ = false;
        frame_.elr = entry.pc;
        for (unsigned i = 0; i < 4; ++i) frame_.x[i] = entry.arguments[i];
    }

    void kick() noexcept
    {
        kicked_.store(true);
        cpu_.kick();
    }
    /// The list registers are told by the interrupt controller itself.
    void set_interrupt(InterruptInput, bool) noexcept {}

    /// Its CPU: the state goes to memory, because the vCPU sleeps or somebody else is next. `sleeps`: the interrupt
    /// controller reports the inputs from here on.
    void leave_cpu(bool sleeps)
    {
        // The interrupts first: they look at the virtual timer, which stops with the vCPU.
        if (sleeps)
            interrupts_.sleep(id_);
        else
            interrupts_.put(id_);
        if (cpu_.residence.system != this) return;
        auto port = cpu_.registers();
        registers_.store(port);
        if (uses_keys_) keys_.store(port);
        port.template write<aarch64::SysReg::cntv_ctl_el0>(0);
        cpu_.residence.system = nullptr;
    }

    /// When the hardware's virtual timer, which stops with the vCPU, would interrupt it: on the VM's counter.
    std::optional<CounterTicks> timer_deadline()
    {
        using aarch64::CntCtl;
        using aarch64::SysReg;
        auto port = cpu_.registers();
        const bool live = cpu_.residence.system == this;
        const CntCtl control{live ? port.template read<SysReg::cntv_ctl_el0>() : registers_.cntv_ctl_el0};
        if (!CntCtl::enable::get(control) || CntCtl::imask::get(control)) return std::nullopt;
        return CounterTicks{live ? port.template read<SysReg::cntv_cval_el0>() : registers_.cntv_cval_el0};
    }

    /// A physical interrupt that stands for a PPI of this vCPU; called by Cpu::take_interrupt().
    void raise_ppi(Intid ppi) { interrupts_.raise_ppi(id_, ppi); }
    void maintenance() { interrupts_.maintenance(id_); }

    const aarch64::ContextFrame& frame() const { return frame_; }

private:
    void enter_cpu()
    {
        if (cpu_.residence.system != nullptr) cpu_.residence.system->leave_cpu(false);
        const VmidEntry entry = vm_.vmids.enter(cpu_.index(), vm_.vmid);
        if (entry.flush) cpu_.flush_own_tlb();
        registers_.vttbr_el2 = vm_.stage2.vttbr(entry.vmid).raw;
        registers_.cntvoff_el2 = vm_.timers.offset();
        registers_.cptr_el2 = cpu_.cptr(cpu_.residence.fp != this);
        auto port = cpu_.registers();
        registers_.restore(port);
        if (uses_keys_) keys_.restore(port);
        if (DebugState::may_happen(registers_.mdscr_el1)) debug_.load(port, cpu_.debug_counts());
        cpu_.forget_deferred_error();
        interrupts_.load(id_);
        cpu_.residence.system = this;
    }

    /// Physical SErrors come to EL2. This one was the guest's doing, or happened in its time: it gets a virtual one,
    /// which waits for its PSTATE.A as the physical one would.
    void take_serror()
    {
        auto port = cpu_.registers();
        using aarch64::SysReg;
        port.template write<SysReg::hcr_el2>(port.template read<SysReg::hcr_el2>() | aarch64::HcrEl2::vse::mask);
    }

    // GuestView
    Result<StageOneResult, aarch64::FaultStatus> translate(u64 va, Direction direction, bool unprivileged) override
    {
        return cpu_.translate_stage1(va, direction, unprivileged || !at_el1());
    }
    std::optional<u32> fetch(u64 va) override
    {
        const auto where = translate(va, Direction::read, false);
        u8 bytes[4];
        if (!where || !read_memory(where->gpa, bytes)) return std::nullopt;
        u32 word;
        __builtin_memcpy(&word, bytes, sizeof(word));
        return word;
    }
    bool read_memory(Gpa gpa, std::span<u8> to) override
    {
        const std::optional<u8*> from = reach(gpa, to.size(), Direction::read);
        if (from) __builtin_memcpy(to.data(), *from, to.size());
        return from.has_value();
    }
    bool write_memory(Gpa gpa, std::span<const u8> from) override
    {
        const std::optional<u8*> to = reach(gpa, from.size(), Direction::write);
        if (to) __builtin_memcpy(*to, from.data(), from.size());
        return to.has_value();
    }
    VectorRegister read_vector(unsigned n) override
    {
        keep_fp_in_memory();
        return {fp_.v[n][0], fp_.v[n][1]};
    }
    void write_vector(unsigned n, VectorRegister value) override
    {
        keep_fp_in_memory();
        fp_.v[n][0] = value.lo;
        fp_.v[n][1] = value.hi;
    }
    void load_fp_state() override
    {
        if (cpu_.residence.fp == this) return;
        cpu_.trap_fp(false);
        if (cpu_.residence.fp != nullptr) cpu_.save_fp(cpu_.residence.fp->fp_);
        cpu_.load_fp(fp_);
        cpu_.residence.fp = this;
    }
    RegisterOutcome access_register(aarch64::SysReg reg, Direction direction, u64& value) override
    {
        if (is_pointer_key(reg)) return enable_pointer_auth() ? RegisterOutcome::again : RegisterOutcome::unknown;
        auto port = cpu_.registers();
        if (direction == Direction::write)
            return debug_.write(port, reg, value, cpu_.debug_counts()) ? RegisterOutcome::done
                                                                       : RegisterOutcome::unknown;
        const std::optional<u64> found = debug_.read(port, reg, cpu_.debug_counts());
        value = found.value_or(0);
        return found ? RegisterOutcome::done : RegisterOutcome::unknown;
    }
    bool enable_pointer_auth() override
    {
        if (uses_keys_ || !cpu_.has_pointer_auth()) return false;
        auto port = cpu_.registers();
        using aarch64::HcrEl2;
        using aarch64::SysReg;
        port.template write<SysReg::hcr_el2>(port.template read<SysReg::hcr_el2>() | HcrEl2::apk::mask |
                                             HcrEl2::api::mask);
        keys_.restore(port);
        uses_keys_ = true;
        return true;
    }
    bool is_allowed_now(u64 va, Direction direction, bool execute) override
    {
        const auto where = translate(va, direction, false);
        if (!where) return false;
        const auto mapping = vm_.stage2.translate(where->gpa);
        if (!mapping) return false;
        if (execute) return at_el1() ? mapping->attributes.execute_el1 : mapping->attributes.execute_el0;
        return direction == Direction::read ? mapping->attributes.read : mapping->attributes.write;
    }
    u64 read_sp_el1() override { return cpu_.registers().template read<aarch64::SysReg::sp_el1>(); }
    void write_sp_el1(u64 value) override { cpu_.registers().template write<aarch64::SysReg::sp_el1>(value); }
    StageOneRegisters stage_one_registers() override
    {
        auto port = cpu_.registers();
        using aarch64::SysReg;
        return {port.template read<SysReg::tcr_el1>(), port.template read<SysReg::ttbr0_el1>(),
                port.template read<SysReg::ttbr1_el1>()};
    }
    void take_exception(aarch64::ContextFrame& frame, const El1Exception& exception) override
    {
        auto port = cpu_.registers();
        take_el1_exception(port, frame, exception);
    }
    unsigned zero_block_bytes() override { return cpu_.zero_block_bytes(); }
    void flush_tlb() override { cpu_.flush_vm_tlb(); }
    void clean_caches() override { cpu_.clean_guest_memory(vm_.stage2); }

    bool at_el1() const { return aarch64::Spsr::el::get({frame_.spsr}) == 1; }

    /// Guest memory as EL2 sees it, if all of it is RAM that the guest may access so. One block or page at most.
    std::optional<u8*> reach(Gpa gpa, u64 size, Direction direction) const
    {
        const auto mapping = vm_.stage2.translate(gpa);
        if (!mapping || size > mapping->size || mapping->attributes.memory == Stage2Memory::device) return std::nullopt;
        if (direction == Direction::read ? !mapping->attributes.read : !mapping->attributes.write) return std::nullopt;
        return reinterpret_cast<u8*>(mapping->physical);
    }

    void keep_fp_in_memory()
    {
        if (cpu_.residence.fp != this) return;
        cpu_.save_fp(fp_);
        cpu_.residence.fp = nullptr;
        cpu_.trap_fp(true);
    }

    aarch64::ContextFrame frame_{};
    TrapDecoder decoder_{};
    Atomic<bool> kicked_{false}; // any CPU sets it, the owner clears it
    const VcpuId id_;
    const VmParts vm_;
    Interrupts& interrupts_;
    Cpu& cpu_;
    const aarch64::GuestSystemRegisters& at_reset_;
    aarch64::GuestSystemRegisters registers_; // while another vCPU is on the CPU, or none
    DebugState debug_{};
    PointerKeys keys_{}; // while this vCPU is not on the CPU
    bool uses_keys_{};   // has done so since its reset
    FpState fp_{};       // while residence.fp is another
};

} // namespace gimbal::el2
