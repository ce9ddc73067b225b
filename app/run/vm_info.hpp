// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/cli/run_config.hpp"
#include "vm/vm.hpp"

namespace gimbal {

struct VmInfo {
    const RunConfig& config;
    const char* engine;
    Vm& vm;
    bool paused;
};

/// What the monitor's `info` prints: whole lines, at one moment of a VM that runs on meanwhile.
std::string describe_vm(const VmInfo& info);

} // namespace gimbal
