// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/types.hpp"
#include "host/error.hpp"

namespace gimbal::host {

/// Host memory for guest RAM: zero, private, given by the kernel page by page as the guest touches it. Inaccessible
/// guard pages on both sides stop an access that runs off its end. Left out of core dumps: it is the guest's.
class GuestRam {
public:
    /// `size` is a multiple of 4096. Refused if the machine has less memory and swap than that in total.
    static Result<GuestRam, HostError> create(u64 size);
    GuestRam(GuestRam&& other) noexcept;
    GuestRam& operator=(GuestRam&&) = delete;
    ~GuestRam();

    std::span<u8> bytes() const { return {base_, size_}; }

private:
    GuestRam(u8* base, usize size) : base_(base), size_(size) {}
    u8* base_;
    usize size_;
};

/// Memory and swap of this machine, in bytes.
u64 host_memory_total();

} // namespace gimbal::host
