// SPDX-License-Identifier: Apache-2.0
#include "test/engine/el2/stage2_walker.hpp"

#include <utility>

namespace gimbal::el2::test {

Walker::Walker(u64 vtcr, u64 vttbr, bool xnx, std::function<u64(u64)> read) : read_(std::move(read)), xnx_(xnx)
{
    static constexpr unsigned sizes[8] = {32, 36, 40, 42, 44, 48, 52, 0};
    ipa_bits_ = 64 - (vtcr & 0x3F);
    pa_bits_ = sizes[vtcr >> 16 & 7];
    const unsigned sl0 = vtcr >> 6 & 3;
    if ((vtcr >> 14 & 3) != 0 || sl0 == 3 || pa_bits_ == 0 || pa_bits_ > 48)
        return;                            // TG0 = 4 KiB; SL0 = 3 is FEAT_TTST's
    if (sl0 == 2 && pa_bits_ < 44) return; // reserved
    if (ipa_bits_ > pa_bits_) return;
    start_level_ = 2 - sl0;
    // The first table resolves between 1 and 9 + 4 bits.
    const unsigned below = 12 + 9 * (3 - start_level_);
    if (ipa_bits_ <= below || ipa_bits_ > below + 13) return;
    const unsigned index_bits = ipa_bits_ - below;
    root_tables_ = index_bits > 9 ? 1u << (index_bits - 9) : 1;
    root_ = vttbr & 0x0000'FFFF'FFFF'FFFE;
    const u64 root_bytes = (u64{8} << index_bits) < 64 ? 64 : u64{8} << index_bits;
    if (root_ % root_bytes != 0 || root_ >> pa_bits_ != 0) return;
    // Walks are cacheable and inner shareable, RES1 and RES0 as they should be, no hardware update of AF or dirty
    // state.
    legal_ = (vtcr & 0x8000'0000) != 0 && (vtcr & 0xFFFF'FFFF'6070'0000 & ~u64{0x0008'0000}) == 0 &&
             (vtcr & 0x3F00) == 0x3500;
}

std::optional<WalkResult> Walker::walk(u64 ipa) const
{
    if (!legal_ || ipa >> ipa_bits_ != 0) return std::nullopt;
    u64 table = root_;
    for (unsigned level = start_level_;; ++level) {
        const unsigned shift = 12 + 9 * (3 - level);
        u64 index = ipa >> shift;
        if (level != start_level_) index &= 0x1FF;
        const u64 raw = read_(table + index * 8);
        WalkResult result{.covers = u64{1} << shift, .level = level, .raw = raw};
        if ((raw & 1) == 0) return result;
        const bool type = (raw & 2) != 0;
        if (type && level < 3) {
            if ((raw & 0xFFFF'0000'0000'0FFC) != 0) return std::nullopt; // stage 2 tables have no attributes
            table = raw & 0x0000'FFFF'FFFF'F000;
            if (table >> pa_bits_ != 0) return std::nullopt;
            continue;
        }
        if (!type && (level == 0 || level == 3)) return std::nullopt; // no block at level 0, nothing but pages at 3
        const u64 address = raw & 0x0000'FFFF'FFFF'F000;
        if (address % result.covers != 0 || address >> pa_bits_ != 0) return std::nullopt;
        // RES0: bit 11, [50:48], DBM off, Contiguous off, [63:55].
        if ((raw & 0xFF9F'0000'0000'0800) != 0) return std::nullopt;
        result.mapped = true;
        result.physical = address + ipa % result.covers;
        result.mem_attr = raw >> 2 & 0xF;
        result.read = (raw >> 6 & 1) != 0;
        result.write = (raw >> 7 & 1) != 0;
        result.shareability = raw >> 8 & 3;
        result.access_flag = (raw >> 10 & 1) != 0;
        const unsigned xn = raw >> 53 & 3;
        if (!xnx_ && (xn & 1) != 0) return std::nullopt;
        result.execute_el1 = xn == 0 || xn == 3;
        result.execute_el0 = xn == 0 || xn == 1;
        return result;
    }
}

} // namespace gimbal::el2::test
