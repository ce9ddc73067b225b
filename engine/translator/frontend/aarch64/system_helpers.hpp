// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/ir/ir.hpp"

// What system instructions call at run time. Declared here for the frontend, defined beside the CPU
// (cpu/aarch64/system_helpers.cpp), which they act on.
namespace gimbal::translator::aarch64 {

extern const ir::Helper helper_read_register;        ///< a: encoding | Rt << 16; the value. May trap at EL0.
extern const ir::Helper helper_write_register;       ///< a: encoding, b: value. The block synchronizes after it.
extern const ir::Helper helper_exception_return;     ///< ERET: state and pc; the block ends with it.
extern const ir::Helper helper_tlb_maintenance;      ///< a: encoding, b: operand
extern const ir::Helper helper_wait_for_maintenance; ///< DSB
extern const ir::Helper helper_instruction_line;     ///< IC IVAU: b: address
extern const ir::Helper helper_all_instructions;     ///< IC IALLU
extern const ir::Helper helper_data_cache;           ///< DC by address: a: 1 if it needs write permission, b: address
extern const ir::Helper helper_translate_address;    ///< AT: a: encoding, b: address
extern const ir::Helper helper_check_breakpoint;     ///< a: pc
extern const ir::Helper helper_send_event;           ///< SEV
extern const ir::Helper helper_send_event_local;     ///< SEVL

} // namespace gimbal::translator::aarch64
