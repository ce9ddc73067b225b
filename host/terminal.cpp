// SPDX-License-Identifier: Apache-2.0
#include "host/terminal.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <initializer_list>

#include "base/atomic.hpp"

namespace gimbal::host {
namespace {

termios saved_settings; // complete before raw_fd is set
Atomic<int> raw_fd{-1}; // the terminal to restore; -1 if none is in raw mode
Atomic<void (*)() noexcept> last_words_hook{nullptr};

void set_attributes(int fd, const termios& settings)
{
    // From a background job the kernel would stop us with SIGTTOU; blocked, the call goes through.
    sigset_t block;
    sigset_t before;
    sigemptyset(&block);
    sigaddset(&block, SIGTTOU);
    ::pthread_sigmask(SIG_BLOCK, &block, &before);
    ::tcsetattr(fd, TCSANOW, &settings); // not DRAIN: it would wait for a terminal that is held by Ctrl-S
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void on_fatal_signal(int number)
{
    terminal::restore();
    if (auto* const hook = last_words_hook.exchange(nullptr)) hook();
    // SA_RESETHAND put the default action back: core dump and status are as without us.
    ::raise(number);
}

} // namespace

bool terminal::enter_raw(int fd)
{
    if (::isatty(fd) == 0 || ::tcgetpgrp(fd) != ::getpgrp()) return false;
    if (raw_fd.load() >= 0) return true;
    termios settings{};
    if (::tcgetattr(fd, &settings) != 0) return false;
    saved_settings = settings;
    static bool registered = false;
    if (!registered) std::atexit([] { terminal::restore(); });
    registered = true;
    ::cfmakeraw(&settings);
    settings.c_oflag |= OPOST; // our own messages keep their line ends
    raw_fd.store(fd);
    set_attributes(fd, settings);
    return true;
}

std::optional<terminal::Size> terminal::size(int fd)
{
    winsize window{};
    if (::ioctl(fd, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return std::nullopt;
    return Size{window.ws_col, window.ws_row};
}

void terminal::restore() noexcept
{
    const int fd = raw_fd.exchange(-1);
    if (fd >= 0) set_attributes(fd, saved_settings);
}

void catch_fatal_signals(void (*last_words)() noexcept)
{
    last_words_hook.store(last_words);
    struct sigaction action{};
    action.sa_handler = on_fatal_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigemptyset(&action.sa_mask);
    for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGQUIT})
        ::sigaction(number, &action, nullptr);
}

} // namespace gimbal::host
