// SPDX-License-Identifier: Apache-2.0
#include "bare/payload_reader.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "test/bare/payloads.hpp"
#include "vm/aarch64/board.hpp"

namespace gimbal::bare::payload {
namespace {

using test::Payload;

Error error_of(Payload& payload)
{
    const auto reader = Reader::open(payload.bytes());
    EXPECT_FALSE(reader);
    return reader ? Error{} : reader.error();
}

/// The error for a payload whose checksum fits, but with this change.
Error error_with(const std::function<void(Header&, Vm&)>& change)
{
    Payload payload;
    change(payload.header(), payload.vm(0));
    payload.seal();
    return error_of(payload);
}

TEST(PayloadReader, gives_the_vms_and_their_pieces)
{
    Payload payload(2);
    std::memcpy(payload.vm(1).name.data(), "db\0", 3);
    payload.vm(1).affinity = 2;
    payload.vm(1).priority = max_priority;
    payload.seal();
    const auto reader = Reader::open(payload.bytes());
    ASSERT_TRUE(reader);
    ASSERT_EQ(reader->vms().size(), 2U);
    EXPECT_TRUE(name(reader->vms()[0]) == "web");
    EXPECT_TRUE(name(reader->vms()[1]) == "db");
    EXPECT_EQ(reader->vms()[1].affinity, 2U);
    const auto bytes = reader->bytes(reader->vms()[0].pieces[0]);
    EXPECT_EQ(bytes.size(), Payload::piece_size);
    EXPECT_EQ(bytes[3], 21);
}

TEST(PayloadReader, an_image_that_was_not_packed)
{
    EXPECT_EQ(Reader::open({}).error(), Error::absent);
    Payload payload;
    payload.header().magic ^= 1;
    EXPECT_EQ(error_of(payload), Error::absent);
    EXPECT_EQ(Reader::open(Payload().bytes().subspan(4)).error(), Error::absent); // not where one can be
}

TEST(PayloadReader, another_version_is_told_before_anything_else_is_looked_at)
{
    Payload payload;
    payload.header().version = version + 1;
    payload.header().size = ~u64{0};
    EXPECT_EQ(error_of(payload), Error::bad_version);
}

TEST(PayloadReader, cut_short_at_every_word)
{
    Payload payload;
    for (usize size = 0; size < payload.bytes().size(); size += 8) {
        const auto reader = Reader::open(payload.bytes().first(size));
        ASSERT_FALSE(reader);
        EXPECT_EQ(reader.error(), size < sizeof(Header) ? Error::absent : Error::cut_short) << size;
    }
}

TEST(PayloadReader, each_flipped_bit_of_what_the_checksum_covers_is_seen)
{
    Payload payload(2, 2);
    const auto bytes = payload.bytes();
    for (usize at = Header::checksum_from; at < bytes.size(); at += at < 2048 ? 1 : 101) {
        bytes[at] ^= static_cast<u8>(1U << (at % 8));
        EXPECT_FALSE(Reader::open(bytes)) << at;
        bytes[at] ^= static_cast<u8>(1U << (at % 8));
    }
    EXPECT_TRUE(Reader::open(bytes));
}

TEST(PayloadReader, the_checksum_sees_words_that_changed_places)
{
    Payload payload;
    std::swap(payload.bytes()[Payload::piece_offset], payload.bytes()[Payload::piece_offset + 8]);
    EXPECT_EQ(error_of(payload), Error::damaged);
}

TEST(PayloadReader, headers_that_contradict_themselves)
{
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.reserved = 1; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.vm_count = 0; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.vm_count = max_vms + 1; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.vm_count = ~u32{0}; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.vm_size = 8; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.size = sizeof(Header); }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.size -= 1; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.size = ~u64{0}; }), Error::cut_short);
}

TEST(PayloadReader, vms_that_make_no_sense)
{
    const std::function<void(Vm&)> changes[] = {
        [](Vm& vm) { vm.name[0] = '\0'; },
        [](Vm& vm) { vm.name[1] = '\x1b'; },
        [](Vm& vm) { vm.name[10] = 'x'; },
        [](Vm& vm) { vm.name.fill('x'); },
        [](Vm& vm) { vm.memory_size = 0; },
        [](Vm& vm) { vm.memory_size += 0x1000; },
        [](Vm& vm) { vm.memory_size = u64{1} << 60; },
        [](Vm& vm) { vm.entry += 2; },
        [](Vm& vm) { vm.entry = 0x3fff'fffc; },
        [](Vm& vm) { vm.entry = 0x4000'0000 + vm.memory_size; },
        [](Vm& vm) { vm.cpu_count = 0; },
        [](Vm& vm) { vm.cpu_count = board::aarch64::max_cpus + 1; },
        [](Vm& vm) { vm.priority = max_priority + 1; },
        [](Vm& vm) { vm.budget = max_budget + 1; },
    };
    for (usize i = 0; i < std::size(changes); ++i)
        EXPECT_EQ(error_with([&](Header&, Vm& vm) { changes[i](vm); }), Error::bad_vm) << i;
}

TEST(PayloadReader, pieces_outside_the_payload_or_the_guests_memory)
{
    const std::function<void(Vm&)> changes[] = {
        [](Vm& vm) { vm.piece_count = 0; },
        [](Vm& vm) { vm.piece_count = max_pieces + 1; },
        [](Vm& vm) { vm.pieces[0].size = 0; },
        [](Vm& vm) { vm.pieces[0].size += 1; },
        [](Vm& vm) { vm.pieces[0].size = ~u64{0}; },
        [](Vm& vm) { vm.pieces[0].offset = 0; }, // the header itself
        [](Vm& vm) { vm.pieces[0].offset += 8; },
        [](Vm& vm) { vm.pieces[0].offset = ~u64{0xfff}; },
        [](Vm& vm) { vm.pieces[0].gpa = 0; },
        [](Vm& vm) { vm.pieces[0].gpa = 0x4000'0000 + vm.memory_size - 0xfff; },
        [](Vm& vm) { vm.pieces[0].gpa = ~u64{0}; },
        [](Vm& vm) {
            vm.piece_count = 2;
            vm.pieces[1] = vm.pieces[0];
            vm.pieces[1].gpa += 0xfff;
        },
    };
    for (usize i = 0; i < std::size(changes); ++i)
        EXPECT_EQ(error_with([&](Header&, Vm& vm) { changes[i](vm); }), Error::bad_vm) << i;
}

TEST(PayloadReader, gives_the_channels)
{
    Payload payload(2, 8);
    payload.channel(1).size = 0x100'0000;
    payload.seal();
    const auto reader = Reader::open(payload.bytes());
    ASSERT_TRUE(reader);
    ASSERT_EQ(reader->channels().size(), 8U);
    EXPECT_EQ(reader->channels()[1].size, 0x100'0000U);
    EXPECT_EQ(reader->channels()[7].slots[0], 7U);
    EXPECT_EQ(Reader::open(Payload().bytes())->channels().size(), 0U);
}

TEST(PayloadReader, channels_that_make_no_sense)
{
    const std::function<void(Payload&)> changes[] = {
        [](Payload& payload) { payload.channel(0).name[0] = '\0'; },
        [](Payload& payload) { payload.channel(0).name[0] = '\x7f'; },
        [](Payload& payload) { payload.channel(0).name.fill('x'); },
        [](Payload& payload) { payload.channel(0).name[20] = 'x'; },
        [](Payload& payload) { payload.channel(1).name = payload.channel(0).name; },
        [](Payload& payload) { payload.channel(0).size = 0; },
        [](Payload& payload) { payload.channel(0).size = 0x800; },
        [](Payload& payload) { payload.channel(0).size = 0x3000; },
        [](Payload& payload) { payload.channel(0).size = 0x200'0000; },
        [](Payload& payload) { payload.channel(0).vms = {0, 0}; },
        [](Payload& payload) { payload.channel(0).vms = {1, 0}; },
        [](Payload& payload) { payload.channel(0).vms = {0, 2}; },
        [](Payload& payload) { payload.channel(0).vms[1] = ~u32{0}; },
        [](Payload& payload) { payload.channel(0).slots[0] = 8; },
        [](Payload& payload) { payload.channel(0).slots[1] = ~u32{0}; },
        [](Payload& payload) { payload.channel(1).slots[0] = payload.channel(0).slots[0]; },
        [](Payload& payload) { payload.channel(1).slots[1] = payload.channel(0).slots[1]; },
    };
    for (usize i = 0; i < std::size(changes); ++i) {
        Payload payload(2, 2);
        changes[i](payload);
        payload.seal();
        EXPECT_EQ(error_of(payload), Error::bad_channel) << i;
    }
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.channel_count = max_channels + 1; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.channel_count = ~u32{0}; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.channel_size = 8; }), Error::damaged);
    EXPECT_EQ(error_with([](Header& header, Vm&) { header.channel_count = 1; }), Error::bad_channel); // none there
}

TEST(PayloadReader, each_error_has_its_text)
{
    for (const Error error :
         {Error::absent, Error::bad_version, Error::cut_short, Error::damaged, Error::bad_vm, Error::bad_channel})
        EXPECT_GT(std::string(error_text(error)).size(), 10U);
}

} // namespace
} // namespace gimbal::bare::payload
