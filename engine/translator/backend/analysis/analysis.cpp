// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/analysis/analysis.hpp"

#include <algorithm>
#include <string_view>

#include "base/bits.hpp"
#include "engine/translator/core/cpu_state.hpp"

namespace gimbal::translator {

namespace {

using ir::Inst;
using ir::Opcode;

constexpr char op_flags[] = {
#define P 'P'
#define R 'R'
#define W 'W'
#define F 'F'
#define X 'X'
#define T 'T'
#define GIMBAL_IR_OP(name, args, flags) flags,
#include "engine/translator/ir/opcodes.inc"
#undef GIMBAL_IR_OP
#undef P
#undef R
#undef W
#undef F
#undef X
#undef T
};

constexpr std::string_view vec_flags[] = {
#define GIMBAL_VEC_OP(name, args, flags) #flags,
#include "engine/translator/ir/vec_ops.inc"
#undef GIMBAL_VEC_OP
};

/// Guest state must be exact here: it can be left or looked at.
bool exposes_state(const Inst& inst)
{
    const char flag = op_flags[static_cast<usize>(inst.op)];
    return flag == 'F' || flag == 'X' || flag == 'T' || inst.op == Opcode::call || inst.op == Opcode::loop_header;
}

struct Known {
    u64 offset;
    unsigned size;
    Ref value;
};

/// What the guest's slots are known to hold while the block is walked forwards.
class KnownSlots {
public:
    void clear() { known_.clear(); }
    void set(u64 offset, unsigned size, Ref value)
    {
        std::erase_if(known_, [&](const Known& k) { return overlaps(k.offset, k.size, offset, size); });
        known_.push_back({offset, size, value});
    }
    void add(u64 offset, unsigned size, Ref value) { known_.push_back({offset, size, value}); }
    const Known* find(u64 offset, unsigned size) const
    {
        for (const Known& k : known_)
            if (k.offset <= offset && offset + size <= k.offset + k.size) return &k;
        return nullptr;
    }

private:
    std::vector<Known> known_;
};

void resolve_read(Analysis& a, u16 index, KnownSlots& known)
{
    Inst& inst = a.insts[index];
    const unsigned size = ir::byte_size(inst.type);
    const Known* found = known.find(inst.imm, size);
    if (found == nullptr) {
        a.refs[index].dirty = size < 8;
        known.add(inst.imm, size, a.refs[index]);
        return;
    }
    const Ref held = found->value;
    const unsigned delta = static_cast<unsigned>(inst.imm - found->offset);
    const Inst& root = a.at(held.root);
    if (root.op == Opcode::constant) {
        // Constants of 16 bytes do not exist: one written there is zero above.
        const u64 value = delta >= 8 ? 0 : root.imm >> (delta * 8);
        if (size <= 8) {
            inst.op = Opcode::constant;
            inst.imm = value & low_mask(size * 8);
        } else {
            a.refs[index] = held;
        }
        return;
    }
    const bool clean = !held.dirty && held.delta == 0 && delta == 0 && ir::byte_size(root.type) <= size;
    a.refs[index] = {held.root, static_cast<u16>(held.delta + delta), size < 8 && !clean};
}

void forwards(Analysis& a, bool fuse)
{
    KnownSlots known;
    for (u16 i = 0; i < a.count; ++i) {
        const Inst& inst = a.insts[i];
        a.refs[i] = {i, 0, false};
        if (inst.op == Opcode::read && !is_positional_read(inst) && fuse) {
            resolve_read(a, i, known);
        } else if (inst.op == Opcode::write) {
            known.set(inst.imm, ir::byte_size(inst.type), a.ref(inst.args[0]));
        } else if (inst.op == Opcode::call) {
            a.refs[i].dirty = ir::byte_size(inst.type) < 8;
            if (reinterpret_cast<const ir::Helper*>(inst.imm)->effects.writes_state) known.clear();
        } else if (inst.op == Opcode::loop_header) {
            known.clear();
        } else if (fuse && is_pure(inst)) {
            fold(a, i);
        }
    }
}

void note_uses(Analysis& a, u16 index, bool fuse)
{
    const Inst& inst = a.insts[index];
    for (const ir::Value arg : inst.args)
        if (arg.valid()) ++a.uses[a.ref(arg).root];
    if (inst.op != Opcode::write || inst.imm < sizeof(CpuState) || !fuse) return;
    const Ref ref = a.ref(inst.args[0]);
    if (ref.delta == 0 && !ref.dirty && stores_whole(a.at(ref.root).type, inst.type)) a.write_of[ref.root] = index;
}

void backwards(Analysis& a, bool fuse)
{
    struct Range {
        u64 offset;
        unsigned size;
    };
    std::vector<Range> overwritten; // before anything can look
    for (u16 i = static_cast<u16>(a.count); i-- > 0;) {
        const Inst& inst = a.insts[i];
        const unsigned size = ir::byte_size(inst.type);
        bool live = true;
        if (inst.op == Opcode::write) {
            // What lies in CpuState itself other ops may look at, floating-point control for one.
            live = inst.imm < sizeof(CpuState) ||
                   !std::ranges::any_of(
                       overwritten,
                       [&](const Range& r) { return r.offset <= inst.imm && inst.imm + size <= r.offset + r.size; });
            if (live) overwritten.push_back({inst.imm, size});
        } else if (exposes_state(inst)) {
            overwritten.clear();
        } else if (inst.op == Opcode::read) {
            live = a.refs[i].root == i && a.uses[i] != 0;
            if (live)
                std::erase_if(overwritten, [&](const Range& r) { return overlaps(r.offset, r.size, inst.imm, size); });
        } else if (is_pure(inst) || inst.op == Opcode::constant || inst.op == Opcode::pc_page) {
            live = a.refs[i].root == i && a.uses[i] != 0;
        }
        a.live[i] = live || !fuse;
        if (a.live[i]) note_uses(a, i, fuse);
    }
}

} // namespace

bool overlaps(u64 a, unsigned a_size, u64 b, unsigned b_size) { return a < b + b_size && b < a + a_size; }

bool stores_whole(ir::Type type, ir::Type written)
{
    if (type == ir::Type::nzcv || written == ir::Type::nzcv) return type == written;
    const unsigned size = ir::byte_size(written);
    return size == 16 ? ir::byte_size(type) == 16 : size == 8 && ir::byte_size(type) <= 8;
}

bool is_pure(const Inst& inst)
{
    if (inst.op == Opcode::vec) {
        const std::string_view flags = vec_flags[inst.sub];
        return flags == "I" || flags == "C";
    }
    return op_flags[static_cast<usize>(inst.op)] == 'P' && inst.op != Opcode::constant && inst.op != Opcode::pc_page &&
           inst.op != Opcode::loop_header;
}

bool is_positional_read(const Inst& inst) { return inst.imm < sizeof(CpuState) || inst.type == ir::Type::i1; }

Analysis analyse(const ir::Block& block, bool fuse)
{
    Analysis a;
    a.insts = block.insts;
    a.count = block.insts.size();
    a.refs.resize(a.count);
    forwards(a, fuse);
    a.uses.resize(a.insts.size());
    a.live.resize(a.insts.size(), true);
    a.write_of.resize(a.insts.size(), no_value);
    backwards(a, fuse);
    return a;
}

} // namespace gimbal::translator
