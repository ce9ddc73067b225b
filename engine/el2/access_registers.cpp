// SPDX-License-Identifier: Apache-2.0
#include "base/bits.hpp"
#include "engine/el2/access_sequence.hpp"

// How an access sequence's bytes and the guest's registers belong together.
namespace gimbal::el2 {

using aarch64::AtomicOperation;
using aarch64::ContextFrame;
using aarch64::LoadStoreKind;
using aarch64::VectorLayout;

namespace {

constexpr unsigned vector_count = 32;

u64 byte_of(VectorRegister value, unsigned index)
{
    return (index < 8 ? value.lo >> (8 * index) : value.hi >> (8 * (index - 8))) & 0xFF;
}

/// The part of `element` bytes at `lane` of `into` becomes `value`.
void insert_lane(VectorRegister& into, VectorRegister value, unsigned lane, unsigned element)
{
    if (element == 16) {
        into = value;
        return;
    }
    const unsigned at = lane * element;
    u64& half = at < 8 ? into.lo : into.hi;
    const unsigned shift = 8 * (at & 7);
    const u64 mask = low_mask(8 * element);
    half = (half & ~(mask << shift)) | (value.lo & mask) << shift;
}

VectorRegister extract_lane(VectorRegister from, unsigned lane, unsigned element)
{
    if (element == 16) return from;
    const unsigned at = lane * element;
    const u64 half = at < 8 ? from.lo : from.hi;
    return {half >> (8 * (at & 7)) & low_mask(8 * element), 0};
}

u64 combine(AtomicOperation operation, u64 old, u64 operand, unsigned width)
{
    const i64 signed_old = sign_extend(old, width);
    const i64 signed_operand = sign_extend(operand, width);
    switch (operation) {
    case AtomicOperation::add: return old + operand;
    case AtomicOperation::clear: return old & ~operand;
    case AtomicOperation::exclusive_or: return old ^ operand;
    case AtomicOperation::set: return old | operand;
    case AtomicOperation::signed_max: return signed_old > signed_operand ? old : operand;
    case AtomicOperation::signed_min: return signed_old < signed_operand ? old : operand;
    case AtomicOperation::unsigned_max: return old > operand ? old : operand;
    case AtomicOperation::unsigned_min: return old < operand ? old : operand;
    case AtomicOperation::swap: return operand;
    }
    return operand;
}

} // namespace

VectorRegister AccessSequence::element(unsigned index) const
{
    const unsigned size = operation_.element_bytes();
    VectorRegister value;
    for (unsigned i = 0; i < size; ++i) {
        const unsigned at = index * size + (big_endian_ ? size - 1 - i : i);
        (i < 8 ? value.lo : value.hi) |= u64{bytes_[at]} << (8 * (i & 7));
    }
    return value;
}

void AccessSequence::set_element(unsigned index, VectorRegister value)
{
    const unsigned size = operation_.element_bytes();
    for (unsigned i = 0; i < size; ++i)
        bytes_[index * size + (big_endian_ ? size - 1 - i : i)] = static_cast<u8>(byte_of(value, i));
}

/// V registers that the instruction names.
unsigned AccessSequence::vectors() const
{
    return operation_.layout == VectorLayout::lanes ? operation_.count / operation_.lanes : operation_.count;
}

unsigned AccessSequence::vector_number(unsigned index) const
{
    if (operation_.layout == VectorLayout::whole) return index == 0 ? operation_.rt : operation_.rt2;
    return (operation_.rt + index) % vector_count;
}

/// Where lane `lane` of the instruction's register `index` is in memory, counted in elements.
unsigned AccessSequence::element_of_lane(unsigned index, unsigned lane) const
{
    const unsigned turns = operation_.structure;
    return (index / turns * operation_.lanes + lane) * turns + index % turns;
}

/// What is stored, and what an atomic access needs, is taken from the registers before the first access.
void AccessSequence::gather(const ContextFrame& frame, GuestView& guest)
{
    const u64 mask = low_mask(8 * operation_.element_bytes());
    for (unsigned i = 0; i < 2; ++i) {
        // The pair of CASP begins with an even register; of other instructions the second one is not looked at.
        operand_[i] = expected_[i] = 0;
        if (i >= operation_.count) continue;
        if (operation_.kind == LoadStoreKind::compare_and_swap) {
            operand_[i] = frame.gpr(operation_.rt + i) & mask;
            expected_[i] = frame.gpr(operation_.rs + i) & mask;
        } else if (operation_.kind == LoadStoreKind::atomic) {
            operand_[i] = frame.gpr(operation_.rs) & mask;
        }
    }
    if (operation_.kind != LoadStoreKind::store || zero_) return;
    if (operation_.vector) return gather_vectors(guest);
    set_element(0, {frame.gpr(operation_.rt), 0});
    if (operation_.count == 2) set_element(1, {frame.gpr(operation_.rt2), 0});
}

void AccessSequence::gather_vectors(GuestView& guest)
{
    const unsigned size = operation_.element_bytes();
    for (unsigned index = 0; index < vectors(); ++index) {
        const VectorRegister value = guest.read_vector(vector_number(index));
        switch (operation_.layout) {
        case VectorLayout::whole: set_element(index, value); break;
        case VectorLayout::lanes:
            for (unsigned lane = 0; lane < operation_.lanes; ++lane)
                set_element(element_of_lane(index, lane), extract_lane(value, lane, size));
            break;
        case VectorLayout::lane: set_element(index, extract_lane(value, operation_.lane, size)); break;
        case VectorLayout::replicate: break; // loads only
        }
    }
}

void AccessSequence::scatter_general(ContextFrame& frame) const
{
    for (unsigned i = 0; i < operation_.count; ++i) {
        u64 value = element(i).lo;
        if (operation_.sign_extend) value = static_cast<u64>(sign_extend(value, 8 * operation_.element_bytes()));
        if (!operation_.wide) value &= low_mask(32);
        frame.set_gpr(i == 0 ? operation_.rt : operation_.rt2, value);
    }
}

void AccessSequence::scatter_vectors(GuestView& guest) const
{
    const unsigned size = operation_.element_bytes();
    for (unsigned index = 0; index < vectors(); ++index) {
        VectorRegister value;
        switch (operation_.layout) {
        case VectorLayout::whole: value = element(index); break;
        case VectorLayout::lanes:
            for (unsigned lane = 0; lane < operation_.lanes; ++lane)
                insert_lane(value, element(element_of_lane(index, lane)), lane, size);
            break;
        case VectorLayout::lane:
            value = guest.read_vector(vector_number(index));
            insert_lane(value, element(index), operation_.lane, size);
            break;
        case VectorLayout::replicate:
            for (unsigned lane = 0; lane < operation_.lanes; ++lane) insert_lane(value, element(index), lane, size);
            break;
        }
        guest.write_vector(vector_number(index), value);
    }
}

/// All is read or written. True: an atomic access goes on with its second half.
bool AccessSequence::begin_write_back()
{
    const bool compare = operation_.kind == LoadStoreKind::compare_and_swap;
    if (writing_ || !(compare || operation_.kind == LoadStoreKind::atomic)) return false;
    bool equal = true;
    for (unsigned i = 0; i < operation_.count; ++i) {
        old_[i] = element(i).lo;
        equal = equal && old_[i] == expected_[i];
    }
    if (compare && !equal) return false;
    const unsigned width = 8 * operation_.element_bytes();
    for (unsigned i = 0; i < operation_.count; ++i)
        set_element(i, {compare ? operand_[i] : combine(operation_.operation, old_[i], operand_[i], width), 0});
    writing_ = true;
    position_ = 0;
    return true;
}

} // namespace gimbal::el2
