// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vm/vcpu.hpp"

namespace gimbal {

constexpr StateMask operator|(StateMask a, StateMask b)
{
    return static_cast<StateMask>(static_cast<u32>(a) | static_cast<u32>(b));
}
constexpr bool includes(StateMask mask, StateMask group)
{
    return (static_cast<u32>(mask) & static_cast<u32>(group)) != 0;
}
inline constexpr StateMask all_state =
    StateMask::core | StateMask::system | StateMask::fp_simd | StateMask::timer | StateMask::interrupt;

/// Names one 64-bit piece of a vCPU's state, the same in every engine of an ISA.
/// core: 0..31 are x0..x30 and SP (r0..r31), 32 the PC, 33 the PSTATE; system, timer and interrupt: the encoding or CSR
/// number; fp_simd: twice the vector register's number, plus one for its upper half, 64 FPCR (FCSR), 65 FPSR.
struct StateKey {
    StateMask group{StateMask::core};
    u32 id{};
    friend constexpr bool operator==(StateKey, StateKey) = default;
};
inline constexpr u32 state_pc = 32;
inline constexpr u32 state_pstate = 33;

/// Sees each piece of state once and may change it: saving, restoring, comparing and printing are all visitors of the
/// one list that an engine has.
class StateVisitor {
public:
    virtual void visit(StateKey key, u64& value) = 0;

protected:
    ~StateVisitor() = default;
};

/// An engine whose state can be read and written: for snapshots, debuggers and tests. The owner, between runs; a
/// pending completion was committed before.
template <class V>
concept StatefulEngine = VcpuEngine<V> && requires(V vcpu, StateMask groups, StateVisitor& visitor) {
    { vcpu.visit_state(groups, visitor) } -> std::same_as<void>;
};

} // namespace gimbal
