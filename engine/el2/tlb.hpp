// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vm/types.hpp"

namespace gimbal::el2 {

/// Descriptors as the table walkers of all CPUs see them, and what those CPUs have cached of them. The implementation
/// is a few barriers and TLBI instructions; off every fast path.
///
/// TLBI acts on VTTBR_EL2.VMID, so invalidate_*() load it for the VM meant and put it back, with ISBs, and with
/// HCR_EL2.TGE clear under VHE.
class Tlb {
public:
    /// One single-copy atomic store. A walker that sees it sees every store before it: a new table is whole by the time
    /// it can be found.
    virtual void store(u64& descriptor, u64 value) noexcept { __atomic_store_n(&descriptor, value, __ATOMIC_RELEASE); }

    /// DSB ISHST, ISB. Every store() before it is seen by every walk after it, on every CPU.
    virtual void publish() noexcept = 0;

    /// After publish(). TLBI IPAS2E1IS of `ipa` (the hint that the leaf was at `level`, 1..3, is FEAT_TTL's), DSB ISH,
    /// TLBI VMALLE1IS (entries that combine both stages are not found by IPA), DSB ISH, ISB. On return no CPU holds
    /// anything of this VMID that came from the leaf that mapped `ipa`.
    virtual void invalidate_ipa(u16 vmid, Gpa ipa, unsigned level) noexcept = 0;

    /// After publish(). TLBI VMALLS12E1IS, DSB ISH, ISB. On return no CPU holds anything of this VMID, tables included.
    virtual void invalidate_vm(u16 vmid) noexcept = 0;

protected:
    ~Tlb() = default;
};

} // namespace gimbal::el2
