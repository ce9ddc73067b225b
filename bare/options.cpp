// SPDX-License-Identifier: Apache-2.0
#include "bare/options.hpp"

namespace gimbal::bare {

namespace {

struct NamedFault {
    StrView name;
    FaultKind kind;
};
constexpr NamedFault fault_kinds[] = {
    {"load",  FaultKind::load },
    {"panic", FaultKind::panic},
    {"stack", FaultKind::stack},
};

Result<TestFault, OptionsError> read_test_fault(StrView value)
{
    const auto cpu = parse_u64(value.take_until(':'));
    const auto turns = parse_u64(value.take_until(':'));
    constexpr u64 any_cpu_limit = 64;
    if (!cpu || !turns || *cpu >= any_cpu_limit || *turns == 0) return fail(OptionsError::test_fault);
    TestFault fault{static_cast<unsigned>(*cpu), *turns};
    if (value.empty()) return fault;
    for (const NamedFault& known : fault_kinds) {
        if (value != known.name) continue;
        fault.kind = known.kind;
        return fault;
    }
    return fail(OptionsError::test_fault);
}

} // namespace

const char* options_error_text(OptionsError error)
{
    switch (error) {
    case OptionsError::unknown:
        return "bootargs: a word begins with gimbal. and is no option; there are gimbal.vhe and gimbal.test-fault";
    case OptionsError::vhe: return "bootargs: gimbal.vhe is on or off";
    case OptionsError::test_fault:
        return "bootargs: gimbal.test-fault is CPU:TURNS[:load|panic|stack], with TURNS from 1";
    }
    return "";
}

Result<Options, OptionsError> read_options(StrView bootargs)
{
    Options options;
    while (!bootargs.empty()) {
        StrView value = bootargs.take_until(' ');
        if (!value.starts_with("gimbal.")) continue;
        const StrView name = value.take_until('=');
        if (name == "gimbal.vhe") {
            if (value != "on" && value != "off") return fail(OptionsError::vhe);
            options.use_vhe = value == "on";
        } else if (name == "gimbal.test-fault") {
            GIMBAL_TRY(fault, read_test_fault(value));
            options.test_fault = fault;
        } else {
            return fail(OptionsError::unknown);
        }
    }
    return options;
}

} // namespace gimbal::bare
