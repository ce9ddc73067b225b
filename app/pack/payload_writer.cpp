// SPDX-License-Identifier: Apache-2.0
#include "app/pack/payload_writer.hpp"

#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace gimbal {
namespace {

namespace payload = bare::payload;

constexpr usize image_size_offset = 16; // Linux, Documentation/arm64/booting.rst

} // namespace

PayloadWriter::PayloadWriter(std::vector<u8> image, std::vector<payload::Vm> vms,
                             std::vector<payload::Channel> channels)
    : image_(std::move(image)),
      vms_(std::move(vms)),
      channels_(std::move(channels)),
      start_(payload::offset_behind(image_.size()))
{
    image_.resize(start_ + sizeof(payload::Header) + vms_.size() * sizeof(payload::Vm) +
                  channels_.size() * sizeof(payload::Channel));
}

bool PayloadWriter::add_piece(usize vm, u64 gpa, std::span<const u8> bytes)
{
    if (bytes.empty()) return true;
    payload::Vm& to = vms_[vm];
    if (to.piece_count == payload::max_pieces) return false;
    const u64 offset = align_up(payload_size(), payload::alignment);
    image_.resize(start_ + offset);
    image_.insert(image_.end(), bytes.begin(), bytes.end());
    to.pieces[to.piece_count++] = {gpa, offset, bytes.size()};
    return true;
}

std::vector<u8> PayloadWriter::finish()
{
    image_.resize(start_ + align_up(payload_size(), sizeof(u64)));
    u8* const out = image_.data() + start_;
    u8* const table = out + sizeof(payload::Header);
    std::memcpy(table, vms_.data(), vms_.size() * sizeof(payload::Vm));
    if (!channels_.empty())
        std::memcpy(table + vms_.size() * sizeof(payload::Vm), channels_.data(),
                    channels_.size() * sizeof(payload::Channel));
    payload::Header header;
    header.size = payload_size();
    header.vm_count = static_cast<u32>(vms_.size());
    header.channel_count = static_cast<u32>(channels_.size());
    std::memcpy(out, &header, sizeof(header));
    header.checksum =
        payload::checksum({out + payload::Header::checksum_from, header.size - payload::Header::checksum_from});
    std::memcpy(out, &header, sizeof(header));
    const u64 size = image_.size();
    GIMBAL_ASSERT(image_size_offset + sizeof(size) <= start_);
    std::memcpy(image_.data() + image_size_offset, &size, sizeof(size));
    return std::move(image_);
}

} // namespace gimbal
