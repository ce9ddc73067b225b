// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/frontend/aarch64/decode.hpp"

namespace gimbal::differential {

using translator::aarch64::DecodeRow;

enum class Group : u8 {
    integer,
    branch,
    system,
    load_store,
    atomic,
    simd_load_store,
    fp_scalar,
    simd_integer,
    simd_fp,
    crypto
};
inline constexpr unsigned group_count = 10;

unsigned row_index(const DecodeRow& row); ///< Its place in decode_rows().
Group group_of(const DecodeRow& row);     ///< The table file it is in.
bool is_memory(Group group);

/// Why the row is not compared; null: it is.
const char* exclusion(const DecodeRow& row);

/// An exception is what the row does at EL0; any other row counts as covered only when it has gone through without one.
bool ends_in_exception(const DecodeRow& row);

/// Why this one word is not compared; null: it is. Either the architecture leaves the outcome open, or the two CPUs
/// have different features and each is right. docs/differential.md explains.
const char* not_comparable(const DecodeRow& row, u32 word);

} // namespace gimbal::differential
