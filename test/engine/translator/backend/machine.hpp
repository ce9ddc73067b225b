// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/translator/backend/interpreter/threaded_block.hpp"
#include "engine/translator/core/runtime.hpp"
#include "engine/translator/ir/builder.hpp"
#include "test/engine/translator/lib/backend_under_test.hpp"

namespace gimbal::translator::test {

/// A guest with no ISA: 32 integer and 32 vector registers and flags.
struct State {
    CpuState common;
    u64 x[32]{};
    u32 nzcv{};
    u32 pad{};
    u32 narrow[4]{};
    V128 v[32]{};
};
inline usize x_offset(unsigned n) { return offsetof(State, x) + n * 8; }
inline usize v_offset(unsigned n) { return offsetof(State, v) + n * 16; }
inline constexpr usize nzcv_offset = offsetof(State, nzcv);

/// The other side of the seam: blocks by virtual address, one RAM window that the TLB may or may not know, and a
/// record of the slow calls.
class Machine final : public Runtime {
public:
    static constexpr u64 ram_base = 0x10000;
    static constexpr usize ram_size = 0x4000;
    static constexpr u64 code_base = 0x40'0000;

    explicit Machine(BackendKind kind = backend_under_test(), bool fuse = true)
        : interpreted(kind == BackendKind::interpreter), backend(common_backend(kind, fuse))
    {
        state.common.runtime = this;
        state.common.fetch = fetch.data();
        state.common.jump_cache = jumps.data();
        for (auto& view : state.common.tlb) view.entries = tlb.data();
    }

    const bool interpreted;
    Backend* const backend;
    State state;
    alignas(4096) u8 ram[ram_size]{};
    std::vector<TlbEntry> tlb = std::vector<TlbEntry>(tlb_entries);
    std::vector<FetchEntry> fetch = std::vector<FetchEntry>(fetch_entries);
    std::vector<JumpEntry> jumps = std::vector<JumpEntry>(jump_entries);
    std::map<u64, u64> pages;                            ///< virtual page -> physical page; absent: identity
    std::map<u64, std::unique_ptr<LoweredBlock>> blocks; ///< by physical address
    std::vector<std::unique_ptr<LoweredBlock>> retired;
    unsigned slow_accesses{};
    unsigned lookups{};
    bool faults{}; ///< Slow accesses unwind.

    u64 physical(u64 pc) const
    {
        const auto found = pages.find(pc & ~u64{0xFFF});
        return (found == pages.end() ? pc & ~u64{0xFFF} : found->second) + (pc & 0xFFF);
    }

    /// Emits a block of instructions of four bytes at physical address `at`.
    void block(u64 at, u16 count, const std::function<void(ir::Builder&)>& emit)
    {
        ir::Block source;
        source.guest_offset = static_cast<u16>(at & 0xFFF);
        source.guest_count = count;
        ir::Builder builder(source);
        emit(builder);
        auto made = backend->lower(source, at, state.common.mode_key);
        GIMBAL_ASSERT(made.has_value());
        blocks[at] = std::move(*made);
    }
    /// One block at code_base, then an event.
    void run(const std::function<void(ir::Builder&)>& emit)
    {
        block(code_base, 1, [&](ir::Builder& b) {
            emit(b);
            if (!b.ended()) b.event(ir::Event::hypercall, 0, (code_base & 0xFFF) + 4);
        });
        start(code_base);
    }
    void start(u64 pc)
    {
        state.common.pc = pc;
        state.common.unwind = Unwind::none;
        backend->run(state.common);
    }
    void retire(u64 at)
    {
        blocks[at]->retire();
        retired.push_back(std::move(blocks[at]));
        blocks.erase(at);
    }
    void map_ram(bool writable = true)
    {
        for (u64 page = ram_base; page < ram_base + ram_size; page += 4096) {
            TlbEntry& entry = tlb[(page >> 12) % tlb_entries];
            entry = {page, writable ? page : ~u64{0}, reinterpret_cast<u64>(ram) - ram_base, 0};
        }
    }
    u8* host(u64 address) { return ram + (address - ram_base); }
    /// The interpreter's only.
    usize op_count(u64 at) { return static_cast<interpreter::ThreadedBlock&>(*blocks[at]).ops().size(); }

    LoweredBlock* find_block(CpuState& cpu, u64 pc) override
    {
        ++lookups;
        const auto found = blocks.find(physical(pc));
        if (found == blocks.end()) {
            cpu.unwind = Unwind::synchronize;
            return nullptr;
        }
        cpu.fetch[(pc >> 12) % fetch_entries] = {pc & ~u64{0xFFF}, physical(pc) & ~u64{0xFFF}};
        return found->second.get();
    }

    bool slow(CpuState& cpu)
    {
        ++slow_accesses;
        if (faults) cpu.unwind = Unwind::access;
        return !faults;
    }
    bool load(CpuState& cpu, u64 address, ir::MemOp op, V128& out) override
    {
        if (!slow(cpu)) return false;
        std::memcpy(&out, host(address), op.size());
        if (op.big_endian) swap(out, op.size());
        return true;
    }
    bool store(CpuState& cpu, u64 address, ir::MemOp op, const V128& value) override
    {
        if (!slow(cpu)) return false;
        V128 copy = value;
        if (op.big_endian) swap(copy, op.size());
        std::memcpy(host(address), &copy, op.size());
        return true;
    }
    bool probe(CpuState& cpu, u64, ir::MemOp, unsigned) override { return slow(cpu); }
    bool load_exclusive(CpuState& cpu, u64 address, ir::MemOp op, V128& out) override
    {
        if (!load(cpu, address, op, out)) return false;
        cpu.exclusive_address = address;
        cpu.exclusive_host = host(address);
        cpu.exclusive_value = out;
        cpu.exclusive_size = op.size();
        return true;
    }
    bool store_exclusive(CpuState& cpu, u64 address, ir::MemOp op, const V128& value, u32& failed) override
    {
        failed = cpu.exclusive_address == address ? 0 : 1;
        return failed != 0 ? slow(cpu) : store(cpu, address, op, value);
    }
    bool atomic_rmw(CpuState& cpu, u64 address, ir::MemOp op, ir::Atomic, u64 operand, u64& old) override
    {
        V128 value{};
        if (!load(cpu, address, op, value)) return false;
        old = value.lo;
        return store(cpu, address, op, {old + operand, 0});
    }
    bool atomic_cas(CpuState& cpu, u64 address, ir::MemOp op, const V128& expected, const V128& desired,
                    V128& old) override
    {
        if (!load(cpu, address, op, old)) return false;
        if (old.lo == expected.lo && old.hi == expected.hi) return store(cpu, address, op, desired);
        return true;
    }

private:
    /// Backends are dear to make, and tests make a machine for each sum.
    static Backend* common_backend(BackendKind kind, bool fuse)
    {
        static std::map<std::pair<BackendKind, bool>, std::unique_ptr<Backend>> made;
        auto& backend = made[{kind, fuse}];
        if (backend == nullptr) backend = make_backend(kind, {.code_bytes = 1 << 20, .fuse = fuse});
        GIMBAL_ASSERT(backend != nullptr);
        return backend.get();
    }
    static void swap(V128& value, unsigned size)
    {
        u8 bytes[16];
        std::memcpy(bytes, &value, size);
        for (unsigned i = 0; i < size / 2; ++i) std::swap(bytes[i], bytes[size - 1 - i]);
        std::memcpy(&value, bytes, size);
    }
};

} // namespace gimbal::translator::test
