// SPDX-License-Identifier: Apache-2.0
#include "host/signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace gimbal::host {
namespace {

sigset_t watched_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH}) sigaddset(&set, number);
    return set;
}

} // namespace

void prepare_process()
{
    // A file opened later must not become standard output.
    for (const int fd : {0, 1, 2})
        if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR | O_NOCTTY));
    const sigset_t set = watched_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // a write beyond the limit fails with EFBIG instead
}

SignalWatch::SignalWatch(EventLoop& loop, std::function<void(int)> deliver)
{
    const sigset_t set = watched_signals();
    fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw std::system_error(errno, std::system_category(), "signalfd");
    loop.watch(fd_.get(), POLLIN, [fd = fd_.get(), deliver = std::move(deliver)](short) {
        signalfd_siginfo info{};
        while (::read(fd, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info)))
            deliver(static_cast<int>(info.ssi_signo));
    });
}

} // namespace gimbal::host
