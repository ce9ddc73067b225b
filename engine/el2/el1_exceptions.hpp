// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/context_frame.hpp"
#include "arch/aarch64/control.hpp"
#include "arch/aarch64/esr.hpp"
#include "arch/aarch64/guest_system_registers.hpp"

namespace gimbal::el2 {

/// Offset inside a vector of four: DDI 0487, "Exception vectors".
enum class El1Vector : u16 { synchronous = 0x000, irq = 0x080, fiq = 0x100, serror = 0x180 };

/// An exception that the guest takes to its EL1. `esr` is what ESR_EL1 gets but for the class of an abort, which
/// follows the level that it is taken from; interrupts have none.
struct El1Exception {
    aarch64::Esr esr;
    u64 far{};
    bool has_far{};
    El1Vector vector{El1Vector::synchronous};
};

/// What the guest's CPU has and PSTATE shows at an exception.
struct El1Features {
    bool memory_tagging{}; ///< FEAT_MTE is offered: PSTATE.TCO is set.
};

/// Where an exception from a guest in state `spsr` goes, counted from VBAR_EL1.
u64 el1_vector_offset(aarch64::Spsr spsr, El1Vector vector);

/// PSTATE in the handler: AArch64.TakeException().
aarch64::Spsr el1_handler_state(aarch64::Spsr spsr, aarch64::SctlrEl1 sctlr, El1Features features);

/// The class in the form "from this level" or "from a lower level", whichever is true.
aarch64::Esr el1_syndrome(aarch64::Spsr spsr, aarch64::Esr esr);

inline El1Exception undefined_instruction() { return {aarch64::make_esr(aarch64::Ec::unknown)}; }

/// Makes the guest take `exception` at frame.elr. `port` reaches the guest's registers, which while it is on the CPU
/// are the hardware's own. The guest must not be running: the caller owns frame and registers.
template <aarch64::RegisterPort P>
void take_el1_exception(P& port, aarch64::ContextFrame& frame, const El1Exception& exception, El1Features features = {})
{
    using aarch64::SysReg;
    const aarch64::Spsr spsr{frame.spsr};
    port.template write<SysReg::spsr_el1>(frame.spsr);
    port.template write<SysReg::elr_el1>(frame.elr);
    const bool has_syndrome = exception.vector == El1Vector::synchronous || exception.vector == El1Vector::serror;
    if (has_syndrome) port.template write<SysReg::esr_el1>(el1_syndrome(spsr, exception.esr).raw);
    if (exception.has_far) port.template write<SysReg::far_el1>(exception.far);
    const aarch64::SctlrEl1 sctlr{port.template read<SysReg::sctlr_el1>()};
    frame.elr = port.template read<SysReg::vbar_el1>() + el1_vector_offset(spsr, exception.vector);
    frame.spsr = el1_handler_state(spsr, sctlr, features).raw;
}

} // namespace gimbal::el2
