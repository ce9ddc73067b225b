// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/backend/x86_64/backend.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "engine/translator/backend/x86_64/compiler.hpp"
#include "engine/translator/core/runtime.hpp"

namespace gimbal::translator::x86_64 {

namespace {

/// One for each thread that translates.
Assembler& assembler()
{
    static thread_local Assembler instance;
    instance.restart();
    return instance;
}

/// Copies the finished code to its place and fills in the displacements that depend on it.
void place(const Assembler& code, CodeArena& arena, CodeArena::Chunk chunk)
{
    u8* const to = arena.writable(chunk.offset);
    const u64 runs_at = reinterpret_cast<u64>(arena.executable(chunk.offset));
    std::memcpy(to, code.getCode(), code.getSize());
    for (const Assembler::Fixup& fixup : code.fixups()) {
        const i32 displacement = static_cast<i32>(static_cast<i64>(fixup.target - (runs_at + fixup.at + 4)));
        std::memcpy(to + fixup.at, &displacement, sizeof(displacement));
    }
}

void begin(Assembler& x, u64 physical_page)
{
    x.dq(0);
    x.dq(physical_page);
}

} // namespace

HostFeatures HostFeatures::probe()
{
    using Xbyak::util::Cpu;
    const Cpu cpu;
    return {.lzcnt = cpu.has(Cpu::tLZCNT), .bmi2 = cpu.has(Cpu::tBMI2), .sse42 = cpu.has(Cpu::tSSE42)};
}

std::unique_ptr<JitBackend> JitBackend::create(const JitOptions& options)
{
    constexpr usize least = usize{16} << 20; // retired blocks stay for a while, however small the cache
    auto arena = CodeArena::create(std::max(2 * options.code_bytes, least));
    if (arena == nullptr) return nullptr;
    return std::unique_ptr<JitBackend>(new JitBackend(options, std::move(arena)));
}

JitBackend::JitBackend(const JitOptions& options, std::unique_ptr<CodeArena> arena)
    : options_(options), arena_(std::move(arena))
{
    make_stubs();
}

void JitBackend::make_stubs()
{
    Assembler& x = assembler();
    begin(x, ~u64{0}); // no physical page, in front of `jump_slowly` least of all
    const Xbyak::Reg64 saved[] = {x.rbx, x.rbp, x.r12, x.r13, x.r14, x.r15};
    const u32 enter = x.here();
    for (const auto& reg : saved) x.push(reg);
    x.sub(x.rsp, frame_bytes);
    x.lea(state_register, x.ptr[x.rdi + state_bias]);
    x.jmp(x.rsi);

    Xbyak::Label left;
    const u32 leave = x.here();
    x.L(left);
    x.add(x.rsp, frame_bytes);
    for (usize i = std::size(saved); i-- > 0;) x.pop(saved[i]);
    x.ret();

    const auto go_on_by = [&](u64 function) {
        x.lea(x.rdi, x.ptr[in_state(0)]);
        x.mov(x.rax, function);
        x.call(x.rax);
        x.test(x.rax, x.rax);
        x.jz(left);
        x.jmp(x.rax);
    };
    const u32 follow = x.here();
    go_on_by(reinterpret_cast<u64>(&follow_slowly));
    const u32 jump = x.here();
    x.mov(x.rsi, x.rax);
    go_on_by(reinterpret_cast<u64>(&x86_64::jump_slowly));

    const auto chunk = arena_->take(x.getSize());
    GIMBAL_ASSERT(chunk.has_value());
    place(x, *arena_, *chunk);
    const u64 base = reinterpret_cast<u64>(arena_->executable(chunk->offset));
    stubs_ = {.enter = base + enter, .leave = base + leave, .follow = base + follow, .jump_slowly = base + jump};

    const auto spare = arena_->take(1);
    GIMBAL_ASSERT(spare.has_value());
    const JitBlock probe(*arena_, *spare, {}, stubs_.jump_slowly, own_link_lock_);
    stubs_.entry_in_block = static_cast<u32>(reinterpret_cast<u64>(&probe.entry) -
                                             reinterpret_cast<u64>(static_cast<const LoweredBlock*>(&probe)));
}

std::expected<std::unique_ptr<LoweredBlock>, LowerError> JitBackend::lower(const ir::Block& block, u64 physical_address,
                                                                           u64 mode_key)
{
    Assembler& x = assembler();
    // A vCPU that steps wants to know whether its one instruction is done.
    const CompileOptions options{options_.host, stubs_, options_.count || block.guest_count == 1};
    Compiler compiler(block, options, x);
    try {
        begin(x, physical_address & ~u64{0xFFF});
        if (!compiler.run()) return std::unexpected(compiler.error());
    } catch (const Xbyak::Error&) {
        return std::unexpected(LowerError::too_large);
    }
    const auto chunk = arena_->take(x.getSize());
    if (!chunk) return std::unexpected(LowerError::no_room);
    place(x, *arena_, *chunk);
    auto made = std::make_unique<JitBlock>(*arena_, *chunk, compiler.links(), stubs_.jump_slowly,
                                           options_.link_lock != nullptr ? *options_.link_lock : own_link_lock_);
    made->physical_address = physical_address;
    made->mode_key = mode_key;
    made->guest_count = block.guest_count;
    return made;
}

void JitBackend::run(CpuState& state)
{
    const auto enter = reinterpret_cast<void (*)(CpuState*, u64)>(stubs_.enter);
    while (state.unwind == Unwind::none) {
        const u64 code = enter_at(&state, state.pc);
        if (code == 0) return;
        enter(&state, code);
    }
}

} // namespace gimbal::translator::x86_64
