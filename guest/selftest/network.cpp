// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

bool send_all(int fd, std::span<const u8> bytes)
{
    while (!bytes.empty()) {
        const ssize_t length = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (length <= 0) return false;
        bytes = bytes.subspan(static_cast<usize>(length));
    }
    return true;
}

u8 stream_byte(usize at) { return static_cast<u8>((at * 167) >> 5); }

constexpr usize stream_bytes = 1 << 20;

int send_stream(int fd)
{
    std::array<u8, 5000> buffer{};
    for (usize sent = 0; sent < stream_bytes;) {
        const usize length = std::min(buffer.size(), stream_bytes - sent);
        for (usize index = 0; index < length; ++index) buffer[index] = stream_byte(sent + index);
        if (!send_all(fd, std::span(buffer).first(length))) return 1;
        sent += length;
    }
    return 0;
}

struct Url {
    sockaddr_in address{};
    char host[64]{};
    char path[512]{};
};

// http://ADDRESS[:PORT][/PATH] with a numeric IPv4 address.
std::optional<Url> parse_url(const char* text)
{
    Url url;
    url.address.sin_family = AF_INET;
    url.path[0] = '/';
    unsigned port = 80;
    if (strncmp(text, "http://", 7) != 0) return std::nullopt;
    text += 7;
    const usize length = strcspn(text, ":/");
    if (length == 0 || length >= sizeof(url.host)) return std::nullopt;
    memcpy(url.host, text, length);
    text += length;
    if (*text == ':') {
        char* end = nullptr;
        port = static_cast<unsigned>(strtoul(text + 1, &end, 10));
        text = end;
    }
    if (*text != '\0' && (*text != '/' || strlen(text) >= sizeof(url.path))) return std::nullopt;
    if (*text == '/') strcpy(url.path, text);
    url.address.sin_port = htons(static_cast<u16>(port));
    if (port == 0 || port > 0xFFFF || inet_pton(AF_INET, url.host, &url.address.sin_addr) != 1) return std::nullopt;
    return url;
}

// The value after "Name:" in a head that ends with an empty line; null if it is not there.
const char* header(const char* head, const char* name)
{
    const usize length = strlen(name);
    for (const char* line = strstr(head, "\r\n"); line != nullptr; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            return line + strspn(line, " ");
        }
    }
    return nullptr;
}

struct Body {
    u64 length{};
    u32 crc{};
};

// One GET of HTTP/1.0: what the head announces and what came.
Outcome fetch(const Url& url, Body& body)
{
    const File connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{.tv_sec = 60, .tv_usec = 0};
    setsockopt(connection.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    SELFTEST_REQUIRE(connect(connection.fd(), reinterpret_cast<const sockaddr*>(&url.address), sizeof(url.address)) ==
                         0,
                     "connect to %s: %s", url.host, strerror(errno));
    char request[700];
    const int size = snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", url.path, url.host);
    SELFTEST_REQUIRE(send_all(connection.fd(), {reinterpret_cast<const u8*>(request), static_cast<usize>(size)}),
                     "send: %s", strerror(errno));

    std::array<char, 8192> head{};
    usize used = 0;
    const char* end = nullptr;
    while (end == nullptr) {
        const ssize_t length = recv(connection.fd(), head.data() + used, head.size() - 1 - used, 0);
        SELFTEST_REQUIRE(length > 0, "no whole head in %zu bytes: %s", used, length < 0 ? strerror(errno) : "the end");
        used += static_cast<usize>(length);
        end = strstr(head.data(), "\r\n\r\n");
    }
    const auto body_start = static_cast<usize>(end + 4 - head.data());
    SELFTEST_REQUIRE(strncmp(head.data(), "HTTP/1.", 7) == 0 && strncmp(head.data() + 8, " 200", 4) == 0,
                     "the server says: %.40s", head.data());
    body.length = used - body_start;
    body.crc = crc32({reinterpret_cast<const u8*>(head.data()) + body_start, used - body_start});
    head[body_start] = '\0';
    std::array<u8, 16384> buffer{};
    ssize_t length = 0;
    while ((length = recv(connection.fd(), buffer.data(), buffer.size(), 0)) > 0) {
        body.length += static_cast<usize>(length);
        body.crc = crc32(std::span(buffer).first(static_cast<usize>(length)), body.crc);
    }
    SELFTEST_REQUIRE(length == 0, "recv: %s", strerror(errno));
    const char* const announced = header(head.data(), "Content-Length");
    const char* const crc = header(head.data(), "X-CRC32");
    SELFTEST_REQUIRE(announced != nullptr && crc != nullptr, "the server gives no Content-Length or no X-CRC32");
    SELFTEST_REQUIRE(strtoull(announced, nullptr, 10) == body.length, "%llu bytes of %.20s",
                     static_cast<unsigned long long>(body.length), announced);
    SELFTEST_REQUIRE(strtoul(crc, nullptr, 16) == body.crc, "crc32 %08x, not %.8s", body.crc, crc);
    return passed("whole");
}

} // namespace

Outcome loopback()
{
    const File listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener.valid()) return skipped("no IPv4");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    SELFTEST_REQUIRE(bind(listener.fd(), any, sizeof(address)) == 0 && listen(listener.fd(), 4) == 0 &&
                         getsockname(listener.fd(), any, &length) == 0,
                     "cannot listen on 127.0.0.1: %s", strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        _exit(connect(fd, any, sizeof(address)) == 0 ? send_stream(fd) : 1);
    }
    const File connection(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    SELFTEST_REQUIRE(connection.valid(), "accept: %s", strerror(errno));
    std::array<u8, 4096> buffer{};
    usize received = 0;
    for (ssize_t got = 0; (got = recv(connection.fd(), buffer.data(), buffer.size(), 0)) > 0;
         received += static_cast<usize>(got))
        for (usize index = 0; index < static_cast<usize>(got); ++index)
            SELFTEST_REQUIRE(buffer[index] == stream_byte(received + index), "byte %zu is wrong", received + index);
    SELFTEST_REQUIRE(received == stream_bytes && exits_with(child, 0), "%zu bytes of %zu", received, stream_bytes);
    return passed("%zu bytes", stream_bytes);
}

Outcome http()
{
    const char* const text = word("gimbal.http");
    if (text == nullptr) return skipped("no gimbal.http=URL");
    const auto url = parse_url(text);
    SELFTEST_REQUIRE(url, "gimbal.http=%.100s: expected http://ADDRESS[:PORT]/PATH with a numeric address", text);
    constexpr u32 times = 3;
    Body body;
    for (u32 index = 0; index < times; ++index) SELFTEST_TRY(fetch(*url, body));
    return passed("%llu bytes, %u times; crc32 %08x", static_cast<unsigned long long>(body.length), times, body.crc);
}

} // namespace gimbal::selftest
