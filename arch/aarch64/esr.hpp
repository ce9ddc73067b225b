// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/sysreg.hpp"
#include "base/field.hpp"

namespace gimbal::aarch64 {

/// Exception class, ESR_ELx.EC (DDI 0487, ESR_EL1). `_lower` is taken from a lower Exception level.
enum class Ec : u8 {
    unknown = 0x00,
    wfx = 0x01,
    cp15_32 = 0x03,
    cp15_64 = 0x04,
    cp14_32 = 0x05,
    ldc_stc = 0x06,
    fp_asimd = 0x07, ///< Access to SVE, Advanced SIMD or floating-point trapped by CPACR_EL1.FPEN or CPTR_ELx.
    fpid = 0x08,
    pauth = 0x09,
    ld64b_st64b = 0x0A,
    cp14_64 = 0x0C,
    bti = 0x0D,
    illegal_state = 0x0E,
    svc32 = 0x11,
    hvc32 = 0x12,
    smc32 = 0x13,
    svc64 = 0x15,
    hvc64 = 0x16,
    smc64 = 0x17,
    msr_mrs = 0x18,
    sve = 0x19,
    eret = 0x1A,
    pac_fail = 0x1C,
    sme = 0x1D,
    iabt_lower = 0x20,
    iabt_current = 0x21,
    pc_alignment = 0x22,
    dabt_lower = 0x24,
    dabt_current = 0x25,
    sp_alignment = 0x26,
    mops = 0x27,
    fp_exception32 = 0x28,
    fp_exception64 = 0x2C,
    serror = 0x2F,
    breakpoint_lower = 0x30,
    breakpoint_current = 0x31,
    software_step_lower = 0x32,
    software_step_current = 0x33,
    watchpoint_lower = 0x34,
    watchpoint_current = 0x35,
    bkpt32 = 0x38,
    vector_catch32 = 0x3A,
    brk64 = 0x3C,
};

/// The class of the same exception when it is taken from the Exception level that it is taken to.
constexpr Ec current_level(Ec lower) { return static_cast<Ec>(static_cast<u8>(lower) | 1); }

/// DFSC and IFSC. The four groups with a level hold it in bits [1:0]; see fault_status().
enum class FaultStatus : u8 {
    address_size = 0x00,
    translation = 0x04,
    access_flag = 0x08,
    permission = 0x0C,
    external_abort = 0x10,
    tag_check = 0x11,
    external_abort_on_walk = 0x14,
    ecc = 0x18,
    ecc_on_walk = 0x1C,
    alignment = 0x21,
    debug = 0x22,
    tlb_conflict = 0x30,
    hardware_update = 0x31, ///< Unsupported atomic hardware update.
    lockdown = 0x34,
    unsupported_exclusive = 0x35,
};

/// `level` is 0..3; only for the kinds that have one.
constexpr FaultStatus fault_status(FaultStatus kind, unsigned level)
{
    return static_cast<FaultStatus>(static_cast<u8>(kind) | (level & 3));
}

/// The kind without the level.
constexpr FaultStatus fault_kind(FaultStatus status)
{
    const u8 raw = static_cast<u8>(status);
    const bool has_level = raw < 0x10 || (raw & 0x34) == 0x14;
    return static_cast<FaultStatus>(has_level ? raw & 0x3C : raw);
}

/// ESR_EL1 and ESR_EL2, Exception Syndrome Register: one layout. Fields of the ISS mean what EC says they mean.
struct Esr {
    u64 raw{};
    using ec = Field<Esr, 26, 6, Ec>;
    using il = Field<Esr, 25, 1, bool>; ///< The trapped instruction is 4 bytes long, or there is none.
    using iss = Field<Esr, 0, 25, u32>;
    using iss2 = Field<Esr, 32, 24, u32>;

    // Data and instruction aborts
    using isv = Field<Esr, 24, 1, bool>; ///< Bits [23:14] are valid.
    using sas = Field<Esr, 22, 2, u8>;   ///< log2 of the access size in bytes
    using sse = Field<Esr, 21, 1, bool>; ///< A load that sign-extends.
    using srt = Field<Esr, 16, 5, u8>;   ///< Transfer register; 31 is XZR.
    using sf = Field<Esr, 15, 1, bool>;  ///< The transfer register is 64 bits wide.
    using ar = Field<Esr, 14, 1, bool>;  ///< Acquire or release.
    using set = Field<Esr, 11, 2, u8>;   ///< Synchronous error type
    using fnv = Field<Esr, 10, 1, bool>; ///< FAR is not valid.
    using ea = Field<Esr, 9, 1, bool>;
    using cm = Field<Esr, 8, 1, bool>; ///< Cache maintenance or address translation instruction.
    using s1ptw = Field<Esr, 7, 1, bool>;
    using wnr = Field<Esr, 6, 1, bool>; ///< A write, not a read.
    using fsc = Field<Esr, 0, 6, FaultStatus>;

    // MSR, MRS and system instructions: Ec::msr_mrs
    using op0 = Field<Esr, 20, 2, u8>;
    using op2 = Field<Esr, 17, 3, u8>;
    using op1 = Field<Esr, 14, 3, u8>;
    using crn = Field<Esr, 10, 4, u8>;
    using rt = Field<Esr, 5, 5, u8>;
    using crm = Field<Esr, 1, 4, u8>;
    using is_read = Field<Esr, 0, 1, bool>;

    // WFI, WFE, WFIT, WFET, and the AArch32 condition that FP traps carry too
    using cv = Field<Esr, 24, 1, bool>;
    using cond = Field<Esr, 20, 4, u8>;
    using ti = Field<Esr, 0, 2, u8>;

    using imm16 = Field<Esr, 0, 16, u16>;     // SVC, HVC, SMC, BRK
    using step_isv = Field<Esr, 24, 1, bool>; // software step: ex is valid
    using step_ex = Field<Esr, 6, 1, bool>;   // software step: a load-exclusive was stepped

    friend constexpr bool operator==(Esr, Esr) = default;
};
using EsrEl1 = Esr;
using EsrEl2 = Esr;

constexpr Esr make_esr(Ec ec, u32 iss = 0, bool il = true)
{
    return Esr::ec::set(Esr::il::set(Esr{iss & low_mask(25)}, il), ec);
}

/// What Ec::dabt_* reports. The syndrome [isv..ar] is given only for what a hypervisor may emulate: a single general
/// register, no write-back, and only for stage 2 (DDI 0487, ESR_EL1, "ISS encoding for an exception from a
/// Data Abort").
struct DataAbortIss {
    FaultStatus fsc{};
    bool wnr{};
    bool cm{};
    bool s1ptw{};
    bool ea{};
    bool fnv{};
    bool isv{};
    u8 sas{};
    bool sse{};
    u8 srt{};
    bool sf{};
    bool ar{};
};

constexpr Esr make_data_abort(bool from_lower, const DataAbortIss& iss)
{
    Esr esr = make_esr(from_lower ? Ec::dabt_lower : Ec::dabt_current, static_cast<u32>(iss.fsc));
    esr = Esr::wnr::set(esr, iss.wnr);
    esr = Esr::cm::set(esr, iss.cm);
    esr = Esr::s1ptw::set(esr, iss.s1ptw);
    esr = Esr::ea::set(esr, iss.ea);
    esr = Esr::fnv::set(esr, iss.fnv);
    if (iss.isv) {
        esr = Esr::isv::set(esr, true);
        esr = Esr::sas::set(esr, iss.sas);
        esr = Esr::sse::set(esr, iss.sse);
        esr = Esr::srt::set(esr, iss.srt);
        esr = Esr::sf::set(esr, iss.sf);
        esr = Esr::ar::set(esr, iss.ar);
    }
    return esr;
}

constexpr Esr make_instruction_abort(bool from_lower, FaultStatus fsc, bool s1ptw = false, bool ea = false)
{
    const Esr esr = make_esr(from_lower ? Ec::iabt_lower : Ec::iabt_current, static_cast<u32>(fsc));
    return Esr::ea::set(Esr::s1ptw::set(esr, s1ptw), ea);
}

/// A trapped MSR, MRS or system instruction; `rt` is its general register, 31 being XZR.
constexpr Esr make_sysreg_trap(SysReg reg, unsigned rt, bool is_read)
{
    Esr esr = make_esr(Ec::msr_mrs);
    esr = Esr::op0::set(esr, static_cast<u8>(op0(reg)));
    esr = Esr::op1::set(esr, static_cast<u8>(op1(reg)));
    esr = Esr::crn::set(esr, static_cast<u8>(crn(reg)));
    esr = Esr::crm::set(esr, static_cast<u8>(crm(reg)));
    esr = Esr::op2::set(esr, static_cast<u8>(op2(reg)));
    esr = Esr::rt::set(esr, static_cast<u8>(rt));
    return Esr::is_read::set(esr, is_read);
}

/// The register of an Ec::msr_mrs syndrome.
constexpr SysReg trapped_sysreg(Esr esr)
{
    return make_sysreg(Esr::op0::get(esr), Esr::op1::get(esr), Esr::crn::get(esr), Esr::crm::get(esr),
                       Esr::op2::get(esr));
}

enum class TrappedWait : u8 { wfi = 0, wfe = 1, wfit = 2, wfet = 3 };

// AArch64 reports CV = 1 and COND = 0b1110, "always", wherever the syndrome has room for an AArch32 condition.
constexpr Esr with_condition_always(Esr esr) { return Esr::cond::set(Esr::cv::set(esr, true), 0xE); }

constexpr Esr make_wfx_trap(TrappedWait which)
{
    return with_condition_always(make_esr(Ec::wfx, static_cast<u32>(which)));
}
constexpr Esr make_fp_trap() { return with_condition_always(make_esr(Ec::fp_asimd)); }

constexpr Esr make_svc(u16 imm) { return make_esr(Ec::svc64, imm); }
constexpr Esr make_hvc(u16 imm) { return make_esr(Ec::hvc64, imm); }
constexpr Esr make_smc(u16 imm) { return make_esr(Ec::smc64, imm); }
constexpr Esr make_brk(u16 comment) { return make_esr(Ec::brk64, comment); }

constexpr Esr make_breakpoint(bool from_lower)
{
    return make_esr(from_lower ? Ec::breakpoint_lower : Ec::breakpoint_current, static_cast<u32>(FaultStatus::debug));
}
constexpr Esr make_watchpoint(bool from_lower, bool is_write, bool cache_maintenance = false)
{
    const Esr esr =
        make_esr(from_lower ? Ec::watchpoint_lower : Ec::watchpoint_current, static_cast<u32>(FaultStatus::debug));
    return Esr::cm::set(Esr::wnr::set(esr, is_write), cache_maintenance);
}
/// `valid` is false when the step was of no instruction: an exception came first.
constexpr Esr make_software_step(bool from_lower, bool valid, bool load_exclusive)
{
    const Esr esr = make_esr(from_lower ? Ec::software_step_lower : Ec::software_step_current,
                             static_cast<u32>(FaultStatus::debug));
    return Esr::step_ex::set(Esr::step_isv::set(esr, valid), valid && load_exclusive);
}

// Golden words, as Linux and the Arm ARM print them.
static_assert(Esr::ec::get({0x9300'0046}) == Ec::dabt_lower && Esr::wnr::get({0x9300'0046}));
static_assert(make_data_abort(false, {.fsc = fault_status(FaultStatus::translation, 1), .wnr = true}).raw ==
              0x9600'0045);
static_assert(make_data_abort(true, {.fsc = fault_status(FaultStatus::permission, 3)}).raw == 0x9200'000F);
static_assert(
    make_data_abort(true,
                    {.fsc = fault_status(FaultStatus::translation, 1), .wnr = true, .isv = true, .sas = 2, .srt = 3})
        .raw == 0x9383'0045);
static_assert(make_instruction_abort(true, fault_status(FaultStatus::translation, 0)).raw == 0x8200'0004);
static_assert(make_svc(0).raw == 0x5600'0000 && make_hvc(1).raw == 0x5A00'0001 && make_smc(0).raw == 0x5E00'0000);
static_assert(make_brk(0x800).raw == 0xF200'0800);
static_assert(make_fp_trap().raw == 0x1FE0'0000 && make_wfx_trap(TrappedWait::wfi).raw == 0x07E0'0000);
static_assert(make_breakpoint(true).raw == 0xC200'0022 && make_software_step(true, true, false).raw == 0xCB00'0022);
static_assert(make_watchpoint(true, true).raw == 0xD200'0062);
static_assert(make_esr(Ec::unknown).raw == 0x0200'0000 && make_esr(Ec::illegal_state).raw == 0x3A00'0000);
static_assert(make_sysreg_trap(SysReg::icc_sgi1r_el1, 2, false).raw == 0x623A'3056);
static_assert(trapped_sysreg({0x623A'3056}) == SysReg::icc_sgi1r_el1);
static_assert(fault_kind(fault_status(FaultStatus::external_abort_on_walk, 2)) == FaultStatus::external_abort_on_walk);
static_assert(fault_kind(FaultStatus::alignment) == FaultStatus::alignment);

} // namespace gimbal::aarch64
