// SPDX-License-Identifier: Apache-2.0
// Any bytes as a payload, their checksum made to fit: an error, or VMs whose pieces can all be read and placed.
#include <cstring>
#include <vector>

#include "bare/payload_reader.hpp"
#include "base/assert.hpp"
#include "vm/aarch64/board.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace gimbal;
    using namespace gimbal::bare::payload;
    constexpr u64 ram = board::aarch64::location(board::aarch64::Part::ram).base.value;
    std::vector<u64> words(size / sizeof(u64));
    const std::span bytes(reinterpret_cast<u8*>(words.data()), words.size() * sizeof(u64));
    if (!bytes.empty()) std::memcpy(bytes.data(), data, bytes.size());
    if (bytes.size() >= sizeof(Header)) {
        auto& header = *reinterpret_cast<Header*>(bytes.data());
        if (header.size >= sizeof(Header) && header.size <= bytes.size())
            header.checksum = checksum(bytes.first(header.size).subspan(Header::checksum_from));
    }
    const auto reader = Reader::open(bytes);
    if (!reader) {
        GIMBAL_ASSERT(error_text(reader.error())[0] != '\0');
        return 0;
    }
    for (const Vm& vm : reader->vms()) {
        GIMBAL_ASSERT(!name(vm).empty());
        for (u32 i = 0; i < vm.piece_count; ++i) {
            const Piece& piece = vm.pieces[i];
            const auto content = reader->bytes(piece);
            GIMBAL_ASSERT(content.data() >= bytes.data() &&
                          content.data() + content.size() <= bytes.data() + bytes.size());
            GIMBAL_ASSERT(piece.gpa >= ram && piece.gpa - ram + piece.size <= vm.memory_size);
        }
    }
    for (const Channel& channel : reader->channels()) {
        GIMBAL_ASSERT(channel.size >= board::aarch64::channel_size_min &&
                      channel.size <= board::aarch64::channel_size_max);
        for (unsigned end = 0; end < 2; ++end)
            GIMBAL_ASSERT(channel.vms[end] < reader->vms().size() && channel.slots[end] < board::aarch64::max_channels);
    }
    return 0;
}
