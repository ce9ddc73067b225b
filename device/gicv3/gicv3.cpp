// SPDX-License-Identifier: Apache-2.0
#include "device/gicv3/gicv3.hpp"

namespace gimbal::gicv3 {

void Gicv3::set_spi(Spi spi, bool level)
{
    if (!has_spi(spi)) return;
    SpinGuard guard(state_.lock());
    state_.set_line({0}, spi.intid().value, level);
}

void Gicv3::set_ppi(VcpuId vcpu, Intid ppi, bool level)
{
    if (vcpu.value >= state_.cpus() || ppi.value < 16 || ppi.value >= first_spi) return;
    SpinGuard guard(state_.lock());
    state_.set_line(vcpu, ppi.value, level);
}

void Gicv3::reset_cpu(VcpuId vcpu)
{
    if (vcpu.value >= state_.cpus()) return;
    SpinGuard guard(state_.lock());
    state_.reset_cpu(vcpu);
}

void Gicv3::reset()
{
    SpinGuard guard(state_.lock());
    state_.reset();
}

} // namespace gimbal::gicv3
