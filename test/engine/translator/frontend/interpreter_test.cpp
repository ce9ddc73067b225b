// SPDX-License-Identifier: Apache-2.0
//
// The execution vectors again, through the interpreter.
#include <gtest/gtest.h>

#include <memory>

#include "engine/translator/backend/interpreter/lower.hpp"
#include "engine/translator/backend/interpreter/run.hpp"
#include "engine/translator/core/runtime.hpp"
#include "test/engine/translator/frontend/execution_vectors.hpp"

namespace gimbal::translator::aarch64::test {
namespace {

/// One block at address 0 and one page of memory that the TLB holds: nothing should be asked of it but that block.
class OneBlock final : public Runtime {
public:
    explicit OneBlock(LoweredBlock& block) : block_(block) {}

    bool load(CpuState& state, u64, ir::MemOp, V128&) override { return refuse(state); }
    bool store(CpuState& state, u64, ir::MemOp, const V128&) override { return refuse(state); }
    bool probe(CpuState& state, u64, ir::MemOp, unsigned) override { return refuse(state); }
    bool load_exclusive(CpuState& state, u64, ir::MemOp, V128&) override { return refuse(state); }
    bool store_exclusive(CpuState& state, u64, ir::MemOp, const V128&, u32&) override { return refuse(state); }
    bool atomic_rmw(CpuState& state, u64, ir::MemOp, ir::Atomic, u64, u64&) override { return refuse(state); }
    bool atomic_cas(CpuState& state, u64, ir::MemOp, const V128&, const V128&, V128&) override { return refuse(state); }

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

class A64Interpreter : public testing::TestWithParam<bool> {
protected:
    /// Runs the vector from its initial state and returns the state left.
    ExecutionState run(const ExecutionVector& vector)
    {
        ExecutionState state = initial_state(vector.seed);
        auto guest = std::make_unique<GuestState>();
        copy_registers(state, *guest);
        std::memcpy(page_->bytes, state.memory, memory_bytes);
        const auto lowered = interpreter::lower(translate_vector(vector), 0, 0, {.fuse = GetParam()});
        if (!lowered) {
            ADD_FAILURE() << vector.row << " is not lowered";
            return state;
        }
        map(guest->common);
        OneBlock runtime(**lowered);
        guest->common.runtime = &runtime;
        interpreter::run_blocks(guest->common);
        EXPECT_EQ(guest->common.unwind, Unwind::synchronize) << vector.row;
        copy_registers(*guest, state);
        std::memcpy(state.memory, page_->bytes, memory_bytes);
        return state;
    }

private:
    struct alignas(4096) Page {
        u8 bytes[4096];
    };

    void map(CpuState& state)
    {
        TlbEntry& entry = tlb_[(memory_address >> 12) % tlb_entries];
        entry.read_tag = entry.write_tag = memory_address;
        entry.addend = reinterpret_cast<u64>(page_->bytes) - memory_address;
        for (TlbView& view : state.tlb) view.entries = tlb_.get();
    }

    std::unique_ptr<Page> page_ = std::make_unique<Page>();
    std::unique_ptr<TlbEntry[]> tlb_ = std::make_unique<TlbEntry[]>(tlb_entries);
};

TEST_P(A64Interpreter, LeavesTheStateThatTheReferenceLeaves)
{
    for (const ExecutionVector& vector : execution_vectors)
        EXPECT_EQ(digest(run(vector)), vector.digest) << vector.row << std::hex << " word " << vector.words[0] << ' '
                                                      << vector.words[1] << " seed " << vector.seed;
}

INSTANTIATE_TEST_SUITE_P(Fusing, A64Interpreter, testing::Bool());

} // namespace
} // namespace gimbal::translator::aarch64::test
