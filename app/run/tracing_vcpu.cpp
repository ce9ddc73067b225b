// SPDX-License-Identifier: Apache-2.0
#include "app/run/tracing_vcpu.hpp"

#include <fmt/format.h>

#include "app/run/stats.hpp"

namespace gimbal {
namespace {

const char* direction_name(Direction direction) { return direction == Direction::read ? "read" : "write"; }

std::string value_text(Direction direction, u64 value)
{
    return direction == Direction::read ? "" : fmt::format(": {:#x}", value);
}

const char* access_name(GuestAccess access)
{
    switch (access) {
    case GuestAccess::read: return "read";
    case GuestAccess::write: return "write";
    case GuestAccess::execute: return "fetch";
    }
    return "";
}

std::string details(const Exit& exit)
{
    switch (exit.kind) {
    case ExitKind::mmio:
        return fmt::format(" {} {} bytes at {:#x}{}", direction_name(exit.mmio.direction), byte_count(exit.mmio.size),
                           exit.mmio.gpa.value, value_text(exit.mmio.direction, exit.mmio.data));
    case ExitKind::hypercall:
    case ExitKind::secure_call:
        return fmt::format(" #{} {:#x} {:#x} {:#x} {:#x}", exit.call.immediate, exit.call.arguments[0],
                           exit.call.arguments[1], exit.call.arguments[2], exit.call.arguments[3]);
    case ExitKind::system_register:
        return fmt::format(" {} {:#x}{}", direction_name(exit.system_register.direction), exit.system_register.encoding,
                           value_text(exit.system_register.direction, exit.system_register.value));
    case ExitKind::iocsr:
        return fmt::format(" {} {} bytes at {:#x}{}", direction_name(exit.iocsr.direction), byte_count(exit.iocsr.size),
                           exit.iocsr.address, value_text(exit.iocsr.direction, exit.iocsr.value));
    case ExitKind::idle: return exit.idle.kind == IdleKind::wait_for_interrupt ? " for an interrupt" : " for an event";
    case ExitKind::stage2_fault:
        return fmt::format(" {} at {:#x}", access_name(exit.stage2_fault.access), exit.stage2_fault.gpa.value);
    case ExitKind::system_event: return fmt::format(" {}", static_cast<unsigned>(exit.system_event.event));
    case ExitKind::debug: return fmt::format(" at {:#x}", exit.debug.address);
    case ExitKind::fatal: return fmt::format(": {} ({:#x})", fatal_reason_text(exit.fatal.reason), exit.fatal.detail);
    case ExitKind::timer_fired:
    case ExitKind::host_interrupt:
    case ExitKind::kicked: return "";
    }
    return "";
}

const char* completion_name(const Completion& completion)
{
    switch (completion.kind) {
    case CompletionKind::none: return "none";
    case CompletionKind::done: return "done";
    case CompletionKind::retry: return "retry";
    case CompletionKind::discard: return "discard";
    case CompletionKind::inject: break;
    }
    switch (completion.inject) {
    case InjectKind::undefined: return "undefined instruction";
    case InjectKind::external_abort: return "external abort";
    case InjectKind::architectural: return "exception";
    }
    return "";
}

} // namespace

std::string describe_exit(VcpuId vcpu, const Exit& exit)
{
    return fmt::format("vcpu {} exit {}{}", vcpu.value, exit_kind_name(exit.kind), details(exit));
}

std::string describe_completion(VcpuId vcpu, const Completion& completion)
{
    std::string text = fmt::format("vcpu {} answer {}", vcpu.value, completion_name(completion));
    for (unsigned i = 0; i < completion.result_count && i < 4; ++i)
        text += fmt::format(" {:#x}", completion.results[i]);
    return text;
}

} // namespace gimbal
