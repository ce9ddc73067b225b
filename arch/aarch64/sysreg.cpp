// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/sysreg.hpp"

#include <array>

namespace gimbal::aarch64 {
namespace {

constexpr usize row_count = sizeof(sysreg_table) / sizeof(sysreg_table[0]);

consteval std::array<SysRegRow, row_count> sort_by_encoding()
{
    std::array<SysRegRow, row_count> sorted{};
    for (usize i = 0; i < row_count; ++i) {
        usize at = i;
        for (; at > 0 && encoding(sorted[at - 1].reg) > encoding(sysreg_table[i].reg); --at)
            sorted[at] = sorted[at - 1];
        sorted[at] = sysreg_table[i];
    }
    return sorted;
}

constexpr auto sorted_rows = sort_by_encoding();

consteval bool encodings_are_unique()
{
    for (usize i = 1; i < row_count; ++i) {
        if (sorted_rows[i - 1].reg == sorted_rows[i].reg) return false;
    }
    return true;
}
static_assert(encodings_are_unique(), "two rows of sysreg.inc share an encoding");

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(const char* a, const char* b)
{
    while (*a != '\0' && to_lower(*a) == to_lower(*b)) {
        ++a;
        ++b;
    }
    return to_lower(*a) == to_lower(*b);
}

} // namespace

const char* sysreg_name(SysReg reg)
{
    usize low = 0;
    usize high = row_count;
    while (low < high) {
        const usize middle = (low + high) / 2;
        if (encoding(sorted_rows[middle].reg) < encoding(reg))
            low = middle + 1;
        else
            high = middle;
    }
    return low < row_count && sorted_rows[low].reg == reg ? sorted_rows[low].name : nullptr;
}

std::optional<SysReg> find_sysreg(const char* name)
{
    for (const SysRegRow& row : sysreg_table) {
        if (same_name(name, row.name)) return row.reg;
    }
    return std::nullopt;
}

} // namespace gimbal::aarch64
