// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <bit>

#include "engine/translator/vector/rows.hpp"

namespace gimbal::translator::vector {
namespace {

struct Description {
    const char* name;
    unsigned argument_count;
};

constexpr Description descriptions[] = {
#define GIMBAL_VEC_OP(name, args, flags) {#name, args},
#include "engine/translator/ir/vec_ops.inc"
#undef GIMBAL_VEC_OP
};
constexpr usize op_count = std::size(descriptions);

using Index = std::array<const Row*, op_count>;

Index make_index()
{
    constexpr std::span<const Row> (*groups[])() = {
        bitwise_rows,       arithmetic_rows, saturating_rows, compare_rows, shift_rows,
        resize_rows,        permute_rows,    polynomial_rows, aes_rows,     sha_rows,
        fp_arithmetic_rows, fp_compare_rows, fp_convert_rows,
    };
    Index index{};
    for (const auto group : groups)
        for (const Row& row : group()) {
            GIMBAL_ASSERT(index[static_cast<usize>(row.op)] == nullptr);
            index[static_cast<usize>(row.op)] = &row;
        }
    return index;
}

} // namespace

VecFn function(ir::VecOp op, unsigned element_bits, unsigned bytes)
{
    static const Index index = make_index();
    const Row* row = index[static_cast<usize>(op)];
    const bool valid = std::has_single_bit(element_bits) && element_bits >= 8 && element_bits <= 64 &&
                       std::has_single_bit(bytes) && bytes <= 16;
    return row != nullptr && valid ? row->at(element_bits, bytes) : nullptr;
}

unsigned argument_count(ir::VecOp op) { return descriptions[static_cast<usize>(op)].argument_count; }

const char* name(ir::VecOp op) { return descriptions[static_cast<usize>(op)].name; }

} // namespace gimbal::translator::vector
