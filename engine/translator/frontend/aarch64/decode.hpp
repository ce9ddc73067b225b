// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "engine/translator/frontend/aarch64/insn.hpp"

namespace gimbal::translator::aarch64 {

class Translator;
using TranslateFn = void (*)(Translator&, Insn);

/// One row of the A64 decode table (tables/*.inc).
struct DecodeRow {
    const char* name;    ///< The function in namespace insn; the manual's page name with underscores.
    const char* pattern; ///< 32 characters from bit 31 down: 0, 1, letters for fields, '-' for bits that are ignored.
    u32 mask;            ///< The bits that the pattern fixes.
    u32 value;
    TranslateFn translate;
};

/// Every row. Two rows may overlap only if one fixes all bits that the other does and more; then that one wins. This is
/// checked at compile time.
std::span<const DecodeRow> decode_rows();

/// The row that matches, or null: the word is unallocated.
const DecodeRow* decode(Insn insn);

} // namespace gimbal::translator::aarch64
