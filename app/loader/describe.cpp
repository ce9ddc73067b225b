// SPDX-License-Identifier: Apache-2.0
#include "app/loader/describe.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "app/loader/bytes.hpp"

namespace gimbal::loader {
namespace {

using namespace std::string_view_literals;

struct Signature {
    u32 offset;
    std::string_view magic;
    std::string_view what;
};

// The first match wins, so that a container stands before what it may contain.
constexpr auto signatures = std::to_array<Signature>({
    {0x202,  "HdrS"sv,             "an x86 Linux kernel (bzImage)"     },
    {0x38,   "RSC\x05"sv,          "a RISC-V Linux Image"              },
    {0x24,   "\x18\x28\x6f\x01"sv, "a 32-bit Arm zImage"               },
    {0x38,   "ARM\x64"sv,          "an arm64 Linux Image"              },
    {0,      "QFI\xfb"sv,          "a qcow2 disk image"                },
    {0,      "KDMV"sv,             "a VMDK disk image"                 },
    {0,      "conectix"sv,         "a VHD disk image"                  },
    {0,      "vhdxfile"sv,         "a VHDX disk image"                 },
    {0,      "\xd0\x0d\xfe\xed"sv, "a flattened device tree"           },
    {0,      "\x27\x05\x19\x56"sv, "a U-Boot legacy image (uImage)"    },
    {0,      "070701"sv,           "a cpio archive (an initramfs)"     },
    {0,      "070702"sv,           "a cpio archive (an initramfs)"     },
    {0,
     "\xfd"
     "7zXZ\0"sv,                   "xz-compressed data"                },
    {0,      "BZh"sv,              "bzip2-compressed data"             },
    {0,      "\x02\x21\x4c\x18"sv, "LZ4-compressed data (legacy frame)"},
    {0,      "\x04\x22\x4d\x18"sv, "LZ4-compressed data"               },
    {0,      "\x89LZO"sv,          "LZO-compressed data"               },
    {0,      "\x5d\0\0"sv,         "LZMA-compressed data"              },
    {0,      "\x1f\x8b"sv,         "gzip-compressed data"              },
    {0,      "\x28\xb5\x2f\xfd"sv, "zstd-compressed data"              },
    {0,      "!<arch>\n"sv,        "a Debian package or ar archive"    },
    {257,    "ustar"sv,            "a tar archive"                     },
    {0,      "PK\x03\x04"sv,       "a zip archive"                     },
    {0,      "hsqs"sv,             "a squashfs image"                  },
    {0x8001, "CD001"sv,            "an ISO 9660 image"                 },
    {0x438,  "\x53\xef"sv,         "an ext2, ext3 or ext4 file system" },
    {0,      "#!"sv,               "a script"                          },
    {0,      "ANDROID!"sv,         "an Android boot image"             },
    {510,    "\x55\xaa"sv,         "a disk image with a boot sector"   },
});

struct Machine {
    u16 number;
    std::string_view name;
};

constexpr auto elf_machines = std::to_array<Machine>({
    {3,   "32-bit x86"    },
    {8,   "MIPS"          },
    {20,  "PowerPC"       },
    {21,  "64-bit PowerPC"},
    {22,  "s390"          },
    {40,  "32-bit Arm"    },
    {62,  "x86-64"        },
    {183, "AArch64"       },
    {243, "RISC-V"        },
    {258, "LoongArch"     },
});

// PE/COFF specification, "Machine Types".
constexpr auto pe_machines = std::to_array<Machine>({
    {0x014c, "32-bit x86"      },
    {0x01c2, "32-bit Arm"      },
    {0x5064, "RISC-V"          },
    {0x6232, "32-bit LoongArch"},
    {0x6264, "LoongArch64"     },
    {0x8664, "x86-64"          },
    {0xaa64, "AArch64"         },
});

std::string machine_name(std::span<const Machine> table, u16 number)
{
    for (const Machine& machine : table)
        if (machine.number == number) return std::string(machine.name);
    return fmt::format("machine {}", number);
}

std::string describe_elf(std::span<const u8> bytes)
{
    const u16 machine = read_le<u16>(bytes, 18).value_or(0);
    const bool is_64 = bytes.size() > 4 && bytes[4] == 2;
    return fmt::format("{} ELF file for {}", is_64 ? "a 64-bit" : "a 32-bit", elf_machine_name(machine));
}

std::string describe_pe(std::span<const u8> bytes)
{
    const u64 header = read_le<u32>(bytes, 0x3c).value_or(0);
    if (has_magic(bytes, header, "PE\0\0"sv))
        return fmt::format("an EFI or Windows program for {}",
                           machine_name(pe_machines, read_le<u16>(bytes, header + 4).value_or(0)));
    return "a DOS program";
}

bool is_text(std::span<const u8> bytes)
{
    const auto head = bytes.first(std::min<usize>(bytes.size(), 512));
    return std::all_of(head.begin(), head.end(), [](u8 byte) {
        return (byte >= 0x20 && byte != 0x7f) || byte == '\n' || byte == '\r' || byte == '\t';
    });
}

} // namespace

std::string elf_machine_name(u16 machine) { return machine_name(elf_machines, machine); }

std::string describe_text(std::string_view text)
{
    std::string safe(text.substr(0, 32));
    std::ranges::replace_if(safe, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return safe;
}

std::string describe_content(std::span<const u8> bytes)
{
    if (bytes.empty()) return "an empty file";
    if (has_magic(bytes, 0,
                  "\x7f"
                  "ELF"sv))
        return describe_elf(bytes);
    for (const Signature& signature : signatures)
        if (has_magic(bytes, signature.offset, signature.magic)) return std::string(signature.what);
    if (has_magic(bytes, 0, "MZ"sv)) return describe_pe(bytes);
    if (std::all_of(bytes.begin(), bytes.end(), [](u8 byte) { return byte == 0; })) return "nothing but zero bytes";
    if (is_text(bytes)) return "a text file";
    return "data of no known kind";
}

} // namespace gimbal::loader
