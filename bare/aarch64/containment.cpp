// SPDX-License-Identifier: Apache-2.0
// A fault of the hypervisor: an exception at EL2, or a failed assertion, which becomes one. It is reported by the CPU
// that has it, which then ends the VMs that it ran and goes on with what is left; docs/el2.md says what that contains.
#include "bare/aarch64/containment.hpp"

#include "arch/aarch64/mpidr.hpp"
#include "bare/aarch64/cpu.hpp"
#include "bare/console_mux.hpp"
#include "bare/uart.hpp"
#include "base/assert.hpp"

namespace gimbal::bare {

using aarch64::SysReg;

constinit FaultScene fault_scene{};

namespace {

constexpr unsigned longest_backtrace = 8;
constexpr unsigned patience = 1U << 22;  ///< Turns of a spin for the console, before a report is made without it.
constexpr unsigned lost_lock = 1U << 28; ///< Turns after which a lock's owner is taken to have faulted.

constinit Atomic<u32> faults{u32{0}}; // of all CPUs

Cpu* this_cpu()
{
    const u64 own = aarch64::MpidrEl1{read_register<SysReg::mpidr_el1>()}.affinity();
    for (Cpu& cpu : fault_scene.cpus)
        if (cpu.mpidr() == own) return &cpu;
    return nullptr;
}

/// A place in the image by its offset, which does not depend on where it was loaded.
void place(Line& line, u64 address)
{
    const bool inside = address >= fault_scene.image && address < fault_scene.image_end;
    line.text(inside ? "image+" : "").hex(inside ? address - fault_scene.image : address);
}

/// The frame records of the procedure call standard (AAPCS64): each is the caller's x29, then where it is returned to.
void report_callers(TextSink& sink, const CpuStacks& stacks, u64 record)
{
    Line line(sink);
    line.text("gimbal-el2:   called from");
    const u64 first = reinterpret_cast<u64>(stacks.stack);
    u64 lowest = first;
    for (unsigned depth = 0; depth < longest_backtrace; ++depth) {
        if (record % 8 != 0 || record < lowest || record + 16 > stacks.end()) return;
        const auto* words = reinterpret_cast<const u64*>(record);
        if (words[1] == 0) return;
        place(line.text(" "), words[1]);
        lowest = record + 16;
        record = words[0];
    }
}

void report(TextSink& sink, unsigned number, const aarch64::ContextFrame& frame, const Cpu* cpu)
{
    {
        Line line(sink);
        line.text("\ngimbal-el2: ");
        if (cpu != nullptr) line.text("CPU ").number(cpu->index()).text(" has faulted: ");
        line.text("exception ").number(number).text(" at ");
        place(line, frame.elr);
        line.text(", SPSR_EL2 ").hex(frame.spsr);
    }
    Line(sink)
        .text("gimbal-el2:   ESR_EL2 ")
        .hex(read_register<SysReg::esr_el2>())
        .text(" FAR_EL2 ")
        .hex(read_register<SysReg::far_el2>())
        .text(" SP ")
        .hex(frame.sp_el0);
    for (unsigned first = 0; first < 31; first += 4) {
        Line line(sink);
        line.text("gimbal-el2:  ");
        for (unsigned n = first; n < first + 4 && n < 31; ++n) line.text(" x").number(n).text(" ").hex(frame.x[n]);
    }
    if (cpu != nullptr) report_callers(sink, fault_scene.stacks[cpu->index()], frame.x[29]);
}

/// On the CPU's own stack, which is empty again.
void go_on(void* argument)
{
    Cpu& cpu = *static_cast<Cpu*>(argument);
    expect_faults(fault_scene.stacks[cpu.index()]);
    cpu.recover();
    cpu.scheduler().contain();
    run_cpu(argument);
}

/// Turns until an owner who goes on has let go.
bool seize_console(ConsoleMux* mux)
{
    if (mux == nullptr) return false;
    for (unsigned turn = 0; turn < patience; ++turn) {
        if (mux->seize()) return true;
        asm volatile("yield");
    }
    return false;
}

[[gnu::noinline]] u64 use_stack(u64 depth)
{
    volatile u64 room[64]{};
    room[depth % 64] = depth;
    const u64 below = depth == ~u64{0} ? 0 : use_stack(depth + 1);
    return below + room[depth % 64];
}

} // namespace

void expect_faults(const CpuStacks& stacks)
{
    write_register<SysReg::tpidr_el2>(stacks.report_end());
    isb();
}

void make_fault(FaultKind kind)
{
    switch (kind) {
    case FaultKind::load: {
        const u64 nowhere = fault_scene.stacks[0].end() + 8; // a guard
        static_cast<void>(*reinterpret_cast<const volatile u64*>(nowhere));
        return;
    }
    case FaultKind::panic: panic("gimbal.test-fault", __FILE__, __LINE__);
    case FaultKind::stack: static_cast<void>(use_stack(0)); return;
    }
}

} // namespace gimbal::bare

using namespace gimbal;
using namespace gimbal::bare;

/// A lock is held for a few hundred instructions. One that stays is held by a CPU that has faulted: who waits for it
/// cannot go on either.
void gimbal::spin_wait(unsigned turn) noexcept
{
    asm volatile("yield");
    if (turn > lost_lock && faults.load(MemoryOrder::relaxed) != 0) [[unlikely]]
        panic("a lock was left behind by a fault", __FILE__, __LINE__);
}

void gimbal::panic(const char* message, const char* file, int line)
{
    if (fault_scene.console != 0) {
        Uart uart(fault_scene.console); // with a lock of its own: who holds the usual one is unknown
        Line(uart)
            .text("\ngimbal-el2: internal error: ")
            .text(message)
            .text(" (")
            .text(file)
            .text(":")
            .number(static_cast<u64>(line))
            .text(")");
    }
    asm volatile("brk #0xE12");
    __builtin_unreachable();
}

extern "C" {

void bare_own_exception(u64 number, const aarch64::ContextFrame* frame);
void bare_own_exception(u64 number, const aarch64::ContextFrame* frame)
{
    Cpu* const cpu = this_cpu();
    faults.fetch_add(1);
    if (fault_scene.console != 0) {
        const bool seized = seize_console(fault_scene.mux);
        Uart uart(fault_scene.console);
        report(uart, static_cast<unsigned>(number), *frame, cpu);
        if (cpu != nullptr)
            Line(uart).text(cpu->has_faulted ? "gimbal-el2:   again: it stops" : "gimbal-el2:   its VMs end");
        if (seized) fault_scene.mux->release();
    }
    // The first CPU has the console, without which the rest is out of reach.
    if (cpu == nullptr || (cpu->has_faulted && cpu->index() == 0)) fault_scene.power_off();
    if (cpu->has_faulted)
        while (true) wfi();
    cpu->has_faulted = true;
    run_on_stack(fault_scene.stacks[cpu->index()].end(), go_on, cpu);
    __builtin_unreachable();
}

} // extern "C"
