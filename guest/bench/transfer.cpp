// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/bench/bench.hpp"

// Disk and network. The argument names the disk (a block device or a file of the same content) or the server.
namespace gimbal::bench {
namespace {

constexpr usize sector = 4096;
constexpr usize chunk = usize{256} << 10;

/// Memory that O_DIRECT accepts.
class DirectBuffer {
public:
    DirectBuffer() : data_(static_cast<u8*>(std::aligned_alloc(sector, chunk)))
    {
        if (data_ == nullptr) give_up("no memory");
    }
    DirectBuffer(const DirectBuffer&) = delete;
    DirectBuffer& operator=(const DirectBuffer&) = delete;
    ~DirectBuffer() { std::free(data_); }
    u8* data() { return data_; }

    /// Of the first word of each sector among the first `size` bytes.
    [[nodiscard]] u64 sum(usize size) const
    {
        u64 result = 0;
        for (usize at = 0; at < size; at += sector) {
            u64 word = 0;
            std::memcpy(&word, data_ + at, sizeof word);
            result = mix(result + word);
        }
        return result;
    }

private:
    u8* data_;
};

int open_disk(const Job& job, int flags)
{
    if (job.argument[0] == '\0') give_up("no disk was named");
    const int fd = open(job.argument, flags | O_DIRECT | O_CLOEXEC);
    if (fd < 0) give_up(job.argument);
    return fd;
}

u64 size_of(int fd)
{
    const off_t end = lseek(fd, 0, SEEK_END);
    if (end < static_cast<off_t>(chunk)) give_up("the disk is smaller than 256 KiB");
    return static_cast<u64>(end);
}

/// Short transfers are the disk's fault: everything asked for lies inside it.
void check(ssize_t moved, usize wanted, const char* what)
{
    if (moved >= 0) errno = 0;
    if (moved != static_cast<ssize_t>(wanted)) give_up(what);
}

} // namespace

u64 run_disk_read(const Job& job, Stopwatch& watch)
{
    const int fd = open_disk(job, O_RDONLY);
    const u64 chunks = size_of(fd) / chunk;
    DirectBuffer buffer;
    u64 sum = 0;
    const u64 rounds = job.rounds(192);
    for (u64 i = 0; i < rounds; ++i) {
        watch.start();
        check(pread(fd, buffer.data(), chunk, static_cast<off_t>(i % chunks * chunk)), chunk, "reading the disk");
        watch.stop();
        sum = mix(sum + buffer.sum(chunk));
    }
    close(fd);
    return sum;
}

u64 run_disk_random(const Job& job, Stopwatch& watch)
{
    const int fd = open_disk(job, O_RDONLY);
    const u64 sectors = size_of(fd) / sector;
    DirectBuffer buffer;
    Sequence sequence(61);
    u64 sum = 0;
    const u64 rounds = job.rounds(2000);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) {
        check(pread(fd, buffer.data(), sector, static_cast<off_t>(sequence.below(sectors) * sector)), sector,
              "reading the disk");
        sum = mix(sum + buffer.sum(sector));
    }
    watch.stop();
    close(fd);
    return sum;
}

u64 run_disk_write(const Job& job, Stopwatch& watch)
{
    // The second half of the disk, so that what the other programs read stays as it is; then flushed and read back.
    const int fd = open_disk(job, O_RDWR);
    const u64 half = size_of(fd) / 2;
    const u64 chunks = half / chunk;
    if (chunks == 0) give_up("the disk is smaller than 512 KiB");
    DirectBuffer buffer;
    const u64 rounds = job.rounds(64);
    for (u64 i = 0; i < rounds; ++i) {
        std::memset(buffer.data(), static_cast<int>(i & 0xFF), chunk);
        watch.start();
        check(pwrite(fd, buffer.data(), chunk, static_cast<off_t>(half + i % chunks * chunk)), chunk,
              "writing the disk");
        watch.stop();
    }
    watch.start();
    if (fdatasync(fd) != 0) give_up("flushing the disk");
    watch.stop();
    u64 sum = 0;
    for (u64 i = 0; i < rounds && i < chunks; ++i) {
        check(pread(fd, buffer.data(), chunk, static_cast<off_t>(half + i * chunk)), chunk, "reading back");
        sum = mix(sum + buffer.sum(chunk));
    }
    close(fd);
    return sum;
}

u64 run_network(const Job& job, Stopwatch& watch)
{
    // Asks for a number of bytes (8 bytes, little-endian) and takes them in.
    const char* colon = std::strrchr(job.argument, ':');
    if (colon == nullptr) give_up("no server was named (address:port)");
    char address[64] = {};
    std::memcpy(address, job.argument, static_cast<usize>(colon - job.argument) % sizeof address);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<u16>(std::atoi(colon + 1)));
    if (inet_pton(AF_INET, address, &server.sin_addr) != 1) give_up("not an IPv4 address");
    const u64 bytes = job.rounds(u64{16} << 20);
    DirectBuffer buffer;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) give_up("socket");
    watch.start();
    if (connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) give_up("connecting");
    if (write(fd, &bytes, sizeof bytes) != sizeof bytes) give_up("asking the server");
    u64 sum = 0;
    u64 taken = 0;
    while (taken < bytes) {
        const ssize_t moved = read(fd, buffer.data(), chunk);
        if (moved >= 0) errno = 0;
        if (moved <= 0) give_up("the server stopped sending");
        // However the bytes are cut up: those at multiples of 4096 count.
        const u64 end = taken + static_cast<u64>(moved);
        for (u64 at = (taken + sector - 1) / sector * sector; at < end; at += sector)
            sum = mix(sum + buffer.data()[at - taken]);
        taken = end;
    }
    watch.stop();
    close(fd);
    return sum ^ taken;
}

} // namespace gimbal::bench
