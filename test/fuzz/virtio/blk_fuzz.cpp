// SPDX-License-Identifier: Apache-2.0
// A hostile driver of the block device, a guest that calls the fast path beside it, and a host whose disk fails now and
// then. The disk itself asserts that nothing reaches it that should not.
#include "device/block_fast_path.hpp"
#include "device/virtio/blk.hpp"
#include "test/fuzz/virtio/machine.hpp"

namespace {

using namespace gimbal;

class Disk final : public BlockBackend {
public:
    static constexpr u64 sectors = 32;

    explicit Disk(bool read_only)
    {
        properties_.sectors = sectors;
        properties_.read_only = read_only;
        properties_.physical_block_size = 4096;
        properties_.identity[0] = 'f';
    }
    bool fails{};

    const BlockProperties& properties() const override { return properties_; }
    Result<void, BlockError> read(u64 offset, std::span<u8> out) override
    {
        check(offset, out.size());
        std::ranges::fill(out, u8{0xD1});
        return outcome();
    }
    Result<void, BlockError> write(u64 offset, std::span<const u8> data) override
    {
        return change(offset, data.size());
    }
    Result<void, BlockError> discard(u64 offset, u64 size) override { return change(offset, size); }
    Result<void, BlockError> write_zeroes(u64 offset, u64 size, bool) override { return change(offset, size); }
    Result<void, BlockError> flush() override
    {
        GIMBAL_ASSERT(scopes_ == 0); // it would wait for itself
        return outcome();
    }
    unsigned begin_write() override { return ++scopes_; }
    void end_write(unsigned ticket) override { GIMBAL_ASSERT(ticket == scopes_--); }

    void check_idle() const { GIMBAL_ASSERT(scopes_ == 0); }

private:
    static void check(u64 offset, u64 size)
    {
        constexpr u64 bytes = sectors * sector_size;
        GIMBAL_ASSERT(offset % sector_size == 0 && size % sector_size == 0);
        GIMBAL_ASSERT(offset <= bytes && size <= bytes - offset);
    }
    Result<void, BlockError> change(u64 offset, u64 size)
    {
        check(offset, size);
        GIMBAL_ASSERT(scopes_ == 1 && !properties_.read_only);
        return outcome();
    }
    Result<void, BlockError> outcome() const
    {
        if (fails) return fail(BlockError::io);
        return {};
    }

    BlockProperties properties_;
    unsigned scopes_{};
};

/// Header, data and status of a request that may be sound, in descriptors of one queue from 0 on; offers it.
void request(test::FuzzMachine& machine, test::OpStream& ops)
{
    constexpr u8 types[] = {0, 1, 4, 8, 11, 13, 2, 255};
    test::FuzzQueue& queue = machine.queues[ops.take(1) % 2];
    const u64 header = 0x4000 + ops.take(1) * 64;
    machine.ram.poke_field(header, types[ops.take(1) % 8], 4);
    machine.ram.poke_field(header + 8, ops.take(1) % 40, 8);
    const u64 form = ops.take(1);
    const u64 length = ops.take(1) * ((form & 1) != 0 ? 512 : 16);
    const u64 flags[] = {1, 1U | (form & 2), 2};
    const u64 addresses[] = {header, 0x5000 + ops.take(1) * 16, 0x7FFF};
    const u64 lengths[] = {16, length, 1};
    for (u64 i = 0; i < 3; ++i) {
        machine.ram.poke_field(queue.offset + 16 * i, test::FuzzRam::base + addresses[i], 8);
        machine.ram.poke_field(queue.offset + 16 * i + 8, lengths[i], 4);
        machine.ram.poke_field(queue.offset + 16 * i + 12, flags[i], 2);
        machine.ram.poke_field(queue.offset + 16 * i + 14, i + 1, 2);
    }
    queue.offer(machine.ram, 0);
    machine.write(0x050, static_cast<u32>(queue.offset / 0x1000));
}

/// Its disk answers at once.
struct Flusher final : BlockFlusher {
    void ring(u32 disk) noexcept override { path->process(disk); }
    BlockFastPath* path{};
};

void call(BlockFastPath& path, test::OpStream& ops)
{
    CallExit exit{};
    exit.arguments[0] = 0xC200'0000 + ops.take(1) % 5;
    exit.arguments[1] = ops.take(1) % 3;
    exit.arguments[2] = ops.take(1) % 4 == 0 ? ops.take(8) : ops.take(1) % 40;
    exit.arguments[3] = test::take_address(ops);
    exit.arguments[4] = ops.take(1) % 4 == 0 ? ops.take(8) : ops.take(1) * 256;
    const CallOutcome outcome = path.call({0}, ops.take(1) % 8 == 0 ? Conduit::secure_call : Conduit::hypercall, exit);
    Completion completion = outcome.answer;
    if (outcome.effect == CallEffect::pending) {
        const auto later = path.answer({0});
        GIMBAL_ASSERT(later && exit.arguments[0] == BlockFastPath::flush);
        completion = *later;
    } else {
        GIMBAL_ASSERT(outcome.effect == CallEffect::none);
    }
    GIMBAL_ASSERT(completion.kind == CompletionKind::done);
    const i64 answer = static_cast<i64>(completion.results[0]);
    GIMBAL_ASSERT(answer >= -34 && answer <= static_cast<i64>(Disk::sectors * sector_size));
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size)
{
    static virtio::BlkWorker workers[2];
    static BlockFastPath::Buffer buffer[1];
    test::OpStream ops(data, size);
    Disk disk(ops.take(1) % 4 == 0);
    test::FuzzRunner runner;
    virtio::Blk blk(disk, runner, workers);
    test::FuzzMachine machine(blk, runner);
    BlockBackend* const disks[] = {&disk};
    Flusher flusher;
    VcpuSlot slots[1];
    BlockFastPath path(machine.ram.memory, disks, buffer, slots, flusher);
    flusher.path = &path;
    while (!ops.empty()) {
        const u64 operation = ops.take(1) % 8;
        if (operation == 0) disk.fails = !disk.fails;
        if (operation == 1) call(path, ops);
        if (operation == 2 || operation == 3) request(machine, ops);
        machine.step(ops);
        disk.check_idle();
    }
    return 0;
}
