// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "arch/aarch64/pstate.hpp"
#include "engine/el2/guest_view.hpp"

namespace gimbal::el2::test {

using aarch64::FaultStatus;

/// A guest whose stage 1 maps everything where it is, but for pages that a test moves or takes away.
class FakeGuest final : public GuestView {
public:
    static constexpr u64 page = 4096;

    Result<StageOneResult, FaultStatus> translate(u64 va, Direction direction, bool unprivileged) override
    {
        translations.push_back({va, direction, unprivileged});
        const u64 base = va & ~(page - 1);
        if (const auto fault = faults.find(base); fault != faults.end()) return fail(fault->second);
        const auto moved = mapping.find(base);
        return StageOneResult{{(moved == mapping.end() ? base : moved->second) | (va & (page - 1))}, device_memory};
    }
    std::optional<u32> fetch(u64 va) override
    {
        ++fetches;
        const auto found = code.find(va);
        return found == code.end() ? std::nullopt : std::optional(found->second);
    }
    bool read_memory(Gpa gpa, std::span<u8> to) override
    {
        if (!is_ram(gpa.value, to.size())) return false;
        for (usize i = 0; i < to.size(); ++i) to[i] = memory[gpa.value + i];
        return true;
    }
    bool write_memory(Gpa gpa, std::span<const u8> from) override
    {
        if (!is_ram(gpa.value, from.size())) return false;
        for (usize i = 0; i < from.size(); ++i) memory[gpa.value + i] = from[i];
        return true;
    }
    VectorRegister read_vector(unsigned n) override { return v[n]; }
    void write_vector(unsigned n, VectorRegister value) override { v[n] = value; }
    void load_fp_state() override { ++fp_loads; }
    RegisterOutcome access_register(aarch64::SysReg reg, Direction direction, u64& value) override
    {
        if (reg == key_register) return RegisterOutcome::again;
        const auto found = engine_registers.find(reg);
        if (found == engine_registers.end()) return RegisterOutcome::unknown;
        (direction == Direction::write ? found->second : value) = direction == Direction::write ? value : found->second;
        return RegisterOutcome::done;
    }
    bool enable_pointer_auth() override { return std::exchange(offers_pointer_auth, false); }
    bool is_allowed_now(u64 va, Direction direction, bool execute) override
    {
        asked = {va, direction, execute};
        return allowed_now;
    }
    u64 read_sp_el1() override { return sp_el1; }
    void write_sp_el1(u64 value) override { sp_el1 = value; }
    StageOneRegisters stage_one_registers() override { return stage_one; }
    void take_exception(aarch64::ContextFrame& frame, const El1Exception& exception) override
    {
        taken.push_back({exception, frame.elr, el1_syndrome({frame.spsr}, exception.esr).raw});
    }
    unsigned zero_block_bytes() override { return zero_block; }
    void flush_tlb() override { ++tlb_flushes; }
    void clean_caches() override { ++cache_cleans; }

    bool is_ram(u64 at, u64 size) const { return at >= ram_base && at + size <= ram_end; }
    void poke(u64 at, u64 value)
    {
        for (unsigned i = 0; i < 8; ++i) memory[at + i] = static_cast<u8>(value >> (8 * i));
    }
    u64 peek(u64 at, unsigned bytes)
    {
        u64 value = 0;
        for (unsigned i = 0; i < bytes; ++i) value |= u64{memory[at + i]} << (8 * i);
        return value;
    }

    struct Translation {
        u64 va;
        Direction direction;
        bool unprivileged;
    };
    struct Asked {
        u64 va;
        Direction direction;
        bool execute;
    };
    struct Taken {
        El1Exception exception;
        u64 elr;
        u64 syndrome; ///< ESR_EL1 as the guest would see it
    };

    u64 ram_base{0x4000'0000};
    u64 ram_end{0x4100'0000};
    bool device_memory{};
    unsigned zero_block{64};
    u64 sp_el1{};
    StageOneRegisters stage_one{};
    VectorRegister v[32]{};
    std::map<u64, u32> code;
    std::map<u64, u64> mapping; ///< Page of virtual addresses -> guest physical page
    std::map<u64, FaultStatus> faults;
    std::map<u64, u8> memory;
    std::vector<Translation> translations;
    std::vector<Taken> taken;
    std::map<aarch64::SysReg, u64> engine_registers; ///< That the engine has beside the VM's table.
    aarch64::SysReg key_register{};
    bool offers_pointer_auth{};
    bool allowed_now{};
    Asked asked{};
    unsigned fetches{};
    unsigned fp_loads{};
    unsigned tlb_flushes{};
    unsigned cache_cleans{};
};

} // namespace gimbal::el2::test
