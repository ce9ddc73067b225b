// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// What the storm's steps are made of.

namespace {

/// Where the board has something, and where it has nothing.
struct Area {
    u64 base;
    u64 size;
};
constexpr Area areas[] = {
    {distributor,              0x1'0000        },
    {redistributors,           0x8'0000        },
    {0x0808'0000,              0x2'0000        }, // an ITS, if there is one
    {uart + 4,                 0xFFC           }, // but for the data register
    {0x0901'0000,              0x1000          }, // RTC
    {0x0903'0000,              0x1000          }, // GPIO
    {0x0A00'0000,              0x4000          }, // virtio
    {0x0B00'0000,              0x1000          }, // nothing
    {hole,                     0x1000'0000     },
    {playground,               playground_bytes},
    {code_alias | distributor, 0x1'0000        }, // as memory
};

constexpr u32 msr_encoding(u32 op0, u32 op1, u32 crn, u32 crm, u32 op2)
{
    return op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
}
/// Without these there would be no next step.
constexpr u32 vital[] = {
    msr_encoding(3, 0, 2, 0, 0),  // TTBR0_EL1
    msr_encoding(3, 0, 2, 0, 2),  // TCR_EL1
    msr_encoding(3, 0, 2, 0, 3),  // TCR2_EL1
    msr_encoding(3, 0, 10, 2, 0), // MAIR_EL1
    msr_encoding(3, 0, 12, 0, 0), // VBAR_EL1
    msr_encoding(3, 0, 13, 0, 4), // TPIDR_EL1
    msr_encoding(3, 3, 13, 0, 3), // TPIDRRO_EL0
    msr_encoding(3, 0, 1, 0, 0),  // SCTLR_EL1: another step's
    // ICC_IGRPEN0_EL1: on the peer's board, group 0 without group 1 is a maintenance interrupt that nothing ends.
    msr_encoding(3, 0, 12, 12, 6),
};

} // namespace

u64 wild(PerCpu& self)
{
    u64& state = self.random;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545'F491'4F6C'DD1D;
}

u64 device_address(PerCpu& self)
{
    const Area& area = areas[below(self, sizeof(areas) / sizeof(areas[0]))];
    const u64 offset = below(self, area.size);
    return area.base + (one_in(self, 4) ? offset : offset & ~u64{7});
}

u64 operand(PerCpu& self)
{
    switch (below(self, 5)) {
    case 0: return 0;
    case 1: return ~u64{0};
    case 2: return u64{1} << below(self, 64);
    case 3: return device_address(self);
    default: return wild(self) | u64{1} << 62; // no address of ours
    }
}

u32 system_word(PerCpu& self)
{
    const u32 bits = static_cast<u32>(wild(self));
    if ((bits & 0x18'0000) == 0) return 0xD500'401F | (bits & 0x7'0FE0); // MSR (immediate)
    const u32 encoding = bits & 0x1F'FFE0;
    for (const u32 one : vital)
        if (encoding == one) return 0xD503'201F;
    const u32 target = 2 + (bits & 7);
    const u32 read = bits >> 31 << 21;
    return 0xD500'0000 | read | encoding | target;
}

u32 known_register_word(PerCpu& self)
{
    constexpr u32 known[] = {
        msr_encoding(3, 0, 12, 11, 5), msr_encoding(3, 0, 12, 11, 6),
        msr_encoding(3, 0, 12, 11, 7), // SGI1R, ASGI1R, SGI0R
        msr_encoding(3, 0, 12, 12, 0), msr_encoding(3, 0, 12, 12, 1),
        msr_encoding(3, 0, 12, 12, 3), // IAR1, EOIR1, BPR1
        msr_encoding(3, 0, 12, 12, 4), msr_encoding(3, 0, 12, 12, 5),
        msr_encoding(3, 0, 12, 11, 0), // CTLR, SRE, none
        msr_encoding(3, 0, 12, 12, 7), msr_encoding(3, 0, 4, 6, 0),
        msr_encoding(3, 0, 12, 8, 0), // IGRPEN1, PMR, IAR0
        msr_encoding(3, 0, 12, 8, 1),  msr_encoding(3, 0, 12, 8, 4),
        msr_encoding(3, 0, 12, 9, 0), // EOIR0, AP0R0, AP1R0
        msr_encoding(3, 0, 12, 11, 1), msr_encoding(3, 0, 12, 11, 3),
        msr_encoding(3, 0, 12, 12, 2), // DIR, RPR, HPPIR1
        msr_encoding(3, 3, 14, 2, 0),  msr_encoding(3, 3, 14, 2, 1),
        msr_encoding(3, 3, 14, 2, 2), // CNTP
        msr_encoding(3, 3, 14, 3, 0),  msr_encoding(3, 3, 14, 3, 1),
        msr_encoding(3, 3, 14, 3, 2), // CNTV
        msr_encoding(3, 3, 14, 0, 1),  msr_encoding(3, 0, 14, 1, 0),
        msr_encoding(3, 3, 9, 12, 0), // CNTPCT, CNTKCTL, PMCR
        msr_encoding(2, 0, 0, 2, 2),   msr_encoding(2, 0, 1, 0, 4),
        msr_encoding(2, 0, 0, 0, 5), // MDSCR, OSLAR, DBGBCR0
        msr_encoding(2, 0, 0, 0, 7),   msr_encoding(3, 0, 1, 0, 2),
        msr_encoding(3, 0, 1, 0, 1), // DBGWCR0, CPACR, ACTLR
        msr_encoding(3, 2, 0, 0, 0),   msr_encoding(3, 0, 7, 4, 0),
        msr_encoding(3, 0, 5, 2, 0), // CSSELR, PAR, ESR
        msr_encoding(3, 0, 15, 0, 0),  msr_encoding(3, 0, 2, 1, 0),
        msr_encoding(3, 0, 0, 4, 0), // IMP DEF, APIAKey, ID
    };
    const u32 encoding = known[below(self, sizeof(known) / sizeof(known[0]))];
    return 0xD500'0000 | (one_in(self, 3) ? 1U << 21 : 0) | encoding | static_cast<u32>(2 + below(self, 8));
}

u32 access_word(PerCpu& self)
{
    const u32 bits = static_cast<u32>(wild(self));
    return (bits & ~0x0A00'03E0U) | 0x0800'0020;
}

u32 computing_word(PerCpu& self)
{
    const u32 bits = static_cast<u32>(wild(self));
    const u32 classes[] = {0x1000'0000, 0x0A00'0000, 0x0E00'0000, 0x0400'0000};
    return (bits & ~0x1E00'0000U) | classes[below(self, 4)];
}
