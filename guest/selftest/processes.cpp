// SPDX-License-Identifier: Apache-2.0
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

// Each process forks two until `depth` is 0; the status is the number of processes that went wrong.
int fork_tree(u32 depth)
{
    if (depth == 0) return 0;
    std::array<pid_t, 2> children{};
    for (pid_t& child : children) {
        child = fork();
        if (child == 0) _exit(fork_tree(depth - 1));
    }
    int bad = 0;
    for (const pid_t child : children) bad += exits_with(child, 0) ? 0 : 1;
    return bad;
}

bool write_all(int fd, std::span<const u8> bytes)
{
    while (!bytes.empty()) {
        const ssize_t length = write(fd, bytes.data(), bytes.size());
        if (length <= 0) return false;
        bytes = bytes.subspan(static_cast<usize>(length));
    }
    return true;
}

// Passes on what comes in, after its last byte too; a process of the ring.
int pass_on(int from, int to)
{
    std::array<u8, 1777> buffer{};
    for (;;) {
        const ssize_t length = read(from, buffer.data(), buffer.size());
        if (length == 0) return 0;
        if (length < 0 || !write_all(to, std::span(buffer).first(static_cast<usize>(length)))) return 1;
    }
}

constexpr usize ring_bytes = 512 * 1024;

int fill(int to)
{
    Sequence sequence(42);
    std::array<u8, 3001> buffer{};
    for (usize sent = 0; sent < ring_bytes;) {
        const usize length = std::min<usize>(1 + sequence.below(buffer.size()), ring_bytes - sent);
        for (usize index = 0; index < length; ++index) buffer[index] = static_cast<u8>((sent + index) * 131 >> 3);
        if (!write_all(to, std::span(buffer).first(length))) return 1;
        sent += length;
    }
    return 0;
}

// Messages of one byte to and fro: as many switches as bytes.
Outcome ping_pong(u32 rounds)
{
    std::array<int, 2> there{};
    std::array<int, 2> back{};
    SELFTEST_REQUIRE(pipe(there.data()) == 0 && pipe(back.data()) == 0, "no pipe");
    const pid_t child = fork();
    if (child == 0) {
        close(there[1]);
        u8 byte = 0;
        while (read(there[0], &byte, 1) == 1) {
            ++byte;
            if (write(back[1], &byte, 1) != 1) _exit(1);
        }
        _exit(0);
    }
    close(there[0]);
    close(back[1]);
    for (u32 round = 0; round < rounds; ++round) {
        const auto sent = static_cast<u8>(round);
        u8 answer = 0;
        SELFTEST_REQUIRE(write(there[1], &sent, 1) == 1 && read(back[0], &answer, 1) == 1, "a pipe broke");
        SELFTEST_REQUIRE(answer == static_cast<u8>(sent + 1), "round %u: %u for %u", round, answer, sent);
    }
    close(there[1]);
    close(back[0]);
    SELFTEST_REQUIRE(exits_with(child, 0), "the other side failed");
    return passed("%u", rounds);
}

} // namespace

Outcome forks()
{
    constexpr u32 chain = 100;
    for (u32 index = 0; index < chain; ++index) {
        const int status = static_cast<int>(index % 200);
        const pid_t child = fork();
        if (child == 0) _exit(status);
        SELFTEST_REQUIRE(exits_with(child, status), "child %u did not exit with %d", index, status);
    }
    constexpr u32 depth = 6;
    const int bad = fork_tree(depth);
    SELFTEST_REQUIRE(bad == 0, "%d children of the tree failed", bad);
    return passed("%u one by one, a tree of %u", chain, (2U << depth) - 2);
}

Outcome pipes()
{
    constexpr u32 stations = 6;
    int from = -1;
    std::array<pid_t, stations> children{};
    for (u32 index = 0; index < stations; ++index) {
        std::array<int, 2> ends{};
        SELFTEST_REQUIRE(pipe(ends.data()) == 0, "no pipe");
        children[index] = fork();
        if (children[index] == 0) {
            close(ends[0]);
            _exit(index == 0 ? fill(ends[1]) : pass_on(from, ends[1]));
        }
        if (from >= 0) close(from);
        close(ends[1]);
        from = ends[0];
    }
    usize received = 0;
    std::array<u8, 4096> buffer{};
    for (ssize_t length = 0; (length = read(from, buffer.data(), buffer.size())) > 0;
         received += static_cast<usize>(length))
        for (usize index = 0; index < static_cast<usize>(length); ++index)
            SELFTEST_REQUIRE(buffer[index] == static_cast<u8>((received + index) * 131 >> 3), "byte %zu is wrong",
                             received + index);
    close(from);
    SELFTEST_REQUIRE(received == ring_bytes, "%zu bytes of %zu", received, ring_bytes);
    for (const pid_t child : children) SELFTEST_REQUIRE(exits_with(child, 0), "a station failed");
    SELFTEST_TRY(ping_pong(2000));
    return passed("%zu bytes through %u processes, 2000 messages to and fro", ring_bytes, stations);
}

Outcome programs()
{
    constexpr u32 count = 20;
    for (u32 index = 0; index < count; ++index) {
        char status[8];
        snprintf(status, sizeof(status), "%u", index + 3);
        char name[] = "selftest";
        char option[] = "--exit";
        char* const arguments[] = {name, option, status, nullptr};
        pid_t child = -1;
        SELFTEST_REQUIRE(posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments, nullptr) == 0,
                         "no program");
        SELFTEST_REQUIRE(exits_with(child, static_cast<int>(index + 3)), "program %u ended wrongly", index);
    }
    return passed("%u started", count);
}

} // namespace gimbal::selftest
