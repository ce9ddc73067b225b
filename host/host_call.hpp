// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace gimbal::host {

/// While it lives, this thread waits for the host: for a disk's medium, for whoever reads the console. The host may
/// take as long as it likes, so an end that cannot wait that long can say for what. Cheap beside the system call that
/// it is put around; at the leaves, where nothing else of ours is held.
class [[nodiscard]] HostCall {
public:
    /// "write", "disk 'vm.img'". Both texts outlive the call.
    HostCall(const char* what, std::string_view object) noexcept;
    ~HostCall();
    HostCall(const HostCall&) = delete;
    HostCall& operator=(const HostCall&) = delete;

    /// What this process waits for right now, by thread: "virtio-blk 0 (flush of disk 'vm.img'), ..."; empty if for
    /// nothing. Any thread; waits for none of those.
    static std::string under_way();

private:
    const char* outer_what_;
    std::string_view outer_object_;
};

} // namespace gimbal::host
