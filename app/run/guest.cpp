// SPDX-License-Identifier: Apache-2.0
#include "app/run/guest.hpp"

#include <sys/random.h>

#include <cerrno>

#include <fmt/format.h>

#include "host/file.hpp"
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

Result<std::vector<u8>, UserError> read_input(const char* what, const std::string& path, u64 limit)
{
    auto bytes = host::read_regular_file(path, limit);
    if (!bytes) {
        const char* const advice = bytes.error().code == EFBIG ? "; give the guest more --memory" : "";
        return fail(UserError{fmt::format("{} '{}': {}{}", what, path, bytes.error().message, advice)});
    }
    if (bytes->empty()) return fail(UserError{fmt::format("{} '{}': it is an empty file", what, path)});
    return std::move(*bytes);
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

} // namespace

Result<Guest, UserError> load_guest(const RunConfig& config)
{
    Guest guest;
    guest.memory_size = config.memory;
    guest.cmdline = config.cmdline.value_or(default_cmdline(config.console));
    // A compressed file larger than guest memory cannot hold a kernel that fits either.
    GIMBAL_TRY(file, read_input("kernel", config.kernel, config.memory));
    auto kernel = loader::parse_kernel(std::move(file), config.memory);
    if (!kernel) return fail(UserError{fmt::format("kernel '{}': {}", config.kernel, kernel.error().message)});
    if (kernel->arch != loader::GuestArch::aarch64)
        return fail(UserError{fmt::format("kernel '{}': it is for {} ({}); this version runs aarch64 guests only",
                                          config.kernel, loader::guest_arch_name(kernel->arch), kernel->description)});
    guest.kernel = std::move(*kernel);
    if (!config.initrd.empty()) {
        GIMBAL_TRY(initrd, read_input("initrd", config.initrd, config.memory));
        guest.initrd = std::move(initrd);
    }
    const loader::LayoutRequest request{board::aarch64::location(board::aarch64::Part::ram).base.value, config.memory,
                                        guest.initrd.size(), device_tree_room};
    GIMBAL_TRY(layout, loader::plan_layout(guest.kernel, request));
    guest.layout = layout;
    return guest;
}

Result<VcpuEntry, UserError> place_guest(const Guest& guest, const BoardParts& parts, GuestMemory& memory)
{
    for (const loader::Segment& segment : guest.kernel.segments)
        if (!segment.bytes.empty() && !memory.write({guest.layout.kernel_base + segment.address}, segment.bytes))
            return fail(placement_failed("the kernel"));
    if (!guest.initrd.empty() && !memory.write(guest.layout.initrd, guest.initrd))
        return fail(placement_failed("the initrd"));

    device_tree::Aarch64Machine machine;
    machine.cpu_count = parts.cpu_count;
    machine.memory_size = guest.memory_size;
    machine.bootargs = guest.cmdline;
    machine.initrd = guest.layout.initrd;
    machine.initrd_size = guest.initrd.size();
    machine.virtio_slots = parts.virtio_slots;
    machine.has_clock = parts.has_clock;
    if (!fill_random(machine.kaslr_seed) || !fill_random(machine.rng_seed))
        return fail(UserError{"the system gives no random numbers"});
    std::vector<u8> tree(device_tree_room);
    const auto size = device_tree::write(tree, machine);
    if (!size || !memory.write(guest.layout.device_tree, std::span(tree).first(*size)))
        return fail(placement_failed("the device tree"));
    return VcpuEntry{
        guest.layout.entry.value, {guest.layout.device_tree.value, 0, 0, 0}
    };
}

} // namespace gimbal
