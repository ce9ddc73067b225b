// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "app/loader/kernel.hpp"

// The parsers behind parse_kernel(). `parse_*` fills everything but Kernel::storage; segments point into `bytes`.
namespace gimbal::loader {

/// Linux, Documentation/arm64/booting.rst: "ARM\x64" at 0x38.
bool is_arm64_image(std::span<const u8> bytes);
struct Arm64Header {
    u64 text_offset; ///< From a 2 MiB aligned base; at most 1 TiB.
    u64 image_size;  ///< With everything that is only in memory; at most 1 TiB, zero never.
};
/// `bytes` starts with an arm64 Image header; `file_size` is the least that image_size can be.
Result<Arm64Header, UserError> read_arm64_header(std::span<const u8> bytes, u64 file_size);
Result<Kernel, UserError> parse_arm64_image(std::span<const u8> bytes);

/// Linux, arch/loongarch/kernel/head.S: "MZ", and 0x818223cd at 0x38.
bool is_loongarch_image(std::span<const u8> bytes);
Result<Kernel, UserError> parse_loongarch_image(std::span<const u8> bytes);

bool is_elf(std::span<const u8> bytes);
/// ELF64 for AArch64 or LoongArch. A vmlinux that is linked at kernel addresses becomes relocatable (AArch64) or is
/// taken out of its direct-mapped window (LoongArch).
Result<Kernel, UserError> parse_elf(std::span<const u8> bytes, u64 limit);

/// Linux, drivers/firmware/efi/libstub/zboot-header.S: "MZ", "zimg" at 4.
bool is_zboot(std::span<const u8> bytes);
struct ZbootPayload {
    std::span<const u8> bytes;
    std::string_view compression; ///< As the header names it: "gzip", "zstd22", "xzkern" ...
};
Result<ZbootPayload, UserError> parse_zboot(std::span<const u8> bytes);

/// Refuses a PE image whose sections reach beyond the file: the only way to see that an Image was cut short.
Result<void, UserError> check_pe_sections(std::span<const u8> bytes);

} // namespace gimbal::loader
