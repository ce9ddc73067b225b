// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "test/differential/protocol.hpp"

namespace gimbal::differential {

/// The peer's program in qemu-aarch64, at the other end of two pipes. Failures of it end the run with a message.
class PeerProcess {
public:
    PeerProcess(const std::string& qemu, const std::string& program);
    ~PeerProcess();
    PeerProcess(const PeerProcess&) = delete;
    PeerProcess& operator=(const PeerProcess&) = delete;

    /// Starts a batch; it runs while the caller does something else.
    void send(const BatchHeader& header, std::span<const Case> cases);
    /// The outcomes of the batch; `data` receives the dump if one was asked for.
    void receive(std::span<Outcome> outcomes, std::span<u64> data);

private:
    void write_all(const void* from, usize bytes);
    void read_all(void* to, usize bytes);

    pid_t child_{-1};
    int to_peer_{-1};
    int from_peer_{-1};
};

} // namespace gimbal::differential
