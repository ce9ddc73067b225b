// SPDX-License-Identifier: Apache-2.0
#include "test/differential/peer_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gimbal::differential {
namespace {

constexpr int answer_timeout_ms = 120'000;
constexpr int pipe_bytes = 1 << 20; // an unprivileged process's limit; holds a whole batch of outcomes

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "peer: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

} // namespace

PeerProcess::PeerProcess(const std::string& qemu, const std::string& program)
{
    int request[2];
    int answer[2];
    if (pipe2(request, O_CLOEXEC) != 0 || pipe2(answer, O_CLOEXEC) != 0) fail("pipe");
    // Smaller pipes only make the two sides take turns.
    static_cast<void>(fcntl(request[1], F_SETPIPE_SZ, pipe_bytes));
    static_cast<void>(fcntl(answer[1], F_SETPIPE_SZ, pipe_bytes));
    std::signal(SIGPIPE, SIG_IGN);
    child_ = fork();
    if (child_ < 0) fail("fork");
    if (child_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(request[0], STDIN_FILENO);
        dup2(answer[1], STDOUT_FILENO);
        // What we do not advertise is switched off where it would change the meaning of hints and signal frames.
        execl(qemu.c_str(), qemu.c_str(), "-cpu", "max,sve=off,sme=off,pauth=off", program.c_str(), nullptr);
        _exit(127);
    }
    close(request[0]);
    close(answer[1]);
    to_peer_ = request[1];
    from_peer_ = answer[0];
}

PeerProcess::~PeerProcess()
{
    close(to_peer_); // end of input ends it
    close(from_peer_);
    waitpid(child_, nullptr, 0);
}

void PeerProcess::send(const BatchHeader& header, std::span<const Case> cases)
{
    write_all(&header, sizeof header);
    write_all(cases.data(), cases.size_bytes());
}

void PeerProcess::receive(std::span<Outcome> outcomes, std::span<u64> data)
{
    read_all(outcomes.data(), outcomes.size_bytes());
    read_all(data.data(), data.size_bytes());
}

void PeerProcess::write_all(const void* from, usize bytes)
{
    const auto* at = static_cast<const u8*>(from);
    while (bytes != 0) {
        const ssize_t done = write(to_peer_, at, bytes);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail("it does not take the batch");
        at += done;
        bytes -= static_cast<usize>(done);
    }
}

void PeerProcess::read_all(void* to, usize bytes)
{
    auto* at = static_cast<u8*>(to);
    while (bytes != 0) {
        pollfd wait{from_peer_, POLLIN, 0};
        if (poll(&wait, 1, answer_timeout_ms) == 0) fail("no answer; a case may not end there");
        const ssize_t done = read(from_peer_, at, bytes);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail("it is gone");
        at += done;
        bytes -= static_cast<usize>(done);
    }
}

} // namespace gimbal::differential
