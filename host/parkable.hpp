// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gimbal::host {

/// Threads that work for the guest beside its vCPUs: a disk's, a network's. The VM is paused once every vCPU and every
/// one of these is parked. Calls come from one thread, the event loop's, in turn.
class Parkable {
public:
    /// Returns once parked: what was begun is finished and published, and from here to resume() no thread behind this
    /// touches guest memory, raises an interrupt or begins an operation on its backend. Work that arrives meanwhile is
    /// kept. May wait for the operation in flight, never for the guest.
    virtual void pause() = 0;
    virtual void resume() = 0;

protected:
    ~Parkable() = default;
};

} // namespace gimbal::host
