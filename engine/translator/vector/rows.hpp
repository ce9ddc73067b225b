// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <span>

#include "engine/translator/vector/vector.hpp"

namespace gimbal::translator::vector {

/// The implementations of one operation, by element size and length; null where it is not defined.
struct Row {
    ir::VecOp op{};
    VecFn by_size[4][5]{}; ///< [log2 of the element's bytes][log2 of the length in bytes]

    constexpr VecFn& at(unsigned element_bits, unsigned bytes)
    {
        return by_size[std::countr_zero(element_bits) - 3][std::countr_zero(bytes)];
    }
    constexpr const VecFn& at(unsigned element_bits, unsigned bytes) const
    {
        return by_size[std::countr_zero(element_bits) - 3][std::countr_zero(bytes)];
    }
};

// One table for each source file; function.cpp joins them.
std::span<const Row> bitwise_rows();
std::span<const Row> arithmetic_rows();
std::span<const Row> saturating_rows();
std::span<const Row> compare_rows();
std::span<const Row> shift_rows();
std::span<const Row> resize_rows();
std::span<const Row> permute_rows();
std::span<const Row> polynomial_rows();
std::span<const Row> aes_rows();
std::span<const Row> sha_rows();
std::span<const Row> fp_arithmetic_rows();
std::span<const Row> fp_compare_rows();
std::span<const Row> fp_convert_rows();

} // namespace gimbal::translator::vector
