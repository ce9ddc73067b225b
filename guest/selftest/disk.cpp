// SPDX-License-Identifier: Apache-2.0
// Writes a disk over a whole range and reads it back past the page cache. gimbal.disk=OFFSET:LENGTH names the range in
// bytes, in multiples of 4096; gimbal.disk=all takes the disk. What ends up there has the CRC-32 that is printed, so
// that the host can judge the same bytes.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

constexpr const char* path = "/dev/vda";
constexpr u64 block_size = 4096;
constexpr u64 most_at_once = 256 * 1024;

struct Range {
    u64 offset{};
    u64 length{};
};

std::optional<Range> parse_range(const char* text, u64 capacity)
{
    if (strcmp(text, "all") == 0) return Range{0, capacity / block_size * block_size};
    unsigned long long offset = 0;
    unsigned long long length = 0;
    if (sscanf(text, "%llu:%llu", &offset, &length) != 2) return std::nullopt;
    if (offset % block_size != 0 || length % block_size != 0 || length == 0) return std::nullopt;
    if (offset > capacity || length > capacity - offset) return std::nullopt;
    return Range{offset, length};
}

// Every block differs from every other, and from itself in another pass.
void make_blocks(std::span<u8> bytes, u64 offset, u64 pass)
{
    for (usize at = 0; at < bytes.size(); at += block_size) {
        Sequence sequence((offset + at) ^ (pass << 56));
        for (usize index = 0; index < block_size; index += sizeof(u64)) {
            const u64 value = sequence.next();
            memcpy(bytes.data() + at + index, &value, sizeof(value));
        }
    }
}

// The buffer holds most_at_once bytes and is aligned for O_DIRECT.
Outcome write_range(int fd, const Range& range, u64 pass, std::span<u8> buffer)
{
    Sequence sequence(pass);
    for (u64 done = 0; done < range.length;) {
        const u64 blocks = 1 + sequence.below(most_at_once / block_size);
        const u64 length = std::min(blocks * block_size, range.length - done);
        const std::span<u8> bytes = buffer.first(length);
        make_blocks(bytes, range.offset + done, pass);
        const ssize_t written = pwrite(fd, bytes.data(), length, static_cast<off_t>(range.offset + done));
        SELFTEST_REQUIRE(written == static_cast<ssize_t>(length), "write of %llu at %llu: %zd, %s",
                         static_cast<unsigned long long>(length), static_cast<unsigned long long>(range.offset + done),
                         written, written < 0 ? strerror(errno) : "short");
        done += length;
    }
    SELFTEST_REQUIRE(fsync(fd) == 0, "fsync: %s", strerror(errno));
    return passed("written");
}

Outcome read_range(int fd, const Range& range, u64 pass, std::span<u8> buffer, std::span<u8> expected, u32& crc)
{
    crc = 0;
    for (u64 done = 0; done < range.length;) {
        const u64 length = std::min(most_at_once, range.length - done);
        const std::span<u8> bytes = buffer.first(length);
        memset(bytes.data(), 0, length);
        const ssize_t got = pread(fd, bytes.data(), length, static_cast<off_t>(range.offset + done));
        SELFTEST_REQUIRE(got == static_cast<ssize_t>(length), "read of %llu at %llu: %zd, %s",
                         static_cast<unsigned long long>(length), static_cast<unsigned long long>(range.offset + done),
                         got, got < 0 ? strerror(errno) : "short");
        make_blocks(expected.first(length), range.offset + done, pass);
        const auto different = std::ranges::mismatch(bytes, expected.first(length));
        SELFTEST_REQUIRE(different.in1 == bytes.end(), "byte %llu is not what was written",
                         static_cast<unsigned long long>(range.offset + done) +
                             static_cast<unsigned long long>(different.in1 - bytes.begin()));
        crc = crc32(bytes, crc);
        done += length;
    }
    return passed("read");
}

} // namespace

Outcome disk()
{
    const File cached(open(path, O_RDWR | O_CLOEXEC));
    if (!cached.valid() && errno != EACCES && errno != EROFS) return skipped("no %s", path);
    const char* const text = word("gimbal.disk");
    if (text == nullptr) return skipped("no gimbal.disk= says which bytes of %s may be overwritten", path);
    SELFTEST_REQUIRE(cached.valid(), "%s: %s", path, strerror(errno));
    u64 capacity = 0;
    SELFTEST_REQUIRE(ioctl(cached.fd(), BLKGETSIZE64, &capacity) == 0, "no size");
    const auto range = parse_range(text, capacity);
    SELFTEST_REQUIRE(range, "gimbal.disk=%s: expected OFFSET:LENGTH in multiples of 4096 within %llu, or all", text,
                     static_cast<unsigned long long>(capacity));

    const File direct(open(path, O_RDWR | O_DIRECT | O_CLOEXEC));
    SELFTEST_REQUIRE(direct.valid(), "no O_DIRECT");
    const Mapping buffer(most_at_once);
    const Mapping expected(most_at_once);
    u32 crc = 0;
    // Through the page cache, then past it; each read back from the disk itself.
    SELFTEST_TRY(write_range(cached.fd(), *range, 1, buffer.bytes()));
    SELFTEST_TRY(read_range(direct.fd(), *range, 1, buffer.bytes(), expected.bytes(), crc));
    SELFTEST_TRY(write_range(direct.fd(), *range, 2, buffer.bytes()));
    SELFTEST_TRY(read_range(direct.fd(), *range, 2, buffer.bytes(), expected.bytes(), crc));
    return passed("%llu bytes at %llu, twice; crc32 %08x", static_cast<unsigned long long>(range->length),
                  static_cast<unsigned long long>(range->offset), crc);
}

} // namespace gimbal::selftest
