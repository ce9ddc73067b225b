// SPDX-License-Identifier: Apache-2.0
#include "arch/aarch64/context_frame.hpp"

#include "arch/aarch64/text_writer.hpp"
#include "base/assert.hpp"

namespace gimbal::aarch64 {

u64 ContextFrame::gpr(unsigned index) const
{
    GIMBAL_ASSERT(index <= zero_register);
    return index == zero_register ? 0 : x[index];
}

void ContextFrame::set_gpr(unsigned index, u64 value)
{
    GIMBAL_ASSERT(index <= zero_register);
    if (index != zero_register) x[index] = value;
}

void ContextFrame::set_boot_entry(u64 pc, u64 device_tree)
{
    elr = pc;
    x[0] = device_tree;
    x[1] = x[2] = x[3] = 0;
}

usize format(const ContextFrame& frame, std::span<char> out)
{
    TextWriter writer(out);
    for (unsigned i = 0; i < 31; ++i) {
        writer.put('x');
        writer.decimal2(i);
        writer.text(": ");
        writer.hex16(frame.x[i]);
        writer.text(i % 2 == 1 || i == 30 ? "\n" : "   ");
    }
    writer.text("spsr: ");
    writer.hex16(frame.spsr);
    writer.text("\nelr: ");
    writer.hex16(frame.elr);
    writer.text("   sp_el0: ");
    writer.hex16(frame.sp_el0);
    writer.put('\n');
    return writer.used();
}

} // namespace gimbal::aarch64
