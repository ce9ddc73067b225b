// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/translator/backend/choose.hpp"
#include "host/log.hpp"
#include "host/serial.hpp"

namespace gimbal {

/// What --trace takes.
struct TraceOptions {
    bool exits{}; ///< Each exit and its answer, to the log.
    bool ir{};    ///< Each translated block, to the log.
};

/// One disk: a raw file.
struct DiskConfig {
    std::string path; ///< Not empty.
    bool read_only{};
};

enum class Protocol : u8 { tcp, udp };

/// A port of the host that leads to one of the guest.
struct HostForward {
    Protocol protocol{};
    std::string host_address{"127.0.0.1"}; ///< IPv4, in dots.
    u16 host_port{};                       ///< Not zero; no two forwards share protocol, address and port.
    u16 guest_port{};                      ///< Not zero.
};

enum class NetMode : u8 { user };

/// One network interface.
struct NetConfig {
    NetMode mode{};
    std::vector<HostForward> forwards;
};

/// Which of the board's serial devices gets the input, and is the default command line's console.
enum class ConsoleKind : u8 { pl011, virtio };

enum class EngineKind : u8 { translator, kvm, hvf };
const char* engine_name(EngineKind kind);

/// One end of a channel between two VMs: the other one names it too.
struct ChannelConfig {
    std::string name; ///< Not empty.
    u64 size{};       ///< Bytes.
};

/// [type1]: what a VM is told only as part of a type-1 image.
struct Type1Config {
    u32 priority{1};                      ///< Not above bare::payload::max_priority; a larger one runs first.
    u64 affinity{};                       ///< One bit per CPU of the machine; zero: any.
    u32 budget{};                         ///< Percent of its CPU for each vCPU; zero: no limit.
    std::vector<std::string> passthrough; ///< Devices of the machine.
    std::vector<ChannelConfig> channels;  ///< In the order of the guest's devices.
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
    ConsoleKind console{ConsoleKind::pl011};
    std::vector<DiskConfig> disks; ///< In the order of the guest's slots.
    std::vector<NetConfig> nets;
    std::optional<double> timeout;                  ///< Seconds, above zero.
    std::optional<EngineKind> engine;               ///< None: the best that works here.
    std::optional<translator::BackendKind> backend; ///< Of the translator; none: the best that this build has.
    bool no_reboot{};
    bool count{};      ///< Exact counts of guest instructions; the interpreter's always are.
    std::string stats; ///< A path, "-" for standard output, empty for none.
    TraceOptions trace;
    host::LogLevel log_level{host::LogLevel::warn};
    std::string log_path; ///< Empty: standard error.
    Type1Config type1;    ///< For `gimbal pack`.
};

enum class PackTarget : u8 { el2 };

/// One VM of an image, and the file that describes it.
struct PackedVm {
    std::string file;
    RunConfig config; ///< With a kernel.
};

/// Everything `gimbal pack` was told.
struct PackConfig {
    PackTarget target{};
    std::vector<PackedVm> vms; ///< At least one.
    std::string output;        ///< A path.
    std::string hypervisor;    ///< A path; empty: the one that belongs to the command.
};

} // namespace gimbal
