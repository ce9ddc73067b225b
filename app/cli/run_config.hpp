// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "host/log.hpp"
#include "host/serial.hpp"

namespace gimbal {

/// What --trace takes.
struct TraceOptions {
    bool exits{}; ///< Each exit and its answer, to the log.
    bool ir{};    ///< Each translated block, to the log.
};

/// Everything `gimbal run` was told, checked as far as that goes without opening a file.
struct RunConfig {
    std::string name;                   ///< For messages; the configuration file's stem.
    std::string kernel;                 ///< A path; never empty once the configuration is complete.
    std::string initrd;                 ///< Empty: none.
    std::optional<std::string> cmdline; ///< None: the board's console.
    u64 memory{u64{512} << 20};         ///< Bytes.
    u32 cpus{1};                        ///< As many as the board and the VM take.
    host::SerialConfig serial;
    std::optional<double> timeout; ///< Seconds, above zero.
    bool no_reboot{};
    bool count{};      ///< Exact counts of guest instructions; the interpreter's always are.
    std::string stats; ///< A path, "-" for standard output, empty for none.
    TraceOptions trace;
    host::LogLevel log_level{host::LogLevel::warn};
    std::string log_path; ///< Empty: standard error.
};

} // namespace gimbal
