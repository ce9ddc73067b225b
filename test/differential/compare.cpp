// SPDX-License-Identifier: Apache-2.0
#include "test/differential/compare.hpp"

#include <cstring>

#include <fmt/format.h>

namespace gimbal::differential {
namespace {

using translator::aarch64::Insn;

constexpr u32 sigbus = 7;
constexpr u32 sigsegv = 11;

struct Differences {
    bool x, sp, nzcv, v, fpcr, fpsr, pc, signal, data;
    bool any() const { return x || sp || nzcv || v || fpcr || fpsr || pc || signal || data; }
};

Differences differences(const Outcome& a, const Outcome& b)
{
    Differences found{};
    found.x = std::memcmp(a.registers.x, b.registers.x, sizeof a.registers.x) != 0;
    found.sp = a.registers.sp != b.registers.sp;
    found.nzcv = a.registers.nzcv != b.registers.nzcv;
    found.v = std::memcmp(a.registers.v, b.registers.v, sizeof a.registers.v) != 0;
    found.fpcr = a.registers.fpcr != b.registers.fpcr;
    found.fpsr = a.registers.fpsr != b.registers.fpsr;
    found.pc = a.pc != b.pc;
    found.signal = a.signal != b.signal;
    found.data = a.data_hash != b.data_hash;
    return found;
}

/// The row of the instruction that the case ended at, or null.
const DecodeRow* last_row(const Test& test, const Outcome& outcome)
{
    const u64 at = (outcome.pc - slot_address(test.slot())) / 4;
    return at < test.count ? test.rows[at] : nullptr;
}

/// An access of the atomic group that faults for its alignment with us alone. The peer has FEAT_LSE2, which allows what
/// does not cross 16 bytes, and fails a store-exclusive without looking at its address if no monitor is armed.
bool allowed_by_peer(const DecodeRow& row, u64 address)
{
    const std::string_view name = row.name;
    if (name.starts_with("stx") || name.starts_with("stlx")) return true;
    return group_of(row) == Group::atomic && address % 16 != 15;
}

/// Differences that docs/differential.md explains are taken out.
void forgive(Differences& found, const Test& test, const Outcome& ours, const Outcome& peers)
{
    if (ours.signal == sigbus && ours.pc % 4 != 0 && peers.pc == ours.pc && peers.signal == sigsegv)
        found.signal = false;
    const DecodeRow* row = last_row(test, ours);
    if (row == nullptr || !is_memory(group_of(*row)) || (ours.signal != sigbus && ours.signal != sigsegv)) return;
    if (ours.signal == sigbus && (found.pc || found.signal) && allowed_by_peer(*row, ours.fault_address)) {
        found = {};
        return;
    }
    if (found.pc || found.signal) return;
    // Of an instruction that makes several accesses, those before the one that faults may have been done.
    found.data = false;
    // What a load of several registers was to write is UNKNOWN when it faults, but for its base.
    if (group_of(*row) == Group::simd_load_store) found.v = false;
}

} // namespace

bool agree(const Test& test, const Outcome& ours, const Outcome& peers)
{
    Differences found = differences(ours, peers);
    if (!found.any()) return true;
    forgive(found, test, ours, peers);
    return !found.any();
}

std::string describe(const Test& test, const Outcome& ours, const Outcome& peers, std::span<const u64> our_data,
                     std::span<const u64> peers_data)
{
    std::string text;
    const auto line = [&]<class... T>(fmt::format_string<T...> format, T&&... values) {
        text += "  " + fmt::format(format, std::forward<T>(values)...) + "\n";
    };
    for (unsigned n = 0; n < test.count; ++n)
        line("{:#x}: {:08x} {}", slot_address(test.slot()) + 4 * n, test.input.words[n], test.rows[n]->name);
    const Registers& from = test.input.registers;
    const auto field = [&](const char* name, u64 before, u64 mine, u64 theirs) {
        if (mine != theirs) line("{:5} was {:016x}  ours {:016x}  peer {:016x}", name, before, mine, theirs);
    };
    line("fpcr was {:08x}", from.fpcr);
    field("sig", 0, ours.signal, peers.signal);
    field("pc", slot_address(test.slot()), ours.pc, peers.pc);
    field("nzcv", from.nzcv, ours.registers.nzcv, peers.registers.nzcv);
    field("fpsr", from.fpsr, ours.registers.fpsr, peers.registers.fpsr);
    field("fpcr", from.fpcr, ours.registers.fpcr, peers.registers.fpcr);
    field("sp", from.sp, ours.registers.sp, peers.registers.sp);
    for (unsigned n = 0; n < 31; ++n)
        field(fmt::format("x{}", n).c_str(), from.x[n], ours.registers.x[n], peers.registers.x[n]);
    for (unsigned n = 0; n < 32; ++n)
        for (unsigned half = 2; half-- > 0;)
            field(fmt::format("v{}.{}", n, half == 0 ? "lo" : "hi").c_str(), from.v[n][half], ours.registers.v[n][half],
                  peers.registers.v[n][half]);
    for (usize n = 0; n < our_data.size() && n < peers_data.size(); ++n)
        if (our_data[n] != peers_data[n])
            line("[{:#x}] ours {:016x}  peer {:016x}", data_base + 8 * n, our_data[n], peers_data[n]);
    const Insn first{test.input.words[test.count - 1]};
    for (const unsigned n : {first.rd(), first.rn(), first.rm(), first.ra()})
        if (n < 31) line("x{0} was {1:016x}  v{0} was {3:016x}:{2:016x}", n, from.x[n], from.v[n][0], from.v[n][1]);
    return text;
}

} // namespace gimbal::differential
