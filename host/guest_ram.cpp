// SPDX-License-Identifier: Apache-2.0
#include "host/guest_ram.hpp"

#include <sys/mman.h>
#include <sys/sysinfo.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "host/host_call.hpp"

namespace gimbal::host {
namespace {
constexpr usize guard_size = usize{64} << 10; // a page of any host
} // namespace

u64 host_memory_total()
{
    struct sysinfo info{};
    if (::sysinfo(&info) != 0) return ~u64{0};
    return (u64{info.totalram} + info.totalswap) * info.mem_unit;
}

Result<GuestRam, HostError> GuestRam::create(u64 size)
{
    const u64 total = host_memory_total();
    if (size > total)
        return fail(HostError{fmt::format("this machine has only {} MiB of memory and swap", total >> 20)});
    const usize reserved = static_cast<usize>(size) + 2 * guard_size;
    void* const area = ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) return fail(system_error(errno));
    u8* const base = static_cast<u8*>(area) + guard_size;
    if (::mprotect(base, static_cast<usize>(size), PROT_READ | PROT_WRITE) != 0) {
        const int code = errno;
        ::munmap(area, reserved);
        return fail(system_error(code));
    }
    ::madvise(base, static_cast<usize>(size), MADV_DONTDUMP);
    return GuestRam(base, static_cast<usize>(size));
}

GuestRam::GuestRam(GuestRam&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), size_(std::exchange(other.size_, 0))
{
}

GuestRam::~GuestRam()
{
    if (base_ == nullptr) return;
    const HostCall call("release", "guest memory"); // of a large guest it takes the kernel a while
    ::munmap(base_ - guard_size, size_ + 2 * guard_size);
}

} // namespace gimbal::host
