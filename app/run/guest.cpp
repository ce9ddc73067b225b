// SPDX-License-Identifier: Apache-2.0
#include "app/run/guest.hpp"

#include <sys/random.h>

#include <cerrno>

#include <fmt/format.h>

#include "host/file.hpp"
#include "host/host_call.hpp"
#include "vm/aarch64/board.hpp"
#include "vm/device_tree/aarch64.hpp"

namespace gimbal {
namespace {

// Room for the largest tree: every CPU and slot, and the longest command line.
constexpr u64 device_tree_room = u64{256} << 10;

/// The names that Linux has for them.
const char* default_cmdline(ConsoleKind kind)
{
    switch (kind) {
    case ConsoleKind::pl011: return "console=ttyAMA0";
    case ConsoleKind::virtio: return "console=hvc0";
    }
    return "";
}

UserError file_error(const Guest::File& file, const std::string& message)
{
    return {fmt::format("{} '{}': {}", file.what, file.path, message)};
}

Result<Guest::File, UserError> open_input(const char* what, const std::string& path, u64 limit)
{
    auto file = host::RegularFile::open(path, limit);
    if (!file) {
        const char* const advice = file.error().code == EFBIG ? "; give the guest more --memory" : "";
        return fail(UserError{fmt::format("{} '{}': {}{}", what, path, file.error().message, advice)});
    }
    if (file->size() == 0) return fail(UserError{fmt::format("{} '{}': it is an empty file", what, path)});
    return Guest::File{what, path, std::move(*file)};
}

Result<std::vector<u8>, UserError> read_input(const Guest::File& file)
{
    const host::HostCall call("read", file.path);
    auto bytes = file.file.read();
    if (!bytes) return fail(file_error(file, bytes.error().message));
    return std::move(*bytes);
}

Result<loader::Kernel, UserError> read_kernel(const Guest::File& file, u64 limit)
{
    GIMBAL_TRY(bytes, read_input(file));
    auto kernel = loader::parse_kernel(std::move(bytes), limit);
    if (!kernel) return fail(file_error(file, kernel.error().message));
    return std::move(*kernel);
}

UserError placement_failed(const char* what)
{
    return {fmt::format("{} cannot be written to guest memory", what)}; // the layout was checked: not reachable
}

template <class T>
bool fill_random(T& target)
{
    return ::getrandom(&target, sizeof(target), 0) == static_cast<ssize_t>(sizeof(target));
}

/// Puts kernel and initrd into guest memory and lets go of their bytes, which are a good part of what we occupy. Both
/// are read before either is let go: what malloc has once taken back from a mapping it keeps for the next such block.
Result<void, UserError> place_files(Guest& guest, GuestMemory& memory)
{
    GIMBAL_TRY(initrd, read_initrd(guest));
    if (guest.kernel.storage.empty()) {
        GIMBAL_TRY(kernel, read_kernel(guest.kernel_file, guest.memory_size));
        guest.kernel = std::move(kernel);
    }
    for (const loader::Segment& segment : guest.kernel.segments)
        if (!segment.bytes.empty() && !memory.write({guest.layout.kernel_base + segment.address}, segment.bytes))
            return fail(placement_failed("the kernel"));
    guest.kernel.segments.clear();
    guest.kernel.storage = std::vector<u8>(); // not {}, which keeps the memory
    if (!initrd.empty() && !memory.write(guest.layout.initrd, initrd)) return fail(placement_failed("the initrd"));
    return {};
}

} // namespace

Result<Guest, UserError> load_guest(const RunConfig& config)
{
    // A compressed file larger than guest memory cannot hold a kernel that fits either.
    GIMBAL_TRY(kernel_file, open_input("kernel", config.kernel, config.memory));
    GIMBAL_TRY(kernel, read_kernel(kernel_file, config.memory));
    if (kernel.arch != loader::GuestArch::aarch64)
        return fail(file_error(kernel_file, fmt::format("it is for {} ({}); this version runs aarch64 guests only",
                                                        loader::guest_arch_name(kernel.arch), kernel.description)));
    Guest guest{.kernel_file = std::move(kernel_file),
                .initrd_file = {},
                .kernel = std::move(kernel),
                .initrd_size = 0,
                .cmdline = config.cmdline.value_or(default_cmdline(config.console)),
                .memory_size = config.memory,
                .layout = {}};
    if (!config.initrd.empty()) {
        GIMBAL_TRY(initrd, open_input("initrd", config.initrd, config.memory));
        guest.initrd_size = initrd.file.size();
        guest.initrd_file = std::move(initrd);
    }
    const loader::LayoutRequest request{board::aarch64::location(board::aarch64::Part::ram).base.value, config.memory,
                                        guest.initrd_size, device_tree_room};
    GIMBAL_TRY(layout, loader::plan_layout(guest.kernel, request));
    guest.layout = layout;
    return guest;
}

Result<std::vector<u8>, UserError> read_initrd(const Guest& guest)
{
    if (!guest.initrd_file) return std::vector<u8>();
    return read_input(*guest.initrd_file);
}

Result<std::vector<u8>, UserError> make_device_tree(const Guest& guest, const BoardParts& parts)
{
    device_tree::Aarch64Machine machine;
    machine.cpu_count = parts.cpu_count;
    machine.memory_size = guest.memory_size;
    machine.bootargs = guest.cmdline;
    machine.initrd = guest.layout.initrd;
    machine.initrd_size = guest.initrd_size;
    machine.virtio_slots = parts.virtio_slots;
    machine.has_clock = parts.has_clock;
    machine.has_power_key = parts.has_power_key;
    machine.has_pci = parts.has_pci;
    if (!fill_random(machine.kaslr_seed) || !fill_random(machine.rng_seed))
        return fail(UserError{"the system gives no random numbers"});
    std::vector<u8> tree(device_tree_room);
    const auto size = device_tree::write(tree, machine);
    if (!size) return fail(placement_failed("the device tree"));
    tree.resize(*size);
    return tree;
}

VcpuEntry guest_entry(const Guest& guest)
{
    return {
        guest.layout.entry.value, {guest.layout.device_tree.value, 0, 0, 0}
    };
}

Result<VcpuEntry, UserError> place_guest(Guest& guest, const BoardParts& parts, GuestMemory& memory)
{
    GIMBAL_TRY_VOID(place_files(guest, memory));
    GIMBAL_TRY(tree, make_device_tree(guest, parts));
    if (!memory.write(guest.layout.device_tree, tree)) return fail(placement_failed("the device tree"));
    return guest_entry(guest);
}

} // namespace gimbal
