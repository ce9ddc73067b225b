// SPDX-License-Identifier: Apache-2.0
// Any file at all as a kernel: it is refused with a message, or every segment lies inside guest RAM.
#include "app/loader/layout.hpp"
#include "base/assert.hpp"

namespace {

using namespace gimbal;

void check_segments(const loader::Kernel& kernel, const loader::Layout& layout, const loader::LayoutRequest& request)
{
    u64 end = 0;
    for (const loader::Segment& segment : kernel.segments) {
        const u64 address = layout.kernel_base + segment.address;
        GIMBAL_ASSERT(segment.bytes.size() <= segment.memory_size);
        GIMBAL_ASSERT(address >= request.ram_base && address >= end);
        GIMBAL_ASSERT(segment.memory_size <= request.ram_base + request.ram_size - address);
        end = address + segment.memory_size;
        u64 sum = 0;
        for (const u8 byte : segment.bytes) sum += byte; // every byte is there to be read
        static_cast<void>(*const_cast<volatile u64*>(&sum));
    }
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr u64 limit = u64{4} << 20;
    const auto kernel = loader::parse_kernel(std::vector<u8>(data, data + size), limit);
    if (!kernel) {
        GIMBAL_ASSERT(!kernel.error().message.empty());
        return 0;
    }
    GIMBAL_ASSERT(!kernel->segments.empty());
    const loader::LayoutRequest request{0x4000'0000, u64{16} << 20, size, u64{256} << 10};
    if (const auto layout = loader::plan_layout(*kernel, request)) check_segments(*kernel, *layout, request);
    return 0;
}
