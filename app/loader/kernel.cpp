// SPDX-License-Identifier: Apache-2.0
#include "app/loader/kernel.hpp"

#include <utility>

#include <fmt/format.h>

#include "app/loader/decompress.hpp"
#include "app/loader/describe.hpp"
#include "app/loader/formats.hpp"

namespace gimbal::loader {
namespace {

// A zboot inside gzip is the deepest that anyone ships; more is a bomb.
constexpr unsigned max_layers = 3;

Compression zboot_compression(std::string_view name)
{
    if (name == "gzip") return Compression::gzip;
    if (name.starts_with("zstd")) return Compression::zstd; // "zstd22" names the level too
    return Compression::none;
}

Result<Kernel, UserError> parse_unpacked(std::span<const u8> bytes, u64 limit)
{
    if (is_loongarch_image(bytes)) return parse_loongarch_image(bytes);
    if (is_arm64_image(bytes)) return parse_arm64_image(bytes);
    if (is_elf(bytes)) return parse_elf(bytes, limit);
    return fail(UserError{fmt::format("it is {}; expected an arm64 or LoongArch Linux Image (plain, gzip, zstd or EFI "
                                      "zboot) or an ELF vmlinux",
                                      describe_content(bytes))});
}

/// Takes one layer of packing off `file`. False if there is none.
Result<bool, UserError> unpack_layer(std::vector<u8>& file, std::string& layers, u64 limit)
{
    std::span<const u8> packed = file;
    Compression compression = detect_compression(packed);
    if (compression != Compression::none) {
        layers += fmt::format(" in {}", compression_name(compression));
    } else if (is_zboot(packed)) {
        GIMBAL_TRY(payload, parse_zboot(packed));
        compression = zboot_compression(payload.compression);
        if (compression == Compression::none)
            return fail(UserError{fmt::format("it is an EFI zboot packed with '{}'; expected gzip or zstd",
                                              describe_text(payload.compression))});
        packed = payload.bytes;
        layers += fmt::format(" in EFI zboot ({})", compression_name(compression));
    } else {
        return false;
    }
    GIMBAL_TRY(unpacked, decompress(compression, packed, limit));
    file = std::move(unpacked);
    return true;
}

} // namespace

const char* guest_arch_name(GuestArch arch)
{
    switch (arch) {
    case GuestArch::aarch64: return "aarch64";
    case GuestArch::loongarch64: return "loongarch64";
    }
    return "";
}

Result<Kernel, UserError> parse_kernel(std::vector<u8> file, u64 limit)
{
    std::string layers;
    for (unsigned depth = 0;; ++depth) {
        GIMBAL_TRY(unpacked, unpack_layer(file, layers, limit));
        if (!unpacked) break;
        if (depth == max_layers) return fail(UserError{fmt::format("it is packed in more than {} layers", max_layers)});
    }
    auto parsed = parse_unpacked(file, limit);
    if (!parsed) {
        if (!layers.empty()) parsed.error().message += fmt::format(" (found{})", layers);
        return parsed;
    }
    parsed->description += layers;
    parsed->storage = std::move(file);
    return parsed;
}

} // namespace gimbal::loader
