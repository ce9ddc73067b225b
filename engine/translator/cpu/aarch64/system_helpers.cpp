// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/frontend/aarch64/system_helpers.hpp"

#include "engine/translator/cpu/aarch64/cpu.hpp"

namespace gimbal::translator::aarch64 {

namespace {

constexpr ir::HelperEffects state_only{.reads_state = true, .writes_state = true, .may_unwind = false};
// RNDR sets the flags, any other read may trap at EL0; never both.
constexpr ir::HelperEffects reading{.reads_state = true, .writes_state = true, .may_unwind = true};
constexpr ir::HelperEffects faulting{.reads_state = true, .writes_state = false, .may_unwind = true};

arch::SysReg register_of(u64 a) { return static_cast<arch::SysReg>(a & 0xFFFF); }

u64 read_register(CpuState& state, u64 a, u64, u64)
{
    return Cpu::of(state).read_register(register_of(a), static_cast<unsigned>(a >> 16));
}
u64 write_register(CpuState& state, u64 a, u64 b, u64)
{
    Cpu::of(state).write_register(register_of(a), b);
    return 0;
}
u64 exception_return(CpuState& state, u64, u64, u64)
{
    Cpu::of(state).exception_return();
    return state.pc;
}
u64 tlb_maintenance(CpuState& state, u64 a, u64 b, u64)
{
    Cpu::of(state).invalidate_tlb(register_of(a), b);
    return 0;
}
u64 wait_for_maintenance(CpuState& state, u64, u64, u64)
{
    Cpu::of(state).wait_for_tlb_maintenance();
    return 0;
}
u64 instruction_line(CpuState& state, u64, u64 b, u64)
{
    Cpu::of(state).invalidate_instruction_line(b);
    return 0;
}
u64 all_instructions(CpuState& state, u64, u64, u64)
{
    Cpu::of(state).invalidate_all_instructions();
    return 0;
}
u64 data_cache(CpuState& state, u64 a, u64 b, u64)
{
    Cpu::of(state).check_data_cache_operation(b, a != 0);
    return 0;
}
u64 translate_address(CpuState& state, u64 a, u64 b, u64)
{
    Cpu::of(state).translate_address(register_of(a), b);
    return 0;
}
u64 check_breakpoint(CpuState& state, u64 a, u64, u64)
{
    Cpu::of(state).check_breakpoint(a);
    return 0;
}
u64 send_event(CpuState& state, u64, u64, u64)
{
    Cpu::of(state).send_event();
    return 0;
}
u64 send_event_local(CpuState& state, u64, u64, u64)
{
    Cpu::of(state).set_event_register();
    return 0;
}

} // namespace

using ir::Type;
const ir::Helper helper_read_register{"read_register", read_register, Type::i64, 1, reading};
const ir::Helper helper_write_register{"write_register", write_register, Type::none, 2, state_only};
const ir::Helper helper_exception_return{"exception_return", exception_return, Type::i64, 0, state_only};
const ir::Helper helper_tlb_maintenance{"tlb_maintenance", tlb_maintenance, Type::none, 2, state_only};
const ir::Helper helper_wait_for_maintenance{"wait_for_maintenance", wait_for_maintenance, Type::none, 0, state_only};
const ir::Helper helper_instruction_line{"instruction_line", instruction_line, Type::none, 2, faulting};
const ir::Helper helper_all_instructions{"all_instructions", all_instructions, Type::none, 0, state_only};
const ir::Helper helper_data_cache{"data_cache", data_cache, Type::none, 2, faulting};
const ir::Helper helper_translate_address{"translate_address", translate_address, Type::none, 2, state_only};
const ir::Helper helper_check_breakpoint{"check_breakpoint", check_breakpoint, Type::none, 1, faulting};
const ir::Helper helper_send_event{"send_event", send_event, Type::none, 0, state_only};
const ir::Helper helper_send_event_local{"send_event_local", send_event_local, Type::none, 0, state_only};

} // namespace gimbal::translator::aarch64
