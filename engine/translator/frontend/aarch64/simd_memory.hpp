// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/frontend/aarch64/translator.hpp"

namespace gimbal::translator::aarch64::simd {

/// The IR type of a SIMD&FP memory access of 1 << size_log2 bytes, 0 to 4.
constexpr ir::Type memory_type(unsigned size_log2)
{
    constexpr ir::Type types[] = {ir::Type::i8, ir::Type::i16, ir::Type::i32, ir::Type::i64, ir::Type::v128};
    return types[size_log2];
}

inline ir::Value load_element(Translator& t, ir::Value address, unsigned size_log2)
{
    return t.ir.load(memory_type(size_log2), address, t.mem(size_log2));
}

} // namespace gimbal::translator::aarch64::simd
