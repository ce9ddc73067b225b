// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/cli/run_config.hpp"
#include "app/loader/kernel.hpp"
#include "app/loader/layout.hpp"
#include "host/file.hpp"
#include "vm/memory.hpp"
#include "vm/vcpu.hpp"

namespace gimbal {

/// What the guest starts from. A guest that resets starts from the same bytes again: they are not kept in memory, but
/// the files stay open, and are refused if they are changed.
struct Guest {
    struct File {
        const char* what; ///< "kernel"
        std::string path;
        host::RegularFile file;
    };

    File kernel_file;
    std::optional<File> initrd_file;
    loader::Kernel kernel; ///< Without its bytes once it has been placed.
    u64 initrd_size{};
    std::string cmdline;
    u64 memory_size{};
    loader::Layout layout;
};

/// Opens the files, checks the kernel and plans where everything goes.
Result<Guest, UserError> load_guest(const RunConfig& config);

/// What the board has beside its fixed parts.
struct BoardParts {
    u32 cpu_count{1};
    bool has_clock{};
    bool has_power_key{};
    u32 virtio_slots{};
    bool has_pci{};
};

/// The initrd's bytes, as they were when it was opened; none without one.
Result<std::vector<u8>, UserError> read_initrd(const Guest& guest);

/// A device tree for this guest on this board, with fresh seeds.
Result<std::vector<u8>, UserError> make_device_tree(const Guest& guest, const BoardParts& parts);

/// Where vCPU 0 starts (Linux, Documentation/arm64/booting.rst: x0 is the device tree, x1 to x3 are zero).
VcpuEntry guest_entry(const Guest& guest);

/// Writes kernel, initrd and a new device tree into guest memory, which is all zero, and returns guest_entry().
Result<VcpuEntry, UserError> place_guest(Guest& guest, const BoardParts& parts, GuestMemory& memory);

} // namespace gimbal
