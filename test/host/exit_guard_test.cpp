// SPDX-License-Identifier: Apache-2.0
#include "host/exit_guard.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>
#include <string>

#include <gtest/gtest.h>

#include "host/event_loop.hpp"
#include "host/host_call.hpp"
#include "host/signals.hpp"
#include "host/thread.hpp"

namespace gimbal::host {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void be_stuck()
{
    while (true) ::pause();
}

/// The exit status of a child that does `work` behind prepare_process(). How long it takes is the test's time limit.
template <class Work>
int status_of(Work&& work)
{
    const pid_t child = ::fork();
    if (child == 0) {
        prepare_process();
        work();
        ::_exit(99);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void nothing(int) {}
void no_reminder() {}

TEST(ExitGuard, V18_leaves_when_the_time_is_up)
{
    EXPECT_EQ(status_of([] {
                  ExitGuard guard({nothing, no_reminder});
                  guard.leave_at(ExitGuard::Clock::now() + 10ms, 5);
                  guard.leave_at(ExitGuard::Clock::now(), 6); // the first one stands
                  be_stuck();
              }),
              5);
}

TEST(ExitGuard, an_end_in_order_is_left_alone)
{
    EXPECT_EQ(status_of([] {
                  {
                      ExitGuard guard({nothing, no_reminder});
                      guard.leave_at(ExitGuard::Clock::now() + 1h, 5);
                  }
                  ::_exit(7);
              }),
              7);
}

TEST(ExitGuard, says_last_words_that_may_be_stuck_themselves)
{
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    EXPECT_EQ(status_of([&] {
                  ExitGuard guard({[&](int signal) {
                                       static_cast<void>(!::write(pipe[1], signal == 0 ? "word" : "sign", 4));
                                       be_stuck();
                                   },
                                   no_reminder});
                  guard.leave_at(ExitGuard::Clock::now(), 3);
                  be_stuck();
              }),
              3);
    char word[4];
    ASSERT_EQ(::read(pipe[0], word, sizeof(word)), 4);
    EXPECT_EQ(std::string(word, 4), "word");
    ::close(pipe[0]);
    ::close(pipe[1]);
}

TEST(ExitGuard, a_signal_that_nobody_takes_ends_the_process)
{
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        EXPECT_EQ(status_of([&] {
                      ExitGuard guard({[&](int signal) {
                                           if (signal != number) ::_exit(98);
                                       },
                                       no_reminder});
                      ::kill(::getpid(), number);
                      be_stuck();
                  }),
                  128 + number);
}

TEST(ExitGuard, signals_that_are_taken_end_nothing)
{
    EXPECT_EQ(status_of([] {
                  ExitGuard guard({nothing, no_reminder});
                  EventLoop loop;
                  const SignalWatch watch(loop, [&](int number) {
                      guard.signals_taken();
                      if (number == SIGTERM) ::_exit(7);
                  });
                  // Later than the first may lie there.
                  EventLoop::Timer& later = loop.add_timer([] { ::kill(::getpid(), SIGTERM); });
                  loop.arm(later, std::chrono::steady_clock::now() + 2 * ExitGuard::signal_patience);
                  ::kill(::getpid(), SIGINT);
                  loop.run();
              }),
              7);
}

TEST(ExitGuard, reminds_unless_it_is_told_to_forget)
{
    std::promise<void> reminded;
    ExitGuard guard({nothing, [&] { reminded.set_value(); }}); // a second call would throw
    guard.remind_at(ExitGuard::Clock::now() + 1h);
    guard.forget();
    guard.remind_at(ExitGuard::Clock::now());
    reminded.get_future().wait();
}

TEST(HostCall, names_who_waits_for_what)
{
    EXPECT_EQ(HostCall::under_way(), "");
    std::promise<void> inside;
    std::promise<void> leave;
    std::thread other([&] {
        name_this_thread("other");
        const HostCall outer("flush", "disk 'a'");
        {
            const HostCall inner("write", "disk 'b'");
        }
        inside.set_value();
        leave.get_future().wait();
    });
    inside.get_future().wait();
    EXPECT_EQ(HostCall::under_way(), "other (flush of disk 'a')");
    leave.set_value();
    other.join();
    EXPECT_EQ(HostCall::under_way(), "");
}

} // namespace
} // namespace gimbal::host
