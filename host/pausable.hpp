// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gimbal::host {

/// Threads that work for the guest beside its vCPUs: a disk's, a network's. The VM is paused once every vCPU and all of
/// these stand still. Calls come from one thread. Destroying what owns the threads ends them, paused or not.
class Pausable {
public:
    virtual ~Pausable() = default;
    /// Returns at once; several are asked before one is waited for.
    virtual void request_pause() = 0;
    /// Returns once the threads stand still: they touch no guest memory, raise no interrupt and begin nothing on their
    /// backend until resume(). What they do for the guest meanwhile is finished or not begun; what arrives is kept.
    virtual void wait_paused() = 0;
    virtual void resume() = 0;
};

} // namespace gimbal::host
