// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/load_store.hpp"

#include "base/bits.hpp"

namespace gimbal::aarch64 {

enum class LoadStoreShape : u8 {
#define LOAD_STORE(shape, pattern) shape,
#include "arch/aarch64/load_store.inc"
#undef LOAD_STORE
};

namespace {

using Shape = LoadStoreShape;

constexpr LoadStoreRow make_row(Shape shape, const char (&pattern)[33])
{
    u32 mask = 0;
    u32 value = 0;
    for (unsigned at = 0; at < 32; ++at) {
        const char c = pattern[at];
        mask = mask << 1 | u32{c == '0' || c == '1'};
        value = value << 1 | u32{c == '1'};
    }
    return {mask, value, shape};
}

constexpr LoadStoreRow rows[] = {
#define LOAD_STORE(shape, pattern) make_row(Shape::shape, pattern),
#include "arch/aarch64/load_store.inc"
#undef LOAD_STORE
};

constexpr bool rows_are_disjoint()
{
    for (const LoadStoreRow& a : rows)
        for (const LoadStoreRow& b : rows)
            if (&a != &b && ((a.value ^ b.value) & a.mask & b.mask) == 0) return false;
    return true;
}
static_assert(rows_are_disjoint());

constexpr unsigned field(u32 word, unsigned lo, unsigned width) { return static_cast<unsigned>(bits(word, lo, width)); }

constexpr LoadStoreKind load_if(bool load) { return load ? LoadStoreKind::load : LoadStoreKind::store; }

/// The fields at the places that almost all classes share.
LoadStore with_registers(u32 word)
{
    LoadStore op;
    op.rt = static_cast<u8>(field(word, 0, 5));
    op.rn = static_cast<u8>(field(word, 5, 5));
    op.rt2 = static_cast<u8>(field(word, 10, 5));
    op.rs = op.rm = static_cast<u8>(field(word, 16, 5));
    return op;
}

/// size, V and opc of the single-register classes.
bool set_size(LoadStore& op, u32 word)
{
    const unsigned size = field(word, 30, 2);
    const unsigned opc = field(word, 22, 2);
    op.vector = test_bit(word, 26);
    op.element_log2 = static_cast<u8>(size);
    if (op.vector) {
        if (opc >= 2 && size != 0) return false;
        if (opc >= 2) op.element_log2 = 4;
        op.kind = load_if((opc & 1) != 0);
        return true;
    }
    if (opc == 2 && size == 3) {
        op.kind = LoadStoreKind::prefetch;
        return true;
    }
    if (opc == 3 && size >= 2) return false;
    op.kind = load_if(opc != 0);
    op.sign_extend = opc >= 2;
    op.wide = opc == 2 || (opc == 1 && size == 3) || (opc == 0 && size == 3);
    return true;
}

bool decode_literal(LoadStore& op, u32 word)
{
    const unsigned opc = field(word, 30, 2);
    op.vector = test_bit(word, 26);
    op.kind = LoadStoreKind::load;
    op.addressing = Addressing::literal;
    op.offset = sign_extend(field(word, 5, 19), 19) * 4;
    if (op.vector) {
        op.element_log2 = static_cast<u8>(opc + 2);
        return opc != 3;
    }
    if (opc == 3) op.kind = LoadStoreKind::prefetch;
    op.element_log2 = opc == 1 ? 3 : 2;
    op.wide = opc != 0;
    op.sign_extend = opc == 2;
    return true;
}

bool decode_unsigned_offset(LoadStore& op, u32 word)
{
    if (!set_size(op, word)) return false;
    op.offset = static_cast<i64>(u64{field(word, 10, 12)} << op.element_log2);
    return true;
}

bool decode_short_offset(LoadStore& op, u32 word)
{
    if (!set_size(op, word)) return false;
    op.offset = sign_extend(field(word, 12, 9), 9);
    switch (field(word, 10, 2)) {
    case 0: return true;
    case 1: op.addressing = Addressing::post_index; break;
    case 2: op.unprivileged = true; break;
    case 3: op.addressing = Addressing::pre_index; break;
    }
    return op.kind != LoadStoreKind::prefetch && !(op.unprivileged && op.vector);
}

bool decode_register_offset(LoadStore& op, u32 word)
{
    if (!set_size(op, word)) return false;
    const unsigned option = field(word, 13, 3);
    op.addressing = Addressing::register_offset;
    op.extend = static_cast<IndexExtend>(option);
    op.shift = test_bit(word, 12) ? op.element_log2 : u8{0};
    return (option & 2) != 0;
}

bool decode_pair(LoadStore& op, u32 word)
{
    const unsigned opc = field(word, 30, 2);
    const bool load = test_bit(word, 22);
    op.vector = test_bit(word, 26);
    op.kind = load_if(load);
    op.count = 2;
    bool allocated = opc != 3;
    switch (field(word, 23, 2)) {
    case 0: allocated = allocated && (op.vector || opc != 1); break; // LDNP, STNP; there is no LDNPSW
    case 1: op.addressing = Addressing::post_index; break;
    case 2: break;
    case 3: op.addressing = Addressing::pre_index; break;
    }
    if (op.vector) {
        op.element_log2 = static_cast<u8>(opc + 2);
    } else {
        op.element_log2 = opc == 2 ? 3 : 2;
        op.wide = opc != 0;
        op.sign_extend = opc == 1;
        allocated = allocated && (opc != 1 || load); // opc = 1 and a store is STGP
    }
    op.offset = sign_extend(field(word, 15, 7), 7) * op.element_bytes();
    return allocated;
}

void set_plain_size(LoadStore& op, unsigned size)
{
    op.element_log2 = static_cast<u8>(size);
    op.wide = size == 3;
}

bool decode_ordered_offset(LoadStore& op, u32 word)
{
    if (!set_size(op, word)) return false;
    op.offset = sign_extend(field(word, 12, 9), 9);
    return op.kind != LoadStoreKind::prefetch;
}

bool decode_exclusive(LoadStore& op, u32 word, bool pair)
{
    set_plain_size(op, field(word, 30, 2));
    op.kind = test_bit(word, 22) ? LoadStoreKind::load_exclusive : LoadStoreKind::store_exclusive;
    op.count = pair ? 2 : 1;
    return true;
}

bool decode_compare_swap(LoadStore& op, u32 word, bool pair)
{
    op.kind = LoadStoreKind::compare_and_swap;
    if (!pair) {
        set_plain_size(op, field(word, 30, 2));
        return true;
    }
    set_plain_size(op, 2 + field(word, 30, 1));
    op.count = 2;
    return ((op.rs | op.rt) & 1) == 0;
}

bool decode_atomic(LoadStore& op, u32 word, bool swap)
{
    set_plain_size(op, field(word, 30, 2));
    op.kind = LoadStoreKind::atomic;
    op.operation = swap ? AtomicOperation::swap : static_cast<AtomicOperation>(field(word, 12, 3));
    return true;
}

bool decode_multiple(LoadStore& op, u32 word, bool post)
{
    struct Form {
        u8 registers; ///< One behind the other
        u8 structure; ///< In turns
    };
    Form form{};
    switch (field(word, 12, 4)) {
    case 0x0: form = {1, 4}; break;
    case 0x2: form = {4, 1}; break;
    case 0x4: form = {1, 3}; break;
    case 0x6: form = {3, 1}; break;
    case 0x7: form = {1, 1}; break;
    case 0x8: form = {1, 2}; break;
    case 0xA: form = {2, 1}; break;
    }
    const unsigned size = field(word, 10, 2);
    const bool q = test_bit(word, 30);
    op.kind = load_if(test_bit(word, 22));
    op.vector = true;
    op.layout = VectorLayout::lanes;
    op.element_log2 = static_cast<u8>(size);
    op.structure = form.structure;
    op.lanes = static_cast<u8>((q ? 16U : 8U) >> size);
    op.count = static_cast<u8>(form.registers * form.structure * op.lanes);
    if (post) op.addressing = Addressing::post_register;
    return form.registers != 0 && (size != 3 || q || form.structure == 1);
}

bool decode_single(LoadStore& op, u32 word, bool post)
{
    const unsigned opcode = field(word, 13, 3);
    const unsigned size = field(word, 10, 2);
    const unsigned q = field(word, 30, 1);
    const unsigned s = field(word, 12, 1);
    const bool load = test_bit(word, 22);
    op.kind = load_if(load);
    op.vector = true;
    op.layout = VectorLayout::lane;
    op.structure = op.count = static_cast<u8>(((opcode & 1) << 1 | field(word, 21, 1)) + 1);
    if (post) op.addressing = Addressing::post_register;
    switch (opcode >> 1) {
    case 0: op.lane = static_cast<u8>(q << 3 | s << 2 | size); return true;
    case 1:
        op.element_log2 = 1;
        op.lane = static_cast<u8>(q << 2 | s << 1 | size >> 1);
        return (size & 1) == 0;
    case 2:
        op.element_log2 = size == 1 ? 3 : 2;
        op.lane = static_cast<u8>(size == 1 ? q : q << 1 | s);
        return size == 0 || (size == 1 && s == 0);
    case 3:
        op.layout = VectorLayout::replicate;
        op.element_log2 = static_cast<u8>(size);
        op.lanes = static_cast<u8>((q != 0 ? 16U : 8U) >> size);
        return load && s == 0;
    }
    return false;
}

bool decode_fields(LoadStore& op, u32 word, Shape shape)
{
    switch (shape) {
    case Shape::literal: return decode_literal(op, word);
    case Shape::unsigned_offset: return decode_unsigned_offset(op, word);
    case Shape::short_offset: return decode_short_offset(op, word);
    case Shape::register_offset: return decode_register_offset(op, word);
    case Shape::pair: return decode_pair(op, word);
    case Shape::exclusive: return decode_exclusive(op, word, false);
    case Shape::exclusive_pair: return decode_exclusive(op, word, true);
    case Shape::ordered:
        set_plain_size(op, field(word, 30, 2));
        op.kind = load_if(test_bit(word, 22));
        return true;
    case Shape::ordered_offset: return decode_ordered_offset(op, word);
    case Shape::ordered_pc:
        set_plain_size(op, field(word, 30, 2));
        op.kind = LoadStoreKind::load;
        return true;
    case Shape::compare_swap: return decode_compare_swap(op, word, false);
    case Shape::compare_swap_pair: return decode_compare_swap(op, word, true);
    case Shape::atomic: return decode_atomic(op, word, false);
    case Shape::swap: return decode_atomic(op, word, true);
    case Shape::multiple: return decode_multiple(op, word, false);
    case Shape::multiple_post: return decode_multiple(op, word, true);
    case Shape::single: return decode_single(op, word, false);
    case Shape::single_post: return decode_single(op, word, true);
    }
    return false;
}

} // namespace

const LoadStoreRow* find_load_store_row(u32 word)
{
    for (const LoadStoreRow& row : rows)
        if ((word & row.mask) == row.value) return &row;
    return nullptr;
}

std::optional<LoadStore> decode_load_store(u32 word)
{
    const LoadStoreRow* row = find_load_store_row(word);
    if (row == nullptr) return std::nullopt;
    LoadStore op = with_registers(word);
    if (!decode_fields(op, word, row->shape)) return std::nullopt;
    return op;
}

} // namespace gimbal::aarch64
