// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/console.hpp"

#include "test/device/virtio/mmio_driver.hpp"

namespace gimbal::test {
namespace {

using virtio::Console;
using virtio::ConsoleSize;
namespace status = virtio::status;

struct FakeRunner final : virtio::QueueRunner {
    bool rung[2]{};
    unsigned rings{};
    void ring(u32 queue) noexcept override
    {
        rung[queue] = true;
        ++rings;
    }
};

class VirtioConsole : public testing::Test {
protected:
    void SetUp() override { start(); }
    void start(u64 features = virtio::feature::version_1)
    {
        for (DriverQueue* const queue : {&input, &output}) {
            queue->set_available(0);
            ram.store<u16>(queue->device() + 2, 0);
        }
        driver.reset();
        ASSERT_TRUE(driver.negotiate(features));
        driver.set_up(0, input.layout());
        driver.set_up(1, output.layout());
        driver.set_status(status::driver_ok);
    }
    /// Runs the queues until nobody asks for more.
    void run()
    {
        while (runner.rung[0] || runner.rung[1]) {
            for (const u32 queue : {0U, 1U})
                if (std::exchange(runner.rung[queue], false)) console.process(queue);
        }
    }
    void print(std::string_view text)
    {
        ram.put(data, text);
        output.offer({
            DriverQueue::Buffer{data, static_cast<u32>(text.size())}
        });
        driver.notify(1);
        run();
    }
    void offer_input(u32 length)
    {
        input.offer({
            DriverQueue::Buffer{data + 0x1000, length, true}
        });
        driver.notify(0);
        run();
    }
    usize type(std::string_view text)
    {
        const usize taken = console.receive({reinterpret_cast<const u8*>(text.data()), text.size()});
        run();
        return taken;
    }
    std::string received(usize size) { return ram.get(data + 0x1000, size); }
    bool needs_reset() const { return (driver.status() & status::device_needs_reset) != 0; }

    FakeLine irq;
    GuestRam ram;
    u64 data{ram.base() + 0x8000};
    DriverQueue input{ram, ram.base()};
    DriverQueue output{ram, ram.base() + 0x4000};
    FakeSink sink;
    FakeRunner runner;
    Console console{
        sink, runner, ConsoleSize{80, 25}
    };
    virtio::MmioTransport transport{console, ram.memory, irq.source};
    MmioDriver driver{transport, ram};
};

TEST_F(VirtioConsole, Clause5_3_Identification)
{
    EXPECT_EQ(driver.reg.read(0x008), 3U);
    EXPECT_EQ(driver.offered(), virtio::feature::of_every_device | 5); // SIZE and EMERG_WRITE, no MULTIPORT
    driver.reg.write(0x030, 2);
    EXPECT_EQ(driver.reg.read(0x034), 0U);
}

TEST_F(VirtioConsole, Clause5_3_4_TheSizeIsConfiguration)
{
    EXPECT_EQ(driver.reg.read(0x100, AccessSize::bytes_2), 80U);
    EXPECT_EQ(driver.reg.read(0x102, AccessSize::bytes_2), 25U);
    EXPECT_EQ(driver.reg.read(0x104), 0U);
    EXPECT_EQ(driver.reg.read(0x108), 0U);
    const u64 generation = driver.reg.read(0x0FC);
    console.resize({80, 25});
    EXPECT_EQ(driver.reg.read(0x0FC), generation);
    console.resize({132, 43});
    EXPECT_NE(driver.reg.read(0x0FC), generation);
    EXPECT_EQ(driver.reg.read(0x100), (43U << 16) | 132U);
    EXPECT_EQ(driver.reg.read(0x060), 2U);
    EXPECT_TRUE(irq.level());
}

TEST_F(VirtioConsole, ADriverIsToldTheSizeWhenItIsReady)
{
    EXPECT_EQ(driver.reg.read(0x060), 0U);
    offer_input(16);
    EXPECT_EQ(driver.reg.read(0x060), 2U);
    driver.reg.write(0x064, 2);
    offer_input(16); // once
    EXPECT_EQ(driver.reg.read(0x060), 0U);
}

TEST_F(VirtioConsole, WithoutATerminalThereIsNoSize)
{
    FakeLine other_irq;
    Console plain(sink, runner, std::nullopt);
    virtio::MmioTransport other(plain, ram.memory, other_irq.source);
    const MmioDriver other_driver(other, ram);
    EXPECT_EQ(other_driver.offered() & 1, 0U);
    plain.resize({10, 10});
    EXPECT_EQ(other_driver.reg.read(0x100), 0U);
}

TEST_F(VirtioConsole, Clause5_3_5_1_AnEmergencyWriteWorksAtAnyTime)
{
    driver.reset();
    driver.reg.write(0x108, 'A');
    driver.reg.write(0x108, 0xFFFF'FF00U | 'B');
    driver.reg.write(0x108, 'C', AccessSize::bytes_1);
    driver.reg.write(0x10A, 'x', AccessSize::bytes_2); // not its low byte
    driver.reg.write(0x10C, 'x');
    driver.reg.write(0x100, 'x'); // the size is not for writing
    EXPECT_EQ(sink.text, "ABC");
    EXPECT_EQ(driver.reg.read(0x100, AccessSize::bytes_2), 80U);
    sink.room = 0;
    driver.reg.write(0x108, 'D'); // lost, and the guest goes on
    EXPECT_EQ(sink.text, "ABC");
}

TEST_F(VirtioConsole, Clause5_3_6_OutputReachesTheSink)
{
    print("hello");
    EXPECT_EQ(sink.text, "hello");
    EXPECT_EQ(output.used(0), (DriverQueue::Used{0, 0}));
    EXPECT_TRUE(irq.level());
    const std::string page(0x1000, 'y');
    print(page);
    EXPECT_EQ(sink.text, "hello" + page);
}

TEST_F(VirtioConsole, OutputWaitsForASinkThatIsFull)
{
    sink.room = 2;
    print("hello");
    EXPECT_EQ(sink.text, "he");
    EXPECT_EQ(output.used_index(), 0);
    EXPECT_EQ(runner.rings, 1U); // nobody polls
    output.offer(
        {
            DriverQueue::Buffer{data, 5}
    },
        4);
    driver.notify(1);
    run();
    EXPECT_EQ(sink.text, "he");
    sink.room = ~usize{0};
    console.transmit_ready();
    run();
    EXPECT_EQ(sink.text, "hellohello");
    EXPECT_EQ(output.used_index(), 2);
}

TEST_F(VirtioConsole, HeldBackOutputEndsWithAReset)
{
    sink.room = 2;
    print("hello");
    start();
    sink.room = ~usize{0};
    console.transmit_ready();
    run();
    EXPECT_EQ(sink.text, "he");
    EXPECT_EQ(output.used_index(), 0);
    print("again");
    EXPECT_EQ(sink.text, "heagain");
    EXPECT_EQ(output.used_index(), 1);
}

TEST_F(VirtioConsole, EndlessOutputIsServedInTurns)
{
    output.offer({
        DriverQueue::Buffer{ram.base(), 0x3'0000}
    });
    driver.notify(1);
    runner.rung[1] = false;
    console.process(1);
    EXPECT_LT(sink.text.size(), 0x3'0000U);
    EXPECT_TRUE(runner.rung[1]); // it asks to be called again
    run();
    EXPECT_EQ(sink.text.size(), 0x3'0000U);
    EXPECT_EQ(output.used_index(), 1);
}

TEST_F(VirtioConsole, Clause5_3_6_InputFillsBuffers)
{
    offer_input(3);
    EXPECT_EQ(input.used_index(), 0); // kept until there is something
    EXPECT_EQ(type("hello"), 5U);
    EXPECT_EQ(input.used(0), (DriverQueue::Used{0, 3}));
    EXPECT_EQ(received(3), "hel");
    EXPECT_TRUE(irq.level());
    offer_input(100);
    EXPECT_EQ(input.used(1), (DriverQueue::Used{0, 2}));
    EXPECT_EQ(received(2), "lo");
}

TEST_F(VirtioConsole, InputWithoutBuffersIsHeldAndThenRefused)
{
    EXPECT_FALSE(console.receive_attended());
    const std::string flood(Console::input_capacity + 10, 'z');
    EXPECT_EQ(type(flood), Console::input_capacity);
    EXPECT_EQ(console.receive_room(), 0U);
    EXPECT_EQ(type("more"), 0U);
    const unsigned before = sink.ready_calls;
    offer_input(1);
    EXPECT_GT(sink.ready_calls, before);
    EXPECT_TRUE(console.receive_attended());
    EXPECT_EQ(console.receive_room(), 1U);
    offer_input(0x1000);
    EXPECT_EQ(input.used(1), (DriverQueue::Used{0, Console::input_capacity - 1}));
}

TEST_F(VirtioConsole, TheSinkIsToldWhenADriverComes)
{
    EXPECT_FALSE(console.receive_attended());
    offer_input(16);
    EXPECT_EQ(sink.ready_calls, 1U);
    EXPECT_TRUE(console.receive_attended());
    start();
    EXPECT_FALSE(console.receive_attended());
}

TEST_F(VirtioConsole, InputOutlivesAReset)
{
    EXPECT_EQ(type("keep"), 4U);
    start();
    offer_input(16);
    EXPECT_EQ(received(4), "keep");
}

TEST_F(VirtioConsole, Clause5_3_6_1_BuffersOfTheWrongKindBreakTheirQueue)
{
    output.offer({
        DriverQueue::Buffer{data, 4, true}
    });
    driver.notify(1);
    run();
    EXPECT_TRUE(needs_reset());
    EXPECT_EQ(output.used_index(), 0);
    offer_input(4); // the other one goes on
    EXPECT_EQ(type("abcd"), 4U);
    EXPECT_EQ(input.used(0), (DriverQueue::Used{0, 4}));
    start();
    input.offer({
        DriverQueue::Buffer{data, 4}
    });
    driver.notify(0);
    EXPECT_EQ(type("abcd"), 4U);
    EXPECT_TRUE(needs_reset());
    print("on");
    EXPECT_EQ(sink.text, "on");
}

TEST_F(VirtioConsole, BuffersThatAreNotRamComeBackAndInputIsKept)
{
    output.offer({
        DriverQueue::Buffer{data,      2  },
        DriverQueue::Buffer{ram.end(), 100}
    });
    driver.notify(1);
    run();
    EXPECT_EQ(output.used_index(), 1);
    EXPECT_EQ(type("abc"), 3U);
    input.offer({
        DriverQueue::Buffer{ram.end() - 1, 3, true}
    });
    driver.notify(0);
    run();
    EXPECT_EQ(input.used(0), (DriverQueue::Used{0, 0}));
    offer_input(8);
    EXPECT_EQ(input.used(1), (DriverQueue::Used{0, 3}));
    EXPECT_EQ(received(3), "abc");
    EXPECT_FALSE(needs_reset());
}

TEST_F(VirtioConsole, EmptyBuffersComeBackAtOnce)
{
    print("");
    EXPECT_EQ(output.used_index(), 1);
    EXPECT_EQ(type("a"), 1U);
    offer_input(0);
    EXPECT_EQ(input.used(0), (DriverQueue::Used{0, 0}));
    offer_input(1);
    EXPECT_EQ(received(1), "a");
}

} // namespace
} // namespace gimbal::test
