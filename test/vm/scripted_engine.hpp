// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic.hpp"
#include "base/bits.hpp"
#include "vm/capabilities.hpp"
#include "vm/state.hpp"

namespace gimbal::test {

/// One instruction of the fake's guest. Registers are 0..31; 31 reads zero and ignores writes, as XZR does.
struct Op {
    enum class Kind { move, load, store, load_pair, hvc, smc, mrs, msr, wfi, wfe, raw } kind{};
    unsigned reg{31};
    unsigned reg2{31}; ///< load_pair: the second register.
    u64 value{};       ///< move: the value. Accesses: the address. hvc, smc: the immediate.
    AccessSize size{AccessSize::bytes_4};
    bool sign_extend{};
    bool wide{true};   ///< The destination is an X register, not a W register.
    unsigned base{31}; ///< Write-back register, 31 for none.
    u64 base_value{};  ///< What write-back leaves there.
    u32 encoding{};    ///< mrs, msr
    Exit exit{};       ///< raw: an exit as it stands; done and none move past it.

    static Op move(unsigned reg, u64 value) { return {.kind = Kind::move, .reg = reg, .value = value}; }
    static Op load(unsigned reg, u64 gpa, AccessSize size, bool sign = false, bool wide = true)
    {
        return {.kind = Kind::load, .reg = reg, .value = gpa, .size = size, .sign_extend = sign, .wide = wide};
    }
    static Op store(unsigned reg, u64 gpa, AccessSize size)
    {
        return {.kind = Kind::store, .reg = reg, .value = gpa, .size = size};
    }
    static Op load_pair(unsigned reg, unsigned reg2, u64 gpa, unsigned base = 31, u64 base_value = 0)
    {
        return {.kind = Kind::load_pair,
                .reg = reg,
                .reg2 = reg2,
                .value = gpa,
                .size = AccessSize::bytes_8,
                .base = base,
                .base_value = base_value};
    }
    static Op hvc(u16 immediate = 0) { return {.kind = Kind::hvc, .value = immediate}; }
    static Op smc(u16 immediate = 0) { return {.kind = Kind::smc, .value = immediate}; }
    static Op mrs(unsigned reg, u32 encoding) { return {.kind = Kind::mrs, .reg = reg, .encoding = encoding}; }
    static Op msr(u32 encoding, unsigned reg) { return {.kind = Kind::msr, .reg = reg, .encoding = encoding}; }
    static Op wfi() { return {.kind = Kind::wfi}; }
    static Op wfe() { return {.kind = Kind::wfe}; }
    static Op raw(const Exit& exit) { return {.kind = Kind::raw, .exit = exit}; }
};

/// What kind of engine the fake stands for.
struct BareProfile {
    static constexpr EngineOwns owns{};
    /// Like the translator: the guest's memory is all its own, and nothing under it decides for it.
    static constexpr ExitKinds raises =
        ExitKinds::of(ExitKind::mmio, ExitKind::hypercall, ExitKind::secure_call, ExitKind::system_register,
                      ExitKind::iocsr, ExitKind::idle, ExitKind::stage2_fault, ExitKind::host_interrupt,
                      ExitKind::debug, ExitKind::kicked, ExitKind::fatal);
    static constexpr bool rings_doorbells = false;
    static constexpr bool multi_beat = false;   ///< Its syndromes describe single accesses only.
    static constexpr bool smc_advanced = false; ///< SMC is trapped before it has moved the PC.
};
struct KvmLikeProfile {
    static constexpr EngineOwns owns{.psci = true, .idle = true, .interrupt_chip = true, .timer = true};
    static constexpr ExitKinds raises = ExitKinds::all();
    static constexpr bool rings_doorbells = true; ///< The kernel does.
    static constexpr bool multi_beat = false;
    static constexpr bool smc_advanced = true; ///< The kernel moves past it.
};
struct El2LikeProfile {
    static constexpr EngineOwns owns{};
    static constexpr ExitKinds raises = ExitKinds::all();
    static constexpr bool rings_doorbells = true; ///< At the engine's own edge.
    static constexpr bool multi_beat = true;      ///< Pairs are a sequence of exits.
    static constexpr bool smc_advanced = false;
};

/// The doorbells of an engine that has them; the vCPUs of its VM share it.
class FakeDoorbells final : public DoorbellPort {
public:
    bool attach(const Doorbell& doorbell) noexcept override
    {
        if (attached.size() >= room) return false;
        attached.push_back(doorbell);
        return true;
    }
    /// True if the write rang one; then there is no exit.
    bool ring(Gpa gpa, AccessSize size, u64 value) const
    {
        for (const Doorbell& doorbell : attached) {
            if (!doorbell.rung_by(gpa, size, value)) continue;
            doorbell.event->signal();
            return true;
        }
        return false;
    }

    std::size_t room{DoorbellTable::max_doorbells};
    std::vector<Doorbell> attached;
};

/// A VcpuEngine whose guest is a list of operations, 4 bytes each from address 0. It keeps the contract's rules at its
/// edge and writes down every breach by the code above it in `violations`.
template <class Profile>
class ScriptedEngine {
public:
    static constexpr EngineOwns owns = Profile::owns;
    static constexpr ExitKinds raises = Profile::raises;

    struct TakenException {
        InjectKind kind;
        u64 syndrome;
        u64 return_address;
    };

    explicit ScriptedEngine(std::vector<Op> script = {}) : script_(std::move(script)) {}

    // The contract.
    Exit run(const Completion& completion)
    {
        ++runs;
        apply(completion);
        while (true) {
            if (kicked_.exchange(false)) return Exit(ExitKind::kicked);
            if (forced_exits != 0) {
                --forced_exits;
                return Exit(ExitKind::host_interrupt);
            }
            if (pc % 4 != 0 || pc / 4 >= script_.size()) return end_of_script();
            if (std::optional<Exit> exit = execute(script_[pc / 4])) return *exit;
        }
    }
    void commit(const Completion& completion)
    {
        apply(completion);
        if (pending_ != nullptr && beat_ != 0) drop(); // part of a sequence: the instruction starts over
    }
    void reset(const VcpuEntry& entry)
    {
        drop();
        for (u64& reg : x_) reg = 0;
        for (unsigned i = 0; i < 4; ++i) x_[i] = entry.arguments[i];
        pc = entry.pc;
        ++resets;
    }
    void kick() noexcept { kicked_.store(true); }
    void set_interrupt(InterruptInput input, bool level) noexcept
    {
        const u32 mask = 1U << static_cast<u32>(input);
        if (level)
            inputs_.fetch_or(mask);
        else
            inputs_.fetch_and(~mask);
    }

    void visit_state(StateMask groups, StateVisitor& visitor)
    {
        require(pending_ == nullptr, "state is looked at before the pending answer is committed");
        if (!includes(groups, StateMask::core)) return;
        for (u32 i = 0; i < 31; ++i) visitor.visit({StateMask::core, i}, x_[i]);
        visitor.visit({StateMask::core, state_pc}, pc);
    }

    // For the tests.
    u64 x(unsigned reg) const { return reg == 31 ? 0 : x_[reg]; }
    void set_x(unsigned reg, u64 value)
    {
        if (reg != 31) x_[reg] = value;
    }
    bool interrupt(InterruptInput input) const { return (inputs_.load() & 1U << static_cast<u32>(input)) != 0; }
    bool in_sequence() const { return pending_ != nullptr; }

    u64 pc{};
    u64 vector{~u64{3}}; ///< Where exceptions go: the end of the script unless a test says otherwise.
    FakeDoorbells* doorbells{};
    u64 forced_exits{}; ///< How many times run() leaves before it goes on.
    unsigned runs{};
    unsigned resets{};
    std::vector<TakenException> exceptions;
    std::vector<std::string> violations;

private:
    static u64 load_value(const Op& op, u64 raw)
    {
        const unsigned width = byte_count(op.size) * 8;
        const u64 value = op.sign_extend ? static_cast<u64>(sign_extend(raw, width)) : raw & low_mask(width);
        return op.wide ? value : value & low_mask(32);
    }
    static bool is_read(const Op& op) { return op.kind == Op::Kind::load || op.kind == Op::Kind::load_pair; }

    u64 stored_value(const Op& op) const { return x(op.reg) & low_mask(byte_count(op.size) * 8); }

    void require(bool kept, const char* rule)
    {
        if (!kept) violations.emplace_back(rule);
    }

    /// Null if the guest goes on without an exit.
    std::optional<Exit> execute(const Op& op)
    {
        switch (op.kind) {
        case Op::Kind::move:
            set_x(op.reg, op.value);
            pc += 4;
            return std::nullopt;
        case Op::Kind::store:
            if (doorbells != nullptr && doorbells->ring({op.value}, op.size, stored_value(op))) {
                pc += 4;
                return std::nullopt;
            }
            return access(op);
        case Op::Kind::load:
        case Op::Kind::load_pair: return access(op);
        case Op::Kind::hvc:
            pending_ = &op;
            pc += 4; // the architecture returns behind an HVC
            return Exit(ExitKind::hypercall, call(op));
        case Op::Kind::smc:
            pending_ = &op;
            if (Profile::smc_advanced) pc += 4;
            return Exit(ExitKind::secure_call, call(op));
        case Op::Kind::mrs: pending_ = &op; return Exit(SystemRegisterExit{op.encoding, Direction::read, 0});
        case Op::Kind::msr: pending_ = &op; return Exit(SystemRegisterExit{op.encoding, Direction::write, x(op.reg)});
        case Op::Kind::wfi:
        case Op::Kind::wfe: return idle(op);
        case Op::Kind::raw: pending_ = &op; return op.exit;
        }
        return Exit(FatalExit{FatalReason::unsupported_state, 0});
    }

    Exit access(const Op& op)
    {
        if (op.kind == Op::Kind::load_pair && !Profile::multi_beat)
            return Exit(FatalExit{FatalReason::undecodable_access, op.value});
        pending_ = &op;
        const u64 gpa = op.value + beat_ * byte_count(op.size);
        const u64 data = is_read(op) ? 0 : stored_value(op);
        return Exit(MmioExit{{gpa}, data, op.size, is_read(op) ? Direction::read : Direction::write});
    }

    CallExit call(const Op& op) const
    {
        CallExit exit{};
        for (unsigned i = 0; i < 8; ++i) exit.arguments[i] = x_[i];
        exit.immediate = static_cast<u16>(op.value);
        return exit;
    }

    std::optional<Exit> idle(const Op& op)
    {
        if (Profile::owns.idle || inputs_.load() != 0) { // a pending interrupt makes it a no-operation
            pc += 4;
            return std::nullopt;
        }
        pending_ = &op;
        const IdleKind kind = op.kind == Op::Kind::wfi ? IdleKind::wait_for_interrupt : IdleKind::wait_for_event;
        return Exit(IdleExit{kind, false, {}, op.kind == Op::Kind::wfe});
    }

    /// A guest that has nothing left to do powers its machine off, in the way its engine would see it.
    Exit end_of_script()
    {
        if (Profile::owns.psci) return Exit(SystemEventExit{SystemEvent::off});
        pending_ = nullptr;
        return Exit(ExitKind::hypercall, CallExit{{0x8400'0008}, 0});
    }

    void drop()
    {
        pending_ = nullptr;
        beat_ = 0;
    }

    void apply(const Completion& completion)
    {
        if (pending_ == nullptr) {
            require(completion.kind == CompletionKind::none || completion.kind == CompletionKind::discard,
                    "an answer to an exit that needs none");
            return;
        }
        const Op& op = *pending_;
        switch (completion.kind) {
        case CompletionKind::none:
            require(op.kind == Op::Kind::raw, "no answer to an exit that needs one");
            pc += 4;
            break;
        case CompletionKind::done: finish(op, completion); return;
        case CompletionKind::retry: step_back(op); break;
        case CompletionKind::inject:
            step_back(op);
            exceptions.push_back({completion.inject, completion.results[0], pc});
            pc = vector;
            break;
        case CompletionKind::discard: step_back(op); break;
        }
        drop();
    }

    /// HVC, and SMC where someone has moved past it, is undone when the call is not.
    void step_back(const Op& op)
    {
        if (op.kind == Op::Kind::hvc || (op.kind == Op::Kind::smc && Profile::smc_advanced)) pc -= 4;
    }

    void finish(const Op& op, const Completion& completion)
    {
        switch (op.kind) {
        case Op::Kind::load:
        case Op::Kind::load_pair:
            require(completion.result_count == 1, "a read is answered with one value");
            beats_[beat_] = completion.results[0];
            if (op.kind == Op::Kind::load_pair && beat_ == 0) {
                beat_ = 1; // registers change only after the last access
                return;
            }
            set_x(op.reg, load_value(op, beats_[0]));
            if (op.kind == Op::Kind::load_pair) set_x(op.reg2, load_value(op, beats_[1]));
            set_x(op.base, op.base_value);
            pc += 4;
            break;
        case Op::Kind::store:
        case Op::Kind::msr:
            require(completion.result_count == 0, "a write is answered without a value");
            set_x(op.base, op.base_value);
            pc += 4;
            break;
        case Op::Kind::mrs:
            require(completion.result_count == 1, "a register read is answered with one value");
            set_x(op.reg, completion.results[0]);
            pc += 4;
            break;
        case Op::Kind::hvc:
        case Op::Kind::smc:
            require(completion.result_count <= 4, "a call returns at most x0 to x3");
            for (unsigned i = 0; i < completion.result_count; ++i) set_x(i, completion.results[i]);
            if (op.kind == Op::Kind::smc && !Profile::smc_advanced) pc += 4;
            break;
        case Op::Kind::wfi:
        case Op::Kind::wfe:
        case Op::Kind::raw:
        case Op::Kind::move: pc += 4; break;
        }
        drop();
    }

    std::vector<Op> script_;
    u64 x_[31]{};
    const Op* pending_{}; // the operation that waits for its answer
    unsigned beat_{};
    u64 beats_[2]{};
    Atomic<bool> kicked_{false};
    Atomic<u32> inputs_{0};
};

static_assert(StatefulEngine<ScriptedEngine<BareProfile>>);
static_assert(StatefulEngine<ScriptedEngine<KvmLikeProfile>>);
static_assert(StatefulEngine<ScriptedEngine<El2LikeProfile>>);

} // namespace gimbal::test
