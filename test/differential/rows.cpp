// SPDX-License-Identifier: Apache-2.0
#include "test/differential/rows.hpp"

#include <iterator>
#include <string_view>

#include "arch/aarch64/sysreg.hpp"

namespace gimbal::differential {
namespace {

using translator::aarch64::Insn;

// In the order of tables/all.inc.
constexpr Group groups[] = {
#define A64(name, pattern) Group::integer,
#include "engine/translator/frontend/aarch64/tables/integer.inc"
#undef A64
#define A64(name, pattern) Group::branch,
#include "engine/translator/frontend/aarch64/tables/branch.inc"
#undef A64
#define A64(name, pattern) Group::system,
#include "engine/translator/frontend/aarch64/tables/system.inc"
#undef A64
#define A64(name, pattern) Group::load_store,
#include "engine/translator/frontend/aarch64/tables/load_store.inc"
#undef A64
#define A64(name, pattern) Group::atomic,
#include "engine/translator/frontend/aarch64/tables/atomic.inc"
#undef A64
#define A64(name, pattern) Group::simd_load_store,
#include "engine/translator/frontend/aarch64/tables/simd_load_store.inc"
#undef A64
#define A64(name, pattern) Group::fp_scalar,
#include "engine/translator/frontend/aarch64/tables/fp_scalar.inc"
#undef A64
#define A64(name, pattern) Group::simd_integer,
#include "engine/translator/frontend/aarch64/tables/simd_integer.inc"
#undef A64
#define A64(name, pattern) Group::simd_fp,
#include "engine/translator/frontend/aarch64/tables/simd_fp.inc"
#undef A64
#define A64(name, pattern) Group::crypto,
#include "engine/translator/frontend/aarch64/tables/crypto.inc"
#undef A64
};

struct Named {
    std::string_view row;
    const char* reason;
};

constexpr Named excluded[] = {
    {"svc", "calls the peer's kernel; the privileged images take it"                               },
    {"wfi", "the peer, which has no EL1, gives it a meaning of its own; the privileged images wait"},
};

constexpr std::string_view exceptional[] = {"udf", "hvc", "smc", "brk", "hlt", "eret"};

/// Rows of which `value` under `mask` is not compared.
struct Words {
    std::string_view row;
    u32 mask;
    u32 value;
    const char* reason;
};

constexpr u32 selector_mask = 0x0007'00E0; // op1, op2

constexpr Words uncompared[] = {
    {"hlt",           0x001F'FFE0,   0x001E'0000, "HLT #0xF000 is a semihosting call of the peer"                },
    {"msr_immediate", selector_mask, 0x0003'0080, "the peer has FEAT_MTE: TCO"                                   },
    {"msr_immediate", selector_mask, 0x0000'0000, "CFINV with CRm other than 0"                                  },
    {"msr_immediate", selector_mask, 0x0000'0020, "the peer has FEAT_FlagM2: XAFLAG"                             },
    {"msr_immediate", selector_mask, 0x0000'0040, "the peer has FEAT_FlagM2: AXFLAG"                             },
    {"sys",           0x0000'001F,   0x0000'001F, "by address 0: the peer's cache maintenance does not translate"},
    {"fcvt",          0x00C1'8000,   0x0041'0000, "the peer has FEAT_BF16: BFCVT"                                },
    {"hint",          0x0000'0FE0,   0x0000'0060, "WFI"                                                          },
};

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes)
{
    for (const auto prefix : prefixes)
        if (name.starts_with(prefix)) return true;
    return false;
}

bool writes_back(std::string_view name) { return name.ends_with("_post_index") || name.ends_with("_pre_index"); }

/// C6.2: "CONSTRAINED UNPREDICTABLE" by the choice of registers.
const char* unpredictable_registers(std::string_view name, Group group, Insn i)
{
    const bool vector = group == Group::simd_load_store;
    const bool pair = starts_with_any(name, {"ldp", "stp", "ldnp", "stnp", "ldxp", "ldaxp", "stxp", "stlxp"});
    const bool load = name.starts_with("ld");
    if (pair && load && i.rt() == i.rt2()) return "a pair is loaded into one register";
    if (!vector && writes_back(name) && i.rn() != 31 && (i.rn() == i.rt() || (pair && i.rn() == i.rt2())))
        return "the base is written back and is a data register";
    if (starts_with_any(name, {"stxr", "stlxr", "stxp", "stlxp"})) {
        if (i.rs() == i.rt() || (pair && i.rs() == i.rt2())) return "the status register is a data register";
        if (i.rs() == i.rn() && i.rn() != 31) return "the status register is the base";
    }
    return nullptr;
}

} // namespace

unsigned row_index(const DecodeRow& row)
{
    return static_cast<unsigned>(&row - translator::aarch64::decode_rows().data());
}

Group group_of(const DecodeRow& row) { return groups[row_index(row)]; }

bool is_memory(Group group)
{
    return group == Group::load_store || group == Group::atomic || group == Group::simd_load_store;
}

const char* exclusion(const DecodeRow& row)
{
    for (const Named& entry : excluded)
        if (entry.row == row.name) return entry.reason;
    return nullptr;
}

bool ends_in_exception(const DecodeRow& row)
{
    for (const std::string_view name : exceptional)
        if (name == row.name) return true;
    return false;
}

const char* not_comparable(const DecodeRow& row, u32 word)
{
    for (const Words& entry : uncompared)
        if (entry.row == row.name && (word & entry.mask) == entry.value) return entry.reason;
    const Group group = group_of(row);
    return is_memory(group) ? unpredictable_registers(row.name, group, Insn{word}) : nullptr;
}

} // namespace gimbal::differential
