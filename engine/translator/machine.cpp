// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/machine.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace gimbal::translator {

Machine::Machine(GuestMemory& memory, const Clock& clock, const VirtualTimers& timers, Options options)
    : memory_(memory),
      clock_(clock),
      timers_(timers),
      options_(std::move(options)),
      backend_kind_(options_.backend.value_or(best_backend())),
      code_(memory, options_.code_cache_bytes)
{
    const BackendOptions wanted{.code_bytes = options_.code_cache_bytes,
                                .count = options_.count,
                                .fuse = options_.fuse,
                                .link_lock = &code_.link_lock()};
    backend_ = make_backend(backend_kind_, wanted);
    if (backend_ == nullptr && !options_.backend) {
        backend_kind_ = BackendKind::interpreter;
        backend_ = make_backend(backend_kind_, wanted);
    }
    if (backend_ == nullptr) throw std::runtime_error("this host gives no memory that translated code can run in");
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
