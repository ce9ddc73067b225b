// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/guest_system_registers.hpp"

#include "arch/aarch64/text_writer.hpp"

namespace gimbal::aarch64 {

usize format(const GuestSystemRegisters& registers, std::span<char> out)
{
    TextWriter writer(out);
    for (const GuestRegisterRow& row : guest_register_table) {
        const usize line_start = writer.used();
        writer.text(sysreg_name(row.reg));
        writer.pad_to(16, line_start);
        writer.hex16(registers.*row.field);
        writer.put('\n');
    }
    return writer.used();
}

} // namespace gimbal::aarch64
