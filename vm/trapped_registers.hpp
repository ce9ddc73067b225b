// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vm/completion.hpp"
#include "vm/exit.hpp"

namespace gimbal {

enum class RegisterError : u8 {
    undefined, ///< No such register here, or not in this direction: the guest takes an undefined exception.
};

/// The system registers (AArch64) or CSRs (LoongArch) that an engine does not hold itself.
class TrappedRegisterFile {
public:
    /// The owner of `vcpu`. Done with the value, or an undefined exception; there is no third answer.
    virtual Completion access(VcpuId vcpu, const SystemRegisterExit& exit, HostTicks now) = 0;
    /// Power-on reset of one vCPU's registers.
    virtual void reset(VcpuId vcpu) = 0;

protected:
    ~TrappedRegisterFile() = default;
};

} // namespace gimbal
