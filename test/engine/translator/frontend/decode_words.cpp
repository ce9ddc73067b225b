// SPDX-License-Identifier: Apache-2.0
//
// Reads words in hexadecimal and prints for each the row that translates it, or "undefined". For check_disassembly.
#include <cstdio>

#include "engine/translator/frontend/aarch64/decode.hpp"
#include "engine/translator/frontend/aarch64/translator.hpp"

using namespace gimbal;
using namespace gimbal::translator::aarch64;

namespace {

const char* row_of(Insn insn)
{
    constexpr u64 esr_undefined = 0x0200'0000;
    const DecodeRow* row = decode(insn);
    if (row == nullptr) return "undefined";
    ir::Block block;
    Translator t(block, Mode{}, 0);
    t.begin(0, 0);
    row->translate(t, insn);
    const bool undefined =
        t.ir.ended() && block.insts.back().op == ir::Opcode::event && block.insts.back().imm == esr_undefined;
    return undefined ? "undefined" : row->name;
}

} // namespace

int main()
{
    u32 word = 0;
    while (std::scanf("%x", &word) == 1) std::puts(row_of({word}));
}
