// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// Exceptions that come to EL1 whoever looks at them first, and registers that the guest has or has not.

namespace {

constexpr u64 fetch_abort = 0x21;
constexpr u64 data_abort = 0x25;

extern "C" const char undefined_word[];
asm(".globl undefined_word\nundefined_word: udf #0\n");

void check_class(const char* name, const Fault& fault, u64 expected)
{
    check_equal(name, fault.taken != 0 ? exception_class(fault.esr) : 0xFF, expected);
}

#define UNDEFINED(text, instruction) check_class(text, attempt([] { asm volatile(instruction ::: "x0", "memory"); }), 0)

void jump(u64 address) { asm volatile("br %0" ::"r"(address)); }

void instruction_aborts()
{
    const Fault fault = attempt([] { jump(hole + 0x1000); });
    check_equal("a fetch where nothing is", fault.esr & 0xFC00'003F, fetch_abort << 26 | 0x10);
    check_equal("its FAR", fault.far, hole + 0x1000);
    check_equal("its ELR", fault.elr, hole + 0x1000);
    const Fault odd = attempt([] { jump(reinterpret_cast<u64>(undefined_word) + 2); });
    check_class("a fetch from an odd address", odd, 0x22);
    check_equal("its FAR", odd.far, reinterpret_cast<u64>(undefined_word) + 2);
}

void translation()
{
    constexpr u64 unmapped = 0xC000'0000;
    const Fault fault = attempt([] { read32(unmapped + 0x18); });
    check_equal("a stage 1 translation fault", fault.esr & 0xFC00'003F, data_abort << 26 | 0x05);
    check_equal("its FAR", fault.far, unmapped + 0x18);
    // A table of stage 1 where there is no memory.
    u64* root = reinterpret_cast<u64*>(READ_REGISTER("ttbr0_el1") & low_mask(48));
    root[6] = hole | 3;
    asm volatile("dsb ish\n\tisb" ::: "memory");
    const Fault walk = attempt([] { read32(u64{6} << 30 | 0x44); });
    check_equal("a walk into nothing", walk.esr & 0xFC00'003F, data_abort << 26 | 0x16);
    check_equal("its FAR", walk.far, u64{6} << 30 | 0x44);
    root[6] = 0;
    asm volatile("dsb ish\n\ttlbi vmalle1\n\tdsb ish\n\tisb" ::: "memory");
}

void states()
{
    const Fault undefined = attempt([] { asm volatile("b undefined_word"); });
    check_class("udf", undefined, 0);
    check_equal("its ELR", undefined.elr, reinterpret_cast<u64>(undefined_word));
    check_class("svc", attempt([] { asm volatile("svc #7"); }), 0x15);
    check_class("brk", attempt([] { asm volatile("brk #7"); }), 0x3C);
    // A return to EL2 is illegal at EL1, and leaves PSTATE.IL set.
    const Fault illegal = attempt([] {
        asm volatile("msr spsr_el1, %0\n\tadr x0, 1f\n\tmsr elr_el1, x0\n\teret\n1:\tnop" ::"r"(u64{0x3C9}) : "x0");
    });
    check_class("illegal state", illegal, 0x0E);
    check("it is in SPSR", (illegal.spsr & bit(20)) != 0);
    WRITE_REGISTER("cpacr_el1", 0);
    const Fault fp = attempt([] { asm volatile(".arch_extension fp\n\tfmov d0, xzr"); });
    check_class("FP, by the guest's own trap", fp, 0x07);
    WRITE_REGISTER("cpacr_el1", u64{3} << 20);
    check("FP, without it", attempt([] { asm volatile(".arch_extension fp\n\tfmov d0, xzr"); }).taken == 0);
    if (settings.sp == 0) return leave_out("a stack pointer that is not aligned", "this CPU does not look");
    const Fault stack = attempt([] {
        asm volatile("mov x9, sp\n\tadd x10, x9, #-24\n\tmov sp, x10\n\tldr x0, [sp]\n\tmov sp, x9" ::
                         : "x0", "x9", "x10");
    });
    check_class("a stack pointer that is not aligned", stack, 0x26);
}

void identification()
{
    check_equal("MPIDR_EL1", READ_REGISTER("mpidr_el1") & ~bit(30) & ~bit(24), bit(31));
    check("MIDR_EL1", READ_REGISTER("midr_el1") != 0);
    const u64 features = READ_REGISTER("id_aa64pfr0_el1");
    check("EL0 and EL1", (features & 0xF) != 0 && (settings.peer != 0 || (features >> 4 & 0xF) == 1));
    check("the GIC's registers", (features >> 24 & 0xF) != 0);
    const Fault every = attempt([] {
#define READ_ALL(crm)                                                                                                  \
    asm volatile("mrs x0, S3_0_C0_C" #crm "_0\n\tmrs x0, S3_0_C0_C" #crm "_1\n\tmrs x0, S3_0_C0_C" #crm                \
                 "_2\n\tmrs x0, S3_0_C0_C" #crm "_3\n\tmrs x0, S3_0_C0_C" #crm "_4\n\tmrs x0, S3_0_C0_C" #crm          \
                 "_5\n\tmrs x0, S3_0_C0_C" #crm "_6\n\tmrs x0, S3_0_C0_C" #crm "_7" ::                                 \
                     : "x0")
        READ_ALL(1);
        READ_ALL(2);
        READ_ALL(3);
        READ_ALL(4);
        READ_ALL(5);
        READ_ALL(6);
        READ_ALL(7);
    });
    check("every ID register can be read", every.taken == 0);
    (void)READ_REGISTER("clidr_el1");
    (void)READ_REGISTER("ctr_el0");
    (void)READ_REGISTER("revidr_el1");
    (void)READ_REGISTER("aidr_el1");
}

void undefined_registers()
{
    UNDEFINED("a write of an ID register", "msr S3_0_C0_C4_0, x0");
    UNDEFINED("a read of a register that can be written only", "mrs x0, S3_0_C12_C11_5"); // ICC_SGI1R_EL1
    UNDEFINED("EL2's registers", "mrs x0, hcr_el2");
    UNDEFINED("EL2's stack pointer", "msr sp_el1, x0");
    UNDEFINED("an instruction of EL2", "tlbi alle1");
    UNDEFINED("EL3's registers", "mrs x0, scr_el3");
    if (settings.peer != 0) {
        leave_out("what gimbal's VMs have not", "another board");
        return;
    }
    check_equal("EL2 is not there", READ_REGISTER("id_aa64pfr0_el1") >> 8 & 0xFF, 0);
    UNDEFINED("an implementation-defined register", "mrs x0, S3_0_C15_C0_0");
    UNDEFINED("an implementation-defined instruction", "sys #0, C11, C0, #0, x0");
    if ((READ_REGISTER("id_aa64dfr0_el1") >> 8 & 0xF) == 0) UNDEFINED("a PMU that is not there", "mrs x0, pmccntr_el0");
    // CPACR_EL1.ZEN is the CPU's even so; without it the exception would be its own.
    WRITE_REGISTER("cpacr_el1", u64{3} << 20 | u64{3} << 16);
    if ((READ_REGISTER("id_aa64pfr0_el1") >> 32 & 0xF) == 0) UNDEFINED("SVE that is not there", "mrs x0, S3_0_C1_C2_0");
    WRITE_REGISTER("cpacr_el1", u64{3} << 20);
    WRITE_REGISTER("actlr_el1", ~u64{0});
    check_equal("ACTLR_EL1 is of nobody's use", READ_REGISTER("actlr_el1"), 0);
}

void maintenance()
{
    const Fault fault = attempt([] {
        asm volatile("dc isw, xzr\n\tdc csw, xzr\n\tdc cisw, xzr\n\tic iallu\n\tic ialluis\n\ttlbi vmalle1\n\t"
                     "tlbi vmalle1is\n\tdsb ish\n\tisb" ::
                         : "memory");
    });
    check("maintenance of caches and TLBs", fault.taken == 0);
}

} // namespace

void run_exceptions()
{
    instruction_aborts();
    translation();
    states();
    identification();
    undefined_registers();
    maintenance();
}
