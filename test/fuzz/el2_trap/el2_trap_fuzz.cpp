// SPDX-License-Identifier: Apache-2.0
// Any syndrome, any instruction under it, any answer: the decoder ends each trap in an exit of its own kinds, an
// exception of the guest's or a guest that runs on, and registers change only when an instruction is over.
#include <algorithm>

#include "base/assert.hpp"
#include "engine/el2/trap.hpp"
#include "test/fuzz/op_stream.hpp"

namespace {

using namespace gimbal;
using aarch64::ContextFrame;
using aarch64::FaultStatus;

constexpr u64 page = 4096;
constexpr unsigned longest_sequence = 2048; // DC ZVA of the largest block, byte by byte

/// Odd pages are RAM; every fourth one cannot be translated.
class Guest final : public el2::GuestView {
public:
    Result<el2::StageOneResult, FaultStatus> translate(u64 va, Direction, bool) override
    {
        if ((va / page & 3) == 2) return fail(fault_status(FaultStatus::translation, va / page & 3));
        return el2::StageOneResult{{va & low_mask(48)}, device};
    }
    std::optional<u32> fetch(u64) override { return has_code ? std::optional(word) : std::nullopt; }
    bool read_memory(Gpa gpa, std::span<u8> to) override
    {
        if ((gpa.value / page & 1) == 0) return false;
        for (usize i = 0; i < to.size(); ++i) to[i] = memory[(gpa.value + i) % sizeof memory];
        return true;
    }
    bool write_memory(Gpa gpa, std::span<const u8> from) override
    {
        if ((gpa.value / page & 1) == 0) return false;
        for (usize i = 0; i < from.size(); ++i) memory[(gpa.value + i) % sizeof memory] = from[i];
        return true;
    }
    el2::VectorRegister read_vector(unsigned n) override
    {
        GIMBAL_ASSERT(n < 32);
        return v[n];
    }
    void write_vector(unsigned n, el2::VectorRegister value) override
    {
        GIMBAL_ASSERT(n < 32);
        v[n] = value;
        ++changes;
    }
    void load_fp_state() override {}
    u64 read_sp_el1() override { return sp_el1; }
    void write_sp_el1(u64 value) override
    {
        sp_el1 = value;
        ++changes;
    }
    el2::StageOneRegisters stage_one_registers() override { return stage_one; }
    void take_exception(ContextFrame& frame, const el2::El1Exception& exception) override
    {
        ++exceptions;
        frame.elr = el2::el1_vector_offset({frame.spsr}, exception.vector);
        frame.spsr = el2::el1_handler_state({frame.spsr}, {0}, {}).raw;
    }
    unsigned zero_block_bytes() override { return 4U << zero_block_log2; }
    void flush_tlb() override {}
    void clean_caches() override {}

    u8 memory[2 * page]{};
    el2::VectorRegister v[32]{};
    el2::StageOneRegisters stage_one{};
    u64 sp_el1{};
    u32 word{};
    bool has_code{true};
    bool device{};
    unsigned zero_block_log2{4};
    unsigned changes{};
    unsigned exceptions{};
};

struct Vcpu {
    ContextFrame frame;
    Guest guest;
    el2::TrapDecoder decoder;

    bool general_registers_are(const ContextFrame& before) const
    {
        return std::equal(std::begin(frame.x), std::end(frame.x), std::begin(before.x)) &&
               frame.sp_el0 == before.sp_el0;
    }
};

el2::Trap take_trap(test::OpStream& ops)
{
    el2::Trap trap;
    const u8 ec = static_cast<u8>(ops.take(1));
    trap.esr = aarch64::make_esr(static_cast<aarch64::Ec>(ec & 0x3F), static_cast<u32>(ops.take(4)), (ec & 0x40) == 0);
    trap.far = ops.take(3);
    trap.hpfar = ops.take(3) << 4;
    trap.sctlr = ops.take(1) << 20;
    return trap;
}

Completion take_answer(test::OpStream& ops)
{
    Completion answer;
    const u64 choice = ops.take(1);
    answer.kind = static_cast<CompletionKind>(choice % 5);
    answer.inject = static_cast<InjectKind>(choice / 5 % 3);
    answer.result_count = static_cast<u8>(ops.take(1));
    answer.results[0] = ops.take(8);
    return answer;
}

void check_exit(const Exit& exit)
{
    GIMBAL_ASSERT(el2::TrapDecoder::raises.contains(exit.kind));
    if (exit.kind != ExitKind::mmio) return;
    const unsigned size = byte_count(exit.mmio.size);
    GIMBAL_ASSERT(is_power_of_two(size) && size <= 8);
    GIMBAL_ASSERT((exit.mmio.gpa.value & (page - 1)) + size <= page);
    GIMBAL_ASSERT((exit.mmio.data & ~low_mask(8 * size)) == 0);
}

/// One trap and its answers. `done` is what answers once the input has said enough.
void one_trap(Vcpu& vcpu, test::OpStream& ops)
{
    const el2::Trap trap = take_trap(ops);
    const ContextFrame before = vcpu.frame;
    vcpu.guest.changes = vcpu.guest.exceptions = 0;
    Exit exit;
    bool asked = vcpu.decoder.decode(trap, vcpu.frame, vcpu.guest, exit);
    unsigned answers = 0;
    while (asked) {
        check_exit(exit);
        // While an exit waits nothing of the instruction has happened.
        GIMBAL_ASSERT(vcpu.frame == before && vcpu.guest.changes == 0 && vcpu.guest.exceptions == 0);
        if (exit.kind == ExitKind::fatal) return;
        const Completion answer = (ops.take(1) & 3) == 0 && answers < longest_sequence
                                      ? take_answer(ops)
                                      : Completion::make_done(ops.take(8));
        const bool commits = (answer.result_count & 0x40) != 0;
        if (commits) vcpu.decoder.commit(answer, vcpu.frame, vcpu.guest);
        asked = vcpu.decoder.next(commits ? Completion{} : answer, vcpu.frame, vcpu.guest, exit);
        GIMBAL_ASSERT(++answers <= 2 * longest_sequence);
    }
    GIMBAL_ASSERT(!vcpu.decoder.waits_for_answer());
    GIMBAL_ASSERT(vcpu.guest.exceptions <= 1);
    // An exception leaves registers as they were.
    if (vcpu.guest.exceptions == 1) {
        GIMBAL_ASSERT(vcpu.general_registers_are(before) && vcpu.guest.changes == 0);
        return;
    }
    const bool narrow = (before.spsr & aarch64::Spsr::nrw::mask) != 0;
    const u64 pc_mask = low_mask(narrow ? 32 : 64);
    const u64 moved = (vcpu.frame.elr - before.elr) & pc_mask;
    const u64 back = static_cast<u64>(-4) & pc_mask; // a hypercall that is to run again
    GIMBAL_ASSERT(moved == 0 || moved == 2 || moved == 4 || moved == back);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    test::OpStream ops(data, size);
    Vcpu vcpu;
    while (!ops.empty()) {
        const u64 what = ops.take(1);
        switch (what & 3) {
        case 0: // the general registers, small addresses that meet take_trap()'s
            for (u64& value : vcpu.frame.x) value = ops.take(3);
            vcpu.guest.sp_el1 = vcpu.frame.sp_el0 = ops.take(3);
            break;
        case 1: // the state it is in
            vcpu.frame.spsr = ops.take(4);
            vcpu.frame.elr = ops.take(8) & ~u64{3};
            vcpu.guest.has_code = (what & 4) == 0;
            vcpu.guest.device = (what & 8) != 0;
            vcpu.guest.zero_block_log2 = static_cast<unsigned>(what >> 4) % 10;
            vcpu.guest.stage_one = {ops.take(5), ops.take(3), ops.take(3)};
            break;
        case 2: vcpu.guest.word = static_cast<u32>(ops.take(4)); break;
        case 3: one_trap(vcpu, ops); break;
        }
    }
    return 0;
}
