// SPDX-License-Identifier: Apache-2.0
#include "test/differential/runner.hpp"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace gimbal::differential {
namespace {

constexpr u64 shown_per_row = 3;
constexpr u64 shown = 60;
constexpr u32 sigtrap = 5;
constexpr u32 nop = 0xD503'201F;

} // namespace

Runner::Runner(const std::string& qemu, const std::string& program, u64 seed)
    : seed_(seed),
      generator_(seed),
      peer_(qemu, program),
      rows_(translator::aarch64::decode_rows().size()),
      reported_(rows_.size())
{
    using translator::BackendKind;
    sides_.emplace_back("fused interpreter", BackendKind::interpreter, true);
    sides_.emplace_back("unfused interpreter", BackendKind::interpreter, false);
    if (translator::has_backend(BackendKind::x86_64)) sides_.emplace_back("x86_64", BackendKind::x86_64, true);
}

void Runner::run(u64 first, unsigned count)
{
    std::vector<Test> tests;
    std::vector<Case> cases;
    for (unsigned n = 0; n < count; ++n) {
        tests.push_back(generator_.make(first + n));
        cases.push_back(tests.back().input);
    }
    const unsigned slot = tests[0].slot();
    const u64 data_seed = generator_.data_seed(first);
    peer_.send({count, slot, 0, 0, data_seed}, cases);
    std::vector<std::vector<Outcome>> ours(sides_.size());
    for (usize side = 0; side < sides_.size(); ++side) {
        Engine& engine = sides_[side].engine;
        engine.load(cases, slot, data_seed);
        for (unsigned n = 0; n < count; ++n) {
            ours[side].push_back(engine.run(cases[n], slot + n));
            if (ours[side].back().signal == endless) give_up(tests[n], ours[side].back());
        }
    }
    std::vector<Outcome> peers(count);
    peer_.receive(peers, {});
    for (unsigned n = 0; n < count; ++n) {
        ++tests_;
        this->count(tests[n], ours[0][n]);
        for (usize side = 0; side < sides_.size(); ++side) {
            if (agree(tests[n], ours[side][n], peers[n])) continue;
            ++mismatches_;
            report(tests[n], sides_[side]);
            break;
        }
    }
}

/// The generator makes no loops: either it failed, or we did. The peer may not answer any more.
void Runner::give_up(const Test& test, const Outcome& ours) const
{
    fmt::print("ENDLESS at {:#x}; reproduce with: --seed {} --only {}\n{}", ours.pc, seed_, test.index,
               describe(test, ours, ours, {}, {}));
    std::fflush(stdout);
    std::_Exit(1);
}

void Runner::count(const Test& test, const Outcome& outcome)
{
    // Branches skip words, so rows are followed only as far as that is certain.
    const u64 at = (outcome.pc - slot_address(test.slot())) / 4;
    bool certain = true;
    for (unsigned n = 0; n < test.count && certain; ++n) {
        const DecodeRow& row = *test.rows[n];
        RowCount& count = rows_[row_index(row)];
        const bool ended_here = at == n && outcome.signal != sigtrap;
        const bool is_brk = at == n && outcome.signal == sigtrap;
        ++count.run;
        if (ended_here || is_brk) {
            if (ends_in_exception(row)) ++count.completed;
            return;
        }
        ++count.completed;
        certain = group_of(row) != Group::branch;
    }
}

bool Runner::differs(const Test& test, Side& side, Outcome& ours, Outcome& peers, std::vector<u64>& peers_data)
{
    const u64 data_seed = generator_.data_seed(test.index);
    peers_data.resize(data_bytes / 8);
    peer_.send({1, test.slot(), 1, 0, data_seed}, {&test.input, 1});
    side.engine.load({&test.input, 1}, test.slot(), data_seed);
    ours = side.engine.run(test.input, test.slot());
    peer_.receive({&peers, 1}, peers_data);
    return !agree(test, ours, peers);
}

/// The test with every word replaced by NOP that it differs without.
Test Runner::shrink(const Test& test, Side& side)
{
    Test small = test;
    Outcome ours;
    Outcome peers;
    std::vector<u64> data;
    for (unsigned n = 0; n < test.count; ++n) {
        Test smaller = small;
        smaller.input.words[n] = nop;
        smaller.rows[n] = translator::aarch64::decode({nop});
        if (differs(smaller, side, ours, peers, data)) small = smaller;
    }
    return small;
}

void Runner::report(const Test& test, Side& side)
{
    const Test small = shrink(test, side);
    Outcome ours;
    Outcome peers;
    std::vector<u64> data;
    const bool again = differs(small, side, ours, peers, data);
    for (unsigned n = 0; n < small.count; ++n)
        if (small.input.words[n] != nop && reported_[row_index(*small.rows[n])]++ >= shown_per_row) return;
    if (mismatches_ > shown) return;
    fmt::print("MISMATCH ({}{}); reproduce with: --seed {} --only {}\n{}", side.name,
               again ? "" : "; not when run alone", seed_, test.index,
               describe(small, ours, peers, side.engine.left(), data));
    std::fflush(stdout);
}

} // namespace gimbal::differential
