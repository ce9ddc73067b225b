// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/cpu/aarch64/cpu.hpp"

#include <algorithm>
#include <cstring>

#include "arch/aarch64/control.hpp"
#include "arch/aarch64/pstate.hpp"
#include "base/bits.hpp"

namespace gimbal::translator::aarch64 {

namespace {

constexpr u64 instruction_bytes = 4;

/// Everything as it is at power-on but the request word: other threads post to it at any time.
void clear_state(GuestState& state)
{
    static const GuestState initial{};
    constexpr usize before = offsetof(GuestState, common) + offsetof(CpuState, request);
    constexpr usize behind = before + sizeof(CpuState::request);
    auto* const to = reinterpret_cast<u8*>(&state);
    const auto* const from = reinterpret_cast<const u8*>(&initial);
    std::memcpy(to, from, before);
    std::memcpy(to + behind, from + behind, sizeof(GuestState) - behind);
}

} // namespace

Cpu::Cpu(Machine& machine, VcpuId id)
    : machine_(machine),
      id_(id),
      state_(std::make_unique<GuestState>()),
      jump_cache_(std::make_unique<JumpEntry[]>(jump_entries)),
      cache_reader_(machine.code().add_reader()),
      mailbox_(std::make_shared<TlbMailbox>(state_->common.request, request::maintenance))
{
    reset({});
    machine_.add(*this);
}

Cpu::~Cpu()
{
    machine_.remove(*this);
    mailbox_->close();
    machine_.code().remove_reader(cache_reader_);
}

void Cpu::reset(const VcpuEntry& entry)
{
    GuestState& state = *state_;
    const u64 instructions = state.common.instructions;
    clear_state(state);
    state.common.instructions = instructions;
    state.common.runtime = this;
    state.common.jump_cache = jump_cache_.get();
    // Whatever was meant for the CPU as it was: everything is looked at once.
    state.common.request.store(request::all, MemoryOrder::release);
    std::fill_n(jump_cache_.get(), jump_entries, JumpEntry{});
    state.el[1].sctlr = arch::sctlr_el1_reset.raw;
    state.pstate = static_cast<u32>(arch::Spsr::el::mask & 4) | 1; // EL1h
    state.daif = static_cast<u32>(arch::daif_mask);
    state.common.pc = entry.pc;
    std::copy(std::begin(entry.arguments), std::end(entry.arguments), state.x);
    tlb_.flush_all();
    replay_.clear();
    waiting_ = Waiting::nothing;
    next_exit_.reset();
    event_register_ = false;
    waiting_for_event_ = false;
    step_of_instruction_ = false;
    mode_changed();
    update_mode();
}

void Cpu::kick() noexcept { state_->common.request.fetch_or(request::kick, MemoryOrder::acq_rel); }

void Cpu::set_interrupt(InterruptInput input, bool level) noexcept
{
    const u32 mask = 1U << static_cast<u32>(input);
    if (!level) {
        inputs_.fetch_and(~mask, MemoryOrder::acq_rel);
        return;
    }
    inputs_.fetch_or(mask, MemoryOrder::acq_rel);
    state_->common.request.fetch_or(request::interrupt, MemoryOrder::acq_rel);
}

/// While it lives the vCPU may hold block pointers and use translations; others wait for it.
class Cpu::InsideBlocks {
public:
    explicit InsideBlocks(Cpu& cpu) : cpu_(cpu)
    {
        cpu_.mailbox_->set_outside(false);
        cpu_.machine_.code().enter(cpu_.cache_reader_);
    }
    ~InsideBlocks()
    {
        cpu_.machine_.code().leave(cpu_.cache_reader_);
        cpu_.mailbox_->set_outside(true);
    }
    InsideBlocks(const InsideBlocks&) = delete;
    InsideBlocks& operator=(const InsideBlocks&) = delete;

private:
    Cpu& cpu_;
};

void Cpu::forget_retired_blocks()
{
    if (!machine_.code().stale(cache_epoch_)) return;
    std::fill_n(jump_cache_.get(), jump_entries, JumpEntry{});
    machine_.code().quiescent(cache_reader_, cache_epoch_);
}

Exit Cpu::run(const Completion& completion)
{
    commit(completion);
    if (next_exit_) return *std::exchange(next_exit_, std::nullopt);
    // The event that ended a WFE is used up by it.
    if (std::exchange(waiting_for_event_, false)) event_posted_.exchange(false, MemoryOrder::acq_rel);
    const InsideBlocks inside(*this);
    std::optional<Exit> exit;
    while (!(exit = step())) {}
    return *exit;
}

/// Runs blocks until something needs a look. An exit, or nothing to go on.
std::optional<Exit> Cpu::step()
{
    CpuState& common = state_->common;
    const u32 requests = common.request.exchange(0, MemoryOrder::acq_rel);
    if ((requests & request::maintenance) != 0) mailbox_->serve(tlb_);
    if ((requests & request::kick) != 0) return Exit(ExitKind::kicked);
    // ISB: what another vCPU did before the store that the guest has seen is done for this one too.
    atomic_fence(MemoryOrder::acquire);
    forget_retired_blocks();
    // PSTATE.D is not in the mode key, so what depends on it is computed anew while a debugger is at work.
    constexpr u64 debugging = arch::MdscrEl1::ss::mask | arch::MdscrEl1::kde::mask | arch::MdscrEl1::mde::mask;
    if (mode_stale_ || (state_->mdscr & debugging) != 0) update_mode();
    drop_branch_tag();
    if (take_pending_step() || deliver_interrupt()) return std::nullopt;
    return run_blocks();
}

std::optional<Exit> Cpu::run_blocks()
{
    CpuState& common = state_->common;
    const u64 before = common.instructions;
    common.unwind = Unwind::none;
    machine_.backend().run(common);
    switch (common.unwind) {
    case Unwind::none:
    case Unwind::synchronize:
        // A branch target that loses its tag is looked up twice, and no instruction was stepped by that.
        if (common.instructions != before) advance_single_step();
        return std::nullopt;
    case Unwind::access: waiting_ = Waiting::access; return access_exit_;
    case Unwind::event: return handle_event(common.unwind_event, common.unwind_payload);
    }
    GIMBAL_UNREACHABLE();
}

std::optional<Exit> Cpu::handle_event(ir::Event event, u64 payload)
{
    switch (event) {
    case ir::Event::exception: {
        PendingException exception = std::exchange(unwound_, {});
        if (exception.esr.raw != payload) exception = {{payload}, 0, false};
        // The exception-generating instructions have been stepped; one that faulted has not.
        if (arch::Esr::ec::get(exception.esr) == arch::Ec::svc64) advance_single_step();
        take_synchronous(exception);
        return std::nullopt;
    }
    case ir::Event::system_register: return leave_for_register(static_cast<u32>(payload));
    case ir::Event::hypercall:
    case ir::Event::secure_call: {
        waiting_ = Waiting::call;
        call_advanced_ = event == ir::Event::hypercall;
        CallExit call{};
        std::copy_n(state_->x, std::size(call.arguments), call.arguments);
        call.immediate = static_cast<u16>(payload);
        return Exit(call_advanced_ ? ExitKind::hypercall : ExitKind::secure_call, call);
    }
    case ir::Event::wait_for_interrupt:
        advance_single_step();
        // WFI ends for a pending interrupt whether it is masked or not.
        if (interrupt_pending()) return std::nullopt;
        return Exit(IdleExit{IdleKind::wait_for_interrupt, false, {}});
    case ir::Event::wait_for_event:
        advance_single_step();
        if (event_posted_.exchange(false, MemoryOrder::acq_rel)) event_register_ = true;
        if (std::exchange(event_register_, false) || interrupt_pending()) return std::nullopt;
        return wait_for_event();
    case ir::Event::breakpoint: return Exit(DebugExit{DebugCause::breakpoint, state_->common.pc});
    }
    GIMBAL_UNREACHABLE();
}

/// The event stream wakes a WFE at each chosen edge of a counter bit (CNTKCTL_EL1.EVNTEN, EVNTI, EVNTDIR).
Exit Cpu::wait_for_event()
{
    waiting_for_event_ = true;
    IdleExit idle{IdleKind::wait_for_event, false, {}};
    idle.monitor_armed = state_->common.exclusive_address != ~u64{0};
    const arch::CntkctlEl1 control{state_->el[1].cntkctl};
    if (arch::CntkctlEl1::evnten::get(control)) {
        const u64 half = u64{1} << arch::CntkctlEl1::evnti::get(control); // between two edges
        const u64 edges = machine_.counter() / half + 1;
        const bool falling = arch::CntkctlEl1::evntdir::get(control);
        // The bit is set after an odd number of edges.
        const u64 next = (edges & 1) != (falling ? 1 : 0) ? edges : edges + 1;
        idle.has_deadline = true;
        idle.deadline = {next * half};
    }
    return Exit(idle);
}

/// The register belongs to the VM; whether EL0 may touch it is decided here (CNTKCTL_EL1, MDSCR_EL1.TDCC).
std::optional<Exit> Cpu::leave_for_register(u32 payload)
{
    const auto reg = static_cast<arch::SysReg>(bits(payload, 0, 16));
    const bool write = test_bit(payload, 16);
    const unsigned rt = bits(payload, 17, 5) & 31;
    if (el() == 0 && traps_at_el0(reg)) {
        take_synchronous({arch::make_sysreg_trap(reg, rt, !write), 0, false});
        return std::nullopt;
    }
    waiting_ = Waiting::register_access;
    register_payload_ = payload;
    const u64 value = write && rt != 31 ? state_->x[rt] : 0;
    return Exit(SystemRegisterExit{arch::encoding(reg), write ? Direction::write : Direction::read, value});
}

bool Cpu::traps_at_el0(arch::SysReg reg) const
{
    const arch::CntkctlEl1 timers{state_->el[1].cntkctl};
    const bool timer = arch::op0(reg) == 3 && arch::crn(reg) == 14 && arch::op1(reg) == 3;
    if (timer && arch::crm(reg) == 2) return !arch::CntkctlEl1::el0pten::get(timers);
    if (timer && arch::crm(reg) == 3) return !arch::CntkctlEl1::el0vten::get(timers);
    const bool debug_channel = arch::op0(reg) == 2 && arch::op1(reg) == 3;
    return debug_channel && arch::MdscrEl1::tdcc::get({state_->mdscr});
}

void Cpu::commit(const Completion& completion)
{
    // No answer, so what is asked for stays asked for: after a commit() the next beat is still to be reported.
    if (completion.kind == CompletionKind::none) return;
    const Waiting waiting = std::exchange(waiting_, Waiting::nothing);
    if (completion.kind == CompletionKind::discard) {
        replay_.clear();
        next_exit_.reset();
        return;
    }
    switch (waiting) {
    case Waiting::nothing: return;
    case Waiting::access: return apply_access(completion);
    case Waiting::register_access: return apply_register(completion);
    case Waiting::call: return apply_call(completion);
    }
}

void Cpu::inject(const Completion& completion)
{
    replay_.clear();
    switch (completion.inject) {
    case InjectKind::undefined: take_synchronous({arch::make_esr(arch::Ec::unknown), 0, false}); return;
    case InjectKind::external_abort: {
        const arch::DataAbortIss iss{.fsc = arch::FaultStatus::external_abort,
                                     .wnr = access_exit_.mmio.direction == Direction::write};
        take_synchronous({arch::make_data_abort(el() == 0, iss), access_address_, true});
        return;
    }
    case InjectKind::architectural: take_synchronous({{completion.results[0]}, access_address_, true}); return;
    }
}

void Cpu::apply_access(const Completion& completion)
{
    if (completion.kind == CompletionKind::inject) return inject(completion);
    if (completion.kind == CompletionKind::retry || access_exit_.kind != ExitKind::mmio) {
        replay_.clear();
        return;
    }
    const MmioExit& access = access_exit_.mmio;
    replay_.answer(access, completion.results[0] & low_mask(8 * byte_count(access.size)));
    next_exit_ = replay_instruction();
}

/// Runs the instruction at PC from its start with the answers so far. An exit if it needs another one.
std::optional<Exit> Cpu::replay_instruction()
{
    CpuState& common = state_->common;
    replay_.rewind();
    if (mode_stale_) update_mode();
    const InsideBlocks inside(*this);
    if (mailbox_->waiting()) mailbox_->serve(tlb_);
    forget_retired_blocks();
    common.mode_key |= single_instruction_key;
    auto exit = run_blocks();
    common.mode_key &= ~single_instruction_key;
    if (waiting_ != Waiting::access) replay_.clear();
    return exit;
}

void Cpu::apply_register(const Completion& completion)
{
    if (completion.kind == CompletionKind::inject) return inject(completion);
    if (completion.kind != CompletionKind::done) return;
    const unsigned rt = static_cast<unsigned>(bits(register_payload_, 17, 5));
    const bool write = test_bit(register_payload_, 16);
    if (!write && rt != 31) state_->x[rt] = completion.results[0];
    state_->common.pc += instruction_bytes;
    ++state_->common.instructions;
    advance_single_step();
}

void Cpu::apply_call(const Completion& completion)
{
    CpuState& common = state_->common;
    if (completion.kind == CompletionKind::inject || completion.kind == CompletionKind::retry) {
        if (call_advanced_) common.pc -= instruction_bytes;
        if (completion.kind == CompletionKind::inject) inject(completion);
        return;
    }
    std::copy_n(completion.results, completion.result_count, state_->x);
    if (!call_advanced_) common.pc += instruction_bytes;
    advance_single_step();
}

} // namespace gimbal::translator::aarch64
