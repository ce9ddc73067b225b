// SPDX-License-Identifier: Apache-2.0
#include "vm/psci.hpp"

#include "arch/aarch64/mpidr.hpp"
#include "base/bits.hpp"

namespace gimbal {

namespace {

/// Function identifiers; the 64-bit forms differ in bit 30 only (DEN0022).
enum class Function : u32 {
    psci_version = 0x8400'0000,
    cpu_suspend = 0x8400'0001,
    cpu_off = 0x8400'0002,
    cpu_on = 0x8400'0003,
    affinity_info = 0x8400'0004,
    migrate_info_type = 0x8400'0006,
    system_off = 0x8400'0008,
    system_reset = 0x8400'0009,
    psci_features = 0x8400'000a,
    system_reset2 = 0x8400'0012,
    smccc_version = 0x8000'0000,
    smccc_arch_features = 0x8000'0001,
};

struct FunctionRow {
    Function function;
    bool has_64_bit_form;
};
constexpr FunctionRow implemented[] = {
    {Function::psci_version,        false},
    {Function::cpu_suspend,         true },
    {Function::cpu_off,             false},
    {Function::cpu_on,              true },
    {Function::affinity_info,       true },
    {Function::migrate_info_type,   false},
    {Function::system_off,          false},
    {Function::system_reset,        false},
    {Function::psci_features,       false},
    {Function::system_reset2,       true },
    {Function::smccc_version,       false},
    {Function::smccc_arch_features, false},
};

constexpr u64 affinity_mask = aarch64::MpidrEl1::affinity_mask;
constexpr u32 bit_64 = 1U << 30;
constexpr i64 psci_1_1 = 0x1'0001;
constexpr i64 smccc_1_1 = 0x1'0001;
constexpr i64 no_trusted_os = 2; // MIGRATE_INFO_TYPE: nothing to migrate

/// The row of a function identifier in either form; null if we do not implement it.
constexpr const FunctionRow* find_function(u32 id)
{
    for (const FunctionRow& row : implemented) {
        const u32 base = static_cast<u32>(row.function);
        if (id == base || (row.has_64_bit_form && id == (base | bit_64))) return &row;
    }
    return nullptr;
}

i64 features(u64 queried)
{
    const FunctionRow* row = find_function(static_cast<u32>(queried));
    if (row == nullptr || row->function == Function::smccc_arch_features) return psci::not_supported;
    // CPU_SUSPEND: original power_state format (bit 1 clear), platform-coordinated only (bit 0 clear). Else no flags.
    return psci::success;
}

i64 arch_features(u64 queried)
{
    const FunctionRow* row = find_function(static_cast<u32>(queried));
    const bool architectural = row != nullptr && (static_cast<u32>(row->function) >> 24) == 0x80;
    return architectural ? psci::success : smccc_not_supported;
}

// power_state, original format (DEN0022): StateType [16], AffinityLevel [25:24], StateID [15:0], others zero.
constexpr u64 power_state_power_down = 1U << 16;
constexpr u64 power_state_reserved = 0xfcfe'0000;

// SYSTEM_RESET2: bit 31 of the type marks vendor-specific resets; 0 is SYSTEM_WARM_RESET.
constexpr u64 system_warm_reset = 0;

} // namespace

Result<void, CallTableError> Psci::register_in(CallTable& table)
{
    GIMBAL_TRY_VOID(table.add({0x8400'0000, 0x8400'001f, this, true}));
    GIMBAL_TRY_VOID(table.add({0xc400'0000, 0xc400'001f, this, true}));
    return table.add({0x8000'0000, 0x8000'ffff, this, true});
}

CallOutcome Psci::call(VcpuId vcpu, Conduit, const CallExit& call)
{
    const u32 id = static_cast<u32>(call.arguments[0]);
    const FunctionRow* row = find_function(id);
    if (row == nullptr) return {.answer = call_result(id, psci::not_supported)};
    const u64 width = is_64_bit_call(id) ? ~u64{0} : low_mask(32);
    const Arguments arguments{call.arguments[1] & width, call.arguments[2] & width, call.arguments[3] & width};

    switch (row->function) {
    case Function::psci_version: return {.answer = call_result(id, psci_1_1)};
    case Function::cpu_suspend: return cpu_suspend(vcpu, id, arguments);
    case Function::cpu_off:
        slots_[vcpu.value].power_off();
        return {.answer = Completion::make_discard(), .effect = CallEffect::cpu_off};
    case Function::cpu_on: return {.answer = call_result(id, cpu_on(arguments))};
    case Function::affinity_info: return {.answer = call_result(id, affinity_info(arguments))};
    case Function::migrate_info_type: return {.answer = call_result(id, no_trusted_os)};
    case Function::system_off: return {.answer = Completion::make_discard(), .effect = CallEffect::system_off};
    case Function::system_reset: return {.answer = Completion::make_discard(), .effect = CallEffect::system_reset};
    case Function::psci_features: return {.answer = call_result(id, features(arguments.a1))};
    case Function::system_reset2:
        if (arguments.a1 != system_warm_reset) return {.answer = call_result(id, psci::invalid_parameters)};
        return {.answer = Completion::make_discard(), .effect = CallEffect::system_reset};
    case Function::smccc_version: return {.answer = call_result(id, smccc_1_1)};
    case Function::smccc_arch_features: return {.answer = call_result(id, arch_features(arguments.a1))};
    }
    return {.answer = call_result(id, psci::not_supported)};
}

bool Psci::is_entry_point(u64 address) const { return is_aligned(address, 4) && memory_.find({address}) != nullptr; }

i64 Psci::cpu_on(const Arguments& arguments)
{
    const u32 target = aarch64::index_of_affinity(arguments.a1);
    if ((arguments.a1 & ~affinity_mask) != 0 || target >= slots_.size()) return psci::invalid_parameters;
    if (!is_entry_point(arguments.a2)) return psci::invalid_address;
    switch (slots_[target].begin_power_on({.pc = arguments.a2, .arguments = {arguments.a3}})) {
    case PowerState::off: return psci::success;
    case PowerState::on: return psci::already_on;
    case PowerState::on_pending: return psci::on_pending;
    }
    return psci::internal_failure;
}

i64 Psci::affinity_info(const Arguments& arguments) const
{
    constexpr u64 max_affinity_level = 3;
    if (arguments.a2 > max_affinity_level || (arguments.a1 & ~affinity_mask) != 0) return psci::invalid_parameters;
    // Fields below the level asked for are ignored; Aff3 stands apart from the others in the register.
    const unsigned low_bits = arguments.a2 == 3 ? 32 : static_cast<unsigned>(arguments.a2) * 8;
    const u64 mask = affinity_mask & ~low_mask(low_bits);
    bool found = false;
    bool pending = false;
    for (u32 id = 0; id < slots_.size(); ++id) {
        if (((aarch64::mpidr_of_index(id).affinity() ^ arguments.a1) & mask) != 0) continue;
        found = true;
        switch (slots_[id].power()) {
        case PowerState::on: return 0;
        case PowerState::off: break;
        case PowerState::on_pending: pending = true; break;
        }
    }
    if (!found) return psci::invalid_parameters;
    return pending ? 2 : 1; // ON_PENDING, OFF
}

CallOutcome Psci::cpu_suspend(VcpuId vcpu, u32 function, const Arguments& arguments)
{
    if ((arguments.a1 & power_state_reserved) != 0 || (arguments.a1 >> 32) != 0)
        return {.answer = call_result(function, psci::invalid_parameters)};
    const bool power_down = (arguments.a1 & power_state_power_down) != 0;
    if (power_down && !is_entry_point(arguments.a2)) return {.answer = call_result(function, psci::invalid_address)};
    // A wake-up event that is there already makes the call return at once, in either state (DEN0022, CPU_SUSPEND).
    if (slots_[vcpu.value].interrupt_asserted()) return {.answer = call_result(function, psci::success)};
    if (!power_down) return {.answer = call_result(function, psci::success), .effect = CallEffect::standby};
    return {
        .answer = Completion::make_discard(),
        .effect = CallEffect::power_down,
        .entry = {.pc = arguments.a2, .arguments = {arguments.a3}}
    };
}

} // namespace gimbal
