// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/trap_classes.hpp"

namespace gimbal::el2 {

using aarch64::Ec;

Treatment treatment_of(Ec ec)
{
    switch (ec) {
    case Ec::dabt_lower: return Treatment::data_abort;
    case Ec::iabt_lower: return Treatment::instruction_abort;
    case Ec::hvc64: return Treatment::hypercall;
    case Ec::smc64: return Treatment::secure_call;
    case Ec::msr_mrs: return Treatment::system_instruction;
    case Ec::wfx: return Treatment::wait;
    case Ec::fp_asimd: return Treatment::load_fp;

    case Ec::unknown:
    case Ec::pauth:
    case Ec::ld64b_st64b:
    case Ec::sve:
    case Ec::eret:
    case Ec::sme: return Treatment::undefined;

    case Ec::cp15_32:
    case Ec::cp15_64:
    case Ec::cp14_32:
    case Ec::cp14_64:
    case Ec::ldc_stc:
    case Ec::fpid:
    case Ec::hvc32:
    case Ec::smc32: return Treatment::aarch32;

    // Routed to EL2 by HCR_EL2.TGE or HCRX_EL2.MCE2 alone, and both are clear.
    case Ec::bti:
    case Ec::illegal_state:
    case Ec::svc32:
    case Ec::svc64:
    case Ec::pac_fail:
    case Ec::pc_alignment:
    case Ec::sp_alignment:
    case Ec::mops:
    case Ec::fp_exception32:
    case Ec::fp_exception64: return Treatment::reflect;

    // MDCR_EL2.TDE: a debugger of ours is at work.
    case Ec::breakpoint_lower:
    case Ec::bkpt32:
    case Ec::vector_catch32:
    case Ec::brk64: return Treatment::breakpoint;
    case Ec::watchpoint_lower: return Treatment::watchpoint;
    case Ec::software_step_lower: return Treatment::step;

    // EL2's own, and SError, which has a vector of its own.
    case Ec::iabt_current:
    case Ec::dabt_current:
    case Ec::breakpoint_current:
    case Ec::software_step_current:
    case Ec::watchpoint_current:
    case Ec::serror: return Treatment::impossible;
    }
    return Treatment::impossible;
}

bool has_fault_address(Ec ec)
{
    return ec == Ec::iabt_lower || ec == Ec::iabt_current || ec == Ec::dabt_lower || ec == Ec::dabt_current ||
           ec == Ec::pc_alignment || ec == Ec::watchpoint_lower || ec == Ec::watchpoint_current;
}

} // namespace gimbal::el2
