// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/types.hpp"

namespace gimbal::loader {

/// What a file that is no kernel of ours seems to be, with its article: "a qcow2 disk image", "an ELF file for x86-64".
/// For messages only: nothing is decided by it.
std::string describe_content(std::span<const u8> bytes);

/// The machine of an ELF e_machine value: "x86-64"; "machine 1234" if it is not a well-known one.
std::string elf_machine_name(u16 machine);

/// Text from a file, safe to print: what is not printable ASCII becomes '?', and it is cut at 32 characters.
std::string describe_text(std::string_view text);

} // namespace gimbal::loader
