// SPDX-License-Identifier: Apache-2.0
#include "bare/management.hpp"

namespace gimbal::bare {

namespace {

const char* exit_name(unsigned kind)
{
    switch (static_cast<ExitKind>(kind)) {
    case ExitKind::mmio: return "mmio";
    case ExitKind::hypercall: return "hypercall";
    case ExitKind::secure_call: return "secure_call";
    case ExitKind::system_register: return "system_register";
    case ExitKind::iocsr: return "iocsr";
    case ExitKind::idle: return "idle";
    case ExitKind::timer_fired: return "timer_fired";
    case ExitKind::stage2_fault: return "stage2_fault";
    case ExitKind::host_interrupt: return "host_interrupt";
    case ExitKind::system_event: return "system_event";
    case ExitKind::debug: return "debug";
    case ExitKind::kicked: return "kicked";
    case ExitKind::fatal: return "fatal";
    }
    return "unknown";
}

const char* power_name(PowerState power)
{
    switch (power) {
    case PowerState::off: return "off";
    case PowerState::on: return "on";
    case PowerState::on_pending: return "starting";
    }
    return "";
}

const char* error_text(RequestError error)
{
    switch (error) {
    case RequestError::not_stopped: return "it has not stopped; restart it, or stop it first";
    case RequestError::not_running: return "it does not run";
    case RequestError::not_paused: return "it is not paused";
    case RequestError::broken: return "a CPU of its has faulted; power the machine off to start anew";
    case RequestError::busy: return "it is still busy with what it was told before";
    }
    return "";
}

} // namespace

const char* state_name(MachineState state)
{
    switch (state) {
    case MachineState::loading: return "loading";
    case MachineState::running: return "running";
    case MachineState::pausing: return "pausing";
    case MachineState::paused: return "paused";
    case MachineState::stopping: return "stopping";
    case MachineState::stopped: return "stopped";
    case MachineState::ended: return "ended";
    }
    return "";
}

struct Management::Command {
    StrView name;
    StrView arguments;
    StrView help;
    Then (Management::*run)(StrView arguments);
};

template <Result<void, RequestError> (ManagedMachine::*request)()>
Management::Then Management::ask(StrView arguments)
{
    const auto found = find(arguments);
    if (!found) return Then::stay;
    ManagedMachine& machine = *machines_[*found];
    if (const auto done = (machine.*request)(); !done) refuse(machine, done.error());
    return Then::stay;
}

const Management::Command Management::commands[] = {
    {"console",    "NAME|all", "show one guest, or all of them",               &Management::console                         },
    {"continue",   "",         "go back to the guests, as an empty line does", &Management::leave                           },
    {"help",       "",         "list the commands",                            &Management::help                            },
    {"list",       "",         "the guests and their states",                  &Management::list                            },
    {"pause",      "NAME",     "stop a guest and its clock",                   &Management::ask<&ManagedMachine::pause>     },
    {"powerdown",  "NAME",     "press its power key",                          &Management::ask<&ManagedMachine::power_down>},
    {"quit",       "",         "power the whole machine off at once",          &Management::quit                            },
    {"restart",    "NAME",     "start a guest anew, as its reset would",       &Management::ask<&ManagedMachine::restart>   },
    {"resume",     "NAME",     "let a paused guest go on",                     &Management::ask<&ManagedMachine::resume>    },
    {"start",      "NAME",     "start a guest that has stopped",               &Management::ask<&ManagedMachine::start>     },
    {"statistics", "NAME",     "what each of its vCPUs has done",              &Management::statistics                      },
    {"stop",       "NAME",     "end a guest at once",                          &Management::ask<&ManagedMachine::stop>      },
};

bool Management::add(ManagedMachine& machine)
{
    if (count_ == ConsoleMux::max_guests) return false;
    machines_[count_++] = &machine;
    return true;
}

Management::Then Management::run(StrView line)
{
    StrView rest = line.trimmed();
    const StrView word = rest.take_until(' ');
    for (const Command& command : commands)
        if (command.name == word) return (this->*command.run)(rest.trimmed());
    Line(out_).text("unknown command '").text(word).text("'; help lists them");
    return Then::stay;
}

/// By name; by number if no guest is called so.
std::optional<unsigned> Management::find(StrView name)
{
    for (unsigned i = 0; i < count_; ++i)
        if (machines_[i]->name() == name) return i;
    u64 number = 0;
    for (const char c : name) {
        if (c < '0' || c > '9' || number > count_)
            number = 0;
        else
            number = 10 * number + static_cast<u64>(c - '0');
        if (number == 0) break;
    }
    if (number != 0 && number <= count_) return static_cast<unsigned>(number - 1);
    if (name.empty())
        Line(out_).text("which guest? list shows their names");
    else
        Line(out_).text("there is no guest '").text(name).text("'; list shows their names");
    return std::nullopt;
}

bool Management::takes_nothing(StrView arguments)
{
    if (!arguments.empty())
        Line(out_).text("nothing is expected behind this command, found '").text(arguments).text("'");
    return arguments.empty();
}

void Management::refuse(const ManagedMachine& machine, RequestError error)
{
    Line(out_).text(machine.name()).text(" is ").text(state_name(machine.state())).text(": ").text(error_text(error));
}

Management::Then Management::help(StrView arguments)
{
    if (!takes_nothing(arguments)) return Then::stay;
    constexpr usize column = 20;
    for (const Command& command : commands) {
        Line line(out_);
        line.text("  ").text(command.name).text(" ").text(command.arguments);
        for (usize at = command.name.size() + command.arguments.size() + 1; at < column; ++at) line.text(" ");
        line.text(command.help);
    }
    return Then::stay;
}

Management::Then Management::list(StrView arguments)
{
    if (!takes_nothing(arguments)) return Then::stay;
    for (unsigned i = 0; i < count_; ++i) {
        const MachineFacts facts = machines_[i]->facts();
        Line line(out_);
        line.text("  ").number(i + 1).text("  ").text(machines_[i]->name()).text(": ");
        line.text(state_name(machines_[i]->state())).text(", ").number(facts.memory_size >> 20).text(" MiB, ");
        line.number(facts.cpu_count).text(facts.cpu_count == 1 ? " vCPU, " : " vCPUs, ");
        line.text("priority ").number(facts.priority);
        if (facts.budget < Task::whole) line.text(", budget ").number(facts.budget).text("%");
    }
    return Then::stay;
}

Management::Then Management::statistics(StrView arguments)
{
    const auto found = find(arguments);
    if (!found) return Then::stay;
    ManagedMachine& machine = *machines_[*found];
    for (u32 vcpu = 0; vcpu < machine.facts().cpu_count; ++vcpu) {
        const VcpuReport report = machine.report(vcpu);
        Line(out_)
            .text("  vCPU ")
            .number(vcpu)
            .text(" on CPU ")
            .number(report.cpu)
            .text(": ")
            .text(power_name(report.power))
            .text(", ran ")
            .number(report.run_ticks / (frequency_hz_ / 1000))
            .text(" ms in ")
            .number(report.turns)
            .text(" turns, woke ")
            .number(report.wake_ups)
            .text(" times");
        Line line(out_);
        u64 sum = 0;
        for (const u64 exits : report.exits) sum += exits;
        line.text("    exits: ").number(sum);
        for (unsigned kind = 0; kind < exit_kind_count; ++kind)
            if (report.exits[kind] != 0) line.text(", ").text(exit_name(kind)).text(" ").number(report.exits[kind]);
    }
    return Then::stay;
}

Management::Then Management::console(StrView arguments)
{
    if (arguments == "all") {
        show_ = Show{};
        return Then::leave;
    }
    const auto found = find(arguments);
    if (!found) return Then::stay;
    show_ = Show{found};
    return Then::leave;
}

Management::Then Management::leave(StrView arguments) { return takes_nothing(arguments) ? Then::leave : Then::stay; }

Management::Then Management::quit(StrView arguments) { return takes_nothing(arguments) ? Then::power_off : Then::stay; }

} // namespace gimbal::bare
