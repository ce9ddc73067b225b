// SPDX-License-Identifier: Apache-2.0
#include "bare/e2h_sites.hpp"

#include <gtest/gtest.h>

#include "arch/aarch64/e2h.hpp"
#include "arch/aarch64/guest_system_registers.hpp"

namespace gimbal::bare {
namespace {

using aarch64::SysReg;

constexpr u32 mrs_x7 = 0xD530'0007;
constexpr u32 msr_x7 = 0xD510'0007;
constexpr u32 access(u32 instruction, SysReg reg)
{
    return instruction | static_cast<u32>(aarch64::encoding(reg)) << 5;
}

/// Instructions with the list that points to them, as they lie in the image.
struct Image {
    u32 code[4]{};
    E2hSite sites[4]{};
    std::span<const E2hSite> point_to(unsigned count)
    {
        for (unsigned i = 0; i < count; ++i)
            sites[i].offset =
                static_cast<i32>(reinterpret_cast<const char*>(&code[i]) - reinterpret_cast<const char*>(&sites[i]));
        return {sites, count};
    }
};

TEST(E2hSites, each_access_gets_its_alias_and_keeps_direction_and_register)
{
    Image image{
        .code = {access(mrs_x7, SysReg::sctlr_el1), access(msr_x7, SysReg::cntv_cval_el0),
                 access(msr_x7, SysReg::cntkctl_el1), access(mrs_x7, SysReg::sctlr_el1)}
    };
    EXPECT_TRUE(rename_for_e2h(image.point_to(3)));
    EXPECT_EQ(image.code[0], access(mrs_x7, SysReg::sctlr_el12));
    EXPECT_EQ(image.code[1], access(msr_x7, SysReg::cntv_cval_el02));
    EXPECT_EQ(image.code[2], access(msr_x7, SysReg::cntkctl_el12));
    EXPECT_EQ(image.code[3], access(mrs_x7, SysReg::sctlr_el1)) << "not listed";
}

TEST(E2hSites, what_is_no_access_that_moves_is_refused)
{
    for (const u32 word : {0xD503'201FU, 0U, access(mrs_x7, SysReg::par_el1), access(mrs_x7, SysReg::sctlr_el12)}) {
        Image image{.code = {word}};
        EXPECT_FALSE(rename_for_e2h(image.point_to(1))) << word;
        EXPECT_EQ(image.code[0], word);
    }
}

TEST(E2hSites, every_register_of_the_switch_that_the_manual_moves_has_its_alias)
{
    // DDI 0487, "Register aliasing with FEAT_VHE": what is left of the guest's list keeps its name.
    unsigned moved = 0;
    for (const aarch64::GuestRegisterRow& row : aarch64::guest_register_table) {
        const auto alias = aarch64::e2h_alias(row.reg);
        if (!alias) continue;
        ++moved;
        const std::string name = aarch64::sysreg_name(row.reg);
        const std::string suffix = name.ends_with("_EL0") ? "_EL02" : "_EL12";
        EXPECT_EQ(aarch64::sysreg_name(*alias), name.substr(0, name.size() - 4) + suffix);
    }
    EXPECT_EQ(moved, 20U);
}

} // namespace
} // namespace gimbal::bare
