// SPDX-License-Identifier: Apache-2.0
#include "vm/aarch64/trapped_registers.hpp"

#include <array>
#include <utility>

#include "arch/aarch64/mpidr.hpp"
#include "base/assert.hpp"

namespace gimbal::aarch64 {

namespace {

using enum RegisterAccess;
using enum RegisterRule;

// clang-format off
constexpr TrappedRegisterRow unsorted[] = {
    // Identification (DDI 0487). CRm 1 to 7 of this space is added below as a whole.
    {SysReg::midr_el1,         read_only,  midr,      0, 0},
    {SysReg::mpidr_el1,        read_only,  mpidr,     0, 0},
    {SysReg::revidr_el1,       read_only,  revidr,    0, 0},
    {SysReg::aidr_el1,         read_only,  constant,  0, 0}, // IMPLEMENTATION DEFINED: none
    {SysReg::ctr_el0,          read_only,  ctr,       0, 0},
    {SysReg::dczid_el0,        read_only,  dczid,     0, 0},
    {SysReg::clidr_el1,        read_only,  clidr,     0, 0},
    {SysReg::ccsidr_el1,       read_only,  ccsidr,    0, 0},
    {SysReg::csselr_el1,       read_write, storage,   0, 0xf}, // Level, InD
    {SysReg::actlr_el1,        read_write, constant,  0, 0},   // IMPLEMENTATION DEFINED: no control implemented

    // Debug without an external debugger (DDI 0487). Break- and watchpoints belong to the engines.
    {SysReg::oslar_el1,        write_only, os_lock_access, 0, 0},
    {SysReg::oslsr_el1,        read_only,  os_lock_status, 0, 0},
    {SysReg::osdlr_el1,        read_write, constant,  0, 0},   // RAZ/WI without FEAT_DoubleLock
    {SysReg::dbgprcr_el1,      read_write, storage,   0, 1},   // CORENPDRQ
    {SysReg::dbgclaimset_el1,  read_write, claim_set, 0, 0},
    {SysReg::dbgclaimclr_el1,  read_write, claim_clear, 0, 0},
    {SysReg::dbgauthstatus_el1, read_only, constant,  0, 0},   // no debug authentication interface
    {SysReg::mdrar_el1,        read_only,  constant,  0, 0},   // no debug ROM table
    {SysReg::mdccsr_el0,       read_only,  constant,  0, 0},   // the channel is empty both ways
    {SysReg::dbgdtr_el0,       read_write, constant,  0, 0},   // what is written is lost at once
    {SysReg::dbgdtrrx_el0,     read_write, constant,  0, 0},
    {SysReg::mdccint_el1,      read_write, storage,   0, 0x6000'0000}, // RX, TX
    {SysReg::osdtrrx_el1,      read_write, storage,   0, 0xffff'ffff},
    {SysReg::osdtrtx_el1,      read_write, storage,   0, 0xffff'ffff},
    {SysReg::oseccr_el1,       read_write, constant,  0, 0},   // RES0 while the OS lock is clear, else UNKNOWN

    // Generic Timer (D12).
    {SysReg::cntfrq_el0,       read_only,  frequency, 0, 0},   // writable at the highest exception level only
    {SysReg::cntpct_el0,       read_only,  counter,   0, 0},
    {SysReg::cntvct_el0,       read_only,  counter,   0, 0},
    {SysReg::cntp_ctl_el0,      read_write, timer,     0, 0},
    {SysReg::cntp_cval_el0,     read_write, timer,     0, 0},
    {SysReg::cntp_tval_el0,     read_write, timer,     0, 0},
    {SysReg::cntv_ctl_el0,      read_write, timer,     0, 0},
    {SysReg::cntv_cval_el0,     read_write, timer,     0, 0},
    {SysReg::cntv_tval_el0,     read_write, timer,     0, 0},

    // GIC CPU interface (IHI 0069).
    {SysReg::icc_iar0_el1,      read_only,  interrupt_controller, 0, 0},
    {SysReg::icc_iar1_el1,      read_only,  interrupt_controller, 0, 0},
    {SysReg::icc_hppir0_el1,    read_only,  interrupt_controller, 0, 0},
    {SysReg::icc_hppir1_el1,    read_only,  interrupt_controller, 0, 0},
    {SysReg::icc_rpr_el1,       read_only,  interrupt_controller, 0, 0},
    {SysReg::icc_eoir0_el1,     write_only, interrupt_controller, 0, 0},
    {SysReg::icc_eoir1_el1,     write_only, interrupt_controller, 0, 0},
    {SysReg::icc_dir_el1,       write_only, interrupt_controller, 0, 0},
    {SysReg::icc_sgi0r_el1,     write_only, interrupt_controller, 0, 0},
    {SysReg::icc_sgi1r_el1,     write_only, interrupt_controller, 0, 0},
    {SysReg::icc_asgi1r_el1,    write_only, interrupt_controller, 0, 0},
    {SysReg::icc_pmr_el1,       read_write, interrupt_controller, 0, 0},
    {SysReg::icc_bpr0_el1,      read_write, interrupt_controller, 0, 0},
    {SysReg::icc_bpr1_el1,      read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ap0r0_el1,     read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ap0r1_el1,     read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ap0r2_el1,     read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ap0r3_el1,     read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ap1r0_el1,     read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ap1r1_el1,     read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ap1r2_el1,     read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ap1r3_el1,     read_write, interrupt_controller, 0, 0},
    {SysReg::icc_ctlr_el1,      read_write, interrupt_controller, 0, 0},
    {SysReg::icc_sre_el1,       read_write, interrupt_controller, 0, 0},
    {SysReg::icc_igrpen0_el1,   read_write, interrupt_controller, 0, 0},
    {SysReg::icc_igrpen1_el1,   read_write, interrupt_controller, 0, 0},

    // Performance monitors (D13). Event counters do not exist: PMCR_EL0.N is 0.
    {SysReg::pmcr_el0,          read_write, pmu,       0, 0},
    {SysReg::pmcntenset_el0,    read_write, pmu,       0, 0},
    {SysReg::pmcntenclr_el0,    read_write, pmu,       0, 0},
    {SysReg::pmovsclr_el0,      read_write, pmu,       0, 0},
    {SysReg::pmovsset_el0,      read_write, pmu,       0, 0},
    {SysReg::pmswinc_el0,       write_only, pmu,       0, 0},
    {SysReg::pmselr_el0,        read_write, pmu,       0, 0},
    {SysReg::pmceid0_el0,       read_only,  pmu,       0, 0},
    {SysReg::pmceid1_el0,       read_only,  pmu,       0, 0},
    {SysReg::pmccntr_el0,       read_write, pmu,       0, 0},
    {SysReg::pmxevtyper_el0,    read_write, pmu,       0, 0},
    {SysReg::pmuserenr_el0,     read_write, pmu,       0, 0},
    {SysReg::pmintenset_el1,    read_write, pmu,       0, 0},
    {SysReg::pmintenclr_el1,    read_write, pmu,       0, 0},
    {SysReg::pmccfiltr_el0,     read_write, pmu,       0, 0},
};
// clang-format on

constexpr unsigned id_space_size = 7 * 8;
constexpr unsigned row_count = std::size(unsorted) + id_space_size;

consteval std::array<TrappedRegisterRow, row_count> sorted_table()
{
    std::array<TrappedRegisterRow, row_count> rows{};
    unsigned count = 0;
    for (const TrappedRegisterRow& row : unsorted) rows[count++] = row;
    for (unsigned i = 0; i < id_space_size; ++i)
        rows[count++] = {make_sysreg(3, 0, 0, 1 + i / 8, i % 8), read_only, id_register, 0, 0};
    for (unsigned i = 1; i < row_count; ++i)
        for (unsigned j = i; j > 0 && rows[j].reg < rows[j - 1].reg; --j) std::swap(rows[j], rows[j - 1]);
    return rows;
}
constexpr std::array<TrappedRegisterRow, row_count> table = sorted_table();

consteval bool each_register_once()
{
    for (unsigned i = 1; i < row_count; ++i)
        if (!(table[i - 1].reg < table[i].reg)) return false;
    return true;
}
static_assert(each_register_once());

/// How many storage rows stand before `index`: the place of that row's value among a vCPU's stored ones.
constexpr unsigned storage_index(unsigned index)
{
    unsigned count = 0;
    for (unsigned i = 0; i < index; ++i) count += table[i].rule == storage ? 1 : 0;
    return count;
}

const TrappedRegisterRow* find_row(SysReg reg)
{
    unsigned low = 0;
    unsigned high = row_count;
    while (low < high) {
        const unsigned middle = (low + high) / 2;
        if (table[middle].reg < reg)
            low = middle + 1;
        else
            high = middle;
    }
    return low < row_count && table[low].reg == reg ? &table[low] : nullptr;
}

// CNTP_* and CNTV_* share op0, op1 and CRn; CRm names the timer and op2 the view.
constexpr TimerKind timer_kind(SysReg reg) { return crm(reg) == 2 ? TimerKind::physical : TimerKind::virtual_timer; }
constexpr TimerField timer_field(SysReg reg)
{
    return op2(reg) == 0 ? TimerField::tval : op2(reg) == 1 ? TimerField::ctl : TimerField::cval;
}
static_assert(timer_kind(SysReg::cntp_ctl_el0) == TimerKind::physical);
static_assert(timer_kind(SysReg::cntv_ctl_el0) == TimerKind::virtual_timer);
static_assert(timer_field(SysReg::cntv_cval_el0) == TimerField::cval);
static_assert(timer_field(SysReg::cntp_tval_el0) == TimerField::tval);

constexpr u64 oslsr_oslm = 0x8; // OSLM 0b10: the OS lock is implemented
constexpr u64 oslsr_oslk = 0x2;
constexpr u64 all_claim_tags = 0xff;

} // namespace

std::span<const TrappedRegisterRow> trapped_register_table() { return table; }

TrappedRegisters::TrappedRegisters(const CpuProfile& profile, VirtualTimers& timers, IccPort* icc, u64 frequency_hz)
    : profile_(profile), timers_(timers), icc_(icc), frequency_hz_(frequency_hz)
{
    static_assert(storage_index(row_count) <= max_storage);
    for (u32 id = 0; id < max_vcpus; ++id) reset({id});
}

void TrappedRegisters::reset(VcpuId vcpu)
{
    State& state = state_[vcpu.value];
    state = {};
    unsigned slot = 0;
    for (const TrappedRegisterRow& row : table)
        if (row.rule == storage) state.storage[slot++] = row.reset;
}

Completion TrappedRegisters::access(VcpuId vcpu, const SystemRegisterExit& exit, HostTicks now)
{
    const auto reg = static_cast<SysReg>(exit.encoding);
    if (exit.encoding <= 0xffff) {
        if (exit.direction == Direction::read) {
            if (const auto value = read(vcpu, reg, now)) return Completion::make_done(*value);
        } else if (write(vcpu, reg, exit.value, now)) {
            return Completion::make_done();
        }
    }
    return Completion::make_inject(InjectKind::undefined);
}

Result<u64, RegisterError> TrappedRegisters::read(VcpuId vcpu, SysReg reg, HostTicks now)
{
    const TrappedRegisterRow* row = find_row(reg);
    if (row == nullptr || row->access == write_only) return fail(RegisterError::undefined);
    const State& state = state_[vcpu.value];
    switch (row->rule) {
    case constant: return row->reset;
    case id_register: return profile_.id_register(reg);
    case midr: return profile_.midr_el1;
    case mpidr: return mpidr_of_index(vcpu.value).raw;
    case revidr: return profile_.revidr_el1;
    case ctr: return profile_.ctr_el0;
    case dczid: return profile_.dczid_el0;
    case clidr: return profile_.clidr_el1;
    case ccsidr: return cache_size(vcpu);
    case storage: return stored(vcpu, reg);
    case timer: return timers_.read(vcpu, timer_kind(reg), timer_field(reg), now);
    case counter: return timers_.counter(now).value;
    case frequency: return frequency_hz_;
    case interrupt_controller:
        if (icc_ == nullptr) return fail(RegisterError::undefined);
        return icc_->read(vcpu, reg);
    case os_lock_status: return oslsr_oslm | (state.os_locked ? oslsr_oslk : 0);
    case claim_set: return all_claim_tags; // which tags exist
    case claim_clear: return state.claim_tags;
    case pmu:
        if (!has_pmu()) return fail(RegisterError::undefined);
        return state_[vcpu.value].pmu.read(reg, timers_.counter(now));
    case os_lock_access: return fail(RegisterError::undefined); // write-only
    }
    GIMBAL_UNREACHABLE();
}

Result<void, RegisterError> TrappedRegisters::write(VcpuId vcpu, SysReg reg, u64 value, HostTicks now)
{
    const TrappedRegisterRow* row = find_row(reg);
    if (row == nullptr || row->access == read_only) return fail(RegisterError::undefined);
    State& state = state_[vcpu.value];
    switch (row->rule) {
    case constant: return {};
    case storage: {
        u64& slot = stored(vcpu, reg);
        slot = (slot & ~row->write_mask) | (value & row->write_mask);
        return {};
    }
    case timer: timers_.write(vcpu, timer_kind(reg), timer_field(reg), value, now); return {};
    case interrupt_controller:
        if (icc_ == nullptr) return fail(RegisterError::undefined);
        return icc_->write(vcpu, reg, value);
    case os_lock_access: state.os_locked = (value & 1) != 0; return {};
    case claim_set: state.claim_tags |= value & all_claim_tags; return {};
    case claim_clear: state.claim_tags &= ~value; return {};
    case pmu:
        if (!has_pmu()) return fail(RegisterError::undefined);
        return state.pmu.write(reg, value, timers_.counter(now));
    case id_register:
    case midr:
    case mpidr:
    case revidr:
    case ctr:
    case dczid:
    case clidr:
    case ccsidr:
    case counter:
    case frequency:
    case os_lock_status: return fail(RegisterError::undefined); // read-only
    }
    GIMBAL_UNREACHABLE();
}

u64& TrappedRegisters::stored(VcpuId vcpu, SysReg reg)
{
    return state_[vcpu.value].storage[storage_index(static_cast<unsigned>(find_row(reg) - table.data()))];
}

u64 TrappedRegisters::cache_size(VcpuId vcpu)
{
    const u64 csselr = stored(vcpu, SysReg::csselr_el1);
    const u64 level = bits(csselr, 1, 3);
    return level < 7 ? profile_.ccsidr_el1[level][bits(csselr, 0, 1)] : 0;
}

bool TrappedRegisters::has_pmu() const
{
    const u64 version = bits(profile_.id_register(SysReg::id_aa64dfr0_el1), 8, 4); // PMUVer
    return version != 0 && version != 0xf; // 0xf: an IMPLEMENTATION DEFINED form
}

} // namespace gimbal::aarch64
