// SPDX-License-Identifier: Apache-2.0
//
// Random A64 instructions of every decode-table row on the translator and on qemu-aarch64; see docs/differential.md.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "test/differential/runner.hpp"

namespace gimbal::differential {
namespace {

constexpr int skipped = 77;

struct Arguments {
    std::vector<std::string> qemu;
    std::string program;
    std::string report;
    u64 seed{1};
    u64 tests{100'000};
    i64 only{-1};
    u64 per_row{};
};

std::string coverage_report(const Runner& runner)
{
    std::string text = "row executed completed\n";
    for (const DecodeRow& row : translator::aarch64::decode_rows()) {
        const RowCount& count = runner.rows()[row_index(row)];
        if (const char* reason = exclusion(row))
            text += fmt::format("{} excluded: {}\n", row.name, reason);
        else
            text += fmt::format("{} {} {}\n", row.name, count.run, count.completed);
    }
    return text;
}

/// How many rows fell short of `per_row` complete executions; they are named.
u64 uncovered(const Runner& runner, u64 per_row)
{
    u64 count = 0;
    for (const DecodeRow& row : translator::aarch64::decode_rows()) {
        const RowCount& executed = runner.rows()[row_index(row)];
        if (exclusion(row) != nullptr || executed.completed >= per_row) continue;
        ++count;
        fmt::print("NOT COVERED {} {}: executed {}, completed {} of {}\n", row.name, row.pattern, executed.run,
                   executed.completed, per_row);
    }
    return count;
}

void summary(const Runner& runner)
{
    u64 least = ~u64{0};
    u64 excluded = 0;
    for (const DecodeRow& row : translator::aarch64::decode_rows()) {
        if (const char* reason = exclusion(row)) {
            ++excluded;
            fmt::print("excluded {}: {}\n", row.name, reason);
        } else {
            least = std::min(least, runner.rows()[row_index(row)].completed);
        }
    }
    const u64 rows = runner.rows().size();
    fmt::print("{} tests, {} mismatches; {} of {} rows compared, each at least {} times to its end\n", runner.tests(),
               runner.mismatches(), rows - excluded, rows, least);
}

int run(const Arguments& arguments)
{
    Runner runner(arguments.qemu[0], arguments.program, arguments.seed);
    if (arguments.only >= 0) {
        runner.run(static_cast<u64>(arguments.only), 1);
        fmt::print("{}\n", runner.mismatches() == 0 ? "both agree" : "they differ");
        return runner.mismatches() == 0 ? 0 : 1;
    }
    for (u64 first = 0; first < arguments.tests; first += batch_cases)
        runner.run(first, static_cast<unsigned>(std::min<u64>(batch_cases, arguments.tests - first)));
    if (!arguments.report.empty()) {
        std::ofstream stream(arguments.report);
        stream << coverage_report(runner);
    }
    const u64 missing = uncovered(runner, arguments.per_row);
    summary(runner);
    return runner.mismatches() == 0 && missing == 0 ? 0 : 1;
}

} // namespace
} // namespace gimbal::differential

int main(int argc, char** argv)
{
    gimbal::differential::Arguments arguments;
    CLI::App app("Compares the translator with qemu-aarch64, instruction by instruction");
    app.add_option("--qemu", arguments.qemu, "Where the peer may be; the first that exists")->required();
    app.add_option("--program", arguments.program, "The peer's side, an AArch64 Linux program")->required();
    app.add_option("--seed", arguments.seed, "One seed, one sequence of tests");
    app.add_option("--tests", arguments.tests, "How many");
    app.add_option("--only", arguments.only, "Run this one test of the sequence");
    app.add_option("--per-row", arguments.per_row, "Fail if a row was executed to its end less often");
    app.add_option("--report", arguments.report, "Where to write how often each row was executed");
    CLI11_PARSE(app, argc, argv);
    const auto exists = [](const std::string& path) { return std::filesystem::exists(path); };
    const auto qemu = std::find_if(arguments.qemu.begin(), arguments.qemu.end(), exists);
    if (qemu == arguments.qemu.end() || !exists(arguments.program)) {
        fmt::print(stderr,
                   "no peer (make peer), or no program for it (clang 19 and the arm64 cross headers build it)\n");
        return gimbal::differential::skipped;
    }
    arguments.qemu = {*qemu};
    return gimbal::differential::run(arguments);
}
