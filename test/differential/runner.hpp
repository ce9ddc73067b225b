// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "test/differential/compare.hpp"
#include "test/differential/engine.hpp"
#include "test/differential/peer_process.hpp"

namespace gimbal::differential {

struct RowCount {
    u64 run{};       ///< Executed on both sides as the last instruction or before it.
    u64 completed{}; ///< Went through, or ended in the exception that it is there for.
};

/// Runs tests on the peer and on both ways of lowering of ours, counts rows, and reports what differs.
class Runner {
public:
    Runner(const std::string& qemu, const std::string& program, u64 seed);

    /// Tests [first, first + count), all of one batch.
    void run(u64 first, unsigned count);
    u64 mismatches() const { return mismatches_; }
    u64 tests() const { return tests_; }
    const std::vector<RowCount>& rows() const { return rows_; }

private:
    struct Side {
        Side(const char* called, translator::BackendKind backend, bool fuse) : name(called), engine(backend, fuse) {}

        const char* name;
        Engine engine;
    };

    [[noreturn]] void give_up(const Test& test, const Outcome& ours) const;
    void count(const Test& test, const Outcome& outcome);
    void report(const Test& test, Side& side);
    bool differs(const Test& test, Side& side, Outcome& ours, Outcome& peers, std::vector<u64>& peers_data);
    Test shrink(const Test& test, Side& side);

    u64 seed_;
    Generator generator_;
    PeerProcess peer_;
    std::deque<Side> sides_; // engines stay where they are made
    std::vector<RowCount> rows_;
    std::vector<u64> reported_; // by row: how many mismatches were shown
    u64 mismatches_{};
    u64 tests_{};
};

} // namespace gimbal::differential
