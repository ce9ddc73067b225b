// SPDX-License-Identifier: Apache-2.0
// A TCG plugin for QEMU that counts the instructions which a board's CPUs execute inside a range of physical addresses
// (a hypervisor's code) and outside of it.
//
//   -plugin counter.so,base=ADDRESS,size=BYTES,out=FILE[,each=on]
//
// At the end FILE holds "inside N" and "outside N"; with each=on, for every instruction of the range that was executed,
// a line with its offset in hexadecimal and how often.
//
// QEMU tells where the host has an instruction, not its physical address. The board's first instruction runs with the
// MMU off, at its physical address and in the same block of RAM: the difference of the two is that of all the others.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tools/plugin/qemu_plugin.hpp"

int qemu_plugin_version = 2;

namespace {

using Address = std::uint64_t;

Address base;
Address size;
char* out_path; // never freed: the end comes after the destructors of statics
bool each;

bool knows_ram;
Address ram_difference; // host address minus physical address

constexpr std::size_t inside_offset = 0;
constexpr std::size_t outside_offset = 8;
constexpr std::size_t each_offset = 16; // one counter per 4 bytes of the range
qemu_plugin_scoreboard* counters;

void translated(qemu_plugin_id_t, qemu_plugin_tb* block)
{
    const std::size_t count = qemu_plugin_tb_n_insns(block);
    for (std::size_t i = 0; i < count; ++i) {
        qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(block, i);
        const auto host = reinterpret_cast<Address>(qemu_plugin_insn_haddr(instruction));
        if (!knows_ram && host != 0) {
            ram_difference = host - qemu_plugin_insn_vaddr(instruction);
            knows_ram = true;
        }
        const Address offset = host - ram_difference - base;
        const bool inside = host != 0 && offset < size;
        const auto add = [instruction](std::size_t counter) {
            qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, QEMU_PLUGIN_INLINE_ADD_U64,
                                                                {counters, counter}, 1);
        };
        add(inside ? inside_offset : outside_offset);
        if (inside && each) add(each_offset + 2 * (offset & ~Address{3}));
    }
}

void ends(qemu_plugin_id_t, void*)
{
    std::FILE* out = std::fopen(out_path, "w");
    if (out == nullptr) {
        std::perror(out_path);
        return;
    }
    const auto sum = [](std::size_t counter) {
        return static_cast<unsigned long long>(qemu_plugin_u64_sum({counters, counter}));
    };
    std::fprintf(out, "inside %llu\noutside %llu\n", sum(inside_offset), sum(outside_offset));
    for (Address offset = 0; each && offset < size; offset += 4)
        if (const auto times = sum(each_offset + 2 * offset); times != 0)
            std::fprintf(out, "%llx %llu\n", static_cast<unsigned long long>(offset), times);
    std::fclose(out);
}

/// False: no such option, or not a number.
bool take_option(const std::string& text)
{
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) return false;
    const std::string name = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    if (name == "out") {
        out_path = strdup(value.c_str());
        return out_path != nullptr;
    }
    if (name == "each") {
        each = value == "on";
        return true;
    }
    char* end = nullptr;
    const Address number = std::strtoull(value.c_str(), &end, 0);
    if (value.empty() || *end != 0) return false;
    if (name == "base")
        base = number;
    else if (name == "size")
        size = number;
    else
        return false;
    return true;
}

} // namespace

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int count, char** arguments)
{
    for (int i = 0; i < count; ++i)
        if (!take_option(arguments[i])) {
            std::fprintf(stderr, "counter: unknown option \"%s\"\n", arguments[i]);
            return 1;
        }
    if (!info->system_emulation || size == 0 || size % 4 != 0 || out_path == nullptr) {
        std::fprintf(stderr, "counter: for a whole board, with base=, size= (a multiple of 4) and out=\n");
        return 1;
    }
    counters = qemu_plugin_scoreboard_new(each_offset + (each ? 2 * size : 0));
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ends, nullptr);
    return 0;
}
