// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/engine/translator/cpu/cpu_fixture.hpp"

namespace gimbal::translator::aarch64 {

inline constexpr u64 af = u64{1} << 10;
inline constexpr u64 ng = u64{1} << 11;
inline constexpr u64 user = u64{1} << 6;
inline constexpr u64 read_only = u64{1} << 7;
inline constexpr u64 dbm = u64{1} << 51;
inline constexpr u64 device_memory = u64{1} << 2; // AttrIndx 1
inline constexpr u64 table_or_page = 3;
inline constexpr u64 block = 1;

class MmuTest : public CpuTest {
protected:
    static constexpr u64 level1 = ram_base + 0x20'0000;
    static constexpr u64 level2 = level1 + 0x1000;
    static constexpr u64 level3 = level1 + 0x2000;
    static constexpr u64 window = 0x8000'0000; ///< 512 pages mapped by level3

    /// 39-bit TTBR0 space, 4 KiB pages: RAM flat by one 1 GiB block, the window by level3.
    void enable(u64 tcr_extra = 0)
    {
        poke(level1 + 8, ram_base | af | block);
        poke(level1 + 16, level2 | table_or_page);
        poke(level2, level3 | table_or_page);
        auto write = [&](arch::SysReg reg, u64 value) { cpu_->write_register(reg, value); };
        write(arch::SysReg::mair_el1, 0x04FF);
        write(arch::SysReg::tcr_el1, 25 | u64{1} << 23 | u64{25} << 16 | u64{5} << 32 | u64{1} << 36 | tcr_extra);
        write(arch::SysReg::ttbr0_el1, level1);
        write(arch::SysReg::sctlr_el1, arch_sctlr | 1);
    }
    void map(unsigned page, u64 descriptor) { poke(level3 + 8 * page, descriptor); }

    Exit begin(std::initializer_list<u32> words, u64 x1, u64 tcr_extra = 0)
    {
        put(code, words);
        put(vectors + 0x200, {hvc_0});
        cpu_->reset({
            .pc = code, .arguments = {0, x1, 0, 0}
        });
        state().el[1].vbar = vectors;
        enable(tcr_extra);
        return resume({});
    }
    static constexpr u64 arch_sctlr = 0x30D0'0980;
    static constexpr u32 load_x2 = 0xF940'0022;  // ldr x2, [x1]
    static constexpr u32 store_x2 = 0xF900'0022; // str x2, [x1]
    static constexpr u32 ldtr_x3 = 0xF840'0823;  // ldtr x3, [x1]
};

} // namespace gimbal::translator::aarch64
