// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>

#include "engine/translator/ir/print.hpp"
#include "engine/translator/ir/verify.hpp"
#include "test/engine/translator/backend/machine.hpp"

// Random blocks give the same results with and without fusing.
namespace gimbal::translator::test {
namespace {

using ir::Builder;
using ir::Opcode;
using ir::Type;
using ir::Value;

u64 mixing_helper(CpuState& state, u64 a, u64 b, u64 c)
{
    auto& guest = reinterpret_cast<State&>(state);
    guest.x[3] += a ^ b;
    return (a * 3 + b + c) & 0xFFFF'FFFF;
}
u64 reading_helper(CpuState& state, u64 a, u64, u64)
{
    return reinterpret_cast<State&>(state).x[2] + reinterpret_cast<State&>(state).nzcv + a;
}
u64 picky_helper(CpuState& state, u64 a, u64, u64)
{
    if ((a & 0x1F) == 5) {
        state.unwind = Unwind::event;
        state.unwind_event = ir::Event::exception;
    }
    return a + 1;
}
constexpr ir::Helper mixing{
    "mixing", mixing_helper, Type::i32, 1, {true, true, false}
};
constexpr ir::Helper reading{
    "reading", reading_helper, Type::i64, 1, {true, false, false}
};
constexpr ir::Helper picky{
    "picky", picky_helper, Type::i64, 1, {false, false, true}
};

/// Makes one random block; few registers, so that values get into each other's way.
class Generator {
public:
    Generator(u32 seed, ir::Block& block) : random_(seed), b_(block) {}

    void run(unsigned instructions)
    {
        const unsigned loop_at = chance(4) ? pick(instructions) : ~0U;
        for (unsigned i = 0; i < instructions; ++i) {
            b_.begin_instruction(static_cast<u16>(i));
            if (!chance(3)) values_.clear();
            if (i == loop_at && !wrote_) {
                b_.loop_header();
                loop_ = true;
            }
            wrote_ = wrote_ || loop_at == ~0U || i >= loop_at;
            instruction();
        }
        if (loop_) loop_back();
        end();
    }

private:
    unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
    bool chance(unsigned n) { return pick(n) == 0; }
    usize slot() { return x_offset(pick(4)); }
    u64 number()
    {
        constexpr u64 special[] = {0, 1, 2, 5, 8, 0xFF, 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF, ~u64{0}, u64{1} << 63};
        return chance(3) ? (u64{random_()} << 32 | random_()) : special[pick(11)];
    }
    Value keep(Value v)
    {
        values_.push_back(v);
        return v;
    }
    Value value(Type type)
    {
        for (unsigned tries = 0; tries < 6 && !values_.empty(); ++tries) {
            const Value v = values_[pick(static_cast<unsigned>(values_.size()))];
            if (b_.type_of(v) == type) return v;
        }
        return fresh(type);
    }
    Value fresh(Type type)
    {
        switch (type) {
        case Type::i1: return chance(2) ? b_.cmp_eq(value(Type::i64), value(Type::i64)) : flag_test();
        case Type::nzcv: return b_.read(type, nzcv_offset);
        case Type::v128: return b_.read(type, v_offset(pick(3)));
        case Type::i8: return b_.trunc(type, value(Type::i32));
        case Type::i16: return b_.trunc(type, value(Type::i64));
        case Type::i128: return b_.pair(value(Type::i64), value(Type::i64));
        default: break;
        }
        if (chance(4)) return b_.constant(type, type == Type::i32 ? number() & 0xFFFF'FFFF : number());
        if (chance(8)) return type == Type::i64 ? b_.pc_page() : b_.read(type, offsetof(State, narrow) + 4 * pick(4));
        if (chance(6)) return b_.read(type, v_offset(pick(3)) + (chance(2) ? 8 : 0));
        return b_.read(type, slot());
    }
    Value flag_test() { return b_.nzcv_test(value(Type::nzcv), static_cast<ir::Cond>(pick(16))); }

    Value binary(Type type)
    {
        const auto op = static_cast<Opcode>(static_cast<unsigned>(Opcode::sub) + pick(19));
        const Value a = value(type);
        const Value b =
            chance(3) ? b_.constant(type, type == Type::i32 ? number() & 0xFFFF'FFFF : number()) : value(type);
        switch (op) {
        case Opcode::add_carry: return b_.add_carry(a, b, value(Type::i1));
        case Opcode::mul: return b_.mul(a, b);
        case Opcode::mul_high_u: return b_.mul_high_u(a, b);
        case Opcode::and_: return b_.and_(a, b);
        case Opcode::or_: return b_.or_(a, b);
        case Opcode::xor_: return b_.xor_(a, b);
        case Opcode::and_not: return b_.and_not(a, b);
        case Opcode::or_not: return b_.or_not(a, b);
        case Opcode::xor_not: return b_.xor_not(a, b);
        case Opcode::shl: return b_.shl(a, b);
        case Opcode::shr_s: return b_.shr_s(a, b);
        case Opcode::rem_s: return b_.rem_s(a, b);
        case Opcode::sub: return b_.sub(a, b);
        default: return chance(2) ? b_.add(a, b) : b_.add(b, a);
        }
    }
    void pure()
    {
        const Type type = chance(2) ? Type::i64 : Type::i32;
        const unsigned width = type == Type::i64 ? 64 : 32;
        const unsigned lsb = pick(width);
        const unsigned field = 1 + pick(width - lsb);
        switch (pick(22)) {
        case 0: keep(b_.trunc(Type::i32, value(Type::i64))); break;
        case 1: keep(b_.zext(Type::i64, value(Type::i32), 32)); break;
        case 2: keep(b_.sext(Type::i64, value(Type::i32), chance(2) ? 32 : 16)); break;
        case 3: keep(b_.zext(type, value(Type::i8), 8)); break;
        case 4: keep(b_.extract_u(value(type), lsb, field)); break;
        case 5: keep(b_.extract_s(value(type), lsb, field)); break;
        case 6: keep(b_.deposit(value(type), value(type), lsb, field)); break;
        case 7: keep(b_.select(value(Type::i1), value(type), value(type))); break;
        case 8: keep(b_.nzcv_sub(value(type), value(type))); break;
        case 9: keep(b_.nzcv_add_carry(value(type), value(type), b_.nzcv_carry(value(Type::nzcv)))); break;
        case 10: keep(b_.nzcv_bits(value(Type::nzcv))); break;
        case 11: keep(b_.nzcv_make(value(Type::i32))); break;
        case 12: keep(flag_test()); break;
        case 13:
            keep(
                b_.cmp(static_cast<Opcode>(static_cast<unsigned>(Opcode::cmp_eq) + pick(6)), value(type), value(type)));
            break;
        case 14: keep(b_.vec_element(Type::i32, value(Type::v128), 8U << pick(3), pick(4))); break;
        case 15: keep(b_.vec_insert(value(Type::v128), value(Type::i32), 8U << pick(3), pick(4))); break;
        case 16: keep(b_.vec_from_halves(value(Type::i64), value(Type::i64))); break;
        case 17: keep(chance(2) ? b_.low_half(value(Type::i128)) : b_.high_half(value(Type::i128))); break;
        case 18: keep(b_.vec(ir::VecOp::add, 16, 16, value(Type::v128), value(Type::v128))); break;
        case 19: keep(b_.xor_(value(Type::i1), b_.i1c(true))); break;
        case 20: keep(b_.vec_scalar(value(Type::i32), 32)); break;
        default: keep(binary(type)); break;
        }
    }
    Value address()
    {
        const Value low = b_.and_(value(Type::i64), b_.i64c(0x1FF8));
        const Value base = b_.add_imm(low, Machine::ram_base);
        return keep(chance(2) ? base : b_.add(base, b_.shl(b_.and_(value(Type::i64), b_.i64c(31)), b_.i64c(pick(4)))));
    }
    void memory()
    {
        ir::MemOp op{static_cast<u8>(pick(5))};
        if (chance(5)) op.order = ir::Order::acquire_release;
        if (chance(5)) op.big_endian = true;
        if (chance(5)) op.align = ir::Align::natural;
        const Type type = op.size() == 16 ? Type::v128 : op.size() == 8 ? Type::i64 : Type::i32;
        switch (pick(5)) {
        case 0: b_.store(address(), value(type), op); break;
        case 1: keep(b_.call(picky, value(Type::i64))); break;
        case 2:
            if (op.size() == 16 || chance(2))
                keep(b_.load_exclusive(op.size() == 16 ? Type::i128 : type, address(), op));
            else
                keep(b_.atomic_rmw(ir::Atomic::add, type, address(), value(type), op));
            break;
        default: keep(b_.load(type, address(), op)); break;
        }
    }
    void write()
    {
        wrote_ = true;
        switch (pick(8)) {
        case 0: b_.write(nzcv_offset, value(Type::nzcv)); break;
        case 1: b_.write(v_offset(pick(3)), value(Type::v128)); break;
        case 2: b_.write(offsetof(State, narrow) + 4 * pick(4), value(Type::i32)); break;
        case 3: b_.write(slot(), b_.zext(Type::i64, value(Type::i32), 32)); break;
        case 4: b_.write(slot() + pick(8), value(Type::i8)); break;
        case 5:
            if (chance(3))
                keep(b_.call(chance(2) ? mixing : reading, value(Type::i64)));
            else
                b_.write(slot(), value(Type::i64));
            break;
        default: b_.write(slot(), value(Type::i64)); break;
        }
    }
    void instruction()
    {
        for (unsigned n = pick(5); n-- > 0;) pure();
        for (unsigned n = pick(3); n-- > 0;) memory();
        for (unsigned n = pick(3); n-- > 0;) pure();
        for (unsigned n = pick(4); n-- > 0 && (wrote_ || !chance(2));) write();
        if (chance(3)) b_.exit_if(value(Type::i1), 0x800);
    }
    void loop_back()
    {
        const Value counter = b_.add_imm(b_.read(Type::i64, x_offset(5)), ~u64{0});
        b_.write(x_offset(5), counter);
        b_.loop_back_if(b_.cmp(Opcode::cmp_lts, b_.i64c(0), counter));
    }
    void end()
    {
        if (chance(2))
            b_.jump(0x800);
        else if (chance(2))
            b_.synchronize(0x40);
        else
            b_.jump_register(chance(2) ? b_.or_(value(Type::i64), b_.i64c(4)) : b_.i64c(Machine::code_base + 0x800),
                             ir::JumpHint::branch);
    }

    std::mt19937 random_;
    Builder b_;
    std::vector<Value> values_;
    bool wrote_{};
    bool loop_{};
};

void prepare(Machine& m, u32 seed)
{
    std::mt19937 random(seed * 7 + 1);
    for (u64& x : m.state.x) x = (random() & 1) != 0 ? random() : (u64{random()} << 32 | random());
    for (V128& v : m.state.v) v = {u64{random()} << 32 | random(), u64{random()} << 32 | random()};
    for (u32& n : m.state.narrow) n = static_cast<u32>(random());
    for (u8& byte : m.ram) byte = static_cast<u8>(random());
    m.state.x[5] = 3;
    m.state.nzcv = static_cast<u32>(random()) & 0xF000'0000;
    if ((random() & 3) != 0) m.map_ram();
    m.faults = (random() & 3) == 0;
    m.block(Machine::code_base + 0x800, 1, [](Builder& b) { b.event(ir::Event::breakpoint, 1, 0x804); });
}

std::string differences(const Machine& m, const Machine& n)
{
    std::ostringstream out;
    out << std::hex;
    auto compare = [&](const char* what, unsigned index, u64 a, u64 b) {
        if (a != b) out << what << index << ": " << a << " " << b << "\n";
    };
    const State& a = m.state;
    const State& b = n.state;
    compare("pc", 0, a.common.pc, b.common.pc);
    compare("instructions", 0, a.common.instructions, b.common.instructions);
    compare("unwind", 0, static_cast<u64>(a.common.unwind), static_cast<u64>(b.common.unwind));
    compare("nzcv", 0, a.nzcv, b.nzcv);
    for (unsigned i = 0; i < 32; ++i) {
        compare("x", i, a.x[i], b.x[i]);
        compare("v.lo", i, a.v[i].lo, b.v[i].lo);
        compare("v.hi", i, a.v[i].hi, b.v[i].hi);
        if (i < 4) compare("narrow", i, a.narrow[i], b.narrow[i]);
    }
    for (unsigned i = 0; i < sizeof m.ram; ++i) compare("ram", i, m.ram[i], n.ram[i]);
    return out.str();
}

TEST(RandomBlocks, FusedAndPlainAgree)
{
    for (u32 seed = 1; seed <= 2500; ++seed) {
        ir::Block block;
        block.guest_count = static_cast<u16>(1 + seed % 12);
        Generator(seed, block).run(block.guest_count);
        const auto verdict = ir::verify(block);
        ASSERT_TRUE(verdict.has_value()) << ir::print(verdict.error(), block);

        auto fused = std::make_unique<Machine>();
        auto plain = std::make_unique<Machine>(BackendKind::interpreter, false);
        for (Machine* m : {fused.get(), plain.get()}) {
            prepare(*m, seed);
            auto made = m->backend->lower(block, Machine::code_base, 0);
            ASSERT_TRUE(made.has_value()) << seed;
            m->blocks[Machine::code_base] = std::move(*made);
            m->start(Machine::code_base);
        }
        ASSERT_EQ(differences(*fused, *plain), "") << "seed " << seed << "\n" << ir::print(block);
    }
}

} // namespace
} // namespace gimbal::translator::test
