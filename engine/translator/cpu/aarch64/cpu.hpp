// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "arch/aarch64/esr.hpp"
#include "engine/translator/core/code_cache.hpp"
#include "engine/translator/core/runtime.hpp"
#include "engine/translator/cpu/aarch64/access_replay.hpp"
#include "engine/translator/frontend/aarch64/guest_state.hpp"
#include "engine/translator/frontend/aarch64/mode.hpp"
#include "engine/translator/machine.hpp"
#include "engine/translator/mmu/tlb_mailbox.hpp"
#include "vm/state.hpp"

namespace gimbal::translator::aarch64 {

/// Bits of CpuState::request.
namespace request {
inline constexpr u32 kick = 1;        ///< Leave run().
inline constexpr u32 interrupt = 2;   ///< An input changed: look at it.
inline constexpr u32 maintenance = 4; ///< Another vCPU queued TLB work.
inline constexpr u32 all = 7;
} // namespace request

/// Set in CpuState::mode_key while one instruction is run alone (AccessReplay).
inline constexpr u64 single_instruction_key = bit(63);

inline constexpr unsigned breakpoint_count = 6;         ///< ID_AA64DFR0_EL1.BRPs + 1
inline constexpr unsigned context_breakpoint_count = 2; ///< ID_AA64DFR0_EL1.CTX_CMPs + 1
inline constexpr unsigned watchpoint_count = 4;         ///< ID_AA64DFR0_EL1.WRPs + 1

/// An exception on its way: what ESR_ELx, FAR_ELx and ELR_ELx will hold.
struct PendingException {
    arch::Esr esr{};
    u64 far{};
    bool has_far{};
};

/// One AArch64 CPU: registers, MMU, exceptions and the loop that runs translated blocks. Implements VcpuEngine.
/// Everything belongs to the owner thread but kick(), set_interrupt(), receive_event() and the mailbox.
class Cpu final : public Runtime {
public:
    static constexpr EngineOwns owns{};
    static constexpr ExitKinds raises =
        ExitKinds::of(ExitKind::mmio, ExitKind::hypercall, ExitKind::secure_call, ExitKind::system_register,
                      ExitKind::idle, ExitKind::debug, ExitKind::kicked, ExitKind::fatal);

    Cpu(Machine& machine, VcpuId id);
    ~Cpu();
    Cpu(const Cpu&) = delete;
    Cpu& operator=(const Cpu&) = delete;

    // VcpuEngine
    Exit run(const Completion& completion);
    void commit(const Completion& completion);
    void reset(const VcpuEntry& entry);
    void kick() noexcept;
    void set_interrupt(InterruptInput input, bool level) noexcept;

    // State access; a pending completion is committed or discarded first.
    void visit_state(StateMask groups, StateVisitor& visitor);
    GuestState& state() { return *state_; }
    u64 pstate() const; ///< In the layout of SPSR_EL1.
    void set_pstate(u64 spsr);
    u64 instructions() const { return state_->common.instructions; }
    u64 tlb_misses() const { return tlb_misses_; }
    u64 tlb_flushes() const { return tlb_.flushes(); }
    VcpuId id() const { return id_; }

    // Runtime: slow paths of running blocks
    bool load(CpuState& state, u64 address, ir::MemOp op, V128& out) override;
    bool store(CpuState& state, u64 address, ir::MemOp op, const V128& value) override;
    bool probe(CpuState& state, u64 address, ir::MemOp op, unsigned byte_count) override;
    bool load_exclusive(CpuState& state, u64 address, ir::MemOp op, V128& out) override;
    bool store_exclusive(CpuState& state, u64 address, ir::MemOp op, const V128& value, u32& failed) override;
    bool atomic_rmw(CpuState& state, u64 address, ir::MemOp op, ir::Atomic kind, u64 operand, u64& old) override;
    bool atomic_cas(CpuState& state, u64 address, ir::MemOp op, const V128& expected, const V128& desired,
                    V128& old) override;
    LoweredBlock* find_block(CpuState& state, u64 pc) override;

    // For the helpers that system instructions call (cpu/aarch64/system_helpers.cpp)
    static Cpu& of(CpuState& state) { return static_cast<Cpu&>(*state.runtime); }
    u64 read_register(arch::SysReg reg, unsigned rt); ///< `rt` for the syndrome; may unwind with a trap
    void write_register(arch::SysReg reg, u64 value);
    void exception_return();
    void invalidate_tlb(arch::SysReg operation, u64 operand);
    void wait_for_tlb_maintenance();          ///< DSB: other vCPUs have done what was asked of them (rule 7).
    bool invalidate_instruction_line(u64 va); ///< IC IVAU; false: unwinding
    void invalidate_all_instructions();
    void translate_address(arch::SysReg operation, u64 va); ///< AT
    bool check_breakpoint(u64 pc);                          ///< false: unwinding
    bool check_data_cache_operation(u64 va, bool write);    ///< DC by VA: faults as it must; false: unwinding
    void send_event();                                      ///< SEV
    void receive_event();                                   ///< From another vCPU; any thread.
    void set_event_register() { event_register_ = true; }
    void unwind_exception(const PendingException& exception);
    void mode_changed() { mode_stale_ = true; }

private:
    enum class Waiting : u8 { nothing, access, register_access, call };

    // cpu.cpp
    class InsideBlocks;
    void forget_retired_blocks();
    std::optional<Exit> step();
    std::optional<Exit> run_blocks();
    std::optional<Exit> handle_event(ir::Event event, u64 payload);
    Exit wait_for_event();
    std::optional<Exit> leave_for_register(u32 payload);
    bool traps_at_el0(arch::SysReg reg) const;
    std::optional<Exit> replay_instruction();
    bool deliver_interrupt();
    bool interrupt_pending() const;
    void inject(const Completion& completion);
    void apply_call(const Completion& completion);
    void apply_register(const Completion& completion);
    void apply_access(const Completion& completion);

    // state.cpp
    void visit_core(StateVisitor& visitor);
    void visit_system(StateVisitor& visitor);
    void visit_fp_simd(StateVisitor& visitor);

    // mode.cpp
    void update_mode();
    void update_tlb_context();
    unsigned el() const { return (state_->pstate >> 2) & 3; }
    bool debug_enabled(unsigned from_el) const;
    void write_watched(arch::SysReg reg, u64 value);
    void write_fpcr(u64 value);
    WalkRegisters walk_registers() const;
    u16 current_asid() const;
    void switch_stack(unsigned new_el, bool new_spsel);

    // exceptions.cpp
    void take_exception(const PendingException& exception, unsigned vector);
    void take_synchronous(const PendingException& exception);
    void advance_single_step();
    bool take_pending_step();

    // memory.cpp
    struct Page {
        u8* host{}; ///< Of the byte itself; null: not RAM.
        u64 physical{};
        bool partial{}; ///< RAM ends inside the page.
    };
    Result<Translation, WalkFault> translate(u64 va, WalkAccess access, bool privileged);
    /// `aligned`: as Device memory wants it.
    bool translate_data(u64 va, ir::MemOp op, bool write, Page& page, bool aligned = true);
    bool translate_atomic(u64 address, ir::MemOp op, Page& page);
    bool alignment_ok(u64 address, ir::MemOp op, bool write);
    bool crosses_page(u64 address, unsigned size) const;
    bool access(u64 address, ir::MemOp op, bool write, V128& value);
    bool access_parts(u64 address, ir::MemOp op, bool write, V128& value);
    bool access_device(u64 va, const Page& page, unsigned size, Direction direction, u64& value);
    void data_abort(u64 va, arch::FaultStatus status, bool write, bool cache_maintenance = false);

    // debug.cpp
    bool watch(u64 address, unsigned size, bool write); ///< false: unwinding with the watchpoint's exception
    bool page_is_watched(u64 va) const;
    bool watchpoints_active() const;
    bool context_breakpoint_matches(unsigned n) const;

    // fetch.cpp
    bool has_branch_tag(u64 pc) const;
    void drop_branch_tag();
    bool fetch_translation(u64 pc, u64& physical);
    void build_block(ir::Block& block, std::vector<u32>& source, const u32* words, u32 page_offset, unsigned limit);
    std::expected<std::unique_ptr<LoweredBlock>, LowerError> translate_block(u64 physical, unsigned limit);
    LoweredBlock* look_again(u64 pc);
    LoweredBlock* make_block(u64 physical, u64 pc);
    void instruction_abort(u64 pc, arch::FaultStatus status);

    Machine& machine_;
    const VcpuId id_;
    std::unique_ptr<GuestState> state_;
    std::unique_ptr<JumpEntry[]> jump_cache_;
    Tlb tlb_;
    Mode mode_{};
    bool mode_stale_{true};
    bool event_register_{};
    bool waiting_for_event_{}; ///< A WFE has left run().
    u64 cache_epoch_{};
    unsigned cache_reader_{};
    u64 tlb_misses_{};

    Waiting waiting_{Waiting::nothing};
    AccessReplay replay_;
    std::optional<Exit> next_exit_; ///< commit() re-ran the instruction and it needs the VM again.
    PendingException unwound_{};
    u32 register_payload_{};     ///< Of the system-register exit: encoding, direction, Rt.
    bool step_of_instruction_{}; ///< Software step: an instruction was stepped (ESR.ISV).
    bool exclusive_stepped_{};   ///< It was a load-exclusive (ESR.EX).
    bool call_advanced_{};       ///< HVC: PC is past the instruction already.
    Exit access_exit_{};         ///< The MMIO beat that is asked for.
    u64 access_address_{};       ///< Its virtual address, for FAR_EL1.

    Atomic<u32> inputs_{0};            ///< One bit per InterruptInput; any thread.
    Atomic<bool> event_posted_{false}; ///< SEV by another vCPU.
    std::shared_ptr<TlbMailbox> mailbox_;
    std::vector<TlbTicket> maintenance_; ///< What DSB waits for.
};

} // namespace gimbal::translator::aarch64
