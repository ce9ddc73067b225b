// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "bare/payload.hpp"
#include "base/result.hpp"
#include "base/str_view.hpp"

namespace gimbal::bare::payload {

enum class Error : u8 {
    absent,      ///< There is none: the image was not made by `gimbal pack`.
    bad_version, ///< Of another version of the packer.
    cut_short,   ///< It says that it is larger than the image.
    damaged,     ///< The checksum does not fit.
    bad_vm,      ///< A VM's fields contradict each other or the board. The packer makes no such thing.
    bad_channel, ///< The same of a channel.
};
const char* error_text(Error error);

/// A payload in memory, checked as a whole when it is opened. Holds no copy: the bytes stay as they are meanwhile.
class Reader {
public:
    /// `bytes` is everything that may be the payload's, from its first byte on an 8-byte boundary to the image's end.
    static Result<Reader, Error> open(std::span<const u8> bytes);

    std::span<const Vm> vms() const { return vms_; }
    std::span<const Channel> channels() const { return channels_; }
    /// The bytes of a piece of one of vms().
    std::span<const u8> bytes(const Piece& piece) const { return bytes_.subspan(piece.offset, piece.size); }

private:
    Reader(std::span<const u8> bytes, std::span<const Vm> vms, std::span<const Channel> channels)
        : bytes_(bytes), vms_(vms), channels_(channels)
    {
    }

    std::span<const u8> bytes_;
    std::span<const Vm> vms_;
    std::span<const Channel> channels_;
};

/// A checked VM's name.
StrView name(const Vm& vm);

} // namespace gimbal::bare::payload
