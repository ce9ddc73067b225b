// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <sstream>
#include <vector>

#include "base/bits.hpp"
#include "engine/translator/mmu/stage1_walk.hpp"
#include "test/engine/translator/mmu/reference_walker.hpp"

// walk_stage1 against the reference walker: random registers, tables and accesses over one small memory.
namespace gimbal::translator::aarch64 {
namespace {

constexpr u64 ram_base = 0x4000'0000;
constexpr u64 ram_size = 1 << 20;

class WalkTest : public ::testing::Test {
protected:
    WalkTest() : storage_(ram_size + 4096)
    {
        ram_ = reinterpret_cast<u8*>((reinterpret_cast<u64>(storage_.data()) + 4095) & ~u64{4095});
        EXPECT_TRUE(memory_.map({{ram_base}, ram_size, ram_, false, false}));
        reference_.read = [this](u64 address) -> std::optional<u64> {
            if (address < ram_base || address - ram_base >= ram_size) return std::nullopt;
            u64 value = 0;
            std::memcpy(&value, ram_ + (address - ram_base), 8);
            return value;
        };
        reference_.write = [this](u64 address, u64 value) { std::memcpy(ram_ + (address - ram_base), &value, 8); };
    }

    u64 random(u64 limit) { return engine_() % limit; }
    bool one_in(u64 n) { return random(n) == 0; }

    u64 random_base()
    {
        u64 base = ram_base + (random(ram_size) & ~u64{63});
        if (one_in(3)) base &= ~low_mask(16);
        if (one_in(30)) base |= bit(static_cast<unsigned>(32 + random(16)));
        return base;
    }

    u64 random_descriptor()
    {
        u64 descriptor = random_base() | (engine_() & 0x7FF8'0000'0000'0FFC);
        if (one_in(2)) descriptor &= ~(u64{7} << 59 | u64{3} << 61); // table attributes
        if (one_in(4)) descriptor &= ~(bit(53) | bit(54));
        if (!one_in(6)) descriptor |= bit(10);
        constexpr u64 types[] = {3, 3, 3, 3, 3, 3, 1, 1, 0, 2};
        return descriptor | types[random(10)];
    }

    WalkRegisters random_registers()
    {
        WalkRegisters r;
        r.tcr = engine_();
        const auto size = [&] { return 16 + random(24); };
        r.tcr = (r.tcr & ~(u64{0x3F} | u64{0x3F} << 16)) | size() | size() << 16;
        if ((r.tcr >> 14 & 3) == 3) r.tcr ^= bit(14); // TG0 and TG1 of reserved values are another's choice
        if ((r.tcr >> 30 & 3) == 0) r.tcr |= bit(31);
        if ((r.tcr >> 32 & 7) >= 6) r.tcr ^= bit(34);
        if (!one_in(8)) r.tcr &= ~(bit(7) | bit(23));
        if (!one_in(4)) r.tcr &= ~(bit(55) | bit(56));
        r.ttbr0 = random_base() | random(0x10000) << 48 | random(2);
        r.ttbr1 = random_base() | random(0x10000) << 48 | random(2);
        r.mair = 0x04'00'44'FF'BB'0C'08'F0;
        r.sctlr = (one_in(16) ? 0 : 1) | (one_in(4) ? bit(19) : 0) | (one_in(2) ? bit(12) : 0);
        return r;
    }

    u64 random_address(const WalkRegisters& r)
    {
        const bool upper = one_in(2);
        const auto size = static_cast<unsigned>(upper ? bits(r.tcr, 16, 6) : bits(r.tcr, 0, 6));
        u64 va = engine_() & low_mask(64 - size);
        if (upper) va |= ~low_mask(64 - size);
        if (one_in(8)) va = (va & low_mask(56)) | random(256) << 56;
        if (one_in(16)) va ^= bit(static_cast<unsigned>(random(64)));
        return va;
    }

    std::mt19937_64 engine_{20'240'501};
    std::vector<u8> storage_;
    u8* ram_{};
    GuestMemory memory_;
    reference::Memory reference_;
};

struct Case {
    WalkRegisters registers;
    u64 va;
    WalkAccess access;
    bool privileged;
    bool pan;
};

std::string describe(const Case& c)
{
    std::ostringstream text;
    text << std::hex << "va " << c.va << " tcr " << c.registers.tcr << " ttbr0 " << c.registers.ttbr0 << " ttbr1 "
         << c.registers.ttbr1 << " sctlr " << c.registers.sctlr << " access " << static_cast<int>(c.access)
         << (c.privileged ? " EL1" : " EL0") << (c.pan ? " PAN" : "");
    return text.str();
}

/// Differences, in words; empty if there are none.
std::string compare(const Case& c, const Result<Translation, WalkFault>& ours, const reference::Result& expected)
{
    std::ostringstream text;
    text << std::hex;
    if (!ours || expected.faulted) {
        const int status = ours ? -1 : static_cast<int>(ours.error().status);
        if (bool(ours) == expected.faulted || (!ours && status != expected.status))
            text << "status " << status << ", expected " << (expected.faulted ? int{expected.status} : -1);
        return text.str();
    }
    const auto check = [&](const char* name, u64 value, u64 wanted) {
        if (value != wanted) text << name << ' ' << value << ", expected " << wanted << "; ";
    };
    check("address", ours->page + (c.va & low_mask(ours->page_shift)), expected.address);
    check("global", ours->global, expected.global);
    check("device", ours->device, (expected.attribute & 0xF0) == 0);
    if ((c.registers.sctlr & 1) == 0) return text.str();
    check("attributes", ours->memory_attributes, expected.attribute);
    check("shareability", ours->shareability, ours->device ? 2 : expected.shareability);
    check("block", ours->block_shift, expected.leaf_shift);
    return text.str();
}

/// Rights beyond the access at hand: each is what the reference says of that access.
std::string compare_rights(const reference::Memory& memory, const Case& c, const Translation& ours)
{
    reference::Memory reading = memory;
    reading.write = [](u64, u64) {};
    const reference::Registers registers{c.registers.ttbr0, c.registers.ttbr1, c.registers.tcr & ~(bit(55) | bit(56)),
                                         c.registers.mair, c.registers.sctlr};
    std::string text;
    const auto check = [&](const char* name, WalkAccess access, bool privileged, bool pan) {
        const auto expected =
            reference::translate(reading, registers, c.va, static_cast<reference::Access>(access), privileged, pan);
        if (permitted(ours.rights, access, privileged, pan) == expected.faulted) text += std::string(name) + ' ';
    };
    check("el0 read", WalkAccess::read, false, false);
    check("el0 write", WalkAccess::write, false, false);
    check("el0 execute", WalkAccess::execute, false, false);
    check("el1 read", WalkAccess::read, true, false);
    check("el1 write", WalkAccess::write, true, false);
    check("el1 execute", WalkAccess::execute, true, false);
    check("el1 read under PAN", WalkAccess::read, true, true);
    check("el1 write under PAN", WalkAccess::write, true, true);
    return text;
}

TEST_F(WalkTest, AgreesWithTheReference)
{
    // Every word is a descriptor, so that walks go on wherever random bits lead them.
    for (u64 offset = 0; offset < ram_size; offset += 8) reference_.write(ram_base + offset, random_descriptor());
    u64 translated = 0;
    for (unsigned i = 0; i < 1'000'000; ++i) {
        Case c{random_registers(), 0, static_cast<WalkAccess>(random(3)), one_in(2), one_in(2)};
        c.va = random_address(c.registers);
        // Both walk the same tables: the reference on a note of its writes, undone before the other's turn.
        u64 changed = 0;
        u64 wanted = 0;
        reference::Memory noting = reference_;
        noting.write = [&](u64 address, u64 value) { changed = address, wanted = value; };
        const reference::Registers registers{c.registers.ttbr0, c.registers.ttbr1, c.registers.tcr, c.registers.mair,
                                             c.registers.sctlr};
        const auto expected = reference::translate(noting, registers, c.va, static_cast<reference::Access>(c.access),
                                                   c.privileged, c.pan && c.privileged);
        const auto ours = walk_stage1(memory_, c.registers, c.va, c.access, c.privileged, c.pan && c.privileged);
        ASSERT_EQ(compare(c, ours, expected), "") << describe(c);
        if (changed != 0) {
            ASSERT_EQ(*reference_.read(changed), wanted) << "descriptor; " << describe(c);
        }
        if (!ours || (c.registers.sctlr & 1) == 0) continue; // the flat mapping has no rights to keep
        ++translated;
        ASSERT_EQ(compare_rights(reference_, c, *ours), "") << describe(c);
        if (changed != 0) reference_.write(changed, random_descriptor());
    }
    EXPECT_GT(translated, 100'000U);
}

} // namespace
} // namespace gimbal::translator::aarch64
