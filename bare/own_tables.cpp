// SPDX-License-Identifier: Apache-2.0
#include "bare/own_tables.hpp"

#include "base/bits.hpp"

namespace gimbal::bare {

namespace {

constexpr u64 page = 4096;
constexpr unsigned last_level = 3;
constexpr unsigned shift_of(unsigned level) { return 12 + 9 * (last_level - level); }

// VMSAv8-64 descriptors (DDI 0487, "Translation table descriptor formats").
constexpr u64 valid = 1;
constexpr u64 table_or_page = 2;
constexpr u64 normal = u64{1} << 2;
constexpr u64 ap1 = u64{1} << 6; // RES1 where there is one privilege, else "for EL0 too"
constexpr u64 read_only = u64{1} << 7;
constexpr u64 inner_shareable = u64{3} << 8;
constexpr u64 accessed = u64{1} << 10;
constexpr u64 el2_execute_never = u64{1} << 53; // PXN; RES0 where there is one privilege
constexpr u64 execute_never = u64{1} << 54;     // XN, or UXN
constexpr u64 address_bits = low_mask(48) & ~(page - 1);

constexpr u64 attributes(OwnRegime regime, PageKind kind)
{
    const bool alone = regime == OwnRegime::el2;
    const u64 memory = valid | normal | inner_shareable | accessed | (alone ? ap1 : 0);
    const u64 no_code = execute_never | (alone ? 0 : el2_execute_never);
    switch (kind) {
    case PageKind::code: return memory | read_only | (alone ? 0 : execute_never);
    case PageKind::constant: return memory | read_only | no_code;
    case PageKind::data: return memory | no_code;
    case PageKind::device: return (memory & ~(normal | inner_shareable)) | no_code;
    }
    return 0;
}

} // namespace

void OwnTables::begin(OwnRegime regime, std::span<u8> memory)
{
    regime_ = regime;
    tables_ = {reinterpret_cast<Table*>(memory.data()), memory.size() / sizeof(Table)};
    __builtin_memset(memory.data(), 0, memory.size());
    used_ = 1;
}

Result<void, MapError> OwnTables::map(u64 base, u64 size, PageKind kind)
{
    const u64 end = base + size;
    if ((base | size) % page != 0 || end < base || end > u64{1} << 48) return fail(MapError::misaligned);
    while (base != end) {
        unsigned level = 1; // 1 GiB, 2 MiB, 4 KiB
        while (level < last_level &&
               (base % (u64{1} << shift_of(level)) != 0 || end - base < u64{1} << shift_of(level)))
            ++level;
        const u64 kind_bits = attributes(regime_, kind) | (level == last_level ? table_or_page : 0);
        GIMBAL_TRY_VOID(map_one(base, level, base | kind_bits));
        base += u64{1} << shift_of(level);
    }
    return {};
}

Result<void, MapError> OwnTables::map_one(u64 address, unsigned level, u64 descriptor)
{
    Table* table = &tables_[0];
    for (unsigned at = 0; at < level; ++at) {
        u64& entry = table->entry[bits(address, shift_of(at), 9)];
        if ((entry & valid) != 0 && (entry & table_or_page) == 0) return fail(MapError::overlap);
        table = next_table(entry);
        if (table == nullptr) return fail(MapError::full);
    }
    u64& entry = table->entry[bits(address, shift_of(level), 9)];
    if (entry != 0) return fail(MapError::overlap);
    entry = descriptor;
    return {};
}

OwnTables::Table* OwnTables::next_table(u64& entry)
{
    if (entry != 0) return reinterpret_cast<Table*>(entry & address_bits);
    if (used_ == tables_.size()) return nullptr;
    Table* table = &tables_[used_++];
    entry = reinterpret_cast<u64>(table) | valid | table_or_page;
    return table;
}

} // namespace gimbal::bare
