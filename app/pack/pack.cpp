// SPDX-License-Identifier: Apache-2.0
#include "app/pack/pack.hpp"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "app/loader/describe.hpp"
#include "app/pack/channels.hpp"
#include "app/pack/hypervisor.hpp"
#include "app/pack/payload_writer.hpp"
#include "app/run/guest.hpp"
#include "app/size.hpp"
#include "bare/payload.hpp"
#include "host/file.hpp"

namespace gimbal {
namespace {

namespace payload = bare::payload;

UserError in_file(const PackedVm& vm, const std::string& message) { return {fmt::format("{}: {}", vm.file, message)}; }

/// What `run` has and the hypervisor has not.
Result<void, UserError> check_features(const PackedVm& vm)
{
    const RunConfig& config = vm.config;
    const auto refuse = [&](const char* what) {
        return fail(in_file(vm, fmt::format("{}; this version's gimbal-el2 has none, take it out", what)));
    };
    if (!config.disks.empty()) return refuse("[[disk]] asks for a disk");
    if (!config.nets.empty()) return refuse("[[net]] asks for a network");
    if (config.console == ConsoleKind::virtio) return refuse("console = \"virtio\" asks for a virtio console");
    if (!config.type1.passthrough.empty()) return refuse("[type1] passthrough asks for devices of the machine");
    return {};
}

Result<void, UserError> check_names(const std::vector<PackedVm>& vms)
{
    for (auto vm = vms.begin(); vm != vms.end(); ++vm) {
        const std::string& name = vm->config.name;
        if (name.empty() || name.size() >= payload::Vm{}.name.size() ||
            !std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; }))
            return fail(
                in_file(*vm, fmt::format("'{}' is no name for a VM of an image; expected 1 to {} printable ASCII "
                                         "characters",
                                         loader::describe_text(name), payload::Vm{}.name.size() - 1)));
        const auto other =
            std::find_if(vms.begin(), vm, [&](const PackedVm& each) { return each.config.name == name; });
        if (other != vm)
            return fail(in_file(*vm, fmt::format("the name '{}' is that of '{}' too; give each VM its own with 'name'",
                                                 name, other->file)));
    }
    return {};
}

/// The image must not replace what it is made of.
Result<void, UserError> check_output(const PackConfig& config, const std::string& hypervisor)
{
    std::vector<std::string> inputs{hypervisor};
    for (const PackedVm& vm : config.vms) {
        inputs.push_back(vm.file);
        inputs.push_back(vm.config.kernel);
        if (!vm.config.initrd.empty()) inputs.push_back(vm.config.initrd);
    }
    for (const std::string& input : inputs) {
        std::error_code missing; // then they are not the same
        if (std::filesystem::equivalent(config.output, input, missing))
            return fail(UserError{
                fmt::format("image '{}': it is also an input ('{}'); choose another place", config.output, input)});
    }
    if (const auto writable = host::check_writable(config.output); !writable)
        return fail(UserError{fmt::format("image '{}': {}", config.output, writable.error().message)});
    return {};
}

BoardParts board_parts(const RunConfig& config, u32 parts)
{
    return {.cpu_count = config.cpus,
            .has_clock = (parts & payload::part_clock) != 0,
            .has_power_key = (parts & payload::part_power_key) != 0,
            .has_pci = !config.type1.channels.empty()};
}

payload::Vm describe_vm(const RunConfig& config, const Guest& guest)
{
    payload::Vm vm;
    std::ranges::copy(config.name, vm.name.begin());
    const VcpuEntry entry = guest_entry(guest);
    vm.memory_size = guest.memory_size;
    vm.entry = entry.pc;
    std::ranges::copy(entry.arguments, vm.arguments.begin());
    vm.affinity = config.type1.affinity;
    vm.cpu_count = config.cpus;
    vm.priority = config.type1.priority;
    vm.budget = config.type1.budget;
    return vm;
}

Result<void, UserError> add_pieces(PayloadWriter& writer, usize index, const Guest& guest, const BoardParts& parts)
{
    GIMBAL_TRY(initrd, read_initrd(guest));
    GIMBAL_TRY(tree, make_device_tree(guest, parts));
    bool fits = writer.add_piece(index, guest.layout.device_tree.value, tree) &&
                writer.add_piece(index, guest.layout.initrd.value, initrd);
    for (const loader::Segment& segment : guest.kernel.segments)
        fits = fits && writer.add_piece(index, guest.layout.kernel_base + segment.address, segment.bytes);
    if (!fits)
        return fail(UserError{fmt::format("kernel '{}': it has {} segments; an image holds at most {} pieces for a VM, "
                                          "device tree and initrd among them",
                                          guest.kernel_file.path, guest.kernel.segments.size(), payload::max_pieces)});
    return {};
}

/// A machine on which every VM finds its memory and CPUs.
std::string boot_advice(const PackConfig& config, u64 image_size)
{
    constexpr u64 room = u64{32} << 20; // of the hypervisor and of the loader's device tree
    constexpr u64 granule = u64{128} << 20;
    constexpr u32 usual_cpus_max = 8;
    u64 memory = image_size + room;
    u32 cpus = 0;
    u64 affinity = 0;
    for (const PackedVm& vm : config.vms) {
        memory += vm.config.memory;
        cpus += vm.config.cpus;
        affinity |= vm.config.type1.affinity;
        for (const ChannelConfig& channel : vm.config.type1.channels) memory += channel.size; // once too often
    }
    cpus = std::max(std::min(cpus, usual_cpus_max), static_cast<u32>(std::bit_width(affinity)));
    return fmt::format("boot it with:\n"
                       "  qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu max -smp {} -m {}M \\\n"
                       "      -nic none -global virtio-mmio.force-legacy=false -nographic -kernel {}\n",
                       cpus, (memory + granule - 1) / granule * (granule >> 20), config.output);
}

std::string describe_affinity(u64 affinity)
{
    std::string text;
    for (u32 cpu = 0; cpu < payload::max_host_cpus; ++cpu)
        if (test_bit(affinity, cpu)) text += fmt::format("{}{}", text.empty() ? "" : ",", cpu);
    return text.empty() ? "any CPU" : "CPU " + text;
}

std::string report(const PackConfig& config, u64 image_size)
{
    std::string text =
        fmt::format("{}: {:.1f} MiB, {} VM{}\n", config.output, static_cast<double>(image_size) / (1 << 20),
                    config.vms.size(), config.vms.size() == 1 ? "" : "s");
    for (const PackedVm& vm : config.vms)
        text += fmt::format("  {}: {}, {} vCPU{} on {}, priority {}\n", vm.config.name, format_size(vm.config.memory),
                            vm.config.cpus, vm.config.cpus == 1 ? "" : "s", describe_affinity(vm.config.type1.affinity),
                            vm.config.type1.priority);
    for (auto vm = config.vms.begin(); vm != config.vms.end(); ++vm)
        for (const ChannelConfig& channel : vm->config.type1.channels)
            for (auto other = vm + 1; other != config.vms.end(); ++other)
                if (std::ranges::find(other->config.type1.channels, channel.name, &ChannelConfig::name) !=
                    other->config.type1.channels.end())
                    text += fmt::format("  channel {}: {} between {} and {}\n", channel.name, format_size(channel.size),
                                        vm->config.name, other->config.name);
    return text + boot_advice(config, image_size);
}

} // namespace

Result<std::string, UserError> pack_image(const PackConfig& config)
{
    GIMBAL_TRY_VOID(check_names(config.vms));
    for (const PackedVm& vm : config.vms) GIMBAL_TRY_VOID(check_features(vm));
    GIMBAL_TRY(channels, join_channels(config.vms));
    std::string path = config.hypervisor;
    if (path.empty()) {
        GIMBAL_TRY(found, find_hypervisor());
        path = std::move(found);
    }
    GIMBAL_TRY_VOID(check_output(config, path));
    GIMBAL_TRY(hypervisor, load_hypervisor(path));
    std::vector<Guest> guests;
    std::vector<payload::Vm> vms;
    for (const PackedVm& vm : config.vms) {
        auto guest = load_guest(vm.config);
        if (!guest) return fail(in_file(vm, guest.error().message));
        vms.push_back(describe_vm(vm.config, *guest));
        guests.push_back(std::move(*guest));
    }
    PayloadWriter writer(std::move(hypervisor.image), std::move(vms), std::move(channels));
    for (usize i = 0; i < guests.size(); ++i) {
        const BoardParts parts = board_parts(config.vms[i].config, hypervisor.parts);
        if (const auto added = add_pieces(writer, i, guests[i], parts); !added)
            return fail(in_file(config.vms[i], added.error().message));
        guests[i].kernel.segments.clear();
        guests[i].kernel.storage = std::vector<u8>(); // not {}, which keeps the memory
    }
    const std::vector<u8> image = writer.finish();
    const std::string_view content(reinterpret_cast<const char*>(image.data()), image.size());
    if (const auto written = host::write_file_atomically(config.output, content); !written)
        return fail(UserError{fmt::format("image '{}': {}", config.output, written.error().message)});
    return report(config, image.size());
}

} // namespace gimbal
