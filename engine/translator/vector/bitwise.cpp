// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;

/// The same functions serve every element size.
constexpr Row any_size(Row row)
{
    for (unsigned bits = 8; bits < 64; bits *= 2)
        for (const unsigned bytes : {8U, 16U}) row.at(bits, bytes) = row.at(64, bytes);
    return row;
}

constexpr Row rows[] = {
    any_size(binary_u<[](auto a, auto b) { return a & b; }, size_64>(VecOp::and_)),
    any_size(binary_u<[](auto a, auto b) { return a | b; }, size_64>(VecOp::or_)),
    any_size(binary_u<[](auto a, auto b) { return a ^ b; }, size_64>(VecOp::xor_)),
    any_size(binary_u<[](auto a, auto b) { return a & ~b; }, size_64>(VecOp::and_not)),
    any_size(binary_u<[](auto a, auto b) { return a | ~b; }, size_64>(VecOp::or_not)),
    any_size(unary_u<[](auto a) { return ~a; }, size_64>(VecOp::not_)),
    any_size(ternary_u<[](auto a, auto b, auto c) { return (a & b) | (~a & c); }, size_64>(VecOp::select_bits)),
};

} // namespace

std::span<const Row> bitwise_rows() { return rows; }

} // namespace gimbal::translator::vector
