// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "test/differential/words.hpp"

namespace gimbal::differential {

inline constexpr unsigned max_words = 12;

/// A case and what it is made of.
struct Test {
    u64 index{};
    Case input{};
    unsigned count{}; ///< Words before the BRKs.
    const DecodeRow* rows[max_words]{};

    unsigned slot() const { return static_cast<unsigned>(index % batch_cases); }
};

/// Makes the tests of one seed: test n is always the same, whatever else is asked for. Four of five are one instruction
/// (or a load-exclusive and its store), rows in turn; every fifth is a sequence of 2 to max_words.
class Generator {
public:
    explicit Generator(u64 seed);

    Test make(u64 index) const;
    /// What data memory holds before test `index`; the same for all tests of a batch.
    u64 data_seed(u64 index) const { return mix(seed_ ^ index / batch_cases); }

private:
    void single(Test& test, Random& random) const;
    void sequence(Test& test, Random& random) const;

    u64 seed_;
    std::vector<const DecodeRow*> rows_; // not excluded
    std::vector<const DecodeRow*> by_group_[group_count];
};

/// Registers at random: numbers, borders and special values for every width and format.
void fill_registers(Registers& registers, Random& random);

/// Makes word `at` of a test touch what is mapped (mostly): sets its base and offset registers or its displacement.
void aim_access(Test& test, unsigned at, u64 data_seed, Random& random);
/// The same for pointers of a sequence: the word uses the sequence's pointer registers.
void aim_sequence_access(Test& test, unsigned at, Random& random);
/// Makes word `at` a branch, or PC-relative access, to somewhere that ends the case or goes on in it.
void aim_branch(Test& test, unsigned at, Random& random);
/// Makes the branch (or the ADR of one) at `at` land one word later if it lands on an indirect one, which needs the
/// word before it.
void land_off_indirect(Test& test, unsigned at);
bool is_indirect(const DecodeRow& row); ///< BR, BLR, RET

} // namespace gimbal::differential
