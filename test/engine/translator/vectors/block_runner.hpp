// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "engine/translator/backend/interpreter/lower.hpp"
#include "engine/translator/backend/interpreter/run.hpp"
#include "engine/translator/core/runtime.hpp"
#include "engine/translator/frontend/aarch64/guest_state.hpp"

namespace gimbal::translator::aarch64::test {

/// Interprets one block at address 0, over one page of memory that the TLB holds. A block that asks for anything else
/// fails the test.
class BlockRunner {
public:
    static constexpr u64 page_size = 4096;

    /// The page is at `address`, a multiple of its size.
    explicit BlockRunner(u64 address) : address_(address) {}

    u8* memory() { return page_->bytes; }

    void run(const ir::Block& block, GuestState& guest, bool fuse)
    {
        const auto lowered = interpreter::lower(block, 0, 0, {.fuse = fuse});
        if (!lowered) {
            ADD_FAILURE() << "the block is not lowered";
            return;
        }
        map(guest.common);
        OneBlock runtime(**lowered);
        guest.common.runtime = &runtime;
        interpreter::run_blocks(guest.common);
        EXPECT_EQ(guest.common.unwind, Unwind::synchronize);
        guest.common.runtime = nullptr;
    }

private:
    class OneBlock final : public Runtime {
    public:
        explicit OneBlock(LoweredBlock& block) : block_(block) {}

        bool load(CpuState& state, u64, ir::MemOp, V128&) override { return refuse(state); }
        bool store(CpuState& state, u64, ir::MemOp, const V128&) override { return refuse(state); }
        bool probe(CpuState& state, u64, ir::MemOp, unsigned) override { return refuse(state); }
        bool load_exclusive(CpuState& state, u64, ir::MemOp, V128&) override { return refuse(state); }
        bool store_exclusive(CpuState& state, u64, ir::MemOp, const V128&, u32&) override { return refuse(state); }
        bool atomic_rmw(CpuState& state, u64, ir::MemOp, ir::Atomic, u64, u64&) override { return refuse(state); }
        bool atomic_cas(CpuState& state, u64, ir::MemOp, const V128&, const V128&, V128&) override
        {
            return refuse(state);
        }
        LoweredBlock* find_block(CpuState& state, u64 pc) override
        {
            if (pc == 0) return &block_;
            state.unwind = Unwind::synchronize;
            return nullptr;
        }

    private:
        static bool refuse(CpuState& state)
        {
            state.unwind = Unwind::access;
            return false;
        }
        LoweredBlock& block_;
    };

    struct alignas(page_size) Page {
        u8 bytes[page_size];
    };

    void map(CpuState& state)
    {
        TlbEntry& entry = tlb_[(address_ >> 12) % tlb_entries];
        entry.read_tag = entry.write_tag = address_;
        entry.addend = reinterpret_cast<u64>(page_->bytes) - address_;
        for (TlbView& view : state.tlb) view.entries = tlb_.get();
    }

    u64 address_;
    std::unique_ptr<Page> page_ = std::make_unique<Page>();
    std::unique_ptr<TlbEntry[]> tlb_ = std::make_unique<TlbEntry[]>(tlb_entries);
};

} // namespace gimbal::translator::aarch64::test
