// SPDX-License-Identifier: Apache-2.0
// Any machine into a buffer of any size: an error, or a tree that libfdt finds sound and that holds what was asked.
#include <algorithm>
#include <cstring>
#include <vector>

extern "C" {
#include <libfdt.h>
}

#include "base/assert.hpp"
#include "vm/device_tree/aarch64.hpp"

namespace {

using namespace gimbal;

/// Takes integers off the front of the input; zero once it is used up.
class Input {
public:
    Input(const u8* data, usize size) : rest_(data, size) {}
    template <class T>
    T take()
    {
        T value{};
        const usize count = std::min(sizeof(T), rest_.size());
        std::memcpy(&value, rest_.data(), count);
        rest_ = rest_.subspan(count);
        return value;
    }
    std::span<const u8> rest() const { return rest_; }

private:
    std::span<const u8> rest_;
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    Input input(data, size);
    device_tree::Aarch64Machine machine;
    machine.cpu_count = input.take<u8>();
    machine.memory_size = input.take<u64>();
    machine.initrd = {input.take<u64>()};
    machine.initrd_size = input.take<u64>();
    machine.kaslr_seed = input.take<u64>();
    machine.virtio_slots = input.take<u32>();
    const u8 parts = input.take<u8>();
    machine.has_clock = (parts & 1) != 0;
    machine.has_power_key = (parts & 2) != 0;
    std::vector<u8> out(input.take<u16>());
    machine.bootargs = {reinterpret_cast<const char*>(input.rest().data()), input.rest().size()};
    const auto written = device_tree::write(out, machine);
    if (!written) return 0;
    GIMBAL_ASSERT(*written <= out.size());
    GIMBAL_ASSERT(fdt_check_full(out.data(), *written) == 0);
    int length = 0;
    const void* const bootargs = fdt_getprop(out.data(), fdt_path_offset(out.data(), "/chosen"), "bootargs", &length);
    GIMBAL_ASSERT(bootargs != nullptr && static_cast<usize>(length) == machine.bootargs.size() + 1);
    GIMBAL_ASSERT(std::memcmp(bootargs, machine.bootargs.data(), machine.bootargs.size()) == 0);
    return 0;
}
