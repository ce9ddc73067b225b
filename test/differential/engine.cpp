// SPDX-License-Identifier: Apache-2.0
#include "test/differential/engine.hpp"

#include <algorithm>
#include <cstring>

#include "arch/aarch64/control.hpp"
#include "arch/aarch64/esr.hpp"
#include "arch/aarch64/pstate.hpp"
#include "arch/aarch64/sysreg.hpp"
#include "base/assert.hpp"
#include "base/bits.hpp"

namespace gimbal::differential {
namespace {

namespace arch = ::gimbal::aarch64;
using arch::SysReg;

// Physical memory.
constexpr u64 ram_base = 0x4000'0000;
constexpr u64 ram_bytes = 0x10'0000;
constexpr u64 tables = ram_base; ///< root, level 1, two of level 2, two of level 3
constexpr u64 vectors = ram_base + 0x8000;
constexpr u64 code_physical = ram_base + 0x1'0000;
constexpr u64 data_physical = ram_base + 0x8'0000;
static_assert(code_bytes <= data_physical - code_physical);

constexpr u64 table_descriptor = 3;
constexpr u64 access_flag = bit(10);
constexpr u64 user = bit(6);
constexpr u64 read_only = bit(7);
constexpr u64 execute_never = bit(54);
constexpr u64 page = 3;

constexpr u32 hvc_0 = 0xD400'0002;
constexpr u64 vector_lower_synchronous = 0x400;
constexpr u64 daif_masked = 0x3C0;

// Signals as Linux sends them.
constexpr u32 sigill = 4;
constexpr u32 sigtrap = 5;
constexpr u32 sigbus = 7;
constexpr u32 sigsegv = 11;

u32 signal_of(arch::Esr esr)
{
    constexpr u64 fault_status = 0x3F;
    constexpr u64 alignment = 0x21;
    switch (static_cast<unsigned>(arch::Esr::ec::get(esr))) {
    case 0x3C: return sigtrap; // BRK
    case 0x24: return (esr.raw & fault_status) == alignment ? sigbus : sigsegv;
    case 0x20: return sigsegv;
    case 0x22:
    case 0x26: return sigbus; // PC, SP alignment
    case 0x00:
    case 0x18: return sigill; // undefined; trapped MSR or MRS
    }
    return 1000 + static_cast<u32>(arch::Esr::ec::get(esr));
}

} // namespace

Engine::Engine(translator::BackendKind backend, bool fuse)
    : ram_(ram_bytes + 4096), pristine_(data_words), left_(data_bytes / 8), code_(code_bytes)
{
    host_ = reinterpret_cast<u8*>(align_down(reinterpret_cast<u64>(ram_.data()) + 4095, 4096));
    const bool mapped = memory_.map({{ram_base}, ram_bytes, host_, false, false}).has_value();
    GIMBAL_ASSERT(mapped);
    const bool started = timers_.start(clock_.now()).has_value();
    GIMBAL_ASSERT(started);
    translator::Options options;
    options.code_cache_bytes = usize{64} << 20;
    options.verify_ir = true;
    options.backend = backend;
    options.fuse = fuse;
    machine_ = std::make_unique<translator::Machine>(memory_, clock_, timers_, options);
    cpu_ = std::make_unique<translator::aarch64::Cpu>(*machine_, VcpuId{0});
    map();
    watchdog_ = std::jthread([this](const std::stop_token& stop) {
        std::unique_lock lock(watch_mutex_);
        while (!watch_.wait_for(lock, stop, std::chrono::seconds(2), [&] { return stop.stop_requested(); }))
            cpu_->kick();
    });
}

void Engine::map()
{
    const auto poke = [&](u64 at, u64 value) { std::memcpy(host_ + (at - ram_base), &value, sizeof value); };
    const u64 level1 = tables + 0x1000;
    poke(tables, level1 | table_descriptor);
    poke(level1 + 8, ram_base | access_flag | 1); // RAM for EL1, flat
    const auto pages = [&](u64 level2, u64 region, u64 va, u64 pa, u64 bytes, u64 rights) {
        const u64 level3 = level2 + 0x1000;
        poke(level1 + 8 * bits(region, 30, 9), level2 | table_descriptor);
        poke(level2 + 8 * bits(region, 21, 9), level3 | table_descriptor);
        for (u64 at = 0; at < bytes; at += 4096)
            poke(level3 + 8 * bits(va + at, 12, 9), (pa + at) | access_flag | user | rights | page);
    };
    pages(tables + 0x2000, code_region, code_base, code_physical, code_bytes, read_only);
    pages(tables + 0x4000, data_region, data_base, data_physical, data_bytes, execute_never);
    pages(tables + 0x4000, data_region, data_base + data_bytes, data_physical + data_bytes, read_only_bytes,
          execute_never | read_only);
    poke(vectors + vector_lower_synchronous, hvc_0);
    cpu_->reset({.pc = vectors, .arguments = {}});
    const auto write = [&](SysReg reg, u64 value) { cpu_->write_register(reg, value); };
    write(SysReg::mair_el1, 0xFF);
    // 48 bits below, nothing above, 4 KiB, 48-bit output, top byte ignored below.
    write(SysReg::tcr_el1, 16 | u64{1} << 23 | u64{16} << 16 | u64{2} << 30 | u64{5} << 32 | u64{1} << 37);
    write(SysReg::ttbr0_el1, tables);
    write(SysReg::cpacr_el1, 0x30'0000);
    write(SysReg::vbar_el1, vectors);
    // RES1 bits, M, C, I; DZE, UCT, UCI, nTWE, nTWI: EL0 as Linux has it, but for SA0, which the peer does not know.
    using arch::SctlrEl1;
    write(SysReg::sctlr_el1, 0x30D0'0980 | SctlrEl1::m::mask | SctlrEl1::c::mask | SctlrEl1::i::mask |
                                 SctlrEl1::dze::mask | SctlrEl1::uct::mask | SctlrEl1::uci::mask |
                                 SctlrEl1::ntwe::mask | SctlrEl1::ntwi::mask);
}

u64* Engine::data() { return reinterpret_cast<u64*>(host_ + (data_physical - ram_base)); }

void Engine::load(std::span<const Case> cases, unsigned first_slot, u64 data_seed)
{
    fill_data(data_seed, pristine_.data());
    std::memcpy(data(), pristine_.data(), 8 * data_words);
    for (usize at = 0; at < code_.size(); at += 4) std::memcpy(code_.data() + at, &end_word, 4);
    u8* slot = code_.data() + header_bytes + usize{first_slot} * slot_bytes;
    for (const Case& input : cases) {
        std::memcpy(slot, input.words, slot_bytes);
        slot += slot_bytes;
    }
    const bool written = memory_.write({code_physical}, code_).has_value();
    GIMBAL_ASSERT(written);
}

void Engine::enter(const Case& input, unsigned slot)
{
    const Registers& from = input.registers;
    auto& state = cpu_->state();
    cpu_->set_pstate(daif_masked | from.nzcv);
    std::copy_n(from.x, 31, state.x);
    state.sp = from.sp;
    std::memcpy(state.v, from.v, sizeof from.v);
    cpu_->write_register(SysReg::fpcr, from.fpcr);
    cpu_->write_register(SysReg::fpsr, from.fpsr);
    state.el[0].tpidr = 0;
    state.common.pc = slot_address(slot);
}

Outcome Engine::run(const Case& input, unsigned slot)
{
    enter(input, slot);
    Exit exit = cpu_->run(Completion::make_discard());
    constexpr unsigned patience = 3; // kicks of the watchdog
    for (unsigned kicks = 0; exit.kind == ExitKind::kicked || exit.kind == ExitKind::idle; exit = cpu_->run({}))
        if (exit.kind == ExitKind::kicked && ++kicks > patience) break;
    auto& state = cpu_->state();
    Outcome outcome{};
    std::copy_n(state.x, 31, outcome.registers.x);
    outcome.registers.sp = state.el[0].sp;
    std::memcpy(outcome.registers.v, state.v, sizeof outcome.registers.v);
    outcome.registers.nzcv = static_cast<u32>(state.el[1].spsr & arch::nzcv_mask);
    outcome.registers.fpcr = static_cast<u32>(state.fpcr);
    outcome.registers.fpsr = static_cast<u32>(cpu_->read_register(SysReg::fpsr, 31));
    outcome.pc = state.el[1].elr;
    outcome.fault_address = state.el[1].far;
    outcome.signal = exit.kind == ExitKind::hypercall ? signal_of({state.el[1].esr})
                     : exit.kind == ExitKind::kicked  ? endless
                                                      : 2000 + static_cast<u32>(exit.kind);
    std::memcpy(left_.data(), data(), data_bytes);
    outcome.data_hash = hash_data(left_.data());
    std::memcpy(data(), pristine_.data(), data_bytes);
    return outcome;
}

} // namespace gimbal::differential
