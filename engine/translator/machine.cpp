// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/machine.hpp"

#include <algorithm>
#include <utility>

namespace gimbal::translator {

Machine::Machine(GuestMemory& memory, const Clock& clock, const VirtualTimers& timers, Options options)
    : memory_(memory),
      clock_(clock),
      timers_(timers),
      options_(std::move(options)),
      code_(memory, options_.code_cache_bytes)
{
    memory_.set_observer(&code_);
}

Machine::~Machine() { memory_.set_observer(nullptr); }

void Machine::add(aarch64::Cpu& cpu)
{
    const std::lock_guard lock(cpus_mutex_);
    cpus_.push_back(&cpu);
}

void Machine::remove(aarch64::Cpu& cpu)
{
    const std::lock_guard lock(cpus_mutex_);
    std::erase(cpus_, &cpu);
}

void Machine::for_each_other(const aarch64::Cpu& self, const std::function<void(aarch64::Cpu&)>& function)
{
    const std::lock_guard lock(cpus_mutex_);
    for (aarch64::Cpu* cpu : cpus_)
        if (cpu != &self) function(*cpu);
}

} // namespace gimbal::translator
