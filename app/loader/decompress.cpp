// SPDX-License-Identifier: Apache-2.0
#include "app/loader/decompress.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "app/loader/bytes.hpp"
#include "app/size.hpp"

namespace gimbal::loader {
namespace {

constexpr std::string_view gzip_magic{"\x1f\x8b", 2};
constexpr std::string_view zstd_magic{"\x28\xb5\x2f\xfd", 4};
constexpr usize first_chunk = usize{4} << 20;

UserError truncated(const char* what)
{
    return {fmt::format("the {} data ends too early; the file is truncated", what)};
}

UserError too_large(const char* what, u64 limit)
{
    return {fmt::format("the {} data unpacks to more than the {} that fit", what, format_size(limit))};
}

/// Room for more output: doubles up to one byte above the limit, so that reaching it is told from passing it.
/// False if there is no more.
bool grow(std::vector<u8>& out, u64 limit)
{
    const u64 cap = limit + 1;
    if (out.size() >= cap) return false;
    out.resize(static_cast<usize>(std::min<u64>(cap, std::max<u64>(first_chunk, u64{out.size()} * 2))));
    return true;
}

Result<std::vector<u8>, UserError> inflate_gzip(std::span<const u8> packed, u64 limit)
{
    z_stream stream{};
    constexpr int window_bits_gzip = 15 + 16;
    if (inflateInit2(&stream, window_bits_gzip) != Z_OK) return fail(UserError{"out of memory while unpacking gzip"});
    const std::unique_ptr<z_stream, int (*)(z_stream*)> cleanup(&stream, inflateEnd);

    constexpr u64 chunk_max = std::numeric_limits<uInt>::max();
    std::vector<u8> out;
    usize produced = 0;
    usize consumed = 0;
    for (;;) {
        if (produced == out.size() && !grow(out, limit)) return fail(too_large("gzip", limit));
        const usize in_now = static_cast<usize>(std::min<u64>(chunk_max, packed.size() - consumed));
        const usize out_now = static_cast<usize>(std::min<u64>(chunk_max, out.size() - produced));
        stream.next_in = const_cast<Bytef*>(packed.data() + consumed); // zlib's signature; it only reads
        stream.avail_in = static_cast<uInt>(in_now);
        stream.next_out = out.data() + produced;
        stream.avail_out = static_cast<uInt>(out_now);
        const int status = inflate(&stream, Z_NO_FLUSH);
        consumed += in_now - stream.avail_in;
        produced += out_now - stream.avail_out;
        if (status == Z_STREAM_END) break;
        if (status != Z_OK && status != Z_BUF_ERROR)
            return fail(
                UserError{fmt::format("the gzip data is damaged ({})", stream.msg ? stream.msg : "bad stream")});
        if (consumed == packed.size() && produced < out.size()) return fail(truncated("gzip"));
    }
    if (produced > limit) return fail(too_large("gzip", limit));
    out.resize(produced);
    return out;
}

Result<std::vector<u8>, UserError> inflate_zstd(std::span<const u8> packed, u64 limit)
{
    const std::unique_ptr<ZSTD_DStream, usize (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
    if (!stream) return fail(UserError{"out of memory while unpacking zstd"});
    std::vector<u8> out;
    ZSTD_inBuffer input{packed.data(), packed.size(), 0};
    usize produced = 0;
    for (;;) {
        if (produced == out.size() && !grow(out, limit)) return fail(too_large("zstd", limit));
        ZSTD_outBuffer output{out.data(), out.size(), produced};
        const usize status = ZSTD_decompressStream(stream.get(), &output, &input);
        produced = output.pos;
        if (ZSTD_isError(status) != 0)
            return fail(UserError{fmt::format("the zstd data is damaged ({})", ZSTD_getErrorName(status))});
        if (status == 0) break;
        if (input.pos == input.size && produced < out.size()) return fail(truncated("zstd"));
    }
    if (produced > limit) return fail(too_large("zstd", limit));
    out.resize(produced);
    return out;
}

} // namespace

Compression detect_compression(std::span<const u8> bytes)
{
    if (has_magic(bytes, 0, gzip_magic)) return Compression::gzip;
    if (has_magic(bytes, 0, zstd_magic)) return Compression::zstd;
    return Compression::none;
}

const char* compression_name(Compression compression)
{
    switch (compression) {
    case Compression::none: return "plain";
    case Compression::gzip: return "gzip";
    case Compression::zstd: return "zstd";
    }
    return "";
}

Result<std::vector<u8>, UserError> decompress(Compression compression, std::span<const u8> packed, u64 limit)
{
    switch (compression) {
    case Compression::none: break;
    case Compression::gzip: return inflate_gzip(packed, limit);
    case Compression::zstd: return inflate_zstd(packed, limit);
    }
    if (packed.size() > limit) return fail(too_large("plain", limit));
    return std::vector<u8>(packed.begin(), packed.end());
}

} // namespace gimbal::loader
